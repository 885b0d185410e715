"""The network in the panel: list, table and map under the same filters, orders to many, codes and labels, lists."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from openpyxl import Workbook
from sqlalchemy import event
from sqlmodel import select

from core.errors import InvalidInput
from core.wire import Device, Heartbeat
from registry import stations, units
from registry.models import Station
from registry.rights import system_actor
from scheduler.models import StationCommand
from station.enrolment import read_link
from web.app import create_app
from web.panel import map_tiles, station_sheets

NIGHT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)  # 23:30 in Vietnam


@pytest.fixture
def neighbour(database, home, clock):
    """A station of the commune next door, on line."""
    with database.write() as session:
        unit = units.find(session, system_actor(), "75.2")
        made, code = stations.create(
            session, system_actor(), name="Loa hàng xóm", unit=unit, latitude=10.8, longitude=107.0, hours=24,
            now=clock(),
        )  # fmt: skip
        stations.enrol(session, code, Device(), clock())
        stations.heard(session, made.id, Heartbeat(), clock())
        for identity, north in ((home.station, 10.9), (home.fresh_station, 10.95)):
            station = session.get(Station, identity)
            station.latitude, station.longitude = north, 106.9
            session.add(station)
    return made.id


def test_the_filters_stand_in_the_address_and_hold_on_list_table_and_map(as_, home, neighbour):
    viewer = as_("viewer")
    for path in ("/stations", "/stations/table.csv", "/stations/map.json"):
        raw = viewer.get(f"{path}?q=dinh&state=online").data.decode()
        assert home.station in raw, path
        assert home.fresh_station not in raw, path
    assert home.fresh_station in viewer.get("/stations?state=never").text
    assert "Không có cụm loa nào như vậy" in viewer.get("/stations?q=khongco").text
    assert viewer.get("/stations?unit=un_none").status_code == 404
    assert viewer.get("/stations?sort=nonsense&state=nonsense&after=nonsense").status_code == 200


def test_the_neighbour_is_in_no_list_no_table_no_map_and_no_card(as_, home, neighbour):
    for path in (
        "/stations",
        "/stations/table.csv",
        "/stations/map.json",
        "/stations/map",
        "/stations/map.json?q=hang xom",
    ):
        ours, theirs = as_("viewer").get(path).data.decode(), as_("stranger").get(path).data.decode()
        assert neighbour not in ours, path
        assert "hàng xóm" not in ours, path
        assert home.station not in theirs, path
        assert "Thôn Đông" not in theirs, path
    assert as_("viewer").get(f"/stations/map.json?card={neighbour}").status_code == 404
    assert as_("stranger").get(f"/stations/map.json?unit={home.units['75.1']}").status_code == 404
    assert home.group not in as_("stranger").get("/stations").text


def test_the_table_is_one_that_spreadsheets_open_and_take_for_no_formula(as_, database, home):
    with database.write() as session:
        station = session.get(Station, home.fresh_station)
        station.serial = "=cmd()"
        session.add(station)
    answer = as_("viewer").get("/stations/table.csv?sort=-name")
    text = answer.data.decode()
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:])))
    assert [row[0] for row in rows] == ["Cụm loa", "Loa đầu đình", "Chợ làng"]
    assert "'=cmd()" in rows[2]
    assert rows[1][2] == "Đang kết nối"


def test_the_map_tells_places_states_and_outlines_and_answers_304_when_nothing_changed(as_, home, neighbour):
    viewer = as_("viewer")
    answer = viewer.get("/stations/map.json")
    told = answer.json
    by_id = {row[0]: row for row in told["stations"]}
    assert by_id[home.station][1:4] == ["Loa đầu đình", 10.9, 106.9]
    assert told["states"][by_id[home.station][4]][0] == "online"
    assert told["states"][by_id[home.fresh_station][4]][0] == "never"
    ((unit, corners),) = told["outlines"]
    assert told["units"][unit] == "Thôn Đông"
    assert sorted(corners) == [[10.9, 106.9], [10.95, 106.9]]
    again = viewer.get("/stations/map.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert f"/stations/{home.station}" in viewer.get(f"/stations/map.json?card={home.station}").text


@pytest.mark.parametrize(
    ("template", "source"),
    [
        ("", ""),
        ("https://tiles.example.vn/{z}/{x}/{y}.png", "https://tiles.example.vn"),
        ("https://{s}.tiles.example.vn:8443/{z}/{x}/{y}.png", "https://*.tiles.example.vn:8443"),
        ("http://10.0.0.5/t/{z}/{x}/{y}.png", "http://10.0.0.5"),
        ("https://evil; script-src *//{z}", ""),
        ("javascript:alert(1)//{z}", ""),
    ],
)
def test_the_policy_names_the_host_of_the_tiles_and_nothing_else(template, source):
    assert map_tiles.origin(template) == source


def test_only_the_map_may_ask_the_host_of_the_tiles(settings, database, clock, home):
    from panel_lab import Browser

    app = create_app(
        settings.model_copy(update={"map_tiles": "https://tiles.example.vn/{z}/{x}/{y}.png", "map_attribution": "© Ai đó"}),
        database, clock=clock, testing=True,
    )  # fmt: skip
    browser = Browser(app, home, "viewer")
    page = browser.get("/stations/map")
    assert "img-src 'self' https://tiles.example.vn data:" in page.headers["Content-Security-Policy"]
    assert "© Ai đó" in page.text
    assert "tiles.example.vn" not in browser.get("/stations").headers["Content-Security-Policy"]
    app.extensions["loa"].live.close()


def hidden(text, name):
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


def test_an_order_for_many_says_what_will_happen_and_does_it_once(as_, home, database):
    operator = as_("operator")
    chosen = {"which": "ticked", "station": [home.station, home.fresh_station], "do": "test_tone"}
    page = operator.post("/stations/many", chosen)
    assert "Cụm loa sẽ kêu một tiếng thử ở 1 nơi" in page.text
    assert "Chưa có thiết bị hoạt động" in page.text
    with database.read() as session:
        assert session.exec(select(StationCommand)).all() == []
    form = {**chosen, "step": "do", "batch": hidden(page.text, "batch"), "count": hidden(page.text, "count")}
    answers = [operator.post("/stations/many", form) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {303}
    where = answers[0].headers["Location"]
    assert "Đã thực hiện ở 0 trên 1 cụm loa" in operator.get(where).text
    assert "Đã ra lệnh, chưa nhận" in operator.get(f"{where}/fragment").text
    with database.read() as session:
        assert len(session.exec(select(StationCommand)).all()) == 1
    assert as_("viewer").get(where).status_code == 200
    assert as_("stranger").get(where).status_code == 404


def test_all_that_the_filters_find_can_be_chosen(as_, home, database, neighbour):
    page = as_("operator").post("/stations/many", {"which": "all", "q": "dinh", "do": "volume", "value": "45"}).text
    assert "Âm lượng thành 45 % ở 1 cụm loa." in page
    assert hidden(page, "q") == "dinh"


def test_an_order_for_many_is_refused_where_it_makes_no_sense(as_, home, clock):
    operator = as_("operator")
    for form, sentence in (
        ({"do": "test_tone"}, "Hãy chọn ít nhất một cụm loa"),
        ({"do": "explode", "station": home.station}, "không thực hiện được"),
        ({"do": "volume", "value": "900", "station": home.station}, "Âm lượng nằm trong khoảng"),
        ({"do": "restart", "station": home.station, "step": "do", "batch": "x"}, "Biểu mẫu bị thiếu"),
        ({"do": "restart", "station": home.station, "step": "do", "batch": "sb_1", "count": "7"}, "vừa thay đổi"),
    ):
        answer = operator.post("/stations/many", form)
        assert answer.status_code == 422, form
        assert sentence in answer.text
    for who in ("owner", "viewer"):
        assert as_(who).post("/stations/many", {"do": "restart", "station": home.station}).status_code == 403
    # Of a station of the next commune nothing is told, not even that it is there.
    assert "Sẽ không có gì xảy ra" in as_("strange-administrator").post(
        "/stations/many", {"do": "restart", "station": home.station}
    ).text  # fmt: skip


def test_at_night_a_test_tone_asks_for_a_reason(as_, home, clock, database):
    clock.now = NIGHT
    operator, path = as_("operator"), f"/stations/{home.station}"
    page = operator.post("/stations/many", {"do": "test_tone", "station": home.station}).text
    assert "Đang trong giờ yên tĩnh" in page
    assert 'name="reason"' in page
    reasoned = operator.post("/stations/many", {"do": "test_tone", "station": home.station, "reason": "Bão"}).text
    assert "Cụm loa sẽ kêu một tiếng thử ở 1 nơi" in reasoned
    assert 'name="reason"' in operator.get(path).text
    operator.post(f"{path}/order", {"do": "test_tone"})
    with database.read() as session:
        assert session.exec(select(StationCommand)).all() == []
    operator.post(f"{path}/order", {"do": "test_tone", "reason": "Bão sắp vào"})
    with database.read() as session:
        assert len(session.exec(select(StationCommand)).all()) == 1


def test_a_code_comes_with_a_picture_that_a_device_takes_as_it_is(as_, home, outsider):
    page = as_("operator").post(f"/stations/{home.fresh_station}/code").text
    link, code = re.search(r'id="link">([^<]+)<', page)[1], re.search(r'id="code">([^<]+)<', page)[1]
    assert read_link(link) == ("http://localhost", code)
    assert 'class="qr"' in page
    assert "style=" not in page.partition("qr-box")[2].partition("</div>")[0]
    how = outsider.get("/enrol")
    assert how.status_code == 200
    assert "Đưa cụm loa vào hoạt động" in how.text
    for name in ("Thôn", "đình"):
        assert name not in how.text


def test_labels_are_for_stations_that_wait_for_their_device(as_, home, database, clock):
    operator = as_("operator")
    sent = operator.post("/stations/many", {"do": "labels", "station": [home.station, home.fresh_station]})
    assert sent.status_code == 307
    answer = operator.post("/stations/labels", {"station": [home.station, home.fresh_station]})
    assert answer.status_code == 201
    (code,) = re.findall(r"net-label-code\">([^<]+)<", answer.text)
    assert "Chợ làng" in answer.text
    assert "Loa đầu đình" not in answer.text
    with database.write() as session:
        assert stations.enrol(session, code, Device(), clock())[0].id == home.fresh_station
    assert operator.post("/stations/labels", {"station": home.station}).status_code == 409
    assert as_("viewer").post("/stations/labels", {"station": home.fresh_station}).status_code == 403
    assert as_("strange-administrator").post("/stations/labels", {"station": home.fresh_station}).status_code == 409


LIST = "Tên\tThôn\tVĩ độ\tKinh độ\tSố máy\nLoa ngã ba\tThôn Đông\t10,95\t106,9\tSN-9\nLoa cầu\t75.1.1\t106,9\t10,9\t\n\t\t\t\tSN-1\nChợ làng\tThôn Đông\t\t\t\nLoa lạ\tThôn Tây\t\t\t\n"


def test_a_pasted_list_is_shown_row_by_row_and_only_good_rows_are_added(as_, home, database):
    operator, unit = as_("operator"), home.units["75.1"]
    page = operator.post("/stations/import", {"unit": unit, "list": LIST}).text
    assert "1 trên 5 dòng hợp lệ" in page
    for sentence in ("có vẻ bị đổi chỗ", "Thiếu tên", "đã có ở đơn vị này", "Không có đơn vị này"):
        assert sentence in page
    made = operator.post("/stations/import", {"unit": unit, "list": LIST, "step": "do"})
    assert made.status_code == 201
    assert made.text.count('class="net-label"') == 1
    with database.read() as session:
        station = session.exec(select(Station).where(Station.name == "Loa ngã ba")).one()
    assert (station.unit_id, station.latitude, station.serial) == (home.units["75.1.1"], 10.95, "SN-9")
    assert station.confirm
    assert operator.post("/stations/import", {"unit": unit, "list": LIST, "step": "do"}).status_code == 422


def workbook(rows):
    book, out = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("loa.xlsx", workbook([["Tên", "Vĩ độ", "Kinh độ", "Số máy"], ["Loa Excel", 10.95, 106.9, 12345678901]])),
        ("loa.csv", "Tên;Vĩ độ;Kinh độ;Số máy\r\nLoa Excel;10,95;106,9;12345678901\r\n".encode("utf-8-sig")),
        ("loa.csv", "Tên,Vĩ độ,Kinh độ,Số máy\nLoa Excel,10.95,106.9,12345678901\n".encode()),
    ],
)
def test_a_file_is_read_like_a_pasted_list(as_, home, name, content):
    form = {"unit": home.units["75.1.1"], "file": (io.BytesIO(content), name)}
    page = as_("operator").post("/stations/import", form, content_type="multipart/form-data").text
    assert "1 trên 1 dòng hợp lệ" in page
    assert "12345678901" in page
    assert "10.95000, 106.90000" in page


@pytest.mark.parametrize("content", [b"PK\x03\x04 nothing of the kind", b"\xff\xfe\x00\x01\x02", workbook([[]])])
def test_a_file_that_is_no_list_is_refused_in_words(as_, home, content):
    form = {"unit": home.units["75.1.1"], "file": (io.BytesIO(content), "loa.xlsx")}
    answer = as_("operator").post("/stations/import", form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_workbook_that_unpacks_to_more_than_it_should_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(station_sheets, "MAX_UNPACKED", 100)
    with pytest.raises(InvalidInput):
        station_sheets.rows(workbook([["a"]]), 10)


def test_who_runs_no_stations_adds_none_from_a_list(as_, home):
    form = {"unit": home.units["75.1"], "list": LIST, "step": "do"}
    assert as_("viewer").get("/stations/import").status_code == 403
    assert as_("owner").post("/stations/import", form).status_code == 403
    assert as_("strange-administrator").post("/stations/import", form).status_code == 404


def test_the_page_of_a_station_shows_its_day(as_, home, played, worker, clock):
    clock.forward(minutes=10)
    worker.reconcile(clock())
    page = as_("viewer").get(f"/stations/{home.station}").text
    assert 'class="net-day"' in page
    assert re.search(r"Đã phát \d+ trên \d+ phút theo kế hoạch", page)
    assert "style=" not in page.partition("net-day")[2].partition("</svg>")[0]


def test_no_page_asks_more_of_the_database_when_it_shows_more(as_, home, database, clock, neighbour):
    viewer = as_("operator")

    def asked(path):
        ran = []
        listener = lambda *given: ran.append(given[2])  # noqa: E731
        event.listen(database.engine, "before_cursor_execute", listener)
        assert viewer.get(path).status_code == 200
        event.remove(database.engine, "before_cursor_execute", listener)
        return len(ran)

    paths = ("/stations", "/stations?q=loa", "/stations/map.json", "/stations/map", "/groups")
    before = [asked(path) for path in paths]
    with database.write() as session:
        hamlet = units.find(session, system_actor(), "75.1.1")
        for number in range(60):
            stations.create(
                session, system_actor(), name=f"Loa {number}", unit=hamlet, latitude=10.0 + number / 100,
                longitude=106.0, hours=24, now=clock(),
            )  # fmt: skip
    assert [asked(path) for path in paths] == before
