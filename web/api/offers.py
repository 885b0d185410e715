"""Script API: bulletins that are sent to the units below, and what each of them makes of it."""

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, request
from sqlmodel import Session

from core.errors import N_, InvalidInput
from playlists import bulletins, offer_lists, offer_recipients, offers
from playlists.offer_models import Offer, OfferTarget
from playlists.offers import Found
from registry.models import Unit
from scheduler import bulletin_air, in_line, offer_notices, reached
from web.access import actor, for_scripts
from web.api.offer_bodies import (
    OfferAnswer,
    OfferBody,
    OfferDeclineBody,
    OfferedAnswer,
    OfferOrderBody,
    OfferTakeBody,
    OfferUnitAnswer,
)
from web.api.reading import answer, body, cursor, listed, page_size
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/offers", create_offer),
        ("GET", "/offers", list_offers),
        ("GET", "/offers/<identity>", show_offer),
        ("POST", "/offers/<identity>/take", take_offer),
        ("POST", "/offers/<identity>/decline", decline_offer),
        ("POST", "/offers/<identity>/order", order_offer),
        ("POST", "/offers/<identity>/remind", remind_offer),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def create_offer() -> Response:
    """Send an approved bulletin to units below its own, or to all of them, in one step."""
    here, wanted = house(), body(OfferBody)
    with here.database.write() as session:
        bulletin, home, _ = bulletins.find(session, actor(), wanted.bulletin)
        if wanted.audience is None:
            names = offer_recipients.named(session, actor(), home, "all", (), ())
        else:
            named = [_named(each) for each in wanted.audience]
            names = offer_recipients.named(
                session, actor(), home, "", [name for kind, name in named if kind == "unit"],
                [name for kind, name in named if kind == "group"],
            )  # fmt: skip
        made = offers.offer(session, actor(), bulletin.id, names, wanted.note, here.clock())
        if made.priority != "ordinary":
            in_line.line_up(session, here.clock())
        return answer(_sent(session, made, home), 201)


def _named(name: str) -> tuple[str, str]:
    """Kind and name of one of `for`; a bare name is a unit's."""
    kind, _, rest = name.partition(":")
    if rest and kind not in {"unit", "group"}:
        raise InvalidInput(
            N_("An offer goes to units, such as unit:79.123, or to the units of a group."), fields={"for": "form"}
        )
    return (kind, rest) if rest else ("unit", name)


@for_scripts
def list_offers() -> Response:
    """What was offered to the units the caller sees, the newest first; `state` narrows."""
    limit = page_size()
    with house().database.read() as session:
        rows = offer_lists.arrived(
            session, actor(), state=request.args.get("state") or None, before=cursor("zz"), limit=limit + 1
        )
        items = [_arrived(row) for row in rows[:limit]]
        last = f"{rows[limit - 1].offer.id}/{rows[limit - 1].unit.id}" if len(rows) > limit else None
    return listed(items, last)


@for_scripts
def show_offer(identity: str) -> Response:
    """What was sent, and what became of it at each unit; for the unit that sent it."""
    with house().database.read() as session:
        return answer(_sent(session, *offers.sent(session, actor(), identity)))


@for_scripts
def take_offer(identity: str) -> Response:
    """Take what was offered to a unit: into a programme, else as its writers proposed, or to be put somewhere later."""
    here, wanted = house(), body(OfferTakeBody)
    with here.database.write() as session:
        taken = offers.take(session, actor(), identity, wanted.unit, wanted.programme or None, here.clock())
        if not wanted.programme:
            bulletin = session.get_one(Offer, identity).bulletin_id
            bulletin_air.carry_out(session, actor(), bulletin, here.clock(), at=taken.unit_id)
        return answer(_arrived(offers.find(session, actor(), identity, wanted.unit)))


@for_scripts
def decline_offer(identity: str) -> Response:
    """Decline what was offered to a unit, and say why."""
    here, wanted = house(), body(OfferDeclineBody)
    with here.database.write() as session:
        offers.decline(session, actor(), identity, wanted.unit, wanted.reason, here.clock())
        return answer(_arrived(offers.find(session, actor(), identity, wanted.unit)))


@for_scripts
def order_offer(identity: str) -> Response:
    """Put what stands in line before or after the unit's own bulletins with priority."""
    here, wanted = house(), body(OfferOrderBody)
    with here.database.write() as session:
        offers.put_in_order(
            session, actor(), identity, wanted.unit, after_own=wanted.after_own, now=here.clock()
        )  # fmt: skip
        return answer(_arrived(offers.find(session, actor(), identity, wanted.unit)))


@for_scripts
def remind_offer(identity: str) -> Response:
    """Remind those who may answer where nobody has, each of them once a day at most."""
    here = house()
    with here.database.write() as session:
        reminded = offers.remind(session, actor(), identity, here.clock())
        made, home = offers.sent(session, actor(), identity)
        offer_notices.write(session, made.bulletin_id, reminded.people, here.settings, here.clock())
        return answer(_sent(session, made, home))


def _arrived(row: Found) -> OfferedAnswer:
    version, target, made = row.version, row.target, row.offer
    return OfferedAnswer(
        offer=made.id, unit=row.unit.code, sender=row.home.code, bulletin=made.bulletin_id,
        title=version.title if version else "", text=version.text if version else "",
        clip=version.clip_id if version else None, language=version.language if version else "",
        field=version.field if version else "", priority=made.priority, note=made.note, state=target.state,
        withdrawn=version is None, reason=target.reason, programme=target.programme_id, airs_at=target.airs_at,
        after_own=target.after_own, automatic=target.automatic, offered_at=made.offered_at,
        answered_at=target.answered_at,
    )  # fmt: skip


def _sent(session: Session, made: Offer, home: Unit) -> OfferAnswer:
    lines = [line for line in offer_lists.of_bulletin(session, made.bulletin_id) if line.offer.id == made.id]
    heard = reached.heard_in(session, made.bulletin_id, [line.unit for line in lines])
    return OfferAnswer(
        id=made.id, bulletin=made.bulletin_id, unit=home.code, priority=made.priority, note=made.note,
        offered_at=made.offered_at, reminded_at=made.reminded_at,
        units=[_line(line.target, line.unit, heard) for line in lines],
    )  # fmt: skip


def _line(target: OfferTarget, unit: Unit, heard: Mapping[str, datetime]) -> OfferUnitAnswer:
    return OfferUnitAnswer(
        unit=unit.code, state=target.state, reason=target.reason, answered_at=target.answered_at,
        airs_at=target.airs_at, heard_at=heard.get(unit.id),
    )  # fmt: skip
