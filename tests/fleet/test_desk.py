"""The desk: what many stations say is written together, and each is answered when its words are kept."""

import threading
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select
from village import NOW, FakeClock, Village

from core.wire import Heartbeat, Report
from registry.models import StationState
from scheduler.models import PlayReport, StationCommand
from scheduler.reports import Verdict
from web.front.desk import Beat, Desk, Reported


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def desk(village: Village) -> Desk:
    """One that was not opened: each round is written by the test."""
    return Desk(village.database, village.clock)


def states(village: Village) -> dict[str, StationState]:
    with village.database.read() as session:
        return {each.station_id: each for each in session.exec(select(StationState)).all()}


def test_heartbeats_of_all_stations_are_kept_in_one_transaction(village: Village, desk: Desk):
    kept: list[bool] = []
    for number, station in enumerate(village.cast.stations.values()):
        desk.hand_in(Beat(station, Heartbeat(volume=number), kept.append))
    commits: list[object] = []
    event.listen(village.database.engine, "commit", commits.append)
    desk.write()
    assert kept == [True] * len(village.cast.stations)
    assert [each.volume for each in states(village).values()] == sorted(range(len(kept)))
    assert len(commits) == 1


def test_of_two_heartbeats_of_a_station_the_later_counts_and_both_are_answered(village: Village, desk: Desk):
    a1, kept = village.cast.stations["a1"], []
    for volume in (10, 20):
        desk.hand_in(Beat(a1, Heartbeat(volume=volume), kept.append))
    desk.write()
    assert kept == [True, True]
    assert states(village)[a1].volume == 20


def test_a_heartbeat_says_that_a_silent_station_is_back(village: Village, desk: Desk):
    a1 = village.cast.stations["a1"]
    with village.database.write() as session:
        session.add(StationState(station_id=a1, heard_at=NOW - timedelta(hours=1), silent_since=NOW))
    desk.hand_in(Beat(a1, Heartbeat(), lambda _: None))
    desk.write()
    state = states(village)[a1]
    assert (state.heard_at, state.silent_since) == (NOW, None)


def test_what_a_station_takes_note_of_ends_its_orders(village: Village, desk: Desk):
    a1 = village.cast.stations["a1"]
    with village.database.write() as session:
        session.add(
            StationCommand(
                id="co_1", station_id=a1, do="sync", given_by="x", given_at=NOW, expires_at=NOW + timedelta(hours=1)
            )
        )
    desk.hand_in(Beat(a1, Heartbeat(acknowledged=["co_1"], withdrawn=[]), lambda _: None))
    desk.write()
    with village.database.read() as session:
        assert session.get_one(StationCommand, "co_1").acknowledged_at == NOW


def report(airing: str) -> Report:
    return Report(
        id=str(uuid.uuid4()), airing=airing, item=0, outcome="played", started_at=NOW, ended_at=NOW, seconds=20.0
    )


def test_reports_of_several_stations_get_a_verdict_each(village: Village, desk: Desk):
    village.on_timetable()
    village.roll()
    airing = village.airings()[0].id
    said = {village.cast.stations[each]: report(airing) for each in ("a1", "a2", "b1")}
    verdicts: dict[str, Verdict | None] = {}
    for station, row in said.items():
        desk.hand_in(Reported(station, [row], lambda verdict, station=station: verdicts.update({station: verdict})))
    desk.write()
    accepted = {station: verdict.accepted for station, verdict in verdicts.items() if verdict}
    elsewhere = village.cast.stations["b1"]  # the airing is for the other commune
    assert accepted == {each: [] if each == elsewhere else [row.id] for each, row in said.items()}
    with village.database.read() as session:
        assert {each.id for each in session.exec(select(PlayReport)).all()} == {
            i for ids in accepted.values() for i in ids
        }


def test_when_a_round_fails_nothing_of_it_is_kept_and_everybody_is_told(village: Village, desk: Desk, caplog):
    kept: list[bool] = []
    desk.hand_in(Beat(village.cast.stations["a1"], Heartbeat(volume=1), kept.append))
    desk.hand_in(Beat("st_that_never_was", Heartbeat(volume=1), kept.append))  # its row would point nowhere
    desk.write()
    assert kept == [False, False]
    assert states(village) == {}
    assert "each is tried by itself" in caplog.text


def test_an_open_desk_writes_what_is_handed_in_and_all_of_it_before_it_closes(village: Village):
    desk, kept, first = Desk(village.database, village.clock), [], threading.Event()
    desk.open()
    desk.hand_in(Beat(village.cast.stations["a1"], Heartbeat(), lambda _: first.set()))
    assert first.wait(20)
    for station in village.cast.stations.values():
        desk.hand_in(Beat(station, Heartbeat(), kept.append))
    desk.close()
    assert kept == [True] * len(village.cast.stations)


def test_somebody_who_fails_to_take_the_answer_stops_nobody(village: Village, caplog):
    desk, second = Desk(village.database, village.clock), threading.Event()

    def fails(_kept: bool) -> None:
        raise OSError("gone")

    desk.open()
    try:
        desk.hand_in(Beat(village.cast.stations["a1"], Heartbeat(), fails))
        desk.hand_in(Beat(village.cast.stations["a2"], Heartbeat(), lambda _: second.set()))
        assert second.wait(20)
    finally:
        desk.close()
