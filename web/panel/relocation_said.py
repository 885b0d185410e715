"""What merging and moving change, said for people: settings, rules and slots in words instead of as they are kept."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from flask_babel import get_locale, gettext
from sqlmodel import Session, col, select

from alerts.relocating import Shift
from core.errors import N_
from playlists import subjects
from playlists.models import Programme
from registry import limits
from registry.merging import Clash
from web.panel import labels, limit_words, rrule_words
from web.panel.relocation_words import clash, counted, setting

__all__ = ["clash", "counted", "fields", "line", "lines", "setting", "slots", "value"]

_CODES = {"alarm_rule": "alarm_rule", "two_persons": "priority"}
_STRICTER = N_("for the people of both: %(kept)s (at one of the two it was: %(left)s)")


def fields(session: Session) -> dict[str, str]:
    """The names of the fields of bulletins, by code, in the language of this request."""
    english = str(get_locale()) == "en"
    return {each.code: each.name_en if english else each.name_vi for each in subjects.every(session)}


def line(kind: str, what: str, kept: str, left: str, both: bool, known: Mapping[str, str] | None = None) -> str:
    """What becomes of something that both units had (`registry.merging.Clash`), as the end of a sentence."""
    if kind == "templates":
        return str(gettext("both stay; that of the former unit is called “%(left)s” now", left=left))
    if both:
        return str(gettext("both stay, the times of %(kept)s as %(left)s", kept=kept, left=left))
    if what == "approval_lines":
        sentence = gettext(
            "%(kept)s hold; %(left)s of the former unit hold no more, as nobody would be left to approve by both",
            kept=kept, left=left,
        )  # fmt: skip
        return str(sentence)
    if kind == "offer_rules":
        names = _in_words(left, known or {})
        if not kept:
            return str(
                gettext("what came into a programme by itself (%(left)s) is asked about from now on", left=names)
            )
        own = _in_words(kept, known or {})
        return str(
            gettext("only this comes into the programme by itself: %(kept)s (before: %(left)s)", kept=own, left=names)
        )
    if kind == "second_factor":
        return str(gettext(_STRICTER, kept=_roles(kept), left=_roles(left)))
    if what in {"two_persons", "never_own", "alarm_rule"}:
        return str(gettext(_STRICTER, kept=value(kept, what), left=value(left, what)))
    return str(gettext("%(kept)s holds; %(left)s holds no more", kept=value(kept, what), left=value(left, what)))


def value(text: str, name: str = "") -> str:
    """The value of a setting, as it is kept, for people."""
    if text in {"True", "False"}:
        return str(gettext("yes") if text == "True" else gettext("no"))
    if not text or text == "None":
        return str(gettext("none of its own"))
    if name == "limits" and text.startswith("{"):
        return ", ".join(limit_words.said(limits.read(json.loads(text)))) or str(gettext("none of its own"))
    if name in _CODES:
        return ", ".join(labels.label(_CODES[name], each) for each in text.split(", "))
    return text


def _roles(text: str) -> str:
    return ", ".join(labels.label("role", each) for each in text.split(", ") if each) or str(gettext("none of its own"))


def _in_words(text: str, known: Mapping[str, str]) -> str:
    if text == "all":
        return str(gettext("bulletins of every field"))
    return ", ".join(known.get(each, each) for each in text.split(", "))


def lines(clashes: Iterable[Clash], known: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Of each clash: what it is, its name, what becomes of it."""
    return [
        (clash(each.kind), setting(each.what), line(each.kind, each.what, each.kept, each.left, each.both, known))
        for each in clashes
    ]


def slots(session: Session, shift: Shift, today: date) -> dict[str, tuple[str, str]]:
    """The title and the times, in words, of every slot that a move changes, by id. One query."""
    every = [*shift.losing, *shift.gaining, *shift.naming]
    ids: Sequence[str] = sorted({slot.programme_id for slot in every})
    titles = dict(session.exec(select(Programme.id, Programme.title).where(col(Programme.id).in_(ids))).all())
    return {
        slot.id: (titles.get(slot.programme_id, ""), rrule_words.when_in_words(slot, today=today)) for slot in every
    }
