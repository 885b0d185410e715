"""One press on a phone: from the header of any page over the map and the sheet to the board."""

import pytest
from loopback import Network
from playwright.sync_api import Browser, expect
from test_browser import Person

pytestmark = pytest.mark.processes


@pytest.mark.timeout(900)
def test_an_emergency_for_an_area_drawn_with_a_finger_is_confirmed_on_a_sheet_and_lands_on_the_board(
    network: Network, browser: Browser
) -> None:
    call = network.api.call
    call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
    places = [(10.98, 106.65), (10.99, 106.66), (11.2, 106.9)]
    stations = [
        {"name": f"Cụm loa {number}", "unit": "79.101", "latitude": north, "longitude": east}
        for number, (north, east) in enumerate(places)
    ]
    call("POST", "/stations", stations, 201)
    body = {"username": "hung", "name": "Trần Văn Hùng", "unit": "79.101", "role": "approver"}
    password = call("POST", "/people", body, 201)["password"]
    person = Person(browser, network.address, 360, 740)
    page = person.page
    person.sign_in("hung", password)

    page.locator(".alarm-door").click()
    page.locator("textarea[name=text]").fill("Nước sông đang lên nhanh. Bà con ven sông lên trường học ngay.")
    page.get_by_label("Xã Tân Hòa", exact=True).uncheck()
    page.get_by_text("Vẽ vùng trên bản đồ").click()
    area = page.locator("#alarm-map")
    expect(area.locator("canvas").first).to_be_visible()
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    # The two stations in the south-west: all of the lower left half.
    for across, down in ((0.02, 0.45), (0.6, 0.45), (0.6, 0.98), (0.02, 0.98)):
        area.click(position={"x": box["width"] * across, "y": box["height"] * down})
    expect(page.locator("[data-shape-told]")).to_contain_text("2 cụm loa")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.get_by_role("button", name="Tiếp: xem lại và xác nhận").click()

    expect(page.get_by_role("heading", name="Xác nhận tin khẩn")).to_be_visible()
    expect(page.get_by_text("Cụm loa 0, Cụm loa 1")).to_be_visible()
    page.locator("input[name=sure]").check()
    page.get_by_role("button", name="Phát ngay").click()
    page.wait_for_url("**/emergencies/em_*")
    expect(page.get_by_text("Nước sông đang lên nhanh").first).to_be_visible()
    assert person.faults == []
    person.leave()
