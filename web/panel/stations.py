"""Stations: how they are, what they will play, orders to them, and taking them into service."""

from flask import Blueprint, render_template, request, url_for
from sqlmodel import Session, col, select
from werkzeug.wrappers import Response

from core.errors import N_
from registry import health, stations, units
from registry.models import Station, StationState, Unit
from registry.rights import Permission
from scheduler import commands, log
from scheduler.models import Airing, StationCommand
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times

Answer = Response | str | tuple[str, int]
PAGE = 50
ORDERS = ("volume", "test_tone", "stop", "sync", "restart")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/stations", endpoint="stations", view_func=listed)
    blueprint.add_url_rule("/stations/new", view_func=station_new, methods=["GET", "POST"])
    blueprint.add_url_rule("/stations/<identity>", endpoint="station", view_func=detail)
    for name, view in (("order", order), ("code", code), ("revoke", revoke)):
        blueprint.add_url_rule(
            f"/stations/<identity>/{name}", endpoint=f"station_{name}", view_func=view, methods=["POST"]
        )


def _titles(reading: Session, states: list[StationState | None]) -> dict[str, str]:
    ids = [state.playing for state in states if state is not None and state.playing]
    rows = reading.exec(select(Airing.id, Airing.title).where(col(Airing.id).in_(ids))).all()
    return dict(rows)


@for_browsers
def listed() -> str:
    now, silent_after = house().clock(), house().settings.silent_after_seconds
    with house().database.read() as reading:
        rows = stations.visible(reading, actor(), after=request.args.get("after", ""), limit=PAGE + 1)
        return render_template(
            "panel/stations.html",
            rows=[
                (station, unit, state, health.of(station, state, now, silent_after))
                for station, unit, state in rows[:PAGE]
            ],
            more=rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            titles=_titles(reading, [state for _, _, state in rows[:PAGE]]),
            zones=times.zones_of(reading, (unit for _, unit, _ in rows)),
            may_add=actor().may_somewhere(Permission.OPERATE),
        )


@for_browsers
def detail(identity: str) -> str:
    now = house().clock()
    with house().database.read() as reading:
        station, unit = stations.find(reading, actor(), identity)
        place = stations.place(reading, station.id)
        state = reading.get(StationState, station.id)
        return render_template(
            "panel/station.html",
            station=station,
            unit=unit,
            groups=place.groups,
            state=state,
            health=health.of(station, state, now, house().settings.silent_after_seconds),
            titles=_titles(reading, [state]),
            held=units.inherited(place.units, house().settings.zone),
            zone=times.zone_of(reading, unit),
            plan=log.at_station(reading, place.names, now, limit=15),
            reports=log.by_station(reading, station.id, limit=15),
            given=reading.exec(
                select(StationCommand)
                .where(StationCommand.station_id == station.id)
                .order_by(col(StationCommand.id).desc())
                .limit(8)
            ).all(),
            orders=ORDERS,
            may_operate=actor().may(Permission.OPERATE, unit),
            now=now,
        )


@for_browsers
@forms.keeps_text
def station_new() -> Answer:
    problem = None
    if request.method == "POST":
        done = forms.attempt(_create)
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        page = render_template(
            "panel/station_form.html",
            form=request.form,
            problem=problem,
            units=units.visible(reading, actor(), Permission.OPERATE),
        )
    return page, problem.status if problem else 200


def _create() -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        station, secret = stations.create(
            writing, actor(), name=request.form.get("name", ""), unit=unit, latitude=forms.decimal("latitude"),
            longitude=forms.decimal("longitude"), languages=forms.text("languages").replace(",", " ").split() or None,
            hours=house().settings.enrolment_hours, now=house().clock(),
        )  # fmt: skip
    return _code_page(station, unit, secret)


def _code_page(station: Station, unit: Unit, secret: str) -> Response:
    """The one page that shows a code. It is never stored in readable form, nor in the browser's session."""
    page = render_template(
        "panel/station_code.html",
        station=station,
        unit=unit,
        code=secret,
        hours=house().settings.enrolment_hours,
        server=request.url_root.rstrip("/"),
    )
    return Response(page, status=201, mimetype="text/html")


@for_browsers
def code(identity: str) -> Response:
    with house().database.write() as writing:
        secret = stations.renew_code(writing, actor(), identity, house().settings.enrolment_hours, house().clock())
        station, unit = stations.find(writing, actor(), identity)
    return _code_page(station, unit, secret)


@for_browsers
def revoke(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            stations.revoke(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("The station is out of service. Its token no longer opens anything."),
        url_for("panel.station", identity=identity),
    )  # fmt: skip


@for_browsers
def order(identity: str) -> Response:
    def act() -> None:
        do = forms.text("do")
        value = forms.number("value") if do == "volume" else None
        with house().database.write() as writing:
            commands.give(writing, actor(), identity, do, value, house().clock())

    return forms.acted(
        act, N_("The order is on its way. Below it shows when the station has it."),
        url_for("panel.station", identity=identity),
    )  # fmt: skip
