"""The page of what is on air in real browsers: it changes by itself when a station speaks, on a phone and at a desk."""

import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from loopback import Network, eventually
from playwright.sync_api import Browser, Page, expect
from test_browser import PATIENCE_MS, VILLAGE, Person

from core.clock import format_instant

pytestmark = pytest.mark.processes

TEXT = "Trạm y tế xã thông báo: sáng thứ bảy tổ chức tiêm chủng cho trẻ em. Mời bà con đưa trẻ đến đúng giờ. " * 30
SLOW_SECONDS = 12.0  # without a stream the page would ask every 15: on a quick machine it takes one or two


class Station:
    """A station as the server hears it: a token, and what it says."""

    def __init__(self, network: Network, made: dict[str, Any]) -> None:
        self._network = network
        device = {"code": made["enrolment_code"], "device": {"serial": "1", "model": "t", "software": "1"}}
        self.token = network.api.call("POST", "/enrol", device, 201)["token"]

    def says(self, path: str, body: dict[str, Any]) -> None:
        answer = self._network.api._pool.request(
            "POST", f"{self._network.address}/api/v1{path}", json=body,
            headers={"Authorization": f"Bearer {self.token}", "Connection": "close"},
        )  # fmt: skip
        assert answer.status in {200, 204}, answer.data

    def beats(self, **said: Any) -> None:
        until = format_instant(datetime.now(UTC) + timedelta(days=2))
        self.says("/heartbeat", {"volume": 70, "clock_offset_ms": 1.0, "ready_until": until, **said})


@pytest.fixture
def village(network: Network) -> tuple[Network, str, list[Station], dict[str, Any]]:
    """A commune with two stations and its evening news, which begin within the minute; the approver's password."""
    call = network.api.call
    call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    body = {"username": "hung", "name": "Trần Văn Hùng", "unit": "79.101", "role": "approver"}
    password = call("POST", "/people", body, 201)["password"]
    made = call("POST", "/stations", [{"name": f"Loa {number}", "unit": "79.101"} for number in range(2)], 201)
    stations = [Station(network, each) for each in (made["items"] if isinstance(made, dict) else made)]
    bulletin = call("POST", "/bulletins", {"unit": "79.101", "title": "Tiêm chủng", "text": TEXT}, 201)["id"]
    call("POST", f"/bulletins/{bulletin}/submit", {}, 200)
    call("POST", f"/bulletins/{bulletin}/approve", {}, 200)
    programme = call(
        "POST", "/programmes", {"unit": "79.101", "title": "Bản tin chiều", "items": [{"bulletin": bulletin}]}
    )
    starts = (datetime.now(UTC) + timedelta(seconds=60)).astimezone(VILLAGE)
    wish = {"programme": programme["id"], "starts": starts.strftime("%Y-%m-%dT%H:%M:%S"), "for": ["unit:79.101"]}
    call("POST", "/slots", wish, 201)

    def airing() -> Any:
        found = call("GET", "/airings?unit=79.101")["items"]
        signed = [each for each in found if each["state"] in {"issued", "on_air"}]  # before that it may get another id
        return next((each for each in signed if each["title"] == "Bản tin chiều"), None)

    for station in stations:
        station.beats()
    return network, password, stations, eventually(airing, "the airing is signed")


def at(page: Page, standing: str, count: int) -> Any:
    chip = page.locator(f'[data-air]:has-text("Bản tin chiều") [data-standing="{standing}"]').first
    return expect(chip.locator("b")).to_have_text(str(count), timeout=PATIENCE_MS)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.timeout(900)
def test_the_page_follows_the_stations_by_itself_on_a_phone_and_at_a_desk_in_both_languages(
    village: tuple[Network, str, list[Station], dict[str, Any]], browser: Browser
) -> None:
    network, password, stations, airing = village
    phone, desk = Person(browser, network.address, 360, 740), Person(browser, network.address, 1280, 900)
    for person in (phone, desk):
        person.sign_in("hung", password)
    write = phone.page.locator(".today-write")
    expect(write).to_be_in_viewport(ratio=1)  # the large button is seen without scrolling
    assert fits(phone.page)
    assert phone.page.locator(".bar > a, .bar > .menu > summary").count() == 5
    desk.page.get_by_role("link", name="English").click()
    assert desk.page.locator(".nav-first > li").count() <= 8
    for person in (phone, desk):
        person.page.goto(f"{network.address}/on-air")
        expect(person.page.locator("[data-air-events]")).to_have_attribute("data-live", "1", timeout=PATIENCE_MS)
    # The programme begins while the page is open.
    for person in (phone, desk):
        live = person.page.locator('.air.live:has-text("Bản tin chiều")')
        expect(live).to_be_visible(timeout=PATIENCE_MS)
        assert fits(person.page)

    begun = time.monotonic()
    stations[0].beats(playing=airing["id"], item=0)
    at(phone.page, "playing", 1)
    assert time.monotonic() - begun < SLOW_SECONDS
    at(desk.page, "playing", 1)
    expect(desk.page.get_by_text("1 of 2 stations have begun")).to_be_visible()
    expect(phone.page.get_by_text("1 trên 2 cụm loa đã phát")).to_be_visible()

    # Seconds are counted in the browser.
    left = phone.page.locator("[data-left]").first
    before = left.inner_text()
    eventually(lambda: left.inner_text() != before, "the clock of the programme moves")

    now = datetime.now(UTC)
    report = {
        "id": str(uuid.uuid4()), "airing": airing["id"], "item": 0, "outcome": "missed", "reason": "no_audio",
        "started_at": format_instant(now), "ended_at": format_instant(now), "seconds": 0, "volume": 70,
    }  # fmt: skip
    stations[1].says("/reports", {"reports": [report]})
    at(phone.page, "missed", 1)

    emergency = {"unit": "79.101", "text": "Lũ về, bà con lên cao ngay. " * 40, "for": ["unit:79.101"]}
    network.api.call("POST", "/emergencies", emergency, 201)
    stations[0].beats()  # it plays the programme no more
    expect(phone.page.get_by_text("Đang nhường cho").first).to_be_visible(timeout=PATIENCE_MS)
    expect(desk.page.get_by_text("Gives way to").first).to_be_visible(timeout=PATIENCE_MS)

    desk.page.locator('[data-air]:has-text("Bản tin chiều") a').first.click()
    expect(desk.page.get_by_role("link", name="Loa 1")).to_be_visible()
    expect(desk.page.get_by_text(re.compile("missed")).first).to_be_visible()
    assert fits(desk.page)

    # Whoever signs out elsewhere is told nothing any more.
    expect(phone.page.locator("[data-air-events]")).to_have_attribute("data-live", "1")
    other = phone._context.new_page()
    other.goto(network.address)
    other.locator(".bar .menu summary").click()
    other.locator(".bar").get_by_role("button", name="Đăng xuất").click()
    expect(phone.page.locator("[data-air-events]")).not_to_have_attribute("data-live", "1", timeout=PATIENCE_MS)
    assert desk.faults == []
