"""The form of an emergency: what was typed, the alarm it asks for, and the sheet that says in words what it will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import request
from flask_babel import gettext
from sqlalchemy import true
from sqlmodel import Session, col, select
from werkzeug.datastructures import MultiDict

from alerts import alarm_rules, board_people, drawn
from core.errors import N_, InvalidInput
from registry import second_factor, units
from registry.models import Group, Station, Unit
from registry.rights import Actor, Permission
from registry.unit_choices import Choice
from scheduler import alarm_sounds, audience, emergencies, prepared
from scheduler.alarms import Alarm, Said
from web.access import actor
from web.panel import forms, recordings

Typed = MultiDict[str, str]
TIMES = (1, 2, 3, 5, 10, 20, 50)
MINUTES = (1, 2, 3, 5, 10, 15, 30, 60)
_NAMED = 12
_CALLED = 8
_MINUTE_S = 60.0
_GONE = {"csrf_token", "step", "file", "code", "sure"}


@dataclass(frozen=True)
class Sheet:
    """What the person confirms: what sounds, where, by whom it is answered for, and how it is confirmed."""

    unit: Unit
    alarm: Alarm
    said: str
    languages: Sequence[str]
    places: Sequence[str]
    more_places: int
    stations: int
    people: Sequence[board_people.Person]
    replaced: Sequence[str]
    rule: str
    has_factor: bool


def typed() -> Typed:
    """The form as it came, with a recording that came along kept."""
    form: Typed = MultiDict(request.form)
    file = request.files.get("file")
    if file is not None and file.filename:
        try:
            clip = recordings.take(
                file, lambda session: units.find(session, actor(), forms.text("unit", form)),
                forms.text("language", form), forms.text("preset", form),
            )  # fmt: skip
        except InvalidInput as error:
            error.fields = {"file": error.code}
            raise
        form["clip"], form["what"] = clip.id, "clip"
    return form


def kept(form: Typed) -> list[tuple[str, str]]:
    """The fields that the sheet carries on."""
    return [(name, value) for name in form for value in form.getlist(name) if name not in _GONE]


def begun(session: Session, who: Actor, places: Sequence[Choice]) -> Typed:
    """A new form: for one's own unit and everybody in it, said three times; or what a link to it asks for."""
    form: Typed = MultiDict(
        {"signal": "siren", "times": "3", "minutes": "2", "about": "other", "severity": "extreme", "language": "vi"}
    )
    if places:
        form["unit"] = places[0].id
    named = request.args.getlist("replaces")[:20]
    form.setlist("replaces", named)
    audience_names = [name for each in named for name in emergencies.find(session, who, each)[0].audience]
    form.setlist("for", audience_names)
    if named:
        form["unit"] = emergencies.find(session, who, named[0])[1].id
    elif len(places) == 1 or (places and len(places) <= _NAMED and _reaches_down(places)):
        form.setlist("for", [f"unit:{places[0].id}"])
    chosen = request.args.get("what", "")
    form["what"] = chosen if chosen.startswith(alarm_sounds.PREPARED) else "text"
    if request.args.get("about") == "all_clear":
        form["about"], form["signal"], form["times"] = "all_clear", "chime", "2"
        form["text"] = gettext("The emergency is over. The danger has passed.")
    return form


def _reaches_down(places: Sequence[Choice]) -> bool:
    return all(each.path.startswith(places[0].path) for each in places)


def read(session: Session, form: Typed) -> tuple[Unit, Alarm]:
    """The unit and the alarm that the form asks for. Raises InvalidInput or NotFound."""
    unit = units.find(session, actor(), forms.text("unit", form))
    what = forms.text("what", form) or ("clip" if forms.text("clip", form) else "text")
    names = form.getlist("for")
    if forms.text("shape", form):
        names = [*names, *drawn.names_in(session, actor(), forms.text("shape", form))]
    replaced = form.getlist("replaces")
    is_prepared = what.startswith(alarm_sounds.PREPARED)
    if what == "clip" and not forms.text("clip", form):
        raise InvalidInput(N_("Record something, or choose a recording."), fields={"clip": "empty"})
    if what == "text" and not forms.text("text", form):
        raise InvalidInput(N_("Write what is to be said."), fields={"text": "empty"})
    language = forms.text("language", form) or "vi"
    words = "" if what != "text" else forms.text("text", form)
    clip = forms.text("clip", form) if what == "clip" else ""
    return unit, Alarm(
        audience=names, source=what if is_prepared else "person",
        said=() if is_prepared else (Said(language, words, clip or None),),
        title=forms.text("title", form), about=forms.text("about", form) or "other",
        signal=forms.text("signal", form) or "siren", severity=forms.text("severity", form) or "extreme",
        times=forms.number("times", form) or 1, every_s=_MINUTE_S * (forms.number("minutes", form) or 0),
        volume=forms.number("volume", form), replaces=replaced[0] if replaced else None,
        also_replaces=tuple(replaced[1:]),
    )  # fmt: skip


def sheet(session: Session, unit: Unit, alarm: Alarm) -> Sheet:
    """The confirmation sheet of an alarm that was found to make sense."""
    who = actor()
    heard = audience.read(session, who, alarm.audience, Permission.ALARM)
    people = board_people.nearest(session, who, sorted({each.path for each in heard.units}))
    names = _named(session, heard.names[:_NAMED])
    called = list(dict.fromkeys(people.values()))
    return Sheet(
        unit=unit, alarm=alarm, said=alarm.title or next((each.text for each in alarm.said if each.text), ""),
        languages=[each.language for each in alarm.said], places=names,
        more_places=max(len(heard.names) - _NAMED, 0), stations=audience.count(session, heard.names, true()),
        people=called[:_CALLED],
        replaced=[emergencies.find(session, who, each)[0].title for each in alarm.replaced],
        rule=alarm_rules.strictest(session, [unit, *heard.units]),
        has_factor=second_factor.is_set_up(session, who.id),
    )  # fmt: skip


def _named(session: Session, names: Sequence[str]) -> list[str]:
    tables = {"unit": Unit, "group": Group, "station": Station}
    found = []
    for name in names:
        kind, _, identity = name.partition(":")
        table = tables[kind]
        found.append(session.exec(select(table.name).where(col(table.id) == identity)).one())  # type: ignore[attr-defined]
    return found


def ready_messages(session: Session, who: Actor, now: datetime) -> list[prepared.Shown]:
    """The prepared messages that can be put on air now, those of the units nearest to the root first."""
    return [each for each in prepared.visible(session, who) if each.state(now) == "ready"]
