"""The wire format between server and stations, version 1 (`/api/v1`).

Both sides import this module and nothing of each other. Instants are RFC 3339 in UTC with
milliseconds; unknown fields are ignored, so either side may be the newer one.
"""

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from core.clock import format_instant


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc), PlainSerializer(format_instant, return_type=str)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, Field(min_length=1, max_length=80)]

Codec = Literal["mp3", "opus"]
Kind = Literal["programme", "emergency", "live", "test"]
Priority = Literal["ordinary", "priority", "emergency"]
Late = Literal["join", "play", "skip"]
Outcome = Literal["played", "partial", "missed", "refused"]
Reason = Literal[
    "offline", "no_audio", "bad_audio", "bad_signature", "not_for_me", "quiet_hours", "preempted", "withdrawn",
    "clock", "power", "relay_down", "late", "player_error",
]  # fmt: skip
Heard = Literal["yes", "no", "unsure"]
Order = Literal["volume", "stop", "restart", "test_tone", "sync"]
REASONS: tuple[str, ...] = get_args(Reason)
MEDIA_TYPES: dict[str, str] = {"mp3": "audio/mpeg", "opus": "audio/ogg"}
# Before an airing's id, in the books of both sides: taken note of as withdrawn.
AS_WITHDRAWN = "withdrawn:"
# Before every name in the `for` of a standing ticket: to a device that doesn't know of them it is for nobody.
STANDING = "standing:"
# Before the id of what was started at a station itself.
STARTED_HERE = "loc_"
MAX_REPORTS_A_CALL = 500
MAX_WAIT_SECONDS = 55
MAX_ITEMS = 500
MAX_KEYS = 20
MAX_STANDING = 100
MAX_SIGNALS = 8
MAX_TIMES = 100
MAX_AIRING_SECONDS = 172_800.0
_MAX_INT = 2**31 - 1


def _is_none(value: object) -> bool:
    """For fields that few documents have: the others don't pay for their names on a SIM card."""
    return value is None


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class AudioFile(Wire):
    """One encoded file, named by the SHA-256 of its bytes."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]


class ClipFiles(Wire):
    mp3: AudioFile
    opus: AudioFile

    def in_codec(self, codec: Codec) -> AudioFile:
        return self.opus if codec == "opus" else self.mp3


class Item(Wire):
    """One thing that sounds within an airing: `at` seconds after its start, for `seconds`.

    It does not start at or after `not_after`, also when the airing as a whole may still be played late. `language` is
    told in standing tickets alone. What an emergency says again belongs to a `round`, counted from 0: once a later
    round has begun, nothing of an earlier one begins any more. What only `leads` in (a signal, words about the message)
    is given up once something behind it in its round has begun.
    """

    at: Annotated[float, Field(ge=0, le=MAX_AIRING_SECONDS)]
    seconds: Annotated[float, Field(gt=0, le=86_400)]
    title: Annotated[str, Field(max_length=300)] = ""
    clip: ClipFiles | None = None
    relay: Annotated[str, Field(max_length=500)] | None = None
    fallback: ClipFiles | None = None
    not_after: Instant | None = None
    language: Annotated[str, Field(max_length=12)] | None = Field(default=None, exclude_if=_is_none)
    round: Annotated[int, Field(ge=0, le=MAX_ITEMS)] | None = Field(default=None, exclude_if=_is_none)
    leads: bool | None = Field(default=None, exclude_if=_is_none)


class Ticket(Wire):
    """An airing as the server signs it: what, when, for whom, and who answers for it.

    `occurrence` names the slot's instant that this airing realises. When a changed programme makes the
    server issue the same occurrence anew under another `id`, a station still plays it only once. `lifted` names the
    limits of the place that a person let this airing break (`quiet_hours`, `hours`, `weekdays`…). `since` is when it
    was put on the timetable: of those that a limit leaves no room for together, the one that was there first plays.
    `standing` is the kind of a prepared message that stations keep (`core.standing`): never played by itself.
    `severity` (`core.standing.SEVERITIES`) says which of two emergencies sounds; without it one is as grave as can be.
    """

    id: Id
    kind: Kind
    priority: Priority
    starts_at: Instant
    ends_at: Instant
    late: Late
    volume: Annotated[int, Field(ge=0, le=100)] | None = None
    audience: Annotated[list[str], Field(alias="for", max_length=5_000)]
    items: Annotated[list[Item], Field(min_length=1, max_length=MAX_ITEMS)]
    approved_by: str
    issued_at: Instant
    not_after: Instant
    occurrence: str | None = None
    lifted: Annotated[list[str], Field(max_length=20)] = []
    since: Instant | None = None
    standing: Annotated[str, Field(max_length=20)] | None = Field(default=None, exclude_if=_is_none)
    severity: Annotated[str, Field(max_length=20)] | None = Field(default=None, exclude_if=_is_none)

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, serialize_by_alias=True)


QuietHours = Annotated[list[tuple[str, str]], Field(max_length=20)]


class UnitLimits(Wire):
    """What the station's unit allows of programmes, besides quiet hours and volume; None is not limited.

    `weekdays` as MO to SU; `earliest` and `latest` as local `HH:MM` (these hours stand in `quiet_hours` too).
    """

    weekdays: Annotated[list[Annotated[str, Field(max_length=10)]], Field(max_length=20)] | None = None
    earliest: Annotated[str, Field(max_length=8)] | None = None
    latest: Annotated[str, Field(max_length=8)] | None = None
    sessions_a_day: Annotated[int, Field(ge=0)] | None = None
    session_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


Named = Annotated[str, Field(min_length=1, max_length=120)]


class StationSettings(Wire):
    """What a station itself enforces. `audience` lists every name this station answers to in `for`.

    `limits` is missing in plans of older servers. Of each pair in `order` the first goes before the second where they
    meet with the same priority (`core.ordering`). `spread_s` is over how long stations spread their downloads.
    """

    volume: Annotated[int, Field(ge=0, le=100)] = 70
    max_volume: Annotated[int, Field(ge=0, le=100)] = 100
    quiet_hours: QuietHours = []
    zone: str = "Asia/Ho_Chi_Minh"
    codec: Codec = "opus"
    languages: list[str] = ["vi"]
    audience: list[str] = []
    limits: UnitLimits | None = None
    order: Annotated[list[tuple[Named, Named]], Field(max_length=2_000)] = []
    spread_s: Annotated[int, Field(ge=0, le=86_400)] | None = None


class KeySetDocument(Wire):
    """The public keys (JWK) that are to be trusted from now on. Of two sets the one of the higher version holds."""

    version: Annotated[int, Field(ge=1, le=2**53)]
    server_keys: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_KEYS)]


class SettingsDocument(Wire):
    """The settings of one station, to be signed."""

    station: str
    issued_at: Instant
    settings: StationSettings


class PlanDocument(Wire):
    """What one station plays. `keys` are sets of trusted keys (`KeySetDocument`), each signed by another key.

    `signed_settings` is the JWS of the same settings (`SettingsDocument`); where it is there, it counts. `signals` is
    audio that lies here ahead of any emergency, so that its first sound waits for no download.
    """

    plan: Literal[1] = 1
    station: str
    issued_at: Instant
    until: Instant
    settings: StationSettings
    airings: list[str]
    keys: list[str] = []
    signed_settings: str | None = Field(default=None, exclude_if=_is_none)
    standing: Annotated[list[str], Field(max_length=MAX_STANDING)] = []
    signals: Annotated[list[ClipFiles], Field(max_length=MAX_SIGNALS)] = []


class Command(Wire):
    id: str
    do: Order
    value: Any = None


class NowDocument(Wire):
    """What must happen now. With `renew_token` the server asks for `POST /token`."""

    seq: int
    plan: str
    interrupts: list[str] = []
    withdrawn: list[str] = []
    commands: list[Command] = []
    renew_token: bool = False


class Device(Wire):
    serial: Annotated[str, Field(max_length=100)] = ""
    model: Annotated[str, Field(max_length=100)] = ""
    software: Annotated[str, Field(max_length=100)] = ""


class Enrolment(Wire):
    code: Annotated[str, Field(min_length=1, max_length=40)]
    device: Device = Device()


class Enrolled(Wire):
    """What a station gets for its code. Until it is `confirmed` by a person it gets no airings and no audio."""

    station: str
    token: str
    name: str
    unit_path: list[str]
    server_keys: list[dict[str, Any]]
    confirmed: bool = True


class RenewedToken(Wire):
    """A station's next token. The one it asked with holds until this one was used once."""

    token: Annotated[str, Field(min_length=20, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class StartedHere(Wire):
    """A prepared message that somebody started at the station itself: which, when, how often, in which languages."""

    message: Id
    started_at: Instant
    times: Annotated[int, Field(ge=1, le=MAX_TIMES)]
    languages: Annotated[list[Annotated[str, Field(max_length=12)]], Field(max_length=20)] = []
    volume: Annotated[int, Field(ge=0, le=100)]


class Report(Wire):
    """What one station says became of one item of one airing. `id` is a UUID the station makes once.

    Where a limit of its unit kept it silent, `reason` is `quiet_hours` and `limit` says which (`core.allowed`).
    Where a microphone listens, `heard` says whether what was played was heard, and `heard_db` how loud it was there.
    `started_here` is told of what the server does not know of yet: an airing that began at the station itself.
    """

    id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{32,36}$")]
    airing: Id
    item: Annotated[int, Field(ge=0, le=10_000)]
    outcome: Outcome
    reason: Reason | None = None
    limit: Annotated[str, Field(max_length=40)] | None = None
    started_at: Instant
    ended_at: Instant
    seconds: Annotated[float, Field(ge=0, le=172_800)]
    volume: Annotated[int, Field(ge=0, le=100)] = 0
    peak_db: Annotated[float, Field(ge=-200, le=20)] | None = None
    heard: Heard | None = Field(default=None, exclude_if=_is_none)
    heard_db: Annotated[float, Field(ge=-200, le=20)] | None = Field(default=None, exclude_if=_is_none)
    started_here: StartedHere | None = Field(default=None, exclude_if=_is_none)


class ReportBatch(Wire):
    reports: Annotated[list[Report], Field(max_length=MAX_REPORTS_A_CALL)]


class RefusedReport(Wire):
    """A report that the server will never keep, and why; the station may forget it."""

    id: str
    code: str = ""


class Accepted(Wire):
    accepted: list[str]
    refused: list[RefusedReport] = []


class Heartbeat(Wire):
    """A station's state, every 60 s. Every field may be missing: an old device still counts as heard.

    `withdrawn` lists those of `acknowledged` that the station has as withdrawn: of an emergency it may have taken note
    twice, once to play it and once to stop it. `faults` are what keeps the station from its work, by stable words;
    `standing` the prepared messages whose audio lies here whole. `received_bytes` and `sent_bytes` are those of
    `month` (`2026-11`, in the station's zone). `playing_since` is when the first sample of the item that plays left.
    """

    playing: Annotated[str, Field(max_length=80)] | None = None
    item: Annotated[int, Field(ge=0, le=_MAX_INT)] | None = None
    playing_since: Instant | None = Field(default=None, exclude_if=_is_none)
    volume: Annotated[int, Field(ge=0, le=100)] | None = None
    plan: Annotated[str, Field(max_length=100)] | None = None
    seq: Annotated[int, Field(ge=-1, le=_MAX_INT)] | None = None
    acknowledged: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=500)] = []
    withdrawn: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=500)] | None = None
    clock_offset_ms: Finite | None = None
    free_bytes: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    temperature_c: Finite | None = None
    uptime_s: Finite | None = None
    software: Annotated[str, Field(max_length=100)] | None = None
    keys: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MAX_KEYS)] | None = None
    ready_until: Instant | None = None
    faults: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20)] | None = None
    standing: Annotated[list[Id], Field(max_length=MAX_STANDING)] | None = None
    month: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")] | None = None
    received_bytes: Annotated[int, Field(ge=0, le=2**53)] | None = None
    sent_bytes: Annotated[int, Field(ge=0, le=2**53)] | None = None


class TimeAnswer(Wire):
    received_at: Instant
    sent_at: Instant


class BrokerAnswer(Wire):
    """Where a station may listen by MQTT, as whom, and to what; `online` is where it says that it is there."""

    url: Annotated[str, Field(max_length=300)]
    username: Annotated[str, Field(max_length=100)] = ""
    password: Annotated[str, Field(max_length=200)] = ""
    keepalive_s: Annotated[int, Field(ge=5, le=3_600)] = 45
    topics: Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=50)]
    online: Annotated[str, Field(max_length=300)]


class ErrorBody(Wire):
    code: str
    message: str
    fields: dict[str, str] | None = None


class ErrorAnswer(Wire):
    error: ErrorBody


def audience_of(station: str, unit_path: list[str], groups: list[str]) -> list[str]:
    """Every name in a ticket's `for` that means this station: itself, each unit above it, its groups."""
    return [f"station:{station}", *(f"unit:{code}" for code in unit_path), *(f"group:{code}" for code in groups)]


def is_for(ticket: Ticket, audience: AbstractSet[str]) -> bool:
    return not audience.isdisjoint(ticket.audience)
