"""The week at real browser windows: dragged by mouse, finger and keys, undone, copied, on a phone, on paper, in English."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from loopback import Network
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from core.clock import zone

pytestmark = pytest.mark.processes

VILLAGE = zone("Asia/Ho_Chi_Minh")
PATIENCE_MS = 120_000


class Sheet:
    """The week of a commune, open in a window of its own; what goes wrong in it is noted."""

    def __init__(self, browser: Browser, network: Network, password: str, week: str, **context: object) -> None:
        self.context: BrowserContext = browser.new_context(locale="vi-VN", **context)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.page.goto(network.api.base)
        self.page.fill("input[name=username]", "tam")
        self.page.fill("input[name=password]", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda address: "sign-in" not in address)
        self.address = f"{network.api.base}{week}"
        self.open()

    def open(self) -> None:
        self.page.goto(self.address)

    def block(self, day: int, words: str) -> Locator:
        return self.page.locator(f"[data-column='{day}'] .wk-block").filter(has_text=words)

    def goal(self, day: int, clock: int) -> tuple[float, float]:
        """The middle of a column at the beginning of an hour."""
        body = self.page.locator(f"[data-column='{day}'] .wk-body").bounding_box()
        hour = self.page.locator(f"[data-week-lines] [data-start='{clock * 60}']").bounding_box()
        assert body is not None
        assert hour is not None
        return body["x"] + body["width"] / 2, hour["y"] + 1

    def grip(self, block: Locator) -> tuple[float, float]:
        """A point near the upper edge of a block."""
        block.scroll_into_view_if_needed()
        box = block.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + 1

    def answer(self, which: str, button: str = "Dời") -> None:
        window = self.page.locator("[data-week-dialog]")
        expect(window).to_be_visible()
        window.get_by_label(which).check()
        window.get_by_role("button", name=button, exact=True).click()

    def leave(self) -> None:
        assert self.faults == []
        self.context.close()


def monday_after_next() -> datetime:
    """The Monday of the week after next, at noon: nothing of it is near."""
    today = datetime.now(UTC).astimezone(VILLAGE)
    return (today + timedelta(days=14 - today.weekday())).replace(hour=12, minute=0)


@pytest.fixture
def week(network: Network) -> tuple[str, str]:
    """A commune with a daily programme and one that sounds once; its week's address, and a password."""
    api, first = network.api, monday_after_next()
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    body = {"username": "tam", "name": "Lê Minh Tâm", "unit": "79.101", "role": "operator"}
    password = api.call("POST", "/people", body, 201)["password"]
    for title, clock, rule in (("Tin chiều", "17:00", "FREQ=DAILY"), ("Họp dân", "18:00", None)):
        text = {
            "unit": "79.101",
            "title": title,
            "text": f"{title}. Kính mời bà con.",
            "language": "vi",
            "field": "general",
        }
        bulletin = api.call("POST", "/bulletins", text, 201)["id"]
        made = api.call(
            "POST", "/programmes", {"unit": "79.101", "title": title, "items": [{"bulletin": bulletin}]}, 201
        )
        day = first if rule else first + timedelta(days=1)
        slot = {"programme": made["id"], "starts": f"{day:%Y-%m-%d}T{clock}", "for": ["unit:79.101"]}
        api.call("POST", "/slots", slot | ({"rrule": rule} if rule else {}), 201)
    return f"/week?unit=79.101&from={first:%Y-%m-%d}", password


@pytest.mark.timeout(900)
def test_a_block_is_dragged_by_mouse_keys_and_finger_and_undone(
    network: Network, browser: Browser, week: tuple[str, str]
) -> None:
    address, password = week
    sheet = Sheet(browser, network, password, address, viewport={"width": 1280, "height": 900}, has_touch=True)
    page = sheet.page

    # By mouse, one day on and an hour later: only this one.
    page.mouse.move(*sheet.grip(sheet.block(3, "Tin chiều")))
    page.mouse.down()
    page.mouse.move(*sheet.goal(4, 18), steps=8)
    page.mouse.up()
    expect(page.locator("[data-week-dialog]")).to_contain_text("Không vướng gì")
    sheet.answer("Chỉ lần này")
    expect(sheet.block(3, "Tin chiều")).to_have_count(0)
    expect(sheet.block(4, "Tin chiều")).to_have_count(2)
    expect(sheet.block(4, "18:00")).to_have_count(1)
    page.get_by_role("button", name="Hoàn tác").click()
    expect(page.get_by_text("Đã hoàn tác")).to_be_visible()
    expect(sheet.block(3, "17:00")).to_have_count(1)
    expect(sheet.block(4, "Tin chiều")).to_have_count(1)

    # By keys: ten minutes later, this and the following; Escape leaves another where it was.
    block = sheet.block(5, "Tin chiều")
    block.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator("[data-week-dialog]")).not_to_be_visible()
    block.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    sheet.answer("Lần này và các lần sau")
    expect(sheet.block(5, "17:10")).to_have_count(1)
    expect(sheet.block(7, "17:10")).to_have_count(1)
    expect(sheet.block(4, "17:00")).to_have_count(1)
    page.get_by_role("button", name="Hoàn tác").click()
    expect(sheet.block(7, "17:00")).to_have_count(1)

    # By finger, held still first: onto what stands there is told before anything is saved.
    x, y = sheet.grip(sheet.block(2, "Tin chiều"))
    finger = sheet.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect(page.locator(".wk-block.lifted")).to_have_count(1)
    x, y = sheet.goal(2, 18)
    finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    window = page.locator("[data-week-dialog]")
    expect(window).to_contain_text("đã phát “Họp dân”")
    expect(window.get_by_role("button", name="Dời", exact=True)).to_be_disabled()
    page.keyboard.press("Escape")
    expect(window).not_to_be_visible()
    sheet.leave()


@pytest.mark.timeout(900)
def test_a_week_is_copied_printed_on_one_page_and_read_on_a_phone_in_english(
    network: Network, browser: Browser, week: tuple[str, str]
) -> None:
    address, password = week
    sheet = Sheet(browser, network, password, address, viewport={"width": 1280, "height": 900})
    page = sheet.page
    pages = re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(prefer_css_page_size=True))
    assert len(pages) == 1

    page.get_by_role("link", name="Chép tuần này").click()
    expect(page.get_by_label("Họp dân")).to_be_checked()
    expect(page.get_by_text("Tuần đó đã có.")).to_have_count(7)
    page.get_by_role("button", name="Chép các mục đã đánh dấu").click()
    expect(page.get_by_text("Đã chép vào tuần này 1 lần phát")).to_be_visible()
    expect(sheet.block(2, "Họp dân")).to_have_count(1)
    page.get_by_role("button", name="Hoàn tác").click()
    expect(sheet.block(2, "Họp dân")).to_have_count(0)
    sheet.leave()

    phone = Sheet(browser, network, password, address, viewport={"width": 360, "height": 740}, has_touch=True)
    page = phone.page
    page.goto(f"{network.api.base}/language/en?next={address.replace('&', '%26')}")
    expect(page.get_by_role("heading", name=re.compile("^Week"))).to_be_visible()
    expect(page.locator(".wk-day:visible")).to_have_count(1)  # one day at a time
    page.get_by_role("group", name="Days").get_by_role("button").nth(1).tap()
    block = page.locator("[data-column='2'] .wk-block").filter(has_text="Họp dân")
    expect(block).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    block.tap()
    window = page.locator("[data-week-dialog]")
    expect(window).to_contain_text("Move to another time")
    window.get_by_role("link", name="Move to another time").tap()
    window.get_by_label("New time").fill("16:30")
    window.get_by_role("button", name="Look what it would meet").tap()
    expect(window).to_contain_text("Nothing stands against it.")
    window.get_by_role("button", name="Move it").tap()
    expect(page.locator("[data-column='2'] .wk-block").filter(has_text="16:30")).to_be_visible()
    phone.leave()


@pytest.mark.timeout(900)
def test_without_scripts_all_of_it_is_links_and_forms(
    network: Network, browser: Browser, week: tuple[str, str]
) -> None:
    address, password = week
    sheet = Sheet(
        browser, network, password, address, viewport={"width": 1280, "height": 900}, java_script_enabled=False
    )
    page = sheet.page
    top = [sheet.block(day, "Tin chiều").bounding_box() for day in (1, 7)]
    assert top[0] is not None
    assert top[1] is not None
    assert abs(top[0]["y"] - top[1]["y"]) < 1
    assert top[0]["x"] < top[1]["x"]
    sheet.block(6, "Tin chiều").click()
    page.get_by_role("link", name="Dời sang giờ khác").click()
    page.get_by_label("Giờ mới").fill("15:20")
    page.get_by_role("button", name="Xem có vướng gì không").click()
    page.get_by_label("Tất cả các lần sắp tới").check()
    page.get_by_role("button", name="Dời", exact=True).click()
    expect(sheet.block(1, "15:20")).to_have_count(1)
    expect(sheet.block(7, "15:20")).to_have_count(1)
    sheet.leave()
