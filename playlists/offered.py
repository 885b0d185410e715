"""What of the units above is open to a unit because it was offered to it: the approved version, and nothing else."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from core.errors import NotFound
from playlists.models import Bulletin, BulletinVersion, Rendition
from playlists.offer_models import Offer, OfferTarget
from registry.models import Unit
from registry.rights import Actor, Permission

WAITING, TAKEN, DECLINED, IN_LINE = "waiting", "taken", "declined", "in_line"


def find(session: Session, actor: Actor, bulletin_id: str, unit: Unit) -> Bulletin:
    """A bulletin that may be put into a programme of `unit`: one the actor sees, or one that the unit has taken.

    Raises NotFound for every other.
    """
    bulletin = session.get(Bulletin, bulletin_id)
    home = session.get(Unit, bulletin.unit_id) if bulletin is not None else None
    if bulletin is None or home is None:
        raise NotFound
    if actor.may(Permission.SEE, home):
        return bulletin
    query = select(OfferTarget.unit_id).join(Offer, col(Offer.id) == OfferTarget.offer_id)
    there = query.where(
        Offer.bulletin_id == bulletin.id, OfferTarget.unit_id == unit.id, col(OfferTarget.state).in_((TAKEN, IN_LINE))
    ).limit(1)
    if not actor.may(Permission.SEE, unit) or session.exec(there).first() is None:
        raise NotFound
    return bulletin


def may_hear(session: Session, actor: Actor, clip_id: str) -> bool:
    """Whether a clip sounds in the approved version of a bulletin that was offered to a unit the actor sees."""
    query = (
        select(Offer.id)
        .join(OfferTarget, col(OfferTarget.offer_id) == Offer.id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .join(Bulletin, col(Bulletin.id) == Offer.bulletin_id)
        .join(
            BulletinVersion,
            (col(BulletinVersion.bulletin_id) == Bulletin.id) & (col(BulletinVersion.number) == Bulletin.approved),
        )
        .join(Rendition, col(Rendition.version_id) == BulletinVersion.id, isouter=True)
        .where(
            (col(BulletinVersion.clip_id) == clip_id) | (col(Rendition.clip_id) == clip_id),
            actor.within(Permission.SEE, col(Unit.path)),
        )
        .limit(1)
    )
    return session.exec(query).first() is not None


def titles(session: Session, actor: Actor, bulletin_ids: list[str]) -> dict[str, str]:
    """Titles of those of these bulletins that were offered to a unit the actor sees, as they were approved, by id."""
    query = (
        select(Bulletin.id, BulletinVersion.title)
        .join(BulletinVersion, col(BulletinVersion.bulletin_id) == Bulletin.id)
        .join(Offer, col(Offer.bulletin_id) == Bulletin.id)
        .join(OfferTarget, col(OfferTarget.offer_id) == Offer.id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .where(
            col(BulletinVersion.number) == Bulletin.approved,
            col(Bulletin.id).in_(bulletin_ids),
            actor.within(Permission.SEE, col(Unit.path)),
        )
        .distinct()
    )
    return dict(session.exec(query).all())


def in_line_at(session: Session, programme_ids: Sequence[str]) -> list[tuple[str, str, datetime, bool]]:
    """What stands in line in these programmes: programme, bulletin, instant of the occurrence, after the unit's own."""
    rows = session.exec(
        select(OfferTarget.programme_id, Offer.bulletin_id, OfferTarget.airs_at, OfferTarget.after_own)
        .join(Offer, col(Offer.id) == OfferTarget.offer_id)
        .where(
            col(OfferTarget.programme_id).in_(programme_ids), col(OfferTarget.airs_at).is_not(None),
            OfferTarget.state == IN_LINE,
        )
        .order_by(col(OfferTarget.offer_id))
    ).all()  # fmt: skip
    return [(programme or "", bulletin, at, after) for programme, bulletin, at, after in rows if at is not None]
