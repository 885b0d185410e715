"""A clock that jumps, a database that goes away, a worker that was away for days: with real worker processes."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

from busy_hour import LASTS, BusyHour
from ledger import signed_in_time
from postgres_server import PostgresServer
from sqlmodel import func, select
from village import NOW, Village

from core.clock import format_instant
from core.wire import Heartbeat
from registry import stations
from registry.models import StationState
from scheduler import beats, emergencies
from scheduler.models import Airing, AiringOutcome, Trouble
from scheduler.worker import Worker

SEED = 7
_EVERYTHING = ("roll", "alarms", "dispatch", "reconcile", "silence", "render-0", "render-urgent")


def troubles(village: Village) -> list[tuple[str, str]]:
    with village.database.read() as session:
        return [(each.kind, each.subject) for each in session.exec(select(Trouble)).all()]


def silent(village: Village) -> int:
    with village.database.read() as session:
        return session.exec(select(func.count()).where(StationState.silent_since.is_not(None))).one()


def half_an_hour(hour: BusyHour) -> None:
    hour.battle.start()
    hour.battle.rounds()
    the_hour(hour, NOW + LASTS / 2)
    hour.battle.rounds(_EVERYTHING)


def the_hour(hour: BusyHour, until: datetime) -> None:
    while hour.battle.now < until:
        hour.advance(300)
        hour.battle.rounds()


def the_rest(hour: BusyHour) -> None:
    the_hour(hour, NOW + LASTS)
    hour.settle(NOW + LASTS * 1.5)


def jump(hour: BusyHour, hours: float) -> None:
    """The host's clock is wrong by so much for some minutes: only the worker sees it, stations know the right time."""
    battle, right = hour.battle, hour.battle.now
    for minutes in range(4):
        battle.set(right + timedelta(hours=hours, minutes=minutes))
        hour.call(battle.now)
        battle.rounds(_EVERYTHING)
    battle.set(right + timedelta(minutes=4))
    battle.rounds(_EVERYTHING)
    hour.look()


def test_a_clock_that_runs_ahead_by_an_hour_and_back_loses_nothing_and_alarms_nobody(village: Village, battle):
    hour = BusyHour(battle(village, seed=SEED), slots=12, acts=12, grain=30)
    half_an_hour(hour)
    jump(hour, +1)
    assert (troubles(village), silent(village)) == ([], 0)
    with village.database.read() as session:
        begun = session.exec(
            select(Airing.id).where(
                Airing.state.in_(("on_air", "over", "failed")),
                Airing.starts_at > hour.battle.now + timedelta(minutes=1),
            )
        ).all()
        assert begun == [], "what was called over too early is still to come"
    the_rest(hour)
    assert hour.faults() == []
    with village.database.read() as session:
        planned, late = signed_in_time(session, hour.firm, NOW, NOW + LASTS)
        assert (planned, late) == (len(hour.firm), [])
        gone = session.exec(
            select(Airing.id).where(Airing.slot_id.in_(hour.firm), Airing.state.in_(("withdrawn", "failed")))
        ).all()
        sounded = session.exec(
            select(func.count()).where(
                Airing.slot_id.in_(hour.firm), AiringOutcome.airing_id == Airing.id, AiringOutcome.outcome == "played"
            )
        ).one()
    assert gone == []
    assert sounded >= len(hour.firm)
    assert (troubles(village), silent(village)) == ([], 0)


def test_a_clock_that_falls_back_by_an_hour_plays_nothing_twice_and_goes_on_at_once(village: Village, battle):
    hour = BusyHour(battle(village, seed=SEED + 1), slots=12, acts=12, grain=30)
    half_an_hour(hour)
    jump(hour, -1)
    assert (troubles(village), silent(village)) == ([], 0)
    the_rest(hour)
    twins = [fault for fault in hour.faults() if "sounded" in fault or "living" in fault or "no outcome" in fault]
    assert twins == []
    with village.database.read() as session:
        planned, late = signed_in_time(session, hour.firm, NOW + LASTS * 0.7, NOW + LASTS)
        assert planned
        assert late == []
    assert (troubles(village), silent(village)) == ([], 0)


def test_jobs_beat_on_whatever_the_wall_clock_says(village: Village, monkeypatch):
    ticks = [100.0]
    zone = beats.SteadyZone(lambda: ticks[0], NOW)
    seen = []
    for wall in (NOW, NOW + timedelta(hours=1), NOW - timedelta(hours=1)):
        ticks[0] += 5
        seen.append(zone.fromutc(wall.replace(tzinfo=None)))
    assert [(each - NOW).total_seconds() for each in seen] == [5, 10, 15]
    assert [datetime.fromtimestamp(each.timestamp(), NOW.tzinfo) for each in seen] == [
        NOW + timedelta(seconds=n) for n in (5, 10, 15)
    ]


def test_a_started_worker_keeps_beating_when_the_hosts_clock_is_set_back(village: Village, worker: Worker, monkeypatch):
    """APScheduler itself asks a clock that was set back by an hour."""
    import threading

    from apscheduler.schedulers import base
    from apscheduler.triggers import interval

    back = [timedelta(0)]

    class Wall(datetime):
        @classmethod
        def now(cls, tz=None):
            wall = datetime.now(NOW.tzinfo).replace(tzinfo=None)
            return tz.fromutc((wall - back[0]).replace(tzinfo=tz)) if tz else wall - back[0]

    monkeypatch.setattr(base, "datetime", Wall)
    monkeypatch.setattr(interval, "datetime", Wall)
    beaten, rolls = threading.Semaphore(0), worker.roll
    monkeypatch.setattr(worker, "roll", lambda now: (rolls(now), beaten.release())[0])
    worker.start()
    try:
        assert beaten.acquire(timeout=360)
        back[0] = timedelta(hours=1)
        for _ in range(3):
            assert beaten.acquire(timeout=360), "it waits for an hour"
    finally:
        worker.stop()


# The database


def away(battle, village: Village) -> None:
    """Five virtual minutes, in steps; the process must live."""
    for _ in range(30):
        battle.advance(seconds=10)
        battle.live_on(0.03)
    assert battle.bury() == []


def after_the_outage(village: Village, fight, slot_at: datetime) -> None:
    fight.rounds(_EVERYTHING)
    village.on_timetable(minutes=20, text="Tin sau khi có lại cơ sở dữ liệu.", seconds=None)
    fight.rounds(times=3)
    fight.advance(seconds=100)
    fight.rounds(times=3)
    assert [a.state for a in village.airings()][-1] == "issued"
    lines = [line for line in fight.said().splitlines() if line.strip()]
    assert [line for line in lines if "Traceback" in line] == []
    assert sum("away or locked" in line for line in lines) in {1, 2}
    assert sum("is back after" in line for line in lines) in {1, 2}
    assert len(lines) <= 6, lines
    assert silent(village) == 0
    assert troubles(village) == []


def test_a_database_that_is_locked_for_five_minutes_is_waited_for_with_one_line_in_the_log(village: Village, battle):
    village.on_timetable(minutes=30, rrule="FREQ=DAILY")
    fight = battle(village)
    fight.start()
    fight.rounds(_EVERYTHING)
    with closing(sqlite3.connect(village.settings.home / "loa.db", isolation_level=None, timeout=80)) as other:
        other.execute("BEGIN IMMEDIATE")
        fight.live_on(5.5)  # longer than a writer waits for the lock
        away(fight, village)
        other.execute("ROLLBACK")
    after_the_outage(village, fight, NOW)


def test_a_database_server_that_is_away_for_five_minutes_is_waited_for_with_one_line_in_the_log(
    on_postgres: Village, postgres: PostgresServer, battle
):
    on_postgres.on_timetable(minutes=30, rrule="FREQ=DAILY")
    fight = battle(on_postgres)
    fight.start()
    fight.rounds(_EVERYTHING)
    on_postgres.database.dispose()
    postgres.go_away()
    try:
        away(fight, on_postgres)
    finally:
        postgres.come_back()
    after_the_outage(on_postgres, fight, NOW)


# Three days


def test_after_three_days_away_there_is_one_catching_up_and_nothing_is_sent_late(village: Village, battle):
    _, daily = village.on_timetable(minutes=60, rrule="FREQ=DAILY", text="Tin hằng ngày.")
    fight = battle(village)
    fight.start()
    fight.rounds(_EVERYTHING)
    with village.database.write() as session:
        for station in village.cast.stations.values():
            stations.heard(session, station, Heartbeat(), NOW)
    fight.kill()
    with village.database.write() as session:
        alarm, _ = emergencies.raise_alarm(
            session, village.actor("root"), village.unit("commune_a"), emergencies.Alarm(signal="none", audience=("unit:79.1",), text="Nước lũ đang lên."),
            signer=village.signer, default_zone="Asia/Ho_Chi_Minh", max_chars=1_000, now=NOW,
        )  # fmt: skip
    fight.advance(hours=4)
    _, meanwhile = village.on_timetable(minutes=120, rrule="FREQ=DAILY;COUNT=2", text="Tin lúc máy chủ nghỉ.")
    fight.set(NOW + timedelta(days=3))
    fight.start()
    fight.rounds(_EVERYTHING, times=4)
    with village.database.read() as session:
        airings = session.exec(select(Airing)).all()
        outcomes = {
            (each.airing_id, each.station_id): (each.outcome, each.reason)
            for each in session.exec(select(AiringOutcome)).all()
        }
    by_slot = {slot: [a for a in airings if a.slot_id == slot] for slot in (daily, meanwhile)}
    assert [a.state for a in sorted(by_slot[daily], key=lambda a: a.starts_at)][:4] == [
        "over",
        "over",
        "over",
        "issued",
    ]
    assert {(a.state, a.reason, a.ticket) for a in by_slot[meanwhile]} == {("failed", "not_planned", "")}
    assert len(by_slot[meanwhile]) == 2
    (late,) = [a for a in airings if a.emergency_id == alarm.id]
    assert (late.state, late.ticket) == ("failed", ""), "an alarm of three days ago is not sounded"
    at_home = [village.cast.stations[each] for each in ("a1", "a1_dyke", "a2", "a_hall")]
    past = [a for a in airings if a.ends_at < fight.now]
    assert all((a.id, station) in outcomes for a in past for station in at_home)
    assert {outcomes[a.id, at_home[0]] for a in by_slot[daily] if a.ends_at < fight.now} == {("missed", "offline")}
    assert {outcomes[a.id, at_home[0]] for a in by_slot[meanwhile]} == {("missed", "not_planned")}
    assert sum("never planned" in line for line in fight.said().splitlines()) == 1
    assert silent(village) == 0, "nobody could have been heard"
    fight.advance(seconds=30)
    fight.rounds(_EVERYTHING)
    with village.database.write() as session:
        for station in at_home[:3]:
            stations.heard(session, station, Heartbeat(), fight.now)
    for _ in range(8):
        fight.advance(seconds=30)
        with village.database.write() as session:
            for station in at_home[:3]:
                stations.heard(session, station, Heartbeat(), fight.now)
        fight.rounds(("silence",))
    assert silent(village) == len(village.cast.stations) - 3, "once for each that does not come back"
    assert [kind for kind, _ in troubles(village)] == ["emergency"]
    assert format_instant(fight.now) > format_instant(NOW)
