"""The wire format between server and stations, version 1 (`/api/v1`).

Both sides import this module and nothing of each other. Instants are RFC 3339 in UTC with
milliseconds; unknown fields are ignored, so either side may be the newer one.
"""

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
Order = Literal["volume", "stop", "restart", "test_tone", "sync"]
REASONS: tuple[str, ...] = get_args(Reason)
MEDIA_TYPES: dict[str, str] = {"mp3": "audio/mpeg", "opus": "audio/ogg"}
MAX_REPORTS_A_CALL = 500
MAX_WAIT_SECONDS = 55
MAX_ITEMS = 500
MAX_AIRING_SECONDS = 172_800.0
_MAX_INT = 2**31 - 1


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
    """One thing that sounds within an airing: `at` seconds after its start, for `seconds`."""

    at: Annotated[float, Field(ge=0, le=MAX_AIRING_SECONDS)]
    seconds: Annotated[float, Field(gt=0, le=86_400)]
    title: Annotated[str, Field(max_length=300)] = ""
    clip: ClipFiles | None = None
    relay: Annotated[str, Field(max_length=500)] | None = None
    fallback: ClipFiles | None = None


class Ticket(Wire):
    """An airing as the server signs it: what, when, for whom, and who answers for it.

    `occurrence` names the slot's instant that this airing realises. When a changed programme makes the
    server issue the same occurrence anew under another `id`, a station still plays it only once.
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

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, serialize_by_alias=True)


QuietHours = Annotated[list[tuple[str, str]], Field(max_length=20)]


class StationSettings(Wire):
    """What a station itself enforces. `audience` lists every name this station answers to in `for`."""

    volume: Annotated[int, Field(ge=0, le=100)] = 70
    max_volume: Annotated[int, Field(ge=0, le=100)] = 100
    quiet_hours: QuietHours = []
    zone: str = "Asia/Ho_Chi_Minh"
    codec: Codec = "opus"
    languages: list[str] = ["vi"]
    audience: list[str] = []


class PlanDocument(Wire):
    plan: Literal[1] = 1
    station: str
    issued_at: Instant
    until: Instant
    settings: StationSettings
    airings: list[str]


class Command(Wire):
    id: str
    do: Order
    value: Any = None


class NowDocument(Wire):
    seq: int
    plan: str
    interrupts: list[str] = []
    withdrawn: list[str] = []
    commands: list[Command] = []


class Device(Wire):
    serial: Annotated[str, Field(max_length=100)] = ""
    model: Annotated[str, Field(max_length=100)] = ""
    software: Annotated[str, Field(max_length=100)] = ""


class Enrolment(Wire):
    code: Annotated[str, Field(min_length=1, max_length=40)]
    device: Device = Device()


class Enrolled(Wire):
    station: str
    token: str
    name: str
    unit_path: list[str]
    server_keys: list[dict[str, Any]]


class Report(Wire):
    """What one station says became of one item of one airing. `id` is a UUID the station makes once."""

    id: Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{32,36}$")]
    airing: Id
    item: Annotated[int, Field(ge=0, le=10_000)]
    outcome: Outcome
    reason: Reason | None = None
    started_at: Instant
    ended_at: Instant
    seconds: Annotated[float, Field(ge=0, le=172_800)]
    volume: Annotated[int, Field(ge=0, le=100)] = 0
    peak_db: Annotated[float, Field(ge=-200, le=20)] | None = None


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
    """A station's state, every 60 s. Every field may be missing: an old device still counts as heard."""

    playing: Annotated[str, Field(max_length=80)] | None = None
    item: Annotated[int, Field(ge=0, le=_MAX_INT)] | None = None
    volume: Annotated[int, Field(ge=0, le=100)] | None = None
    plan: Annotated[str, Field(max_length=100)] | None = None
    seq: Annotated[int, Field(ge=-1, le=_MAX_INT)] | None = None
    acknowledged: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=500)] = []
    clock_offset_ms: Finite | None = None
    free_bytes: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    temperature_c: Finite | None = None
    uptime_s: Finite | None = None
    software: Annotated[str, Field(max_length=100)] | None = None
    ready_until: Instant | None = None


class TimeAnswer(Wire):
    received_at: Instant
    sent_at: Instant


class ErrorBody(Wire):
    code: str
    message: str
    fields: dict[str, str] | None = None


class ErrorAnswer(Wire):
    error: ErrorBody


def audience_of(station: str, unit_path: list[str], groups: list[str]) -> list[str]:
    """Every name in a ticket's `for` that means this station: itself, each unit above it, its groups."""
    return [f"station:{station}", *(f"unit:{code}" for code in unit_path), *(f"group:{code}" for code in groups)]


def is_for(ticket: Ticket, audience: set[str]) -> bool:
    return not audience.isdisjoint(ticket.audience)
