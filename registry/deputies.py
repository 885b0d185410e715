"""Deputies: an approver names who approves in their stead, at a unit and below, from one instant until another.

What a deputy may do follows from the row alone, at the instant somebody asks (`registry.rights.actor_for`): nothing
runs when it begins or ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from registry.deputy_models import Deputy
from registry.models import Grant, Person, Unit
from registry.rights import Actor, Permission, actor_for

LONGEST = timedelta(days=92)
MOST_AHEAD = timedelta(days=366)
_LISTED = 200
_SHOWN_AFTER = timedelta(days=60)


@dataclass(frozen=True)
class Standing:
    """A deputy as people see it. `state`: `coming`, `now` or `over`."""

    row: Deputy
    unit: Unit
    person: Person
    of: Person
    state: str


def name(
    session: Session,
    actor: Actor,
    unit: Unit,
    *,
    person_id: str,
    begins_at: datetime,
    ends_at: datetime,
    now: datetime,
    of_id: str | None = None,
) -> Deputy:
    """Let a person approve at the unit and below in the actor's stead; an administrator may do so for `of_id`.

    Both instants are aware; the second is when it is over. Raises Forbidden for who doesn't hold the right themselves:
    a deputy names no deputy. Raises InvalidInput for the wrong person or dates, Conflict where there is one already.
    """
    actor.require_whole()
    actor.require(Permission.SEE, unit)
    of = session.get(Person, of_id or actor.id)
    if of is None or (of.id != actor.id and not actor.may(Permission.ADMINISTER, unit)):
        raise NotFound
    if not of.active or not actor_for(session, of).may(Permission.APPROVE, unit):
        raise Forbidden(N_("Only who may approve at “%(unit)s” has a deputy there."), unit=unit.name)
    if not now < ends_at <= now + MOST_AHEAD or not begins_at < ends_at <= begins_at + LONGEST:
        raise InvalidInput(
            N_("Give a first and a last day, from today on and at most %(days)s days apart."),
            fields={"begins": "range", "ends": "range"}, days=LONGEST.days,
        )  # fmt: skip
    person = session.get(Person, person_id)
    if person is None or person.id == of.id or person.id not in {each.id for each in candidates(session, unit, of.id)}:
        raise InvalidInput(N_("Choose somebody who has a role at this unit."), fields={"person": "unknown"})
    crossing = select(Deputy).where(
        Deputy.unit_id == unit.id, Deputy.person_id == person.id, Deputy.of_person_id == of.id,
        col(Deputy.ended_at).is_(None), col(Deputy.begins_at) < ends_at, col(Deputy.ends_at) > begins_at,
    )  # fmt: skip
    if session.exec(crossing).first() is not None:
        raise Conflict(N_("%(name)s is deputy in these days already."), name=person.name)
    row = Deputy(
        id=new_id("dp"), unit_id=unit.id, person_id=person.id, of_person_id=of.id, begins_at=begins_at,
        ends_at=ends_at, created_by=actor.id, created_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="deputy.name", subject=row.id, unit_id=unit.id, now=now,
        person=person.username, deputy_of=of.username, begins_at=begins_at.isoformat(), ends_at=ends_at.isoformat(),
    )  # fmt: skip
    return row


def end(session: Session, actor: Actor, deputy_id: str, now: datetime) -> Deputy:
    """End it before its time: who is deputised, the deputy, or an administrator of the unit. Raises NotFound."""
    row = session.get(Deputy, deputy_id)
    unit = session.get(Unit, row.unit_id) if row else None
    if row is None or unit is None:
        raise NotFound
    if actor.id not in {row.person_id, row.of_person_id} and not actor.may(Permission.ADMINISTER, unit):
        raise NotFound
    if row.ended_at is None and row.ends_at > now:
        row.ended_at = now
        session.add(row)
        audit.record(session, actor=actor.username, action="deputy.end", subject=row.id, unit_id=unit.id, now=now)
    return row


def visible(session: Session, actor: Actor, now: datetime) -> list[Standing]:
    """Those the actor takes part in or whose unit they administer: what is or comes, and what was in the last 60 days.

    The one that ends last comes first.
    """
    mine = (col(Deputy.person_id) == actor.id) | (col(Deputy.of_person_id) == actor.id)
    rows = session.exec(
        select(Deputy, Unit, Person)
        .join(Unit, col(Unit.id) == Deputy.unit_id)
        .join(Person, col(Person.id) == Deputy.person_id)
        .where(
            mine | actor.within(Permission.ADMINISTER, col(Unit.path)), col(Deputy.ends_at) > now - _SHOWN_AFTER
        )
        .order_by(col(Deputy.ends_at).desc(), col(Deputy.id))
        .limit(_LISTED)
    ).all()  # fmt: skip
    wanted = {row.of_person_id for row, _, _ in rows}
    of = {each.id: each for each in session.exec(select(Person).where(col(Person.id).in_(wanted)))}
    return [Standing(row, unit, person, of[row.of_person_id], state_of(row, now)) for row, unit, person in rows]


def state_of(row: Deputy, now: datetime) -> str:
    """`coming`, `now` or `over`. Pure."""
    if row.ended_at is not None or row.ends_at <= now:
        return "over"
    return "now" if row.begins_at <= now else "coming"


def candidates(session: Session, unit: Unit, but: str) -> Sequence[Person]:
    """Who can be deputy at a unit: everybody active with a role there or below, by name; not the person `but`."""
    return session.exec(
        select(Person)
        .join(Grant, col(Grant.person_id) == Person.id)
        .join(Unit, col(Unit.id) == Grant.unit_id)
        .where(col(Unit.path).startswith(unit.path, autoescape=True), col(Person.active), Person.id != but)
        .distinct()
        .order_by(col(Person.name), col(Person.id))
        .limit(_LISTED)
    ).all()
