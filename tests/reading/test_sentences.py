import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.reading import Sentence, sentences

TEXT = st.lists(
    st.sampled_from(["bà", "con", "nghe", "rõ,", "họp.", "chưa?", "\n", "nghiêng", "x" * 30, "!"]), max_size=80
)


def test_sentences_are_cut_at_their_marks_with_a_pause_each():
    assert sentences("Mời bà con họp. Bảy giờ, tại nhà văn hóa!", limit=100) == [
        Sentence("Mời bà con họp.", 450),
        Sentence("Bảy giờ, tại nhà văn hóa!", 0),
    ]


def test_a_line_end_is_the_longest_pause():
    assert sentences("THÔNG BÁO\nMời bà con.", limit=100) == [Sentence("THÔNG BÁO", 600), Sentence("Mời bà con.", 0)]


def test_a_long_sentence_is_cut_at_its_commas_first():
    assert sentences("một hai ba, bốn năm sáu, bảy tám.", limit=24) == [
        Sentence("một hai ba, bốn năm sáu,", 200),
        Sentence("bảy tám.", 0),
    ]


def test_a_clause_without_commas_is_cut_between_words():
    assert [piece.text for piece in sentences("một hai ba bốn", limit=8)] == ["một hai", "ba bốn"]


def test_a_word_over_the_limit_is_cut():
    assert [piece.text for piece in sentences("nghiêng ngả", limit=4)] == ["nghi", "êng", "ngả"]


def test_nothing_to_say_is_no_sentence():
    assert sentences(" \n\n ", limit=10) == []


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        sentences("a", limit=0)


@settings(max_examples=200, deadline=None)
@given(TEXT, st.integers(1, 60))
def test_every_word_is_there_once_in_order_and_no_piece_is_too_long(words, limit):
    text = " ".join(words)
    pieces = sentences(text, limit=limit)
    assert all(0 < len(piece.text) <= limit for piece in pieces)
    assert "".join(piece.text.replace(" ", "") for piece in pieces) == re.sub(r"\s", "", text)


@settings(max_examples=200, deadline=None)
@given(TEXT)
def test_a_word_that_fits_is_never_cut(words):
    text = " ".join(words)
    assert [word for piece in sentences(text, limit=30) for word in piece.text.split()] == text.split()
