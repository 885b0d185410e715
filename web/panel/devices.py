"""Devices that wait for a person's word: what each says of itself, and the two buttons. And a new token for one."""

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response

from core.errors import N_
from registry import devices, stations
from registry.rights import Permission
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, times


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/stations/<identity>/device", endpoint="station_device", view_func=device)
    for name, view in (("confirm", confirm), ("refuse", refuse), ("renew", renew)):
        blueprint.add_url_rule(
            f"/stations/<identity>/{name}", endpoint=f"station_{name}", view_func=view, methods=["POST"]
        )


@for_browsers
def device(identity: str) -> str:
    """The device that waits at a station, and the one that is in service there, if any."""
    with house().database.read() as reading:
        station, unit = stations.find(reading, actor(), identity)
        actor().require(Permission.OPERATE, unit)
        return render_template(
            "panel/device.html", station=station, unit=unit, zone=times.zone_of(reading, unit)
        )  # fmt: skip


@for_browsers
def confirm(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            devices.confirm(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("The device is in service. It fetches its plan now."), url_for("panel.station", identity=identity)
    )  # fmt: skip


@for_browsers
def refuse(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            devices.refuse(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("The device was sent away. To try again, make a new enrolment code."),
        url_for("panel.station", identity=identity),
    )  # fmt: skip


@for_browsers
def renew(identity: str) -> Response:
    """Order another token for the station."""

    def act() -> None:
        with house().database.write() as writing:
            devices.ask_renewal(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("The station is asked to take a new token. The old one holds until it has."),
        url_for("panel.station", identity=identity),
    )  # fmt: skip
