"""The page of reports: what it says, to whom, and the workbook beside it."""

import io

import pytest
from openpyxl import load_workbook

from scheduler import heard, month_figures
from scheduler.statistics_models import StationMonth
from web.panel import reports


@pytest.fixture
def added_up(database, settings, worker, clock, played):
    clock.forward(minutes=10)
    worker.reconcile(clock())
    heard.keep_up(database, settings.zone, clock())
    month_figures.keep_up(database, settings.zone, clock())


def test_the_report_says_what_was_played_with_a_picture_and_a_table(as_, home, added_up):
    page = as_("viewer").get(f"/reports?unit={home.units['75.1']}&from=2026-11").text
    assert '<svg class="chart"' in page
    assert "Tin tổng hợp" in page
    assert "11/2026" in page
    assert " style=" not in page.split("<main")[1]


def test_the_workbook_has_the_same_figures(as_, home, added_up):
    unit = home.units["75.1"]
    answer = as_("viewer").get(f"/reports.xlsx?unit={unit}&from=2026-11")
    assert answer.status_code == 200
    assert "report-75.1-2026-11.xlsx" in answer.headers["Content-Disposition"]
    sheet = load_workbook(io.BytesIO(answer.data)).worksheets[0]
    month, bulletins, planned, heard_minutes, _ = (cell.value for cell in sheet[3])
    assert (month, bulletins) == ("11/2026", 1)
    assert planned >= heard_minutes > 0


def test_the_page_shows_as_many_stations_as_it_says_and_the_workbook_all(as_, home, added_up, database, monkeypatch):
    with database.write() as session:
        session.add(StationMonth(station_id=home.fresh_station, month="2026-11", missed=1, planned_seconds=60.0))
    monkeypatch.setattr(reports, "STATIONS", 1)
    address = f"?unit={home.units['75.1']}&from=2026-11"
    page = as_("viewer").get(f"/reports{address}").text
    assert "1 trong số 2 cụm loa" in page
    assert "Chợ làng" in page  # the least reliable one
    assert "Loa đầu đình" not in page
    book = load_workbook(io.BytesIO(as_("viewer").get(f"/reports.xlsx{address}").data))
    names = {str(cell.value) for sheet in book.worksheets for cell in sheet["A"]}
    assert {"Chợ làng", "Loa đầu đình"} <= names


def test_a_stranger_gets_no_report_of_ours(as_, home, added_up):
    stranger = as_("stranger")
    for address in (
        f"/reports?unit={home.units['75.1']}",
        f"/reports.xlsx?unit={home.units['75.1']}",
        "/reports?unit=75.1",
    ):
        assert stranger.get(address).status_code == 404
    assert "Phước An" not in stranger.get("/reports").text


def test_months_that_make_no_sense_are_said_in_a_sentence(as_, home, added_up):
    answer = as_("viewer").get("/reports?from=2026-11&to=2026-10")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert as_("viewer").get("/reports.xlsx?unit=75.1&from=x").status_code == 422
