"""From a text to “sent for approval” in one flow: written, heard, where and when, sent; on a phone and on a desk."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from loopback import Network
from playwright.sync_api import Browser, Page, expect
from test_browser import Person

pytestmark = pytest.mark.processes

MOST_CLICKS = 6  # after signing in: write, go on, where and when, one or two choices, send


class Hand:
    """Clicks, counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.clicks += 1


def signed_in(person: Person, password: str) -> Page:
    page = person.page
    page.goto(person.address)
    page.locator("input[name=username]").fill("nga")
    page.locator("input[name=password]").fill(password)
    page.locator("input[name=password]").press("Enter")
    expect(page.locator("form[action$='/sign-out']").first).to_be_attached()
    return page


def settled(network: Network) -> str:
    call = network.api.call
    call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    call("POST", "/units", {"name": "Thôn Bến Đò", "code": "79.101.1", "parent": "79.101"}, 201)
    stations = [
        {"name": "Cụm loa chợ", "unit": "79.101", "latitude": 10.98, "longitude": 106.65},
        {"name": "Cụm loa bến", "unit": "79.101.1", "latitude": 10.99, "longitude": 106.66},
    ]
    call("POST", "/stations", stations, 201)
    body = {"username": "nga", "name": "Nguyễn Thị Nga", "unit": "79.101", "role": "writer"}
    return str(call("POST", "/people", body, 201)["password"])


def write(hand: Hand, address: str, title: str) -> None:
    """The text, and on to hearing it; the page of where and when is the next step."""
    page = hand.page
    page.goto(f"{address}/bulletins/new")
    page.locator("input[name=title]").fill(title)
    page.locator("textarea[name=text]").fill("Sáng thứ bảy tổ chức tiêm chủng cho trẻ em tại trạm y tế xã.")
    hand.click("main form button[name=step][value=save]:not(.first-button)")
    page.wait_for_url("**/bulletins/bu_*")
    hand.click(".steps a[href$='/air']")
    page.wait_for_url("**/air")


@pytest.mark.timeout(900)
def test_on_a_phone_a_repeated_time_in_words_is_understood_as_one_types_and_sent(
    network: Network, browser: Browser
) -> None:
    password = settled(network)
    person = Person(browser, network.address, 360, 740)
    page = signed_in(person, password)
    hand = Hand(page)
    write(hand, network.address, "Tiêm chủng mở rộng")
    page.locator("#words").fill("mỗi ngày 17:00, trừ Chủ nhật, đến 30/11/2099")
    expect(page.locator("#air-said")).to_contain_text("Mỗi ngày 17:00, trừ Chủ nhật, đến 30/11/2099")
    expect(page.locator("input[name=days][value=SU]")).not_to_be_checked()
    expect(page.locator("#air-check")).to_contain_text("2 cụm loa")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    hand.click("button[value=send]")
    page.wait_for_url(re.compile(r"/air\?sent=aw_"))
    expect(page.get_by_text("Đã gửi duyệt").first).to_be_visible()
    assert hand.clicks <= MOST_CLICKS
    page.get_by_role("button", name="Hoàn tác").click()
    expect(page.get_by_text("Đã hoàn tác").first).to_be_visible()
    person.leave()


@pytest.mark.timeout(900)
def test_at_a_desk_in_english_places_are_found_tapped_on_the_map_and_checked(
    network: Network, browser: Browser
) -> None:
    password = settled(network)
    person = Person(browser, network.address, 1280, 900)
    page = signed_in(person, password)
    hand = Hand(page)
    page.goto(f"{network.address}/language/en?next=/")
    write(hand, network.address, "Vaccination")
    page.locator("input[name=place][value=other]").check()
    page.locator("#q").fill("ben do")
    found = page.locator("#air-places").get_by_text("Thôn Bến Đò").first
    expect(found).to_be_visible()
    found.click()
    expect(page.locator("#air-chosen")).to_contain_text("Thôn Bến Đò")
    expect(page.locator("#air-check")).to_contain_text("1 stations in 1 places")
    page.locator("#air-map-fold summary").click()
    dots = page.locator("#air-map path.leaflet-interactive")
    expect(dots).to_have_count(2)
    for dot in dots.all():
        dot.click(force=True)
    expect(page.locator("#air-check")).to_contain_text("2 stations in 2 places")
    page.locator("input[name=when][value=time]").check()
    day = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")) + timedelta(days=9)
    page.locator("#date").fill(f"{day:%Y-%m-%d}")
    page.locator("#times").fill("9:30")
    expect(page.locator("#air-said")).to_contain_text(f"09:30, {day:%A} {day:%d/%m/%Y}")
    page.locator("button[value=send]").click()
    page.wait_for_url(re.compile(r"/air\?sent=aw_"))
    expect(page.get_by_text("Sent for approval").first).to_be_visible()
    person.leave()
