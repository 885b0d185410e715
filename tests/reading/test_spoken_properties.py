import random
import re
import time
from pathlib import Path

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
        " ",
        "1 200 000 ",
        "12 000",
        "1,200",
        "điểm ",
        "nhiệt ",
        "280C",
        "(ba)",
        "NPK",
        "OCOP",
        "*",
        "10T/2026",
        "16°05'N",
        "ngày 1.3-2.4",
        "CT ",
        " - ",
        "thứ 2 - thứ ",
        "lớp ",
        "VI PHẠM",
        "/lần",
    ]
)
CASES = sorted((Path(__file__).parent / "cases").glob("commune_*.tsv"))
LINES = st.sampled_from([line.split("\t")[0] for file in CASES for line in file.read_text("utf-8").splitlines()[1:]])
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
    "one letter": "a", "one capital": "Đ", "measures": "a/", "pairs": "()", "abbreviations": "UBND ", "only points": ".",
}  # fmt: skip


@pytest.mark.parametrize("kind", HARD)
def test_time_grows_with_the_length_and_no_faster(kind):
    unit = HARD[kind]
    small, large = (_seconds(unit * (size // len(unit))) for size in (8_000, 64_000))
    assert large < 8 * max(small, 0.01) * 5, f"eight times the text took {large / small:.0f} times as long"


@pytest.mark.parametrize("alphabet", ["0123456789", "0123456789./-,", "aĐ/.-&()x1", "[](){}<>", "UBNDĐTCP &-/.1 "])
def test_a_text_made_to_be_slow_never_repeats_and_is_still_linear(alphabet):
    dice = random.Random(11)  # noqa: S311 - the same text every time
    small, large = (_seconds("".join(dice.choices(alphabet, k=size))) for size in (8_000, 64_000))
    assert large < 8 * max(small, 0.01) * 5, f"eight times the text took {large / small:.0f} times as long"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.text(alphabet=st.characters(exclude_categories=()), max_size=30), MIXED, LINES), max_size=6)
)
def test_lines_read_together_are_read_as_each_alone(lines):
    texts = [re.sub("[\r\n]", " ", line) for line in lines]
    assert spoken("\n".join(texts)) == "\n".join(map(spoken, texts))


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=3).map(" ".join), st.text(alphabet=st.characters(), max_size=6))
def test_a_commune_line_with_anything_stuck_to_it_comes_through_without_a_digit(line, stuck):
    assert not DIGIT.search(spoken(line + stuck))
    assert not DIGIT.search(spoken(stuck + line))


def test_pieces_of_commune_lines_put_together_anyhow_come_through_without_a_digit():
    dice = random.Random(5)  # noqa: S311 - the same text every time
    lines = [line.split("\t")[0] for file in CASES for line in file.read_text("utf-8").splitlines()[1:]]
    for _ in range(1_500):
        parts = [
            line[(start := dice.randrange(len(line))) : start + dice.randint(1, 20)]
            for line in dice.choices(lines, k=6)
        ]
        text = "".join(parts)
        assert not DIGIT.search(spoken(text)), text


def test_a_month_that_is_none_is_read_as_numbers():
    assert spoken("tháng 13 2026") == "tháng mười ba hai nghìn không trăm hai mươi sáu"


def _seconds(text):
    best = float("inf")
    for _ in range(3):
        front_end._read.cache_clear()
        start = time.process_time()
        spoken(text)
        best = min(best, time.process_time() - start)
    return best
