"""One airing of the week: its card, moving it by forms alone, undoing, copying a week, opening what is folded."""

import re
from html import unescape

import pytest
from sqlmodel import select

from scheduler import week_folded
from scheduler.models import Airing, AiringOutcome, Slot, SlotException


def week_of(home, first="2026-11-23"):
    return f"/week?unit={home.units['75.1']}&from={first}"


def cards(page):
    return [unescape(each) for each in re.findall(r'<a href="(/slots/[^"]+/card\?[^"]+)" class="wk-block', page)]


def mover(page):
    return [unescape(each) for each in re.findall(r'data-move="([^"]+)"', page)]


def undoing(page):
    found = re.search(r'action="(/timetable/[^"]+/undo)"', page)
    return found[1] if found else None


def moved(browser, address, **more):
    path = address.partition("?")[0]
    return browser.post(path, {"date": "2026-11-25", "time": "18:30", "scope": "one", **more})


def test_a_card_says_what_where_who_and_why_and_what_can_be_done(as_, home, played):
    page = as_("viewer").get(week_of(home)).text
    card = as_("viewer").get(cards(page)[1]).text
    assert all(word in card for word in ("Bản tin chiều", "Xã Phước An", "Trần Văn Duyệt", "/explain?at="))
    assert "/move" not in card
    card = as_("operator").get(cards(page)[1]).text
    assert all(word in card for word in ("Dời sang giờ khác", "Sửa lần này và các lần sau", "/occurrences/"))
    part = as_("operator").get(f"{cards(page)[1]}&part=1").text
    assert "<html" not in part
    assert "Dời sang giờ khác" in part


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (("played", "played"), "✓ Đã phát 2/2"), (("played", "missed"), "◐ Phát một phần 1/2"),
        (("missed", "missed"), "✗ Không phát được 0/2"),
    ],
)  # fmt: skip
def test_what_is_over_tells_how_it_went_by_sign_and_word(as_, home, played, database, clock, outcomes, said):
    with database.write() as session:
        airing = session.get_one(Airing, played)
        airing.state = "over"
        session.add(airing)
        for station, outcome in zip((home.station, home.fresh_station), outcomes, strict=True):
            session.merge(
                AiringOutcome(
                    airing_id=played, station_id=station, outcome=outcome, planned_seconds=5.0, played_seconds=0.0,
                    updated_at=clock(),
                )
            )  # fmt: skip
    page = as_("viewer").get(week_of(home)).text
    look = {"✓": "played", "◐": "partial", "✗": "missed"}[said[0]]
    words = re.sub(r"<[^>]+>", "", re.search(rf'class="wk-block own {look} .*?</a>', page, re.DOTALL)[0])
    assert said[0] in words
    assert said[2:] in words


def test_only_who_plans_can_move_and_only_what_is_to_come(as_, home, played):
    assert mover(as_("viewer").get(week_of(home)).text) == []
    ours = mover(as_("operator").get(week_of(home)).text)
    assert len(ours) in {6, 7}
    assert as_("viewer").get(ours[-1]).status_code == 403
    assert moved(as_("viewer"), ours[-1]).status_code == 403
    assert moved(as_("stranger"), ours[-1]).status_code == 404


def test_a_move_is_looked_at_made_and_undone(as_, home, played, database):
    operator = as_("operator")
    address = next(each for each in mover(operator.get(week_of(home)).text) if "2026-11-25" in each)
    looked = operator.get(f"{address}&date=2026-11-25&time=18:30").text
    assert looked.count("Không vướng gì") == 3
    quiet = operator.get(f"{address}&date=2026-11-25&time=23:00").text
    assert "giờ yên tĩnh" in quiet
    assert "disabled" in quiet
    daily = operator.get(f"{address}&date=2026-11-26&time=18:30").text
    assert "không lặp theo tuần" in daily
    assert "Hãy cho biết ngày và giờ" in operator.get(f"{address}&date=never&time=18:30").text
    done = moved(operator, address)
    assert done.status_code == 303
    page = operator.get(done.headers["Location"]).text
    assert "dời từ 25/11/2026 17:00" in page
    undo = undoing(page)
    assert undoing(as_("approver").get(done.headers["Location"]).text) is None
    assert as_("approver").post(undo).status_code == 404
    back = operator.post(undo, {"week": f"unit:{home.units['75.1']}", "from": "2026-11-23"})
    assert back.status_code == 303
    assert "Đã hoàn tác" in operator.get(back.headers["Location"]).text
    with database.read() as session:
        assert session.exec(select(SlotException)).all() == []
    operator.post(undo)
    assert "không hoàn tác được nữa" in operator.get(week_of(home)).text


def test_a_refused_move_says_why_and_keeps_what_was_typed(as_, home, played):
    operator = as_("operator")
    address = next(each for each in mover(operator.get(week_of(home)).text) if "2026-11-25" in each)
    refused = moved(operator, address, time="23:00")
    assert refused.status_code == 422
    assert 'value="23:00"' in refused.text
    assert moved(operator, address, scope="everything").status_code == 422


def test_what_is_frozen_asks_for_a_reason(as_, home, played, clock):
    clock.now = clock.now.replace(day=24, hour=9, minute=55)
    operator = as_("operator")
    address = next(each for each in mover(operator.get(week_of(home)).text) if "2026-11-24" in each)
    asked = operator.get(f"{address}&date=2026-11-24&time=18:30").text
    assert 'name="bypass"' in asked
    done = moved(operator, address, date="2026-11-24", bypass="Mất điện toàn xã")
    assert done.status_code == 303


def test_a_week_is_copied_and_undone(as_, home, played, database):
    operator = as_("operator")
    address = next(each for each in mover(operator.get(week_of(home)).text) if "2026-11-25" in each)
    moved(operator, address)
    path = f"/units/{home.units['75.1']}/week/copy"
    assert as_("viewer").get(path).status_code == 403
    page = operator.get(f"{path}?from=2026-11-23&to=2026-11-30").text
    assert page.count("Tuần đó đã có.") >= 5
    keys = re.findall(r'name="line" value="([^"]+)"', page)
    assert len(keys) == 1
    form = {"from": "2026-11-23", "to": "2026-11-30"}
    assert operator.post(path, form).status_code == 422
    done = operator.post(path, {**form, "line": keys})
    assert done.status_code == 303
    week = operator.get(done.headers["Location"]).text
    assert "Đã chép vào tuần này 1 lần phát" in week
    operator.post(undoing(week))
    with database.read() as session:
        assert len(session.exec(select(Slot).where(Slot.withdrawn_at == None)).all()) == 1  # noqa: E711 – SQL


def test_a_wide_place_is_shown_folded_and_opens(as_, home, played, monkeypatch):
    monkeypatch.setattr(week_folded, "WIDE_FROM", 1)
    viewer = as_("viewer")
    page = viewer.get(week_of(home)).text
    assert "gộp làm một" in page
    assert page.count('class="wk-block') == 7
    assert mover(page) == []
    path = f"/units/{home.units['75.1']}/week/open"
    opened = viewer.get(path, query_string={"title": "Bản tin chiều", "at": "2026-11-25T10:00:00Z"})
    assert "Xã Phước An" in opened.text
    assert (
        as_("stranger").get(path, query_string={"title": "Bản tin chiều", "at": "2026-11-25T10:00:00Z"}).status_code
        == 404
    )


@pytest.mark.parametrize("path", ["/week?day=never", "/week?undo=ts_none", "/week?look=list", "/week?hours=all"])
def test_odd_wishes_in_the_address_harm_nothing(as_, home, played, path):
    assert as_("operator").get(path).status_code == 200


def test_skipping_one_airing_from_the_week_can_be_undone_there(as_, home, played, database):
    operator = as_("operator")
    card = operator.get(cards(operator.get(week_of(home)).text)[1]).text
    one = unescape(re.search(r'href="(/slots/[^"]+/occurrences/[^"/]+\?week=[^"]+)"', card)[1])
    answer = operator.post(one, {"what": "skip", "date": "2026-11-24", "time": "17:00"})
    assert answer.status_code == 303
    assert "undo=ts_" in answer.headers["Location"]
    week = operator.get(answer.headers["Location"]).text
    assert "Đã bỏ riêng lần phát này" in week
    with database.read() as reading:
        assert [row.skip for row in reading.exec(select(SlotException)).all()] == [True]
    assert operator.post(undoing(week), {"week": f"unit:{home.units['75.1']}"}).status_code == 303
    with database.read() as reading:
        assert reading.exec(select(SlotException)).all() == []
