"""The commune puts programmes with priority in order, and sees which stations know what was withdrawn."""

import re

import pytest

from playlists import bulletins, programmes
from playlists.programmes import Entry
from registry import units
from registry.rights import system_actor
from scheduler import commands, emergencies, slots, withdrawals


@pytest.fixture
def met(database, home, approved, worker, clock):
    """Programmes with priority of the province and of the commune that meet every evening."""
    system, made = system_actor(), []
    with database.write() as session:
        for code, title, starts in (("75", "Tin tỉnh", "2026-11-23T18:00"), ("75.1", "Tin xã", "2026-11-23T18:00:03")):
            unit = units.find(session, system, code)
            text = f"{title}: bà con chú ý theo dõi dự báo thời tiết trên đài tối nay và chủ động phòng tránh mưa lũ."
            draft = bulletins.Draft(title=title, text=text, priority="priority")
            version = bulletins.create(session, system, unit, draft, max_chars=20_000, now=clock())
            made.append((version.bulletin_id, unit.id, title, starts, f"unit:{code}"))
    worker.render(clock())
    worker.render(clock())
    found = []
    for bulletin, unit_id, title, starts, where in made:
        with database.write() as session:
            bulletins.submit(session, system, bulletin, clock())
            bulletins.approve(session, system, bulletin, clock())
            unit = units.find(session, system, unit_id)
            programme = programmes.create(session, system, unit, title, [Entry(bulletin=bulletin)], clock())
            wish = slots.Wish(programme=programme.id, starts=starts, rrule="FREQ=DAILY", audience=[where])
            found.append(slots.create(session, system, wish, default_zone="Asia/Ho_Chi_Minh", now=clock())[0].id)
    worker.roll(clock())
    return found


def form_of(page):
    """The first form that puts two programmes in order: its address and what its fields hold."""
    found = re.search(r'<form method="post" action="(/units/[^"]+/order)"(.*?)</form>', page, re.DOTALL)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[2]))
    del fields["csrf_token"]
    titles = re.findall(r'name="pair" value="(\d)"[^>]*> <span>([^<]+)</span>', found[2])
    return found[1], fields, {title: number for number, title in titles}


def week(home):
    return f"/week?unit={home.units['75.1']}&from=2026-11-23"


def test_two_that_meet_are_put_in_order_on_the_week_page_for_once_or_always_and_back(as_, home, met):
    approver = as_("approver")
    page = approver.get(week(home)).text
    assert "chưa xếp thứ tự: chương trình bắt đầu sớm hơn được phát trước" in page
    address, fields, pair = form_of(page)
    assert set(pair) == {"Tin tỉnh", "Tin xã"}
    done = approver.post(address, {**fields, "pair": pair["Tin xã"], "scope": "always"})
    assert done.status_code == 303
    page = approver.get(done.headers["Location"]).text
    assert page.count("“Tin xã” được phát trước") == 7
    assert "Trần Văn Duyệt đã xếp thứ tự, mọi lần" in page
    approver.post(address, {**fields, "pair": pair["Tin tỉnh"], "scope": "once"})
    page = approver.get(week(home)).text
    assert (page.count("“Tin xã” được phát trước"), page.count("“Tin tỉnh” được phát trước")) == (6, 1)
    assert "chỉ lần này" in page
    for back in dict.fromkeys(re.findall(r'action="(/units/[^"]+/order/[^"]+/back)"', page)):
        assert approver.post(back).status_code == 303
    assert "được phát trước</span>" not in re.sub("chưa xếp thứ tự[^<]*", "", approver.get(week(home)).text)


def test_who_does_not_plan_sees_the_meeting_without_buttons(as_, home, met):
    page = as_("viewer").get(week(home)).text
    assert "Tin tỉnh · Tin xã" in page
    assert "/order" not in page
    address, fields, _ = form_of(as_("approver").get(week(home)).text)
    assert as_("viewer").post(address, {**fields, "pair": "1", "scope": "always"}).status_code == 403


def test_an_order_that_makes_no_sense_is_told_on_the_page(as_, home, met):
    approver = as_("approver")
    answer = approver.post(
        f"/units/{home.units['75.1']}/order", {"one": met[0], "other": met[0], "pair": "0", "scope": "once"}
    )
    assert answer.status_code == 303
    assert "hai lần phát của hai khung giờ khác nhau" in approver.get(answer.headers["Location"]).text


@pytest.fixture
def gone(database, home, met, worker, clock):
    """The commune's programme, taken off the timetable after stations had it."""
    clock.forward(minutes=1)
    with database.write() as session:
        slots.withdraw(session, system_actor(), met[1], clock())
    worker.roll(clock())
    with database.read() as session:
        return withdrawals.recent(session, system_actor(), clock())[-1].airing.id


def test_the_page_of_what_was_withdrawn_counts_lists_filters_and_renews_itself(as_, app, home, gone, database, clock):
    viewer = as_("viewer")
    page = viewer.get("/recalled").text
    assert "Tin xã" in page
    assert "0 trên 1 cụm loa đã nhận" in page
    assert 'data-fragment="/recalled/fragment"' in page
    detail = viewer.get(f"/recalled/{gone}").text
    (fragment,) = re.findall(r'data-fragment="(/recalled/[^"]+)"', detail)
    assert "Loa đầu đình" in detail
    assert "Chợ làng" not in detail  # never taken into service
    with database.write() as session:
        commands.acknowledge(session, home.station, [f"withdrawn:{gone}"], clock.forward(minutes=1))
    renewed = viewer.get(fragment.replace("&amp;", "&")).text
    assert "Đã nhận: 1" in renewed
    assert "Chưa nhận: 0" in renewed
    assert "Loa đầu đình" not in viewer.get(f"/recalled/{gone}?show=missing").text
    assert "Loa đầu đình" in viewer.get(f"/recalled/{gone}?show=known").text
    clock.forward(days=8)
    assert "Không có nội dung nào bị thu hồi" in as_("viewer").get("/recalled").text


def test_an_emergency_that_was_stopped_says_who_knows_and_leads_there(as_, home, alarm, worker, database, clock):
    worker.render_urgent(clock())
    worker.issue_alarms(clock())
    clock.forward(minutes=2)
    with database.write() as session:
        emergencies.stop(session, system_actor(), home.emergency, clock())
    approver = as_("approver")
    page = approver.get("/emergencies").text
    (address,) = re.findall(r'href="(/recalled/[^"]+)"', page)
    assert "0 trên 1 cụm loa đã nhận lệnh dừng" in page
    assert 'data-fragment="/emergencies/fragment"' in page
    assert "0 trên 1 cụm loa đã nhận lệnh dừng" in approver.get("/emergencies/fragment").text
    assert approver.get(address).status_code == 200
    assert as_("viewer").get("/emergencies/fragment").status_code == 403


def test_one_occurrence_is_let_break_a_limit_by_who_administers_the_place(as_, home, played, database, clock):
    with database.write() as session:
        unit = units.find(session, system_actor(), "75.1")
        units.limit(session, system_actor(), unit, {"latest": "20:00"}, clock())
    typed = {
        "what": "change",
        "date": "2026-11-24",
        "time": "21:00",
        "programme": "",
        "max_minutes": "",
        "reason": "Hội",
    }
    path = f"/slots/{home.slot}/occurrences/2026-11-24T10:00:00.000Z"
    refused = as_("approver").post(path, typed)
    assert refused.status_code == 422
    assert 'name="lift"' not in refused.text
    administrator = as_("administrator")
    asked = administrator.post(path, typed)
    assert 'name="lift"' in asked.text
    assert administrator.post(path, {**typed, "lift": "Mít tinh 50 năm"}).status_code == 303
    page = administrator.get(f"/slots/{home.slot}").text
    assert "(Mít tinh 50 năm)" in page
