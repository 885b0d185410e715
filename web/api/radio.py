"""Script API: who may listen to a unit's Internet radio."""

from flask import Blueprint, Response, url_for
from sqlmodel import Session

from registry import units
from registry.models import Unit
from web.access import actor, for_scripts
from web.api.bodies import RadioAnswer, RadioBody
from web.api.reading import answer, body
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/units/<identity>/radio", show_radio),
        ("PUT", "/units/<identity>/radio", put_radio),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def show_radio(identity: str) -> Response:
    """Who may listen to the Internet radio of a unit, where it is, and how many listen to the unit itself here."""
    with house().database.read() as session:
        return answer(_radio(session, units.find(session, actor(), identity)))


@for_scripts
def put_radio(identity: str) -> Response:
    """Let everybody listen here and below (true), nobody without an account (false), or as above (null)."""
    here, wanted = house(), body(RadioBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        units.open_radio(session, actor(), unit, wanted.public, here.clock())
        return answer(_radio(session, unit))


def _radio(session: Session, unit: Unit) -> RadioAnswer:
    here = house()
    held = units.inherited(units.ancestors(session, unit), here.settings.zone)
    return RadioAnswer(
        unit=unit.code, public=unit.public_radio, open=held.public_radio, path=url_for("radio.listen", name=unit.code),
        listeners=here.radio.listening_to(unit.id),
    )  # fmt: skip
