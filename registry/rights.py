"""Who may do what where: the one place that decides.

Every service takes an `Actor` and asks it. A unit outside the actor's sight does not exist for them
(NotFound); one they see but may not act on answers Forbidden.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, ColumnElement, false, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Session, col, select

from core.errors import N_, Conflict, Forbidden, NotFound
from registry.deputy_models import Deputy
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
# What somebody gets who stands in for an approver, and where the other must hold the right themselves.
DEPUTY_MAY = frozenset({Permission.SEE, Permission.APPROVE})
_BOUNDED = N_("This token was made for other things. Use one without a scope, or the panel.")
MERGED = N_("“%(unit)s” has been merged into another unit. Choose that one.")
# What is left of a merged unit is its history: to be read, kept in order, and its running emergencies to be stopped.
_AFTER_MERGING = frozenset({Permission.SEE, Permission.ALARM, Permission.ADMINISTER})
_FORBIDDEN = N_("Your role does not allow this here. Ask an administrator of “%(unit)s”.")


@dataclass(frozen=True)
class StandIn:
    """At `path` and below the actor approves in the stead of the person `of_id`, who holds `roles` there."""

    path: str
    of_id: str
    of_name: str
    roles: frozenset[Role]


@dataclass(frozen=True)
class Actor:
    """A signed-in person with their rights, as of one instant. `grants` pairs a unit path with a role.

    `scope` is what the token that was shown may do at most, None where there is no such bound. `stands_in` is for whom
    they are deputy at that instant. Both are applied here, in `_grants`, and nowhere else.
    """

    id: str
    username: str
    name: str
    language: str
    grants: tuple[tuple[str, Role], ...]
    scope: frozenset[Permission] | None = None
    stands_in: tuple[StandIn, ...] = ()

    def _grants(self, permission: Permission) -> list[str]:
        """The unit paths whose roles carry this permission, as far as the scope lets them."""
        if self.scope is not None and permission not in self.scope:
            return []
        held = [path for path, role in self.grants if permission in PERMISSIONS[role]]
        if permission in DEPUTY_MAY:
            held += [each.path for each in self.stands_in]
        return held

    def may(self, permission: Permission, unit: Unit) -> bool:
        return any(unit.path.startswith(path) for path in self._grants(permission))

    def holds(self, permission: Permission, unit: Unit) -> bool:
        """Whether it is the actor's own right there, not only as somebody's deputy."""
        own = (path for path, role in self.grants if permission in PERMISSIONS[role])
        return self.may(permission, unit) and any(unit.path.startswith(path) for path in own)

    def may_somewhere(self, permission: Permission) -> bool:
        return bool(self._grants(permission))

    def require_whole(self) -> None:
        """Return if nothing bounds this person's rights. Raises Forbidden for a token with a scope.

        What concerns the account itself is not for a token that was handed out for one purpose.
        """
        if self.scope is not None:
            raise Forbidden(_BOUNDED)

    def require(self, permission: Permission, unit: Unit) -> None:
        """Return if allowed. Raises NotFound for a unit out of sight, Forbidden for one merely seen.

        Conflict where the unit was merged, and what is to be done belongs to the one it was merged into.
        """
        if not self.may(Permission.SEE, unit):
            raise NotFound
        if not self.may(permission, unit):
            raise Forbidden(_FORBIDDEN, unit=unit.name)
        if unit.merged_into and permission not in _AFTER_MERGING:
            raise Conflict(MERGED, unit=unit.name)

    def paths(self, permission: Permission) -> list[str]:
        """The topmost unit paths where this permission holds."""
        held = sorted(set(self._grants(permission)))
        return [path for path in held if not any(path != other and path.startswith(other) for other in held)]

    def within(self, permission: Permission, path_column: Any) -> ColumnElement[bool]:
        """SQL condition: the unit path in `path_column` lies where this permission holds."""
        return within(self.paths(permission), path_column)


def within(paths: Iterable[str], path_column: Any) -> ColumnElement[bool]:
    """SQL condition: the unit path in `path_column` begins with one of `paths`. It filters rows, no index helps it."""
    conditions = [path_column.startswith(path, autoescape=True) for path in paths]
    return or_(*conditions) if conditions else false()


def under(paths: Iterable[str], path_column: Any) -> ColumnElement[bool]:
    """The same as `within`, for queries that begin at the units: SQLite finds them by the index of the column.

    Elsewhere `within` is the one to take: an index here would keep the database from beginning at a shorter end.
    """
    conditions = [_under(path_column, path, f"{path[:-1]}0") for path in paths]  # “0” is what follows “/”
    return or_(*conditions) if conditions else false()


class _under(FunctionElement[bool]):  # noqa: N801
    """A path that begins with another, which ends in “/”; the third is the first one that sorts behind all these."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        return self  # a condition as it is: “= 1” behind it would hide the column from the index


@compiles(_under)
def _by_name(element: _under, compiler: SQLCompiler, **options: Any) -> str:
    column, path, _ = (compiler.process(each, **options) for each in element.clauses)
    return f"starts_with({column}, {path})"


@compiles(_under, "sqlite")
def _by_order(element: _under, compiler: SQLCompiler, **options: Any) -> str:
    column, path, behind = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} >= {path} AND {column} < {behind})"


def actor_for(
    session: Session, person: Person, scope: frozenset[Permission] | None = None, now: datetime | None = None
) -> Actor:
    """The rights of `person` as they stand now, within `scope`; those as a deputy only where `now` is given."""
    rows = session.exec(
        select(Grant.unit_id, Unit.path, Grant.role)
        .join(Unit, col(Unit.id) == Grant.unit_id, isouter=True)
        .where(Grant.person_id == person.id)
    ).all()
    grants = tuple((path if unit_id else EVERYWHERE, Role(role)) for unit_id, path, role in rows)
    standing = _standing_in(session, person.id, now) if now is not None else ()
    return Actor(person.id, person.username, person.name, person.language, grants, scope, standing)


def _standing_in(session: Session, person_id: str, now: datetime) -> tuple[StandIn, ...]:
    """For whom a person is deputy at `now`: only where the other is active and may approve there themselves."""
    rows = session.exec(
        select(Deputy, Unit, Person)
        .join(Unit, col(Unit.id) == Deputy.unit_id)
        .join(Person, col(Person.id) == Deputy.of_person_id)
        .where(
            Deputy.person_id == person_id, col(Deputy.begins_at) <= now, col(Deputy.ends_at) > now,
            col(Deputy.ended_at).is_(None), col(Person.active),
        )
        .order_by(col(Deputy.id))
    ).all()  # fmt: skip
    found = []
    for _, unit, other in rows:
        holds = actor_for(session, other).grants
        roles = frozenset(
            role for path, role in holds if unit.path.startswith(path) and Permission.APPROVE in PERMISSIONS[role]
        )
        if roles:
            found.append(StandIn(unit.path, other.id, other.name, roles))
    return tuple(found)


def system_actor() -> Actor:
    """Whoever holds the machine: the command line of this installation. Appears as `system` in the audit log."""
    return Actor("system", "system", "system", "vi", ((EVERYWHERE, Role.ADMINISTRATOR),))
