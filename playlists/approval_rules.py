"""Who may approve what: rules of units, inherited, and asked in one place (`playlists.bulletins.approve`).

A unit's rule is for its own bulletins and those of all units below. The rules on the way from the root down hold
together, so a unit can ask for more than those above it, never for less.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from core import audit
from core.errors import N_, Conflict, Forbidden, InvalidInput
from playlists.approval_models import Approval, ApprovalRule
from playlists.models import BulletinVersion, Subject
from registry.models import Person, Unit
from registry.rights import PERMISSIONS, Actor, Permission, Role

PRIORITIES = ("ordinary", "priority", "emergency")
ROLES = tuple(role for role in Role if Permission.APPROVE in PERMISSIONS[role])
MOST_LINES = 20
MOST_PEOPLE = 50


@dataclass(frozen=True)
class Line:
    """Bulletins of these fields and priorities (empty: all) are approved by these roles or people, by nobody else."""

    fields: frozenset[str] = frozenset()
    priorities: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def concerns(self, field: str, priority: str) -> bool:
        return (not self.fields or field in self.fields) and (not self.priorities or priority in self.priorities)

    def written(self) -> dict[str, list[str]]:
        return {
            "fields": sorted(self.fields), "priorities": sorted(self.priorities), "roles": sorted(self.roles),
            "people": sorted(self.people),
        }  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What a unit asks. `two_persons`: priorities that need two; `never_own`: not even administrators their own."""

    two_persons: frozenset[str] = frozenset()
    never_own: bool = False
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether somebody may approve: why not (a sentence, empty if they may), and in whose stead they would."""

    why_not: str = ""
    code: str = ""
    deputy_of: str | None = None


def read(row: ApprovalRule) -> Rule:
    """The rule as it is kept. Pure."""
    return Rule(frozenset(row.two_persons), row.never_own, tuple(_line(each) for each in row.lines))


def _line(given: Mapping[str, Any]) -> Line:
    return Line(*(frozenset(given.get(name, ())) for name in ("fields", "priorities", "roles", "people")))


def joined(rules: Iterable[Rule]) -> Rule:
    """What all of these ask together. Pure."""
    every = list(rules)
    return Rule(
        frozenset().union(*(each.two_persons for each in every)),
        any(each.never_own for each in every),
        tuple(line for each in every for line in each.lines),
    )


def own(session: Session, unit: Unit) -> Rule:
    """What the unit itself asks."""
    row = session.get(ApprovalRule, unit.id)
    return read(row) if row is not None else Rule()


def held(session: Session, unit: Unit) -> Rule:
    """What holds at a unit. One query."""
    return held_at(session, [unit])[unit.id]


def held_at(session: Session, units: Sequence[Unit]) -> dict[str, Rule]:
    """What holds at each of these units. One query."""
    chains = {unit.id: unit.path.strip("/").split("/") for unit in units}
    wanted = sorted({each for chain in chains.values() for each in chain})
    rows = session.exec(select(ApprovalRule).where(col(ApprovalRule.unit_id).in_(wanted))).all()
    rules = {row.unit_id: read(row) for row in rows}
    return {unit_id: joined(rules[each] for each in chain if each in rules) for unit_id, chain in chains.items()}


def approvals_needed(session: Session, unit: Unit, version: BulletinVersion) -> int:
    """How many people must approve this version: one or two."""
    return needed(held(session, unit), version.priority)


def needed(rule: Rule, priority: str) -> int:
    """How many people a rule wants for a priority. Pure."""
    return 2 if priority in rule.two_persons else 1


def verdict(rule: Rule, actor: Actor, unit: Unit, version: BulletinVersion, given: Sequence[Approval] = ()) -> Verdict:
    """Whether `actor` may approve `version` of `unit`, after the approvals `given`. Pure.

    They act with their own right where they have it, else in the stead of the first person whose right serves.
    """
    if not actor.may(Permission.APPROVE, unit):
        return Verdict(N_("Your role does not allow this here."), "role")
    is_own = actor.id in {version.written_by, version.submitted_by}
    if is_own and (rule.never_own or not actor.may(Permission.ADMINISTER, unit)):
        return Verdict(N_("Somebody else has to approve what you wrote."), "own_bulletin")
    if any(each.person_id == actor.id for each in given):
        return Verdict(N_("You have approved this already. Now a second person must."), "second_person")
    lines = [line for line in rule.lines if line.concerns(version.field, version.priority)]
    persons = _persons(actor, unit)
    fitting = [of for of, roles in persons if all(_named(line, of or actor.id, roles) for line in lines)]
    if not fitting:
        return Verdict(N_("By the rule of this unit other people approve bulletins like this one."), "rule")
    spent = {each.deputy_of or each.person_id for each in given}
    free = [of for of in fitting if (of or actor.id) not in spent]
    if not free:
        return Verdict(
            N_("You would approve in the stead of somebody who has approved already. A second person must."),
            "second_person",
        )
    return Verdict(deputy_of=free[0])


def _persons(actor: Actor, unit: Unit) -> list[tuple[str | None, frozenset[str]]]:
    """Whose right the actor can use here, their own first: None or whom they stand in for, with the roles."""
    roles = frozenset(
        role.value for path, role in actor.grants
        if unit.path.startswith(path) and Permission.APPROVE in PERMISSIONS[role]
    )  # fmt: skip
    found: list[tuple[str | None, frozenset[str]]] = [(None, roles)] if roles else []
    return found + [
        (each.of_id, frozenset(role.value for role in each.roles))
        for each in actor.stands_in if unit.path.startswith(each.path)
    ]  # fmt: skip


def _named(line: Line, person_id: str, roles: frozenset[str]) -> bool:
    return person_id in line.people or not roles.isdisjoint(line.roles)


def check(
    session: Session, actor: Actor, unit: Unit, version: BulletinVersion, given: Sequence[Approval] = ()
) -> Verdict:
    """Return how the actor may approve. Raises Forbidden, or Conflict where they have done so already."""
    found = verdict(held(session, unit), actor, unit, version, given)
    if found.code == "second_person":
        raise Conflict(found.why_not, code=found.code)
    if found.why_not:
        raise Forbidden(found.why_not, code=found.code)
    return found


def given(session: Session, version_id: str) -> Sequence[Approval]:
    """Who has approved a version, in order."""
    query = select(Approval).where(Approval.version_id == version_id)
    return session.exec(query.order_by(col(Approval.at), col(Approval.person_id))).all()


def settle(session: Session, actor: Actor, unit: Unit, rule: Rule, now: datetime) -> None:
    """Set what the unit itself asks, besides what those above ask. Raises InvalidInput."""
    actor.require(Permission.ADMINISTER, unit)
    _check(session, rule)
    row = session.get(ApprovalRule, unit.id)
    if rule == Rule():
        if row is not None:
            session.delete(row)
    else:
        row = row or ApprovalRule(unit_id=unit.id, settled_by="", settled_at=now)
        row.two_persons, row.never_own = sorted(rule.two_persons), rule.never_own
        row.lines = [line.written() for line in rule.lines]
        row.settled_by, row.settled_at = actor.id, now
        session.add(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="unit.approval_rule", subject=unit.id, unit_id=unit.id, now=now,
        two_persons=sorted(rule.two_persons), never_own=rule.never_own, lines=[line.written() for line in rule.lines],
    )  # fmt: skip


def _check(session: Session, rule: Rule) -> None:
    if len(rule.lines) > MOST_LINES:
        raise InvalidInput(N_("A unit has at most %(limit)s rules."), fields={"lines": "count"}, limit=MOST_LINES)
    named = {each for line in rule.lines for each in line.people}
    if len(named) > MOST_PEOPLE:
        raise InvalidInput(N_("Name at most %(limit)s people."), fields={"people": "count"}, limit=MOST_PEOPLE)
    known = set(session.exec(select(Person.id).where(col(Person.id).in_(named))).all())
    fields = set(session.exec(select(Subject.code)).all())
    for line in rule.lines:
        if not line.roles and not line.people:
            raise InvalidInput(N_("Say which roles or which people approve."), fields={"roles": "empty"})
        good = (
            line.fields <= fields and line.priorities <= set(PRIORITIES) and line.roles <= set(ROLES)
            and line.people <= known
        )  # fmt: skip
        if not good:
            raise InvalidInput(
                N_("A rule names fields, priorities, roles and people that there are."), fields={"lines": "unknown"}
            )
    if not rule.two_persons <= set(PRIORITIES):
        raise InvalidInput(
            N_("A rule names fields, priorities, roles and people that there are."), fields={"two_persons": "unknown"}
        )
