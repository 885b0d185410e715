"""The parts of an explanation: who wanted an instant at a station, who has it, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import format_instant
from registry.models import Station, Unit
from scheduler.claims import Claim, Piece
from scheduler.models import Airing
from scheduler.reasons import Because, because, said


@dataclass(frozen=True)
class Piecewise:
    """One item of what sounds, with when it does."""

    title: str
    language: str
    since: datetime
    until: datetime


@dataclass
class Candidate:
    """An airing, or an occurrence without one, that wanted the instant; `why` says what became of that."""

    airing: str | None
    slot: str | None
    title: str
    unit: str
    kind: str
    priority: str
    starts_at: datetime
    ends_at: datetime
    late: str
    state: str
    approved_by: str = ""
    languages: str = ""
    programme: str | None = None
    why: list[Because] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """What the station reported of an item around the instant."""

    airing: str
    title: str
    outcome: str
    reason: str | None
    started_at: datetime
    ended_at: datetime


@dataclass
class Explanation:
    """`winner` sounds at `at`, its `item` from `since` until `until`; without one, `why` says why it is silent."""

    station: Station
    unit: Unit
    zone: ZoneInfo
    at: datetime
    winner: Candidate | None = None
    item: Piecewise | None = None
    since: datetime | None = None
    until: datetime | None = None
    why: list[Because] = field(default_factory=list)
    lost: list[Candidate] = field(default_factory=list)
    reported: list[Said] = field(default_factory=list)
    following: Candidate | None = None


def claim_of_airing(airing: Airing, since: Mapping[str, datetime]) -> Claim:
    """The claim that a signed airing makes, or made until it was withdrawn; `since` is when slots were made, by id."""
    pieces = tuple(
        Piece(
            float(item["at"]), float(item["seconds"]), _sound(item), _run_out(item), item.get("round"),
            bool(item.get("leads")),
        )
        for item in airing.items
    )  # fmt: skip
    occurrence = f"{airing.slot_id}@{format_instant(airing.occurrence_at)}" if airing.occurrence_at else None
    return Claim(
        airing.id, "emergency" in {airing.kind, airing.priority}, airing.priority, airing.starts_at, airing.not_after,
        airing.late, airing.issued_at or airing.created_at, pieces, occurrence, airing.withdrawn_at,
        frozenset(airing.lifted), since.get(airing.slot_id or ""), airing.kind == "test",
        airing.severity, airing.kind == "live",
    )  # fmt: skip


def _run_out(item: Mapping[str, Any]) -> datetime | None:
    return datetime.fromisoformat(item["not_after"]) if item.get("not_after") else None


def _sound(item: Mapping[str, Any]) -> str:
    clip = item.get("clip") or {}
    return str(clip.get("mp3", {}).get("sha256", ""))


_LIMITS = {
    "rendering", "not_ready", "audio_failed", "nothing_approved", "too_long", "quiet_hours", "hours", "weekdays",
    "session_minutes", "sessions_a_day",
}  # fmt: skip


def unsigned(reason: str) -> Because:
    """Why an airing is not signed, from the reason its row gives."""
    return because(f"unsigned_{reason}") if reason in _LIMITS else because("unsigned_other", why=reason or "–")


def written(told: Explanation, translate: Callable[[str], str]) -> dict[str, Any]:
    """The explanation for JSON: reasons as codes with their sentences; instants in RFC 3339, in sentences local."""

    def when(instant: datetime) -> str:
        return instant.astimezone(told.zone).strftime("%d/%m/%Y %H:%M:%S")

    def candidate(found: Candidate | None) -> dict[str, Any] | None:
        if found is None:
            return None
        return {
            "airing": found.airing, "slot": found.slot, "programme": found.programme, "title": found.title,
            "unit": found.unit, "kind": found.kind, "priority": found.priority,
            "starts_at": format_instant(found.starts_at), "ends_at": format_instant(found.ends_at), "late": found.late,
            "state": found.state, "approved_by": found.approved_by, "languages": found.languages,
            "because": reasons(found.why),
        }  # fmt: skip

    def reasons(found: Sequence[Because]) -> list[dict[str, str]]:
        return [{"code": each.code, "message": said(each, translate, when)} for each in found]

    item = told.item
    return {
        "station": told.station.id,
        "name": told.station.name,
        "zone": told.zone.key,
        "at": format_instant(told.at),
        "winner": candidate(told.winner),
        "item": {
            "title": item.title, "language": item.language, "since": format_instant(item.since),
            "until": format_instant(item.until),
        } if item else None,
        "since": format_instant(told.since) if told.since else None,
        "until": format_instant(told.until) if told.until else None,
        "because": reasons(told.why),
        "lost": [candidate(each) for each in told.lost],
        "reported": [
            {
                "airing": each.airing, "title": each.title, "outcome": each.outcome, "reason": each.reason,
                "started_at": format_instant(each.started_at), "ended_at": format_instant(each.ended_at),
            }
            for each in told.reported
        ],
        "next": candidate(told.following),
    }  # fmt: skip
