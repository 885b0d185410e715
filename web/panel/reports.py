"""Reports on screen, on paper and as Excel: what was said in some months at a unit and below, and how well."""

from functools import lru_cache, partial

from babel.numbers import format_decimal as babel_decimal
from flask import Blueprint, render_template, request
from flask_babel import gettext
from sqlmodel import Session
from werkzeug.wrappers import Response

from core.clock import zone as known_zone
from core.errors import N_, InvalidInput
from playlists import subjects
from registry import unit_choices, units
from registry.models import Unit
from scheduler import month_figures, statistics
from scheduler.statistics import Report, Row
from web.access import actor, for_browsers
from web.app import house
from web.messages import language
from web.messages import said as said_error
from web.panel import labels, report_book, report_figures, times, tongues

STATIONS = 100  # so many stand on the page; the workbook has more
_NONE = N_("no bulletin (music, signature tunes, relays)")
# Headings of the workbook, for the catalogue.
_HEADINGS = (
    N_("Bulletins heard"), N_("Minutes planned"), N_("Minutes played"), N_("Played, percent"), N_("Report"),
    N_("Month"), N_("Played whole"), N_("Played in part"), N_("Missed"), N_("When"), N_("What"),
    N_("Stations that played it"), N_("Minutes until the first"), N_("Minutes until 95 percent"), N_("Station"),
    N_("Unit"), N_("Stations"), N_("Emergencies"),
)  # fmt: skip


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/reports", endpoint="reports", view_func=page)
    blueprint.add_url_rule("/reports.xlsx", endpoint="reports_book", view_func=book)


@for_browsers
def page() -> str | tuple[str, int]:
    """The report of one of the units the person sees: of this month unless others are asked for."""
    with house().database.read() as reading:
        seen = unit_choices.offered(reading, actor())
        asked = request.args.get("unit", "") or (seen[0].id if seen else "")
        unit = units.find(reading, actor(), asked) if asked else None
        seen = unit_choices.offered(reading, actor(), chosen=unit.id if unit else "")
        if unit is None:
            return render_template("panel/reports.html", told=None, units=seen, unit=None, problem=None)
        zone = times.zone_of(reading, unit)
        now = house().clock()
        this = now.astimezone(zone).strftime("%Y-%m")
        first, last = request.args.get("from") or this, request.args.get("to") or request.args.get("from") or this
        problem, status = "", 200
        try:
            months = statistics.months_between(first, last)
        except InvalidInput as error:
            months, problem, status = [this], said_error(error), 422
        told = read(reading, unit, months, STATIONS)
        tables = tables_of(told)
        written = partial(minutes, written_in=language())  # asked once: a province has thousands of figures
        pictures = {
            title: report_figures.picture(rows, [written(row.played) for row in rows]) for title, rows in tables
        }
        months_picture = report_figures.picture(told.by_month, [written(row.played) for row in told.by_month])
    shown = render_template(
        "panel/reports.html", told=told, tables=tables, pictures=pictures, months_picture=months_picture, units=seen,
        unit=unit, zone=zone, now=now, first=first, last=last, problem=problem, minutes=written,
        percent=partial(percent, written_in=language()),
    )  # fmt: skip
    return (shown, status) if problem else shown


@for_browsers
def book() -> Response:
    """The same as an Excel workbook. Raises NotFound, InvalidInput."""
    with house().database.read() as reading:
        unit = units.find(reading, actor(), request.args.get("unit", ""))
        zone = times.zone_of(reading, unit)
        this = house().clock().astimezone(zone).strftime("%Y-%m")
        first = request.args.get("from") or this
        told = read(reading, unit, statistics.months_between(first, request.args.get("to") or first))
    content = report_book.written(told, tables_of(told), zone, gettext)
    response = Response(content, mimetype=report_book.MIME)
    response.headers["Content-Disposition"] = f'attachment; filename="report-{unit.code}-{told.months[-1]}.xlsx"'
    return response


def read(reading: Session, unit: Unit, months: list[str], most_stations: int = statistics.MAX_STATIONS) -> Report:
    """The report of a unit that the person sees, with the names of everything in their language."""
    zone = known_zone(units.inherited(units.ancestors(reading, unit), house().settings.zone).zone)
    start, end = month_figures.bounds(months[0], zone)[0], month_figures.bounds(months[-1], zone)[1]
    told = statistics.report(reading, unit, months, start, end, most_stations)
    fields = {each.code: each.name_vi if language() == "vi" else each.name_en for each in subjects.every(reading)}
    statistics.named(told.by_month, lambda code: f"{code[5:]}/{code[:4]}")
    statistics.named(told.by_field, lambda code: fields.get(code, code) or gettext(_NONE))
    statistics.named(told.by_priority, lambda code: labels.label("priority", code) if code else gettext(_NONE))
    statistics.named(told.by_language, lambda code: tongues.name(code) if code else gettext(_NONE))
    return told


def tables_of(told: Report) -> list[tuple[str, list[Row]]]:
    """The tables after that of the months, with their titles."""
    found = [
        (gettext("By field"), told.by_field), (gettext("By priority"), told.by_priority),
        (gettext("By language"), told.by_language),
    ]  # fmt: skip
    return [*found, (gettext("By unit"), told.below)] if told.below else found


def minutes(seconds: float, written_in: str) -> str:
    """Minutes as people write numbers in that language."""
    return _number(round(seconds / 60, 1), written_in)


def percent(share: float | None, written_in: str) -> str:
    """A share as percent; a dash where nothing was planned."""
    return "–" if share is None else f"{_number(round(100 * share, 1), written_in)} %"


@lru_cache(maxsize=20_000)
def _number(number: float, written_in: str) -> str:
    """A page of a province has thousands of them, many the same: each is written once."""
    return str(babel_decimal(number, locale=written_in))
