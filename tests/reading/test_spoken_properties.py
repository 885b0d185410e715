import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.reading import front_end, spoken

DIGIT = re.compile(r"\d")
PARTS = st.sampled_from(
    [
        "1",
        "0",
        "9",
        "23",
        "2026",
        "000",
        ".",
        ",",
        "/",
        "-",
        "–",
        ":",
        ";",
        "h",
        "g",
        "đ",
        "%",
        "°",
        "₫",
        "$",
        "k",
        "tr",
        "kg",
        "m2",
        "km/h",
        "QĐ",
        "NĐ-CP",
        "UBND",
        "TP.",
        "XIV",
        "iv",
        "a",
        "B",
        "Đ",
        "&",
        "(",
        ")",
        "'",
        '"',
        "@",
        ".vn",
        "www.",
        "_",
        "\\",
        "#",
        "^",
        "²",
        "½",
        "√",
        "=",
        "+",
        "x",
        "×",
        "~",
        "<",
        ">",
        "!",
        "?",
        "…",
        "\n",
        "\t",
        "ngày",
        "tháng",
        "từ",
        "đến",
        "thứ",
        "số",
        "ở",
        "CO2",
        "iPhone",
        "🙂",
        "\u200b",
        "�",
        "﷽",
        "Ⅻ",
        "٣",
        "ß",
        "ǆ",
    ]
)
MIXED = st.lists(PARTS, max_size=40).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(alphabet=st.characters(exclude_categories=()), max_size=200), MIXED))
def test_any_text_comes_through_without_a_digit(text):
    assert not DIGIT.search(spoken(text))


@settings(max_examples=200, deadline=None)
@given(MIXED)
def test_blanks_and_marks_are_settled(text):
    said = spoken(text)
    assert said == said.strip(" ")
    assert not re.search(r" {2}| [,.!?]|[,.!?] ?[,.!?]", said)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200), st.sampled_from(["en", "hmn", "km"]))
def test_other_languages_only_have_their_blanks_cleaned(text, language):
    said = spoken(text, language)
    assert " ".join(said.split()) == said.replace("\n", " ").strip() or "  " not in said


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["xin", "mời", "bà con", "họp", "thôn", "Đoài", "hai mươi", "linh", "tư", ", ", ". "]),
        max_size=30,
    )
)
def test_plain_words_are_left_alone(words):
    text = " ".join(words)
    assert re.sub(r"[\s,.]+", " ", spoken(text)).strip() == re.sub(r"[\s,.]+", " ", text).strip()


HARD = {
    "digits": "1", "dashes": "1-", "points": "1.1.", "fractions": "1/", "letters": "A-", "slashes": "/", "quotes": "a'",
    "brackets": "(", "addresses": "a.b@c", "spaced": "9 ", "commas": "1,", "carets": "x^", "plain": "thôn ", "marks": "!?.",
    "colons": "1:", "lines": "1\n", "signs": "₫", "unbroken": "ở",
}  # fmt: skip


@pytest.mark.parametrize("kind", HARD)
def test_time_grows_with_the_length_and_no_faster(kind):
    unit = HARD[kind]
    small, large = (_seconds(unit * (size // len(unit))) for size in (8_000, 64_000))
    assert large < 8 * max(small, 0.01) * 5, f"eight times the text took {large / small:.0f} times as long"


def _seconds(text):
    best = float("inf")
    for _ in range(3):
        front_end._read.cache_clear()
        start = time.process_time()
        spoken(text)
        best = min(best, time.process_time() - start)
    return best
