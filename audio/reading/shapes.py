"""Which rules could read the number at a place, told from its shape alone: one cached look-up instead of many tries.

A shape is the next few characters with every digit as `9`, the letters of times as `h`, capitals as `A`, others as `a`.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from audio.reading import dates, electronic, legal, phones, repeated, times, units
from audio.reading.context import Read

Rule = Callable[[str, int], Read | None]

_REACH = 16
_WORD = "aaaa"  # no rule looks past so many letters, and the fewer the shapes, the sooner each is known
_SMALL = "abcdefijklmnoqrtuvwxyzàáâãèéêìíòóôõùúýăđĩũơư" + "".join(map(chr, range(0x1EA1, 0x1EFA, 2)))
_SHAPE = str.maketrans(
    {
        **dict.fromkeys("0123456789", "9"),
        **dict.fromkeys("hHgGpPsS", "h"),
        **dict.fromkeys(_SMALL, "a"),
        **{letter.upper(): "A" for letter in _SMALL},
    }
)
_BY_SHAPE: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"[9.]+ ?\(", repeated.once),
        (r"9{1,2} ?9A(?![9Aah])", units.lost_ring),
        (r"9{1,3}°\s?9{1,2}'", units.angle),
        (r"99\s?-?\s?[Ah]", phones.plate),
        (
            r"9{3,8}(?![9aAh/%]|[.,-]9)|9{4}[- .–]9{2}|9{8}|9\.9{3}[. ]9{3}|99[-. ]9{1,3}[-. –]9{2}",
            phones.phone,
        ),
        (r"9{1,6}[ah]?(?:/9999)?\s?[/-]\s?[Ah]|9{1,5}/9999", legal.reference),
        (r"9{1,2},\s?9{1,2},", dates.listed_days),
        (r"9{1,2}/9{1,2}(?:/9999)?\s?[-–]|9{1,2}\.9{1,2}\s?[-–]\s?9{1,2}\.9", dates.span),
        (r"9{1,2}\s?(?:[-–,]|[ah]{2,3})\s?9{1,2}[/.]9", dates.days),
        (r"9{1,4}\s?([/.-])\s?9{1,2}\s?\1\s?9", dates.full),
        (r"9{1,2}\s?[/-]\s?9999|9{1,2} 9999(?!9)", dates.month_year),
        (r"9+(?:[.,]9+)*:9", times.proportion),
        (r"9{1,2}(?:h|:99).*[-–÷~]|9{1,2}\s?[-–÷~].*h", times.start_of_range),
        (r"9{1,2}\s?[h:]\s?9|9{1,2} ?h\w\w ?9", times.clock),
        (r"9{1,3}(?:[.,]9{1,2})?\s?hh?(?![aAh])|9{1,3}'", times.whole),
        (r"9{1,2}[/.-]9{1,2}(?!9)", dates.day_and_month),
        (r"9{4}|9{3}[ -]9{3}|9+\.9", phones.identity),
        (r"9{1,4}\.9{1,4}\.9", phones.dotted),
    )
)


def rules(text: str, pos: int, end: int) -> tuple[Rule, ...]:
    """The rules to ask, in order, about the number at `pos`, whose first run of digits stops at `end`."""
    if text[pos] != "0":
        length = end - pos
        known = _calm(text[end : end + 3], length if length < _LONG else _LONG)  # noqa: FURB136 - twice as quick as min()
        if known is not None:
            return (electronic.address, *known) if electronic.likely(text) else known
    shape = text[pos : pos + _REACH].translate(_SHAPE)
    word = shape.find(_WORD)
    return _rules(shape[:word] if word > 0 else shape, text[pos] == "0", electronic.likely(text))


@lru_cache(maxsize=16_384)
def _calm(behind: str, length: int) -> tuple[Rule, ...] | None:
    """The rules for a number of `length` digits by the three characters behind it, where these tell; else None.

    Behind a mark that no digit follows, a per cent sign, or the beginning of most words only the length counts.
    """
    char, follows = behind[:1], behind[1:2]
    by_length = _LENGTHS[length]
    if char == "%":
        return by_length if length == _LONG else ()
    if char in _LINE_END:
        return by_length
    if char in ",;:)!?." and (follows in _LINE_END or (follows == " " and not behind[2:].isdecimal())):
        return by_length
    if char == " ":
        char, follows = follows, ""
        if char == "(":
            return None
    if char in _CAPITALS:
        return (phones.plate,) if length == 2 else by_length  # noqa: PLR2004 - a plate begins with two digits
    if char not in _CALM:
        return None
    if behind[0] == " ":
        return by_length
    if follows and follows in "/- ":
        return None
    return by_length if length == _LONG else by_length[1:]


_LINE_END = frozenset({"", "\n"})
_LONG = 8
_LENGTHS: tuple[tuple[Rule, ...], ...] = (
    (), (), (), (phones.phone,), *[(phones.phone, phones.identity)] * (_LONG - 3)
)  # fmt: skip
_CAPITALS = frozenset(letter.upper() for letter in _SMALL) - {"C"}
_CALM = frozenset(_SMALL) - set("đv")


@lru_cache(maxsize=16_384)
def _rules(shape: str, nought: bool, addressed: bool) -> tuple[Rule, ...]:
    first = (electronic.address,) if addressed else ()
    return (
        *first,
        *(rule for pattern, rule in _BY_SHAPE if pattern.match(shape) or (nought and rule is phones.phone)),
    )
