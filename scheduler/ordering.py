"""Which of two programmes with priority goes first where they meet: the unit decides whose own one of them is.

A decision holds at the stations of the unit and below, for two slots or for two of their occurrences alone; of several
the nearest to a station counts. Stations get it with their plan, and go by the same rule (`core.ordering`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from core import audit, changes
from core.clock import format_instant
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.ordering import goes_before, slot_of
from playlists import libraries, resolving
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, series
from scheduler.models import Slot, SlotOrder
from scheduler.recurrence import local_instant
from scheduler.series import named

_REMEMBERED = timedelta(days=2)
MAX_PAIRS = 2_000  # as many as a plan may name
ByUnit = Mapping[str, Sequence[SlotOrder]]
_Named = tuple[Slot, datetime | None]


def names_of(row: SlotOrder) -> tuple[str, str]:
    """The two names of the pair, as the wire has them: of slots, or of occurrences."""
    first, then = row.first_slot, row.then_slot
    if row.first_at is None or row.then_at is None:
        return first, then
    return f"{first}@{format_instant(row.first_at)}", f"{then}@{format_instant(row.then_at)}"


@dataclass
class Order:
    """What holds at one place: by pair, the row that decided it."""

    rows: dict[tuple[str, str], SlotOrder] = field(default_factory=dict)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return sorted(self.rows)[:MAX_PAIRS]

    def between(self, one: str | None, other: str | None) -> SlotOrder | None:
        """The decision that puts the occurrence `one` before `other`; None where there is none."""
        if one is None or other is None or not goes_before(one, other, self.rows):
            return None
        return self.rows.get((one, other)) or self.rows[slot_of(one), slot_of(other)]


def held(session: Session, unit_ids: Iterable[str] | None = None, begin: datetime | None = None) -> ByUnit:
    """The decisions by unit (None: of all); with `begin`, only what may still matter from then on. One query."""
    query = select(SlotOrder).order_by(col(SlotOrder.decided_at), col(SlotOrder.id))
    if unit_ids is not None:
        query = query.where(col(SlotOrder.unit_id).in_(sorted(unit_ids)))
    if begin is not None:
        first, then = aliased(Slot), aliased(Slot)
        late = begin - _REMEMBERED
        query = (
            query.join(first, col(first.id) == SlotOrder.first_slot)
            .join(then, col(then.id) == SlotOrder.then_slot)
            .where(col(first.withdrawn_at).is_(None), col(then.withdrawn_at).is_(None))
            .where(col(SlotOrder.first_at).is_(None) | (col(SlotOrder.first_at) >= late))
        )
    found: dict[str, list[SlotOrder]] = {}
    for row in session.exec(query).all():
        found.setdefault(row.unit_id, []).append(row)
    return found


def at_place(by_unit: ByUnit, unit_ids: Iterable[str]) -> Order:
    """What holds at a place whose units are these, root first: the nearest counts. Pure."""
    order = Order()
    if by_unit:
        for row in (row for unit_id in unit_ids for row in by_unit.get(unit_id, ())):
            first, then = names_of(row)
            order.rows.pop((then, first), None)
            order.rows[first, then] = row
    return order


def decide(session: Session, actor: Actor, unit: Unit, first: str, then: str, now: datetime) -> SlotOrder:
    """Let `first` go before `then` at the stations of `unit`: two slots, or two occurrences as `slot@instant`.

    A former decision about the two ends. Raises NotFound, InvalidInput, Conflict where the unit may not order them.
    """
    actor.require(Permission.SCHEDULE, unit)
    (one, one_at), (two, two_at) = (_read(session, unit, name) for name in (first, then))
    if (one_at is None) != (two_at is None) or one.id == two.id:
        raise InvalidInput(N_("Name two slots, or two occurrences of different slots."), fields={"first": "form"})
    _check(session, unit, one, two)
    for former in _same_pair(session, unit, (one, one_at), (two, two_at)):
        session.delete(former)
    row = SlotOrder(
        id=new_id("or"), unit_id=unit.id, first_slot=one.id, then_slot=two.id, first_at=one_at, then_at=two_at,
        decided_by=actor.id, decided_at=now,
    )  # fmt: skip
    session.add(row)
    _note(session, actor, row, "slot.order", now)
    return row


def take_back(session: Session, actor: Actor, order_id: str, now: datetime) -> SlotOrder:
    """Let the two go by their starts again. Raises NotFound."""
    row = session.get(SlotOrder, order_id)
    unit = session.get(Unit, row.unit_id) if row else None
    if row is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    actor.require(Permission.SCHEDULE, unit)
    session.delete(row)
    _note(session, actor, row, "slot.unorder", now)
    return row


def carry_over(session: Session, former: Slot, target: Slot) -> None:
    """A slot goes on under another id: so do the decisions about all its occurrences."""
    about = (col(SlotOrder.first_slot) == former.id) | (col(SlotOrder.then_slot) == former.id)
    for row in session.exec(select(SlotOrder).where(about, col(SlotOrder.first_at).is_(None))).all():
        session.add(
            SlotOrder(
                id=new_id("or"), unit_id=row.unit_id, decided_by=row.decided_by, decided_at=row.decided_at,
                first_slot=target.id if row.first_slot == former.id else row.first_slot,
                then_slot=target.id if row.then_slot == former.id else row.then_slot,
            )
        )  # fmt: skip


def orderable(home: Unit, other: Unit, place: Unit) -> bool:
    """Whether `place` may put priority programmes of these two units in order: one its own or below, one not. Pure.

    So the commune decides where the province's meets its own, never the province (Circular 39/2020/TT-BTTTT).
    """
    return home.path.startswith(place.path) != other.path.startswith(place.path)


def _read(session: Session, unit: Unit, name: str) -> _Named:
    """A slot that is heard at the unit, and the instant of its rule where one occurrence is named. Raises NotFound."""
    slot = session.get(Slot, slot_of(name)[:40])
    if slot is None or audience.related_names(session, {f"unit:{unit.id}"}).isdisjoint(slot.audience):
        raise NotFound
    if slot.withdrawn_at is not None:
        raise Conflict(N_("This slot is off the timetable already."))
    if "@" not in name:
        return slot, None
    present = series.one(session, slot)
    at = local_instant(name.partition("@")[2], present.zone).astimezone(UTC)
    if named(present, at) is None:
        raise NotFound(N_("This slot has no occurrence then."))
    return slot, at


def _check(session: Session, unit: Unit, one: Slot, two: Slot) -> None:
    library = libraries.load(session, {one.programme_id, two.programme_id})
    if any(resolving.expected_priority(library, each.programme_id) != "priority" for each in (one, two)):
        raise Conflict(N_("Only programmes with priority can be put in order."), code="not_priority")
    homes = session.get(Unit, one.unit_id), session.get(Unit, two.unit_id)
    if homes[0] is None or homes[1] is None or not orderable(homes[0], homes[1], unit):
        raise Conflict(
            N_("“%(unit)s” puts its own programmes and those of other units in order: one of the two must be its own."),
            code="not_its_own", unit=unit.name,
        )  # fmt: skip


def _same_pair(session: Session, unit: Unit, one: _Named, two: _Named) -> list[SlotOrder]:
    both = {(one[0].id, one[1]), (two[0].id, two[1])}
    query = select(SlotOrder).where(
        SlotOrder.unit_id == unit.id, col(SlotOrder.first_slot).in_([one[0].id, two[0].id])
    )  # fmt: skip
    return [
        row for row in session.exec(query).all()
        if {(row.first_slot, row.first_at), (row.then_slot, row.then_at)} == both
    ]  # fmt: skip


def _note(session: Session, actor: Actor, row: SlotOrder, action: str, now: datetime) -> None:
    session.flush()
    first, then = names_of(row)
    audit.record(
        session, actor=actor.username, action=action, subject=row.first_slot, unit_id=row.unit_id, now=now, first=first,
        then=then,
    )  # fmt: skip
    changes.announce(session, "plan", [f"unit:{row.unit_id}"], now)
