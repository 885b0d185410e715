"""Copying a week of a unit into another: look at what would come of it, choose, copy."""

from datetime import date, timedelta

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from core.errors import N_, InvalidInput
from registry import units
from registry.rights import Permission
from scheduler import week_copy
from scheduler.week_copy import Copy, Weeks
from web.access import actor, for_browsers
from web.app import house
from web.messages import said
from web.panel import calendar_words, forms, times
from web.panel.week_places import Place

Answer = Response | str | tuple[str, int]
_WEEK = timedelta(days=7)


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/units/<identity>/week/copy", endpoint="unit_week_copy", view_func=copied, methods=["GET", "POST"]
    )


@for_browsers
@forms.keeps_text
def copied(identity: str) -> Answer:
    """What of one week would sound in another, line by line; then the lines that are ticked, in one step."""
    now = house().clock()
    with house().database.read() as reading:
        unit = units.find(reading, actor(), identity)
        actor().require(Permission.SCHEDULE, unit)
        zone = times.zone_of(reading, unit)
    problem: forms.Problem | None = None
    today = now.astimezone(zone).date()
    weeks = Weeks(_monday("from", today), _monday("to", _monday("from", today) + _WEEK))
    if request.method == "POST":
        done = forms.attempt(lambda: _copy(identity, weeks))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    looked: list[Copy] = []

    def look() -> Response:
        with house().database.write() as writing:
            here = units.find(writing, actor(), identity)
            looked.append(week_copy.preview(writing, actor(), here, weeks, house().settings.zone, now))
        return Response()

    unclear = forms.attempt(look)
    if isinstance(unclear, forms.Problem):
        problem = problem or unclear
    found = looked[0] if looked else Copy()
    page = render_template(
        "panel/week_copy.html", unit=unit, zone=zone, weeks=weeks, found=found, problem=problem, place=Place(unit),
        new=[line for line in found.lines if line.state == week_copy.NEW],
        left=[line for line in found.lines if line.state != week_copy.NEW], reason=_reason,
        of_day=calendar_words.of_day, last=timedelta(days=6),
    )  # fmt: skip
    return page, problem.status if problem else 200


def _reason(line: week_copy.Line) -> str:
    """Why a line is left out."""
    if line.error is not None:
        return said(line.error)
    words = {
        week_copy.THERE: gettext("It is in that week already."), week_copy.PAST: gettext("That instant has gone by."),
    }  # fmt: skip
    return str(words.get(line.state, ""))


def _monday(name: str, otherwise: date) -> date:
    try:
        day = date.fromisoformat(request.values.get(name, "")[:10])
    except ValueError:
        day = otherwise
    return day - timedelta(days=day.weekday())


def _copy(identity: str, weeks: Weeks) -> Response:
    chosen = request.form.getlist("line")[: week_copy.MAX_LINES]
    if not chosen:
        raise InvalidInput(N_("Tick at least one airing to copy."), fields={"line": "empty"})
    with house().database.write() as writing:
        unit = units.find(writing, actor(), identity)
        found = week_copy.copy(writing, actor(), unit, weeks, chosen, house().settings.zone, house().clock())
        step = found.step.id if found.step else ""
    return redirect(Place(unit).address(**{"from": weeks.target.isoformat(), "undo": step}), 303)
