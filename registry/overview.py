"""Who may do what at a unit: everybody with a role there or above, and where that role comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from registry import second_factor
from registry.models import Grant, Person, Unit
from registry.rights import PERMISSIONS, Actor, Permission, Role

MOST = 500
# As people ask for it, in the order of their day. To see is what every role has.
ASKED = (
    Permission.WRITE, Permission.APPROVE, Permission.SCHEDULE, Permission.OPERATE, Permission.ALARM,
    Permission.ADMINISTER,
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One person: their roles here with the unit each is held at (None: the whole installation)."""

    person: Person
    roles: Sequence[tuple[Role, Unit | None]]
    may: frozenset[Permission]
    second_factor: bool


def at(session: Session, actor: Actor, unit: Unit) -> list[Line]:
    """Everybody who may do something at `unit`, those nearest to it first. For who administers the unit.

    People above are named too, as they act here: whoever answers for a unit knows who else may. At most 500 roles.
    """
    actor.require(Permission.ADMINISTER, unit)
    ids = [each for each in unit.path.split("/") if each]
    rows = session.exec(
        select(Person, Unit, Grant.role)
        .join(Grant, col(Grant.person_id) == Person.id)
        .join(Unit, col(Unit.id) == Grant.unit_id, isouter=True)
        .where(col(Person.active), col(Grant.unit_id).in_(ids) | col(Grant.unit_id).is_(None))
        .order_by(col(Person.name), col(Person.id))
        .limit(MOST)
    ).all()
    people: dict[str, Person] = {}
    held: dict[str, list[tuple[Role, Unit | None]]] = {}
    for person, place, role in rows:
        people[person.id] = person
        held.setdefault(person.id, []).append((Role(role), place))
    secured = second_factor.with_one(session, list(people))
    lines = [
        Line(people[each], roles, frozenset().union(*(PERMISSIONS[role] for role, _ in roles)), each in secured)
        for each, roles in held.items()
    ]
    return sorted(lines, key=lambda line: -max(len(place.path) if place else 0 for _, place in line.roles))
