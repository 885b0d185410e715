"""What was withdrawn, and which stations know: told apart from what they heard before, without a query per station."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select
from village import NOW, Village

from core.errors import NotFound
from core.wire import AS_WITHDRAWN, Device, Heartbeat
from registry import stations
from registry.models import Station
from registry.rights import system_actor
from scheduler import commands, emergencies, slots, withdrawals
from scheduler.emergencies import Alarm
from scheduler.models import Airing

OURS = ("a1", "a1_dyke", "a2", "a_hall")


@pytest.fixture
def gone(village: Village) -> str:
    """A programme of commune A that was signed, and whose slot was taken off the timetable."""
    _, slot = village.on_timetable(minutes=60)
    village.roll()
    village.clock.advance(minutes=5)
    with village.database.write() as session:
        slots.withdraw(session, village.actor("administrator"), slot, village.clock())
    village.roll()
    (airing,) = village.airings(live=False)
    assert airing.state == "withdrawn"
    return airing.id


def seen(village: Village, airing: str, who: str = "root") -> withdrawals.Withdrawal:
    with village.database.read() as session:
        return withdrawals.one(session, village.actor(who), airing)


def names(village: Village, airing: str, **how) -> list[str]:
    with village.database.read() as session:
        row = session.get_one(Airing, airing)
        return [line.station.name for line in withdrawals.lines(session, village.actor("root"), row, **how)]


def test_a_station_that_takes_note_counts_and_leaves_the_list_of_those_that_do_not_know(village, gone, callers):
    assert (seen(village, gone).known, seen(village, gone).stations) == (0, 4)
    assert callers.station("a1").get("/now").get_json()["withdrawn"] == [gone]
    beat = {"acknowledged": [gone], "withdrawn": [gone]}
    assert callers.station("a1").call("POST", "/heartbeat", json=beat).status_code == 204
    assert callers.station("a2").call("POST", "/heartbeat", json={"acknowledged": [gone]}).status_code == 204
    found = seen(village, gone)
    assert (found.known, found.missing) == (2, 2)
    assert found.by == "Administrator"
    assert sorted(names(village, gone, shown="missing")) == ["a1_dyke", "a_hall"]
    assert sorted(names(village, gone, shown="known")) == ["a1", "a2"]
    assert set(names(village, gone)[:2]) == {"a1_dyke", "a_hall"}  # those that don't know come first


def test_only_what_was_really_taken_away_is_listed_the_latest_first(village, gone):
    bulletin, _ = village.on_timetable(minutes=120)
    village.roll()
    village.rewrite(bulletin, "Một văn bản mới.")
    village.roll()  # a newer version took its place: nothing is missing from the timetable
    village.clock.advance(minutes=1)
    village.withdraw_bulletin(bulletin)
    village.roll()
    with village.database.read() as session:
        rows = withdrawals.recent(session, village.actor("root"), village.clock())
        older = withdrawals.recent(session, village.actor("root"), village.clock(), after=rows[0].airing.id)
        late = withdrawals.recent(session, village.actor("root"), village.clock() + timedelta(days=8))
    assert [each.airing.reason for each in rows][-1] == "slot_withdrawn"
    assert "replaced" not in {each.airing.reason for each in rows}
    assert [each.airing.id for each in older] == [each.airing.id for each in rows[1:]]
    assert late == []


def test_having_heard_an_emergency_is_not_knowing_that_it_was_stopped(village):
    clock = village.clock
    with village.database.write() as session:
        alarm = Alarm(signal="none", audience=["unit:79.1"], text="Lũ lên nhanh.")
        emergency, airing = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1_000, now=clock(),
        )  # fmt: skip
    village.finish_clip(emergency.clip_id)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, clock())
    with village.database.write() as session:
        for name in OURS[:3]:
            beat = Heartbeat(acknowledged=[airing.id])
            commands.acknowledge(session, village.cast.stations[name], commands.told_in(session, beat), clock())
    clock.advance(minutes=2)
    with village.database.write() as session:
        emergencies.stop(session, village.actor("approver"), emergency.id, clock())
    assert (seen(village, airing.id).known, seen(village, airing.id).stations) == (0, 4)
    with village.database.write() as session:
        # One that tells the two apart says again only that it heard it; one that doesn't says it of what is stopped by now.
        new = Heartbeat(acknowledged=[airing.id], withdrawn=[])
        old = Heartbeat(acknowledged=[airing.id])
        commands.acknowledge(session, village.cast.stations["a1"], commands.told_in(session, new), clock())
        commands.acknowledge(session, village.cast.stations["a2"], commands.told_in(session, old), clock())
    assert names(village, airing.id, shown="known") == ["a2"]


def test_a_person_sees_the_stations_of_their_own_units_only(village):
    made = village.bulletin("province")
    slot = village.slot(village.programme(made, unit="province"), NOW + timedelta(hours=1), to=["unit:79"])
    village.roll()
    with village.database.write() as session:
        slots.withdraw(session, village.actor("root"), slot, NOW)
    village.roll()
    (airing,) = village.airings(live=False)
    assert seen(village, airing.id).stations == 6
    assert seen(village, airing.id, "viewer").stations == 4
    assert seen(village, airing.id, "stranger").stations == 2


def test_what_is_out_of_sight_or_was_not_withdrawn_is_not_there(village, gone):
    _, slot = village.on_timetable(minutes=200)
    village.roll()
    (on,) = [each.id for each in village.airings() if each.slot_id == slot]
    for who, airing in (("stranger", gone), ("root", on), ("root", "air_none")):
        with pytest.raises(NotFound):
            seen(village, airing, who)


def test_five_thousand_stations_cost_as_many_queries_as_five(village, gone):
    with village.database.write() as session:
        unit = village.unit("hamlet_a1")
        rows = [
            Station(
                id=f"st_many_{number:04d}", name=f"Cụm {number}", unit_id=unit.id, created_at=NOW, enrolled_at=NOW,
                token_hash=f"{number:064d}", volume=70, languages=["vi"],
            )
            for number in range(5_000)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        commands.acknowledge_all(session, [(row.id, [f"{AS_WITHDRAWN}{gone}"]) for row in rows[:4_321]], NOW)
    asked: list[str] = []
    engine = village.database.engine
    listen = ("before_cursor_execute", lambda *given: asked.append(given[2]))
    event.listen(engine, *listen)
    try:
        with village.database.read() as session:
            found = withdrawals.recent(session, village.actor("root"), village.clock())[0]
            page = withdrawals.lines(session, village.actor("root"), found.airing, shown="missing", page=3)
    finally:
        event.remove(engine, *listen)
    assert (found.stations, found.known, len(page)) == (5_004, 4_321, withdrawals.PAGE)
    assert len(asked) < 20


def test_a_station_taken_into_service_afterwards_is_not_waited_for(village, gone):
    village.clock.advance(minutes=1)
    with village.database.write() as session:
        unit = village.unit("hamlet_a2")
        _, code = stations.create(session, system_actor(), name="mới", unit=unit, hours=24, now=village.clock())
        assert stations.enrol(session, code, Device(serial="x"), village.clock())
    assert seen(village, gone).stations == 4
    with village.database.read() as session:
        assert len(session.exec(select(Station.id)).all()) == 7
