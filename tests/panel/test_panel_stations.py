"""Stations and groups, what is on air, and the log of planned against played."""

import re
from typing import get_args

from sqlalchemy import update

from core import wire
from core.wire import Device, Heartbeat
from registry import stations, units
from registry.models import Station
from registry.rights import Role, system_actor
from scheduler import commands, emergencies, keys
from scheduler.models import Airing, PlayReport, StationCommand
from web.panel import labels


def test_the_list_says_who_is_on_line_silent_or_was_never_heard(as_, home, clock):
    viewer = as_("viewer")
    page = viewer.get("/stations").text
    assert "Đang kết nối" in page
    assert "Chưa từng kết nối" in page
    clock.forward(minutes=10)
    assert "từ 23/11/2026 12:00" in viewer.get("/stations").text
    assert "Loa đầu đình" in viewer.get("/").text


def test_a_code_is_shown_once_with_the_command_to_type(as_, home, database, clock):
    operator = as_("operator")
    answer = operator.post("/stations/new", {"name": "Loa mới", "unit": home.units["75.1"], "latitude": "10,95"})
    assert answer.status_code == 201
    code = re.search(r'id="code">([A-Z0-9-]+)<', answer.text)[1]
    assert f"loa station enrol --server http://localhost --code {code} --home" in answer.text
    place = re.search(r"/stations/st_\w+", answer.text)[0]
    assert code not in operator.get(place).text
    with database.write() as session:
        assert stations.enrol(session, code, Device(), clock()) is not None


def test_a_new_code_and_taking_out_of_service(as_, home):
    operator, path = as_("operator"), f"/stations/{home.station}"
    assert operator.post(f"{path}/code").status_code == 201
    assert as_("viewer").post(f"{path}/code").status_code == 403
    assert 'data-confirm="Ngừng sử dụng cụm loa này? Loa sẽ im. ' in operator.get(path).text
    operator.post(f"{path}/revoke")
    assert "Ngừng sử dụng" in operator.get(path).text
    assert "/revoke" not in operator.get(path).text


def test_a_station_with_a_wrong_place_is_refused_with_its_field(as_, home):
    operator = as_("operator")
    for field, value in (("latitude", "100"), ("longitude", "abc"), ("name", " ")):
        form = {"name": "Loa mới", "unit": home.units["75.1"], field: value}
        answer = operator.post("/stations/new", form)
        assert answer.status_code == 422
        assert f'id="{field}-wrong"' in answer.text


def test_an_order_shows_until_the_station_has_it(as_, home, database, clock):
    operator, path = as_("operator"), f"/stations/{home.station}"
    operator.post(f"{path}/order", {"do": "volume", "value": "55"})
    page = operator.get(path).text
    assert "đang gửi" in page
    with database.write() as session:
        command = session.exec(StationCommand.__table__.select()).first()
        commands.acknowledge(session, home.station, [command.id], clock.forward(seconds=2))
    assert "đã nhận 12:00:02" in operator.get(path).text
    assert "55 %" in operator.get(path).text


def test_an_order_that_makes_no_sense_is_told(as_, home):
    operator, path = as_("operator"), f"/stations/{home.station}"
    for form, sentence in (
        ({"do": "volume", "value": "999"}, "Âm lượng nằm trong khoảng"),
        ({"do": "volume", "value": "x"}, "không phải là số nguyên"),
        ({"do": "explode"}, "không thực hiện được"),
    ):
        operator.post(f"{path}/order", form)
        assert sentence in operator.get(path).text
    assert as_("owner").post(f"{path}/order", {"do": "stop"}).status_code == 403


def test_a_group_is_made_of_stations(as_, home):
    operator = as_("operator")
    form = {"name": "Chợ", "unit": home.units["75.1"], "members": [home.station, home.fresh_station]}
    assert operator.post("/groups/new", form).status_code == 303
    page = operator.get("/groups").text
    assert "Loa đầu đình, Chợ làng" in page or "Chợ làng, Loa đầu đình" in page
    assert as_("viewer").post("/groups/new", form).status_code == 403


def test_what_is_on_air_is_seen_with_how_many_play_it(as_, home, played, database, clock):
    viewer = as_("viewer")
    before, after = viewer.get("/on-air").text.split("Sắp phát")
    assert "Bản tin chiều" not in before
    assert "24/11" in after  # tomorrow's is the next
    clock.forward(seconds=-3)
    with database.write() as session:
        session.execute(update(Airing).where(Airing.id == played).values(state="on_air"))
        stations.heard(session, home.station, Heartbeat(playing=played), clock())
    page = viewer.get("/on-air/fragment").text
    assert "Bản tin chiều" in page.split("Sắp phát")[0]
    assert "1 trên 1 cụm loa đã phát" in page
    assert "Bản tin chiều" in viewer.get("/stations").text


def test_the_log_holds_played_against_planned_before_and_after_accounting(as_, home, played, worker, clock):
    viewer = as_("viewer")
    page = viewer.get("/log").text
    assert "Đã phát: 1/1" in page
    assert "Chợ làng" not in page  # not in service yet: nothing is expected of it
    clock.forward(minutes=10)
    worker.reconcile(clock())
    page = viewer.get(f"/log?unit={home.units['75.1']}&day=2026-11-23").text
    assert "Đã phát: 1/1" in page
    assert "Loa đầu đình" in page
    assert "Đã phát" in viewer.get(f"/log/{played}").text
    assert "Ngày này không có gì phải phát." in viewer.get("/log?day=2026-11-22").text
    assert viewer.get("/log?day=nonsense").status_code == 200


def test_what_was_missed_is_told_in_words(as_, home, played, worker, clock, database):
    with database.write() as session:
        report = session.get(PlayReport, "0f8fad5b-d9cb-469f-a165-70867728950e")
        report.outcome, report.reason, report.seconds = "missed", "power", 0
        session.add(report)
    clock.forward(minutes=10)
    worker.reconcile(clock())
    page = as_("viewer").get("/log").text
    assert "Không phát: 1/1" in page
    assert "cụm loa mất điện" in page


def test_every_code_of_the_wire_has_a_word():
    for kind, codes in (
        ("outcome", get_args(wire.Outcome)), ("reason", get_args(wire.Reason)), ("command", get_args(wire.Order)),
        ("priority", get_args(wire.Priority)), ("late", get_args(wire.Late)), ("kind", get_args(wire.Kind)),
        ("role", [role.value for role in Role]),
    ):  # fmt: skip
        for code in codes:
            assert f"{kind}:{code}" in labels.LABELS


def test_what_comes_from_above_shows_below_but_each_sees_only_their_own_stations(
    as_, home, database, settings, worker, clock
):
    with database.write() as session:
        province = units.find(session, system_actor(), "75")
        neighbour = units.find(session, system_actor(), "75.2")
        _, code = stations.create(session, system_actor(), name="Loa hàng xóm", unit=neighbour, hours=24, now=clock())
        stations.enrol(session, code, Device(), clock())
        emergencies.raise_alarm(
            session, system_actor(), province, emergencies.Alarm(signal="none", audience=["unit:75"], text="Bão số chín."),
            signer=keys.signer(settings), default_zone="Asia/Ho_Chi_Minh", max_chars=20_000, now=clock(),
        )  # fmt: skip
    worker.render_urgent(clock())
    assert "Bão số chín." in as_("stranger").get("/on-air").text
    clock.forward(minutes=1)
    worker.dispatch(clock())
    ours, theirs = as_("viewer").get("/log").text, as_("stranger").get("/log").text
    assert "Bão số chín." in ours
    assert "Bão số chín." in theirs
    assert "Loa đầu đình" in ours
    assert "Loa hàng xóm" not in ours
    assert "Loa hàng xóm" in theirs
    assert "Loa đầu đình" not in theirs
    entry = re.search(r"/log/air_\w+", ours)[0]
    assert "Loa hàng xóm" not in as_("viewer").get(entry).text


def test_an_operator_says_which_languages_a_station_plays_and_a_writer_may_not(as_, home, database):
    operator, page = as_("operator"), f"/stations/{home.station}/edit"
    assert "vi" in operator.get(page).text
    done = operator.post(page, {"name": "Loa đình", "languages": "hmn, vi", "latitude": "10,5", "longitude": "106"})
    assert done.status_code == 303
    with database.read() as session:
        station = session.get_one(Station, home.station)
    assert (station.name, station.languages, station.latitude) == ("Loa đình", ["hmn", "vi"], 10.5)
    assert operator.post(page, {"name": "", "languages": "vi"}).status_code == 422
    assert as_("owner").get(page).status_code == 403
    assert as_("owner").post(page, {"name": "x", "languages": "vi"}).status_code == 403
