"""A station whose last will came is known to be away within ninety seconds, and nobody is called away who is not."""

from datetime import timedelta

import pytest
from mosquitto_server import Guest, Mosquitto, eventually
from sqlmodel import select
from village import NOW, Village

from core.topics import EVERYBODY_ONLINE, KEEPALIVE_SECONDS, OFFLINE, ONLINE, now_of, online_of
from core.wire import Heartbeat
from registry import stations
from registry.models import StationState
from scheduler.absence import LOOK_SECONDS, Absence
from scheduler.broker import Broker


def heard(village: Village, **ago: float) -> None:
    """Stations were heard so many seconds ago, by their short names."""
    with village.database.write() as session:
        for short, seconds in ago.items():
            stations.heard(session, village.cast.stations[short], Heartbeat(), NOW - timedelta(seconds=seconds))


def silent(village: Village) -> set[str]:
    with village.database.read() as session:
        marked = select(StationState.station_id).where(StationState.silent_since.is_not(None))
        ids = set(session.exec(marked).all())
    return {short for short, identity in village.cast.stations.items() if identity in ids}


def mark(village: Village, absence: Absence) -> int:
    with village.database.write() as session:
        return absence.mark(session, NOW)


@pytest.fixture
def absence(village: Village) -> Absence:
    made = Absence()
    made.told(online_of(village.cast.stations["a1"]), OFFLINE)
    return made


def test_a_will_and_a_missing_heartbeat_are_an_absence(village: Village, absence: Absence):
    heard(village, a1=76, a2=10)
    assert mark(village, absence) == 1
    assert silent(village) == {"a1"}
    assert mark(village, absence) == 0


def test_a_will_alone_is_none(village: Village, absence: Absence):
    heard(village, a1=70, a2=10)
    assert mark(village, absence) == 0


def test_a_missing_heartbeat_alone_is_none_yet(village: Village, absence: Absence):
    heard(village, a1=10, a2=100)
    assert mark(village, absence) == 0


def test_who_is_back_at_the_broker_is_not_away(village: Village, absence: Absence):
    heard(village, a1=100, a2=10)
    absence.told(online_of(village.cast.stations["a1"]), ONLINE)
    assert mark(village, absence) == 0


def test_when_nobody_at_all_is_heard_nobody_is_called_away(village: Village, absence: Absence):
    assert mark(village, absence) == 0
    heard(village, a1=100, a2=90)
    assert mark(village, absence) == 0


def test_a_heartbeat_is_the_all_clear(village: Village, absence: Absence):
    heard(village, a1=100, a2=10)
    mark(village, absence)
    heard(village, a1=0)
    assert silent(village) == set()


def test_other_topics_tell_nothing(absence: Absence, village: Village):
    before = absence.away
    for topic in ("loa/v1/unit/79/now", now_of("st_x"), "loa/v1/online", "x/v1/st_x/online", "loa/v1/a/b/online"):
        absence.told(topic, OFFLINE)
    assert absence.away == before


def test_the_bound_of_ninety_seconds_holds():
    """The broker notices after one and a half intervals; the heartbeat is missed by then or fifteen seconds later."""
    assert KEEPALIVE_SECONDS * 1.5 + LOOK_SECONDS < 90
    assert 75 + 2 * LOOK_SECONDS < 90


def test_a_will_comes_from_the_broker_when_a_connection_breaks_or_says_nothing_more(
    mosquitto: Mosquitto, village: Village
):
    broken, mute, polite = (village.cast.stations[each] for each in ("a1", "a2", "b1"))
    absence = Absence()
    door = Broker(village.settings.model_copy(update={"mqtt_url": mosquitto.url}), absence.told, EVERYBODY_ONLINE)
    door.open()
    guests = {
        each: Guest(mosquitto.port, keepalive=1, will=(online_of(each), OFFLINE)) for each in (broken, mute, polite)
    }
    try:
        for each, guest in guests.items():
            eventually(guest.client.is_connected, "the station is connected")
            guest.client.publish(online_of(each), ONLINE, qos=1, retain=True).wait_for_publish(20)
        guests[mute].client.loop_stop()  # pings no more, though its connection stays
        guests[broken].client.socket().shutdown(2)
        guests[broken].client.loop_stop()
        eventually(lambda: absence.away == {broken, mute}, "both wills have come")
    finally:
        for guest in guests.values():
            guest.close()
        door.close()
