"""The board of an emergency as people see it: figures first, whom to call, stations by state, and the report."""

import csv
import io
import re
from datetime import timedelta

import pytest
from sqlmodel import col, select

from alerts import board_reports
from audio.models import Clip
from core.wire import Heartbeat
from registry import units
from scheduler import contacts, hearing
from scheduler.models import Airing


def on_air(database, home, worker, clock):
    """The alarm of the cast, its audio made; the id of its airing."""
    worker.render_urgent(clock())
    worker.issue_alarms(clock())
    with database.read() as session:
        return session.exec(select(Airing.id).where(Airing.emergency_id == home.emergency)).one()


@pytest.fixture
def airing(database, home, alarm, worker, clock):
    return on_air(database, home, worker, clock)


@pytest.fixture
def head_of_hamlet(database, home, actor_of, settings, clock):
    with database.write() as session:
        operator = actor_of("operator")
        contacts.add(
            session, operator, units.find(session, operator, "75.1.1"), way="phone", address="0912 345 678", kinds=(),
            settings=settings, now=clock(), name="Bà Trưởng Thôn",
        )  # fmt: skip


def sounding(database, home, airing, clock):
    clock.forward(seconds=2)
    beat = Heartbeat(playing=airing, item=0, playing_since=clock() - timedelta(milliseconds=200), acknowledged=[airing])
    with database.write() as session:
        hearing.take(session, [(home.station, beat)], clock())


def test_figures_stand_first_and_follow_what_stations_say(as_, home, airing, database, clock):
    approver = as_("approver")
    page = approver.get(f"/emergencies/{home.emergency}").text
    assert re.search(r'class="board-big">0<span>/1</span>', page)
    assert "Đang truyền lệnh" in page
    sounding(database, home, airing, clock)
    page = approver.get(f"/emergencies/{home.emergency}/board").text
    assert re.search(r'class="board-big">1<span>/1</span>', page)
    assert "đầu tiên sau 1,8 giây" in page
    assert "95 phần trăm sau 1,8 giây" in page
    assert "Đang phát" in page
    assert "<html" not in page


def test_who_is_to_be_called_stands_there_with_a_number_that_a_phone_dials(as_, home, airing, head_of_hamlet, clock):
    address = f"/emergencies/{home.emergency}/board"
    assert "tel:" not in as_("approver").get(address).text, "nobody has to be called while stations are being told"
    clock.forward(seconds=40)
    for who in ("approver", "operator"):
        page = as_(who).get(address).text
        assert 'href="tel:0912345678"' in page
        assert "Bà Trưởng Thôn" in page
        assert "Thôn Đông" in page
    page = as_("viewer").get(address).text
    assert "Thôn Đông" in page
    assert "tel:" not in page, "numbers are for those who raise alarms or run the stations"


def test_the_nearest_number_up_the_tree_counts(as_, home, airing, database, actor_of, settings, clock, head_of_hamlet):
    with database.write() as session:
        administrator = actor_of("administrator")
        contacts.add(
            session, administrator, units.find(session, administrator, "75.1"), way="phone", address="+84 2513 555 123",
            kinds=(), settings=settings, now=clock() - timedelta(days=1), name="Trực xã",
        )  # fmt: skip
    clock.forward(seconds=40)
    address = f"/emergencies/{home.emergency}/board"
    page = as_("approver").get(address).text
    assert ("tel:0912345678" in page, "tel:+842513555123" in page) == (True, False)
    with database.write() as session:
        rows = contacts.of_unit(session, actor_of("operator"), units.find(session, actor_of("operator"), "75.1.1"))
        contacts.remove(session, actor_of("operator"), rows[0][0].id, clock())
    assert "tel:+842513555123" in as_("approver").get(address).text


def test_a_filter_shows_the_stations_of_one_state(as_, home, airing, database, clock):
    sounding(database, home, airing, clock)
    approver = as_("approver")
    address = f"/emergencies/{home.emergency}/board"
    assert "Loa đầu đình" in approver.get(f"{address}?state=sounding").text
    assert "Loa đầu đình" not in approver.get(f"{address}?state=failed").text
    assert "Loa đầu đình" in approver.get(f"{address}?state=nonsense&page=0&hamlets=x").text


def test_the_report_is_kept_and_prints_and_comes_as_a_table(as_, home, airing, database, clock, worker):
    sounding(database, home, airing, clock)
    clock.forward(hours=3)
    worker.dispatch(clock())
    assert board_reports.keep(database, clock()) == 1
    operator = as_("operator")
    page = operator.get(f"/emergencies/{home.emergency}/report").text
    assert "Báo cáo phát tin khẩn cấp" in page
    assert "Tất cả các thôn đều đã nghe được" in page
    answer = operator.get(f"/emergencies/{home.emergency}/stations.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert answer.text.startswith("\ufeff")
    assert [row[1] for row in rows[1:]] == ["Loa đầu đình"]
    assert rows[1][6] == "1.800"


def test_a_name_that_a_spreadsheet_would_calculate_is_marked_as_text(as_, home, airing, database, clock):
    from registry.models import Station

    with database.write() as session:
        session.get_one(Station, home.station).name = "=1+1"
    rows = as_("operator").get(f"/emergencies/{home.emergency}/stations.csv").text
    assert "'=1+1" in rows


def test_news_end_when_the_person_may_not_see_it_any_more(app, as_, home, airing, database):
    """The stream asks again who looks: here after the session has ended."""
    from web import events

    here = app.extensions["loa"]
    listener = here.events.join("somebody", home.emergency, lambda _: 0)
    told = events.told(here.events, listener, lambda: False, heartbeat_seconds=0.01, check_seconds=0)
    assert next(told).startswith("retry")
    assert next(told) == "event: over\ndata: .\n\n"
    assert list(told) == []
    assert here.events.listening == 0


def test_a_clip_that_cannot_be_made_is_said_on_the_board(as_, home, alarm, database, worker, clock):
    with database.write() as session:
        for clip in session.exec(select(Clip).where(col(Clip.state) == "queued")).all():
            clip.state, clip.error = "failed", "nothing to say"
            session.add(clip)
    worker.issue_alarms(clock())
    assert "không tạo được âm thanh" in as_("approver").get(f"/emergencies/{home.emergency}").text
