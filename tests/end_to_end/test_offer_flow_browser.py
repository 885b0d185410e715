"""From a district's announcement to the loudspeakers of a commune, on phones: sent, proposed, taken, in the week."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from loopback import Network
from playwright.sync_api import Browser, Page, expect
from test_browser import Person

pytestmark = pytest.mark.processes

PLACES = (("79", "Tỉnh Sông Lam", None), ("79.1", "Huyện Thanh Sơn", "79"), ("79.1.1", "Xã Tân Hòa", "79.1"),
          ("79.1.2", "Xã Phú Lâm", "79.1"))  # fmt: skip
PEOPLE = (("lan", "Lê Thị Lan", "79.1", "approver"), ("nga", "Nguyễn Thị Nga", "79.1.1", "writer"),
          ("hung", "Trần Văn Hùng", "79.1.1", "approver"))  # fmt: skip


def settled(network: Network) -> dict[str, str]:
    """A district with two communes, a station in one of them; passwords of its people."""
    call = network.api.call
    for code, name, parent in PLACES:
        call(
            "POST",
            "/units",
            {"name": name, "code": code, "parent": parent} if parent else {"name": name, "code": code},
            201,
        )
    call("POST", "/stations", {"name": "Loa chợ", "unit": "79.1.1"}, 201)
    return {
        username: str(
            call("POST", "/people", {"username": username, "name": name, "unit": unit, "role": role}, 201)["password"]
        )
        for username, name, unit, role in PEOPLE
    }


def plain(page: Page) -> None:
    """Fits a phone, and speaks of no “slot”."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert "khung giờ" not in page.locator("main").inner_text().lower()


@pytest.mark.timeout(900)
def test_a_district_sends_to_all_its_communes_and_one_of_them_has_it_in_its_week(
    network: Network,
    browser: Browser,
) -> None:
    passwords, call = settled(network), network.api.call
    body = {
        "unit": "79.1",
        "title": "Tiêm phòng dại",
        "text": "Mời bà con đưa chó mèo đi tiêm phòng dại.",
        "field": "health",
    }
    bulletin = str(call("POST", "/bulletins", body, 201)["id"])
    call("POST", f"/bulletins/{bulletin}/submit", None, 200)

    def phone(who: str) -> Person:
        person = Person(browser, network.address, 360, 740)
        person.sign_in(who, passwords[who])
        return person

    district = phone("lan")
    page = district.page
    page.goto(f"{network.address}/approvals")
    page.locator(".yes button").click()
    expect(page.get_by_text("Không có bản tin nào chờ bạn duyệt.")).to_be_visible()
    page.goto(f"{network.address}/bulletins/{bulletin}/offer")
    plain(page)
    page.get_by_role("button", name="Gửi cho tất cả 2 đơn vị thuộc Huyện Thanh Sơn").click()
    expect(page.get_by_text("2 trên 2 đơn vị chưa trả lời.")).to_be_visible()

    writer = phone("nga")
    page = writer.page
    page.goto(f"{network.address}/offers")
    plain(page)
    page.get_by_role("link", name="Đề nghị nơi và giờ phát").click()
    expect(page.get_by_role("heading", name="Tiêm phòng dại")).to_be_visible()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date()
    page.locator("[name=when][value=time]").check()
    page.locator("[name=date]").fill(tomorrow.isoformat())
    page.locator("[name=times]").fill("17:00")
    expect(page.locator("#air-said")).to_contain_text("17:00")
    plain(page)
    page.get_by_role("button", name="Đề nghị như vậy").click()
    expect(page.get_by_text("Đã ghi đề nghị của bạn.")).to_be_visible()

    approver = phone("hung")
    page = approver.page
    page.goto(f"{network.address}/offers")
    expect(page.get_by_text("Nguyễn Thị Nga đã đề nghị nơi và giờ phát.")).to_be_visible()
    plain(page)
    page.get_by_role("button", name="Nhận theo đề nghị").click()
    expect(page.get_by_text("Đã nhận và đưa vào lịch phát đúng như đề nghị.")).to_be_visible()
    plain(page)
    page.get_by_role("link", name="Xem trong lịch tuần").click()
    expect(page.get_by_text("Tiêm phòng dại").first).to_be_visible()

    page = district.page
    page.reload()
    expect(page.get_by_text("1 trên 2 đơn vị chưa trả lời.")).to_be_visible()
    expect(page.locator(".rows li").first).to_contain_text("Xã Phú Lâm")  # who has not answered comes first
    for person in (district, writer, approver):
        person.leave()
