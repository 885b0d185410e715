"""What is kept of an emergency: right for good, corrected for a day, and written whatever is killed in between."""

import itertools
from datetime import timedelta

import pytest
from board_lab import MESSAGE_SECONDS, Alarm
from sqlalchemy import delete, event
from sqlmodel import col, select
from village import Village

from alerts import board, board_mark, board_reports
from alerts.board_models import EmergencyLine, EmergencyReport
from registry.models import Station, Unit
from scheduler.models import Acknowledgement, PlayReport

ALL = ("a1", "a1_dyke", "a2", "a_hall")
ENDED = MESSAGE_SECONDS + 1
SETTLED = ENDED + board.GRACE.total_seconds()


def kept(alarm: Alarm) -> EmergencyReport:
    with alarm.village.database.read() as session:
        return session.get_one(EmergencyReport, alarm.id)


def keep(alarm: Alarm, seconds: float) -> int:
    return board_reports.keep(alarm.village.database, alarm.dispatch(seconds))


@pytest.fixture
def heard(village: Village) -> Alarm:
    """Three of four stations played it; the fourth has said nothing."""
    alarm = Alarm(village)
    alarm.has_it(*ALL[:3])
    for number, who in enumerate(ALL[:3]):
        alarm.reports(who, began=1.5 + number, seconds=24 + number)
    return alarm


def test_it_is_written_once_a_while_after_the_end(heard: Alarm):
    assert keep(heard, ENDED) == 0
    assert keep(heard, SETTLED + 5) == 1
    assert keep(heard, SETTLED + 20) == 0
    report = kept(heard)
    assert (report.stations, report.sounded, report.acknowledged, report.first_s) == (4, 3, 3, 1.5)
    assert report.counts == {"silent": 1, "played": 3}
    assert (report.units, report.unreached, report.state, report.final) == (3, 1, "over", False)


def test_it_stays_right_when_stations_are_moved_renamed_retired_and_rows_cleared_away(heard: Alarm, village: Village):
    keep(heard, SETTLED + 5)
    before = heard.board(SETTLED + 6)
    with village.database.write() as session:
        moved = session.get_one(Station, village.cast.stations["a1"])
        moved.unit_id, moved.name = village.cast.units["hamlet_b1"], "elsewhere"
        session.get_one(Station, village.cast.stations["a2"]).token_hash = None
        session.get_one(Unit, village.cast.units["hamlet_a1"]).name = "merged"
        session.execute(delete(PlayReport))
        session.execute(delete(Acknowledgement))
    after = heard.board(SETTLED + 600)
    assert after.figures == before.figures
    assert after.lines == before.lines
    assert [(each.name, each.sounded) for each in after.hamlets] == [
        (each.name, each.sounded) for each in before.hamlets
    ]


def test_a_station_that_is_back_and_plays_it_late_corrects_the_report_within_a_day(heard: Alarm, village: Village):
    keep(heard, SETTLED + 5)
    assert heard.line("a_hall", 2_000).state == "silent"
    heard.has_it("a_hall", seconds=2_100)
    heard.reports("a_hall", began=2_101, seconds=2_130)
    with village.database.write() as session:
        session.get_one(Station, village.cast.stations["a_hall"]).name = "renamed since"
    assert keep(heard, 2_140) == 1
    line = heard.line("a_hall")
    assert (line.name, line.state, line.after_s) == ("a_hall", "played", 2_101.0)
    assert (kept(heard).sounded, kept(heard).most_s, kept(heard).unreached) == (4, 2_101.0, 0)
    assert keep(heard, 2_200) == 0


def test_after_its_day_it_is_closed(heard: Alarm):
    keep(heard, SETTLED + 5)
    day = board_reports.LATE.total_seconds() + SETTLED + 60
    assert keep(heard, day) == 1
    assert kept(heard).final
    heard.reports("a_hall", began=day + 1, seconds=day + 30)
    assert keep(heard, day + 60) == 0
    assert kept(heard).sounded == 3


def test_one_that_was_stopped_is_kept_from_its_stop_on(village: Village):
    alarm = Alarm(village, rounds=5)
    alarm.begins("a1", seconds=2)
    alarm.stop(10)
    alarm.reports("a1", "partial", played=8, seconds=11, reason="withdrawn")
    alarm.reports("a2", "missed", seconds=11, reason="withdrawn")
    assert keep(alarm, 60) == 0
    assert keep(alarm, 10 + board.GRACE.total_seconds() + 1) == 1
    assert kept(alarm).state == "stopped"
    assert kept(alarm).counts == {"silent": 2, "stopped": 1, "partial": 1}


def test_a_worker_that_is_killed_while_it_writes_leaves_nothing_half_kept(heard: Alarm, village: Village, monkeypatch):
    now = heard.dispatch(SETTLED + 5)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(board_reports, "_count", killed)
        with pytest.raises(Killed):
            board_reports.keep(village.database, now)
    with village.database.read() as session:
        assert session.exec(select(EmergencyLine)).all() == []
    assert heard.board().figures.sounded == 3
    assert board_reports.keep(village.database, now) == 1
    with village.database.write() as session:
        assert not board_reports.write(session, heard.id, now)


def test_the_same_on_postgresql(on_postgres: Village):
    alarm = Alarm(on_postgres)
    alarm.has_it(*ALL)
    alarm.begins("a1", seconds=1.8)
    assert alarm.board(3).figures.first_s == 1.8
    alarm.reports("a1", began=1.75)
    assert keep(alarm, SETTLED + 5) == 1
    alarm.reports("a2", began=600, seconds=630)
    assert keep(alarm, 640) == 1
    assert kept(alarm).counts == {"failed": 2, "played": 2}
    assert alarm.board().figures.first_s == 1.75


def test_a_mark_changes_with_whatever_a_station_says_and_with_nothing_else(village: Village):
    alarm = Alarm(village)

    def mark():
        with village.database.read() as session:
            return board_mark.mark(session, alarm.id)

    marks = [mark()]
    for act in (
        lambda: alarm.has_it("a1"), lambda: alarm.begins("a1", seconds=2), lambda: alarm.reports("a1"),
        lambda: alarm.beats("a1", seconds=40), lambda: alarm.dispatch(ENDED + 60), lambda: keep(alarm, SETTLED + 60),
    ):  # fmt: skip
        act()
        marks.append(mark())
    assert all(one != other for one, other in itertools.pairwise(marks))
    alarm.beats("b1", seconds=SETTLED + 61)
    assert mark() == marks[-1]


def queries_of(village: Village, alarm: Alarm, seconds: float) -> int:
    asked: list[str] = []
    note = lambda *seen: asked.append(seen[2])  # noqa: E731
    event.listen(village.database.engine, "before_cursor_execute", note)
    try:
        alarm.board(seconds)
    finally:
        event.remove(village.database.engine, "before_cursor_execute", note)
    return len(asked)


def test_the_number_of_queries_does_not_grow_with_the_stations(village: Village):
    alarm = Alarm(village)
    few = queries_of(village, alarm, 5)
    more_stations(village, 300)
    assert queries_of(village, alarm, 5) == few
    assert alarm.board(5).figures.stations == 304


def test_five_thousand_stations_cost_little_more_than_the_query_that_reads_them(village: Village):
    """Measured as a ratio of processor time: the whole board against reading the same stations once, row by row."""
    from time import process_time

    alarm = Alarm(village)
    more_stations(village, 5_000)
    alarm.board(5)

    def cost(what) -> float:
        begun = process_time()
        what()
        return process_time() - begun

    def read() -> None:
        with village.database.read() as session:
            session.exec(select(Station, Unit).join(Unit, col(Unit.id) == Station.unit_id)).all()

    read()
    plain, whole = min(cost(read) for _ in range(3)), min(cost(lambda: alarm.board(5)) for _ in range(3))
    assert whole < 4 * plain, (whole, plain)


def more_stations(village: Village, number: int) -> None:
    """So many more stations in commune A, ten in each of its new hamlets."""
    from sqlalchemy import insert

    commune = village.unit("commune_a")
    now = village.clock() - timedelta(days=30)
    homes = [f"un_many{each:06d}" for each in range(-(-number // 10))]
    with village.database.write() as session:
        session.execute(
            insert(Unit),
            [
                {
                    "id": each,
                    "code": each,
                    "name": each,
                    "parent_id": commune.id,
                    "path": f"{commune.path}{each}/",
                    "created_at": now,
                }
                for each in homes
            ],
        )
        session.execute(
            insert(Station),
            [
                {
                    "id": f"st_many{each:06d}", "unit_id": homes[each // 10], "name": f"Loa {each}", "languages": ["vi"],
                    "volume": 70, "token_hash": f"many{each}", "enrolled_at": now, "created_at": now, "serial": "",
                    "model": "", "confirm": False,
                }
                for each in range(number)
            ],
        )  # fmt: skip
