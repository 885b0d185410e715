"""The network: its stations as a list, as a table to keep, and on a map; all three narrowed by the same filters."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, g, jsonify, render_template, request
from flask_babel import gettext
from sqlmodel import Session, col, select
from werkzeug.wrappers import Response

from core.clock import format_instant
from core.errors import NotFound
from registry import outlines, station_list, stations
from registry.models import Unit
from registry.rights import Permission
from registry.station_list import Row
from scheduler import batches
from scheduler.last_sounds import last_sound
from scheduler.models import Airing
from web.access import actor, for_browsers
from web.app import house
from web.panel import labels, map_tiles, station_filters, times

PAGE = 50
MEGABYTE = 1_000_000  # as operators count
_TABLE_BLOCK = 500
_MOST_ROWS = 50_000
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_DIGITS = 5  # of degrees: about a metre


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/stations", endpoint="stations", view_func=listed)
    blueprint.add_url_rule("/stations/table.csv", endpoint="station_table", view_func=table)
    blueprint.add_url_rule("/stations/map", endpoint="station_map", view_func=on_map)
    blueprint.add_url_rule("/stations/map.json", endpoint="station_points", view_func=points)


@for_browsers
def listed() -> str:
    """The stations that are wanted, PAGE at a time, with how many there are in each state."""
    frame = station_filters.frame()
    with house().database.read() as reading:
        asked = station_filters.asked(reading)
        rows = station_list.page(
            reading, actor(), asked.wanted, frame, sounded=last_sound(), sort=asked.sort,
            descending=asked.descending, after=station_list.read(request.args.get("after", ""), asked.sort),
            limit=PAGE + 1,
        )  # fmt: skip
        more = station_list.written((rows[PAGE - 1].key, rows[PAGE - 1].station.id)) if len(rows) > PAGE else None
        rows = rows[:PAGE]
        return render_template(
            "panel/stations.html",
            rows=rows,
            more=more,
            titles=_titles(reading, rows),
            zones=times.zones_of(reading, (row.unit for row in rows)),
            may_add=actor().may_somewhere(Permission.OPERATE),
            acts=batches.latest(reading, actor()) if actor().may_somewhere(Permission.OPERATE) else (),
            budget_mb=house().settings.sim_budget_mb,
            megabyte=MEGABYTE,
            orders=batches.ORDERS,
            **station_filters.choices(reading, asked),
        )


def _titles(reading: Session, rows: list[Row]) -> dict[str, str]:
    ids = [row.state.playing for row in rows if row.state is not None and row.state.playing]
    return dict(reading.exec(select(Airing.id, Airing.title).where(col(Airing.id).in_(ids))).all()) if ids else {}


@for_browsers
def table() -> Response:
    """What is wanted, as a table; it begins with a mark by which Excel knows UTF-8."""
    frame, who, database = station_filters.frame(), actor(), house().database
    with database.read() as reading:
        asked = station_filters.asked(reading)
    heads = [
        gettext("Station"), gettext("Unit"), gettext("State"), gettext("Silent since"), gettext("Last heard"),
        gettext("Last sound"), gettext("Volume"), gettext("Data this month (MB)"), gettext("Temperature"),
        gettext("Ready until"), gettext("Version"), gettext("Serial number"), gettext("Latitude"), gettext("Longitude"),
        gettext("Name in scripts"),
    ]  # fmt: skip
    words = {state: labels.label("station", state) for state in station_list.PRIMARY}

    def written() -> Iterator[bytes]:
        out = io.StringIO("\ufeff")
        out.seek(0, io.SEEK_END)
        lines = csv.writer(out)
        lines.writerow(heads)
        after, told = None, 0
        while told < _MOST_ROWS:
            with database.read() as reading:
                rows = station_list.page(
                    reading, who, asked.wanted, frame, sounded=last_sound(), sort=asked.sort,
                    descending=asked.descending, after=after, limit=_TABLE_BLOCK,
                )  # fmt: skip
            for row in rows:
                lines.writerow([_cell(each) for each in _columns(row, words)])
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
            told += len(rows)
            if len(rows) < _TABLE_BLOCK:
                return
            after = (rows[-1].key, rows[-1].station.id)

    response = Response(written(), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="cum-loa.csv"'
    return response


def _columns(row: Row, words: dict[str, str]) -> list[object]:
    state, station = row.state, row.station
    return [
        station.name, row.unit.name, words[row.health.state],
        format_instant(row.health.since) if row.health.since else "",
        format_instant(state.heard_at) if state else "",
        format_instant(row.sounded) if row.sounded else "",
        state.volume if state and state.volume is not None else station.volume,
        round(row.used / MEGABYTE, 1),
        "" if state is None or state.temperature_c is None else round(state.temperature_c, 1),
        format_instant(state.ready_until) if state and state.ready_until else "",
        (state.software if state else "") or "", station.serial, station.latitude, station.longitude, station.id,
    ]  # fmt: skip


def _cell(value: object) -> object:
    """What a spreadsheet would take for a formula is marked as text: devices say their serial numbers themselves."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


@for_browsers
def on_map() -> str:
    """The same stations on a map; the list stays the way without a mouse."""
    settings = house().settings
    g.images_from = map_tiles.origin(settings.map_tiles)
    with house().database.read() as reading:
        asked = station_filters.asked(reading)
        return render_template(
            "panel/station_map.html",
            tiles=settings.map_tiles,
            attribution=settings.map_attribution,
            shapes=station_list.PRIMARY,
            **station_filters.choices(reading, asked),
        )


@for_browsers
def points() -> Response:
    """What the map draws: units with their outlines; stations as [id, name, latitude, longitude, state, unit].

    State and unit are numbers: places in `states` and `units`. With `id` of one station: its card.
    """
    if request.args.get("card"):
        return _card(request.args["card"])
    frame = station_filters.frame()
    with house().database.read() as reading:
        asked = station_filters.asked(reading)
        rows = station_list.points(reading, actor(), asked.wanted, frame, station_list.MOST + 1)
        cut, rows = len(rows) > station_list.MOST, rows[: station_list.MOST]
        by_path: dict[str, list[outlines.Point]] = {}
        for row in rows:
            by_path.setdefault(row.path, []).append((row.latitude, row.longitude))
        drawn = outlines.grouped(by_path)
        ids = sorted({row[4] for row in rows} | drawn.keys())
        names = _unit_names(reading, ids)
    index = {identity: at for at, identity in enumerate(ids)}
    states = {state: at for at, state in enumerate(station_list.PRIMARY)}
    answer: dict[str, Any] = {
        "states": [[state, labels.label("station", state), labels.tone("station", state)] for state in states],
        "units": [names.get(identity, "") for identity in ids],
        "outlines": [
            [index[identity], [[round(each, _DIGITS) for each in point] for point in hull]]
            for identity, hull in drawn.items()
        ],
        "stations": [
            [
                row.id, row.name, round(row.latitude, _DIGITS), round(row.longitude, _DIGITS), states[row[6]],
                index[row[4]],
            ]
            for row in rows
        ],
        "cut": cut,
    }  # fmt: skip
    response = jsonify(answer)
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)


def _unit_names(reading: Session, ids: list[str]) -> dict[str, str]:
    """Names of units within sight; of those above it, whose stations are not seen alone, none."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), 400):
        query = select(Unit.id, Unit.name).where(
            col(Unit.id).in_(ids[start : start + 400]), actor().within(Permission.SEE, col(Unit.path))
        )
        found |= dict(reading.exec(query).all())
    return found


def _card(identity: str) -> Response:
    """One station as the map shows it when it is clicked: a piece of a page."""
    frame = station_filters.frame()
    with house().database.read() as reading:
        station, unit = stations.find(reading, actor(), identity)
        rows = station_list.page(
            reading, actor(), station_list.Wanted(text=station.id), frame, sounded=last_sound(), limit=1
        )
        if not rows:
            raise NotFound
        page = render_template("panel/_station_card.html", row=rows[0], zone=times.zone_of(reading, unit))
    return Response(page, mimetype="text/html")
