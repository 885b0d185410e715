"""One occurrence, this and the following, or all: changed in the browser, marked with who and why, put back."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from core.audit import AuditEntry
from playlists import programmes
from playlists.programmes import Entry
from registry import units
from scheduler.models import Airing, Slot, SlotException


def rows(page):
    """The lines of a slot's list."""
    return re.findall(r'<li class="row-plain.*?</li>', page, re.DOTALL)


def page_of(browser, home):
    return browser.get(f"/slots/{home.slot}").text


def occurrence(page, at):
    """The address behind “only this one” of the line that begins at `at`."""
    line = next(row for row in rows(page) if f"<time>{at}</time>" in row)
    return re.search(r'href="(/slots/[^"]+/occurrences/[^"]+)"', line)[1]


def following(page, at):
    line = next(row for row in rows(page) if f"<time>{at}</time>" in row)
    return re.search(r'href="(/slots/[^"]+/edit\?from=[^"]+)"', line)[1]


def changed(**more):
    return {"what": "change", "date": "2026-11-25", "time": "17:00", "programme": "", "max_minutes": "", **more}


def filled(page):
    """What the slot form would send if somebody pressed its button at once."""
    form = dict(re.findall(r'<input[^>]*? name="([\w-]+)" type="(?:date|time|number|text)"\s+value="([^"]*)"', page))
    for name, body in re.findall(r'<select[^>]*? name="([\w-]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        form[name] = chosen[1] if chosen else re.search(r'value="([^"]*)"', body)[1]
    for name in ("for", "days", "lunar"):
        form[name] = re.findall(rf'name="{name}" value="([^"]*)" checked', page)
    return form


@pytest.fixture
def other(database, home, played, actor_of, clock):
    """One more programme of the commune."""
    with database.write() as session:
        approver = actor_of("approver")
        unit = units.find(session, approver, "75.1")
        return programmes.create(session, approver, unit, "Tin nhà nông", [Entry(bulletin=home.bulletin)], clock()).id


def test_the_next_occurrences_stand_with_weekday_lunar_date_and_holiday(as_, home, played, clock):
    clock.forward(days=30)  # to 23 December
    page = page_of(as_("viewer"), home)
    line = next(row for row in rows(page) if "<time>01/01/2027 17:00</time>" in row)
    assert "Thứ Sáu · 24/11 âm lịch · Tết Dương lịch" in line
    assert "/occurrences/" not in page


def test_one_is_skipped_with_a_reason_and_put_back(as_, home, played):
    operator = as_("operator")
    path = occurrence(page_of(operator, home), "25/11/2026 17:00")
    form = {"what": "skip", "reason": "Họp hội đồng"}
    assert as_("viewer").get(path).status_code == 403
    assert as_("viewer").post(path, form).status_code == 403
    assert operator.post(path, form).status_code == 303
    line = next(row for row in rows(page_of(operator, home)) if "25/11/2026 17:00" in row)
    assert "Bỏ qua" in line
    assert "Lê Văn Hành sửa lúc 23/11/2026" in line
    assert "Họp hội đồng" in line
    assert as_("viewer").post(f"{path}/restore").status_code == 403
    assert operator.post(f"{path}/restore").status_code == 303
    assert "Họp hội đồng" not in page_of(operator, home)


def test_one_is_moved_shortened_and_given_another_programme(as_, home, other, database, worker, clock):
    operator = as_("operator")
    path = occurrence(page_of(operator, home), "25/11/2026 17:00")
    form = changed(time="18:30", programme=other, max_minutes="1,5")
    assert operator.post(path, form).status_code == 303
    line = next(row for row in rows(page_of(operator, home)) if "<time>25/11/2026 18:30</time>" in row)
    assert "dời từ 25/11/2026 17:00 sang" in line
    assert "Tin nhà nông" in line
    assert "nhiều nhất 1:30" in line
    assert 'value="18:30"' in operator.get(path).text
    worker.roll(clock())
    with database.read() as session:
        (airing,) = session.exec(select(Airing).where(Airing.title == "Tin nhà nông")).all()
        assert airing.starts_at.isoformat() == "2026-11-25T11:30:00+00:00"


def test_nothing_changed_is_told_and_so_is_a_forbidden_hour(as_, home, played, database):
    operator = as_("operator")
    path = occurrence(page_of(operator, home), "25/11/2026 17:00")
    same = operator.post(path, changed())
    assert same.status_code == 422
    assert "Hãy cho biết lần này khác ở điểm nào" in same.text
    quiet = operator.post(path, changed(time="23:00", reason="Muộn hơn"))
    assert quiet.status_code == 422
    assert "giờ yên tĩnh" in quiet.text
    assert 'value="Muộn hơn"' in quiet.text
    assert operator.get(path.replace("2026-11-25", "2026-11-25T01")).status_code in {404, 422}
    with database.read() as session:
        assert session.exec(select(SlotException)).all() == []


def test_what_is_about_to_begin_asks_for_a_reason_and_the_log_keeps_it(as_, home, played, database, clock):
    clock.now = clock.now.replace(day=24, hour=9, minute=55)
    operator = as_("operator")
    page = page_of(operator, home)
    assert "Sắp phát" in rows(page)[0]
    assert f"/slots/{home.slot}/hurry" in page
    path = occurrence(page, "24/11/2026 17:00")
    assert 'name="bypass"' in operator.get(path).text
    refused = operator.post(path, {"what": "skip"})
    assert refused.status_code == 409
    assert "Lần phát này bắt đầu trong 10 phút tới" in refused.text
    assert operator.post(path, {"what": "skip", "bypass": "Mất điện toàn xã"}).status_code == 303
    with database.read() as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "slot.occurrence")).all()
        assert entry.detail["bypass"] == "Mất điện toàn xã"


def test_changes_hold_at_once_only_with_a_reason(as_, home, played, database, clock):
    operator, path = as_("operator"), f"/slots/{home.slot}/hurry"
    operator.post(path, {"reason": " "})
    assert "Hãy ghi lý do không thể chờ." in page_of(operator, home)
    assert as_("viewer").post(path, {"reason": "Gấp"}).status_code == 403
    assert operator.post(path, {"reason": "Gấp"}).status_code == 303
    with database.read() as session:
        assert session.get(Slot, home.slot).bypass_at == clock()


def test_what_has_begun_is_not_offered_for_change(as_, home, played, clock):
    path = occurrence(page_of(as_("operator"), home), "24/11/2026 17:00")
    clock.now = clock.now.replace(day=24, hour=10, minute=0, second=1)
    operator = as_("operator")
    assert "Lần phát này đã bắt đầu" in operator.get(path).text
    assert operator.post(path, {"what": "skip"}).status_code == 409


def test_this_and_the_following_move_and_the_history_stays(as_, home, played, database):
    operator = as_("operator")
    path = following(page_of(operator, home), "26/11/2026 17:00")
    form = {**filled(operator.get(path).text), "time": "18:00"}
    assert form["date"] == "2026-11-26"
    looked = operator.post(path, {**form, "step": "preview"})
    assert "26/11/2026 18:00" in looked.text
    assert "Không trùng với chương trình nào" in looked.text
    answer = operator.post(path, {**form, "step": "save"})
    assert answer.status_code == 303
    goes_on = operator.get(answer.headers["Location"]).text
    assert "<time>26/11/2026 18:00</time>" in goes_on
    assert "tiếp nối một khung giờ trước đó" in goes_on
    before = page_of(operator, home)
    assert "<time>25/11/2026 17:00</time>" in before
    assert "<time>26/11/2026 17:00</time>" not in before


def test_saving_the_form_as_it_is_changes_nothing_of_the_slot(as_, home, approved, database, clock, actor_of):
    clock.forward(minutes=1)
    operator = as_("operator")
    with database.write() as session:
        approver = actor_of("approver")
        home.programme = programmes.create(
            session, approver, units.find(session, approver, "75.1"), "Bản tin", [Entry(bulletin=approved)], clock()
        ).id
    form = {
        "programme": home.programme, "date": "2026-11-24", "time": "06:00:30", "repeat": "chosen", "days": ["MO", "TU"],
        "until": "2027-03-01", "holidays": "skip", "lunar": ["1", "15"], "lunar-other": "23/12, -1", "volume": "55",
        "late": "skip", "max_minutes": "12.5", "short": "fill", "for": f"unit:{home.units['75.1']}", "step": "save",
    }  # fmt: skip
    place = operator.post("/slots/new", form).headers["Location"]
    kept = ("starts", "rrule", "until", "days", "max_seconds", "short", "volume", "late", "audience", "zone")

    def stored():
        with database.read() as session:
            slot = session.get(Slot, place.rsplit("/", 1)[1])
            return {name: getattr(slot, name) for name in kept}

    before = stored()
    assert before["days"] == {"holidays": "skip", "lunar": ["1", "15", "23/12", "-1"]}
    page = operator.get(place).text
    assert "chỉ phát vào mùng một âm lịch, rằm, 23/12 âm lịch và ngày cuối tháng âm lịch" in page
    assert "trừ ngày lễ" in page
    again = operator.post(f"{place}/edit", {**filled(operator.get(f"{place}/edit").text), "step": "save"})
    assert again.status_code == 303
    assert again.headers["Location"] == place
    assert stored() == before


def test_what_has_no_room_is_named_on_the_slot_and_in_the_log(as_, home, played, worker, clock, database):
    operator = as_("operator")
    path = occurrence(page_of(operator, home), "25/11/2026 17:00")
    assert operator.post(path, changed(max_minutes="0.02")).status_code == 303
    worker.roll(clock() + timedelta(seconds=1))
    line = next(row for row in rows(page_of(operator, home)) if "25/11/2026 17:00" in row)
    assert "Không phát “Lịch tiêm chủng”:" in line
    assert "không đủ thời gian" in line
    with database.read() as session:
        shortened = next(row for row in session.exec(select(Airing)).all() if row.left_out)
    entry = operator.get(f"/log/{shortened.id}").text
    assert "Lịch tiêm chủng" in entry
    assert "không đủ thời gian" in entry
