"""Programmes and slots: composed and planned without a script in the browser."""

import re

import pytest


def items(page):
    return re.findall(r'name="item-\d+-(?:bulletin|clip)" value="([^"]+)"', page)


def composed(home, **changes):
    return {"title": "Bản tin sáng", "unit": home.units["75.1"], "step": "save", **changes}


def slot(home, **changes):
    return {
        "programme": home.programme, "date": "2026-11-24", "time": "06:00", "repeat": "once", "late": "join",
        "for": f"unit:{home.units['75.1']}", **changes,
    }  # fmt: skip


def test_items_are_added_moved_and_removed_in_steps(as_, home, approved):
    owner = as_("owner")
    page = owner.post("/programmes/new", composed(home, step="add-newest", **{"new-count": "3"})).text
    assert 'name="item-0-kind" value="newest"' in page
    rows = {"item-0-kind": "newest", "item-0-count": "3", "item-0-order": "1"}
    page = owner.post("/programmes/new", composed(home, step="add-bulletin", **rows, **{"new-bulletin": approved})).text
    assert items(page) == [approved]
    assert "Bản tin sáng" in page
    rows |= {"item-1-kind": "bulletin", "item-1-bulletin": approved, "item-1-order": "2"}
    page = owner.post("/programmes/new", composed(home, step="up-1", **rows)).text
    assert 'name="item-0-kind" value="bulletin"' in page
    page = owner.post("/programmes/new", composed(home, step="sort", **{**rows, "item-1-order": "0"})).text
    assert 'name="item-0-kind" value="bulletin"' in page
    page = owner.post("/programmes/new", composed(home, step="sort", **rows, **{"item-0-remove": "1"})).text
    assert 'name="item-1-kind"' not in page
    place = owner.post("/programmes/new", composed(home, **rows)).headers["Location"]
    assert "Lịch tiêm chủng" in owner.get(place).text
    assert "3 bản tin mới nhất" in owner.get(place).text


def test_a_bulletin_chosen_but_not_added_is_not_forgotten(as_, home, approved):
    owner = as_("owner")
    place = owner.post("/programmes/new", composed(home, **{"new-bulletin": approved})).headers["Location"]
    assert "Lịch tiêm chủng" in owner.get(place).text


def test_an_empty_programme_gets_a_clear_sentence_and_keeps_its_title(as_, home):
    answer = as_("owner").post("/programmes/new", composed(home))
    assert answer.status_code == 422
    assert "Hãy đưa ít nhất một mục vào chương trình." in answer.text
    assert "Bản tin sáng" in answer.text


def test_a_programme_says_what_is_left_out_and_why(as_, home, draft):
    owner = as_("owner")
    place = owner.post("/programmes/new", composed(home, **{"new-bulletin": draft})).headers["Location"]
    page = owner.get(place).text
    assert "Không có gì: chưa có mục nào được duyệt" in page
    assert "chưa được duyệt" in page


def test_a_programme_is_changed(as_, home, played):
    owner, path = as_("owner"), f"/programmes/{home.programme}"
    assert items(owner.get(f"{path}/edit").text) == [home.bulletin]
    changed = {"title": "Tên mới", "step": "save", "item-0-kind": "newest", "item-0-count": "2", "item-0-order": "1"}
    assert owner.post(f"{path}/edit", changed).status_code == 303
    assert "Tên mới" in owner.get(path).text


def test_a_viewer_composes_nothing(as_, home, played):
    viewer = as_("viewer")
    assert viewer.post("/programmes/new", composed(home, **{"new-bulletin": home.bulletin})).status_code == 403
    assert viewer.get(f"/programmes/{home.programme}/edit").status_code == 403
    assert "/edit" not in viewer.get(f"/programmes/{home.programme}").text


def test_a_preview_saves_nothing_and_shows_what_would_be(as_, home, played):
    operator = as_("operator")
    page = operator.post("/slots/new", slot(home, step="preview", repeat="weekdays")).text
    assert 'id="preview"' in page
    assert "24/11/2026 06:00" in page
    assert "27/11/2026 06:00" in page
    assert "28/11/2026" not in page
    assert "Không trùng với chương trình nào" in page
    assert operator.get("/slots").text.count("/slots/sl_") == 1


def test_a_slot_is_saved_after_the_preview(as_, home, played):
    operator = as_("operator")
    answer = operator.post(
        "/slots/new", slot(home, step="save", repeat="chosen", days=["MO", "FR"], until="2026-12-04")
    )
    page = operator.get(answer.headers["Location"]).text
    assert re.findall(r"<time>([^<]+)</time>", page) == ["27/11/2026 06:00", "30/11/2026 06:00", "04/12/2026 06:00"]
    assert "Thứ Hai và thứ Sáu hằng tuần, 06:00, từ 24/11/2026, đến 04/12/2026" in page
    assert "FREQ" not in page
    assert "Thứ Hai và thứ Sáu hằng tuần, 06:00" in operator.get("/slots").text
    assert "Xã Phước An" in page


def test_a_clash_is_told_with_everything_still_filled_in(as_, home, played):
    operator = as_("operator")
    clash = slot(home, time="17:00:05")
    previewed = operator.post("/slots/new", {**clash, "step": "preview"})
    assert "các cụm loa đang phát “Bản tin chiều”" in previewed.text
    assert 'value="save"' not in previewed.text
    refused = operator.post("/slots/new", {**clash, "step": "save"})
    assert refused.status_code == 409
    assert 'value="17:00:05"' in refused.text
    assert "checked" in refused.text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date": ""}, "không phải là giờ địa phương"),
        ({"date": "2020-01-01"}, "Thời điểm này đã qua."),
        ({"time": "23:00"}, "giờ yên tĩnh"),
        ({"repeat": "chosen"}, "Hãy chọn ít nhất một ngày trong tuần."),
        ({"repeat": "own", "rrule": ""}, "Hãy ghi quy tắc"),
        ({"repeat": "own", "rrule": "FREQ=SOMETIMES"}, "Không rõ “FREQ=SOMETIMES”"),
        ({"repeat": "own", "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "không có lần phát nào"),
        ({"for": ""}, "không dùng được"),
        ({"volume": "loud"}, "không phải là số nguyên"),
        ({"volume": "300"}, "Âm lượng nằm trong khoảng"),
        ({"programme": "pr_unknown"}, "Không có gì mang tên này"),
    ],
)
def test_a_slot_that_can_not_be_is_explained(as_, home, played, changes, sentence):
    answer = as_("operator").post("/slots/new", slot(home, step="save", **changes))
    assert answer.status_code in {404, 422}
    assert sentence in answer.text


def test_a_slot_is_taken_off_the_timetable(as_, home, played):
    operator = as_("operator")
    assert "/withdraw" not in as_("viewer").get(f"/slots/{home.slot}").text
    assert as_("viewer").post(f"/slots/{home.slot}/withdraw").status_code == 403
    assert operator.post(f"/slots/{home.slot}/withdraw").status_code == 303
    assert "Lịch phát đang trống." in operator.get("/slots").text
    assert "Đã gỡ khỏi lịch phát lúc" in operator.get(f"/slots/{home.slot}").text
