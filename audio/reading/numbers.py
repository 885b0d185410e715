"""Cardinal numbers, digits and decimals in Vietnamese words.

The forms are those of the standard language: `linh` before a lone unit, `tư`, `lăm` and `mốt` after a ten,
`không trăm` in an inner group with no hundreds.
"""

from collections.abc import Iterable
from functools import cache, lru_cache

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_NAMES = dict(zip("0123456789", DIGITS, strict=True))
_AFTER_TEN = {"1": "mốt", "4": "tư", "5": "lăm"}
_SCALES = ("", "nghìn", "triệu")
_GROUP_DIGITS, _BILLION_DIGITS = 3, 9
_MOST_DIGITS = 27


def digits(text: str) -> str:
    """Each decimal digit of `text` by its name; anything else is dropped."""
    if text.isascii() and text.isdecimal():
        return " ".join(map(_NAMES.__getitem__, text))
    return " ".join(DIGITS[int(char)] for char in text if char.isdecimal())


def cardinal(number: str) -> str:
    """The number of ASCII digits in words; beyond 27 digits they are read one by one."""
    if len(number) <= _GROUP_DIGITS:
        return _small(number)
    return _large(number)


@cache
def _small(number: str) -> str:
    return " ".join(_below_thousand(number.zfill(_GROUP_DIGITS), leading=True)) or DIGITS[0]


@lru_cache(maxsize=4_096)
def _large(number: str) -> str:
    number = number.lstrip("0")
    if not number:
        return DIGITS[0]
    if len(number) > _MOST_DIGITS:
        return digits(number)
    head, tail = number[:-_BILLION_DIGITS], number[-_BILLION_DIGITS:]
    if not head:
        return " ".join(_below_billion(tail, leading=True))
    return " ".join([cardinal(head), "tỷ", *_below_billion(tail, leading=False)])


def _below_billion(number: str, *, leading: bool) -> Iterable[str]:
    number = number.zfill(_BILLION_DIGITS)
    for index in range(3):
        group = number[index * 3 : index * 3 + 3]
        if group == "000":
            continue
        yield _small(group) if leading else _inner(group)
        leading = False
        if _SCALES[2 - index]:
            yield _SCALES[2 - index]


@cache
def _inner(group: str) -> str:
    return " ".join(_below_thousand(group, leading=False))


def _below_thousand(group: str, *, leading: bool) -> Iterable[str]:
    hundred, ten, unit = tuple(group)
    if hundred != "0" or not leading:
        yield f"{DIGITS[int(hundred)]} trăm"
    said = hundred != "0" or not leading
    if ten == "0":
        if unit != "0":
            yield f"linh {DIGITS[int(unit)]}" if said else DIGITS[int(unit)]
        return
    yield "mười" if ten == "1" else f"{DIGITS[int(ten)]} mươi"
    if unit == "5":
        yield "lăm"
    elif unit != "0":
        yield DIGITS[int(unit)] if ten == "1" else _AFTER_TEN.get(unit, DIGITS[int(unit)])


def integer(number: str) -> str:
    """As it is said of a plain run of digits: one by one when it begins with a nought, else as a cardinal."""
    if len(number) > 1 and number[0] == "0":
        return digits(number)
    return cardinal(number)


def plain(number: str) -> str:
    """A run of digits that stands alone: a code when it is long and has few noughts, else an amount."""
    code = len(number) >= 7 and number.count("0") * 2 < len(number)  # noqa: PLR2004 - six digits are still counted
    return digits(number) if code else integer(number)


def scientific(number: str) -> str:
    """The number before a power of ten: its point or comma is never one of thousands."""
    whole, _, fraction = number.replace(",", ".").partition(".")
    if not fraction or "." in fraction:
        return decimal(number)
    return f"{integer(whole)} {'phẩy' if ',' in number else 'chấm'} {_fraction(fraction, ',')}"


@lru_cache(maxsize=1_024)
def decimal(number: str) -> str:
    """A written number: points or blanks between thousands and a decimal comma, or the English way round.

    `1.234,5`, `1,234.5`, `0,75` and `1.5` are understood; what fits neither is read piece by piece.
    """
    number = number.replace(" ", "")
    separators = [char for char in number if char in ",."]
    if not separators:
        return integer(number)
    last = separators[-1]
    if len(set(separators)) == 1:
        groups = number.split(last)
        in_thousands = _thousands(groups) and (last == "." or len(separators) > 1)
        return cardinal("".join(groups)) if in_thousands else _pieces(groups, last)
    whole, fraction = number.rsplit(last, 1)
    groups = whole.split("," if last == "." else ".")
    if not _thousands(groups):
        return _mixed_pieces(number)
    said = cardinal("".join(groups))
    return said if not fraction.strip("0") and len(fraction) <= 2 else f"{said} phẩy {_fraction(fraction, ',')}"  # noqa: PLR2004


def is_thousands(number: str) -> bool:
    """True of `1.000` and `12.345.678`: grouped by points, so certainly an amount."""
    return "." in number and _thousands(number.split("."))


def _thousands(groups: list[str]) -> bool:
    first, *others = groups
    if not (first.isdecimal() and len(first) <= _GROUP_DIGITS and first[0] != "0"):
        return False
    return all(len(group) == _GROUP_DIGITS and group.isdecimal() for group in others)


def _pieces(groups: list[str], separator: str) -> str:
    word = "phẩy" if separator == "," else "chấm"
    first, *others = groups
    if len(others) > 1 and separator == ".":
        return f" {word} ".join(digits(group) for group in groups)
    said = [integer(first) if first != "0" else DIGITS[0], *(_fraction(other, separator) for other in others)]
    return f" {word} ".join(said)


def _mixed_pieces(number: str) -> str:
    said = digits(number[0])
    for char in number[1:]:
        said += {",": " phẩy", ".": " chấm"}.get(char) or f" {DIGITS[int(char)]}"
    return said


def _fraction(fraction: str, separator: str) -> str:
    """Decimals one by one; after a point a final five is said short (`1.25`, hai lăm)."""
    said = digits(fraction)
    if separator == "." and len(fraction) > 1 and fraction[-1] == "5" and fraction[-2] != "0":
        said = said.removesuffix("năm") + "lăm"
    return said
