"""Addresses that people hand on are made of the setting, never of the Host header of whoever asks."""

from dataclasses import replace

import pytest

PAGES = ("/units/{unit}", "/sources")
EVIL = {"Host": "evil.example"}


def elsewhere(browser):
    """The same person, whose browser was led to us under another name."""
    browser.client.set_cookie("loa", browser.client.get_cookie("loa").value, domain="evil.example")
    return browser


@pytest.mark.parametrize("page", PAGES)
def test_no_page_repeats_the_host_it_was_asked_under(as_, home, played, page):
    shown = elsewhere(as_("administrator")).get(page.format(unit=home.units["75.1"]), headers=EVIL)
    assert shown.status_code == 200
    assert "evil.example" not in shown.text
    assert "public_url" in shown.text  # it says that only the path is known


def test_the_calendar_address_is_made_of_the_setting(app, as_, home, played):
    here, viewer = app.extensions["loa"], as_("viewer")
    viewer.token_of(f"/week?unit={home.units['75.1']}")
    elsewhere(viewer)
    path = f"/units/{home.units['75.1']}/calendar/code"
    assert "evil.example" not in viewer.post(path, headers=EVIL).text
    told = here.settings.model_copy(update={"public_url": "https://loa.example.vn/"})
    app.extensions["loa"] = replace(here, settings=told)
    made = viewer.post(path, headers=EVIL).text
    assert "https://loa.example.vn/calendar/cal_" in made
    assert "public_url" not in made
