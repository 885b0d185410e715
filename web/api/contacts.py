"""Script API: who is told of concerns about the stations of a unit."""

from flask import Blueprint, Response

from core.clock import format_instant
from registry import units
from registry.models import Unit
from scheduler import contacts
from scheduler.concern_models import Contact, Notice
from web.access import actor, for_scripts
from web.api.reading import answer, body, listed
from web.api.station_bodies import ContactAnswer, ContactBody
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/units/<identity>/contacts", list_contacts),
        ("POST", "/units/<identity>/contacts", create_contact),
        ("POST", "/contacts/<identity>/retire", remove_contact),
        ("POST", "/contacts/<identity>/probe", test_contact),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def list_contacts(identity: str) -> Response:
    """Who is told of concerns at the unit, and how the last message to each went."""
    with house().database.read() as session:
        unit = units.find(session, actor(), identity)
        rows = contacts.of_unit(session, actor(), unit)
    return listed([_contact(contact, unit, notice) for contact, notice in rows], None)


@for_scripts
def create_contact(identity: str) -> Response:
    """Let somebody be told; the `secret` of a webhook is answered this once."""
    here, wanted = house(), body(ContactBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        made = contacts.add(
            session, actor(), unit, way=wanted.way, address=wanted.address, kinds=wanted.kinds, settings=here.settings,
            now=here.clock(), name=wanted.name, phone=wanted.phone,
        )  # fmt: skip
        return answer(_contact(made, unit, None, secret=made.secret or None), 201)


@for_scripts
def remove_contact(identity: str) -> Response:
    """Tell somebody nothing more."""
    here = house()
    with here.database.write() as session:
        contacts.remove(session, actor(), identity, here.clock())
    return answer({"id": identity, "removed": True})


@for_scripts
def test_contact(identity: str) -> Response:
    """Send a test message."""
    here = house()
    with here.database.write() as session:
        notice = contacts.test(session, actor(), identity, here.clock())
        return answer({"id": notice.id, "created_at": format_instant(notice.created_at)}, 201)


def _contact(contact: Contact, unit: Unit, notice: Notice | None, secret: str | None = None) -> ContactAnswer:
    state = None
    if notice is not None:
        state = "sent" if notice.sent_at else "failed" if notice.failed_at else "waiting"
    return ContactAnswer(
        id=contact.id, unit=unit.code, way=contact.way, address=contact.address, kinds=contact.kinds, secret=secret,
        name=contact.name, phone=contact.phone,
        last_state=state, last_at=notice.created_at if notice else None, last_error=notice.error if notice else "",
    )  # fmt: skip
