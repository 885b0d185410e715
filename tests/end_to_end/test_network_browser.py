"""A technician in a real browser: stations from a list, a device that takes its label, the map, an order for many."""

import re
from pathlib import Path

import pytest
from loopback import Network, eventually
from playwright.sync_api import Browser, expect
from test_browser import Person

pytestmark = pytest.mark.processes
WORDS = {
    "vi": {
        "look": "Xem các dòng", "add": "Thêm 3 cụm loa", "next": "Tiếp: xem trước kết quả",
        "many": "Âm lượng thành 35 % ở 1 cụm loa.", "set": "Đặt âm lượng ở 1 cụm loa",
        "done": "Đã thực hiện ở 1 trên 1 cụm loa", "map": "3 cụm loa trên bản đồ.", "online": "Đang kết nối",
    },
    "en": {
        "look": "Look at the rows", "add": "Add 3 stations", "next": "Next: see what will happen",
        "many": "The volume becomes 35 % at 1 stations.", "set": "Set the volume at 1 stations",
        "done": "Carried out at 1 of 1 stations", "map": "3 stations on the map.", "online": "On line",
    },
}  # fmt: skip
# Where on the screen the lowest opaque pixel of the map lies: the lower edge of the mark furthest south.
LOWEST = """() => {
  const canvas = document.querySelector('#net-map canvas');
  const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let y = height - 1; y >= 0; y--) for (let x = 0; x < width; x++) if (data[(y * width + x) * 4 + 3] === 255) {
    const box = canvas.getBoundingClientRect();
    return [box.left + (x / width) * box.width, box.top + (y / height) * box.height];
  }
}"""
LIST = "Tên\tVĩ độ\tKinh độ\nLoa đình\t10,98\t106,65\nLoa chợ\t10,99\t106,66\nLoa bến đò\t11,02\t106,63\n"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("language", "width", "height"), [("vi", 360, 740), ("en", 1280, 900)])
def test_stations_come_from_a_list_into_service_onto_the_map_and_take_an_order_for_many(
    network: Network, browser: Browser, tmp_path: Path, language: str, width: int, height: int
) -> None:
    call, words = network.api.call, WORDS[language]
    call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    body = {"username": "tam", "name": "Lê Minh Tâm", "unit": "79.101", "role": "operator"}
    password = call("POST", "/people", body, 201)["password"]
    person = Person(browser, network.address, width, height)
    page = person.page
    person.sign_in("tam", password)
    page.goto(f"{network.address}/language/{language}")

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

    page.goto(f"{network.address}/stations/import")
    page.locator("#list").fill(LIST)
    page.get_by_role("button", name=words["look"]).click()
    assert fits()
    page.get_by_role("button", name=words["add"]).click()
    expect(page.locator(".net-label")).to_have_count(3)
    assert fits()
    first = page.locator(".net-label").first
    name, code = first.locator(".net-label-name").inner_text(), first.locator(".net-label-code").inner_text()

    # What the picture says is handed to the device as a scanner would, and a person confirms the device.
    home = tmp_path / "station"
    network.processes.loa("station", "enrol", f"{network.address}/enrol#{code}", "--home", home)
    page.goto(f"{network.address}/stations?state=waiting")
    page.locator(".net-name", has_text=name).click()
    page.goto(f"{page.url}/device")
    page.locator("form[action$='/confirm'] button").click()
    network.processes.start("station", "station", "run", "--home", home, "--output", "null")

    def is_online() -> bool:
        page.goto(f"{network.address}/stations?state=online")
        return bool(page.locator(".net-name", has_text=name).count())

    eventually(is_online, "the station is on line")
    expect(page.locator(".state.good", has_text=words["online"]).first).to_be_visible()
    assert fits()

    page.goto(f"{network.address}/stations/map")
    expect(page.locator("#net-map-told")).to_contain_text(words["map"])
    expect(page.locator("#net-map canvas").first).to_be_visible()
    assert fits()
    # The station in the south stands lowest on the map; a click on it opens its card with a link to its page.
    page.locator("#net-map").scroll_into_view_if_needed()
    across, down = page.evaluate(LOWEST)
    page.mouse.click(across, down - 5)
    expect(page.locator(".net-card a.net-name")).to_have_text("Loa đình")
    page.locator(".net-card a.net-name").click()
    expect(page.get_by_role("heading", name="Loa đình", exact=True)).to_be_visible()

    page.goto(f"{network.address}/stations?state=online")
    page.locator("input[name=station]").check()
    page.locator("#do").select_option("volume")
    page.locator("#value").fill("35")
    page.get_by_role("button", name=words["next"]).click()
    expect(page.get_by_text(words["many"])).to_be_visible()
    assert fits()
    page.get_by_role("button", name=words["set"]).click()
    page.wait_for_url(re.compile(r"/stations/acts/sb_"))
    expect(page.get_by_text(words["done"])).to_be_visible(timeout=180_000)  # the page brings itself up to date
    assert fits()
    person.leave()
