"""Which rules could read the number at a place, told from its shape alone: one cached look-up instead of many tries.

A shape is the next few characters with every digit as `9`, the letters of times as `h`, capitals as `A`, others as `a`.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from audio.reading import dates, electronic, legal, phones, times
from audio.reading.context import Read

Rule = Callable[[str, int], Read | None]

_REACH = 16
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
        (r"99\s?-?\s?[Ah]", phones.plate),
        (r"9{3}|9[. ]?\.?9", phones.phone),
        (r"9{1,6}[ah]?(?:/9999)?\s?[/-]\s?[Ah]|9{1,5}/9999", legal.reference),
        (
            r"9{1,4}\s?[/.–-]\s?9{1,2}(?!9)|9{1,2}\s?[/-]\s?9999|9{1,2} 9999(?!9)|9{1,2}\s?(?:[-–,]|[ah]{2,3})\s?9",
            dates.dated,
        ),
        (
            r"9{1,3}(?:[.,]9{1,2})?\s?h|9+(?:[.,]9+)*:9|9{1,3}'|9{1,2}\s?(?:[-–÷~]|->)\s?9{1,2}\s?h",
            times.time,
        ),
        (r"9{1,2}[/.-]9{1,2}(?!9)", dates.day_and_month),
        (r"9{4}|9{3}[ -]9{3}|9+\.9", phones.identity),
        (r"9{1,4}\.9{1,4}\.9", phones.dotted),
    )
)


def rules(text: str, pos: int) -> tuple[Rule, ...]:
    """The rules to ask, in order, about the number that begins at `pos`."""
    return _rules(text[pos : pos + _REACH].translate(_SHAPE), text[pos] == "0", electronic.likely(text))


@lru_cache(maxsize=16_384)
def _rules(shape: str, nought: bool, addressed: bool) -> tuple[Rule, ...]:
    first = (electronic.address,) if addressed else ()
    return (
        *first,
        *(rule for pattern, rule in _BY_SHAPE if pattern.match(shape) or (nought and rule is phones.phone)),
    )
