"""The page of what is on air: planned against reported, told as differences, to each only what is theirs."""

import json
import re
from datetime import timedelta

import pytest
from sqlmodel import Session, delete, select

from core.wire import Device, Heartbeat, Report
from registry import sessions, stations
from registry.models import Grant
from scheduler import emergencies, reports
from scheduler.models import Airing
from web.panel import air_live
from web.panel import on_air as page
from web.panel.air_live import air

KEY = re.compile(r'data-air="([0-9a-f]+)"')


@pytest.fixture
def on_air(database, home, approved, worker, actor_of, clock, app):
    """The evening news of the commune at its first second; its id."""
    from playlists import programmes
    from playlists.programmes import Entry
    from registry import units
    from scheduler import slots

    with database.write() as session:
        approver = actor_of("approver")
        commune = units.find(session, approver, "75.1")
        home.programme = programmes.create(
            session, approver, commune, "Bản tin chiều", [Entry(bulletin=approved)], clock()
        ).id
        wish = slots.Wish(programme=home.programme, starts="2026-11-23T17:00", audience=["unit:75.1"])
        home.slot = slots.create(session, approver, wish, default_zone="Asia/Ho_Chi_Minh", now=clock())[0].id
    worker.roll(clock())
    clock.forward(hours=5)
    worker.dispatch(clock())
    with database.write() as session:
        airing = session.exec(select(Airing).where(Airing.slot_id == home.slot)).one()
        stations.heard(session, home.station, Heartbeat(volume=70), clock())
    home.airing = airing.id
    return home.airing


def beats(database, home, clock, **said):
    with database.write() as session:
        stations.heard(session, home.station, Heartbeat(volume=70, **said), clock())


def reported(database, home, clock, outcome="played"):
    with database.write() as session:
        airing = session.get_one(Airing, home.airing)
        one = Report(
            id="0f8fad5b-d9cb-469f-a165-70867728950e", airing=airing.id, item=0, outcome=outcome,
            started_at=airing.starts_at, ended_at=airing.ends_at, seconds=airing.items[0]["seconds"], volume=70,
        )  # fmt: skip
        assert reports.accept(session, stations.place(session, home.station), [one], clock()).accepted


def test_a_line_follows_what_the_station_says(as_, home, on_air, database, clock):
    viewer = as_("viewer")
    page = viewer.get("/on-air").text
    assert "Bản tin chiều" in page.split("Sắp phát")[0]
    assert "0 trên 1 cụm loa đã phát" in page
    clock.forward(seconds=1)
    beats(database, home, clock, playing=on_air, item=0)
    page = viewer.get("/on-air/fragment").text
    assert "1 trên 1 cụm loa đã phát" in page
    assert re.search(r'data-standing="playing"><b>1</b> đang phát', page)
    clock.forward(seconds=1)
    reported(database, home, clock)
    assert re.search(r'data-standing="played"><b>1</b> đã phát đủ', viewer.get("/on-air/fragment").text)


def test_a_line_opens_down_to_the_station(as_, home, on_air):
    viewer = as_("viewer")
    key = KEY.search(viewer.get("/on-air/fragment").text)[1]
    page = viewer.get(f"/on-air/detail?line={key}").text
    assert "Loa đầu đình" in page
    assert "Chợ làng" not in page  # it is in no service yet, so nothing is expected of it
    inside = viewer.get(f"/on-air/detail?line={key}&at={home.units['75.1.1']}")
    assert "Thôn Đông" in inside.text
    assert viewer.get("/on-air/detail?line=nothing").status_code == 404
    assert viewer.get(f"/on-air/detail?line={key}&at={home.units['75.2']}").status_code == 404


def test_an_opened_line_shows_so_many_stations_at_once_and_the_rest_on_further_pages(
    as_, home, on_air, database, clock, monkeypatch
):
    with database.write() as session:
        stations.enrol(session, home.code, Device(model="Pi", serial="SN-2"), clock() - timedelta(hours=6))
    viewer = as_("viewer")
    key = KEY.search(viewer.get("/on-air/fragment").text)[1]
    names = ("Loa đầu đình", "Chợ làng")
    assert all(name in viewer.get(f"/on-air/detail?line={key}").text for name in names)
    monkeypatch.setattr(page, "STATIONS", 1)
    first, second = (viewer.get(f"/on-air/detail?line={key}&page={number}").text for number in (1, 2))
    assert sorted([[name in one for name in names] for one in (first, second)]) == [[False, True], [True, False]]
    assert "page=2" in first
    assert "page=1" in second
    for wrong in ("99", "x", "-1"):
        shown = viewer.get(f"/on-air/detail?line={key}&page={wrong}")
        assert sum(name in shown.text for name in names) == 1


def test_the_neighbour_sees_neither_line_nor_place_nor_station(as_, home, on_air):
    key = KEY.search(as_("viewer").get("/on-air/fragment").text)[1]
    neighbour = as_("stranger")
    assert "Bản tin chiều" not in neighbour.get("/on-air").text
    for path in ("detail", "detail/fragment"):
        assert neighbour.get(f"/on-air/{path}?line={key}").status_code == 404
        assert neighbour.get(f"/on-air/{path}?line={key}&at={home.units['75.1.1']}").status_code == 404


def events(answer, many):
    """So many events of a stream, comments and the time to come again left out."""
    found = []
    for piece in answer.response:
        text = piece.decode() if isinstance(piece, bytes) else piece
        if text.startswith("event:"):
            found.append(dict(line.split(": ", 1) for line in text.strip().split("\n")))
        if len(found) >= many:
            break
    answer.close()
    return found


def test_a_stream_tells_differences_since_the_page_and_goes_on_after_a_break(as_, home, on_air, database, clock, app):
    viewer = as_("viewer")
    page = viewer.get("/on-air/fragment").text
    mark = re.search(r'data-mark="([^"]+)"', page)[1]
    clock.forward(seconds=1)
    beats(database, home, clock, playing=on_air, item=0)
    (told,) = events(viewer.get(f"/on-air/events?since={mark}"), 1)
    assert told["event"] == "counts"
    counts = json.loads(told["data"])["c"]
    assert counts == {KEY.search(page)[1]: [0, 0, 0, 0, 1, 0, 0, 0]}
    clock.forward(seconds=1)
    reported(database, home, clock)
    (later,) = events(viewer.get("/on-air/events", headers={"Last-Event-ID": told["id"]}), 1)
    assert [*json.loads(later["data"])["c"].values()] == [[0, 0, 0, 0, 0, 1, 0, 0]]
    (lost,) = events(viewer.get("/on-air/events", headers={"Last-Event-ID": "fefefe.3"}), 1)  # of another process
    assert lost["event"] == "again"


def test_something_more_urgent_is_told_and_the_programme_says_that_it_gives_way(
    as_, home, on_air, database, settings, worker, actor_of, clock, app
):
    from registry import units
    from scheduler import keys

    viewer = as_("viewer")
    mark = re.search(r'data-mark="([^"]+)"', viewer.get("/on-air/fragment").text)[1]
    clock.forward(seconds=1)
    with database.write() as session:
        approver = actor_of("approver")
        commune = units.find(session, approver, "75.1")
        alarm = emergencies.Alarm(signal="none", audience=["unit:75.1"], text="Lũ về, lên cao ngay.")
        emergencies.raise_alarm(
            session, approver, commune, alarm, signer=keys.signer(settings), default_zone="Asia/Ho_Chi_Minh",
            max_chars=20_000, now=clock(),
        )  # fmt: skip
    worker.render_urgent(clock())
    clock.forward(seconds=1)
    worker.dispatch(clock())
    (told,) = events(viewer.get(f"/on-air/events?since={mark}"), 1)
    assert told["event"] == "again"
    page = viewer.get("/on-air/fragment").text.split("Sắp phát")[0]
    assert "Đang nhường cho: Lũ về" in page
    assert page.index("Khẩn cấp") < page.index("Bản tin chiều")


def test_viewers_of_the_same_units_share_one_view_and_one_drawing(as_, home, on_air, app, monkeypatch):
    first = as_("viewer").get("/on-air/fragment").text
    drawn = []
    render = air_live.air_folds.folds
    monkeypatch.setattr(air_live.air_folds, "folds", lambda *given: drawn.append(1) or render(*given))
    monkeypatch.setattr(page, "DRAWN_SECONDS", 1_000.0)
    assert as_("owner").get("/on-air/fragment").text == first
    assert as_("operator").get("/on-air/fragment").text == first
    assert drawn == []
    with app.app_context():
        assert len(air()._views) == 1


def test_the_stream_ends_when_who_looks_signs_out_or_loses_the_unit(
    as_, home, on_air, database, clock, app, monkeypatch
):
    monkeypatch.setattr(page, "CHECK_SECONDS", 0.05)
    for change in (_sign_out, _take_role_away):
        stream = as_("viewer").get("/on-air/events")
        pieces = iter(stream.response)
        next(pieces)
        with database.write() as session:
            change(session, home, clock())
        assert any(b"event: over" in piece for piece in pieces)
        stream.close()
        assert app.extensions["loa"].events.listening == 0


def _sign_out(session: Session, home, now):
    sessions.end_all(session, home.people["viewer"])


def _take_role_away(session: Session, home, now):
    session.exec(delete(Grant).where(Grant.person_id == home.people["viewer"]))


def test_no_more_queries_for_more_stations(as_, home, on_air, database, clock, app):
    from sqlalchemy import event

    viewer = as_("viewer")
    viewer.get("/on-air/fragment")
    asked = []
    listen = lambda *given: asked.append(given[2])  # noqa: E731
    event.listen(database.engine, "before_cursor_execute", listen)
    clock.forward(seconds=1)
    beats(database, home, clock, playing=on_air)
    asked.clear()
    viewer.get("/on-air/fragment")
    event.remove(database.engine, "before_cursor_execute", listen)
    # The session of who looks, the feed, heartbeats, reports, and what the test's process reads into its board.
    assert len(asked) <= 12, asked
