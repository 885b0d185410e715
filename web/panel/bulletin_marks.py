"""The text of a bulletin with the words that the reading changes marked, and correcting one of them on the spot."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from audio import clips
from audio.reading.marking import Change, changes
from core.errors import Conflict, InvalidInput
from playlists import bulletins, respeaking
from playlists.blanks import BLANK
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import forms

# Longer texts come with their marks a moment later, so that the page itself is there at once.
AT_ONCE_CHARS = 4_000
_KEPT = 128


@dataclass(frozen=True)
class Part:
    """A piece of the text: read as it stands, or with a change; `blank` where a template's blank is left."""

    text: str
    change: Change | None = None
    blank: bool = False


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/bulletins/<identity>/marks", endpoint="bulletin_marks", view_func=marks)
    blueprint.add_url_rule("/bulletins/<identity>/say", endpoint="bulletin_say", view_func=say, methods=["POST"])


def parts(text: str, language: str, dictionary: Mapping[str, str]) -> list[Part]:
    """The text in pieces, joined the text again."""
    return _parts(text, language, tuple(sorted(dictionary.items())))


@lru_cache(maxsize=_KEPT)
def _parts(text: str, language: str, dictionary: tuple[tuple[str, str], ...]) -> list[Part]:
    found, done = [], 0
    for change in changes(text, language, dict(dictionary)):
        found += _plain(text[done : change.start])
        found.append(Part(change.written, change))
        done = change.end
    return found + _plain(text[done:])


def _plain(text: str) -> list[Part]:
    found, done = [], 0
    for blank in BLANK.finditer(text):
        if blank.start() > done:
            found.append(Part(text[done : blank.start()]))
        found.append(Part(blank[0], blank=True))
        done = blank.end()
    return [*found, Part(text[done:])] if done < len(text) else found


@for_browsers
def marks(identity: str) -> str:
    """The marked text by itself, for a page that fetches it."""
    with house().database.read() as reading:
        _, unit, version = bulletins.find(reading, actor(), identity)
        clip = clips.get(reading, version.clip_id)
        return render_template(
            "panel/_marked_part.html",
            parts=parts(version.text, version.language, clip.dictionary),
            bulletin_id=identity,
            may_say=actor().may(Permission.WRITE, unit),
        )


@for_browsers
def say(identity: str) -> Response:
    """A word is to be read in another way: into the unit's dictionary, and a draft is spoken anew."""
    written, spoken = forms.text("written"), forms.text("spoken")
    house().check_room()
    try:
        with house().database.write() as writing:
            version, anew = respeaking.correct(writing, actor(), identity, written, spoken, house().clock())
    except (InvalidInput, Conflict) as error:
        flash(said(error), "danger")
        return redirect(url_for("panel.bulletin", identity=identity, say=written[:60] or None, _anchor="say"), 303)
    if anew:
        flash(gettext("“%(written)s” is read as “%(spoken)s” from now on. The draft is being spoken anew.",
                      written=written, spoken=spoken), "success")  # fmt: skip
    elif version.state == "draft":
        flash(gettext("“%(written)s” is kept in the dictionary; this text sounds as before.", written=written), "info")
    else:
        flash(gettext("“%(written)s” is kept in the dictionary. This version stays as it was heard; a new version is "
                      "read the new way.", written=written), "info")  # fmt: skip
    return redirect(url_for("panel.bulletin", identity=identity, _anchor="text-head"), 303)
