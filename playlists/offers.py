"""One announcement for many units: a bulletin offered to units below, and what each of them makes of it.

Ordinary bulletins are *offered*: the unit takes them into a programme of its own, or declines and says why. Those with
priority stand *in line*: they come into the unit's next programme by themselves (`scheduler.in_line`), and the unit
decides their order against its own priority bulletins (Circular 39/2020/TT-BTTTT). Emergencies go on air as such and
are never offered.

Nothing is copied: a unit's programme holds the bulletin itself, so that a new version counts everywhere and one that is
withdrawn above is withdrawn everywhere. The content is answered for by who approved it; that it sounds at the unit, by
who took it there, who must be one that the unit's rule lets approve such bulletins.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from playlists import approval_rules, bulletins, offer_deciders, programmes
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem
from playlists.offer_models import Offer, OfferRule, OfferTarget
from playlists.offered import DECLINED, IN_LINE, TAKEN, WAITING
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from registry.units import find as find_unit

STATES = (WAITING, IN_LINE, TAKEN, DECLINED)
MOST_UNITS = 1_000
_MAX_NOTE = 500
_MAX_REASON = 1_000
_CHUNK = 400


@dataclass(frozen=True)
class Found:
    """An offer at one unit, with what is offered: the version that is approved now, None where there is none."""

    offer: Offer
    target: OfferTarget
    unit: Unit
    home: Unit
    version: BulletinVersion | None


def offer(
    session: Session, actor: Actor, bulletin_id: str, unit_ids: Collection[str], note: str, now: datetime
) -> Offer:
    """Send an approved bulletin to these units (ids or codes) below its own, in one step.

    Units that it went to before are left as they are. Raises InvalidInput for a unit that doesn't lie below or too
    many, Conflict for one that is not approved or an emergency, or where nobody new is named.
    """
    bulletin, home, _ = bulletins.find(session, actor, bulletin_id)
    actor.require(Permission.APPROVE, home)
    version = approved(session, bulletin)
    if version is None:
        raise Conflict(N_("Only an approved bulletin can be sent to other units."), code="not_approved")
    if version.priority == "emergency":
        raise Conflict(N_("An emergency is not offered: raise it, and it sounds at once."), code="emergency")
    units = _below(session, home, unit_ids)
    had = _had(session, bulletin.id)
    fresh = [unit for unit in units if unit.id not in had]
    if not fresh:
        raise Conflict(N_("It has been sent to all of these already."), code="sent_already")
    made = Offer(
        id=new_id("of"), bulletin_id=bulletin.id, unit_id=home.id, priority=version.priority,
        note=" ".join(note.split())[:_MAX_NOTE], offered_by=actor.id, offered_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    state = WAITING if version.priority == "ordinary" else IN_LINE
    rows = [{"offer_id": made.id, "unit_id": unit.id, "state": state, "reason": ""} for unit in fresh]
    session.execute(insert(OfferTarget), rows)
    audit.record(
        session, actor=actor.username, action="offer.send", subject=bulletin.id, unit_id=home.id, now=now,
        offer=made.id, priority=version.priority, count=len(fresh), units=[unit.code for unit in fresh],
    )  # fmt: skip
    if state == WAITING:
        _take_by_rule(session, made, version, fresh, now)
    return made


def approved(session: Session, bulletin: Bulletin) -> BulletinVersion | None:
    """The version that may sound now."""
    if bulletin.approved is None:
        return None
    return session.exec(
        select(BulletinVersion).where(
            BulletinVersion.bulletin_id == bulletin.id, BulletinVersion.number == bulletin.approved
        )
    ).first()


def _below(session: Session, home: Unit, names: Collection[str]) -> list[Unit]:
    wanted = sorted(set(names))
    if not 1 <= len(wanted) <= MOST_UNITS:
        raise InvalidInput(
            N_("Choose between 1 and %(limit)s units."), fields={"for": "count"}, limit=MOST_UNITS
        )  # fmt: skip
    found: dict[str, Unit] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        query = select(Unit).where(col(Unit.id).in_(chunk) | col(Unit.code).in_(chunk))
        found.update((unit.id, unit) for unit in session.exec(query).all())
    inside = [unit for unit in found.values() if unit.id != home.id and unit.path.startswith(home.path)]
    good = [unit for unit in inside if not unit.merged_into]
    if len(good) != len(found) or not set(wanted) <= {name for unit in good for name in (unit.id, unit.code)}:
        raise InvalidInput(N_("Choose units below “%(unit)s”."), fields={"for": "unknown"}, unit=home.name)
    return sorted(good, key=lambda unit: unit.path)


def _had(session: Session, bulletin_id: str) -> set[str]:
    query = select(OfferTarget.unit_id).join(Offer, col(Offer.id) == OfferTarget.offer_id)
    return set(session.exec(query.where(Offer.bulletin_id == bulletin_id)).all())


def _take_by_rule(
    session: Session, made: Offer, version: BulletinVersion, units: Sequence[Unit], now: datetime
) -> None:
    """Let those units have it at once whose own rule says so; a programme that is full is left for a person."""
    by_id = {unit.id: unit for unit in units}
    rules: list[OfferRule] = []
    for start in range(0, len(units), _CHUNK):
        ids = [unit.id for unit in units[start : start + _CHUNK]]
        rules += session.exec(select(OfferRule).where(col(OfferRule.unit_id).in_(ids))).all()
    for rule in rules:
        if rule.fields and version.field not in rule.fields:
            continue
        programme = session.get_one(Programme, rule.programme_id)
        target = session.get_one(OfferTarget, (made.id, rule.unit_id))
        try:
            put_in(session, programme, made.bulletin_id, now)
        except Conflict:
            continue
        target.state, target.automatic, target.programme_id = TAKEN, True, programme.id
        target.answered_by, target.answered_at = rule.settled_by, now
        session.add(target)
        _note(session, "system", "offer.take", made, by_id[rule.unit_id], now, programme=programme.id, automatic=True)


def take(
    session: Session, actor: Actor, offer_id: str, unit_name: str, programme_id: str | None, now: datetime
) -> OfferTarget:
    """Let the unit's programme say it, at its end; without a programme it is taken, and put somewhere later.

    Raises NotFound, Forbidden for who may not approve such bulletins there, Conflict.
    """
    found = find(session, actor, offer_id, unit_name)
    stead = _answer_for(session, actor, found)
    if found.target.state not in {WAITING, DECLINED, TAKEN}:
        raise Conflict(N_("A bulletin with priority comes into your next programme by itself."), code="in_line")
    if programme_id:
        programme, unit = programmes.find(session, actor, programme_id)
        if unit.id != found.unit.id:
            raise NotFound
        put_in(session, programme, found.offer.bulletin_id, now)
    target = found.target
    target.state, target.reason, target.programme_id = TAKEN, "", programme_id or target.programme_id
    target.answered_by, target.answered_at = actor.id, now
    session.add(target)
    detail = stead | ({"programme": programme_id} if programme_id else {})
    _note(session, actor.username, "offer.take", found.offer, found.unit, now, **detail)
    return target


def decline(session: Session, actor: Actor, offer_id: str, unit_name: str, reason: str, now: datetime) -> OfferTarget:
    """Say no, and why, to the unit above. Raises Conflict where it is in a programme, or has priority."""
    found = find(session, actor, offer_id, unit_name)
    stead = _answer_for(session, actor, found, alive=False)
    if found.target.state == IN_LINE or found.offer.priority != "ordinary":
        raise Conflict(
            N_("A bulletin with priority can't be declined; you decide its order in your programme."), code="in_line"
        )
    if found.target.state == TAKEN and found.target.programme_id:
        raise Conflict(N_("It is in your programme. Take it out there first."), code="taken")
    if not reason.strip():
        raise InvalidInput(N_("Say why, so that the unit above knows."), fields={"reason": "empty"})
    target = found.target
    target.state, target.reason = DECLINED, reason.strip()[:_MAX_REASON]
    target.answered_by, target.answered_at = actor.id, now
    session.add(target)
    _note(session, actor.username, "offer.decline", found.offer, found.unit, now, reason=target.reason, **stead)
    return target


def put_in_order(
    session: Session, actor: Actor, offer_id: str, unit_name: str, *, after_own: bool, now: datetime
) -> OfferTarget:
    """Let what stands in line come before, or after, the unit's own priority bulletins. Raises Conflict."""
    found = find(session, actor, offer_id, unit_name)
    if not actor.may(Permission.SCHEDULE, found.unit):
        actor.require(Permission.APPROVE, found.unit)
    if found.target.state != IN_LINE:
        raise Conflict(N_("It does not stand in line any more."))
    found.target.after_own = after_own
    session.add(found.target)
    _note(session, actor.username, "offer.order", found.offer, found.unit, now, after_own=after_own)
    if found.target.programme_id:
        changes.announce(session, "timetable", [f"programme:{found.target.programme_id}"], now)
    return found.target


def put_in(session: Session, programme: Programme, bulletin_id: str, now: datetime) -> None:
    """Put a bulletin behind what a programme says, before its closing tune and fills; once. Raises Conflict."""
    items = list(programmes.items(session, programme.id))
    if any(item.bulletin_id == bulletin_id for item in items):
        return
    if len(items) >= programmes.MAX_ITEMS:
        raise Conflict(N_("“%(title)s” is full."), title=programme.title)
    place = len(items)
    while place > 1 and items[place - 1].role:
        place -= 1
    for position, item in enumerate(items):
        item.position = position if position < place else position + 1
        session.add(item)
    session.add(
        ProgrammeItem(
            id=new_id("pi"), programme_id=programme.id, position=place, kind="bulletin", bulletin_id=bulletin_id
        )
    )
    session.flush()
    changes.announce(session, "timetable", [f"programme:{programme.id}"], now)


def _answer_for(session: Session, actor: Actor, found: Found, *, alive: bool = True) -> dict[str, str]:
    """What the log says of in whose stead the actor answers for the unit.

    Raises Forbidden for who may not; Conflict when it was withdrawn, unless that does not matter.
    """
    actor.require(Permission.APPROVE, found.unit)
    if found.version is None:
        if alive:
            raise Conflict(N_("The unit above has withdrawn it."), code="withdrawn")
        return {}
    of = approval_rules.check(session, actor, found.unit, found.version).deputy_of
    person = session.get(Person, of) if of else None
    return {"deputy_of": person.username} if person is not None else {}


def settle(
    session: Session, actor: Actor, unit: Unit, programme_id: str | None, fields: Collection[str], now: datetime
) -> None:
    """Let ordinary offers of these fields (none: all) go into this programme of the unit at once; None: ask first."""
    actor.require(Permission.APPROVE, unit)
    row = session.get(OfferRule, unit.id)
    if programme_id is None:
        if row is not None:
            session.delete(row)
    else:
        programme, home = programmes.find(session, actor, programme_id)
        if home.id != unit.id:
            raise NotFound
        row = row or OfferRule(unit_id=unit.id, programme_id=programme.id, settled_by="", settled_at=now)
        row.programme_id, row.fields, row.settled_by, row.settled_at = programme.id, sorted(fields), actor.id, now
        session.add(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="unit.offer_rule", subject=unit.id, unit_id=unit.id, now=now,
        programme=programme_id, fields=sorted(fields),
    )  # fmt: skip


def find(session: Session, actor: Actor, offer_id: str, unit_name: str) -> Found:
    """An offer as it stands at a unit the actor sees. Raises NotFound."""
    unit = find_unit(session, actor, unit_name)
    target = session.get(OfferTarget, (offer_id, unit.id))
    made = session.get(Offer, offer_id)
    bulletin = session.get(Bulletin, made.bulletin_id) if made is not None else None
    if target is None or made is None or bulletin is None:
        raise NotFound
    return Found(made, target, unit, session.get_one(Unit, made.unit_id), approved(session, bulletin))


def sent(session: Session, actor: Actor, offer_id: str) -> tuple[Offer, Unit]:
    """An offer of a unit the actor sees, with that unit. Raises NotFound."""
    made = session.get(Offer, offer_id)
    home = session.get(Unit, made.unit_id) if made is not None else None
    if made is None or home is None or not actor.may(Permission.SEE, home):
        raise NotFound
    return made, home


@dataclass(frozen=True)
class Reminded:
    """Who was reminded: people by id with the units they may answer for. At the units in `nobody` no one may."""

    people: Mapping[str, Sequence[Unit]]
    units: Sequence[Unit]
    nobody: Sequence[Unit]


def remind(session: Session, actor: Actor, offer_id: str, now: datetime) -> Reminded:
    """Note that those are reminded who may answer where nobody has, each of them once a day at most.

    Returns them, for the notices to be written. Raises Conflict where there is nobody to remind now.
    """
    made, home = sent(session, actor, offer_id)
    actor.require(Permission.APPROVE, home)
    late = session.exec(
        select(Unit)
        .join(OfferTarget, col(OfferTarget.unit_id) == Unit.id)
        .where(OfferTarget.offer_id == made.id, OfferTarget.state == WAITING)
        .order_by(col(Unit.path))
    ).all()
    if not late:
        raise Conflict(N_("Everybody has answered already."))
    version = approved(session, session.get_one(Bulletin, made.bulletin_id))
    if version is None:
        raise Conflict(N_("The bulletin is withdrawn: nobody needs to answer any more."), code="withdrawn")
    deciding = offer_deciders.of_units(session, home, late, version, now)
    lately = offer_deciders.reminded_lately(session, {each for those in deciding.values() for each in those}, now)
    people: dict[str, list[Unit]] = {}
    for unit in late:
        for person in deciding[unit.id]:
            if person not in lately:
                people.setdefault(person, []).append(unit)
    if not people and lately:
        raise Conflict(N_("Those who may answer there were reminded within the last day."), code="reminded")
    if not people:
        raise Conflict(N_("Nobody at these units may answer: none of them has anybody who may approve."), code="nobody")
    offer_deciders.note(session, made, people, now)
    made.reminded_at = now
    session.add(made)
    audit.record(
        session, actor=actor.username, action="offer.remind", subject=made.bulletin_id, unit_id=home.id, now=now,
        offer=made.id, count=len(late), people=len(people),
    )  # fmt: skip
    return Reminded(people, late, [unit for unit in late if not deciding[unit.id]])


def _note(session: Session, who: str, action: str, made: Offer, unit: Unit, now: datetime, **detail: object) -> None:
    audit.record(
        session, actor=who, action=action, subject=made.bulletin_id, unit_id=unit.id, now=now, offer=made.id, **detail
    )
