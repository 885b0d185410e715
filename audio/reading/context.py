"""What stands to the left and right of a place in the text: the only thing rules look at besides the match."""

import re
from functools import lru_cache
from typing import NamedTuple

_FORMULA_SIGN = re.compile("[=√∫^∮≤≥±∂]")
_FUNCTION = re.compile(r"(?<![^\W_])(?:sin|cos|tan|log)(?![^\W_])")
_SUM = re.compile(r"(?<![^\W_])[A-Za-z] [-+] [A-Za-z0-9]")
_WORDS = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_REACH = 48
_CLAUSE = re.compile(r"[.!?;\n](?:\s|$)")
_STOP = re.compile(r"[.!?;\n]")
_LAST = re.compile(r"[ :\"(]*([^\W_]+)")
_SHORT_REACH = 24


class Read(NamedTuple):
    """What a rule makes of the text from a position on: the words, and where it stopped."""

    spoken: str
    end: int


def wordset(words: str) -> frozenset[str]:
    """The words of a string, for tests of what stands around."""
    return frozenset(words.split())


@lru_cache(maxsize=256)
def is_formula(text: str) -> bool:
    """True if the piece of text holds a sign that only sums and formulas have."""
    return (
        _FORMULA_SIGN.search(text) is not None
        or ((" - " in text or " + " in text) and _SUM.search(text) is not None)
        or (("sin" in text or "cos" in text or "tan" in text or "log" in text) and _FUNCTION.search(text) is not None)
        or "<math>" in text
    )


@lru_cache(maxsize=64)
def words_of(text: str) -> frozenset[str]:
    """All words of a piece of text, in lower case: what it speaks of."""
    return frozenset(_LETTERS.findall(text.lower()))


@lru_cache(maxsize=64)
def _before(text: str, pos: int) -> tuple[str, ...]:
    """Words of the sentence before `pos`, in lower case. Kept, because several rules ask about the same place."""
    window = text[max(0, pos - _REACH) : pos]
    if _STOP.search(window):
        window = _CLAUSE.split(window)[-1]
    return tuple(_WORDS.findall(window.lower()))


def words_before(text: str, pos: int, count: int = 1) -> tuple[str, ...]:
    """Up to `count` words just before `pos` within the sentence, in lower case, nearest last."""
    return _before(text, pos)[-count:]


@lru_cache(maxsize=64)
def word_before(text: str, pos: int) -> str:
    """The word just before `pos`, in lower case, if only blanks, a colon or opening marks between; else nothing."""
    backwards = text[max(0, pos - _SHORT_REACH) : pos][::-1]
    found = _LAST.match(backwards)
    return found[1][::-1].lower() if found else ""


_SHOUTED_BEFORE = re.compile(r"[^\W\d_a-z]{2,7} $")
_SHOUTED_AFTER = re.compile(r" ([^\W\d_a-z]{2,7})(?![^\W_])")


def is_shouted(text: str, pos: int, end: int) -> bool:
    """True if a neighbour of the word in capitals is a Vietnamese word in capitals too, as in a heading."""
    after = _SHOUTED_AFTER.match(text, end)
    if after and not after[1].isascii() and after[1].isupper():
        return True
    before = _SHOUTED_BEFORE.search(text, max(0, pos - 9), pos)
    return before is not None and not before[0].isascii() and before[0].isupper()


def word_after(text: str, pos: int) -> str:
    """The word that follows `pos` after at most one blank, as written; else nothing."""
    found = _WORDS.match(text, pos + 1 if text[pos : pos + 1] == " " else pos)
    return found[0] if found else ""


def near(text: str, pos: int, words: frozenset[str], count: int = 3) -> bool:
    """True if one of `words` is among the last `count` before `pos` in the sentence."""
    return not words.isdisjoint(words_before(text, pos, count))


def ends_word(text: str, pos: int) -> bool:
    """True if no letter or digit goes on at `pos`."""
    return not text[pos : pos + 1].isalnum()
