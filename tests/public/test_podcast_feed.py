"""The podcast: read back by feedparser, and held against what validators ask for by a validator of our own."""

import re
import struct
import zlib
from email.utils import parsedate_to_datetime

import feedparser
import pytest
from lxml import etree

from web.public import art

ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
ATOM = "{http://www.w3.org/2005/Atom}"
WHOLE, ANY = re.compile(r"https://[^\s]+"), re.compile(r".+")


def faults(content: bytes, sizes: dict[str, int]) -> list[str]:
    """What a validator would say: RSS 2.0, Apple's requirements, and lengths that are true. Empty when all is well."""
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    channel = root.find("channel")
    if root.tag != "rss" or root.get("version") != "2.0" or channel is None or len(root) != 1:
        return ["not RSS 2.0"]
    guids = [item.findtext("guid") for item in channel.findall("item")]
    found = ["a guid is there twice"] if len(set(guids)) < len(guids) else []
    return found + of_channel(channel) + [each for item in channel.findall("item") for each in of_item(item, sizes)]


def of_channel(channel: etree._Element) -> list[str]:
    needed = ("title", "link", "description", "language", f"{ITUNES}explicit", f"{ITUNES}author")
    found = [
        f"channel needs one {name}" for name in needed if len(channel.findall(name)) != 1 or not channel.findtext(name)
    ]
    for name, attribute, form in (
        (f"{ITUNES}image", "href", WHOLE),
        (f"{ITUNES}category", "text", ANY),
        (f"{ATOM}link", "href", WHOLE),
    ):
        element = channel.find(name)
        if element is None or not form.fullmatch(element.get(attribute, "")):
            found.append(f"channel needs {name}")
    return found


def of_item(item: etree._Element, sizes: dict[str, int]) -> list[str]:
    guid, enclosures = item.findtext("guid"), item.findall("enclosure")
    if len(enclosures) != 1 or set(enclosures[0].attrib) != {"url", "length", "type"}:
        return ["an item needs one enclosure with url, length and type"]
    rules = {
        "an item needs a guid that says it is no address": bool(guid) and item.find("guid").get("isPermaLink") == "false",
        f"the length of {guid} is not true": enclosures[0].get("length") == str(sizes.get(enclosures[0].get("url"), "?")),
        "not audio": enclosures[0].get("type") == "audio/mpeg",
        "an item needs one date with a zone": len(item.findall("pubDate")) == 1
        and parsedate_to_datetime(item.findtext("pubDate")).tzinfo is not None,
        "an item needs title and duration": bool(item.findtext("title")) and item.findtext(f"{ITUNES}duration", "").isdigit(),
        "explicit is true or false": item.findtext(f"{ITUNES}explicit") in {"true", "false"},
    }  # fmt: skip
    return [said for said, kept in rules.items() if not kept]


def lengths(visitor, content: bytes) -> dict[str, int]:
    """How long what each enclosure names really is, as it comes over the line."""
    urls = [each.get("url") for each in etree.fromstring(content).iter("enclosure")]
    return {url: len(visitor.get(url.removeprefix("https://loa.example.vn")).data) for url in urls}


def test_the_feed_has_nothing_for_a_validator_to_say(said, visitor):
    said(title="Tiêm chủng & khám <miễn phí>", text="Dòng một.\nDòng hai ]]> <b>&amp;</b>")
    said(title="Cúp điện")
    answer = visitor.get("/x/79.1/feed.xml")
    assert answer.headers["Content-Type"] == "application/rss+xml; charset=utf-8"
    true = lengths(visitor, answer.data)
    assert len(true) == 2
    assert faults(answer.data, true) == []


def test_the_validator_sees_a_length_that_is_not_true(said, visitor):
    said()
    content = visitor.get("/x/79.1/feed.xml").data
    ((address, size),) = lengths(visitor, content).items()
    assert faults(content, {address: size + 1}) == [
        f"the length of {etree.fromstring(content).findtext('.//guid')} is not true"
    ]
    assert faults(content.replace(b"<itunes:author>", b"<x>").replace(b"</itunes:author>", b"</x>"), {address: size})


def test_feedparser_reads_what_was_written(said, visitor):
    identity = said(title="Tiêm chủng & khám <miễn phí>", text="Sáng thứ bảy.")
    feed = feedparser.parse(visitor.get("/x/79.1/feed.xml").data)
    assert not feed.bozo
    assert feed.feed.language == "vi"
    assert feed.feed.image.href == "https://loa.example.vn/x/79.1/art.png"
    (entry,) = feed.entries
    assert entry.title == "Tiêm chủng & khám <miễn phí>"
    assert (entry.id, entry.guidislink) == (f"{identity}-vi", False)
    assert entry.link == f"https://loa.example.vn/x/79.1/said/{identity}"
    assert entry.published_parsed[:5] == (2026, 11, 23, 4, 0)
    (enclosure,) = entry.enclosures
    assert enclosure.href == f"https://loa.example.vn/x/79.1/said/{identity}/vi.mp3"


def test_control_characters_do_not_break_the_feed(village):
    from datetime import UTC, datetime

    from web.public import podcast

    show = podcast.Show("A\x00\x0bB", "C", "D", "https://e", "https://e/f", "https://e/g", "vi")
    episode = podcast.Episode(
        "g", "\ud800x\ufffe", "\x1b[0m", "https://e", "https://e/a", 1, 0.2, datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert not feedparser.parse(podcast.document(show, [episode])).bozo


def test_there_is_no_feed_where_nobody_has_said_what_the_address_is(village, database, settings, clock):
    from web.app import create_app

    village.open()
    app = create_app(settings.model_copy(update={"public_url": ""}), database, clock=clock, testing=True)
    visitor = app.test_client()
    assert visitor.get("/x/79.1/feed.xml").status_code == 404
    assert "feed.xml" not in visitor.get("/x/79.1").text
    assert "canonical" not in visitor.get("/x/79.1").text


def test_a_reader_that_has_the_feed_is_told_so_in_a_few_bytes(said, visitor):
    said()
    first = visitor.get("/x/79.1/feed.xml")
    again = visitor.get("/x/79.1/feed.xml", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def pixels(content: bytes) -> tuple[int, int, bytes]:
    """Width, height and the rows of a PNG of one byte a pixel; every checksum is looked at."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(content):
        (length,), kind = struct.unpack(">I", content[at : at + 4]), content[at + 4 : at + 8]
        body = content[at + 8 : at + 8 + length]
        assert struct.unpack(">I", content[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        parts[kind] = body
        at += 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    return width, height, zlib.decompress(parts[b"IDAT"])


def test_the_picture_is_square_and_small_and_as_readers_want_it(village, visitor):
    village.open()
    answer = visitor.get("/x/79.1/art.png")
    assert answer.mimetype == "image/png"
    width, height, rows = pixels(answer.data)
    assert width == height == art.SIDE
    assert 1_400 <= width <= 3_000
    assert len(answer.data) < 500_000
    assert len(rows) == height * (width + 1)
    assert {0, 15} <= set(rows) <= set(range(16))
    assert art.png("un_x") != art.png("un_y")


@pytest.mark.parametrize("tag", ["BEGIN:VCALENDAR", "SUMMARY:Bản tin", "DTSTART:20261123T040000Z", "END:VCALENDAR"])
def test_the_calendar_holds_hours_and_titles(village, visitor, tag):
    village.open()
    village.on_timetable(title="Nội dung bên trong")
    village.roll()
    answer = visitor.get("/x/79.1/timetable.ics")
    assert answer.mimetype == "text/calendar"
    assert tag in answer.data.decode().replace("\r\n ", "")
    assert "Nội dung bên trong" not in answer.data.decode()
