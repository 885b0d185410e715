"""Script API: devices that wait to be confirmed, and their tokens."""

from flask import Blueprint, Response

from registry import devices, stations
from registry.models import Station, StationState, Unit
from web.access import actor, for_scripts
from web.api.reading import answer
from web.api.registry import station_answer
from web.app import house


def register(blueprint: Blueprint) -> None:
    for path, view in (
        ("/stations/<identity>/confirm", confirm_device),
        ("/stations/<identity>/refuse", refuse_device),
        ("/stations/<identity>/renew-token", ask_renewal),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=["POST"], endpoint=view.__name__)


@for_scripts
def confirm_device(identity: str) -> Response:
    """Take the device that waits at a station into service."""
    here = house()
    with here.database.write() as session:
        devices.confirm(session, actor(), identity, here.clock())
        station, unit = stations.find(session, actor(), identity)
        return _told(station, unit, session.get(StationState, station.id))


@for_scripts
def refuse_device(identity: str) -> Response:
    """Send the device that waits at a station away."""
    here = house()
    with here.database.write() as session:
        devices.refuse(session, actor(), identity, here.clock())
        station, unit = stations.find(session, actor(), identity)
        return _told(station, unit, session.get(StationState, station.id))


@for_scripts
def ask_renewal(identity: str) -> Response:
    """Let a station ask for another token; the old one ends when it uses the new one."""
    here = house()
    with here.database.write() as session:
        devices.ask_renewal(session, actor(), identity, here.clock())
    return answer({"id": identity, "renewing": True})


def _told(station: Station, unit: Unit, state: StationState | None) -> Response:
    here = house()
    return answer(station_answer(station, unit, state, here.clock(), here.settings.silent_after_seconds))
