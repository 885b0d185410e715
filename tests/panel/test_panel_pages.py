"""What holds on every page: nothing from another host, no inline script, a label for every input, the right language."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

MOST_OF_A_KIND = 4
VOID = {"input", "br", "img", "meta", "link", "hr"}


class Page(HTMLParser):
    """Collects what the checks look at."""

    def __init__(self):
        super().__init__()
        self.addresses, self.inline, self.inputs, self.labels, self.ids = [], [], [], set(), []
        self.sent_to = set()  # where forms are sent to, which is not to be opened
        self.inside_label = 0
        self.script = False

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.addresses += [
            given[name] for name in ("href", "src", "action", "poster", "data-fragment") if given.get(name)
        ]
        if tag == "form" and given.get("method") == "post":
            self.sent_to.add(given.get("action"))
        self.inline += [name for name in given if name.startswith("on")]
        self.script = tag == "script"
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "label":
            self.inside_label += 1
            self.labels.add(given.get("for"))
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden":
            named = self.inside_label or given.get("aria-label")
            self.inputs.append((given.get("id"), bool(named), given.get("name")))

    def handle_endtag(self, tag):
        if tag == "label":
            self.inside_label -= 1
        self.script = False

    def handle_data(self, data):
        if self.script and data.strip():
            self.inline.append(data)


def crawl(browser):
    """Every page that can be reached by links from the first one; of one kind, at most `MOST_OF_A_KIND`."""
    seen, todo, kinds = {}, ["/"], Counter()
    while todo:
        path = todo.pop(0)
        kind = re.sub(r"/[a-z]{2,3}_[0-9a-z]{10,}|/\d[^/]*|\?.*", "/*", path)
        if path in seen or kinds[kind] >= MOST_OF_A_KIND:
            continue
        kinds[kind] += 1
        answer = browser.get(path)
        seen[path] = answer
        if answer.mimetype != "text/html":
            answer.close()
            continue
        page = Page()
        page.feed(answer.text)
        todo += [
            address for address in page.addresses
            if address.startswith("/") and not re.search(r"^/(static|bootstrap|language|theme|radio)/", address)
            and address not in page.sent_to
        ]  # fmt: skip
    return seen


@pytest.mark.parametrize("who", ["administrator", "owner", "approver", "operator", "viewer"])
def test_every_page_that_a_link_leads_to_is_there_and_sound(as_, home, played, alarm, who):
    pages = crawl(as_(who))
    assert len(pages) > 18
    assert {path: answer.status_code for path, answer in pages.items() if answer.status_code != 200} == {}
    for path, answer in pages.items():
        if answer.mimetype != "text/html":
            continue
        page = Page()
        page.feed(answer.text)
        assert [a for a in page.addresses if not a.startswith(("/", "#"))] == [], path
        assert [a for a in page.addresses if a.startswith("//")] == [], path
        assert page.inline == [], path
        assert [i for i in page.inputs if not i[1] and i[0] not in page.labels] == [], path
        assert len(page.ids) == len(set(page.ids)), path
        if "<html" in answer.text:
            assert '<html lang="vi">' in answer.text, path
            assert answer.text.count("<h1") == 1, path


def test_pages_carry_their_protections(as_):
    headers = as_("owner").get("/").headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_style_script_and_picture_are_served_here(outsider):
    for file in ("/static/loa.css", "/static/loa.js", "/static/loa.svg", "/bootstrap/static/css/bootstrap.min.css"):
        answer = outsider.get(file)
        assert answer.status_code == 200, file
        assert "http://" not in answer.text.replace("http://www.w3.org/", ""), file
        answer.close()


def test_an_unknown_address_gets_a_page_in_words(as_, outsider):
    assert "Không có gì mang tên này" in as_("owner").get("/nothing-here").text
    assert outsider.get("/nothing-here").status_code == 404


def test_a_page_with_every_word_exists_in_english(as_, home, played, alarm):
    administrator = as_("administrator")
    administrator.get("/language/en")
    for path in ("/", "/bulletins", "/slots/new", "/stations", "/log", "/emergencies", "/people", "/system", "/audit"):
        page = administrator.get(path).text
        assert '<html lang="en">' in page
        assert "Sign out" in page
