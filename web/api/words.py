"""Script API: the dictionary of a unit."""

from flask import Blueprint, Response

from audio import lexicon
from audio.models import Pronunciation
from registry import units
from web.access import actor, for_scripts
from web.api.bodies import WordAnswer, WordBody
from web.api.reading import answer, body, listed
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/units/<identity>/words", list_words),
        ("POST", "/units/<identity>/words", put_word),
        ("POST", "/units/<identity>/words/<word>/remove", remove_word),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _word(entry: Pronunciation) -> WordAnswer:
    return WordAnswer(id=entry.id, written=entry.written, spoken=entry.spoken)


@for_scripts
def list_words(identity: str) -> Response:
    """The unit's own words; what it inherits stands with the units above."""
    with house().database.read() as session:
        rows = lexicon.entries(session, units.find(session, actor(), identity))
    return listed([_word(row) for row in rows], None)


@for_scripts
def put_word(identity: str) -> Response:
    """Say how a word is spoken in this unit and below; saying it again replaces it."""
    here, wanted = house(), body(WordBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        entry = lexicon.put(session, actor(), unit, wanted.written, wanted.spoken, here.clock())
        return answer(_word(entry), 201)


@for_scripts
def remove_word(identity: str, word: str) -> Response:
    """Take a word out of the unit's own dictionary."""
    here = house()
    with here.database.write() as session:
        lexicon.remove(session, actor(), units.find(session, actor(), identity), word, here.clock())
    return answer({"id": word})
