"""Composing a programme: an ordered list of items, put together in steps that need no script in the browser.

The items travel in the form itself (`item-N-…`); nothing is stored before “save”.
"""

from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement
from sqlmodel import Session, col
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import N_, InvalidInput
from playlists import bulletins, desk, offer_lists, programmes, relays, subjects, there
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from web import trying
from web.access import actor, for_browsers
from web.app import house
from web.messages import language
from web.panel import forms, programme_rows
from web.panel.programme_rows import Row, whole

Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
CHOICES = 200
_BY_STATIONS = N_("A broadcast comes from there: %(name)s, as %(kind)s. The stations can play it by themselves.")
_BY_SERVER = N_("A broadcast comes from there: %(name)s, as %(kind)s. The server fetches it for the stations.")
_NAMELESS = N_("without a name")


def register(blueprint: Blueprint) -> None:
    for path, view in (("/programmes/new", programme_new), ("/programmes/<identity>/edit", programme_edit)):
        blueprint.add_url_rule(path, view_func=view, methods=["GET", "POST"])


@for_browsers
@forms.keeps_text
def programme_new() -> Answer:
    rows: list[Row] = []
    bulletin = request.args.get("bulletin", "")
    if request.method == "GET" and bulletin:
        with house().database.read() as reading:
            there.find(reading, actor(), bulletin)
            rows = [Row("bulletin", bulletin=bulletin)]
    return _handle(None, MultiDict(request.form), rows)


@for_browsers
@forms.keeps_text
def programme_edit(identity: str) -> Answer:
    with house().database.read() as reading:
        programme, unit = programmes.find(reading, actor(), identity)
        if not actor().may(Permission.SCHEDULE, unit):
            actor().require(Permission.WRITE, unit)
        rows = [programme_rows.stored(item) for item in programmes.items(reading, programme.id)]
        typed: Typed = MultiDict(request.form or {"title": programme.title, "unit": unit.id})
    return _handle(identity, typed, rows)


def _handle(identity: str | None, typed: Typed, stored: list[Row]) -> Answer:
    if request.method == "GET":
        return _page(identity, typed, stored, None)
    rows: list[Row] = []
    heard: dict[int, str] = {}

    def work() -> Response:
        rows.extend(_stepped(typed))
        what, _, which = typed.get("step", "save").partition("-")
        if what == "save":
            return _save(identity, typed, rows)
        place = whole(which)
        if what == "try" and place is not None and 0 <= place < len(rows):
            heard[place] = _tried(identity, typed, rows[place], place)
        raise _OnlyAStep

    try:
        done = forms.attempt(work)
    except _OnlyAStep:
        return _page(identity, typed, rows, None, heard)
    if isinstance(done, forms.Problem):
        return _page(identity, typed, rows or programme_rows.typed_rows(typed), done)
    return done


class _OnlyAStep(Exception):
    """Nothing to save yet: show the form again with its items as they are now."""


def _stepped(typed: Typed) -> list[Row]:
    """The items after the button that was pressed: one more, one more in a rotation, or two that changed places."""
    rows, step = programme_rows.typed_rows(typed), typed.get("step", "save")
    what, _, which = step.partition("-")
    if what in {"up", "down"}:
        place = whole(which) or 0
        other = place + (-1 if what == "up" else 1)
        if 0 <= place < len(rows) and 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
    elif step == "add-newest":
        rows.append(
            Row("newest", field=typed.get("new-field", ""), priority=typed.get("new-priority", ""),
                count=whole(typed.get("new-count", "")) or 1)
        )  # fmt: skip
    elif step == "add-rotation":
        rows.append(Row("rotation"))
    if step in {"add-relay", "save"} and (typed.get("new-relay", "").strip() or step == "add-relay"):
        minutes = programme_rows.minutes_of(typed.get("new-minutes", ""))
        rows.append(Row("relay", relay=typed.get("new-relay", "").strip(), minutes=minutes))
        typed["new-relay"] = typed["new-minutes"] = ""
    # Somebody who chose a bulletin and pressed “save” without “add” means to have it in.
    if step in {"add-bulletin", "save"} and typed.get("new-bulletin"):
        rows.append(Row("bulletin", bulletin=typed["new-bulletin"]))
        typed["new-bulletin"] = ""
    if step in {"add-clip", "save"} and typed.get("new-clip"):
        rows.append(Row("clip", clip=typed["new-clip"]))
        typed["new-clip"] = ""
    return [replace(row, order=position + 1) for position, row in enumerate(rows)]


def _beside(error: InvalidInput, place: int) -> InvalidInput:
    """The error, to stand beside its field in one item of the form."""
    fields = {f"item-{place}-{where}": where for where in error.fields.values()}
    return InvalidInput(error.message, fields=fields, **error.params)


def _tried(identity: str | None, typed: Typed, row: Row, place: int) -> str:
    """What is heard behind the address of a relay, in a sentence. Raises InvalidInput beside its field."""
    try:
        wanted = row.broadcast()
        found = trying.listen(wanted, forms.text("unit", typed), identity)
    except InvalidInput as error:
        raise _beside(error, place) from error
    name = found.name or gettext(_NAMELESS)
    sentence = _BY_SERVER if relays.needs_server(found.kind, wanted.via) else _BY_STATIONS
    return str(gettext(sentence, name=name, kind=found.word))


def _try_all(identity: str | None, typed: Typed, rows: list[Row]) -> None:
    for place, row in enumerate(rows):
        if row.kind == "relay":
            try:
                trying.try_relays([row.broadcast()], forms.text("unit", typed), identity)
            except InvalidInput as error:
                raise _beside(error, place) from error


def _save(identity: str | None, typed: Typed, rows: list[Row]) -> Response:
    if not rows:
        raise InvalidInput(N_("Put at least one item into the programme."), fields={"items": "empty"})
    if sum(row.kind == "relay" for row in rows) <= programmes.MAX_RELAYS:  # else it is refused anyway
        _try_all(identity, typed, rows)
    entries = [row.entry() for row in rows]
    with house().database.write() as writing:
        now = house().clock()
        if identity is None:
            unit = units.find(writing, actor(), forms.text("unit", typed))
            saved = programmes.create(writing, actor(), unit, typed.get("title", ""), entries, now).id
        else:
            saved = programmes.edit(writing, actor(), identity, typed.get("title", ""), entries, now).id
    flash(gettext("The programme is saved."), "success")
    return redirect(url_for("panel.programme", identity=saved), 303)


def _page(
    identity: str | None, typed: Typed, rows: list[Row], problem: forms.Problem | None,
    heard: dict[int, str] | None = None,
) -> Answer:  # fmt: skip
    with house().database.read() as reading:
        offered = [
            (bulletin.id, f"{version.title} · {unit.name}", version.state)
            for bulletin, unit, version, _ in bulletins.visible(reading, actor(), limit=CHOICES)
            if bulletin.approved is not None or version.state in {"draft", "submitted"}
        ]
        here = programmes.find(reading, actor(), identity)[1] if identity else None
        taken = offer_lists.taken(reading, actor(), here, CHOICES)
        several = len({each.unit.id for each in taken}) > 1
        offered += [(each.bulletin_id, _of_above(each, several=several), "approved") for each in taken]
        page = render_template(
            "panel/programme_form.html",
            form=typed,
            problem=problem,
            identity=identity,
            rows=rows,
            titles=_titles(reading, rows),
            units=unit_choices.offered(reading, actor(), _mine(), typed.get("unit", "")),
            offered=offered,
            recordings=desk.recordings(reading, actor(), Permission.APPROVE),
            fields=[(each.code, each.name_vi if language() == "vi" else each.name_en)
                    for each in subjects.every(reading)],
            most=programmes.MAX_NEWEST,
            most_days=programmes.MOST_DAYS,
            homes=_above(reading, identity, typed),
            roles=[role for role in programmes.ROLES if role],
            vias=relays.VIAS,
            heard=heard or {},
            may_relay=actor().may_somewhere(Permission.APPROVE),
            unanswered=offer_lists.waiting(reading, actor()),
        )  # fmt: skip
    return page, problem.status if problem else 200


def _of_above(taken: offer_lists.Taken, *, several: bool) -> str:
    """What was taken from a unit above, as it stands in the list; with whose it is where there are several."""
    words = f"{taken.title} · {taken.home}"
    return f"{words} → {taken.unit.name}" if several else words


def _mine() -> ColumnElement[bool]:
    """Where the person may make programmes, as a condition on units."""
    path = col(Unit.path)
    return actor().within(Permission.WRITE, path) | actor().within(Permission.SCHEDULE, path)


def _above(reading: Session, identity: str | None, typed: Typed) -> list[Unit]:
    """The units whose bulletins “the newest” may ask for: the programme's own and those above, once it is known."""
    if identity is not None:
        _, unit = programmes.find(reading, actor(), identity)
    else:
        chosen = unit_choices.picked(reading, actor(), typed.get("unit", ""), _mine())
        chosen = chosen or next(iter(unit_choices.offered(reading, actor(), _mine())), None)
        if chosen is None:
            return []
        unit = units.find(reading, actor(), chosen.id)
    return list(reversed(units.ancestors(reading, unit)))


def _titles(reading: Session, rows: list[Row]) -> dict[str, str]:
    names = [name for row in rows for name in (row.bulletin, *row.choices) if name.startswith("bu_")]
    found = desk.titles(reading, actor(), names)
    return found | {clip.id: clip.title or clip.id for clip, _ in desk.recordings(reading, actor(), Permission.SEE)}
