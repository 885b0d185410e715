"""The week, why a station plays what it plays, and the address of the calendar."""

import re
from html import unescape


def blocks(page):
    """The blocks of a page: what each leads to, and its words."""
    found = re.findall(r'<a href="([^"]+)" class="wk-block[^"]*"[^>]*>(.*?)</a>', page, re.DOTALL)
    return [(unescape(href), re.sub(r"<[^>]+>", "", words)) for href, words in found]


def test_the_week_shows_each_day_with_its_lunar_date_and_leads_to_each_airing(as_, home, played):
    page = as_("viewer").get(f"/week?unit={home.units['75.1']}&from=2026-11-23")
    assert page.status_code == 200
    assert page.text.count('class="wk-day') == 7
    assert len(blocks(page.text)) == 7
    assert all(f"/slots/{home.slot}/occurrences/" in href for href, _ in blocks(page.text))
    assert all(word in page.text for word in ("17:00", "Bản tin chiều", "rằm tháng 10", "Tin tổng hợp", "Đơn vị mình"))


def test_any_day_of_a_week_shows_the_week_from_its_monday(as_, home, played):
    page = as_("viewer").get(f"/week?unit={home.units['75.1']}&from=2026-12-03").text
    assert "30/11/2026 – 06/12/2026" in page


def test_a_unit_is_found_by_its_code_its_name_and_as_the_list_writes_it(as_, home, played):
    for typed in ("75.1.1", "Thôn Đông", "Thôn Đông (75.1.1)", home.units["75.1.1"]):
        assert "Lịch tuần · Thôn Đông" in as_("viewer").get("/week", query_string={"unit": typed}).text
    assert as_("viewer").get("/week", query_string={"unit": "Xã Long Thành"}).status_code == 404


def test_quiet_hours_are_hatched_where_they_are_shown_and_the_rest_is_folded(as_, home, played):
    folded = as_("viewer").get(f"/week?unit={home.units['75.1']}&from=2026-11-23").text
    assert "00:00–17:00" in folded
    assert "Giờ yên tĩnh" not in folded
    whole = as_("viewer").get(f"/week?unit={home.units['75.1']}&from=2026-11-23&hours=all").text
    assert whole.count("Giờ yên tĩnh") == 2


def test_the_sheet_has_no_style_of_its_own_and_every_place_has_its_class(as_, home, played):
    viewer = as_("viewer")
    page = viewer.get(f"/week?unit={home.units['75.1']}&from=2026-11-23&hours=all").text
    sheet = viewer.get("/static/week-grid.css").text
    assert " style=" not in page
    for name in set(
        re.findall(r"\b[rs]\d+\b|\bn\dl\d\b|\bh\d+\b", " ".join(re.findall(r'class="(wk[^"]*|r\d[^"]*)"', page)))
    ):
        assert f".{name}{{" in sheet, name


def test_a_day_that_is_none_shows_this_week_and_says_so(as_, home, played):
    page = as_("viewer").get("/week?from=tomorrow")
    assert page.status_code == 200
    assert "2026-11-23" in page.text


def test_a_station_s_week_leads_to_the_explanation(as_, home, played):
    viewer = as_("viewer")
    page = viewer.get(f"/stations/{home.station}/week?from=2026-11-23").text
    card = viewer.get(blocks(page)[0][0]).text
    (first,) = re.findall(r'href="(/stations/[^"]+/explain\?at=[^"]+)"', card)
    assert home.station in first
    told = viewer.get(unescape(first))
    assert told.status_code == 200
    assert "Bản tin chiều" in told.text
    assert "Trần Văn Duyệt" in told.text
    assert "Vào thời điểm đó không có nội dung nào khác" in told.text
    assert "Cụm loa đã báo về" in told.text


def test_silence_is_explained_with_what_comes_next(as_, home, played):
    page = as_("viewer").get(f"/stations/{home.station}/explain?at=2026-11-24T03:00").text
    assert "Không phát gì" in page
    assert "giữ yên tĩnh vào giờ đó" in page
    assert "24/11/2026 17:00:00" in page


def test_the_page_of_a_station_leads_there(as_, home, played):
    page = as_("viewer").get(f"/stations/{home.station}").text
    assert f"/stations/{home.station}/explain" in page
    assert f"/stations/{home.station}/week" in page


def test_an_instant_that_is_none_stands_beside_its_field(as_, home, played):
    page = as_("viewer").get(f"/stations/{home.station}/explain?at=soon")
    assert page.status_code == 422
    assert 'id="at-wrong"' in page.text


def test_a_station_above_its_budget_is_warned_of(as_, home, played, settings, monkeypatch):
    monkeypatch.setattr(settings, "sim_budget_mb", 1)
    page = as_("viewer").get(f"/week?unit={home.units['75.1']}&from=2026-11-23").text
    assert "dữ liệu SIM mỗi tháng: 2." in page


def test_the_address_of_the_calendar_is_shown_once_works_and_is_ended(as_, outsider, home, played):
    viewer = as_("viewer")
    viewer.token_of(f"/week?unit={home.units['75.1']}")
    made = viewer.post(f"/units/{home.units['75.1']}/calendar/code")
    assert made.status_code == 201
    (secret,) = re.findall(r"(?<!localhost)(/calendar/cal_[\w-]+\.ics)", made.text)
    answer = outsider.get(secret)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert "Bản tin chiều" in answer.text
    week = viewer.get(f"/week?unit={home.units['75.1']}").text
    assert secret not in week
    assert viewer.post(f"/units/{home.units['75.1']}/calendar/revoke").status_code == 303
    assert outsider.get(secret).status_code == 404
