"""Stations: how they are, what they will play, orders to them, and taking them into service."""

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlmodel import Session, col, select
from werkzeug.wrappers import Response

from core.errors import N_, Conflict
from registry import health, stations, traffic, unit_choices, units
from registry.models import StationState
from registry.rights import Permission
from scheduler import batches, commands, log, prepared, rotation, station_days
from scheduler.models import Airing, StationCommand
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, station_codes, times

Answer = Response | str | tuple[str, int]
MONTHS = 3
ORDERS = ("volume", "test_tone", "stop", "sync", "restart")


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/stations/new", view_func=station_new, methods=["GET", "POST"])
    blueprint.add_url_rule("/stations/<identity>", endpoint="station", view_func=detail)
    blueprint.add_url_rule(
        "/stations/<identity>/edit", endpoint="station_edit", view_func=edit, methods=["GET", "POST"]
    )
    blueprint.add_url_rule("/stations/<identity>/orders", endpoint="station_orders", view_func=orders_given)
    for name, view in (("order", order), ("revoke", revoke)):
        blueprint.add_url_rule(
            f"/stations/<identity>/{name}", endpoint=f"station_{name}", view_func=view, methods=["POST"]
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
            months=traffic.of(reading, station.id, MONTHS),
            prepared=prepared.visible(reading, actor(), unit=unit),
            standing=(state.standing if state else None) or [],
            health=health.of(station, state, now, house().settings.silent_after_seconds),
            title=_title(reading, state),
            held=units.inherited(place.units, house().settings.zone),
            zone=times.zone_of(reading, unit),
            plan=log.at_station(reading, place.names, now, limit=15),
            reports=log.by_station(reading, station.id, limit=15),
            given=_given(reading, station.id),
            orders=ORDERS,
            day=station_days.last_day(reading, station.id, now, times.zone_of(reading, unit)),
            quiet_now=batches.quiet_now(reading, unit, house().settings.zone, now),
            budget_mb=house().settings.sim_budget_mb,
            behind=rotation.is_behind(reading, station, state),
            may_operate=actor().may(Permission.OPERATE, unit),
            now=now,
        )


def _title(reading: Session, state: StationState | None) -> str:
    """What it plays now; empty for nothing."""
    airing = reading.get(Airing, state.playing) if state is not None and state.playing else None
    return airing.title if airing else ""


def _given(reading: Session, station_id: str) -> Sequence[StationCommand]:
    return reading.exec(
        select(StationCommand)
        .where(StationCommand.station_id == station_id)
        .order_by(col(StationCommand.id).desc())
        .limit(8)
    ).all()


@for_browsers
def orders_given(identity: str) -> str:
    """The orders given to a station, for a page that fetches them anew while one is on its way."""
    with house().database.read() as reading:
        station, unit = stations.find(reading, actor(), identity)
        return render_template(
            "panel/_station_orders.html", given=_given(reading, station.id), now=house().clock(),
            zone=times.zone_of(reading, unit),
        )  # fmt: skip


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
            units=unit_choices.offered(reading, actor(), Permission.OPERATE, forms.text("unit")),
            station=None,
        )
    return page, problem.status if problem else 200


def _languages() -> list[str]:
    return forms.text("languages").replace(",", " ").split()


@for_browsers
def edit(identity: str) -> Answer:
    """Name, place and languages of a station."""
    problem = None
    if request.method == "POST":
        done = forms.attempt(partial(_edit, identity))
        if not isinstance(done, forms.Problem):
            return done
        problem = done
    with house().database.read() as reading:
        station, unit = stations.find(reading, actor(), identity)
        actor().require(Permission.OPERATE, unit)
    held = {
        "name": station.name, "languages": ", ".join(station.languages),
        "latitude": "" if station.latitude is None else str(station.latitude),
        "longitude": "" if station.longitude is None else str(station.longitude),
    }  # fmt: skip
    form = request.form if problem else held
    page = render_template("panel/station_form.html", form=form, problem=problem, units=[unit], station=station)
    return page, problem.status if problem else 200


def _edit(identity: str) -> Response:
    with house().database.write() as writing:
        stations.edit(
            writing, actor(), identity, name=request.form.get("name", ""), latitude=forms.decimal("latitude"),
            longitude=forms.decimal("longitude"), languages=_languages(), now=house().clock(),
        )  # fmt: skip
    flash(gettext("Saved. It holds from the next airing on."), "success")
    return redirect(url_for("panel.station", identity=identity), 303)


def _create() -> Response:
    with house().database.write() as writing:
        unit = units.find(writing, actor(), forms.text("unit"))
        station, secret = stations.create(
            writing, actor(), name=request.form.get("name", ""), unit=unit, latitude=forms.decimal("latitude"),
            longitude=forms.decimal("longitude"), languages=_languages() or None, confirm=bool(forms.text("confirm")),
            hours=house().settings.enrolment_hours, now=house().clock(),
        )  # fmt: skip
    return station_codes.code_page(station, unit, secret)


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
        do, now = forms.text("do"), house().clock()
        value = forms.number("value") if do == "volume" else None
        with house().database.write() as writing:
            if do == "test_tone" and not forms.text("reason"):
                _, unit = stations.find(writing, actor(), identity)
                if batches.quiet_now(writing, unit, house().settings.zone, now):
                    raise Conflict(N_("It is quiet hours there now. Give a reason, then the test tone sounds."))
            commands.give(writing, actor(), identity, do, value, now, reason=forms.text("reason"))

    return forms.acted(
        act, N_("The order is on its way. Below it shows when the station has it."),
        url_for("panel.station", identity=identity),
    )  # fmt: skip
