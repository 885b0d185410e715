"""Times of a unit: its parts of the day, which slots refer to, and the time that it or a level above reserves.

Everybody who sees the unit sees them; who may schedule there changes them.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from core.clock import zone as known_zone
from core.errors import N_, Conflict, Forbidden, NotFound
from registry import unit_choices, units
from registry.models import Unit
from registry.rights import Permission
from scheduler import dayparts, reservations
from scheduler.models import DayPart, Reservation
from scheduler.recurrence import occurrences
from scheduler.wishes import LOOK_AHEAD
from web.access import actor, for_browsers
from web.app import house
from web.panel import calendar_words, forms, repeats, slot_words, times

Answer = Response | str | tuple[str, int]
Typed = MultiDict[str, str]
_ONLY = N_("You have no unit whose timetable you see.")
_BLANK_WINDOWS = 2
HOLIDAYS = ("", "only", "skip")
_HOLIDAYS_TYPED: dict[bool | None, str] = {None: "", True: "only", False: "skip"}
_MONTHS = tuple(range(1, 13))


@dataclass(frozen=True)
class Held:
    """A day part that holds at a unit: whose it is, and its windows in words (when, and on which days)."""

    part: DayPart
    unit: Unit
    own: bool


@dataclass(frozen=True)
class Reserved:
    """Reserved time that holds at a unit, with its next instants, and when it is in words."""

    row: Reservation
    unit: Unit
    own: bool
    zone: ZoneInfo
    next: list[datetime]
    said: str


def register(blueprint: Blueprint) -> None:
    def add(path: str, endpoint: str, view: Any, *methods: str) -> None:
        blueprint.add_url_rule(path, endpoint=endpoint, view_func=view, methods=list(methods) or ["GET"])

    add("/times", "times", first)
    add("/times/<identity>", "time_unit", shown)
    add("/times/<identity>/reserve", "time_reserve", reserve, "POST")
    add("/times/<identity>/reserved/<row>/withdraw", "time_give_back", give_back, "POST")
    add("/times/<identity>/dayparts", "time_daypart_new", daypart, "GET", "POST")
    add("/times/<identity>/dayparts/<code>", "time_daypart", daypart, "GET", "POST")
    add("/times/<identity>/dayparts/<code>/remove", "time_daypart_remove", remove, "POST")


@for_browsers
def first() -> Answer:
    """The unit that was chosen, or the first where the actor may schedule, or else the first they see."""
    with house().database.read() as reading:
        seen = unit_choices.offered(reading, actor())
        mine = unit_choices.offered(reading, actor(), Permission.SCHEDULE)
        chosen = unit_choices.picked(reading, actor(), request.args.get("unit", ""))
    if not seen:
        raise Forbidden(_ONLY)
    return _page((chosen or (mine or seen)[0]).id, MultiDict(), None)


@for_browsers
def shown(identity: str) -> Answer:
    return _page(identity, MultiDict(), None)


def _page(identity: str, typed: Typed, problem: forms.Problem | None) -> Answer:
    now = house().clock()
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        homes = {each.id: each for each in units.ancestors(reading, unit)}
        found = render_template(
            "panel/times.html",
            unit=unit,
            units=unit_choices.offered(reading, actor(), chosen=unit.id),
            parts=[
                Held(part, homes[part.unit_id], part.unit_id == unit.id)
                for _, part in sorted(dayparts.held(reading, unit).items())
            ],
            reserved=_reserved(reading, unit, homes, now),
            zone=times.zone_of(reading, unit),
            may_change=actor().may(Permission.SCHEDULE, unit),
            form=typed,
            problem=problem,
            repeats=repeats.CHOICES,
            days=repeats.DAYS,
            of_day=calendar_words.of_day,
        )
    return found, problem.status if problem else 200


def _reserved(reading: Session, unit: Unit, homes: dict[str, Unit], now: datetime) -> list[Reserved]:
    """The unit's own reservations and those of the units above; what is over for good is left out."""
    found = []
    for row in reservations.over(reading, unit):
        coming = list(islice(occurrences(reservations.rule_of(row), now, now + LOOK_AHEAD), 3))
        if coming:
            said, own = slot_words.of_reservation(row, now), row.unit_id == unit.id
            found.append(Reserved(row, homes[row.unit_id], own, known_zone(row.zone), coming, said))
    return sorted(found, key=lambda each: (each.unit.path, each.next[0]))


@for_browsers
@forms.keeps_text
def reserve(identity: str) -> Answer:
    """Keep time free at every station of the unit and below."""
    typed: Typed = MultiDict(request.form)

    def work() -> Response:
        starts = f"{forms.text('date')}T{forms.text('time')}"
        times.from_input(starts, times.home_zone())
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            reservations.create(
                writing, actor(), unit, name=forms.text("name"), starts=starts, minutes=forms.decimal("minutes") or 0,
                rrule=repeats.rule(typed.get("repeat", "once"), typed.getlist("days"), typed.get("rrule", ""), starts),
                until=forms.text("until") or None, default_zone=house().settings.zone, now=house().clock(),
            )  # fmt: skip
        flash(gettext("The time is reserved, here and below."), "success")
        return redirect(url_for("panel.time_unit", identity=identity), 303)

    done = forms.attempt(work)
    if isinstance(done, forms.Problem):
        if isinstance(done.error, NotFound):
            raise done.error
        return _page(identity, typed, done)
    return done


@for_browsers
def give_back(identity: str, row: str) -> Response:
    """Give reserved time back."""

    def act() -> None:
        with house().database.write() as writing:
            units.find(writing, actor(), identity)
            reservations.withdraw(writing, actor(), row, house().clock())

    return forms.acted(act, N_("The time is free again."), url_for("panel.time_unit", identity=identity))


@for_browsers
@forms.keeps_text
def daypart(identity: str, code: str = "") -> Answer:
    """Make or change a day part of the unit; one of a unit above gets times of this unit's own."""
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        actor().require(Permission.SCHEDULE, unit)
        held = dayparts.held(reading, unit)
        part = held.get(code)
        if code and part is None:
            raise NotFound
        home = reading.get(Unit, part.unit_id) if part else None
    problem = None
    if request.method == "POST":
        done = forms.attempt(lambda: _put(identity, code, held))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    typed: Typed = MultiDict(request.form) if request.method == "POST" else _typed(part)
    found = render_template(
        "panel/daypart.html",
        unit=unit,
        part=part,
        code=code,
        own=part is not None and part.unit_id == unit.id,
        home=home,
        form=typed,
        problem=problem,
        windows=range(_count(typed)),
        weekdays=dayparts.WEEKDAYS,
        months=_MONTHS,
        holidays=HOLIDAYS,
    )
    return found, problem.status if problem else 200


def _put(identity: str, code: str, held: dict[str, DayPart]) -> Response:
    name = forms.text("name")
    if not code:
        code = _code_of(name)
        if code in held:
            raise Conflict(N_("There is a day part of this name here already. Change that one."))
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        dayparts.put(writing, actor(), unit, code, name, _windows(MultiDict(request.form)), house().clock())
    flash(gettext("The day part is saved. Every slot that refers to it follows."), "success")
    return redirect(url_for("panel.time_unit", identity=identity), 303)


def _code_of(name: str) -> str:
    """The code of a name: “Buổi sáng” is `buoi-sang`. Empty for a name without letters and digits."""
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    return re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-")[:40]


def _count(typed: Typed) -> int:
    """How many windows the form shows: those that are filled in, and some blank ones."""
    last = max((n for n in range(dayparts.MAX_WINDOWS) if typed.get(f"w{n}-from") or typed.get(f"w{n}-to")), default=-1)
    return min(last + 1 + _BLANK_WINDOWS, dayparts.MAX_WINDOWS)


def _windows(typed: Typed) -> list[dict[str, Any]]:
    """The windows that are filled in; the ordinary ones, which fit every day, after those for special days."""
    found = []
    for n in range(dayparts.MAX_WINDOWS):
        begin, end = forms.text(f"w{n}-from", typed), forms.text(f"w{n}-to", typed)
        if not (begin or end):
            continue
        window: dict[str, Any] = {"from": begin, "to": end}
        months = sorted({int(month) for month in typed.getlist(f"w{n}-months") if month in map(str, _MONTHS)})
        days = [day for day in dayparts.WEEKDAYS if day in typed.getlist(f"w{n}-weekdays")]
        if months:
            window["months"] = months
        if days:
            window["weekdays"] = days
        if typed.get(f"w{n}-holidays") in {"only", "skip"}:
            window["holidays"] = typed[f"w{n}-holidays"] == "only"
        found.append(window)
    return sorted(found, key=lambda window: len(window) == 2)  # noqa: PLR2004 – "from" and "to" alone fit every day


def _typed(part: DayPart | None) -> Typed:
    form: Typed = MultiDict({"name": part.name if part else ""})
    windows: Sequence[dict[str, Any]] = part.windows if part else ()
    for n, window in enumerate(windows):
        form[f"w{n}-from"], form[f"w{n}-to"] = window["from"], window["to"]
        form.setlist(f"w{n}-months", [str(month) for month in window.get("months") or []])
        form.setlist(f"w{n}-weekdays", list(window.get("weekdays") or []))
        form[f"w{n}-holidays"] = _HOLIDAYS_TYPED[window.get("holidays")]
    return form


@for_browsers
def remove(identity: str, code: str) -> Response:
    """Drop the unit's own day part; that of the unit above holds again."""

    def act() -> None:
        with house().database.write() as writing:
            unit = units.find(writing, actor(), identity)
            dayparts.remove(writing, actor(), unit, code, house().clock())

    return forms.acted(act, N_("The day part is removed."), url_for("panel.time_unit", identity=identity))
