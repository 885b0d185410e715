"""Two people in a real browser: one writes and submits, the other approves and schedules, a station plays it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from loopback import Network, eventually
from playwright.sync_api import Browser, Page, expect

from core.clock import zone

pytestmark = pytest.mark.processes

VILLAGE = zone("Asia/Ho_Chi_Minh")
PATIENCE_MS = 180_000


class Person:
    """Somebody at a browser window of their own. Every address it asks for is noted."""

    def __init__(self, browser: Browser, address: str, width: int, height: int) -> None:
        self._context = browser.new_context(viewport={"width": width, "height": height}, locale="vi-VN")
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.address = address

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(self.address)
        self.page.get_by_label("Tên đăng nhập").fill(name)
        self.page.get_by_label("Mật khẩu").fill(password)
        self.page.get_by_role("button", name="Đăng nhập").click()
        expect(self.page.get_by_role("heading", name="Xin chào")).to_be_visible()

    def hears(self) -> None:
        """Play the clip on the page and see its time move on."""
        button = self.page.get_by_role("button", name="Nghe: Như sẽ phát")
        expect(button).to_be_visible(timeout=PATIENCE_MS)
        button.click()
        sound = self.page.locator("audio")
        eventually(lambda: sound.evaluate("sound => sound.currentTime") > 0.5, "the clip is heard")
        assert sound.evaluate("sound => sound.duration") > 3

    def leave(self) -> None:
        own = {urlsplit(self.address).netloc, ""}  # what was recorded in the page itself has no host
        assert self.hosts <= own, "a page asked another host"
        assert self.faults == []
        self._context.close()


@pytest.fixture
def people(network: Network, tmp_path: Path) -> dict[str, str]:
    """A commune with a writer, an approver and a station that plays; the passwords by name."""
    api = network.api
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    passwords = {}
    for username, name, role in (("nga", "Nguyễn Thị Nga", "writer"), ("hung", "Trần Văn Hùng", "approver")):
        body = {"username": username, "name": name, "unit": "79.101", "role": role}
        passwords[username] = api.call("POST", "/people", body, 201)["password"]
    made = api.call("POST", "/stations", {"name": "Loa chợ", "unit": "79.101"}, 201)
    home = tmp_path / "station"
    network.processes.loa(
        "station", "enrol", "--server", network.address, "--code", made["enrolment_code"], "--home", home
    )
    network.processes.start("station", "station", "run", "--home", home, "--output", "null")
    return passwords


@pytest.mark.timeout(900)
def test_a_notice_goes_from_the_writers_keyboard_over_the_approver_to_the_air(
    network: Network, browser: Browser, people: dict[str, str]
) -> None:
    writer = Person(browser, network.address, 1280, 900)
    writer.sign_in("nga", people["nga"])
    writer.page.get_by_role("link", name="Soạn bản tin").first.click()
    writer.page.get_by_label("Tiêu đề").fill("Tiêm chủng mở rộng")
    writer.page.get_by_label("Nội dung để đọc").fill(
        "Trạm y tế xã thông báo: sáng thứ bảy tổ chức tiêm chủng cho trẻ em. Mời bà con đưa trẻ đến đúng giờ."
    )
    writer.page.get_by_role("button", name="Nghe thử bản tin").click()
    writer.hears()
    assert writer.page.get_by_role("button", name="Duyệt", exact=True).count() == 0
    writer.page.get_by_role("button", name="Trình duyệt").click()
    expect(writer.page.get_by_text("Chờ duyệt").first).to_be_visible()
    writer.leave()

    approver = Person(browser, network.address, 360, 740)
    approver.sign_in("hung", people["hung"])
    page = approver.page
    page.get_by_role("link", name="Tiêm chủng mở rộng").click()
    approver.hears()
    page.get_by_role("button", name="Duyệt", exact=True).click()
    expect(page.get_by_text("Đã duyệt").first).to_be_visible()

    page.goto(f"{network.address}/programmes/new")
    page.locator("#title").fill("Bản tin sáng")
    page.locator("#new-bulletin").select_option(label=page.locator("#new-bulletin option").nth(1).inner_text())
    page.get_by_role("button", name="Thêm bản tin").click()
    page.get_by_role("button", name="Lưu chương trình").click()
    expect(page.get_by_role("heading", name="Bản tin sáng")).to_be_visible()

    starts = (datetime.now(UTC) + timedelta(seconds=80)).astimezone(VILLAGE).replace(second=0, microsecond=0)
    page.goto(f"{network.address}/slots/new")
    page.locator("#programme").select_option(index=0)
    page.locator("#date").fill(starts.strftime("%Y-%m-%d"))
    page.locator("#time").fill(starts.strftime("%H:%M"))
    page.get_by_role("checkbox", name="Xã Tân Hòa").check()
    page.locator("#look").click()
    expect(page.locator("#preview")).to_contain_text(starts.strftime("%H:%M"))
    page.locator("#preview button").click()
    expect(page.get_by_text("Bản tin sáng").first).to_be_visible()

    def is_played() -> Any:
        page.goto(f"{network.address}/log")
        return page.get_by_text("Đã phát: 1/1").count()

    eventually(is_played, "the log says that the station played it", 200)
    expect(page.get_by_role("link", name="Loa chợ")).to_be_visible()
    approver.leave()


def test_the_panel_speaks_vietnamese_and_english_is_a_click_away(
    network: Network, browser: Browser, people: dict[str, str]
) -> None:
    person = Person(browser, network.address, 360, 740)
    person.sign_in("nga", people["nga"])
    assert person.page.locator("html").get_attribute("lang") == "vi"
    person.page.get_by_role("link", name="English").or_(person.page.get_by_role("button", name="English")).click()
    assert person.page.locator("html").get_attribute("lang") == "en"
    expect(person.page.locator("main").get_by_text("Write a bulletin").first).to_be_visible()
    person.leave()
