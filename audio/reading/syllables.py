"""The shape of Vietnamese syllables: a word to be said, or letters to be spelled."""

import re
import unicodedata
from functools import lru_cache

from audio.reading.context import wordset

_ONSET = "ngh|ch|gh|gi|kh|ng|nh|ph|qu|th|tr|[bcdđghklmnpqrstvx]"
_OPEN = "uya|uyu|yeu|ieu|uou|oai|oay|oeo|uay|uoi|oao|ia|iu|ua|ui|uu|oi|ai|ao|au|ay|eo|eu"
_CLOSED = "(?:uye|ie|ye|uo|oo|ua|ue|uy|oa|oe|[aeiouy])(?:ch|ng|nh|[cmnpt])"
_SIMPLE = "ue|uy|uo|oa|oe|[aeiouy]"
_BARE = re.compile(f"(?:{_ONSET})?(?:{_CLOSED}|{_OPEN}|{_SIMPLE})")
_NO_ONSET = wordset("an anh am ap ao ai yen ung au em oanh oai uong uc un")
_RARE = wordset("nanh noanh nuc nuong nuy phon")
_MARKS = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323", "\u0302", "\u0306", "\u031b"}
_LONGEST = 7
_PIECE = 10
_AN = re.compile("ngan(?!g|h)")
_ODD = re.compile("c[eiy]|k[aou]|gy|ge|ng[eiy]|n?gh[aouy]")  # no spelling of Vietnamese, so the cut is likely wrong
_CLUSTERS = frozenset({"tr", "th", "ch", "ph", "kh", "gh", "gi"})
_VOWELS = frozenset("aeiouy")


def bare(word: str) -> str:
    """`word` in lower case without tones and vowel marks; `đ` becomes `d`."""
    kept = (char for char in unicodedata.normalize("NFD", word.lower()) if char not in _MARKS)
    return "".join(kept).replace("đ", "d")


@lru_cache(maxsize=20_000)
def is_syllable(word: str) -> bool:
    """True if `word`, with or without tone marks, could be one Vietnamese syllable."""
    return len(word) <= _LONGEST and _BARE.fullmatch(bare(word)) is not None


def has_vowel(word: str) -> bool:
    return any(char in _VOWELS for char in bare(word))


@lru_cache(maxsize=5_000)
def split(word: str) -> tuple[str, ...] | None:
    """Cut an unmarked run such as `dichvucong` into syllables; None if it can't be cut into them wholly.

    Fewest pieces win, then the likeliest seams (`ho tro`, `tin hoc`); pieces begin with a consonant save a few, and
    none is a lone letter. Bounded: 40 letters.
    """
    word = word.lower()
    if len(word) > 40 or not word.isascii() or not word.isalpha():  # noqa: PLR2004 - longer is no name
        return None
    best: list[tuple[int, tuple[str, ...]] | None] = [None] * (len(word) + 1)
    best[len(word)] = (0, ())
    for start in range(len(word) - 1, -1, -1):
        for end in range(start + 2, min(len(word), start + _LONGEST) + 1):
            behind, piece = best[end], word[start:end]
            if behind is None or not is_syllable(piece) or (piece[0] in _VOWELS and piece not in _NO_ONSET):
                continue
            cost = behind[0] + _PIECE + _seam(word, start) + 2 * (piece in _RARE) + 4 * (_ODD.match(piece) is not None)
            chosen = best[start]
            if chosen is None or cost < chosen[0]:
                best[start] = (cost, (piece, *behind[1]))
    return best[0][1] if best[0] else None


def _seam(word: str, start: int) -> int:
    """The price of a cut: before `nh` or `ng`, which end syllables more often, or through `tr`, `th` or `ch`.

    `…ngan` is rather `…ng an` (công an, Long An, Hưng An) than `…n gan`.
    """
    if start == 0:
        return 0
    price = int(word[start : start + 2] in ("nh", "ng")) + 2 * int(word[start - 1 : start + 1] in _CLUSTERS)
    return price + 2 * int(_AN.match(word, start - 1) is not None)
