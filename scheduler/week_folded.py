"""The week of a wide place, folded: airings of many units that are alike at the same time are one line with a number.

The database counts them, so the work grows with what differs and not with the communes; what is not planned yet is
worked out once for all slots that say the same.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import String, type_coerce
from sqlmodel import Session, col, func, select

from core.errors import LoaError
from core.hints import unindexed
from playlists import libraries, resolving
from playlists.models import Programme
from registry.models import Unit
from registry.rights import Actor, Permission, under, within
from scheduler import lists, log, minutes, series
from scheduler.models import Airing, AiringOutcome, AiringTarget, Slot, SlotException
from scheduler.series import length, occurring

WIDE_FROM = 250  # airings and slots of a week from which a place is shown folded
MAX_LINES = 600
MAX_SLOTS = 5_000
_KEPT = ("planned", "issued", "on_air", "over", "failed")


@dataclass
class Line:
    """Airings of `units` units that are alike. `whole` says that one of them is for the whole place or above.

    `airing`, `slot`, `at` and `unit` are those of the only one, where there is only one.
    """

    title: str
    priority: str
    kind: str
    state: str
    starts_at: datetime
    ends_at: datetime
    level: str
    count: int
    units: int
    unit: str
    unit_id: str
    airing: str | None = None
    slot: str | None = None
    at: datetime | None = None
    whole: bool = False


def size(session: Session, unit: Unit, start: datetime, end: datetime) -> int:
    """About how many airings and slots the week of a place has; counting ends where it is wide."""
    below = (
        select(Slot.id).join(Unit, col(Unit.id) == Slot.unit_id)
        .where(col(Slot.withdrawn_at).is_(None), under([unit.path], col(Unit.path)))
        .limit(WIDE_FROM)
    )  # fmt: skip
    slots = len(session.exec(below).all())
    if slots >= WIDE_FROM:
        return slots
    airings = (  # of few slots there are few: found by their units, not by the hour of all that there are
        select(Airing.id).join(Unit, col(Unit.id) == Airing.unit_id)
        .where(unindexed(col(Airing.starts_at)) >= start, unindexed(col(Airing.starts_at)) < end)
        .where(under([unit.path], col(Unit.path)))
        .limit(WIDE_FROM)
    )  # fmt: skip
    return max(slots, len(session.exec(airings).all()))


def of_unit(session: Session, actor: Actor, unit: Unit, start: datetime, end: datetime, now: datetime) -> list[Line]:
    """The lines of a week at a unit the actor sees and all below it, by start; at most `MAX_LINES`."""
    found = _planned(session, actor, unit, start, end)
    if end > now:
        found += _expected(session, unit, max(start, now), end)
    found.sort(key=lambda line: (line.starts_at, line.title, line.state))
    return found[:MAX_LINES]


def _planned(session: Session, actor: Actor, unit: Unit, start: datetime, end: datetime) -> list[Line]:
    mine = (col(Airing.starts_at) >= start, col(Airing.starts_at) < end, col(Airing.state).in_(_KEPT))
    same = (Airing.title, Airing.priority, Airing.kind, Airing.state, Airing.starts_at, Airing.ends_at)
    query = (
        select(
            *same, func.count(), func.count(col(Airing.unit_id).distinct()), func.min(Airing.id),
            func.min(Airing.slot_id), func.min(Airing.unit_id), func.min(Airing.occurrence_at),
        )  # type: ignore[call-overload]
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(*mine, log.visible(lists.narrowed(actor, unit)))
        .group_by(*same)
        .order_by(col(Airing.starts_at))
        .limit(MAX_LINES)
    )  # fmt: skip
    rows = session.execute(query).all()
    line = [f"unit:{each}" for each in unit.path.strip("/").split("/")]
    wide = select(AiringTarget.airing_id).join(Airing, col(Airing.id) == AiringTarget.airing_id)
    for_all = set(session.exec(wide.where(*mine, col(AiringTarget.name).in_(line))).all())
    homes = _homes(session, {row[10] for row in rows})
    return [_line(unit, homes, for_all, row) for row in rows]


def _line(place: Unit, homes: dict[str, Unit], for_all: set[str], row: Any) -> Line:
    title, priority, kind, state, starts_at, ends_at, count, units, airing, slot, unit_id, at = row
    home = homes[unit_id]
    one = units == 1
    level = minutes.level(place.path, home.path) if one else minutes.BELOW
    return Line(
        title, priority, kind, state, starts_at, ends_at, level, count, units, home.name if one else "",
        unit_id if one else "", airing if one else None, slot if one else None, at if one else None,
        airing in for_all,
    )  # fmt: skip


def _homes(session: Session, ids: set[str]) -> dict[str, Unit]:
    ordered = sorted(ids)
    found: dict[str, Unit] = {}
    for start in range(0, len(ordered), 400):
        query = select(Unit).where(col(Unit.id).in_(ordered[start : start + 400]))
        found.update({each.id: each for each in session.exec(query).all()})
    return found


class _Planned:
    """Which occurrences have an airing already: counted by the database, and read by name only where some have."""

    def __init__(self, session: Session, own: Any, start: datetime, end: datetime) -> None:
        self._session, self._where = session, (
            own, col(Airing.starts_at) >= start, col(Airing.starts_at) < end, col(Airing.slot_id).is_not(None),
        )  # fmt: skip
        query = select(Airing.occurrence_at, Airing.title, func.count(col(Airing.slot_id).distinct()))
        query = query.join(Unit, col(Unit.id) == Airing.unit_id).join(Slot, col(Slot.id) == Airing.slot_id)
        query = query.where(*self._where, col(Slot.withdrawn_at).is_(None))
        rows = session.exec(query.group_by(col(Airing.occurrence_at), col(Airing.title))).all()
        self._counts = {(at, title): count for at, title, count in rows}
        self._some = {at for at, _ in self._counts}
        self._named: dict[datetime, set[str]] | None = None

    def of(self, at: datetime, title: str, among: Sequence[Any], *, only: bool) -> set[str]:
        """Which of these slots, all of the title (and the `only` ones of it), have an airing for the occurrence."""
        if at not in self._some:
            return set()
        if only and self._counts.get((at, title), 0) == len(among):
            return {row.id for row in among}
        if self._named is None:
            self._named = defaultdict(set)
            query = select(Airing.occurrence_at, Airing.slot_id).join(Unit, col(Unit.id) == Airing.unit_id)
            for when, slot_id in self._session.exec(query.where(*self._where)).all():
                if when is not None and slot_id is not None:
                    self._named[when].add(slot_id)
        return self._named.get(at, set())


# What makes two slots sound alike; those with a day part or with single occurrences are looked at one by one.
_ALIKE = (
    "starts", "zone", "rrule", "exdates", "rdates", "until", "days", "daypart", "offset_s", "max_seconds",
)  # fmt: skip


def _expected(session: Session, place: Unit, start: datetime, end: datetime) -> list[Line]:
    """What slots of the place and below are going to bring that is not planned yet."""
    own = within([place.path], col(Unit.path))
    same = (type_coerce(getattr(Slot, name), String).label(name) for name in _ALIKE)  # to compare, not to understand
    columns: tuple[Any, ...] = (Slot.id, Slot.unit_id, Slot.created_at, Programme.title, *same)
    rows = session.execute(
        select(*columns)
        .join(Unit, col(Unit.id) == Slot.unit_id).join(Programme, col(Programme.id) == Slot.programme_id)
        .where(own, col(Slot.withdrawn_at).is_(None), col(Slot.created_at) < end).limit(MAX_SLOTS)
    ).all()  # fmt: skip
    single = set(session.exec(
        select(SlotException.slot_id).join(Slot, col(Slot.id) == SlotException.slot_id)
        .join(Unit, col(Unit.id) == Slot.unit_id).where(own).distinct()
    ).all())  # fmt: skip
    alike: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        apart = row.id if row.id in single or row.daypart else ""
        alike[(apart, row.title, *(repr(getattr(row, name)) for name in _ALIKE))].append(row)
    planned = _Planned(session, own, start, end)
    slots = _slots(session, [group[0].id for group in alike.values()])
    book, library = series.load(session, list(slots.values())), _library(session, slots.values())
    homes = _homes(session, {group[0].unit_id for group in alike.values()})
    comes = {group[0].id: _comes(book, slots[group[0].id], start, end) for group in alike.values()}
    at_once = Counter((group[0].title, each.at) for group in alike.values() for each in comes[group[0].id])
    found: list[Line] = []
    for group in alike.values():
        slot = slots[group[0].id]
        found += _of_group(place, homes, library, slot, group, comes[slot.id], planned, at_once)
        if len(found) >= MAX_LINES:
            break
    return found


def _comes(book: series.Book, slot: Slot, start: datetime, end: datetime) -> list[series.Occurrence]:
    """When a slot sounds in the week; at most as often as there can be lines."""
    try:
        return list(islice(occurring(book.of(slot), start, end), MAX_LINES))
    except LoaError:  # a damaged row shows nothing; `doctor` names it
        return []


def _of_group(
    place: Unit, homes: dict[str, Unit], library: libraries.Library, slot: Slot, group: list[Any],
    comes: Sequence[series.Occurrence], planned: _Planned, at_once: Counter[tuple[str, datetime]],
) -> list[Line]:  # fmt: skip
    found = []
    for each in comes:
        only = at_once[group[0].title, each.at] == 1
        there = planned.of(each.at, group[0].title, group, only=only)
        left = [row for row in group if row.id not in there and row.created_at <= each.starts_at]
        if not left:
            continue
        units = {row.unit_id for row in left}
        one = len(units) == 1
        home = homes[slot.unit_id]
        seconds = resolving.expected_seconds(library, slot.programme_id, each.starts_at)
        found.append(Line(
            group[0].title, "ordinary", "programme", "expected", each.starts_at, each.starts_at + length(seconds, each),
            minutes.level(place.path, home.path) if one else minutes.BELOW, len(left), len(units),
            home.name if one else "", home.id if one else "", None, left[0].id if len(left) == 1 else None,
            each.at if len(left) == 1 else None, home.id == place.id,
        ))  # fmt: skip
    return found


def _slots(session: Session, ids: Sequence[str]) -> dict[str, Slot]:
    found: dict[str, Slot] = {}
    for start in range(0, len(ids), 400):
        query = select(Slot).where(col(Slot.id).in_(ids[start : start + 400]))
        found.update({slot.id: slot for slot in session.exec(query).all()})
    return found


def _library(session: Session, slots: Any) -> libraries.Library:
    return libraries.load(session, {slot.programme_id for slot in slots})


def members(
    session: Session, actor: Actor, unit: Unit, title: str, starts_at: datetime, after: str, limit: int
) -> list[tuple[Airing, Unit]]:
    """The airings behind a folded line: of this title and start, in the order of their ids, those after `after`."""
    query = (
        select(Airing, Unit).join(Unit, col(Unit.id) == Airing.unit_id)
        .where(Airing.starts_at == starts_at, Airing.title == title, col(Airing.state).in_(_KEPT))
        .where(col(Airing.id) > after, log.visible(lists.narrowed(actor, unit)))
        .order_by(col(Airing.id)).limit(limit)
    )  # fmt: skip
    return [(airing, home) for airing, home in session.exec(query).all()]


def expected_members(
    session: Session, actor: Actor, unit: Unit, title: str, starts_at: datetime, after: str, limit: int
) -> list[tuple[Slot, Unit]]:
    """The slots behind a folded line that is not planned yet, in the order of their ids, those after `after`."""
    query = (
        select(Slot, Unit).join(Unit, col(Unit.id) == Slot.unit_id)
        .join(Programme, col(Programme.id) == Slot.programme_id)
        .where(Programme.title == title, col(Slot.withdrawn_at).is_(None), col(Slot.id) > after)
        .where(within([unit.path], col(Unit.path)), actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Slot.id)).limit(MAX_LINES)
    )  # fmt: skip
    rows = session.exec(query).all()
    book = series.load(session, [slot for slot, _ in rows])
    found: list[tuple[Slot, Unit]] = []
    for slot, home in rows:
        try:
            there = next(occurring(book.of(slot), starts_at, starts_at + timedelta(microseconds=1)), None)
        except LoaError:
            continue
        if there is not None:
            found.append((slot, home))
        if len(found) >= limit:
            break
    return found


def outcomes(session: Session, airing_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """How airings that are over went, by airing: how many stations played them, in part, or missed them."""
    found: dict[str, dict[str, int]] = {}
    for start in range(0, len(airing_ids), 400):
        query = (
            select(AiringOutcome.airing_id, AiringOutcome.outcome, func.count())
            .where(col(AiringOutcome.airing_id).in_(airing_ids[start : start + 400]))
            .group_by(col(AiringOutcome.airing_id), col(AiringOutcome.outcome))
        )
        for airing, outcome, count in session.exec(query).all():
            found.setdefault(airing, {})[outcome] = count
    return found
