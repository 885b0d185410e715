"""The light before an airing: who can play it, and what the others lack, with few queries however many they are."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select
from village import NOW, Callers, Village

from audio.models import Clip
from core.wire import Heartbeat
from registry import stations
from registry.models import Station, StationState
from scheduler import commands, emergencies, readiness
from scheduler.models import Airing

WELL = {"volume": 70, "clock_offset_ms": 12.0, "ready_until": NOW + timedelta(days=7), "plan": '"held"'}
PLANS: Mapping[str, str] = {}


@pytest.fixture
def airing(village: Village) -> Airing:
    """An airing for commune A in an hour; its stations are a1, a1_dyke, a2 and a_hall."""
    village.on_timetable(minutes=60)
    village.roll()
    return village.airings()[0]


def say(village: Village, *shorts: str, **said: Any) -> None:
    with village.database.write() as session:
        for short in shorts:
            beat = Heartbeat(**{**WELL, **said})
            stations.heard(session, village.cast.stations[short], beat, village.clock())


def of(
    village: Village, airing: Airing, who: str = "operator", plans: Mapping[str, str] = PLANS
) -> readiness.Readiness:
    with village.database.read() as session:
        held = dict.fromkeys(village.cast.stations.values(), "held") if plans is PLANS else plans
        return readiness.of(session, village.actor(who), [airing], held, village.clock(), 180)[airing.id]


def test_a_station_that_has_all_it_needs_is_ready(village: Village, airing: Airing):
    assert of(village, airing).missing == {"never": 4}
    assert of(village, airing).light == "bad"
    say(village, "a1", "a1_dyke", "a2")
    assert of(village, airing).light == "wait"
    say(village, "a_hall")
    found = of(village, airing)
    assert (found.stations, found.ready, found.missing, found.light) == (4, 4, {}, "good")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"plan": None}, "order"),
        ({"plan": '"an older one"'}, "order"),
        ({"ready_until": None}, "audio"),
        ({"ready_until": NOW + timedelta(minutes=60)}, "audio"),  # the first airing that lacks some is this one
        ({"clock_offset_ms": None}, "clock"),
        ({"volume": None}, "volume"),
        ({"volume": 0}, "volume"),
        ({"faults": ["no_sound_card"]}, "fault"),
    ],
)
def test_each_thing_that_is_missing_has_its_name(village: Village, airing: Airing, said: dict[str, Any], why: str):
    say(village, "a1", "a1_dyke", "a2", "a_hall")
    say(village, "a2", **said)
    found = of(village, airing)
    assert (found.ready, found.missing) == (3, {why: 1})
    with village.database.read() as session:
        held = dict.fromkeys(village.cast.stations.values(), "held")
        lines = readiness.unready(session, village.actor("operator"), airing, held, village.clock(), 180)
    assert [(station.id, lacks) for station, _, lacks in lines] == [(village.cast.stations["a2"], why)]


def test_a_station_that_fell_silent_is_not_ready_whatever_it_said(village: Village, airing: Airing):
    say(village, "a1", "a1_dyke", "a2", "a_hall")
    village.clock.advance(minutes=4)
    say(village, "a1")
    assert of(village, airing).missing == {"silent": 3}


def test_an_older_plan_holds_the_airing_if_it_came_after_the_airing_was_signed(village: Village, airing: Airing):
    village.clock.advance(minutes=1)
    say(village, "a1", "a1_dyke", "a2", "a_hall")
    assert of(village, airing, plans={}).ready == 4  # something else has changed since, and they have not heard of it
    fresh = village.clock.advance(minutes=1)
    village.on_timetable(minutes=90)
    village.roll()
    newest = max(village.airings(), key=lambda each: each.issued_at or fresh)
    assert of(village, newest, plans={}).missing == {"order": 4}


def test_what_others_may_not_see_is_not_counted(village: Village, airing: Airing):
    with village.database.read() as session:
        assert readiness.of(session, village.actor("stranger"), [airing], {}, NOW, 180)[airing.id].stations == 0


def test_an_emergency_is_ready_where_it_was_taken_note_of(village: Village):
    with village.database.write() as session:
        alarm = emergencies.Alarm(signal="none", audience=["unit:79.1"], text="Lũ lên!")
        _, made = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1_000, now=NOW,
        )  # fmt: skip
        clip = made.items or None
        identity = made.id
    assert clip is None
    with village.database.read() as session:
        waiting = session.exec(select(Clip.id).where(Clip.state == "queued")).one()
    village.finish_clip(waiting)
    with village.database.write() as session:
        emergencies.issue_ready(session, village.signer, NOW)
    say(village, "a1", "a1_dyke", "a2", "a_hall")
    with village.database.write() as session:
        commands.acknowledge(session, village.cast.stations["a1"], [identity], NOW)
        airing = session.get_one(Airing, identity)
        session.expunge(airing)
    found = of(village, airing)
    assert (found.ready, found.missing) == (1, {"order": 3})


def test_five_thousand_stations_cost_as_many_queries_as_five(village: Village, airing: Airing):
    unit = village.cast.units["hamlet_a1"]
    with village.database.write() as session:
        for number in range(5_000):
            station = f"st_many{number}"
            session.add(Station(id=station, unit_id=unit, name=f"{number}", token_hash=f"{number}", created_at=NOW))
            session.add(StationState(station_id=station, heard_at=NOW, volume=70, clock_offset_ms=0.0, plan="p"))
    asked: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    listener = (village.database.engine, "before_cursor_execute", count)
    event.listen(*listener)
    try:
        found = of(village, airing, "root")
    finally:
        event.remove(*listener)
    assert found.stations == 5_004
    assert len([each for each in asked if each.startswith("SELECT")]) <= 6, asked


def test_scripts_see_it_too(village: Village, callers: Callers, airing: Airing):
    say(village, "a1", "a1_dyke", "a2")
    rows = callers["viewer"].get("/airings?from=2026-11-23&to=2026-11-23").get_json()["items"]
    told = next(row["ready"] for row in rows if row["id"] == airing.id)
    assert (told["stations"], sum(told["not_ready"].values())) == (4, 4 - told["ready"])
    assert told["not_ready"]["never"] == 1
