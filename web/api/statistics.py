"""Script API: reports by month, and whether a unit has a page for everybody."""

from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlmodel import Session

from core.clock import format_instant
from core.clock import zone as known_zone
from registry import public_pages, units
from registry.models import Unit
from scheduler import month_figures, statistics
from scheduler.statistics import Row
from web.access import actor, for_scripts
from web.api.bodies import PageAnswer, RadioBody
from web.api.reading import answer, body
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("GET", "/units/<identity>/statistics", show_statistics),
        ("GET", "/units/<identity>/page", show_page),
        ("PUT", "/units/<identity>/page", put_page),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def show_statistics(identity: str) -> Response:
    """What was said and heard at a unit and below in the months `from` to `to`; this month unless said otherwise."""
    here = house()
    with here.database.read() as session:
        unit = units.find(session, actor(), identity)
        zone = known_zone(units.inherited(units.ancestors(session, unit), here.settings.zone).zone)
        first = request.args.get("from") or here.clock().astimezone(zone).strftime("%Y-%m")
        months = statistics.months_between(first, request.args.get("to") or first)
        start, end = month_figures.bounds(months[0], zone)[0], month_figures.bounds(months[-1], zone)[1]
        told = statistics.report(session, unit, months, start, end)
    return answer(
        {
            "unit": unit.code, "from": months[0], "to": months[-1], "total": _figures(told.whole),
            "months": [_row("month", row) for row in told.by_month],
            "fields": [_row("field", row) for row in told.by_field],
            "priorities": [_row("priority", row) for row in told.by_priority],
            "languages": [_row("language", row) for row in told.by_language],
            "units": [{"unit": row.code, "name": row.name, **_figures(row)} for row in told.below],
            "stations": [
                {
                    "station": row.station.id, "name": row.station.name, "played": row.played, "partial": row.partial,
                    "missed": row.missed, "planned_seconds": round(row.planned, 1),
                    "played_seconds": round(row.played_seconds, 1),
                }
                for row in told.stations
            ],
            "stations_in_all": told.stations_in_all,
            "emergencies": [
                {
                    "title": row.title, "at": format_instant(row.at), "stations": row.stations, "heard": row.heard,
                    "first_seconds": row.first, "most_seconds": row.most,
                }
                for row in told.alarms
            ],
        }
    )  # fmt: skip


def _row(name: str, row: Row) -> dict[str, Any]:
    return {name: row.code, **_figures(row)}


def _figures(row: Row) -> dict[str, Any]:
    return {
        "bulletins": row.bulletins, "planned_seconds": round(row.planned, 1), "played_seconds": round(row.played, 1)
    }  # fmt: skip


@for_scripts
def show_page(identity: str) -> Response:
    """Whether a unit has a page for everybody, and where."""
    with house().database.read() as session:
        return answer(_page(session, units.find(session, actor(), identity)))


@for_scripts
def put_page(identity: str) -> Response:
    """Give the unit and those below a page for everybody (true), none (false), or as above (null)."""
    here, wanted = house(), body(RadioBody)
    with here.database.write() as session:
        unit = units.find(session, actor(), identity)
        public_pages.open_page(session, actor(), unit, wanted.public, here.clock())
        return answer(_page(session, unit))


def _page(session: Session, unit: Unit) -> PageAnswer:
    held = units.inherited(units.ancestors(session, unit), house().settings.zone)
    return PageAnswer(
        unit=unit.code, public=unit.public_page, open=held.public_page, path=url_for("public.page", code=unit.code)
    )
