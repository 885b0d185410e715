"""The words that the reading changes, as pages mark them."""

import re

import pytest
from conftest import _cases
from hypothesis import given
from hypothesis import strategies as st

from audio.reading import spoken
from audio.reading.clean import clean
from audio.reading.marking import OWN, READ, UNKNOWN, changes

WORDS = re.compile(r"\w+")
LINES = sorted({written for _, written, _ in _cases()})


def read_by_marks(text, found):
    """The text with each marked word said as its mark tells."""
    parts, done = [], 0
    for change in found:
        parts += [text[done : change.start], " ", change.spoken, " "]
        done = change.end
    return WORDS.findall(clean("".join([*parts, text[done:]])).lower())


def test_what_is_marked_is_what_is_read_on_every_line_there_is():
    assert len(LINES) > 2_000
    different = [line for line in LINES if read_by_marks(line, changes(line)) != WORDS.findall(spoken(line).lower())]
    assert different == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Họp lúc 17h30, mời bà con.", [("17h30", "mười bảy giờ ba mươi phút", READ)]),
        ("UBND xã mời (05 hộ) đến.", [("UBND", "ủy ban nhân dân", READ), ("05", "năm", READ)]),
        ("Cứ 5 năm một lần, năm nay 5.", [("5", "năm", READ), ("5", "năm", READ)]),
        ("Chị em CLB XQZV đi họp.", [("CLB", "câu lạc bộ", READ), ("XQZV", "ích qui dét vê", UNKNOWN)]),
        ("Bà con chú ý: ngày mai, trời mưa – gió to!", []),
        ("“Toàn dân” đoàn kết…", []),
        ("", []),
    ],
)
def test_only_words_that_sound_otherwise_are_marked(text, expected):
    assert [(each.written, each.spoken, each.kind) for each in changes(text)] == expected


def test_places_are_those_of_the_text_as_it_was_written():
    text = "Dòng một.\r\n\tHọp  lúc ‘8h’ tại   NVH\u00a0thôn.\nHết."
    assert [text[each.start : each.end] for each in changes(text)] == ["8h", "NVH"]


def test_words_of_the_unit_go_before_every_rule_and_are_told_apart():
    own = {"Ea H'leo": "Ia Leo", "nvh": "nhà văn hóa xã", "17h30": "năm rưỡi chiều"}
    found = changes("Bà con Ea H'leo ra NVH lúc 17h30 và 18h.", "vi", own)
    assert [(each.written, each.spoken, each.kind) for each in found] == [
        ("Ea H'leo", "Ia Leo", OWN), ("NVH", "nhà văn hóa xã", OWN), ("17h30", "năm rưỡi chiều", OWN),
        ("18h", "mười tám giờ", READ),
    ]  # fmt: skip


def test_in_another_language_only_the_dictionary_changes_words():
    assert [each.written for each in changes("Meeting at 17h30, UBND", "en", {"UBND": "people's committee"})] == [
        "UBND"
    ]


@given(st.text(alphabet="aăâ1250/-.,:()% UBNDđ°h\n“”\u00a0\u0301\U000f0000ﬁ²", max_size=120))
def test_any_text_is_marked_in_order_and_within_itself(text):
    found = changes(text, "vi", {"UB": "ủy ban", "12": "một tá"})
    ends = [0, *(each.end for each in found)]
    assert all(start <= each.start < each.end <= len(text) for start, each in zip(ends, found, strict=False))
    assert all(each.written.strip() for each in found)


def test_a_long_text_costs_no_more_for_each_word_than_a_short_one():
    import time

    def cost(lines):
        text = "\n".join(lines)
        changes(text)
        begun = time.process_time()
        for _ in range(3):
            changes(text)
        return (time.process_time() - begun) / len(text)

    short, long = cost(LINES[:40]), cost(LINES[:400])
    assert long < short * 4
