"""What is typed into the form of a bulletin is kept while it is typed, and two people at one bulletin are told.

A script of the page sends the form here every few seconds after a change; without it the form works as ever.
"""

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from core.errors import N_, Busy, Forbidden, NoSpace, NotFound
from playlists import bulletins, editions, notes, presence
from playlists.models import BulletinVersion
from playlists.writing_models import DraftNote
from registry import naming
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import times

_TAB = re.compile(r"[a-z0-9]{8,32}")
_FIELD = re.compile(
    r"(?:title|unit|field|priority|valid_from|valid_until|twice|(?:other-\d-)?(?:text|language|voice|clip|preset))"
)
_EXCERPT = 60
_NOT_A_WRITER = N_("You have no unit to write for. Ask an administrator for the role “writer”.")


@dataclass(frozen=True)
class Kept:
    """What the page offers to go on with: which form, what it begins with, when it was kept, where it leads."""

    form: str
    excerpt: str
    at: str
    address: str


def register(blueprint: Blueprint) -> None:
    for path, name, view in (
        ("/bulletins/new/typed", "bulletin_new_typed", typed_new),
        ("/bulletins/new/forget", "bulletin_new_forget", forget_new),
        ("/bulletins/<identity>/typed", "bulletin_typed", typed),
        ("/bulletins/<identity>/forget", "bulletin_forget", forget),
    ):
        blueprint.add_url_rule(path, endpoint=name, view_func=view, methods=["POST"])


def tab_of(name: str) -> str:
    """`name` where it can be that of a browser's tab; a new one otherwise."""
    return name if _TAB.fullmatch(name) else secrets.token_hex(8)


def form_of(identity: str | None, tab: str) -> str:
    """Under which name the form's typed text is kept: the bulletin's id, or that of the tab for a new one."""
    return identity or f"{notes.NEW}{tab_of(tab)}"


@for_browsers
def typed_new() -> Response:
    """Keep what was typed of a new bulletin."""
    _writes_somewhere()
    now, form = house().clock(), form_of(None, request.form.get("tab", ""))
    with house().database.write() as writing:
        # A page that was left for the saved bulletin and came back goes on with that one.
        notes.keep(writing, actor(), notes.saved_as(writing, actor(), form) or form, _fields(), now=now)
    return jsonify(saved=at(now, now), others=[], changed="")


@for_browsers
def typed(identity: str) -> Response:
    """A sign of life of a page that rewrites a bulletin, with what was typed unless it is only a `beat`.

    Answers when it was kept, who else is at it, and whether the bulletin was changed meanwhile.
    """
    here, now = house(), house().clock()
    with here.database.read() as reading:
        _, unit, version = bulletins.find(reading, actor(), identity)
        actor().require(Permission.WRITE, unit)
        there = [
            gettext("%(name)s has been editing this bulletin since %(time)s.", name=name, time=at(since, now))
            for name, since in presence.others(reading, actor(), identity, now)
        ]
        changed = changed_since(reading, version, request.form.get("base", ""), now)
    if request.form.get("beat"):
        with suppress(Busy, NoSpace), here.database.write_if_free() as writing:
            presence.beat(writing, actor(), identity, now)
        return jsonify(saved="", others=there, changed=changed)
    with here.database.write() as writing:
        presence.beat(writing, actor(), identity, now)
        notes.keep(writing, actor(), identity, _fields(), base=request.form.get("base", ""), now=now)
    return jsonify(saved=at(now, now), others=there, changed=changed)


def changed_since(reading: Session, version: BulletinVersion, base: str, now: datetime) -> str:
    """The sentence that somebody else has saved since the page was opened; empty where nobody has."""
    if not base or base == editions.edition(reading, version):
        return ""
    names = naming.by_id(reading, [version.written_by])
    sentence: str = gettext(
        "%(name)s has saved this bulletin at %(time)s, while you were writing.",
        name=names.get(version.written_by, ""), time=at(version.written_at, now),
    )  # fmt: skip
    return sentence


@for_browsers
def forget_new() -> AnyResponse:
    """Drop what was kept of a new bulletin."""
    _writes_somewhere()
    with house().database.write() as writing:
        notes.drop(writing, actor(), form_of(None, request.form.get("tab", "")))
    return redirect(url_for("panel.bulletin_new"), 303)


@for_browsers
def forget(identity: str) -> AnyResponse:
    """Drop what was kept of a bulletin that is rewritten, and show what is saved."""
    with house().database.read() as reading:
        _, unit, _ = bulletins.find(reading, actor(), identity)
        actor().require(Permission.WRITE, unit)
    with house().database.write() as writing:
        notes.drop(writing, actor(), identity)
    return redirect(url_for("panel.bulletin_edit", identity=identity), 303)


def _writes_somewhere() -> None:
    if not actor().may_somewhere(Permission.WRITE):
        raise Forbidden(_NOT_A_WRITER)


def _fields() -> dict[str, str]:
    return {name: request.form[name] for name in request.form if _FIELD.fullmatch(name)}


def resumed(reading: Session, identity: str | None, tab: str) -> MultiDict[str, str] | None:
    """The fields that were kept of this form, with what they were typed upon; None where there is nothing."""
    note = notes.find(reading, actor(), form_of(identity, tab))
    return MultiDict({**note.fields, "base": note.base}) if note else None


def offered(reading: Session, identity: str | None, present: Mapping[str, str], now: datetime) -> list[Kept]:
    """What the person may go on with on this page, the newest first; nothing that is `present` there already."""
    if identity is None:
        found = list(notes.latest_new(reading, actor()))
    else:
        note = notes.find(reading, actor(), identity)
        found = [note] if note and any(present.get(name, "") != typed for name, typed in note.fields.items()) else []
    return [_kept(each, identity, now) for each in found]


def _kept(note: DraftNote, identity: str | None, now: datetime) -> Kept:
    words = " ".join((note.fields.get("title") or note.fields.get("text") or "").split())
    tab = note.form.removeprefix(notes.NEW)
    address = (
        url_for("panel.bulletin_edit", identity=identity, note=1)
        if identity
        else url_for("panel.bulletin_new", note=tab)
    )
    return Kept(tab, words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…", at(note.saved_at, now), address)


def at(instant: datetime, now: datetime) -> str:
    """The time of day, with the day where that is another than today."""
    zone = times.home_zone()
    same = instant.astimezone(zone).date() == now.astimezone(zone).date()
    return times.shown(instant, zone, "%H:%M" if same else "%H:%M %d/%m")


def saved(writing: Session, bulletin_id: str, tab: str, now: datetime) -> None:
    """The form is saved for good: what was kept of it goes, and the page counts as closed."""
    notes.drop(writing, actor(), bulletin_id)
    presence.leave(writing, actor(), bulletin_id)
    if _TAB.fullmatch(tab):
        notes.saved(writing, actor(), form_of(None, tab), bulletin_id, now)


def saved_as(reading: Session, tab: str) -> str | None:
    """The bulletin that a form of a new one was saved as, when somebody goes back to it or sends it twice."""
    return notes.saved_as(reading, actor(), form_of(None, tab)) if _TAB.fullmatch(tab) else None


def arrive(identity: str, now: datetime) -> list[str]:
    """Somebody opens the form of a bulletin: who else has it open, in sentences."""
    here = house()
    with suppress(Busy, NoSpace, NotFound), here.database.write_if_free() as writing:
        presence.beat(writing, actor(), identity, now)
    with here.database.read() as reading:
        return [
            gettext("%(name)s has been editing this bulletin since %(time)s.", name=name, time=at(since, now))
            for name, since in presence.others(reading, actor(), identity, now)
        ]
