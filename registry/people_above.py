"""Who may act on somebody's account: only who administers every unit where that person holds a role."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from core.errors import NotFound
from registry.models import Grant, Person, Unit
from registry.rights import EVERYWHERE, Actor, Permission


def require_above(session: Session, actor: Actor, person: Person) -> Sequence[Unit]:
    """The units where the person holds a role, all of which the actor administers: nobody takes over somebody above.

    Raises NotFound for a person without any role, or with one above what the actor sees, Forbidden for one merely seen.
    """
    held = session.exec(select(Grant).where(Grant.person_id == person.id)).all()
    above = EVERYWHERE in actor.paths(Permission.ADMINISTER)
    if not held or (not above and any(each.unit_id is None for each in held)):
        raise NotFound
    units = session.exec(
        select(Unit).where(col(Unit.id).in_([each.unit_id for each in held])).order_by(col(Unit.path))
    ).all()
    for unit in units:
        actor.require(Permission.ADMINISTER, unit)
    return units
