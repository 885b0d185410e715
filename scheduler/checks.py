"""What a wish would meet: other slots at the same stations, time reserved above, limits of the places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.allowed import Limit
from core.clock import zone as known_zone
from playlists import libraries, resolving
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, reservations, series, sessions
from scheduler.clashes import Span, first_overlap
from scheduler.models import Slot, SlotTarget
from scheduler.series import length, occurring
from scheduler.wishes import MAX_LOOKED_AT, Understood

# Sessions of a day are counted this far ahead: timetables repeat by the week and by the month.
_DAYS_COUNTED = timedelta(days=35)
_DAY = timedelta(days=1)  # what else sounds on the same day counts too


@dataclass
class Neighbours:
    """The other slots that share a station with a wish, and when they sound."""

    slots: list[Slot] = field(default_factory=list)
    spans: dict[str, list[Span]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    priorities: dict[str, str] = field(default_factory=dict)


def neighbours(session: Session, wanted: Understood, leave_out: frozenset[str] = frozenset()) -> Neighbours:
    """Read the slots that meet a station of the wish, and lay out their spans around its own."""
    related = sorted(audience.related_names(session, wanted.heard.names))
    candidates: dict[str, Slot] = {}
    for start in range(0, len(related), 400):
        query = (
            select(Slot)
            .join(SlotTarget, col(SlotTarget.slot_id) == Slot.id)
            .where(col(SlotTarget.name).in_(related[start : start + 400]), col(Slot.withdrawn_at).is_(None))
        )
        candidates.update({slot.id: slot for slot in session.exec(query).all() if slot.id not in leave_out})
    own_names = set(wanted.heard.names)
    # A unit meets the units above and below it also while no station stands there yet.
    own_line = own_names | audience.units_in_line(session, own_names)
    own_stations = audience.station_ids(session, own_names)
    found = Neighbours()
    for slot in candidates.values():
        if own_line & set(slot.audience) or own_stations & audience.station_ids(session, slot.audience):
            found.slots.append(slot)
    library = libraries.load(session, {slot.programme_id for slot in found.slots})
    book = series.load(session, found.slots)
    begin, end = wanted.spans[0].start - _DAY, wanted.spans[-1].end + _DAY
    for slot in found.slots:
        seconds = resolving.expected_seconds(library, slot.programme_id, begin)
        first = begin - timedelta(seconds=max(seconds, 1.0))
        coming = islice(occurring(book.of(slot), first, end), MAX_LOOKED_AT)
        found.spans[slot.id] = [
            Span(each.starts_at, each.starts_at + length(seconds, each), slot.id) for each in coming
        ]
        found.titles[slot.id] = library.programmes[slot.programme_id].title
        found.priorities[slot.id] = resolving.expected_priority(library, slot.programme_id)
    return found


def clashes(session: Session, actor: Actor, wanted: Understood, beside: Neighbours) -> list[dict[str, Any]]:
    """For each neighbour the first overlap, by instant, and what becomes of it.

    `resolution`: "pre_empts" (the wish goes first, the other follows its late policy), "pre_empted" (the other way
    round), "ordered" (two priority programmes of different units: the commune orders them), or None: can't be resolved.
    `reserved` is there, and true, for time that a unit above keeps free: the whole of it, and `unit` says whose.
    """
    found: list[dict[str, Any]] = []
    for slot in beside.slots:
        pair = first_overlap(wanted.spans, beside.spans[slot.id])
        if pair is None:
            continue
        home = session.get(Unit, slot.unit_id)
        seen = home is not None and actor.may(Permission.SEE, home)
        title = beside.titles[slot.id] if seen else (home.name if home else "")
        found.append(
            {
                "slot": slot.id if seen else None, "title": title, "at": pair[0].start, "until": pair[1].end,
                "resolution": _resolution(wanted, slot, beside.priorities[slot.id]),
            }
        )  # fmt: skip
    for reserved, at, until in reservations.met(session, wanted):
        home = session.get(Unit, reserved.unit_id)
        found.append(
            {
                "slot": None, "title": reserved.name, "at": at, "until": until, "resolution": None, "reserved": True,
                "unit": home.name if home else "",
            }
        )  # fmt: skip
    return sorted(found, key=lambda clash: clash["at"])


def _resolution(wanted: Understood, slot: Slot, priority: str) -> str | None:
    if wanted.priority == priority == "priority" and slot.unit_id != wanted.unit.id:
        return "ordered"
    if wanted.priority == priority:
        return None
    return "pre_empts" if wanted.priority == "priority" else "pre_empted"


def limits_broken(session: Session, wanted: Understood, beside: Neighbours, default_zone: str) -> list[dict[str, Any]]:
    """For each place each limit that the wish would break: which, where, first when, and what holds there."""
    broken: list[dict[str, Any]] = []
    others = [span for spans in beside.spans.values() for span in spans]
    for unit in {each.id: each for each in wanted.heard.units}.values():
        held = units.inherited(units.ancestors(session, unit), default_zone)
        where = known_zone(held.zone)
        found: dict[Limit, datetime] = {}
        for span in _each_kind(wanted.spans, where):
            for limit, at in sessions.broken(held, where, span):
                found.setdefault(limit, at)
        near = wanted.spans[0].start + _DAYS_COUNTED
        mine = [span for span in wanted.spans if span.start < near]
        for limit, at in sessions.crowded(held, where, mine, [span for span in others if span.start < near]):
            found.setdefault(limit, at)
        broken += [
            {"limit": limit, "unit": unit.name, "at": at, "hours": _what(held, limit)} for limit, at in found.items()
        ]
    return broken


def _what(held: units.Inherited, limit: str) -> str:
    """What holds, in figures that need no translation."""
    if limit == "quiet_hours":
        return ", ".join(f"{start}–{end}" for start, end in held.quiet_hours)
    if limit == "hours":
        return f"{held.limits.earliest or '00:00'}–{held.limits.latest or '24:00'}"
    value = held.limits.written().get(limit, "")
    return ", ".join(value) if isinstance(value, list) else f"{value:g}" if isinstance(value, float) else str(value)


def _each_kind(spans: Sequence[Span], where: ZoneInfo) -> Iterator[Span]:
    """The first span at each wall-clock time, offset and weekday: the limits ask for nothing else."""
    seen = set()
    for span in spans:
        local = span.start.astimezone(where)
        key = (local.time(), local.utcoffset(), local.weekday(), span.end - span.start)
        if key not in seen:
            seen.add(key)
            yield span


def local(instant: datetime, zone: str) -> str:
    """As people read it, in `zone`."""
    return instant.astimezone(known_zone(zone)).strftime("%d/%m/%Y %H:%M")
