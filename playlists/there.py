"""A bulletin where it is to sound: at the unit that wrote it, or at one below that it was sent to.

Of what was sent a unit has the approved version and nothing else (`playlists.offered`). Who may schedule at the unit
puts it on the timetable once somebody who may approve there has taken it (docs/decisions/0023).
"""

from dataclasses import dataclass

from sqlmodel import Session, case, col, select

from core.errors import N_, Conflict, NotFound
from playlists import approval_rules, bulletins, offers
from playlists.models import Bulletin, BulletinVersion
from playlists.offer_models import Offer, OfferTarget
from playlists.offered import DECLINED, IN_LINE, TAKEN
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission

_OPEN = (TAKEN, IN_LINE)


@dataclass(frozen=True)
class There:
    """A bulletin at `unit`, in the version that counts there. `target` is None where the unit wrote it itself."""

    bulletin: Bulletin
    unit: Unit
    version: BulletinVersion
    target: OfferTarget | None = None

    @property
    def taken(self) -> bool:
        """Whether the unit may put it on its timetable: it is its own, was taken, or comes in line by itself."""
        return self.target is None or self.target.state in _OPEN

    @property
    def sent_to(self) -> str | None:
        """The id of the unit it was sent to; None where the unit wrote it itself."""
        return self.unit.id if self.target is not None else None


def find(session: Session, actor: Actor, bulletin_id: str, at: str | None = None) -> There:
    """The bulletin at the unit `at` (id or code); without one at its own, else where it was sent to.

    Of several units in the actor's sight that it was sent to, the first that has taken it. Raises NotFound for what
    was neither written there nor sent there; Conflict for what is withdrawn above.
    """
    bulletin = session.get(Bulletin, bulletin_id)
    home = session.get(Unit, bulletin.unit_id) if bulletin is not None else None
    if bulletin is None or home is None:
        raise NotFound
    unit = units.find(session, actor, at) if at else None
    if (unit is None and actor.may(Permission.SEE, home)) or (unit is not None and unit.id == home.id):
        return There(*bulletins.find(session, actor, bulletin.id))
    query = (
        select(OfferTarget, Unit)
        .join(Offer, col(Offer.id) == OfferTarget.offer_id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .where(Offer.bulletin_id == bulletin.id, OfferTarget.state != DECLINED)
        .where(actor.within(Permission.SEE, col(Unit.path)))
    )
    if unit is not None:
        query = query.where(Unit.id == unit.id)
    ready = case((col(OfferTarget.state).in_(_OPEN), 0), else_=1)
    row = session.exec(query.order_by(ready, col(Unit.path), col(Offer.id)).limit(1)).first()
    if row is None:
        raise NotFound
    target, place = row
    version = offers.approved(session, bulletin)
    if version is None:
        raise Conflict(N_("The unit above has withdrawn it."), code="withdrawn")
    return There(bulletin, place, version, target)


def may_take(session: Session, actor: Actor, there: There) -> bool:
    """Whether the actor may answer for its sounding there, by the rules of the unit. One query."""
    return not approval_rules.verdict(
        approval_rules.held(session, there.unit), actor, there.unit, there.version
    ).why_not  # fmt: skip
