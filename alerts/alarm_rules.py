"""How an emergency is confirmed: the rule of a unit, inherited down the tree.

`tick`: the person ticks that they mean it. `second_factor`: they type a code of their telephone. `second_person`:
somebody else with the right to raise it confirms it. The nearest unit that says something counts. Anybody who
administers a unit may make its rule stricter than what holds above; only who administers the unit above may make it
looser, so that nobody lifts for themselves what was laid upon them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from core import audit
from core.errors import N_, Forbidden, InvalidInput
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission

RULES = ("tick", "second_factor", "second_person")  # the stricter, the later
USUAL = "tick"


def of_chain(chain: Sequence[Unit]) -> str:
    """The rule at the last unit of `chain` (root first)."""
    return next((unit.alarm_rule for unit in reversed(chain) if unit.alarm_rule in RULES), None) or USUAL


def strictest(session: Session, places: Iterable[Unit]) -> str:
    """The strictest of the rules that hold at these units: for an emergency in the name of one, heard in others."""
    return max((of_chain(units.ancestors(session, unit)) for unit in places), key=RULES.index, default=USUAL)


def settle(session: Session, actor: Actor, unit: Unit, rule: str | None, now: datetime) -> None:
    """Set the rule of a unit; None takes over what holds above. Raises InvalidInput, NotFound or Forbidden."""
    actor.require(Permission.ADMINISTER, unit)
    if rule is not None and rule not in RULES:
        raise InvalidInput(
            N_("An emergency is confirmed by a tick, a code or a second person."), fields={"alarm_rule": "unknown"}
        )
    above = units.ancestors(session, unit)[:-1]
    is_looser = bool(above) and RULES.index(rule or of_chain(above)) < RULES.index(of_chain(above))
    if is_looser and not actor.may(Permission.ADMINISTER, above[-1]):
        raise Forbidden(
            N_("Only an administrator of “%(unit)s” can make this rule looser than it is there."), unit=above[-1].name
        )
    former, unit.alarm_rule = unit.alarm_rule, rule
    session.add(unit)
    audit.record(
        session, actor=actor.username, action="unit.alarm_rule", subject=unit.id, unit_id=unit.id, now=now,
        rule=rule, former=former,
    )  # fmt: skip
