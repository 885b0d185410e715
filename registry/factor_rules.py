"""Which roles need a second factor where: a rule of a unit, for it and below, until a unit further down has its own."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, InvalidInput
from registry import second_factor
from registry.account_models import FactorRule
from registry.models import Grant, Unit
from registry.rights import Actor, Permission, Role


def at(session: Session, unit: Unit) -> tuple[frozenset[Role], Unit | None]:
    """The roles that need a second factor at `unit`, and the unit whose rule that is (None: nobody made one)."""
    ids = [each for each in unit.path.split("/") if each]
    rules = {
        each.unit_id: each for each in session.exec(select(FactorRule).where(col(FactorRule.unit_id).in_(ids))).all()
    }
    nearest = next((rules[each] for each in reversed(ids) if each in rules), None)
    if nearest is None:
        return frozenset(), None
    return frozenset(Role(each) for each in nearest.roles), session.get_one(Unit, nearest.unit_id)


def put(session: Session, actor: Actor, unit: Unit, roles: Iterable[str] | None, now: datetime) -> None:
    """Set the rule of a unit; None takes it back, so that the one above holds again. Raises InvalidInput."""
    actor.require(Permission.ADMINISTER, unit)
    row = session.get(FactorRule, unit.id)
    if roles is None:
        wanted = None
        if row is not None:
            session.delete(row)
    else:
        wanted = sorted(set(roles))
        if not set(wanted) <= {role.value for role in Role}:
            raise InvalidInput(N_("There is no role “%(role)s”."), fields={"roles": "unknown"}, role=wanted[0][:20])
        row = row or FactorRule(unit_id=unit.id)
        row.roles = wanted
        session.add(row)
    audit.record(
        session, actor=actor.username, action="unit.second_factor", subject=unit.id, unit_id=unit.id, now=now,
        roles=wanted,
    )  # fmt: skip


def lacking(session: Session, person_id: str) -> bool:
    """Whether a role of this person needs a second factor, by the rule where they hold it, and they have none.

    A role over the whole installation belongs to no unit and so to no rule.
    """
    if second_factor.is_set_up(session, person_id):
        return False
    held = session.exec(
        select(Unit, Grant.role).join(Grant, col(Grant.unit_id) == Unit.id).where(Grant.person_id == person_id)
    ).all()
    return any(Role(role) in at(session, unit)[0] for unit, role in held)
