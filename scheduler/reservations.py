"""Time that a unit keeps free at every station below it; only it and the units above may use it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, InvalidInput, NotFound
from core.ids import new_id
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name
from scheduler.clashes import Span, first_overlap
from scheduler.models import Reservation
from scheduler.recurrence import Recurrence, occurrences, recurrence
from scheduler.wishes import Understood

MAX_MINUTES = 1_440.0


def create(
    session: Session,
    actor: Actor,
    unit: Unit,
    *,
    name: str,
    starts: str,
    minutes: float,
    rrule: str | None = None,
    until: str | None = None,
    default_zone: str,
    now: datetime,
) -> Reservation:
    """Keep `minutes` free from each instant of the rule on. What stands there already stays. Raises InvalidInput."""
    actor.require(Permission.SCHEDULE, unit)
    if not 0 < minutes <= MAX_MINUTES:
        raise InvalidInput(N_("Between 1 and 1,440 minutes can be reserved."), fields={"minutes": "range"})
    where = units.inherited(units.ancestors(session, unit), default_zone).zone
    recurrence(starts, where, rrule or None, until=until or None)
    made = Reservation(
        id=new_id("rs"), unit_id=unit.id, name=clean_name(name)[:100], starts=starts, zone=where, rrule=rrule or None,
        until=until or None, seconds=minutes * 60, created_by=actor.id, created_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    audit.record(
        session, actor=actor.username, action="reservation.create", subject=made.id, unit_id=unit.id, now=now,
        name=made.name, starts=starts, rrule=made.rrule, minutes=minutes,
    )  # fmt: skip
    return made


def withdraw(session: Session, actor: Actor, identity: str, now: datetime) -> Reservation:
    """Give the time back. Raises NotFound."""
    row = session.get(Reservation, identity)
    unit = session.get(Unit, row.unit_id) if row else None
    if row is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    actor.require(Permission.SCHEDULE, unit)
    if row.withdrawn_at is None:
        row.withdrawn_at = now
        session.add(row)
        audit.record(
            session, actor=actor.username, action="reservation.withdraw", subject=row.id, unit_id=unit.id, now=now
        )
    return row


def over(session: Session, unit: Unit) -> Sequence[Reservation]:
    """The reservations that hold at a unit: its own and those of the units above."""
    chain = unit.path.strip("/").split("/")
    query = select(Reservation).where(col(Reservation.unit_id).in_(chain), col(Reservation.withdrawn_at).is_(None))
    return session.exec(query.order_by(col(Reservation.id))).all()


def rule_of(row: Reservation) -> Recurrence:
    return recurrence(row.starts, row.zone, row.rrule, until=row.until)


def met(session: Session, wanted: Understood) -> Iterator[tuple[Reservation, datetime, datetime]]:
    """The reservations of units above the wish's own that its airings would meet, each with its first such time."""
    rows = {row.id: row for unit in wanted.heard.units for row in over(session, unit)}
    own = wanted.unit.path.strip("/").split("/")
    spans = wanted.spans
    for row in rows.values():
        # A unit may use its own time, and that of the units below it.
        if row.unit_id == own[-1] or row.unit_id not in own:
            continue
        long = timedelta(seconds=row.seconds)
        times = occurrences(rule_of(row), spans[0].start - long, spans[-1].end)
        pair = first_overlap(spans, [Span(at, at + long, row.id) for at in times])
        if pair is not None:
            yield row, pair[1].start, pair[1].end
