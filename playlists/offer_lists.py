"""Offers as they are listed: what came to the units somebody sees, and what became of what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select

from playlists.models import Bulletin, BulletinVersion
from playlists.offer_models import Offer, OfferTarget
from playlists.offered import IN_LINE, TAKEN, WAITING
from playlists.offers import Found
from registry.models import Grant, Unit
from registry.rights import Actor, Permission

MOST_COUNTED = 100


def arrived(
    session: Session, actor: Actor, *, state: str | None = None, before: str = "zz", limit: int = 25
) -> list[Found]:
    """What was offered to units the actor sees, the newest first, older than `before` (`offer/unit`)."""
    offer_id, _, unit_id = before.partition("/")
    older = (col(OfferTarget.offer_id) < offer_id) | (
        (col(OfferTarget.offer_id) == offer_id) & (col(OfferTarget.unit_id) < unit_id)
    )
    query = (
        select(Offer, OfferTarget, Unit, BulletinVersion)
        .join(OfferTarget, col(OfferTarget.offer_id) == Offer.id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .join(Bulletin, col(Bulletin.id) == Offer.bulletin_id)
        .join(
            BulletinVersion,
            (col(BulletinVersion.bulletin_id) == Bulletin.id) & (col(BulletinVersion.number) == Bulletin.approved),
            isouter=True,
        )
        .where(actor.within(Permission.SEE, col(Unit.path)), older)
    )
    if state:
        query = query.where(OfferTarget.state == state)
    query = query.order_by(col(OfferTarget.offer_id).desc(), col(OfferTarget.unit_id).desc()).limit(limit)
    rows = session.exec(query).all()
    wanted = {made.unit_id for made, _, _, _ in rows}
    homes = {unit.id: unit for unit in session.exec(select(Unit).where(col(Unit.id).in_(wanted))).all()}
    return [Found(made, target, unit, homes[made.unit_id], version) for made, target, unit, version in rows]


def waiting(session: Session, actor: Actor) -> int:
    """How many offers wait for an answer that the actor may give; at most 100 are counted. One query."""
    if not actor.may_somewhere(Permission.APPROVE):
        return 0
    some = (
        select(OfferTarget.offer_id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .join(Offer, col(Offer.id) == OfferTarget.offer_id)
        .join(Bulletin, col(Bulletin.id) == Offer.bulletin_id)
        .where(
            OfferTarget.state == WAITING, col(Bulletin.approved).is_not(None),
            actor.within(Permission.APPROVE, col(Unit.path)),
        )
        .limit(MOST_COUNTED)
        .subquery()
    )  # fmt: skip
    return session.exec(select(func.count()).select_from(some)).one()


@dataclass(frozen=True)
class Line:
    """What became of an offer at one unit."""

    offer: Offer
    target: OfferTarget
    unit: Unit


def of_bulletin(session: Session, bulletin_id: str) -> Sequence[Line]:
    """Every unit the bulletin went to, in the order of the tree. One query; at most 2,000 units."""
    rows = session.exec(
        select(Offer, OfferTarget, Unit)
        .join(OfferTarget, col(OfferTarget.offer_id) == Offer.id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .where(Offer.bulletin_id == bulletin_id)
        .order_by(col(Unit.path))
        .limit(2_000)
    ).all()
    return [Line(*row) for row in rows]


@dataclass(frozen=True)
class Taken:
    """A bulletin that a unit may put into its programmes, as it was approved above by `home`."""

    bulletin_id: str
    title: str
    home: str
    unit: Unit


def taken(session: Session, actor: Actor, unit: Unit | None = None, limit: int = 100) -> list[Taken]:
    """What units have taken (or `unit` alone) of units out of the actor's sight; the newest first. Two queries."""
    query = (
        select(Bulletin, BulletinVersion.title, Unit)
        .join(Offer, col(Offer.bulletin_id) == Bulletin.id)
        .join(OfferTarget, col(OfferTarget.offer_id) == Offer.id)
        .join(Unit, col(Unit.id) == OfferTarget.unit_id)
        .join(
            BulletinVersion,
            (col(BulletinVersion.bulletin_id) == Bulletin.id) & (col(BulletinVersion.number) == Bulletin.approved),
        )
        .where(col(OfferTarget.state).in_((TAKEN, IN_LINE)), actor.within(Permission.SEE, col(Unit.path)))
    )
    if unit is not None:
        query = query.where(Unit.id == unit.id)
    rows = session.exec(query.order_by(col(OfferTarget.offer_id).desc(), col(Unit.path)).limit(limit)).all()
    wanted = {bulletin.unit_id for bulletin, _, _ in rows}
    homes = {each.id: each for each in session.exec(select(Unit).where(col(Unit.id).in_(wanted))).all()}
    return [
        Taken(bulletin.id, title, homes[bulletin.unit_id].name, place)
        for bulletin, title, place in rows
        if not actor.may(Permission.SEE, homes[bulletin.unit_id])
    ]


def newest_of(session: Session, bulletin_id: str) -> Offer | None:
    """The last time the bulletin was sent somewhere."""
    query = select(Offer).where(Offer.bulletin_id == bulletin_id)
    return session.exec(query.order_by(col(Offer.offered_at).desc()).limit(1)).first()


def below(session: Session, home: Unit, limit: int = 1_000) -> Sequence[Unit]:
    """The units that a bulletin of `home` may be sent to: right below, and deeper ones with people of their own."""
    peopled = select(Grant.unit_id).where(col(Grant.unit_id).is_not(None))
    deeper = col(Unit.path).startswith(home.path, autoescape=True) & col(Unit.id).in_(peopled) & (Unit.id != home.id)
    query = select(Unit).where((col(Unit.parent_id) == home.id) | deeper, col(Unit.merged_into).is_(None))
    return session.exec(query.order_by(col(Unit.path)).limit(limit)).all()
