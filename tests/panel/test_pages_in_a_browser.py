"""Every page in a real browser: light and dark, telephone and desk, both languages.

axe-core finds no serious fault, nothing scrolls sideways, fingers find their targets, and the browser has nothing to
refuse by the page's own policy.
"""

import pytest
from browser_lab import Looked, served, visitor
from walking import walked

from registry import public_pages, units
from web import access

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]
OUTSIDE = (
    "/sign-in",
    "/welcome/nothing-like-this",
    "/no-such-page",
    "/x/75.1",
    "/x/75.1?lang=en",
    "/x/75.1/feedback",
    "/x/nowhere",
)
# Whether what has the focus shows it, and what it is.
MARKED = """() => {
  const each = document.activeElement, style = getComputedStyle(each);
  return { what: each.outerHTML.slice(0, 120),
    marked: each === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) };
}"""


@pytest.fixture
def village(app, home, played, alarm, database, actor_of, clock):
    with database.write() as session:
        administrator = actor_of("administrator")
        public_pages.open_page(session, administrator, units.find(session, administrator, "75.1"), True, clock())
    return app


@pytest.mark.parametrize(("width", "dark", "language"), [(360, False, "vi"), (1280, True, "en")])
def test_every_page_is_sound_for_eyes_fingers_and_screen_readers(village, as_, browser, width, dark, language):
    person = as_("administrator")
    with served(village) as address:
        looked = Looked(address)
        for who, paths in ((person, sorted(walked(village, person, 1))), (None, OUTSIDE)):
            context = visitor(browser, address, who, width=width, dark=dark, language=language)
            page = context.new_page()
            looked.watch(page)
            for path in paths:
                looked.look(page, path, touch=width < 600 and not path.startswith("/x/"))
            context.close()
    assert len(paths) > 5
    assert looked.told() == ""
    assert looked.blocked == []
    assert looked.hosts == {address.removeprefix("http://")}


def test_who_uses_the_keyboard_sees_where_they_are_and_skips_to_the_content(village, as_, browser):
    person = as_("administrator")
    with served(village) as address:
        context = visitor(browser, address, person)
        page = context.new_page()
        for path in ("/", "/bulletins/new", "/slots/new"):
            page.goto(f"{address}{path}")
            page.keyboard.press("Tab")
            assert page.evaluate("() => document.activeElement.className") == "skip"
            assert page.evaluate("() => document.activeElement.getBoundingClientRect().left >= 0")
            page.keyboard.press("Enter")
            assert page.evaluate("() => document.activeElement.id") == "main"
            seen = []
            for _ in range(12):
                page.keyboard.press("Tab")
                seen.append(page.evaluate(MARKED))
            assert [each for each in seen if not each["marked"]] == [], path
        context.close()


def test_the_look_sees_what_is_wrong(app, outsider, browser):
    """A page that is wrong in every way that is looked for."""
    bad = (
        '<html lang="vi"><title>x</title><body><main><h1>x</h1><p style="color: #bbb">khó đọc</p><img src="/static/loa.svg">'
        '<button>x</button><table width="900"><tr><td>x</td></tr></table></main></body></html>'
    )
    app.view_functions["panel.sign_in"] = access.anyone(lambda: bad)
    with served(app) as address:
        context = visitor(browser, address, None, width=360)
        page = context.new_page()
        looked = Looked(address)
        looked.watch(page)
        looked.look(page, "/sign-in", touch=True)
        context.close()
    told = looked.told()
    assert "inline style" in told
    assert "image-alt" in told
    assert "small target" in told
    assert "scrolls sideways" in told
    assert any("style" in each for each in looked.blocked)


def test_what_cannot_be_taken_back_is_asked_in_a_dialog_that_escape_closes(village, home, as_, browser):
    person = as_("administrator")
    with served(village) as address:
        context = visitor(browser, address, person, width=360)
        page = context.new_page()
        page.goto(f"{address}/bulletins/{home.bulletin}")
        act = page.locator("form[action$='/withdraw'] button")
        act.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("() => document.activeElement.closest('dialog[open]') !== null")
        assert page.evaluate("() => 'no' in document.activeElement.dataset")
        assert page.locator("#sure-named").inner_text() == page.locator("main h1").inner_text()  # what it is about
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        assert act.evaluate("(each) => each === document.activeElement")
        page.keyboard.press("Enter")
        page.evaluate("() => document.querySelector(\"form[action$='/withdraw']\").remove()")  # the part came anew
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("main > .alert-success")
        assert page.locator("#leave").count() == 0  # nobody is asked twice
        page.goto(f"{address}/people/{home.people['viewer']}")
        page.locator("form[action$='/revoke'] button").first.click()
        assert page.locator("#sure-named").inner_text() == "Người xem"  # of a row, what stands in the row
        context.close()


def test_without_scripts_the_server_asks_and_the_way_back_comes_first(village, home, as_, browser):
    person = as_("administrator")
    with served(village) as address:
        context = visitor(browser, address, person, width=360, scripts=False)
        page = context.new_page()
        page.goto(f"{address}/bulletins/{home.bulletin}")
        page.locator("form[action$='/withdraw'] button").click()
        page.wait_for_selector("#leave")
        page.locator("#leave").click()
        page.wait_for_url(f"**/bulletins/{home.bulletin}")
        page.locator("form[action$='/withdraw'] button").click()
        page.locator(".sure-page form button").click()
        page.wait_for_selector("main > .alert-success")
        context.close()
