"""Too many sessions in a day, or sessions that are too long together: found when planning, after limits were tightened.

A slot is held against the others when it is saved; this finds what a limit that came later leaves no room for. What
has sounded keeps its room, then the slots that were there first: the rule of the stations (`core.allowed`), who hold
what is for more places than one against the limits of their own.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.allowed import Wanted, without_room
from core.clock import format_instant
from playlists import libraries, resolving
from registry.models import Unit
from registry.units import Inherited
from scheduler import series, sessions
from scheduler.clashes import Span
from scheduler.models import Slot, SlotTarget
from scheduler.series import Occurrence, length, occurring

MAX_SPANS = 2_000  # of one slot, as in planning
Place = tuple[Unit, Inherited, ZoneInfo]
Over = dict[tuple[str, datetime], dict[str, str]]
Begun = Collection[tuple[str, datetime]]


def over_limit(session: Session, places: Iterable[Place], begin: datetime, end: datetime, begun: Begun = ()) -> Over:
    """Which occurrences (slot, instant of the rule) break a limit together with others: by place (unit), which one.

    `begun` are those that sound or have sounded.
    """
    found: Over = {}
    for unit, held, where in places:
        if held.limits.sessions_a_day is None and held.limits.session_minutes is None:
            continue
        names = [f"unit:{each}" for each in unit.path.strip("/").split("/")]
        query = (
            select(Slot)
            .join(SlotTarget, col(SlotTarget.slot_id) == Slot.id)
            .where(col(SlotTarget.name).in_(names), col(Slot.withdrawn_at).is_(None))
            .distinct()
        )
        slots = sorted(session.exec(query).all(), key=lambda slot: (slot.created_at, slot.id))
        wanted = list(_wanted(session, slots, (unit, held, where), begin, end, begun))
        refused = without_room(sessions.rules(held, where), (each for each, _ in wanted))
        for each, key in wanted:
            if each.id in refused:
                found.setdefault(key, {})[unit.id] = refused[each.id]
    return found


def _wanted(
    session: Session, slots: Sequence[Slot], place: Place, begin: datetime, end: datetime, begun: Begun
) -> Iterator[tuple[Wanted, tuple[str, datetime]]]:
    unit, held, where = place
    book = series.load(session, slots)
    every = {slot.programme_id for slot in slots}
    every |= {row.programme_id for rows in book.exceptions.values() for row in rows.values() if row.programme_id}
    library = libraries.load(session, every)
    seconds = {programme: resolving.expected_seconds(library, programme, begin) for programme in every}
    for slot in slots:
        for each in _coming(book, slot, begin, end):
            ends = each.starts_at + length(seconds[each.programme_id], each)
            lifted = frozenset(each.lifted(slot))
            # What breaks a limit by itself and is for no other place is not signed, so it takes no room.
            if slot.audience == [f"unit:{unit.id}"] and (slot.id, each.at) not in begun:
                span = Span(each.starts_at, ends, slot.id)
                if any(limit not in lifted for limit, _ in sessions.broken(held, where, span)):
                    continue
            name = f"{slot.id}@{format_instant(each.at)}"
            yield Wanted(
                name, each.starts_at, ends, slot.created_at, name, lifted,
                begun=(slot.id, each.at) in begun,
            ), (slot.id, each.at)  # fmt: skip


def _coming(book: series.Book, slot: Slot, begin: datetime, end: datetime) -> list[Occurrence]:
    try:
        return list(islice(occurring(book.of(slot), begin, end), MAX_SPANS))
    except Exception:  # noqa: BLE001 - planning says what is wrong with it
        return []
