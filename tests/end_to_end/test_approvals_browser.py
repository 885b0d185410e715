"""Approving with one hand on a phone, also when the network goes away; and one announcement for many communes."""

import pytest
from loopback import Network
from playwright.sync_api import Browser, expect
from test_browser import Person

pytestmark = pytest.mark.processes

THUMB = 0.6  # of the screen's height: what is decided lies below that


def settled(network: Network) -> dict[str, str]:
    """A province with two communes; passwords of its editor and of the communes' approvers."""
    call = network.api.call
    call("POST", "/units", {"name": "Tỉnh Sông Lam", "code": "79"}, 201)
    for code, name in (("79.1", "Xã Tân Hòa"), ("79.2", "Xã Phú Lâm")):
        call("POST", "/units", {"name": name, "code": code, "parent": "79"}, 201)
    people = (("editor", "Biên Tập", "79"), ("hung", "Trần Văn Hùng", "79.1"), ("mai", "Đỗ Thị Mai", "79.2"))
    return {
        username: str(
            call("POST", "/people", {"username": username, "name": name, "unit": unit, "role": "approver"}, 201)[
                "password"
            ]
        )
        for username, name, unit in people
    }


def bulletin(network: Network, unit: str, title: str, *, approved: bool = False) -> str:
    call = network.api.call
    body = {"unit": unit, "title": title, "text": f"{title}: mời bà con chú ý nghe.", "field": "general"}
    identity = str(call("POST", "/bulletins", body, 201)["id"])
    call("POST", f"/bulletins/{identity}/submit", None, 200)
    if approved:
        call("POST", f"/bulletins/{identity}/approve", None, 200)
    return identity


@pytest.mark.timeout(900)
def test_the_chairwoman_approves_with_one_hand_and_nothing_is_lost_without_a_network(
    network: Network, browser: Browser
) -> None:
    passwords = settled(network)
    first, second = (bulletin(network, "79.1", title) for title in ("Họp thôn", "Tiêm chủng"))
    person = Person(browser, network.address, 360, 740)
    person.sign_in("hung", passwords["hung"])
    page = person.page
    page.goto(f"{network.address}/approvals")
    expect(page.locator("#queue-title")).to_have_text("Họp thôn")
    yes = page.locator(".yes button")
    box = yes.bounding_box()
    assert box is not None
    assert box["y"] > 740 * THUMB
    assert box["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.context.set_offline(True)
    yes.click()
    expect(page.locator(".thumb-told")).to_contain_text("mất mạng")
    expect(yes).to_have_text("Gửi lại")
    page.context.set_offline(False)
    person.faults.clear()  # what the browser itself says of a network that is away
    yes.click()
    expect(page.locator("#queue-title")).to_have_text("Tiêm chủng")  # the next comes by itself
    assert network.api.call("GET", f"/bulletins/{first}", None, 200)["state"] == "approved"
    page.locator("[data-return] summary").click()
    page.locator(".chip").first.click()
    page.locator("#reason").fill("Ghi rõ giờ.")
    page.get_by_role("button", name="Trả lại người viết").click()
    expect(page.get_by_text("Không có bản tin nào chờ bạn duyệt.")).to_be_visible()
    returned = network.api.call("GET", f"/bulletins/{second}", None, 200)
    assert returned["state"] == "rejected"
    assert returned["reason"].endswith("Ghi rõ giờ.")
    person.leave()


@pytest.mark.timeout(900)
def test_the_editor_sends_to_every_commune_at_once_and_sees_who_has_taken_it(
    network: Network, browser: Browser
) -> None:
    passwords = settled(network)
    sent = bulletin(network, "79", "Phòng chống bão", approved=True)
    own = bulletin(network, "79.1", "Của xã", approved=True)
    network.api.call(
        "POST", "/programmes", {"unit": "79.1", "title": "Bản tin chiều", "items": [{"bulletin": own}]}, 201
    )
    editor = Person(browser, network.address, 1280, 900)
    editor.sign_in("editor", passwords["editor"])
    page = editor.page
    page.goto(f"{network.address}/language/en?next=/")
    page.goto(f"{network.address}/bulletins/{sent}/offer")
    page.get_by_role("button", name="Send to all 2 units").click()
    expect(page.get_by_text("Sent. Below you see what each unit makes of it.")).to_be_visible()
    expect(page.locator(".offer-counts")).to_contain_text("Waits for an answer 2")
    phone = Person(browser, network.address, 360, 740)
    phone.sign_in("hung", passwords["hung"])
    phone.page.goto(f"{network.address}/offers")
    expect(phone.page.locator("h2").first).to_have_text("Phòng chống bão")
    assert phone.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    phone.page.get_by_role("button", name="Nhận vào chương trình này").click()
    expect(phone.page.get_by_text("Đã nhận. Cấp trên nhìn thấy.")).to_be_visible()
    page.reload()
    expect(page.locator(".offer-counts")).to_contain_text("Taken 1")
    expect(page.get_by_text("Trần Văn Hùng")).to_be_visible()
    page.get_by_role("button", name="Remind those who have not answered").click()
    expect(page.get_by_text("Reminded on")).to_be_visible()
    phone.leave()
    editor.leave()
