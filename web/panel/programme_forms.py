"""Composing a programme: an ordered list of items, put together in steps that need no script in the browser.

The items travel in the form itself (`item-N-…`); nothing is stored before “save”.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.errors import N_, InvalidInput
from playlists import bulletins, desk, programmes, subjects
from playlists.programmes import Entry, Newest
from registry import units
from registry.models import Unit
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.messages import language
from web.panel import forms

Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
CHOICES = 200


@dataclass(frozen=True)
class Row:
    """One item as the form holds it."""

    kind: str
    bulletin: str = ""
    clip: str = ""
    field: str = ""
    priority: str = ""
    count: int = 1
    order: int = 0

    def entry(self) -> Entry:
        if self.kind == "newest":
            return Entry(newest=Newest(self.field or None, self.priority or None, self.count))
        return Entry(clip=self.clip) if self.kind == "clip" else Entry(bulletin=self.bulletin)


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
            bulletins.find(reading, actor(), bulletin)
            rows = [Row("bulletin", bulletin=bulletin)]
    return _handle(None, MultiDict(request.form), rows)


@for_browsers
@forms.keeps_text
def programme_edit(identity: str) -> Answer:
    with house().database.read() as reading:
        programme, unit = programmes.find(reading, actor(), identity)
        if not actor().may(Permission.SCHEDULE, unit):
            actor().require(Permission.WRITE, unit)
        rows = [
            Row(
                item.kind, item.bulletin_id or "", item.clip_id or "", item.field or "", item.priority or "", item.count
            )
            for item in programmes.items(reading, programme.id)
        ]
        typed: Typed = MultiDict(request.form or {"title": programme.title, "unit": unit.id})
    return _handle(identity, typed, rows)


def _handle(identity: str | None, typed: Typed, stored: list[Row]) -> Answer:
    if request.method == "GET":
        return _page(identity, typed, stored, None)
    rows: list[Row] = []

    def work() -> Response:
        rows.extend(_stepped(typed))
        if typed.get("step", "save") == "save":
            return _save(identity, typed, rows)
        raise _OnlyAStep

    try:
        done = forms.attempt(work)
    except _OnlyAStep:
        return _page(identity, typed, rows, None)
    return _page(identity, typed, rows or _rows(typed), done) if isinstance(done, forms.Problem) else done


class _OnlyAStep(Exception):
    """Nothing to save yet: show the form again with its items as they are now."""


def _rows(typed: Mapping[str, str]) -> list[Row]:
    """The items of the form, in the order that the numbers beside them say; what is ticked for removal is gone."""
    found = []
    for position in range(programmes.MAX_ITEMS + 1):
        name = f"item-{position}"
        kind = typed.get(f"{name}-kind", "")
        if kind not in {"bulletin", "clip", "newest"} or typed.get(f"{name}-remove"):
            continue
        found.append(
            Row(
                kind, typed.get(f"{name}-bulletin", ""), typed.get(f"{name}-clip", ""), typed.get(f"{name}-field", ""),
                typed.get(f"{name}-priority", ""), _whole(typed.get(f"{name}-count", ""), 1),
                _whole(typed.get(f"{name}-order", ""), position + 1),
            )
        )  # fmt: skip
    return sorted(found, key=lambda row: row.order)


def _whole(text: str, otherwise: int) -> int:
    try:
        return int(text[:9])
    except ValueError:
        return otherwise


def _stepped(typed: Typed) -> list[Row]:
    """The items after the button that was pressed: one more, or two that changed places."""
    rows, step = _rows(typed), typed.get("step", "save")
    what, _, which = step.partition("-")
    if what in {"up", "down"}:
        place = _whole(which, -1)
        other = place + (-1 if what == "up" else 1)
        if 0 <= place < len(rows) and 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
    elif step == "add-newest":
        rows.append(
            Row("newest", field=typed.get("new-field", ""), priority=typed.get("new-priority", ""),
                count=_whole(typed.get("new-count", ""), 1))
        )  # fmt: skip
    # Somebody who chose a bulletin and pressed “save” without “add” means to have it in.
    if step in {"add-bulletin", "save"} and typed.get("new-bulletin"):
        rows.append(Row("bulletin", bulletin=typed["new-bulletin"]))
        typed["new-bulletin"] = ""
    if step in {"add-clip", "save"} and typed.get("new-clip"):
        rows.append(Row("clip", clip=typed["new-clip"]))
        typed["new-clip"] = ""
    return [replace(row, order=position + 1) for position, row in enumerate(rows)]


def _save(identity: str | None, typed: Typed, rows: list[Row]) -> Response:
    if not rows:
        raise InvalidInput(N_("Put at least one item into the programme."), fields={"items": "empty"})
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


def _page(identity: str | None, typed: Typed, rows: list[Row], problem: forms.Problem | None) -> Answer:
    with house().database.read() as reading:
        offered = [
            (bulletin.id, f"{version.title} · {unit.name}", version.state)
            for bulletin, unit, version, _ in bulletins.visible(reading, actor(), limit=CHOICES)
            if bulletin.approved is not None or version.state in {"draft", "submitted"}
        ]
        page = render_template(
            "panel/programme_form.html",
            form=typed,
            problem=problem,
            identity=identity,
            rows=rows,
            titles=_titles(reading, rows),
            units=_homes(reading),
            offered=offered,
            recordings=desk.recordings(reading, actor(), Permission.APPROVE),
            fields=[(each.code, each.name_vi if language() == "vi" else each.name_en)
                    for each in subjects.every(reading)],
            most=programmes.MAX_NEWEST,
        )  # fmt: skip
    return page, problem.status if problem else 200


def _homes(reading: Session) -> list[Unit]:
    both = [*units.visible(reading, actor(), Permission.WRITE), *units.visible(reading, actor(), Permission.SCHEDULE)]
    return sorted({unit.id: unit for unit in both}.values(), key=lambda unit: unit.path)


def _titles(reading: Session, rows: list[Row]) -> dict[str, str]:
    found = desk.titles(reading, actor(), [row.bulletin for row in rows if row.bulletin])
    return found | {clip.id: clip.title or clip.id for clip, _ in desk.recordings(reading, actor(), Permission.SEE)}
