"""Who is told of concerns at a unit and below: e-mail addresses and addresses on the web, chosen by its operators.

And who is called there by phone, where an emergency was not heard.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from core import audit
from core.errors import N_, InvalidInput, NotFound
from core.ids import new_id
from core.settings import Settings
from registry.models import Grant, Person, Unit
from registry.rights import Actor, Permission
from scheduler import concerns, mail, notices, troubles, webhook
from scheduler.concern_models import Contact, Notice

MOST = 20
WAYS = ("email", "webhook", "phone")
MOST_NAME = 120
_PHONE = re.compile(r"\+?[0-9][0-9 .()-]{1,27}")
_FEWEST_DIGITS = 3  # 113, 114, 115 are numbers, too
_MOST_DIGITS = 15  # of a number anywhere in the world (ITU-T E.164)


def add(
    session: Session,
    actor: Actor,
    unit: Unit,
    *,
    way: str,
    address: str,
    kinds: Sequence[str],
    settings: Settings,
    now: datetime,
    name: str = "",
    phone: str = "",
    person: str = "",
) -> Contact:
    """Let somebody be told of concerns of these kinds at the unit and below. A webhook's `secret` is shown this once.

    Somebody with a `phone` is whom to call where an emergency was not heard; by way `phone`, whose `address` is the
    number, they are sent nothing. `person` is the id of who of those that sign in this is (`who_may_be`): what waits
    for their decision is told them here. Raises InvalidInput, also for an e-mail address where this server has no way
    to send any.
    """
    actor.require(Permission.OPERATE, unit)
    if way not in WAYS:
        raise InvalidInput(N_("Choose e-mail, an address on the web, or a phone number."), fields={"way": "unknown"})
    if way == "email" and not mail.is_set_up(settings):
        raise InvalidInput(
            N_("E-mail is not set up on this server (settings smtp_host and smtp_from)."), fields={"way": "absent"}
        )
    name = " ".join(name.split())
    if len(name) > MOST_NAME:
        raise InvalidInput(N_("A name has at most %(most)s characters."), fields={"name": "length"}, most=MOST_NAME)
    if way == "phone":
        understood = number = _number(address, "address")
        if not name:
            raise InvalidInput(N_("Say whose phone it is."), fields={"name": "empty"})
        kinds = ()
    else:
        understood = mail.understood(address) if way == "email" else webhook.understood(address, settings)
        number = _number(phone, "phone") if phone.strip() else ""
    if person and person not in {each.id for each in who_may_be(session, actor, unit)}:
        raise InvalidInput(N_("Choose somebody who has a role at this unit or below."), fields={"person": "unknown"})
    chosen = [kind for kind in concerns.KINDS if kind in kinds]
    if (not chosen and way != "phone") or len(chosen) != len(set(kinds)):
        raise InvalidInput(N_("Choose at least one thing to be told of."), fields={"kinds": "unknown"})
    there = select(func.count()).select_from(Contact).where(Contact.unit_id == unit.id)
    if session.exec(there).one() >= MOST:
        raise InvalidInput(N_("A unit has at most %(limit)s people and addresses to be told."), limit=MOST)
    contact = Contact(
        id=new_id("ct"), unit_id=unit.id, way=way, address=understood, kinds=chosen, created_by=actor.id,
        secret=secrets.token_urlsafe(32) if way == "webhook" else "", created_at=now, name=name, phone=number,
        person_id=person or None,
    )  # fmt: skip
    session.add(contact)
    session.flush()
    audit.record(
        session, actor=actor.username, action="contact.add", subject=contact.id, unit_id=unit.id, now=now, way=way,
        address=understood, kinds=chosen, name=name, phone=number,
    )  # fmt: skip
    return contact


def who_may_be(session: Session, actor: Actor, unit: Unit, limit: int = 300) -> Sequence[Person]:
    """The people with a role at the unit or below, by name: whom a contact there may be. Raises Forbidden, NotFound."""
    actor.require(Permission.OPERATE, unit)
    query = (
        select(Person)
        .join(Grant, col(Grant.person_id) == Person.id)
        .join(Unit, col(Unit.id) == Grant.unit_id)
        .where(col(Unit.path).startswith(unit.path, autoescape=True), col(Person.active))
        .distinct()
    )
    return session.exec(query.order_by(col(Person.name), col(Person.id)).limit(limit)).all()


def _number(typed: str, where: str) -> str:
    """A phone number as people write it. Raises InvalidInput for what can't be dialled."""
    text = " ".join(typed.split())
    digits = sum(each.isdecimal() for each in text)
    if not _PHONE.fullmatch(text) or not _FEWEST_DIGITS <= digits <= _MOST_DIGITS:
        raise InvalidInput(N_("Write a phone number in digits, such as 0912 345 678."), fields={where: "form"})
    return text


def of_unit(session: Session, actor: Actor, unit: Unit) -> list[tuple[Contact, Notice | None]]:
    """Who is told of concerns at the unit itself, each with the newest notice to them. Raises Forbidden, NotFound."""
    actor.require(Permission.OPERATE, unit)
    rows = session.exec(select(Contact).where(Contact.unit_id == unit.id).order_by(col(Contact.id))).all()
    newest: dict[str, Notice] = {}
    query = select(Notice).where(col(Notice.contact_id).in_([row.id for row in rows]))
    for notice in session.exec(query.order_by(col(Notice.created_at), col(Notice.id))).all():
        newest[notice.contact_id] = notice
    return [(row, newest.get(row.id)) for row in rows]


def find(session: Session, actor: Actor, contact_id: str) -> tuple[Contact, Unit]:
    """A contact of a unit whose stations the actor runs. Raises NotFound."""
    contact = session.get(Contact, contact_id)
    unit = session.get(Unit, contact.unit_id) if contact else None
    if contact is None or unit is None or not actor.may(Permission.OPERATE, unit):
        raise NotFound
    return contact, unit


def remove(session: Session, actor: Actor, contact_id: str, now: datetime) -> Unit:
    """Tell somebody nothing more; what was not sent to them yet is dropped."""
    contact, unit = find(session, actor, contact_id)
    session.execute(delete(Notice).where(col(Notice.contact_id) == contact.id))
    session.delete(contact)
    troubles.clear(session, "notice", [contact.id], now)
    audit.record(
        session, actor=actor.username, action="contact.remove", subject=contact.id, unit_id=unit.id, now=now,
        address=contact.address,
    )  # fmt: skip
    return unit


def test(session: Session, actor: Actor, contact_id: str, now: datetime) -> Notice:
    """Send a contact a message that says nothing but that messages arrive; it goes out within seconds."""
    contact, unit = find(session, actor, contact_id)
    if contact.way == "phone":
        raise InvalidInput(N_("To this person nothing is sent: they are called."))
    return notices.write_test(session, contact, unit, now)
