"""What a drill finds at one station, told of what the station said. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from alerts.drills_models import SILENT

Verdict = Literal["ok", "repair", "quiet"]

# What needs a hand before the next real alarm, gravest first; then what is worth knowing.
REPAIR = (
    "no_answer", "not_played", "refused", "no_report", "nothing_went_out", "not_heard", "fault", "old_keys", "no_clock",
)  # fmt: skip
REMARKS = ("partly", "slow", "messages_missing", "audio_missing", "little_room", "hot", "heard_unsure")
FINDINGS = REPAIR + REMARKS
SLOW_S = 60.0
NOTHING_DB = -60.0  # of the highest sample that went out: a microphone's own noise lies above
LITTLE_ROOM_BYTES = 200e6
HOT_C = 80.0
_READY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Played:
    """What a station reported of one item of the drill."""

    outcome: str
    reason: str | None
    started_at: datetime
    peak_db: float | None = None
    heard: str | None = None
    heard_db: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a station: when it acknowledged, its reports, and what its last heartbeat said.

    `heard_at` is that heartbeat's instant. None or empty is what a device doesn't say.
    """

    acknowledged_at: datetime | None = None
    played: Sequence[Played] = ()
    items: int = 1
    heard_at: datetime | None = None
    faults: Collection[str] = ()
    keys: Collection[str] | None = None
    standing: Collection[str] | None = None
    wanted_standing: Collection[str] = ()
    ready_until: datetime | None = None
    free_bytes: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The judgement: see `alerts.drills_models.DrillCheck`."""

    verdict: Verdict
    findings: tuple[str, ...]
    outcome: str
    reason: str | None
    told_s: float | None
    sounded_s: float | None
    peak_db: float | None
    heard: str | None
    heard_db: float | None


def judged(told: Told, kind: str, begun_at: datetime, key: str, now: datetime) -> Found:
    """What a drill of `kind` that began at `begun_at` found at a station; `key` signs the server's tickets."""
    outcome, reason = _outcome(told)
    sounded = [each for each in told.played if each.outcome in {"played", "partial"}]
    peak = max((each.peak_db for each in sounded if each.peak_db is not None), default=None)
    heard = [each for each in told.played if each.heard is not None]
    by_microphone = next((word for word in ("yes", "unsure", "no") if any(e.heard == word for e in heard)), None)
    told_s = _seconds(told.acknowledged_at, begun_at)
    sounded_s = _seconds(min((each.started_at for each in sounded), default=None), begun_at)
    found: set[str] = set()
    if told.acknowledged_at is None and not told.played and (told.heard_at is None or told.heard_at < begun_at):
        found.add("no_answer")
    elif not told.played:
        found.add("no_report")
    elif outcome in {"missed", "refused"} and reason != "quiet_hours":
        found.add("no_clock" if reason == "clock" else "refused" if outcome == "refused" else "not_played")
    if outcome == "partial":
        found.add("partly")
    if kind != SILENT:
        found |= _of_sound(peak, by_microphone)
    if sounded_s is not None and sounded_s > SLOW_S:
        found.add("slow")
    found |= _of_state(told, begun_at, key, now)
    findings = tuple(each for each in FINDINGS if each in found)
    quiet = outcome in {"missed", "refused"} and reason == "quiet_hours"
    verdict: Verdict = "repair" if found.intersection(REPAIR) else "quiet" if quiet else "ok"
    loudness = max((each.heard_db for each in heard if each.heard_db is not None), default=None)
    return Found(verdict, findings, outcome, reason, told_s, sounded_s, peak, by_microphone, loudness)


def _outcome(told: Told) -> tuple[str, str | None]:
    """What became of the drill as a whole: that of all its items together, and the reason of the first that failed."""
    if not told.played:
        return "", None
    wrong = [each for each in told.played if each.outcome != "played"]
    reason = wrong[0].reason if wrong else None
    if not wrong:
        return ("played" if len(told.played) >= told.items else "partial"), None
    if len(wrong) < len(told.played) or any(each.outcome == "partial" for each in wrong):
        return "partial", reason
    return wrong[0].outcome, reason


def _of_sound(peak_db: float | None, heard: str | None) -> set[str]:
    found = set()
    if peak_db is not None and peak_db <= NOTHING_DB:
        found.add("nothing_went_out")
    if heard == "no":
        found.add("not_heard")
    if heard == "unsure":
        found.add("heard_unsure")
    return found


def _of_state(told: Told, begun_at: datetime, key: str, now: datetime) -> set[str]:
    """What its last heartbeat says, if that came since the drill began."""
    if told.heard_at is None or told.heard_at < begun_at:
        return set()
    found = set()
    if told.faults:
        found.add("fault")
    if told.keys is not None and key not in told.keys:
        found.add("old_keys")
    if told.standing is not None and not set(told.wanted_standing) <= set(told.standing):
        found.add("messages_missing")
    if told.ready_until is not None and told.ready_until < now + _READY:
        found.add("audio_missing")
    if told.free_bytes is not None and told.free_bytes < LITTLE_ROOM_BYTES:
        found.add("little_room")
    if told.temperature_c is not None and told.temperature_c > HOT_C:
        found.add("hot")
    return found


def _seconds(at: datetime | None, since: datetime) -> float | None:
    """From `since` to `at`, not less than 0: a clock may be a little off."""
    return None if at is None else round(max(0.0, (at - since).total_seconds()), 3)
