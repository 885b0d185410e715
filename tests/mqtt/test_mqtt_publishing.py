"""What the broker keeps for stations: what `/now` answers, in one message a unit."""

import gc
import json
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from mosquitto_server import Guest, Mosquitto, authority, broker, eventually
from village import Village

from core.errors import InvalidInput
from core.topics import now_of, now_of_unit, online_of
from registry import stations
from scheduler import commands, emergencies
from scheduler.broker import Broker, place
from scheduler.broker_access import acl, password_of, passwords, topics_of
from scheduler.publishing import Publisher

PROVINCE, COMMUNE = now_of_unit(["79"]), now_of_unit(["79", "79.1"])


def settle(publisher: Publisher) -> int:
    """Look, and step until nothing is left to publish; how many messages that were."""
    total, publisher._seen = 0, object()
    while sent := publisher.step():
        total += sent
    return total


def kept(mosquitto: Mosquitto, *topics: str) -> dict[str, dict]:
    """What a newcomer is told at once."""
    with Guest(mosquitto.port, topics) as guest:
        return {topic: json.loads(content) for topic, content in (guest.next() for _ in topics)}


def test_a_newcomer_is_told_all_that_now_answers(publisher: Publisher, mosquitto: Mosquitto, village: Village):
    village.on_timetable()
    village.roll()
    airing = village.alarm("79.1")
    a1 = village.cast.stations["a1"]
    with village.database.write() as session:
        commands.give(session, village.actor("root"), a1, "volume", 40, village.clock())
    settle(publisher)
    with village.database.read() as session:
        topics = topics_of(stations.place(session, a1))
    told = kept(mosquitto, *topics)
    _, body = publisher.board.document(a1)
    whole = json.loads(body)
    own = told[now_of(a1)]
    assert {
        name: [each for topic in topics for each in told[topic][name]]
        for name in ("interrupts", "withdrawn", "commands")
    } == {name: whole[name] for name in ("interrupts", "withdrawn", "commands")}
    assert (own["plan"], own["commands"][0]["value"]) == (whole["plan"], 40)
    assert village.verifier.verify(told[COMMUNE]["interrupts"][0]).id == airing
    assert all(told[topic]["plan"] == "" for topic in topics[:-1])


def test_an_emergency_is_one_message_and_its_end_another(publisher: Publisher, mosquitto: Mosquitto, village: Village):
    settle(publisher)
    with Guest(mosquitto.port, ["loa/v1/#"]) as guest:
        for _ in range(len(village.cast.units) + len(village.cast.stations)):
            guest.next()
        village.alarm("79.1")
        assert settle(publisher) == 1
        topic, content = guest.next()
        assert topic == COMMUNE
        assert len(json.loads(content)["interrupts"]) == 1
        (emergency,) = village_emergencies(village)
        with village.database.write() as session:
            emergencies.stop(session, village.actor("root"), emergency, village.clock())
        assert settle(publisher) == 1
        told = json.loads(guest.next()[1])
        assert (told["interrupts"], len(told["withdrawn"])) == ([], 1)
        assert guest.came.empty()


def village_emergencies(village: Village) -> list[str]:
    from sqlmodel import select

    from scheduler.models import Emergency

    with village.database.read() as session:
        return list(session.exec(select(Emergency.id)).all())


def test_what_runs_out_is_taken_away_again(publisher: Publisher, mosquitto: Mosquitto, village: Village):
    village.alarm()
    settle(publisher)
    assert kept(mosquitto, PROVINCE)[PROVINCE]["interrupts"]
    village.clock.advance(hours=3)
    settle(publisher)
    assert kept(mosquitto, PROVINCE)[PROVINCE]["interrupts"] == []


def test_a_broker_that_has_forgotten_everything_is_told_everything(
    publisher: Publisher, mosquitto: Mosquitto, village: Village, door: Broker
):
    village.alarm()
    first = settle(publisher)
    mosquitto.stop()
    eventually(lambda: not door.is_connected, "the server notices that the broker is away")
    assert publisher.step() == 0
    village.alarm()
    assert publisher.step() == 0
    before = door.sessions
    mosquitto.start()
    eventually(lambda: door.sessions > before, "the server is back at the broker")
    assert settle(publisher) == first
    assert len(kept(mosquitto, PROVINCE)[PROVINCE]["interrupts"]) == 2


def test_nothing_is_kept_for_a_station_that_is_out_of_service(
    publisher: Publisher, mosquitto: Mosquitto, village: Village
):
    settle(publisher)
    gone, there = now_of(village.cast.stations["a1"]), now_of(village.cast.stations["a2"])
    with village.database.write() as session:
        stations.revoke(session, village.actor("root"), village.cast.stations["a1"], village.clock())
    settle(publisher)
    with Guest(mosquitto.port, [gone, there]) as guest:
        assert guest.next()[0] == there
        eventually(lambda: len(guest.granted) == 2, "both topics are listened to")
        assert guest.came.empty()


def test_when_nothing_changes_nothing_is_published(publisher: Publisher, village: Village):
    assert settle(publisher) == len(village.cast.units) + len(village.cast.stations)
    for _ in range(3):
        village.clock.advance(minutes=1)
        assert settle(publisher) == 0


@pytest.fixture
def guarded(village: Village, tmp_path: Path):
    """A broker with the passwords and the access list of this installation."""
    settings = village.settings.model_copy(update={"mqtt_username": "loa-server", "mqtt_password": "one of its own"})
    with village.database.read() as session:
        places = stations.places(session)
    folder = tmp_path / "guarded"
    folder.mkdir(mode=0o755)
    (folder / "acl").write_text("\n".join(acl(places, "loa-server")) + "\n")
    (folder / "passwords").write_text("\n".join(passwords(settings, places)) + "\n")
    for file in folder.iterdir():
        file.chmod(0o600)
    lines = (f"acl_file {folder}/acl", f"password_file {folder}/passwords", "allow_anonymous false")
    with broker(folder, *lines) as running:
        yield running, settings.model_copy(update={"mqtt_url": running.url})


def test_a_station_hears_its_own_and_its_units_and_nothing_else(guarded, village: Village):
    mosquitto, settings = guarded
    door = Broker(settings)
    door.open()
    try:
        eventually(lambda: door.sessions, "the server is let in")
        publisher = Publisher(village.database, settings.zone, door, village.clock)
        settle(publisher)
        publisher.close()
        a1, b1 = village.cast.stations["a1"], village.cast.stations["b1"]
        with village.database.read() as session:
            mine, others = (set(topics_of(stations.place(session, each))) for each in (a1, b1))
        with Guest(mosquitto.port, ["loa/v1/#"], user=a1, password=password_of(settings, a1)) as guest:
            heard = {guest.next()[0] for _ in mine}
            assert heard == mine
            assert others - mine
            assert guest.came.empty()
    finally:
        door.close()


def test_a_station_may_say_nothing_but_that_it_is_there(guarded, village: Village):
    mosquitto, settings = guarded
    a1, a2 = village.cast.stations["a1"], village.cast.stations["a2"]
    with (
        Guest(mosquitto.port, ["loa/v1/#"], user="loa-server", password="one of its own") as server,
        Guest(mosquitto.port, user=a1, password=password_of(settings, a1)) as station,
    ):
        eventually(lambda: server.granted and station.client.is_connected(), "both are let in")
        for topic in (COMMUNE, now_of(a1), now_of(a2), online_of(a2), online_of(a1)):
            station.client.publish(topic, b"x", qos=1, retain=True)
        assert server.next() == (online_of(a1), b"x")
        assert server.came.empty()


def test_strangers_are_not_let_in(guarded, village: Village):
    mosquitto, settings = guarded
    a1, a2 = village.cast.stations["a1"], village.cast.stations["a2"]
    for user, password in ((a1, password_of(settings, a2)), (a1, ""), ("somebody", "x"), ("", "")):
        with Guest(mosquitto.port, user=user, password=password) as guest:
            eventually(lambda guest=guest: guest.refused, f"{user} is refused")
            assert not guest.client.is_connected()


def test_the_commands_print_the_two_files(village: Village):
    (village.settings.home / "settings.toml").write_text('mqtt_username = "loa"\nmqtt_password = "x"\n')
    printed = {}
    for action in ("acl", "passwords"):
        command = [sys.executable, "-m", "loa", "mqtt", action, "--home", str(village.settings.home)]
        printed[action] = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout
    a1 = village.cast.stations["a1"]
    assert f"user {a1}\ntopic write {online_of(a1)}\n" in printed["acl"]
    assert f"topic read {COMMUNE}\n" in printed["acl"]
    assert sorted(line.split(":")[0] for line in printed["passwords"].splitlines()) == sorted(
        ["loa", *village.cast.stations.values()]
    )


# paho leaves the socket of a broker that it does not believe to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_server_speaks_tls_and_only_with_a_broker_it_can_know(village: Village, tmp_path: Path):
    folder = tmp_path / "tls"
    folder.mkdir()
    ca, certificate, key = authority(folder)
    with broker(folder, "allow_anonymous true", f"certfile {certificate}", f"keyfile {key}") as running:
        address = f"mqtts://127.0.0.1:{running.port}"
        knows = Broker(village.settings.model_copy(update={"mqtt_url": address, "mqtt_ca": ca}))
        wary = Broker(village.settings.model_copy(update={"mqtt_url": address}))
        knows.open()
        wary.open()
        try:
            eventually(lambda: knows.sessions, "the server is connected by TLS")
            assert knows.keep("loa/v1/x", b"1")
            with Guest(running.port, ["loa/v1/x"], tls=ssl.create_default_context(cafile=ca)) as guest:
                assert guest.next() == ("loa/v1/x", b"1")
            assert wary.sessions == 0
        finally:
            knows.close()
            wary.close()
            gc.collect()


def test_addresses_of_brokers_are_read_with_their_usual_ports():
    assert place("mqtt://broker.example.vn") == ("broker.example.vn", 1883, False)
    assert place("mqtts://broker.example.vn:9") == ("broker.example.vn", 9, True)
    for odd in ("http://x", "mqtt://", "mqtt://x:99999"):
        with pytest.raises(InvalidInput):
            place(odd)


def test_the_clock_of_the_board_is_the_servers(publisher: Publisher, village: Village):
    settle(publisher)
    village.clock.at += timedelta(days=1)
    assert settle(publisher) == len(village.cast.stations)  # each plan is another one
