"""What every page owes to who reads it: light on the line, numbers as they are written in Vietnam, no style of its own."""

import gzip
import re
from html.parser import HTMLParser

import pytest
from walking import walked

MOST_BYTES = 150_000
PACKED = {"Accept-Encoding": "gzip"}
# Text of pages: never "20,000" nor "1.5 MB", "PM", "2026-11-23".
ENGLISH = {
    "thousands as in English": re.compile(r"(?<![\d.,/:+-])\d{1,3}(?:,\d{3})+(?![\d,])"),
    "a decimal point": re.compile(r"(?<![\d.:/v-])\d+\.\d{1,2}\s*(?:%|MB|GB|kB|°C|giây|phút|dB|LUFS)"),
    "hours as in English": re.compile(r"\b\d{1,2}(?::\d{2})?\s?[AP]M\b"),
    "a date as machines write it": re.compile(r"\b20\d\d-[01]\d(?:-[0-3]\d)?\b"),
}


class Text(HTMLParser):
    """What can be read on a page, what is linked from it, and its styles."""

    def __init__(self, page):
        super().__init__()
        self.words, self.files, self.styles, self._silent = [], [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in {"script", "style", "code", "pre", "option", "textarea"}:
            self._silent += 1
        if "style" in given or tag == "style":
            self.styles.append(self.get_starttag_text())
        if tag == "link" and given.get("rel") in {"stylesheet", "icon"}:
            self.files.append(given["href"])
        if tag in {"script", "img"} and given.get("src"):
            self.files.append(given["src"])
        self.words += [given[name] for name in ("aria-label", "title", "placeholder", "alt") if given.get(name)]

    def handle_endtag(self, tag):
        if tag in {"script", "style", "code", "pre", "option", "textarea"}:
            self._silent -= 1

    def handle_data(self, data):
        if not self._silent and data.strip():
            self.words.append(data.strip())


def packed_size(client, path):
    answer = client.get(path, headers=PACKED)
    assert answer.status_code == 200, path
    size = len(answer.data)
    answer.close()
    return size


def test_every_page_is_light_without_styles_of_its_own_and_writes_numbers_as_vietnamese_do(
    app, as_, home, played, alarm
):
    """One walk over all pages, for it takes its time."""
    person = as_("administrator")
    files, heavy, styled, odd = {}, {}, {}, {}
    for path, page in walked(app, person).items():
        text = Text(page)
        for what, form in ENGLISH.items():
            found = [words[:80] for words in text.words if form.search(words) and "lang=en" not in path]
            if found:
                odd[path] = (what, found)
        if text.styles:
            styled[path] = text.styles
        for file in set(text.files):
            if file not in files:
                files[file] = packed_size(person.client, file)
        size = len(gzip.compress(page.encode(), compresslevel=5)) + sum(files[file] for file in set(text.files))
        if size > MOST_BYTES:
            heavy[path] = size
    assert styled == {}
    assert heavy == {}
    assert odd == {}
    assert len(files) > 6


@pytest.mark.parametrize("text", ["0 / 20,000", "1.5 MB", "5:30 PM", "2026-11-23"])
def test_the_check_of_forms_sees_them(text):
    assert any(form.search(text) for form in ENGLISH.values())


@pytest.mark.parametrize("text", ["20.000", "1,5 MB", "17:30", "23/11/2026", "70.000đ", "75.1.1", "10.0.0.1"])
def test_and_lets_the_right_ones_pass(text):
    assert not any(form.search(text) for form in ENGLISH.values())


def test_files_are_kept_by_the_browser_until_they_are_others(outsider):
    page = outsider.get("/sign-in").text
    address = re.search(r'href="(/static/loa\.css\?v=[0-9a-f]{10})"', page)[1]
    answer = outsider.get(address, headers=PACKED)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers
    assert b"--leaf" in gzip.decompress(answer.data) or b"var(" in gzip.decompress(answer.data)
    again = outsider.get(address, headers={**PACKED, "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    plain = outsider.get(address)
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["ETag"] != answer.headers["ETag"]
    assert plain.data == gzip.decompress(answer.data)
    assert "immutable" not in outsider.get("/static/loa.css?v=0123456789").headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.css",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/",
        "/static/leaflet/x.js",
        "/bootstrap/static/../__init__.py",
    ],
)
def test_there_is_nothing_else_among_the_files(outsider, path):
    assert outsider.get(path).status_code == 404


def test_pages_go_out_packed_to_who_takes_it(as_):
    person = as_("owner")
    packed = person.get("/", headers=PACKED)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Hôm nay" in gzip.decompress(packed.data).decode()
    assert "Content-Encoding" not in person.get("/").headers


def test_light_or_dark_is_kept_on_the_device_and_written_into_the_page(as_, outsider):
    for person, page in ((as_("owner"), "/account"), (outsider, "/sign-in")):
        assert "data-theme" not in person.get(page).text
        answer = person.get(f"/theme/dark?next={page}")
        assert (answer.status_code, answer.headers["Location"]) == (303, page)
        assert '<html lang="vi" data-theme="dark">' in person.get(page).text
        person.get("/theme/light")
        assert '<html lang="vi" data-theme="light">' in person.get(page).text
        person.get("/theme/auto")
        assert "data-theme" not in person.get(page).text
    assert outsider.get("/theme/pink").status_code == 404
    assert outsider.get("/theme/dark?next=https://elsewhere.example/").headers["Location"] == "/"
