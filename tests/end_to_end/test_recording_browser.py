"""Recording, sending, seeing and hearing in a real browser, with a microphone that beeps once a second."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import launched
from loopback import Network, eventually
from playwright.sync_api import Browser, Locator, Page, expect
from test_browser import PATIENCE_MS, Person

from audio.deadline import Deadline
from audio.ffmpeg import decode

pytestmark = pytest.mark.processes

MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
PHONE = 360, 740
DESK = 1280, 900


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched(*MICROPHONE) as running:
        yield running


@pytest.fixture
def writer(network: Network, browser: Browser) -> Iterator[Callable[[tuple[int, int]], Person]]:
    """Signs the writer of a commune in at a window of some size; at the end nothing may have gone wrong there."""
    network.api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    body = {"username": "nga", "name": "Nguyễn Thị Nga", "unit": "79.101", "role": "writer"}
    password = network.api.call("POST", "/people", body, 201)["password"]
    here: list[Person] = []

    def signed_in(size: tuple[int, int]) -> Person:
        person = Person(browser, network.address, *size)
        here.append(person)
        person.sign_in("nga", password)
        return person

    yield signed_in
    for person in here:
        person.leave()


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the right."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def record(field: Locator, seconds: float) -> None:
    field.get_by_role("button", name="Ghi âm bằng micrô").click()
    time_told = field.locator("[data-time]")
    eventually(lambda: int(time_told.inner_text().split(":")[-1]) >= seconds, "it records")


def samples_of(content: bytes, folder: Path) -> "np.ndarray[Any, np.dtype[np.float32]]":
    file = folder / "heard.mp3"
    file.write_bytes(content)
    with file.open("rb") as opened, decode(opened, "mp3", Deadline(30), at_most_seconds=60) as decoding:
        return np.concatenate(list(decoding.blocks()))


@pytest.mark.timeout(720)
def test_a_notice_is_spoken_into_the_phone_and_sounds(
    network: Network, writer: Callable[[tuple[int, int]], Person], tmp_path: Path
) -> None:
    person = writer(PHONE)
    page = person.page
    page.goto(f"{network.address}/bulletins/new")
    field = page.locator("[data-recording]").first
    record(field, 1)
    meter = field.locator("[data-meter]")
    eventually(lambda: meter.get_attribute("data-word") in {"good", "loud"}, "the meter hears the beeps")
    assert fits(page)
    field.get_by_role("button", name="Tạm dừng").click()
    stopped = field.locator("[data-time]").inner_text()
    page.wait_for_timeout(1_200)  # a pause of more than a second does not count
    assert field.locator("[data-time]").inner_text() == stopped
    field.get_by_role("button", name="Ghi tiếp").click()
    eventually(lambda: int(field.locator("[data-time]").inner_text().split(":")[-1]) >= 3, "it goes on recording")
    field.get_by_role("button", name="Kết thúc").click()

    own = field.locator("[data-part=recorded] audio")
    field.get_by_role("button", name="Nghe: Bản ghi của bạn").click()
    eventually(lambda: own.evaluate("sound => sound.currentTime") > 0.3, "the writer hears it before it is sent")
    field.get_by_role("button", name="Dùng bản ghi này").click()
    expect(field.get_by_text("Giữ bản ghi âm")).to_be_visible()
    expect(field.get_by_role("button", name="Nghe: Như sẽ phát")).to_be_visible(timeout=PATIENCE_MS)
    assert fits(page)

    # A mistake elsewhere in the form does not cost the recording.
    page.get_by_label("Tiêu đề").fill("Họp thôn")
    page.locator("#more > summary").click()
    page.locator("#valid_until").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Nghe thử bản tin").click()
    expect(page.locator("#valid_until-wrong")).to_be_visible()
    assert [fault for fault in person.faults if "422" not in fault] == []
    person.faults.clear()  # the browser notes the refused form
    page.locator("#valid_until").fill("")
    page.get_by_role("button", name="Nghe thử bản tin").click()
    expect(page.get_by_role("heading", name="Họp thôn")).to_be_visible()
    expect(page.get_by_role("button", name="Nghe: Như sẽ phát")).to_be_visible(timeout=PATIENCE_MS)
    assert fits(page)

    clip_id = re.search(r"/clips/(cl_\w+)/", page.content())
    assert clip_id is not None
    clip = network.api.call("GET", f"/clips/{clip_id[1]}", status=200)
    assert clip["state"] == "ready"
    # Silence before the first and after the last beep is cut away, and a busy browser leaves sound out.
    assert 0.5 < clip["seconds"] < 6
    heard = samples_of(network.api.media(clip["clip"]["mp3"]["sha256"], "mp3"), tmp_path)
    assert np.abs(heard).max() > 0.1, "the beeps of the microphone are in the store's MP3"
    assert -20 < clip["lufs"] < -12

    page.get_by_role("button", name="Nghe: Như đã ghi").click()
    original = page.locator("audio").first
    eventually(lambda: original.evaluate("sound => sound.currentTime") > 0.3, "the original is heard")
    eventually(lambda: 2 < original.evaluate("sound => sound.duration") < 6, "and how long it is is found out")
    page.get_by_role("slider", name="Vị trí nghe: Như đã ghi").press("Home")
    eventually(lambda: original.evaluate("sound => sound.currentTime") < 2, "one can seek in it")


@pytest.mark.timeout(540)
def test_the_waveform_is_drawn_and_a_click_or_a_key_goes_there(
    network: Network, writer: Callable[[tuple[int, int]], Person]
) -> None:
    person = writer(DESK)
    page = person.page
    text = "Trạm y tế xã thông báo: sáng thứ bảy tổ chức tiêm chủng cho trẻ em. Mời bà con đưa trẻ đến đúng giờ."
    body = {"unit": "79.101", "title": "Tiêm chủng", "text": text, "language": "vi", "field": "health"}
    made = network.api.call("POST", "/bulletins", body, 201)
    page.goto(f"{network.address}/bulletins/{made['id']}")
    wave = page.get_by_role("slider", name="Vị trí nghe: Như sẽ phát")
    expect(wave).to_be_visible(timeout=PATIENCE_MS)
    ink = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter(v => v).length"
    line = 3 * wave.evaluate("canvas => canvas.width")
    eventually(lambda: wave.evaluate(ink) > 6 * line, "there is more than a flat line")
    box = wave.bounding_box()
    assert box is not None
    sound = page.locator("audio")
    length = sound.evaluate("sound => sound.duration")
    assert length > 3
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    eventually(lambda: abs(sound.evaluate("sound => sound.currentTime") - length / 2) < 0.5, "a click goes there")
    wave.press("Home")
    eventually(lambda: sound.evaluate("sound => sound.currentTime") < 0.1, "Home goes to the start")
    wave.press("PageUp")
    eventually(lambda: abs(sound.evaluate("sound => sound.currentTime") - length / 10) < 0.3, "a page is a tenth")
    assert (
        wave.get_attribute("aria-valuetext")
        == f"0:0{int(length / 10)} / {page.locator('.player-time').inner_text().split(' / ')[1]}"
    )
    wave.press(" ")
    eventually(lambda: sound.evaluate("sound => !sound.paused"), "the space bar plays")
    assert fits(page)


@pytest.mark.timeout(540)
def test_a_file_is_sent_with_a_bar_and_can_be_stopped(
    network: Network, writer: Callable[[tuple[int, int]], Person], tmp_path: Path
) -> None:
    person = writer(PHONE)
    page = person.page
    page.goto(f"{network.address}/bulletins/new")
    field = page.locator("[data-recording]").first
    slowly = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    slowly.send("Network.enable")
    slowly.send("Network.emulateNetworkConditions", slow)
    large = tmp_path / "dài.wav"
    large.write_bytes(b"RIFF" + bytes(6_000_000))
    page.locator("#file").set_input_files(large)
    expect(field.get_by_text("Đang gửi bản ghi âm…")).to_be_visible()
    bar = field.locator("[data-part=sending] [role=progressbar]")
    eventually(lambda: 0 < int(bar.get_attribute("aria-valuenow") or 0) < 100, "the bar moves")
    assert fits(page)
    field.get_by_role("button", name="Hủy").click()
    expect(field.get_by_role("button", name="Ghi âm bằng micrô")).to_be_visible()
    assert page.locator("#file").input_value() == ""
    assert not field.locator("[data-kept]").count()
    uploads = network.home / "uploads"
    eventually(lambda: not any(uploads.glob("*")) and not any(uploads.glob(".*")), "nothing is left of it")


@pytest.mark.timeout(540)
def test_a_form_that_is_sent_too_early_waits_for_its_recording(
    network: Network, writer: Callable[[tuple[int, int]], Person]
) -> None:
    person = writer(DESK)
    page = person.page
    page.goto(f"{network.address}/bulletins/new")
    page.get_by_label("Tiêu đề").fill("Nói vội")
    field = page.locator("[data-recording]").first
    record(field, 2)
    page.get_by_role("button", name="Nghe thử bản tin").click()
    expect(page.get_by_role("heading", name="Nói vội")).to_be_visible()
    expect(page.get_by_role("button", name="Nghe: Như sẽ phát")).to_be_visible(timeout=PATIENCE_MS)


def test_without_a_secure_page_it_is_said_why_there_is_no_recording(
    network: Network, writer: Callable[[tuple[int, int]], Person]
) -> None:
    person = writer(PHONE)
    page = person.page
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.goto(f"{network.address}/bulletins/new")
    field = page.locator("[data-recording]").first
    expect(field.get_by_text("Trình duyệt chỉ cho ghi âm khi trang được mở bằng https://")).to_be_visible()
    assert not field.get_by_role("button", name="Ghi âm bằng micrô").is_visible()
    assert fits(page)


@pytest.mark.timeout(540)
def test_long_work_is_told_live_and_can_be_cancelled(
    network: Network, writer: Callable[[tuple[int, int]], Person]
) -> None:
    person = writer(PHONE)
    page = person.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{network.address}/bulletins/new")
    page.get_by_label("Tiêu đề").fill("Nghị quyết dài")
    page.get_by_label("Nội dung để đọc").fill(("Mời bà con đến nhà văn hóa họp bàn việc làm đường. " * 390)[:19_900])
    page.get_by_role("button", name="Nghe thử bản tin").click()
    bar = page.get_by_role("progressbar")
    eventually(lambda: int(bar.get_attribute("aria-valuenow") or 0) > 15, "the bar moves while the audio is made")
    assert any(url.endswith("/events") for url in asked), "it is told, not asked for"
    assert not any(url.endswith("/progress") for url in asked)
    assert fits(page)
    page.get_by_role("button", name="Hủy").click()
    page.get_by_role("dialog").get_by_role("button", name="Hủy").click()
    expect(page.get_by_text("Đã hủy tạo âm thanh")).to_be_visible()
    assert page.get_by_role("progressbar").count() == 0
