"""What was said, what sounds now, what comes today: the page of a unit, its archive, and each bulletin by itself."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Blueprint, Response, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from core.clock import format_instant
from core.clock import zone as known_zone
from core.errors import NotFound
from scheduler import public_log
from scheduler.public_log import Sound, Told
from web.access import anyone
from web.app import house
from web.panel import times
from web.public import shell

NEWEST = 8
MONTH = 150
_EXCERPT = 260
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HOUR = 3_600


@dataclass(frozen=True)
class Recording:
    """A sound whose file is there: `size` in bytes."""

    language: str
    seconds: float
    size: int


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/<code>", endpoint="page", view_func=page)
    blueprint.add_url_rule("/<code>/said", endpoint="archive", view_func=archive)
    blueprint.add_url_rule("/<code>/said/<identity>", endpoint="bulletin", view_func=bulletin)
    blueprint.add_url_rule("/<code>/said/<identity>/<language>.mp3", endpoint="sound", view_func=sound)


@anyone
def page(code: str) -> Response:
    """The first page: emergencies, what sounds, what was said last, today's timetable, how to subscribe."""
    here, now = house(), house().clock()
    with here.database.read() as session:
        place = shell.place(session, code)
        zone = known_zone(place.held.zone)
        start, end = times.day_of("", zone, now)
        told = public_log.newest(session, place.unit, now, NEWEST)
        return shell.render(
            "public/page.html",
            place=place,
            unit=place.unit,
            zone=zone,
            now=now,
            told=told,
            recordings=recordings_of(told),
            excerpt=excerpt,
            fields=shell.field_names(session),
            emergencies=public_log.emergencies(session, place.unit, now),
            sounding=public_log.on_air(session, place.unit, now),
            today=public_log.timetable(session, place.unit, start, end),
            feeds=bool(shell.base_address()),
            about=_about(place.unit.name, code, told),
        )


@anyone
def archive(code: str) -> Response:
    """What was said in one month, by title: the newest month unless one is asked for."""
    here = house()
    with here.database.read() as session:
        place = shell.place(session, code)
        months = public_log.months(session, place.unit)
        asked = request.args.get("month", "")
        if asked and (not _MONTH.fullmatch(asked) or asked not in months):
            raise NotFound
        month = asked or next(iter(months), "")
        told = public_log.of_month(session, place.unit, month, MONTH + 1) if month else []
        return shell.render(
            "public/archive.html", place=place, unit=place.unit, zone=known_zone(place.held.zone), months=months,
            month=month, told=told[:MONTH], cut=len(told) > MONTH,
        )  # fmt: skip


@anyone
def bulletin(code: str, identity: str) -> Response:
    """One bulletin: its text and its sound in the language asked for (`in`), as it was heard."""
    here = house()
    with here.database.read() as session:
        place = shell.place(session, code)
        told = public_log.one(session, place.unit, identity)
        spoken = {each.language for each in told.sounds}
        language = request.args.get("in", "") or (told.sounds[0].language if told.sounds else told.language)
        if language not in spoken:
            raise NotFound
        recording = next((each for each in recordings_of([told])[told.id] if each.language == language), None)
        return shell.render(
            "public/bulletin.html", place=place, unit=place.unit, zone=known_zone(place.held.zone), told=told,
            language_of=language, text=told.texts.get(language, ""), recording=recording,
            fields=shell.field_names(session), excerpt=excerpt, about=_article(place.unit.name, code, told, recording),
        )  # fmt: skip


@anyone
def sound(code: str, identity: str, language: str) -> AnyResponse:
    """The MP3 of a bulletin that was heard here, in ranges; nothing else of the store can be had by this address."""
    here = house()
    with here.database.read() as session:
        place = shell.place(session, code)
        told = public_log.one(session, place.unit, identity)
    found = next((each for each in told.sounds if each.language == language), None)
    if found is None or not has_file(found):
        raise NotFound
    response = send_file(
        here.store.path(found.sha256, "mp3").absolute(), mimetype="audio/mpeg", conditional=True, etag=found.sha256,
        last_modified=None, max_age=_HOUR,
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store" if request.cookies else f"public, max-age={_HOUR}"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def has_file(sound: Sound) -> bool:
    """Whether the sound can still be listened to."""
    return bool(_SHA256.fullmatch(sound.sha256)) and house().store.path(sound.sha256, "mp3").is_file()


def recordings_of(told: Iterable[Told]) -> dict[str, list[Recording]]:
    """What of these bulletins can be listened to again, by bulletin, with the true lengths of the files."""
    found: dict[str, list[Recording]] = {}
    for each in told:
        there = [sound for sound in each.sounds if has_file(sound)]
        found[each.id] = [
            Recording(one.language, one.seconds, house().store.path(one.sha256, "mp3").stat().st_size) for one in there
        ]
    return found


def excerpt(text: str, limit: int = _EXCERPT) -> str:
    """The beginning of a text, cut between words."""
    even = " ".join(text.split())
    if len(even) <= limit:
        return even
    return even[:limit].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _about(name: str, code: str, told: Iterable[Told]) -> dict[str, object]:
    """The page for search engines, in the words of schema.org; without addresses where none is set."""
    base = shell.base_address()
    if not base:
        return {"@context": "https://schema.org", "@type": "BroadcastService", "name": name}
    return {
        "@context": "https://schema.org", "@type": "BroadcastService", "name": name, "areaServed": name,
        "url": base + url_for("public.page", code=code, lang=None),
        "hasPart": [
            {
                "@type": "RadioEpisode", "name": each.title, "datePublished": format_instant(each.first_at),
                "inLanguage": each.language,
                "url": base + url_for("public.bulletin", code=code, identity=each.id, lang=None),
            }
            for each in told
        ],
    }  # fmt: skip


def _article(name: str, code: str, told: Told, recording: Recording | None) -> dict[str, object]:
    base = shell.base_address()
    found: dict[str, object] = {
        "@context": "https://schema.org", "@type": "RadioEpisode", "name": told.title,
        "datePublished": format_instant(told.first_at), "dateModified": format_instant(told.last_at),
        "inLanguage": told.language, "publisher": {"@type": "GovernmentOrganization", "name": name},
    }  # fmt: skip
    if base and recording is not None:
        found["url"] = base + url_for("public.bulletin", code=code, identity=told.id, lang=None)
        found["audio"] = {
            "@type": "AudioObject", "encodingFormat": "audio/mpeg", "contentSize": str(recording.size),
            "duration": f"PT{max(1, round(recording.seconds))}S", "inLanguage": recording.language,
            "contentUrl": base
            + url_for("public.sound", code=code, identity=told.id, language=recording.language, lang=None),
        }  # fmt: skip
    return found
