"""Reports: what is summed up month by month, and that it stays right when reports come late."""

import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlmodel import select

from core.errors import InvalidInput
from registry.models import Station
from scheduler import heard, month_figures, reports, statistics
from scheduler.statistics_models import MonthFigure, StationMonth

GRACE = timedelta(seconds=120)


class Figures:
    """A report as the tests look at it."""

    def __init__(self, village):
        self.village = village

    def settle(self):
        """Account for what is over, and add up."""
        village = self.village
        village.clock.advance(seconds=180)
        with village.database.write() as session:
            session.info["now"] = village.clock()
        from scheduler import dispatching

        with village.database.write() as session:
            dispatching.dispatch(session, village.clock())
        with village.database.write() as session:
            reports.reconcile(session, village.clock(), GRACE)
        self.add_up()

    def add_up(self):
        village = self.village
        heard.keep_up(village.database, village.settings.zone, village.clock())
        return month_figures.keep_up(village.database, village.settings.zone, village.clock())

    def of(self, unit="commune_a", months=("2026-11",)):
        village = self.village
        start, end = month_figures.bounds(months[0], month_figures.ZoneInfo(village.settings.zone))
        with village.database.read() as session:
            return statistics.report(session, village.unit(unit), list(months), start, end)


@pytest.fixture
def figures(village):
    return Figures(village)


def aired(village, *at, seconds=60.0, **bulletin):
    """A bulletin of a minute on the timetable, its airing over; stations named have played it. The airing."""
    _, slot = village.on_timetable(seconds=seconds, **bulletin)
    village.roll()
    airing = village.airing_of(slot)
    village.clock.at = airing.ends_at + timedelta(seconds=1)
    village.sound(airing, *at)
    return airing


def test_minutes_are_counted_by_field_priority_and_language(village, figures):
    aired(village, "a1", "a2", field="health", priority="priority")
    figures.settle()
    told = figures.of()
    # Commune A has four stations: two played, two said nothing.
    assert (told.whole.planned, told.whole.played, told.whole.bulletins) == (240.0, 120.0, 1)
    assert [(row.code, row.planned, row.played) for row in told.by_field] == [("health", 240.0, 120.0)]
    assert [row.code for row in told.by_priority] == ["priority"]
    assert [(row.code, row.bulletins) for row in told.by_language] == [("vi", 1)]
    assert {row.name: (row.planned, row.played) for row in told.below} == {
        "hamlet_a1": (120.0, 60.0), "hamlet_a2": (60.0, 60.0),
    }  # fmt: skip


def test_a_bulletin_counts_once_however_often_it_was_heard(village, figures):
    made = village.bulletin(seconds=60.0)
    programme = village.programme(made)
    for hours in (1, 3):
        slot = village.slot(programme, village.clock() + timedelta(hours=hours))
        village.roll()
        airing = village.airing_of(slot)
        village.clock.at = airing.ends_at + timedelta(seconds=1)
        village.sound(airing, "a1", "a2")
    figures.settle()
    told = figures.of()
    assert told.whole.bulletins == 1
    assert told.whole.played == 240.0


def test_a_late_report_is_added_to_its_month(village, figures):
    airing = aired(village, "a1")
    figures.settle()
    assert figures.of().whole.played == 60.0
    village.clock.advance(days=9)  # December by now
    assert village.clock().month == 12
    village.sound(airing, "a2")
    figures.add_up()
    told = figures.of()
    assert told.whole.played == 120.0
    assert figures.of(months=("2026-12",)).whole.planned == 0.0


def test_adding_up_again_or_from_nothing_gives_the_same(village, figures, database):
    def rows():
        with database.read() as session:
            return [
                [row.model_dump() for row in session.exec(select(table).order_by(*table.__table__.primary_key)).all()]
                for table in (MonthFigure, StationMonth)
            ]

    aired(village, "a1", field="health")
    figures.settle()
    aired(village, "a2", "a_hall", field="culture")
    figures.settle()
    before = rows()
    assert len(before[0]) == 6
    figures.add_up()
    assert rows() == before
    from sqlalchemy import delete

    from scheduler.statistics_models import RollUp

    with database.write() as session:
        for table in (MonthFigure, StationMonth, RollUp):
            session.execute(delete(table))
    figures.add_up()
    assert rows() == before


def test_what_was_played_in_part_goes_to_the_items_that_sounded(village, figures):
    first = village.bulletin(seconds=60.0, field="health")
    second = village.bulletin(seconds=120.0, field="culture", text="Văn nghệ.")
    slot = village.slot(village.programme(first, second), village.clock() + timedelta(hours=1))
    village.roll()
    airing = village.airing_of(slot)
    village.clock.at = airing.ends_at + timedelta(seconds=1)
    airing.items = airing.items[:1]  # the power went after the first
    village.sound(airing, "a1")
    figures.settle()
    played = {row.code: row.played for row in figures.of().by_field}
    assert played == {"health": 60.0, "culture": 0.0}


def test_stations_stand_by_reliability(village, figures):
    aired(village, "a1", "a2")
    figures.settle()
    aired(village, "a1")
    figures.settle()
    told = figures.of()
    assert [(row.station.name, row.played, row.missed) for row in told.stations][-2:] == [("a2", 1, 1), ("a1", 2, 0)]
    assert {row.station.name for row in told.stations[:2]} == {"a1_dyke", "a_hall"}
    assert told.stations_in_all == 4


def test_a_station_that_moved_counts_where_it_is_from_the_next_day(village, figures):
    aired(village, "a1")
    figures.settle()
    with village.database.write() as session:
        station = session.get_one(Station, village.cast.stations["a1"])
        station.unit_id = village.cast.units["hamlet_a2"]
        session.add(station)
    village.clock.advance(days=1)
    figures.add_up()
    told = figures.of()
    assert told.whole.planned == 240.0
    assert {row.name: row.planned for row in told.below} == {"hamlet_a1": 60.0, "hamlet_a2": 120.0}


def test_minutes_until_an_emergency_was_heard(village, figures):
    from scheduler.models import Airing

    emergency = village.alarm("79.1")
    with village.database.read() as session:
        airing = session.exec(select(Airing).where(Airing.emergency_id == emergency)).one()
    for seconds, short in ((2, "a1"), (3, "a2"), (4, "a1_dyke"), (90, "a_hall")):
        airing.starts_at = village.clock() + timedelta(seconds=seconds)
        village.sound(airing, short)
        (told,) = figures.of().alarms
        assert told.most == (90.0 if short == "a_hall" else None)
    assert (told.stations, told.heard, told.first) == (4, 4, 2.0)
    assert figures.of("commune_b").alarms == []


@pytest.mark.parametrize(
    ("first", "last"), [("2026-13", "2026-12"), ("x", "2026-12"), ("2026-12", "2026-11"), ("2020-01", "2026-01")]
)
def test_months_that_make_no_sense_are_refused(first, last):
    with pytest.raises(InvalidInput):
        statistics.months_between(first, last)


def test_months_go_on_over_the_year():
    assert statistics.months_between("2026-11", "2027-02") == ["2026-11", "2026-12", "2027-01", "2027-02"]


def test_the_workbook_holds_numbers_as_numbers_and_no_formula(village, figures, callers, app):
    from web.panel import report_book

    aired(village, "a1", field="health", title="=1+1")
    figures.settle()
    told = figures.of()
    told.unit.name = '=HYPERLINK("https://evil.example")'
    tables = [("By field", told.by_field)]
    content = report_book.written(told, tables, month_figures.ZoneInfo("Asia/Ho_Chi_Minh"), str)
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Report", "By field", "Stations", "Emergencies"]
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
    assert book["Report"]["A1"].value == '=HYPERLINK("https://evil.example")'
    assert [cell.value for cell in book["By field"][2]] == ["health", 1, 4, 1, 25]
