"""My account, invitations and the audit log in the browser."""

import json
import re

import pyotp
import pytest
from panel_lab import TOKEN, Browser
from sqlalchemy import text

from registry import factor_rules, people, units
from registry.models import Person
from registry.rights import Role, system_actor

GOOD = "cá kho bên hiên nhà"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0"


def signed_in(browser, home, who="owner", password=None, following=""):
    browser.token_of("/sign-in")
    return browser.post(
        "/sign-in",
        {"username": who, "password": password or home.passwords[who], "next": following},
        headers={"User-Agent": EDGE},
    )


@pytest.fixture
def app_of(as_, clock):
    """Set a second factor up as somebody would: scan, type the first code, keep the paper."""

    def set_up(who, browser=None):
        browser = browser or as_(who)
        page = browser.get("/account/second-factor").text
        assert "<svg" in page
        phone = pyotp.TOTP(re.search(r'id="factor-secret">([^<]+)<', page)[1].replace(" ", ""))
        assert browser.post("/account/second-factor", {"code": "000000"}).status_code == 422
        assert phone.secret in browser.get("/account/second-factor").text.replace(" ", "")  # still the same one
        answer = browser.post("/account/second-factor", {"code": phone.at(clock())})
        assert answer.status_code == 201
        paper = re.findall(r"<li><code>([^<]+)</code>", answer.text)
        assert len(paper) == 10
        clock.forward(seconds=30)
        return phone, paper

    return set_up


def test_with_a_second_factor_signing_in_takes_two_steps(app_of, outsider, home, clock):
    phone, paper = app_of("owner")
    halfway = signed_in(outsider, home, following="/bulletins")
    assert halfway.headers["Location"] == "/sign-in/code?next=/bulletins"
    outsider.token_of("/sign-in/code")
    wrong = outsider.post("/sign-in/code", {"code": "000000"})
    assert wrong.status_code == 422
    assert "Mã không đúng" in wrong.text
    done = outsider.post("/sign-in/code", {"code": phone.at(clock()), "next": "/bulletins"})
    assert done.headers["Location"] == "/bulletins"
    page = outsider.get("/account").text
    assert "Edge trên Windows" not in page  # the second step was made by another browser's words
    assert "có xác thực hai lớp" in page
    outsider.token_of("/account")
    outsider.post("/sign-out")
    signed_in(outsider, home)
    outsider.token_of("/sign-in/code")
    assert outsider.post("/sign-in/code", {"code": paper[0]}).status_code == 303
    assert "Còn 9" in outsider.get("/account/second-factor").text


def test_the_first_step_is_soon_forgotten_and_ends_with_the_password(app_of, as_, outsider, home, clock, database):
    phone, _ = app_of("owner")
    signed_in(outsider, home)
    outsider.token_of("/sign-in/code")
    clock.forward(minutes=6)
    late = outsider.post("/sign-in/code", {"code": phone.at(clock())})
    assert late.headers["Location"].startswith("/sign-in?")
    signed_in(outsider, home)
    outsider.token_of("/sign-in/code")
    with database.write() as session:
        person = session.get_one(Person, home.people["owner"])
        people.reset_password(session, system_actor(), person, clock())
    assert outsider.post("/sign-in/code", {"code": phone.at(clock())}).status_code in {302, 401}
    assert outsider.get("/").status_code == 302


def test_the_second_step_alone_opens_nothing(app_of, outsider, clock):
    phone, _ = app_of("owner")
    outsider.token_of("/sign-in")
    answer = outsider.post("/sign-in/code", {"code": phone.at(clock())})
    assert answer.headers["Location"].startswith("/sign-in")
    assert outsider.get("/").status_code == 302


def test_guessing_codes_at_the_door_is_slowed_down(app_of, outsider, home, clock):
    phone, _ = app_of("owner")
    signed_in(outsider, home)
    outsider.token_of("/sign-in/code")
    for _ in range(5):
        assert outsider.post("/sign-in/code", {"code": "000000"}).status_code == 422
    assert "Nhập sai mã quá nhiều lần" in outsider.post("/sign-in/code", {"code": phone.at(clock())}).text


def test_new_codes_and_switching_off_ask_for_a_code(app_of, as_, home, clock):
    phone, _ = app_of("owner")
    browser = as_("owner")
    assert browser.post("/account/second-factor/codes", {"code": "000000"}).status_code == 422
    assert browser.post("/account/second-factor/codes", {"code": phone.at(clock())}).status_code == 201
    clock.forward(seconds=30)
    password = home.passwords["owner"]
    wrong = browser.post("/account/second-factor/off", {"password": "sai", "code": phone.at(clock())})
    assert wrong.status_code == 422
    assert (
        browser.post("/account/second-factor/off", {"password": password, "code": phone.at(clock())}).status_code == 303
    )
    assert browser.post("/account/second-factor/codes", {"code": phone.at(clock())}).status_code == 404


def test_an_administrator_takes_it_away_and_the_person_is_told_when_they_sign_in(app_of, as_, outsider, home):
    app_of("owner")
    path = f"/people/{home.people['owner']}/reset-factor"
    assert as_("approver").post(path).status_code in {403, 404}
    assert as_("administrator").post(path).status_code == 303
    assert signed_in(outsider, home).headers["Location"] == "/"
    assert "Phạm Thị Quản đã gỡ xác thực hai lớp của bạn" in outsider.get("/").text
    assert "đã gỡ xác thực" not in outsider.get("/").text


def test_a_role_that_needs_a_second_factor_leads_to_setting_it_up(app_of, as_, outsider, home):
    unit = home.units["75.1"]
    rule = f"/people/rights/{unit}/rule"
    assert as_("administrator").post(rule, {"roles": ["writer", "approver"]}).status_code == 303
    assert signed_in(outsider, home).headers["Location"] == "/account/second-factor"
    for path in ("/", "/bulletins", "/account", "/account/tokens/new"):
        assert outsider.get(path).headers["Location"] == "/account/second-factor", path
    outsider.token_of("/account/second-factor")
    app_of("owner", outsider)
    assert outsider.get("/bulletins").status_code == 200


def test_a_browser_is_signed_out_from_another_one(as_, outsider, home, clock):
    here, there = as_("owner"), outsider
    signed_in(there, home)
    page = here.get("/account").text
    assert "Edge trên Windows" in page
    assert "Trình duyệt này" in page
    end = re.search(r'action="(/account/sessions/se_[^"]+/end)"', page)[1]
    assert as_("approver").post(end).status_code == 404
    assert there.get("/").status_code == 200
    assert here.post(end).status_code == 303
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200
    signed_in(there, home)
    assert here.post("/account/sessions/others/end").status_code == 303
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_a_cookie_after_signing_out_is_worth_nothing(outsider, home, app):
    signed_in(outsider, home)
    kept = outsider.client.get_cookie("loa").value
    outsider.token_of("/account")
    outsider.post("/sign-out")
    thief = app.test_client()
    thief.set_cookie("loa", kept)
    assert thief.get("/").status_code == 302


def test_looking_at_pages_writes_at_most_every_five_minutes(as_, database, clock):
    browser, written = as_("owner"), []
    write = database.write_if_free
    database.write_if_free = lambda: written.append(1) or write()
    database.write = None
    for _ in range(5):
        browser.get("/bulletins")
        clock.forward(seconds=60)
    assert written == []
    browser.get("/bulletins")
    browser.get("/bulletins")
    assert written == [1]


def test_a_token_is_made_with_a_scope_shown_once_and_ended(as_, app, home):
    browser = as_("owner")
    answer = browser.post("/account/tokens/new", {"label": "Thời tiết", "scope": ["read"], "days": "30"})
    assert answer.status_code == 201
    token = re.search(r'id="token-once">([^<]+)<', answer.text)[1]
    headers = {"Authorization": f"Bearer {token}"}
    client = app.test_client()
    assert client.get("/api/v1/bulletins", headers=headers).status_code == 200
    body = {"unit": "75.1", "title": "x", "text": "xin chào", "field": "general"}
    assert client.post("/api/v1/bulletins", json=body, headers=headers).status_code == 403
    listed = client.get("/api/v1/tokens", headers=headers).get_json()["items"]
    assert [(each["label"], each["scope"]) for each in listed] == [("Thời tiết", ["read"])]
    assert client.post(f"/api/v1/tokens/{listed[0]['id']}/revoke", headers=headers).status_code == 403
    page = browser.get("/account").text
    assert token not in page
    assert "chỉ xem" in page
    assert "dùng lần cuối" in page
    assert "Thời tiết" in as_("administrator").get(f"/people/{home.people['owner']}").text
    end = re.search(r'action="(/account/tokens/tk_[^"]+/revoke)"', page)[1]
    assert as_("stranger").post(end).status_code == 404
    assert browser.post(end).status_code == 303
    assert client.get("/api/v1/bulletins", headers=headers).status_code == 401
    assert browser.post("/account/tokens/new", {"label": "x", "days": "9999"}).status_code == 422


def test_an_invited_person_opens_the_link_and_signs_in(as_, outsider, home):
    form = {"name": "Hồ Thị Mời", "role": "writer", "unit": home.units["75.1"], "email": "moi@example.org"}
    answer = as_("administrator").post("/people/invite", form, headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 201
    link = re.search(r'id="link-once">([^<]+)<', answer.text)[1]
    assert link.startswith("/welcome/hi_")
    assert "evil.example" not in answer.text
    assert "Hồ Thị Mời" in as_("administrator").get("/people").text
    assert "Chào mừng Hồ Thị Mời" in outsider.get(link).text
    outsider.token_of(link)
    choice = {"username": "ho.moi", "new": GOOD, "again": GOOD}
    for wrong in (
        {"again": "khác hẳn rồi"},
        {"new": "matkhau123", "again": "matkhau123"},
        {"username": "Hồ Mời"},
        {"username": "owner"},
    ):
        refused = outsider.post(link, {**choice, **wrong})
        assert refused.status_code in {409, 422}, wrong
    assert outsider.post(link, choice).headers["Location"] == "/sign-in"
    assert outsider.get(link).status_code == 404
    assert signed_in(outsider, home, "ho.moi", GOOD).headers["Location"] == "/"
    assert "Hồ Thị Mời" in outsider.get("/").text


def test_a_link_for_a_new_password_and_an_invitation_taken_back(as_, outsider, home):
    administrator = as_("administrator")
    answer = administrator.post(f"/people/{home.people['owner']}/password-link")
    link = re.search(r'id="link-once">([^<]+)<', answer.text)[1]
    outsider.token_of(link)
    assert outsider.post(link, {"new": GOOD, "again": GOOD}).status_code == 303
    assert signed_in(outsider, home, "owner", GOOD).status_code == 303
    assert "đã tạo đường dẫn đặt mật khẩu mới" in outsider.get("/").text
    form = {"name": "Ai Đó", "role": "viewer", "unit": home.units["75.1"]}
    link = re.search(r'id="link-once">([^<]+)<', administrator.post("/people/invite", form).text)[1]
    back = re.search(r"/people/invitations/iv_\w+/revoke", administrator.get("/people").text)[0]
    assert administrator.post(back).status_code == 303
    assert outsider.get(link).status_code == 404


def test_links_are_whole_where_the_installation_knows_its_address(settings, database, home, clock):
    from web.app import create_app

    known = settings.model_copy(update={"public_url": "https://loa.xa.vn/"})
    administrator = Browser(create_app(known, database, clock=clock, testing=True), home, "administrator")
    answer = administrator.post(
        f"/people/{home.people['owner']}/password-link", headers={"X-Forwarded-Host": "evil.example"}
    )
    assert 'id="link-once">https://loa.xa.vn/welcome/hi_' in answer.text


def test_who_may_do_what_is_shown_for_a_unit(as_, home):
    page = as_("administrator").get(f"/people/rights?unit={home.units['75.1.1']}").text
    assert "Những ai được làm việc tại Thôn Đông" in page
    assert "Trần Văn Duyệt" in page
    assert "Người Lạ" not in page
    assert as_("strange-administrator").get(f"/people/rights?unit={home.units['75.1.1']}").status_code == 404
    assert as_("approver").get("/people/rights").status_code == 403


def test_the_log_is_searched_and_taken_along(as_, home, approved):
    administrator = as_("administrator")
    page = administrator.get("/audit?act=bulletin.approve").text
    assert "Trần Văn Duyệt" in page
    assert "Nguyễn Thị Viết" not in page
    assert approved in administrator.get("/audit?person=viết").text
    assert "Không tìm thấy mục nào." in administrator.get("/audit?from=2030-01-01").text
    assert administrator.get("/audit?unit=nowhere").status_code == 422
    assert administrator.get("/audit?before=x").status_code == 422
    assert administrator.get("/audit?from=x").status_code == 422
    lines = [json.loads(line) for line in administrator.get("/audit/log.jsonl").text.splitlines()]
    assert [each["at"] for each in lines] == sorted((each["at"] for each in lines), reverse=True)
    assert any(each["action"] == "bulletin.approve" for each in lines)
    table = administrator.get("/audit/log.csv?act=bulletin.approve")
    assert table.headers["Content-Disposition"].endswith('nhat-ky.csv"')
    assert table.data.startswith(b"\xef\xbb\xbfnumber,at,actor")
    assert table.text.count("\r\n") == 2
    assert "bulletin.approve" not in as_("strange-administrator").get("/audit/log.jsonl").text
    assert as_("approver").get("/audit/log.csv").status_code == 403
    assert as_("strange-administrator").get(f"/audit/log.csv?unit={home.units['75.1']}").status_code == 404


def test_a_spreadsheet_finds_no_formula_in_the_log(outsider, as_, home, root):
    outsider.token_of("/sign-in")
    outsider.post("/sign-in", {"username": "=HYPERLINK(1)", "password": "x"})
    assert ",'=HYPERLINK(1)," in root.get("/audit/log.csv").text


@pytest.fixture
def root(app, home, database, clock):
    """The administrator of the whole installation."""
    from core.ids import new_id
    from registry.models import Grant

    with database.write() as session:
        person, _ = people.create(
            session,
            system_actor(),
            username="root",
            name="Gốc",
            unit=units.find(session, system_actor(), "75"),
            role=Role.VIEWER,
            now=clock(),
        )
        session.add(Grant(id=new_id("gt"), person_id=person.id, unit_id=None, role=Role.ADMINISTRATOR.value))
        home.people["root"] = person.id
    return Browser(app, home, "root")


def test_the_chain_is_checked_from_the_panel_by_who_administers_everything(root, as_, database, approved):
    assert root.post("/audit/check").status_code == 303
    assert "Chuỗi nhật ký nguyên vẹn" in root.get("/audit").text
    assert re.search(r"<code>\d+:[0-9a-f]{64}</code>", root.get("/audit").text)
    with database.write() as session:
        session.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE action = 'bulletin.approve'"))
    root.post("/audit/check", {"anew": "1"})
    assert "Chuỗi nhật ký bị đứt tại mục số" in root.get("/audit").text
    assert as_("administrator").post("/audit/check").status_code == 403
    assert "/audit/check" not in as_("administrator").get("/audit").text


def test_pages_of_accounts_carry_no_secret_twice(app_of, as_, home, database):
    app_of("owner")
    with database.read() as session:
        unit = units.find(session, system_actor(), "75.1")
        assert factor_rules.at(session, unit)[0] == frozenset()
    for path in ("/account", "/account/second-factor", "/account/tokens/new"):
        page = as_("owner").get(path)
        assert page.status_code == 200
        assert "factor-secret" not in page.text
        assert page.headers["Cache-Control"] == "no-store"
        assert TOKEN.search(page.text)
