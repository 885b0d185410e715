"""A live talk for an emergency, confirmed as the unit's rule has it for emergencies."""

from datetime import datetime

from sqlmodel import Session

from alerts import alarm_rules
from core.errors import N_, Conflict
from core.settings import Settings
from core.signing import Signer
from registry import second_factor
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, live
from scheduler.live import Wish
from scheduler.live_models import LiveTalk
from scheduler.models import Airing

_TWO_PEOPLE = N_(
    "Here a second person confirms each emergency, and nobody can confirm what is not said yet. Raise an emergency "
    "with a text or a recording, or speak without the tick for emergencies."
)


def begin(
    session: Session, actor: Actor, unit: Unit, wish: Wish, *, code: str, signer: Signer, settings: Settings,
    now: datetime,
) -> tuple[LiveTalk, Airing]:  # fmt: skip
    """Put a talk on air (`scheduler.live.begin`), after a check of `code` where an emergency takes a second factor.

    Raises Conflict where a second person would have to confirm it, InvalidInput for a wrong code.
    """
    if wish.emergency:
        actor.require(Permission.ALARM, unit)
        heard = audience.read(session, actor, wish.audience, Permission.ALARM)
        rule = alarm_rules.strictest(session, [unit, *heard.units])
        if rule == "second_person":
            raise Conflict(_TWO_PEOPLE, code="second_person")
        if rule == "second_factor":
            second_factor.check(session, actor.id, code, now)
    return live.begin(session, actor, unit, wish, signer=signer, settings=settings, now=now)
