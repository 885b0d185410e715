"""Coming in, going out, and what must not be possible on the way."""

import pytest


def sign_in(browser, username, password, following=""):
    browser.token_of("/sign-in")
    return browser.post("/sign-in", {"username": username, "password": password, "next": following})


def test_a_person_signs_in_and_sees_their_day(outsider, home):
    answer = sign_in(outsider, "owner", home.passwords["owner"])
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    assert "Xin chào, Nguyễn Thị Viết" in outsider.get("/").text


def test_a_page_asked_for_before_signing_in_comes_afterwards(outsider, home):
    sent_away = outsider.get("/bulletins?state=draft")
    assert sent_away.status_code == 302
    assert sent_away.headers["Location"] == "/sign-in?next=/bulletins?state%3Ddraft"
    answer = sign_in(outsider, "owner", home.passwords["owner"], "/bulletins?state=draft")
    assert answer.headers["Location"] == "/bulletins?state=draft"


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "/\tevil", "\\\\evil", "evil",
     "///evil.example", "/a\nb", "/\x00", "http:evil"],
)  # fmt: skip
def test_a_link_can_not_lead_elsewhere_after_signing_in(outsider, home, elsewhere):
    assert sign_in(outsider, "owner", home.passwords["owner"], elsewhere).headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_sentence(outsider, home):
    wrong = sign_in(outsider, "owner", "guess")
    unknown = sign_in(outsider, "nobody", "guess")
    sentence = "Tên đăng nhập hoặc mật khẩu không đúng."
    assert wrong.status_code == unknown.status_code == 401
    assert sentence in wrong.text
    assert sentence in unknown.text
    assert "guess" not in wrong.text


def test_guessing_is_slowed_down_even_for_the_right_password(outsider, home, clock):
    for _ in range(10):
        assert sign_in(outsider, "owner", "guess").status_code == 401
    refused = sign_in(outsider, "owner", home.passwords["owner"])
    assert refused.status_code == 429
    assert "Thử quá nhiều lần" in refused.text
    clock.forward(minutes=16)
    assert sign_in(outsider, "owner", home.passwords["owner"]).status_code == 303


def test_signing_out_ends_the_session(as_):
    browser = as_("owner")
    assert browser.post("/sign-out").status_code == 303
    assert browser.get("/").status_code == 302


def test_a_form_without_its_token_changes_nothing(as_, home, database):
    browser = as_("approver")
    browser.token = ""
    assert browser.post("/sign-out").status_code == 302
    assert browser.get("/").status_code == 200
    answer = browser.post("/bulletins/new", {"title": "Không mã", "text": "Chữ đã viết", "unit": home.units["75.1"]})
    assert answer.status_code == 400
    assert "Chữ đã viết" in answer.text
    assert "Không mã" not in browser.get("/bulletins").text


def test_a_person_changes_their_password_and_other_sessions_end(outsider, as_, home):
    other = as_("owner")
    sign_in(outsider, "owner", home.passwords["owner"])
    outsider.token_of("/password")
    new = {"old": home.passwords["owner"], "new": "một mật khẩu dài", "again": "một mật khẩu dài"}
    assert outsider.post("/password", {**new, "again": "khác"}).status_code == 422
    assert outsider.post("/password", {**new, "old": "sai"}).status_code == 422
    assert outsider.post("/password", {**new, "new": "ngắn", "again": "ngắn"}).status_code == 422
    assert outsider.post("/password", new).status_code == 303
    assert outsider.get("/").status_code == 200
    assert other.get("/").status_code == 302


def test_the_language_is_one_click_away_and_stays(outsider, home):
    assert "Đăng nhập" in outsider.get("/sign-in").text
    answer = outsider.get("/language/en?next=//evil.example")
    assert answer.headers["Location"] == "/"
    assert '<html lang="en">' in outsider.get("/sign-in").text
    sign_in(outsider, "owner", home.passwords["owner"])
    assert "Hello, Nguyễn Thị Viết" in outsider.get("/").text
    assert outsider.get("/language/xx").status_code == 404
