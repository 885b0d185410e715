"""Units that move, merge and get other codes; stations that move. Each page tells first what will be, then asks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import ColumnElement
from sqlmodel import Session, col
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from alerts import relocating
from alerts.relocating import Shift
from core.clock import zone as known_zone
from registry import former_codes, moving, stations, trail, unit_choices, units
from registry.merging import Clash, Merger
from registry.models import Station, Unit
from registry.rights import EVERYWHERE, Permission, within
from scheduler import backup
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, relocation_said, times

Answer = Response | str | tuple[str, int]
TOP = "top"


def register(blueprint: Blueprint) -> None:
    both = ["GET", "POST"]
    add = blueprint.add_url_rule
    add("/units/<identity>/move", endpoint="unit_move", view_func=move, methods=both)
    add("/units/<identity>/merge", endpoint="unit_merge", view_func=merge, methods=both)
    add("/units/<identity>/recode", endpoint="unit_recode", view_func=recode, methods=both)
    add("/stations/<identity>/move", endpoint="station_move", view_func=move_station, methods=both)
    add("/stations/<identity>/recode", endpoint="station_recode", view_func=recode_station, methods=["POST"])


def _unit(identity: str, permission: Permission = Permission.ADMINISTER) -> Unit:
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        actor().require(permission, unit)
        return unit


def _taken(identity: str) -> Unit:
    """A unit that the person may take from where it is."""
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        moving.may_take(reading, actor(), unit)
        return unit


@for_browsers
@forms.keeps_text
def move(identity: str) -> Answer:
    unit, wanted = _taken(identity), request.values.get("parent", "").strip()

    def act(session: Session) -> Shift:
        parent = None if wanted == TOP else units.find(session, actor(), wanted)
        here = units.find(session, actor(), unit.id)
        return relocating.move_unit(session, actor(), here, parent, house().settings.zone, house().clock())

    def save() -> Response:
        relocating.named(unit, request.form.get("typed", ""))
        with house().database.write() as writing:
            act(writing)
        flash(gettext("The unit is moved. Stations hear of it with their next plan."), "success")
        return redirect(url_for("panel.unit_settings", identity=unit.id), 303)

    done: Response | forms.Problem | None = _beside(forms.attempt(save), "parent") if request.method == "POST" else None
    if isinstance(done, Response):
        return done
    found: list[Shift] = []
    if wanted and (done is None or "typed" in done.fields):
        done = _tried(lambda: found.append(relocating.rehearse(house().database, act)), "parent") or done
    with house().database.read() as reading:
        elsewhere = _elsewhere(unit) & (col(Unit.id) != (unit.parent_id or ""))
        choices = unit_choices.offered(reading, actor(), elsewhere, wanted)
        told = _told(reading, found)
        target = units.find(reading, actor(), wanted) if found and wanted != TOP else None
    page = render_template(
        "panel/unit_move.html", unit=unit, units=choices, problem=done, shift=found[0] if found else None, told=told,
        target=target, form=MultiDict({"parent": wanted, "typed": request.form.get("typed", "")}),
        words=relocation_said, top=TOP,
        everywhere=EVERYWHERE in actor().paths(Permission.ADMINISTER),
    )  # fmt: skip
    return page, done.status if done else 200


def _elsewhere(unit: Unit) -> ColumnElement[bool]:
    """Units that the person administers, but for this one and those below it."""
    return actor().within(Permission.ADMINISTER, col(Unit.path)) & ~within([unit.path], col(Unit.path))


def _tried(act: Callable[[], object], field: str) -> forms.Problem | None:
    """Why a rehearsal was refused, beside `field` unless it says where; None where it went well."""
    done = _beside(forms.attempt(lambda: (act(), Response())[1]), field)
    return done if isinstance(done, forms.Problem) else None


def _beside(done: Response | forms.Problem, field: str) -> Response | forms.Problem:
    """What does not say where it belongs stands beside `field`: of what is named there, nothing is in sight."""
    return replace(done, fields=frozenset({field})) if isinstance(done, forms.Problem) and not done.fields else done


def _told(reading: Session, found: Sequence[Shift]) -> dict[str, tuple[str, str]]:
    today = house().clock().astimezone(times.home_zone()).date()
    return relocation_said.slots(reading, found[0], today) if found else {}


@for_browsers
@forms.keeps_text
def merge(identity: str) -> Answer:
    unit = _taken(identity)
    into, name, code = (request.values.get(each, "").strip() for each in ("into", "name", "code"))

    def act(session: Session, copy: str = "") -> Merger:
        return relocating.merge(
            session, actor(), unit.id, into, house().clock(), name=name, code=code, backup=copy
        )  # fmt: skip

    def save() -> Response:
        relocating.named(unit, request.form.get("typed", ""))
        relocating.rehearse(house().database, act)  # what is refused needs no copy
        copy = backup.back_up(house().settings, house().clock())
        with house().database.write() as writing:
            merger = act(writing, copy.name if copy else "")
        flash(gettext("The units are merged."), "success")
        if copy:
            flash(gettext("The copy of the database from before is called %(name)s.", name=copy.name), "info")
        return redirect(url_for("panel.unit_settings", identity=merger.target.id), 303)

    done: Response | forms.Problem | None = _beside(forms.attempt(save), "into") if request.method == "POST" else None
    if isinstance(done, Response):
        return done
    found: list[Merger] = []
    if into and (done is None or "typed" in done.fields):
        done = _tried(lambda: found.append(relocating.rehearse(house().database, act)), "into") or done
    with house().database.read() as reading:
        choices = unit_choices.offered(reading, actor(), _elsewhere(unit), into)
        target = units.find(reading, actor(), into) if found else None
        clashes = relocation_said.lines(found[0].clashes if found else [], relocation_said.fields(reading))
    page = render_template(
        "panel/unit_merge.html", unit=unit, units=choices, target=target, problem=done, clashes=clashes,
        is_above=target is not None and unit.path.startswith(target.path),
        form=MultiDict({"into": into, "name": name, "code": code, "typed": request.form.get("typed", "")}),
        merger=found[0] if found else None, words=relocation_said, copied=house().database.is_sqlite,
    )  # fmt: skip
    return page, done.status if done else 200


@for_browsers
@forms.keeps_text
def recode(identity: str) -> Answer:
    unit = _unit(identity)

    def save() -> Response:
        with house().database.write() as writing:
            moving.recode_unit(
                writing, actor(), units.find(writing, actor(), unit.id), forms.text("code"), house().clock(),
                name=request.form.get("name", ""), reason=forms.text("reason"),
            )  # fmt: skip
        flash(gettext("The code is changed. The former one still leads here."), "success")
        return redirect(url_for("panel.unit_settings", identity=unit.id), 303)

    done = forms.attempt(save) if request.method == "POST" else None
    if isinstance(done, Response):
        return done
    with house().database.read() as reading:
        history = former_codes.history(reading, unit.id)
    page = render_template(
        "panel/unit_recode.html", unit=unit, problem=done, history=history,
        form=request.form or MultiDict({"code": unit.code, "name": unit.name}),
        everywhere=EVERYWHERE in actor().paths(Permission.ADMINISTER),
    )  # fmt: skip
    return page, done.status if done else 200


def _station(identity: str) -> tuple[Station, Unit]:
    with house().database.read() as reading:
        station, home = stations.find(reading, actor(), identity)
        actor().require(Permission.OPERATE, home)
        return station, home


@for_browsers
@forms.keeps_text
def move_station(identity: str) -> Answer:
    return _station_page(*_station(identity))


def _station_page(station: Station, home: Unit, code_problem: forms.Problem | None = None) -> Answer:
    wanted = request.values.get("unit", "").strip()

    def act(session: Session) -> Shift:
        there = units.find(session, actor(), wanted)
        return relocating.move_station(
            session, actor(), station.id, there, house().settings.zone, house().clock()
        )  # fmt: skip

    def save() -> Response:
        with house().database.write() as writing:
            act(writing)
        flash(gettext("The station is moved. It hears of it with its next plan."), "success")
        return redirect(url_for("panel.station", identity=station.id), 303)

    moves = request.method == "POST" and code_problem is None
    done: Response | forms.Problem | None = _beside(forms.attempt(save), "unit") if moves else None
    if isinstance(done, Response):
        return done
    found: list[Shift] = []
    if wanted and done is None:
        done = _tried(lambda: found.append(relocating.rehearse(house().database, act)), "unit")
    with house().database.read() as reading:
        others = actor().within(Permission.OPERATE, col(Unit.path)) & (col(Unit.id) != home.id)
        choices = unit_choices.offered(reading, actor(), others, wanted)
        history = former_codes.history(reading, station.id)
        told = _told(reading, found)
        target = units.find(reading, actor(), wanted) if found else None
    typed = {"unit": wanted, "code": request.form.get("code", station.code or ""), "reason": forms.text("reason")}
    page = render_template(
        "panel/station_move.html", station=station, home=home, units=choices, problem=done or code_problem,
        history=history, form=MultiDict(typed), shift=found[0] if found else None, told=told, target=target,
        words=relocation_said, code_problem=code_problem, everywhere=EVERYWHERE in actor().paths(Permission.ADMINISTER),
    )  # fmt: skip
    told_why = done or code_problem
    return page, told_why.status if told_why else 200


@for_browsers
@forms.keeps_text
def recode_station(identity: str) -> Answer:
    station, home = _station(identity)

    def save() -> Response:
        with house().database.write() as writing:
            moving.recode_station(
                writing, actor(), station.id, forms.text("code"), house().clock(), reason=forms.text("reason")
            )
        flash(gettext("The code is changed. The former one still leads here."), "success")
        return redirect(url_for("panel.station_move", identity=station.id), 303)

    done = forms.attempt(save)
    return done if isinstance(done, Response) else _station_page(station, home, done)


def merged_page(unit: Unit) -> str:
    """What is left of a merged unit: where it went, what went over, and its history."""
    with house().database.read() as reading:
        into = reading.get(Unit, unit.merged_into)
        codes = [each for each in former_codes.history(reading, unit.merged_into or "") if each.bearer == unit.id]
        told = next((each for each in trail.about(reading, unit.id) if each.action == "unit.merge"), None)
        zone = known_zone(units.inherited(units.ancestors(reading, unit), house().settings.zone).zone)
        detail: dict[str, Any] = told.detail if told else {}
        kept = [Clash(*each) for each in detail.get("clashes", ())]
        clashes = relocation_said.lines(kept, relocation_said.fields(reading))
    return render_template(
        "panel/unit_merged.html", unit=unit, into=into, codes=codes, zone=zone, words=relocation_said, detail=detail,
        clashes=clashes,
    )  # fmt: skip
