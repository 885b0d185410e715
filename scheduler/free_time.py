"""When there is room: the first instant at which a wish meets nothing and keeps every limit.

Looked for within eight days, which holds every weekday; timetables repeat by the week.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.clock import zone as known_zone
from registry import units
from registry.models import Unit
from registry.units import Inherited
from scheduler import reservations, sessions
from scheduler.checks import Neighbours
from scheduler.clashes import Span, first_overlap
from scheduler.series import Occurrence
from scheduler.wishes import Understood

REACH = timedelta(days=8)
_MINUTE, _STEP, _CROWD = timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15)
_NEAR = timedelta(days=2)
_MOST_LOOKS = 3_000  # at a place: eight days of five minutes, for one
_MOST_SHIFTS = 24
_SAMPLED = 40  # occurrences of a rule that a shifted one is held against
Place = tuple[Inherited, ZoneInfo]


def places(session: Session, wanted: Understood, default_zone: str) -> list[Place]:
    """What holds where the wish sounds, each once."""
    found: dict[tuple[str, ...], Place] = {}
    for unit in _once(wanted.heard.units):
        held = units.inherited(units.ancestors(session, unit), default_zone)
        found.setdefault((repr(held),), (held, known_zone(held.zone)))
    return list(found.values())


def _once(rows: Sequence[Unit]) -> list[Unit]:
    return list({unit.id: unit for unit in rows}.values())


def whole_minute(instant: datetime, step: timedelta = _MINUTE) -> datetime:
    """`instant`, or the next whole step of minutes after it."""
    down = instant.replace(second=0, microsecond=0)
    minutes = int(step.total_seconds() // 60)
    down -= timedelta(minutes=down.minute % minutes)
    return down if down >= instant else down + step


def first_free(
    session: Session, wanted: Understood, beside: Neighbours, held: Sequence[Place], start: datetime,
    *, reach: timedelta = REACH,
) -> datetime | None:  # fmt: skip
    """The first whole minute from `start` on at which one airing of the wish has room; None within `reach`.

    `beside` has to be laid out around that stretch. What has priority is met by nothing either.
    """
    long = timedelta(seconds=max(wanted.seconds, 1.0))
    others = sorted(span for spans in beside.spans.values() for span in spans)
    at, last = whole_minute(start), start + reach
    looks = _MOST_LOOKS
    while at <= last and looks > 0:
        looks -= max(len(held), 1)
        span = Span(at, at + long, "")
        taken = first_overlap([span], others)
        if taken is not None:
            at = whole_minute(max(taken[1].end, at + _MINUTE))
            continue
        step = _broken(held, span, others)
        if step is None:
            reserved = next(reservations.met(session, replace(wanted, coming=[_occurrence(wanted, at)])), None)
            if reserved is None:
                return at
            at = whole_minute(max(reserved[2], at + _MINUTE))
            continue
        if step == timedelta(0):
            return None
        at = whole_minute(at + step, _STEP)
    return None


def _occurrence(wanted: Understood, at: datetime) -> Occurrence:
    return Occurrence(at, at, wanted.series.programme_id, None)


def _broken(held: Sequence[Place], span: Span, others: Sequence[Span]) -> timedelta | None:
    """How far on to look, since a limit is broken here; nothing where it would be broken everywhere, None where not."""
    near = [each for each in others if abs(each.start - span.start) < _NEAR]
    for rules, where in held:
        limits = {limit for limit, _ in sessions.broken(rules, where, span)}
        if "session_minutes" in limits:
            return timedelta(0)
        if "weekdays" in limits:
            local = span.start.astimezone(where)
            midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            return max(midnight - local, _MINUTE)
        if limits:
            return _STEP
        if any(True for _ in sessions.crowded(rules, where, [span], near)):
            return _CROWD
    return None


def other_time(
    session: Session, wanted: Understood, beside: Neighbours, held: Sequence[Place], problem: datetime
) -> datetime | None:
    """For a rule that meets something at `problem`: when that airing could begin so that all of its kind have room.

    None within the same day. What is returned lies after `problem`; the whole rule is shifted by as much.
    """
    first = next((each.starts_at for each in wanted.coming if each.starts_at >= problem - timedelta(days=1)), problem)
    others = sorted(span for spans in beside.spans.values() for span in spans)
    at: datetime | None = first
    for _ in range(_MOST_SHIFTS):
        at = first_free(session, wanted, beside, held, at or first, reach=timedelta(hours=16))
        if at is None:
            return None
        shift = at - first
        moved = replace(wanted, coming=[replace(e, starts_at=e.starts_at + shift) for e in wanted.coming[:_SAMPLED]])
        taken = first_overlap(moved.spans, others)
        if taken is None and not any(_broken(held, span, others) for span in moved.spans[:7]):
            return at
        at += _STEP if taken is None else max(taken[1].end - taken[0].start, _STEP)
    return None
