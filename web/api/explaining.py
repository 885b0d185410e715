"""Script API: why a station plays what it plays, the week of a unit or a station, a unit's calendar."""

import hashlib
from datetime import date, timedelta

from flask import Blueprint, Response, request
from flask_babel import gettext

from core.errors import N_, InvalidInput
from registry import stations, subscriptions, units
from scheduler import explaining, explanation, ics
from scheduler import week as weeks
from web.access import actor, for_scripts
from web.api.bodies import CalendarAnswer
from web.api.reading import answer, local_or_instant
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/stations/<identity>/explain", explain_station),
        ("GET", "/stations/<identity>/week", station_week),
        ("GET", "/units/<identity>/week", unit_week),
        ("GET", "/units/<identity>/calendar.ics", unit_calendar),
        ("POST", "/units/<identity>/calendar", create_calendar),
        ("POST", "/units/<identity>/calendar/revoke", revoke_calendar),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def explain_station(identity: str) -> Response:
    """What plays at a station at an instant (`at`, default: now), why, and what lost."""
    here = house()
    with here.database.read() as session:
        station, _ = stations.find(session, actor(), identity)
        place = stations.place(session, station.id)
        local = units.inherited(place.units, here.settings.zone).zone
        text = request.args.get("at", "").strip().replace(" ", "+")
        at = local_or_instant(text, local) if text else here.clock()
        told = explaining.explain(session, actor(), identity, at, default_zone=here.settings.zone, now=here.clock())
        return answer(explanation.written(told, gettext))


def first_day() -> date | None:
    """The day in `from`; None where none is given. Raises InvalidInput."""
    text = request.args.get("from", "").strip()
    if not text:
        return None
    try:
        return _within_reason(date.fromisoformat(text[:10]))
    except ValueError:
        raise InvalidInput(N_("Write a day like 2026-11-23."), fields={"from": "form"}) from None


def _within_reason(day: date) -> date:
    if not 1970 <= day.year <= 2198:  # noqa: PLR2004
        raise ValueError(day)
    return day


def look() -> weeks.Look:
    """What a week has to know of this installation."""
    here = house()
    return weeks.Look(here.settings.zone, here.settings.sim_budget_mb, here.clock())


@for_scripts
def station_week(identity: str) -> Response:
    """Seven days at a station, from the local day `from` (default: this week's Monday)."""
    with house().database.read() as session:
        return answer(weeks.written(weeks.of_station(session, actor(), identity, first_day(), look())))


@for_scripts
def unit_week(identity: str) -> Response:
    """Seven days at a unit and all below it, from the local day `from` (default: this week's Monday)."""
    with house().database.read() as session:
        unit = units.find(session, actor(), identity)
        return answer(weeks.written(weeks.of_unit(session, actor(), unit, first_day(), look())))


@for_scripts
def unit_calendar(identity: str) -> Response:
    """The timetable of a unit as iCalendar; `ETag`, `If-None-Match`."""
    here = house()
    with here.database.read() as session:
        unit = units.find(session, actor(), identity)
        content = ics.of_unit(session, actor(), unit, timedelta(days=here.settings.horizon_days), here.clock())
    return calendar_response(content)


def calendar_response(content: bytes) -> Response:
    """The calendar with its entity tag; 304 for who has it already."""
    response = Response(content, mimetype="text/calendar", content_type="text/calendar; charset=utf-8")
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, max-age=900"
    response.make_conditional(request)
    return response


@for_scripts
def create_calendar(identity: str) -> Response:
    """A secret address for the unit's calendar, shown once; the caller's older one ends."""
    here = house()
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        secret = subscriptions.make(session, actor(), unit, here.clock())
    return answer(CalendarAnswer(address=f"/calendar/{secret}.ics"), 201)


@for_scripts
def revoke_calendar(identity: str) -> Response:
    """End the caller's secret address; for an administrator of the unit, all of its."""
    here = house()
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        ended = subscriptions.revoke(session, actor(), unit, here.clock())
    return answer({"ended": ended})
