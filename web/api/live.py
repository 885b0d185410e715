"""Script API: speaking live."""

from flask import Blueprint, Response

from scheduler import live
from web.access import actor, for_scripts
from web.api.live_bodies import LiveAnswer, LiveBody, SoundAnswer
from web.api.reading import answer, body, cursor, listed, page_size
from web.app import house
from web.live import desk


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/live", create_live),
        ("GET", "/live", list_live),
        ("GET", "/live/<identity>", show_live),
        ("POST", "/live/<identity>/sound", send_live),
        ("POST", "/live/<identity>/end", end_live),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def create_live() -> Response:
    """Begin to speak live: stations begin to listen."""
    wanted, who = body(LiveBody), actor()
    wish = live.Wish(
        audience=wanted.audience, title=wanted.title, minutes=wanted.minutes, emergency=wanted.emergency,
        volume=wanted.volume, chime=wanted.chime, rate=wanted.rate,
    )  # fmt: skip
    made = desk.begin(who, wanted.unit, wish, wanted.code)
    return answer(LiveAnswer.model_validate(made), 201)


@for_scripts
def list_live() -> Response:
    """The talks of the units the caller sees, the newest first."""
    here, limit = house(), page_size()
    with here.database.read() as session:
        found = [
            LiveAnswer.model_validate(desk.standing(session, told.talk, told.airing, here.clock()))
            for told in live.visible(session, actor(), limit=limit + 1, after=cursor(""))
        ]
    return listed(found[:limit], found[limit - 1].id if len(found) > limit else None)


@for_scripts
def show_live(identity: str) -> Response:
    """How a talk stands, and who hears it."""
    return answer(LiveAnswer.model_validate(desk.show(actor(), identity)))


@for_scripts
def send_live(identity: str) -> Response:
    """Send sound of a talk: 16-bit little-endian mono PCM as the body, from the sample `?at` on."""
    return answer(SoundAnswer.model_validate(desk.take_sound(actor(), identity)))


@for_scripts
def end_live(identity: str) -> Response:
    """End a talk."""
    return answer(LiveAnswer.model_validate(desk.end(actor(), identity)))
