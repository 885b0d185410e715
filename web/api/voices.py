"""Script API: the voices of this installation, and how a unit wants each language spoken."""

from flask import Blueprint, Response

from audio import voicing
from audio.deadline import Deadline
from audio.engines.roster import roster
from audio.models import VoiceChoice
from registry import units
from web.access import actor, for_scripts
from web.api.bodies import VoiceAnswer, VoicesAnswer, VoicesBody
from web.api.reading import answer, body, listed
from web.app import house

_PATIENCE_SECONDS = 30.0


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/voices", list_voices),
        ("GET", "/units/<identity>/voices", list_unit_voices),
        ("PUT", "/units/<identity>/voices/<language>", put_unit_voices),
        ("DELETE", "/units/<identity>/voices/<language>", remove_unit_voices),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _choice(row: VoiceChoice) -> VoicesAnswer:
    return VoicesAnswer(
        language=row.language, voices=row.voices, speed=row.speed, pitch=row.pitch, preset=row.preset, twice=row.twice
    )


@for_scripts
def list_voices() -> Response:
    """Every voice of this installation and whether it answers now; what was found out holds for a minute."""
    found = roster(house().settings).presence(Deadline(_PATIENCE_SECONDS))
    items = [
        VoiceAnswer(
            id=each.voice.id, engine=each.voice.engine, language=each.voice.language, title=each.voice.title,
            answers=not each.why, why=each.why,
        )
        for each in found
    ]  # fmt: skip
    return listed(items, None)


@for_scripts
def list_unit_voices(identity: str) -> Response:
    """The unit's own choices, by language; what it inherits stands with the units above."""
    with house().database.read() as session:
        rows = voicing.entries(session, units.find(session, actor(), identity))
    return listed([_choice(row) for row in rows], None)


@for_scripts
def put_unit_voices(identity: str, language: str) -> Response:
    """Say how a language is spoken in this unit and below; saying it again replaces it."""
    here, wanted = house(), body(VoicesBody)
    manner = voicing.Manner(tuple(wanted.voices), wanted.speed, wanted.pitch, wanted.preset, wanted.twice)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        return answer(_choice(voicing.put(session, actor(), unit, language, manner, here.clock())))


@for_scripts
def remove_unit_voices(identity: str, language: str) -> Response:
    """Take back what the unit says of a language: from then on the units above decide."""
    here = house()
    with here.database.write() as session:
        voicing.remove(session, actor(), units.find(session, actor(), identity), language, here.clock())
    return answer({"language": language})
