"""The calendar of a unit: read back by a careful parser that follows RFC 5545 by the letter."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from village import NOW, Village

from scheduler import ics
from scheduler.ics import Event, document

DAY = timedelta(days=1)
LINE = re.compile(r"([A-Z0-9-]+)((?:;[A-Z0-9-]+=[^:;,\"]+)*):(.*)", re.DOTALL)
INSTANT = re.compile(r"\d{8}T\d{6}Z")
ESCAPES = {"\\\\": "\\", "\\;": ";", "\\,": ",", "\\n": "\n", "\\N": "\n"}


def lines_of(content: bytes) -> list[tuple[str, str]]:
    """Content lines, unfolded: name and raw value. Everything the standard forbids fails here."""
    assert content.endswith(b"\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    for physical in content.split(b"\r\n"):
        assert len(physical) <= 75
        physical.decode("utf-8")  # no character is torn apart
    whole = content.replace(b"\r\n ", b"").decode()
    found = []
    for line in whole.split("\r\n")[:-1]:
        match = LINE.fullmatch(line)
        assert match, line
        assert not any(ord(c) < 32 and c != "\t" for c in match[3])
        found.append((match[1], match[3]))
    return found


def text_of(value: str) -> str:
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", value)
    return re.sub(r"\\[\\;,nN]", lambda found: ESCAPES[found[0]], value)


def events_of(content: bytes) -> list[dict[str, str]]:
    rows = lines_of(content)
    assert rows[0] == ("BEGIN", "VCALENDAR")
    assert rows[-1] == ("END", "VCALENDAR")
    names = [name for name, _ in rows]
    assert (names.count("VERSION"), names.count("PRODID"), dict(rows)["VERSION"]) == (1, 1, "2.0")
    events: list[dict[str, str]] = []
    inside: dict[str, str] | None = None
    for name, value in rows[1:-1]:
        if (name, value) == ("BEGIN", "VEVENT"):
            assert inside is None
            inside = {}
        elif (name, value) == ("END", "VEVENT"):
            assert inside is not None
            for needed in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "LAST-MODIFIED", "SUMMARY"):
                assert needed in inside
            for instant in ("DTSTAMP", "DTSTART", "DTEND", "LAST-MODIFIED"):
                assert INSTANT.fullmatch(inside[instant])
            assert inside["DTSTART"] < inside["DTEND"]
            assert inside["SEQUENCE"].isdecimal()
            assert inside["STATUS"] in {"CONFIRMED", "TENTATIVE", "CANCELLED"}
            events.append(inside)
            inside = None
        elif inside is not None:
            assert name not in inside, name
            inside[name] = value
    assert inside is None
    assert len({event["UID"] for event in events}) == len(events)
    return events


def feed(village: Village, unit: str = "commune_a", who: str = "viewer") -> list[dict[str, str]]:
    with village.database.read() as session:
        return events_of(ics.of_unit(session, village.actor(who), village.unit(unit), 8 * DAY, village.clock()))


def test_the_airings_of_the_days_around_are_in_it(village: Village):
    _, slot = village.on_timetable(rrule="FREQ=DAILY", title="Tiêm chủng; họp, bàn")
    village.roll()
    events = feed(village)
    assert [event["DTSTART"] for event in events] == [f"202611{day}T040000Z" for day in range(23, 31)]
    assert all(event["UID"].startswith(slot) for event in events)
    assert text_of(events[0]["SUMMARY"]) == "Bản tin"
    assert text_of(events[0]["DESCRIPTION"]).split("\n")[0] == "Tiêm chủng; họp, bàn"
    village.clock.advance(days=9)
    assert [event["DTSTART"][:8] for event in feed(village)] == [f"202611{day}" for day in range(24, 31)]


def test_an_occurrence_keeps_its_name_when_its_text_changes_and_counts_its_versions(village: Village):
    bulletin, _ = village.on_timetable()
    village.roll()
    (before,) = feed(village)
    village.clock.advance(minutes=1)
    village.rewrite(bulletin, "Lời mới.", seconds=33.0)
    village.roll()
    (after,) = feed(village)
    assert (after["UID"], int(after["SEQUENCE"])) == (before["UID"], int(before["SEQUENCE"]) + 1)
    assert after["LAST-MODIFIED"] > before["LAST-MODIFIED"]


def test_the_same_timetable_gives_the_same_bytes(village: Village):
    village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    assert feed(village) == feed(village)


def test_the_neighbours_have_a_calendar_of_their_own(village: Village):
    village.on_timetable()
    village.roll()
    assert feed(village, "commune_b", "stranger") == []


WORDS = st.text(alphabet=st.characters(blacklist_categories=("Cs",)) | st.sampled_from("\\;,\n\r\t ệ🔊"), max_size=300)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), max_size=3), WORDS)
def test_whatever_is_written_comes_back(texts, name):
    at = datetime(2026, 11, 23, 4, tzinfo=UTC)
    events = [
        Event(f"e{number}@x", at, at + timedelta(minutes=5), one, other, "Xã", NOW)
        for number, (one, other) in enumerate(texts)
    ]
    found = events_of(document(name, events))

    def plain(text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(c for c in text if c == "\n" or c.isprintable())

    assert [text_of(event["SUMMARY"]) for event in found] == [plain(one) for one, _ in texts]
    assert [text_of(event.get("DESCRIPTION", "")) for event in found] == [plain(other) for _, other in texts]
