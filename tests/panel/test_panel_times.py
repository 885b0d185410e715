"""Parts of the day, reserved time and limits of a unit: set in the browser, seen below, minded by new slots."""

import re

import pytest
from sqlmodel import select

from registry import limits
from registry.models import Unit
from registry.rights import system_actor
from scheduler import reservations
from scheduler.models import DayPart, Reservation, Slot


def slot(home, **changes):
    return {
        "programme": home.programme, "date": "2026-11-24", "time": "06:00", "repeat": "daily", "late": "join",
        "for": f"unit:{home.units['75.1']}", "step": "preview", **changes,
    }  # fmt: skip


@pytest.fixture
def morning(as_, home, played):
    """“Sáng”: 5:30 to 6:00, from 6:30 on Saturdays in winter."""
    windows = {
        "name": "Sáng", "w0-from": "05:30", "w0-to": "06:00", "w1-from": "06:30", "w1-to": "07:00",
        "w1-weekdays": "SA", "w1-months": ["11", "12"],
    }  # fmt: skip
    assert as_("operator").post(f"/times/{home.units['75.1']}/dayparts", windows).status_code == 303
    return "sang"


def test_special_windows_come_before_the_ordinary_one(as_, home, morning, database):
    with database.read() as session:
        (part,) = session.exec(select(DayPart)).all()
    assert part.code == "sang"
    assert part.windows == [
        {"from": "06:30", "to": "07:00", "months": [11, 12], "weekdays": ["SA"]}, {"from": "05:30", "to": "06:00"}
    ]  # fmt: skip
    page = as_("viewer").get(f"/times/{home.units['75.1']}").text
    assert "06:30–07:00 · tháng 11, 12 · Thứ Bảy" in page
    assert "/dayparts" not in page


def test_a_slot_in_a_part_of_the_day_follows_it(as_, home, morning, database):
    operator = as_("operator")
    assert '<option value="sang">Sáng (05:30–06:00)</option>' in operator.get("/slots/new").text
    form = slot(home, time="", daypart="sang", after_minutes="5")
    looked = operator.post("/slots/new", form).text
    assert "<time>24/11/2026 05:35</time>" in looked
    assert "<time>28/11/2026 06:35</time>" in looked
    place = operator.post("/slots/new", {**form, "step": "save"}).headers["Location"]
    assert "sau khi bắt đầu buổi 5 phút" in operator.get(place).text
    later = {"name": "Sáng", "w0-from": "05:45", "w0-to": "06:00"}
    assert operator.post(f"/times/{home.units['75.1']}/dayparts/sang", later).status_code == 303
    assert "<time>24/11/2026 05:50</time>" in operator.get(place).text
    operator.post(f"/times/{home.units['75.1']}/dayparts/sang/remove")
    assert "Đang có khung giờ thuộc buổi này." in operator.get(f"/times/{home.units['75.1']}").text
    with database.read() as session:
        assert session.exec(select(DayPart)).all() != []


def test_a_unit_below_takes_the_part_over_and_gives_it_times_of_its_own(as_, home, morning, database):
    operator, hamlet = as_("operator"), home.units["75.1.1"]
    page = operator.get(f"/times?unit={hamlet}").text
    assert "theo Xã Phước An" in page
    form = operator.get(f"/times/{hamlet}/dayparts/sang").text
    assert 'value="05:30"' in form
    assert "Đây là giờ của Xã Phước An." in form
    own = {"name": "Sáng", "w0-from": "05:00", "w0-to": "05:30"}
    assert operator.post(f"/times/{hamlet}/dayparts/sang", own).status_code == 303
    assert "05:00–05:30" in operator.get(f"/times/{hamlet}").text
    assert operator.post(f"/times/{hamlet}/dayparts/sang/remove").status_code == 303
    with database.read() as session:
        assert len(session.exec(select(DayPart)).all()) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"w0-to": "05:00"}, "Mỗi khung cần giờ bắt đầu trước giờ kết thúc"),
        ({"w0-from": "", "w0-to": ""}, "Mỗi buổi có từ 1 đến 20 khung."),
        ({"name": ""}, "Mã gồm chữ thường không dấu"),
        ({"name": "SÁNG"}, "Ở đây đã có buổi mang tên này."),
    ],
)
def test_a_part_of_the_day_that_can_not_be_is_explained(as_, home, morning, changes, sentence):
    form = {"name": "Trưa", "w0-from": "11:00", "w0-to": "11:30", **changes}
    answer = as_("operator").post(f"/times/{home.units['75.1']}/dayparts", form)
    assert answer.status_code in {409, 422}
    assert sentence in answer.text


def test_who_may_not_schedule_changes_no_times(as_, home, morning, database):
    viewer, unit = as_("viewer"), home.units["75.1"]
    for path in (f"/times/{unit}/dayparts", f"/times/{unit}/dayparts/sang", f"/times/{unit}/dayparts/sang/remove",
                 f"/times/{unit}/reserve"):  # fmt: skip
        form = {
            "name": "x",
            "w0-from": "05:00",
            "w0-to": "05:30",
            "date": "2026-11-24",
            "time": "18:00",
            "minutes": "5",
        }
        assert viewer.post(path, form).status_code == 403, path
    with database.read() as session:
        assert session.exec(select(Reservation)).all() == []


def test_what_the_province_reserves_is_seen_below_and_met_by_a_new_slot(as_, home, played, database, clock):
    with database.write() as session:
        province = session.get(Unit, home.units["75"])
        reservations.create(
            session, system_actor(), province, name="Thời sự tỉnh", starts="2026-11-24T18:00", minutes=30,
            rrule="FREQ=DAILY", default_zone="Asia/Ho_Chi_Minh", now=clock(),
        )  # fmt: skip
    operator = as_("operator")
    page = operator.get(f"/times/{home.units['75.1']}").text
    assert "Thời sự tỉnh" in page
    assert "theo Tỉnh Đồng Nai" in page
    assert "/withdraw" not in page
    looked = operator.post("/slots/new", slot(home, time="18:10")).text
    assert "là giờ “Tỉnh Đồng Nai” đã giữ cho “Thời sự tỉnh”" in looked
    assert 'value="save"' not in looked
    assert operator.post("/slots/new", slot(home, time="18:10", step="save")).status_code == 409


def test_a_commune_reserves_time_and_gives_it_back(as_, home, played, database):
    operator, path = as_("operator"), f"/times/{home.units['75.1']}"
    form = {"name": "Tin xã", "date": "2026-11-24", "time": "19:00", "minutes": "15", "repeat": "weekdays"}
    wrong = operator.post(f"{path}/reserve", {**form, "minutes": "0"})
    assert wrong.status_code == 422
    assert 'value="Tin xã"' in wrong.text
    assert operator.post(f"{path}/reserve", form).status_code == 303
    page = operator.get(path).text
    assert "Thứ Hai đến thứ Sáu hằng tuần, 19:00, từ 24/11/2026 · mỗi lần 15:00" in page
    assert "24/11/2026 19:00 (Thứ Ba" in page
    back = re.search(rf"{path}/reserved/rs_\w+/withdraw", page)[0]
    assert as_("viewer").post(back).status_code == 403
    assert operator.post(back).status_code == 303
    assert "Tin xã" not in operator.get(path).text


def test_limits_are_set_shown_below_and_only_tighten(as_, home, database):
    administrator, commune, hamlet = as_("administrator"), home.units["75.1"], home.units["75.1.1"]
    form = {
        "sessions_a_day": "2", "session_minutes": "12,5", "earliest": "05:00", "latest": "20:00",
        "weekdays": ["MO", "TU", "WE", "TH", "FR"],
    }  # fmt: skip
    assert administrator.post(f"/units/{commune}/limits", form).status_code == 303
    below = administrator.get(f"/units/{hamlet}").text
    assert "Theo cấp trên: nhiều nhất 2 buổi phát một ngày; mỗi buổi phát nhiều nhất 12.5 phút; chỉ phát vào" in below
    assert administrator.post(f"/units/{hamlet}/limits", {"sessions_a_day": "9", "latest": "18:30"}).status_code == 303
    page = administrator.get(f"/units/{hamlet}").text
    holds = page[page.index("Đang áp dụng tại đây:") :]
    assert "nhiều nhất 2 buổi phát một ngày" in holds
    assert "không sau 18:30" in holds
    wrong = administrator.post(f"/units/{commune}/limits", {**form, "latest": "04:00"})
    assert wrong.status_code == 422
    assert 'value="04:00"' in wrong.text
    assert as_("operator").post(f"/units/{commune}/limits", form).status_code == 403
    with database.read() as session:
        assert limits.read(session.get(Unit, commune).limits).sessions_a_day == 2


def test_a_limit_is_broken_only_by_who_administers_and_with_a_reason(as_, home, played, database):
    administrator, operator = as_("administrator"), as_("operator")
    administrator.post(f"/units/{home.units['75.1']}/limits", {"weekdays": ["MO", "TU"]})
    looked = operator.post("/slots/new", slot(home)).text
    assert "25/11/2026 06:00 không phải ngày Xã Phước An cho phép phát (chỉ Thứ Hai, Thứ Ba)" in looked
    assert 'name="lift"' not in looked
    assert 'value="save"' not in looked
    assert operator.post("/slots/new", slot(home, step="save", lift="Tự ý")).status_code == 403
    assert 'name="lift"' in administrator.post("/slots/new", slot(home)).text
    assert administrator.post("/slots/new", slot(home, step="save")).status_code == 422
    place = administrator.post("/slots/new", slot(home, step="save", lift="Tuần lễ phòng cháy")).headers["Location"]
    page = operator.get(place).text
    assert "ngày được phát chương trình" in page
    assert "Phạm Thị Quản: Tuần lễ phòng cháy" in page
    with database.read() as session:
        assert session.get(Slot, place.rsplit("/", 1)[1]).lifted == ["weekdays"]


def test_a_priority_programme_goes_before_an_ordinary_one_and_the_preview_says_so(as_, home, played, worker, clock):
    approver, writer = as_("approver"), as_("owner")
    unit = home.units["75.1"]
    place = writer.post(
        "/bulletins/new",
        {"title": "Cấp nước", "text": "Cúp nước sáng mai.", "unit": unit, "field": "general", "priority": "priority",
         "source": "text"},
    ).headers["Location"]  # fmt: skip
    programme = writer.post(
        "/programmes/new",
        {"title": "Khẩn", "unit": unit, "step": "save", "new-bulletin": place.rsplit("/", 1)[1]},
    ).headers["Location"].rsplit("/", 1)[1]  # fmt: skip
    looked = approver.post("/slots/new", slot(home, programme=programme, time="17:00")).text
    assert "chương trình này được ưu tiên, phát trước “Bản tin chiều”" in looked
    assert 'value="save"' in looked
