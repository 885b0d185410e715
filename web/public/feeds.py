"""What can be subscribed to: the podcast with its picture, and the timetable as a calendar."""

import hashlib
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext

from core.errors import NotFound
from scheduler import public_log
from web.access import anyone
from web.app import house
from web.public import art, page, podcast, shell

EPISODES = 100
_DAY = 86_400
_QUARTER = 900


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/<code>/feed.xml", endpoint="feed", view_func=feed)
    blueprint.add_url_rule("/<code>/art.png", endpoint="picture", view_func=picture)
    blueprint.add_url_rule("/<code>/timetable.ics", endpoint="calendar", view_func=calendar)


@anyone
def feed(code: str) -> Response:
    """The podcast of a unit. Its addresses are whole ones, so there is none where `public_url` is not set."""
    here, base = house(), shell.base_address()
    with here.database.read() as session:
        unit = shell.place(session, code).unit
        if not base:
            raise NotFound
        told = public_log.newest(session, unit, here.clock(), EPISODES)

    def address(name: str, **values: Any) -> str:
        return base + url_for(f"public.{name}", code=code, **values, lang=None)

    episodes = [
        podcast.Episode(
            guid=f"{each.id}-{sound.language}", title=each.title if sound.language == each.language
            else f"{each.title} ({sound.language})", text=each.text if sound.language == each.language else "",
            page=address("bulletin", identity=each.id),
            audio=address("sound", identity=each.id, language=sound.language), size=sound.size, seconds=sound.seconds,
            at=each.first_at,
        )
        for each in told for sound in page.recordings_of([each])[each.id]
    ]  # fmt: skip
    show = podcast.Show(
        title=gettext("Loudspeakers of %(unit)s", unit=unit.name),
        text=gettext("What the public loudspeakers of %(unit)s have said, to listen to again.", unit=unit.name),
        author=unit.name, page=address("page"), feed=address("feed"), art=address("picture"), language="vi",
    )  # fmt: skip
    return _kept(podcast.document(show, episodes), "application/rss+xml; charset=utf-8", _QUARTER)


@anyone
def picture(code: str) -> Response:
    """The square picture of the podcast."""
    with house().database.read() as session:
        unit = shell.place(session, code).unit
    return _kept(art.png(unit.id), "image/png", _DAY)


@anyone
def calendar(code: str) -> Response:
    """The timetable of a unit for any calendar: hours and titles of programmes."""
    here = house()
    with here.database.read() as session:
        unit = shell.place(session, code).unit
        content = public_log.calendar(session, unit, timedelta(days=here.settings.horizon_days), here.clock())
    return _kept(content, "text/calendar; charset=utf-8", _QUARTER)


def _kept(content: bytes, kind: str, seconds: int) -> Response:
    """The content with its entity tag; 304 for who has it already."""
    response = Response(content, content_type=kind)
    response.set_etag(hashlib.sha256(content).hexdigest()[:32], weak=True)
    response.headers["Cache-Control"] = "no-store" if request.cookies else f"public, max-age={seconds}"
    response.make_conditional(request)
    return response
