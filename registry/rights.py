"""Who may do what where: the one place that decides.

Every service takes an `Actor` and asks it. A unit outside the actor's sight does not exist for them
(NotFound); one they see but may not act on answers Forbidden.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, false, or_
from sqlmodel import Session, col, select

from core.errors import N_, Forbidden, NotFound
from registry.models import Grant, Person, Unit


class Role(StrEnum):
    VIEWER = "viewer"
    WRITER = "writer"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    SEE = "see"
    WRITE = "write"  # bulletins, recordings, programmes
    APPROVE = "approve"
    SCHEDULE = "schedule"  # slots
    OPERATE = "operate"  # stations, groups, commands
    ALARM = "alarm"  # emergencies
    ADMINISTER = "administer"  # units, people, fields; approving one's own


EVERYWHERE = "/"  # the path above every unit: the whole installation
_ALL = frozenset(Permission)
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.SEE}),
    Role.WRITER: frozenset({Permission.SEE, Permission.WRITE}),
    Role.APPROVER: frozenset(
        {Permission.SEE, Permission.WRITE, Permission.APPROVE, Permission.SCHEDULE, Permission.ALARM}
    ),
    Role.OPERATOR: frozenset({Permission.SEE, Permission.SCHEDULE, Permission.OPERATE}),
    Role.ADMINISTRATOR: _ALL,
}
_FORBIDDEN = N_("Your role does not allow this here. Ask an administrator of “%(unit)s”.")


@dataclass(frozen=True)
class Actor:
    """A signed-in person with their rights, as of one instant. `grants` pairs a unit path with a role."""

    id: str
    username: str
    name: str
    language: str
    grants: tuple[tuple[str, Role], ...]

    def may(self, permission: Permission, unit: Unit) -> bool:
        return any(unit.path.startswith(path) and permission in PERMISSIONS[role] for path, role in self.grants)

    def may_somewhere(self, permission: Permission) -> bool:
        return any(permission in PERMISSIONS[role] for _, role in self.grants)

    def require(self, permission: Permission, unit: Unit) -> None:
        """Return if allowed. Raises NotFound for a unit out of sight, Forbidden for one merely seen."""
        if not self.may(Permission.SEE, unit):
            raise NotFound
        if not self.may(permission, unit):
            raise Forbidden(_FORBIDDEN, unit=unit.name)

    def paths(self, permission: Permission) -> list[str]:
        """The topmost unit paths where this permission holds."""
        held = sorted({path for path, role in self.grants if permission in PERMISSIONS[role]})
        return [path for path in held if not any(path != other and path.startswith(other) for other in held)]

    def within(self, permission: Permission, path_column: Any) -> ColumnElement[bool]:
        """SQL condition: the unit path in `path_column` lies where this permission holds."""
        return within(self.paths(permission), path_column)


def within(paths: Iterable[str], path_column: Any) -> ColumnElement[bool]:
    conditions = [path_column.startswith(path, autoescape=True) for path in paths]
    return or_(*conditions) if conditions else false()


def actor_for(session: Session, person: Person) -> Actor:
    """The rights of `person` as they stand now."""
    rows = session.exec(
        select(Grant.unit_id, Unit.path, Grant.role)
        .join(Unit, col(Unit.id) == Grant.unit_id, isouter=True)
        .where(Grant.person_id == person.id)
    ).all()
    grants = tuple((path if unit_id else EVERYWHERE, Role(role)) for unit_id, path, role in rows)
    return Actor(person.id, person.username, person.name, person.language, grants)


def system_actor() -> Actor:
    """Whoever holds the machine: the command line of this installation. Appears as `system` in the audit log."""
    return Actor("system", "system", "system", "vi", ((EVERYWHERE, Role.ADMINISTRATOR),))
