"""Emergencies, units, people, the audit log and the state of the worker."""

import re

from sqlalchemy import delete

from registry import people, units
from registry.models import Grant, Person
from registry.rights import system_actor

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def alarmed(home, **changes):
    unit = home.units["75.1"]
    return {
        "text": "Lũ về nhanh.",
        "unit": unit,
        "for": f"unit:{unit}",
        "times": "2",
        "minutes": "1",
        "what": "text",
        "step": "raise",
        "sure": "1",
        **changes,
    }


def test_an_emergency_needs_a_clear_yes(as_, home):
    approver = as_("approver")
    answer = approver.post("/emergencies", alarmed(home, sure=""))
    assert answer.status_code == 422
    assert "Lũ về nhanh." in answer.text
    assert 'id="sure-wrong"' in answer.text
    assert "Đã phát lệnh" not in approver.get("/emergencies").text


def test_an_emergency_is_raised_and_stopped(as_, home, worker, clock):
    approver = as_("approver")
    assert approver.post("/emergencies", alarmed(home)).status_code == 303
    assert "Đang tạo âm thanh" in approver.get("/emergencies").text
    worker.render_urgent(clock())
    page = approver.get("/emergencies").text
    assert "Đang phát" in page
    assert "0 trên 2 cụm loa đã nhận" in page
    stop = re.search(r"/emergencies/em_\w+/stop", page)[0]
    assert as_("viewer").post(stop).status_code == 403
    assert approver.post(stop).status_code == 303
    page = approver.get("/emergencies").text
    assert "Đã dừng" in page
    assert stop not in page


def test_only_who_may_raise_alarms_has_the_page(as_, home):
    for who in ("owner", "operator", "viewer"):
        browser = as_(who)
        assert "/emergencies" not in browser.get("/").text
        assert browser.post("/emergencies", alarmed(home)).status_code == 403


def test_a_unit_is_added_and_its_settings_hold(as_, home):
    administrator = as_("administrator")
    form = {"name": "Thôn Tây", "code": "75.1.9", "parent": home.units["75.1"]}
    assert administrator.post("/units/new", form).status_code == 303
    assert "Thôn Tây" in administrator.get("/units").text
    taken = administrator.post("/units/new", form)
    assert taken.status_code == 409
    assert "Mã “75.1.9” đã có đơn vị dùng." in taken.text, taken.text[1500:4000]
    path = f"/units/{home.units['75.1']}"
    kept = {"hours": "own", "quiet_hours": "21:00–05:30, 11:30-13:00", "max_volume": "80", "codec": "mp3"}
    assert administrator.post(path, kept).status_code == 303
    page = administrator.get(path).text
    assert 'value="21:00-05:30, 11:30-13:00"' in page
    assert 'value="80"' in page
    assert "21:00–05:30" in as_("viewer").get(f"/stations/{home.station}").text
    for wrong in ({"quiet_hours": "late"}, {"quiet_hours": ""}, {"max_volume": "500"}, {"zone": "Mars/Base"}):
        assert administrator.post(path, {**kept, **wrong}).status_code == 422
    assert administrator.post(path, {"hours": "none"}).status_code == 303
    assert administrator.post(path, {"hours": "above"}).status_code == 303
    assert as_("approver").get(path).status_code == 403


def test_a_person_is_added_with_a_password_shown_once_and_can_sign_in(as_, outsider, home):
    administrator = as_("administrator")
    form = {"name": "Vũ Mới", "username": "Vu.Moi", "role": "viewer", "unit": home.units["75.1.1"]}
    answer = administrator.post("/people/new", form)
    assert answer.status_code == 201
    password = re.search(r'id="password-once">([^<]+)<', answer.text)[1]
    place = re.search(r"/people/pe_\w+", answer.text)[0]
    assert password not in administrator.get(place).text
    outsider.token_of("/sign-in")
    assert outsider.post("/sign-in", {"username": "vu.moi", "password": password}).status_code == 303
    again = administrator.post("/people/new", form)
    assert again.status_code == 409
    assert "Vũ Mới" in again.text
    assert administrator.post(f"{place}/password").status_code == 201
    assert outsider.get("/").status_code == 302


def test_roles_are_given_and_taken(as_, home):
    administrator, path = as_("administrator"), f"/people/{home.people['viewer']}"
    administrator.post(f"{path}/grant", {"role": "operator", "unit": home.units["75.1"]})
    assert as_("viewer").get("/stations/new").status_code == 200
    assert "Người vận hành" in administrator.get(path).text
    administrator.post(f"{path}/revoke", {"role": "operator", "unit": home.units["75.1"]})
    administrator.post(f"{path}/grant", {"role": "king", "unit": home.units["75.1"]})
    page = administrator.get(path).text
    assert "Không có vai trò “king”." in page
    assert as_("operator").post(f"{path}/grant", {"role": "writer", "unit": home.units["75.1"]}).status_code in {
        403,
        404,
    }


def test_the_audit_log_tells_what_was_done_here(as_, home, approved):
    page = as_("administrator").get("/audit").text
    assert "Trần Văn Duyệt" in page
    assert "Người Lạ" not in page


def test_the_system_page_tells_how_the_jobs_are(as_, home, worker, database):
    administrator = as_("administrator")
    assert "Chưa có tiến trình nền nào chạy." in administrator.get("/system").text
    worker.run("dispatch", worker.dispatch)

    def broken(now):
        raise OSError("no room")

    worker.run("backup", broken)
    page = administrator.get("/system").text
    assert "Đánh dấu nội dung đang phát" in page
    assert "OSError: no room" in page
    assert "đang lỗi" in page


def test_the_first_administrator_of_a_fresh_installation_makes_the_first_unit(app, home, database, clock):
    with database.write() as session:
        session.execute(delete(Grant))
        session.execute(delete(Person))
        password = people.first_administrator(session, "root", clock())
    client = app.test_client()
    token = TOKEN.search(client.get("/sign-in").text)[1]
    client.post("/sign-in", data={"csrf_token": token, "username": "root", "password": password})
    token = TOKEN.search(client.get("/units/new").text)[1]
    form = {"csrf_token": token, "name": "Tỉnh Mới", "code": "99", "parent": ""}
    assert client.post("/units/new", data=form).status_code == 303
    assert "Tỉnh Mới" in client.get("/units").text
    with database.read() as session:
        made = units.find(session, system_actor(), "99")
        assert units.inherited([made], "Asia/Ho_Chi_Minh").quiet_hours == [("22:00", "05:00")]
    for path in ("/", "/people", "/log", "/emergencies", "/slots/new", "/stations/new", "/system", "/on-air"):
        assert client.get(path).status_code == 200, path
    assert "root" in client.get("/audit").text
