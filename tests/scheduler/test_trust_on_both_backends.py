"""Keys, tokens, confirmations and messages to people, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from village import NOW, Village

from core.errors import NotSignedIn
from core.wire import Device, Heartbeat
from registry import devices, stations
from registry.models import Station, StationState
from scheduler import concerns, contacts, keys, notices, readiness, rotation
from scheduler.concern_models import Concern, Notice
from scheduler.models import Airing, PlayReport
from scheduler.plans import PlanBook
from scheduler.worker import Worker

MINUTE = timedelta(minutes=1)


def test_a_change_of_key_goes_its_whole_way(either: Village):
    either.on_timetable(minutes=60, rrule="FREQ=DAILY")
    either.roll()
    worker = Worker(either.database, either.settings, either.signer, either.clock)
    worker.change_keys(NOW)
    new = keys.begin(either.settings)
    worker.change_keys(NOW)
    with either.database.write() as session:
        for station in either.cast.stations.values():
            stations.heard(session, station, Heartbeat(keys=[new, "other_key"]), NOW)
    worker.change_keys(NOW)
    assert worker.signer.kid == new
    with either.database.read() as session:
        assert all(ticket.startswith(worker.signer.mark) for ticket in session.exec(select(Airing.ticket)).all())
        assert rotation.behind(session, either.actor("root"), NOW + timedelta(hours=1)) == (0, [])
        assert [each.known for each in rotation.standing(session, NOW)] == [6, 0]
        book = PlanBook()
        book.load(session, NOW)
        assert len(book.keys) == 2
    rotation.retire(either.database, either.settings, NOW)
    assert len(keys.public_keys(either.settings)) == 1


def test_a_plan_is_known_since_it_was_first_named(either: Village):
    station = either.cast.stations["a1"]

    def say(plan: str | None, minutes: int) -> StationState:
        with either.database.write() as session:
            stations.heard(session, station, Heartbeat(plan=plan, keys=["k"], faults=[]), NOW + minutes * MINUTE)
        with either.database.read() as session:
            return session.get_one(StationState, station)

    assert say("one", 0).plan_at == NOW
    assert say("one", 1).plan_at == NOW
    assert say("two", 2).plan_at == NOW + 2 * MINUTE
    assert say(None, 3).keys == "k"


def test_a_device_is_confirmed_and_its_token_renewed(either: Village):
    root = either.actor("root")
    with either.database.write() as session:
        station, code = stations.create(
            session, root, name="Loa", unit=either.unit("hamlet_a1"), confirm=True, hours=1, now=NOW
        )
        taken = stations.enrol(session, code, Device(serial="1"), NOW, "::1")
        identity = station.id
    assert taken is not None
    with either.database.read() as session:
        assert devices.known(session, taken[1]).kind == "pending"
        assert [each.id for each, _ in devices.waiting(session, either.actor("operator"))] == [identity]
    with either.database.write() as session:
        devices.confirm(session, either.actor("operator"), identity, NOW)
    with either.database.write() as session:
        token = devices.renew(session, identity, taken[1])
        assert devices.known(session, token).kind == "next"
        assert devices.take_over(session, token, NOW)
        assert not devices.take_over(session, token, NOW)
        assert devices.known(session, token).kind == "current"
        with pytest.raises(NotSignedIn):
            devices.known(session, taken[1])


def test_concerns_are_raised_told_and_cleared(either: Village):
    settings = either.settings.model_copy(update={"webhook_private": True})
    either.on_timetable(minutes=1)
    either.roll()
    airing = either.airings()[0].id
    with either.database.write() as session:
        contacts.add(
            session, either.actor("operator"), either.unit("commune_a"), way="webhook", address="http://127.0.0.1/x",
            kinds=concerns.KINDS, settings=settings, now=NOW,
        )  # fmt: skip
        for short, faults, volume in (("a1", ["no_sound_card"], 70), ("a2", [], 0), ("a_hall", None, 70)):
            beat = Heartbeat(faults=faults, volume=volume, plan="p", clock_offset_ms=1.0)
            stations.heard(session, either.cast.stations[short], beat, NOW)
        session.add(
            PlayReport(
                id="0" * 32, station_id=either.cast.stations["a_hall"], airing_id=airing, item=0, outcome="played",
                started_at=NOW, ended_at=NOW, seconds=1.0, heard="no", heard_db=-80.0, received_at=NOW,
            )
        )  # fmt: skip
    for minutes in (0, 5, 13):
        with either.database.write() as session:
            concerns.look(session, NOW + minutes * MINUTE)
            written = notices.write(session, settings, NOW + minutes * MINUTE)
    assert written == 1
    with either.database.read() as session:
        told = session.exec(select(Notice)).one()
        assert told.data["counts"] == {"raised": 3, "cleared": 0}
        assert notices.any_due(session, NOW + 13 * MINUTE)
        kinds = session.exec(select(Concern.kind).where(col(Concern.told_at).is_not(None))).all()
        assert sorted(kinds) == ["fault", "mute", "volume"]
        row = session.get_one(Airing, airing)
        found = readiness.of(session, either.actor("root"), [row], {}, NOW, 180)[airing]
        assert (found.stations, found.ready) == (4, 0)
    assert notices._claim(either.database, "w", NOW + 13 * MINUTE) is not None
    with either.database.write() as session:
        concerns.prune(session, NOW)
        notices.prune(session, NOW + timedelta(days=60))
        assert session.exec(select(Notice)).all() == []
        assert session.exec(select(Station.id)).all()
