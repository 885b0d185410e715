"""Writing in a real browser: nothing typed is lost, two people are told, a Word file, a template, a word corrected."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator

import pytest
from loopback import Network, eventually
from playwright.sync_api import Browser, Locator, Page, expect
from test_browser import PATIENCE_MS, Person

pytestmark = pytest.mark.processes

PHONE = 360, 740
DESK = 1280, 900
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
# What a browser says by itself of an answer that a page expects: the network away, and a text that was not saved over.
EXPECTED = re.compile(r"ERR_INTERNET_DISCONNECTED|ERR_NETWORK|status of 409|ERR_FAILED")


@pytest.fixture
def signed_in(network: Network, browser: Browser) -> Iterator[Callable[[str, tuple[int, int]], Person]]:
    """Signs one of two writers of a commune in; at the end nothing may have gone wrong in their windows."""
    network.api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    passwords = {}
    for username, name in (("nga", "Nguyễn Thị Nga"), ("lan", "Phạm Thị Lan")):
        body = {"username": username, "name": name, "unit": "79.101", "role": "writer"}
        passwords[username] = network.api.call("POST", "/people", body, 201)["password"]
    here: list[Person] = []

    def come(who: str, size: tuple[int, int]) -> Person:
        person = Person(browser, network.address, *size)
        here.append(person)
        person.sign_in(who, passwords[who])
        return person

    yield come
    for person in here:
        person.faults = [each for each in person.faults if not EXPECTED.search(each)]
        person.leave()


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def sees(place: Locator, words: str) -> None:
    """The words come to stand there, however long a slow machine takes."""
    expect(place).to_contain_text(words, timeout=PATIENCE_MS)


def document(*lines: str) -> bytes:
    box = io.BytesIO()
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines)
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>')
    return box.getvalue()


def again(person: Person) -> Page:
    """The same person opens another page after the one before was closed."""
    person.page.close()
    person.page = person._context.new_page()
    person.page.set_default_timeout(PATIENCE_MS)
    return person.page


@pytest.mark.timeout(600)
def test_what_is_typed_on_a_phone_outlives_the_page_the_network_and_going_back(
    network: Network, signed_in: Callable[[str, tuple[int, int]], Person]
) -> None:
    nga = signed_in("nga", PHONE)
    page = nga.page
    page.goto(f"{network.address}/bulletins/new")
    assert fits(page)
    page.locator("#title").fill("Họp thôn")
    page.locator("#text").fill("Mời bà con họp lúc 17h30.")
    sees(page.locator("[data-typing]"), "Đã giữ lúc")
    sees(page.locator("[data-estimate]"), "giây")
    page.reload()
    assert page.locator("#title").input_value() == "Họp thôn"

    page.locator("#text").press_sequentially(" Vội.")
    page = again(nga)  # closed before the rest was sent
    page.goto(f"{network.address}/bulletins/new")
    page.get_by_role("link", name="Dùng tiếp").click()
    eventually(lambda: "Vội." in page.locator("#text").input_value(), "the last words came with the closing page", 5)

    page.context.set_offline(True)
    page.locator("#title").fill("Họp thôn Đông")
    sees(page.locator("[data-typing]"), "vẫn giữ trên máy này")
    page = again(nga)
    page.context.set_offline(False)
    page.goto(f"{network.address}/bulletins/new")
    sees(page.locator("[data-local]"), "Họp thôn Đông")
    page.locator("[data-local-use]").click()
    assert page.locator("#title").input_value() == "Họp thôn Đông"
    assert "Vội." in page.locator("#text").input_value()
    sees(page.locator("[data-typing]"), "Đã giữ lúc")
    assert fits(page)

    page.get_by_role("button", name="Nghe thử bản tin").click()
    expect(page.get_by_role("heading", name="Họp thôn Đông")).to_be_visible(timeout=PATIENCE_MS)
    assert fits(page)
    page.go_back()
    eventually(lambda: page.locator("#title").input_value() == "Họp thôn Đông", "going back brings the text")


@pytest.mark.timeout(600)
def test_two_people_at_one_bulletin_are_told_and_neither_text_is_lost(
    network: Network, signed_in: Callable[[str, tuple[int, int]], Person]
) -> None:
    nga, lan = signed_in("nga", DESK), signed_in("lan", DESK)
    nga.page.goto(f"{network.address}/bulletins/new")
    nga.page.locator("#title").fill("Họp thôn")
    nga.page.locator("#text").fill("Bản đầu.")
    nga.page.get_by_role("button", name="Nghe thử bản tin").click()
    expect(nga.page.get_by_role("heading", name="Họp thôn")).to_be_visible(timeout=PATIENCE_MS)
    edit = nga.page.url.split("?")[0] + "/edit"
    nga.page.goto(edit)
    lan.page.goto(edit)
    sees(lan.page.locator("[data-presence]"), "Nguyễn Thị Nga đang sửa bản tin này từ")
    sees(nga.page.locator("[data-presence]"), "Phạm Thị Lan đang sửa bản tin này từ")

    lan.page.locator("#text").fill("Lan viết.")
    lan.page.get_by_role("button", name="Nghe thử bản tin").click()
    expect(lan.page.get_by_role("heading", name="Họp thôn")).to_be_visible(timeout=PATIENCE_MS)
    sees(nga.page.locator("[data-presence]"), "Phạm Thị Lan đã lưu bản tin này lúc")
    nga.page.locator("#text").fill("Nga viết.")
    nga.page.get_by_role("button", name="Nghe thử bản tin").click()
    sees(nga.page.locator("#theirs"), "Lan viết.")
    assert nga.page.locator("#text").input_value() == "Nga viết."
    nga.page.locator("#text").fill("Nga và Lan viết.")
    nga.page.get_by_role("button", name="Lưu nội dung của tôi").click()
    sees(nga.page.locator(".script").first, "Nga và Lan viết.")
    expect(nga.page.locator("details.more .script", has_text="Lan viết.").last).to_have_count(1, timeout=PATIENCE_MS)


@pytest.mark.timeout(600)
def test_a_word_file_a_template_and_a_corrected_word_in_english(
    network: Network, signed_in: Callable[[str, tuple[int, int]], Person]
) -> None:
    person = signed_in("nga", DESK)
    page = person.page
    page.goto(f"{network.address}/language/en?next=/bulletins/new")
    page.goto(f"{network.address}/bulletins/new")
    content = document("THÔNG BÁO", "Về việc cắt điện", "Từ 8h ngày 20/11, CLB XQZV nghỉ.")
    page.locator("#word").set_input_files({"name": "a.docx", "mimeType": "application/x", "buffer": content})
    expect(page.get_by_text("The text of “a.docx” is in the form.")).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator("#title").input_value() == "Thông báo về việc cắt điện"
    sees(page.locator("[data-typing]"), "Kept at")

    page.locator("#template").select_option("starter-meeting")
    page.get_by_role("button", name="Put it in").click()
    text = page.locator("#text")
    expect(text).to_have_value(re.compile(r"XQZV nghỉ\.\n\nKính thưa bà con"), timeout=PATIENCE_MS)
    sees(page.locator("[data-blanks-line]"), "[địa điểm]")
    text.evaluate("field => { field.focus(); field.setSelectionRange(0, 0); }")
    page.keyboard.press("Tab")
    page.keyboard.type("Hội nông dân")
    page.keyboard.press("Tab")
    selected = "field => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert text.evaluate(selected) == "[thành phần]"
    assert "Hội nông dân trân trọng" in text.input_value()
    text.fill("Từ 8h ngày 20/11, CLB XQZV nghỉ.")
    page.get_by_role("button", name="Listen to it").click()

    expect(page.get_by_role("heading", name="Thông báo về việc cắt điện")).to_be_visible(timeout=PATIENCE_MS)
    mark = page.locator("a.said.unknown")
    expect(mark).to_have_text("XQZV", timeout=PATIENCE_MS)
    mark.click()
    assert page.locator("#written").input_value() == "XQZV"
    assert page.locator("#spoken").input_value() == "ích qui dét vê"
    page.locator("#spoken").fill("xóm Quê")
    page.get_by_role("button", name="Keep it and speak anew").click()
    expect(page.get_by_text("is read as “xóm Quê” from now on")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("a.said.own")).to_have_attribute("data-spoken", "xóm Quê", timeout=PATIENCE_MS)
    assert fits(page)
