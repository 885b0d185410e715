"""Where a station may listen by MQTT instead of waiting on `/now`."""

from flask import Blueprint, Response

from core.errors import NotFound
from core.topics import KEEPALIVE_SECONDS, online_of
from core.wire import BrokerAnswer
from registry import stations
from scheduler import broker_access
from web.access import for_stations, station_id
from web.api.reading import answer
from web.app import house


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/broker", view_func=broker, methods=["GET"])


@for_stations
def broker() -> Response:
    """The broker's address, the station's name and password there, and its topics. `404` where there is none."""
    here = house()
    address = here.settings.mqtt_station_url or here.settings.mqtt_url
    if not address:
        raise NotFound
    with here.database.read() as session:
        place = stations.place(session, station_id())
    if place.station.token_hash is None:  # a device that waits to be confirmed gets nothing
        raise NotFound
    return answer(
        BrokerAnswer(
            url=address, username=station_id(), password=broker_access.password_of(here.settings, station_id()),
            keepalive_s=KEEPALIVE_SECONDS, topics=broker_access.topics_of(place), online=online_of(station_id()),
        )
    )  # fmt: skip
