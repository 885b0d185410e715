"""The way of a text: cleaned, cut into pieces, each place read by the first rule that knows it, marks settled."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from audio.reading import amounts, electronic, phones, shapes, tables
from audio.reading.clean import clean, pieces
from audio.reading.context import Read, word_before, wordset
from audio.reading.dictionary import Replacements
from audio.reading.numbers import cardinal, decimal, digits, integer
from audio.reading.punctuation import settle, single_blanks
from audio.reading.shapes import Rule
from audio.reading.symbols import at_start, symbol
from audio.reading.words import word

_LOW = "a-zàáâãèéêìíòóôõùúýăđĩũơưạ-ỹ"
_UP = "A-ZÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝĂĐĨŨƠƯẠ-Ỹ"
_UP_VOWEL = "AEIOUYÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝĂĨŨƠƯẠ-Ỹ"
_VOWEL = "aeiouyàáâãèéêìíòóôõùúýăĩũơưạ-ỹ"
_COUNTED = re.compile(r"0([1-9]) ([^\W\d_]+)")
_LABELS = wordset(
    "số tổ đội án thị tuyến kênh xe mã định quyết thôn xóm khu mẫu phòng nhà ngõ đường lô kế hoạch văn báo cáo"
)
_NO_THINGS = wordset("và của hoặc đến ở tại là đã về trong được cho từ do theo có trên")
_ORDINALS = {"1": "nhất", "4": "tư"}
_FIRST = wordset("thứ hạng")
_LABEL_ENDS = frozenset('ứgyỨGY:("')
_DIGIT = re.compile("[0-9]")  # `clean` has left no others
_ORDINAL = re.compile(r"(\d{1,4})(?![\d/:]|[.,-]\d|[hH%])")
_TWO = re.compile(r"0\d(?!\d|[/.,:-]\d|[^\W_])")


def spoken(text: str, language: str = "vi", dictionary: Mapping[str, str] | None = None) -> str:
    """`text` as it is to be said, lines kept. Pure, total on every string, linear in its length.

    `dictionary` maps written words to spoken ones and wins over every rule. Languages other than Vietnamese
    only have their white space and invisible characters cleaned. Without a dictionary no digit is left in the
    Vietnamese result.
    """
    own = Replacements(dictionary or {})
    text = own.mark(clean(text))
    if language.split("-", maxsplit=1)[0].lower() == "vi":
        text = "".join(map(_read, pieces(text)))
        text = settle(text)
    lines = (line.strip() for line in own.restore(text).split("\n"))
    return single_blanks("\n".join(lines)).strip(" ")


@cache
def _plain() -> re.Pattern[str]:
    """Runs of ordinary words with the blanks and marks between them, which no rule changes."""
    body = rf"[{_UP}]?[{_LOW}]*[{_VOWEL}][{_LOW}]*|[{_UP_VOWEL}][{_LOW}]+"
    exceptions = [key for key in tables.abbreviations() if re.fullmatch(body, key)]
    barred = "|".join(map(re.escape, sorted(exceptions, key=len, reverse=True)))
    return re.compile(
        rf"(?:[ ,.?\n]++|(?<!\d)(?!(?:[ivxlcdm]+|{barred})(?![{_LOW}{_UP}]))(?![a-zA-ZôÔ](?![{_LOW}]))"
        rf"(?:[{_UP_VOWEL}]|[{_UP}]?(?=[{_LOW}]*[{_VOWEL}]))[{_LOW}]++(?=[ ,:;)\n]|[.!?](?:\s|$)|$))*+"
    )


@lru_cache(maxsize=1_024)
def _read(text: str) -> str:
    parts = [""]
    add, plain, pos, end = parts.append, _plain().match, 0, len(text)
    while True:
        found = plain(text, pos)
        if found and (stop := found.end()) > pos:
            add(text[pos:stop])
            pos = stop
        if pos == end:
            break
        said, after = _place(text, pos)
        if said[:1].isalnum() and parts[-1][-1:] != "'":
            said = f" {said} "
        add(said)
        pos = after if after > pos else pos + 1
    return _no_digits("".join(parts))


def _place(text: str, pos: int) -> Read:
    """What is said for what stands at `pos`, by the first rule that knows it."""
    char = text[pos]
    if char in _COMMAS:
        return Read(",", pos + 1)
    if char in _DECIMALS:
        return _number(text, pos)
    if char.isalpha() and char not in _NUMBER_SETS:
        return word(text, pos)
    return _at(text, pos)


def places(piece: str) -> Iterator[tuple[int, int, str]]:
    """The places of a piece (`clean.pieces`) that some rule reads, in order: from, to, and what is said there.

    What stands between them is said as it is written. The same walk as that of `spoken`, kept apart because only
    pages ask for it.
    """
    plain, pos, end = _plain().match, 0, len(piece)
    while pos < end:
        found = plain(piece, pos)
        if found and found.end() > pos:
            pos = found.end()
            continue
        said, after = _place(piece, pos)
        after = max(after, pos + 1)
        yield pos, after, _no_digits(said)
        pos = after


def _no_digits(text: str) -> str:
    return _DIGIT.sub(lambda found: f" {digits(found[0])} ", text) if _DIGIT.search(text) else text


def _at(text: str, pos: int) -> Read:
    char = text[pos]
    if char in "\n,.?":
        return Read(char, pos + 1)
    if char in "$€£¥₩₫₹" and (found := amounts.prefixed(text, pos)):
        return found
    if char in "(+" and text[pos + 1 : pos + 2] in _PHONE_STARTS and (found := phones.phone(text, pos)):
        return found
    if char == "#" and (found := phones.numbered(text, pos)):
        return found
    if char in "/\\@~" and not text[pos - 1 : pos].isalnum() and (found := electronic.address(text, pos)):
        return found
    if char == "-" and text[pos + 1 : pos + 2].isdecimal() and not text[pos - 1 : pos].isalnum():
        return _negative(text, pos)
    return symbol(text, pos)


_COMMAS = frozenset(":;)[]{}")
_DECIMALS = frozenset("0123456789")
_NUMBER_SETS = frozenset("ℝℤℕℚ")
_PHONE_STARTS = frozenset("+0123456789")


def _negative(text: str, pos: int) -> Read:
    """A minus before a number; after another number and a blank it takes away."""
    before = text[:pos].rstrip()[-1:]
    if text[pos - 1 : pos] == ")" or (before.isdecimal() and text[pos - 1 : pos] == " "):
        return Read("trừ" if "=" in text else "đến", pos + 1)
    for rule in (amounts.fraction, amounts.amount):
        if found := rule(text, pos):
            return found
    return Read("âm", pos + 1)


_RUN = re.compile(r"\d+")


def _number(text: str, pos: int) -> Read:
    run = _RUN.match(text, pos)
    end = run.end() if run else pos + 1
    after = text[end : end + 1]
    if after == " " and end - pos <= _SMALL_DIGITS and (small := _SMALL.match(text, pos)) and not _special(small[2]):
        return _labelled(text, pos) or Read(cardinal(small[1]), end)
    for rule in shapes.rules(text, pos, end):
        if found := rule(text, pos):
            return found
    if labelled := _labelled(text, pos):
        return labelled
    if (
        after in _ALONE_STARTS
        and end - pos < _CODE_LIKE
        and (alone := _ALONE.match(text, end))
        and not _measured(alone[1])
    ):
        return Read(integer(text[pos:end]), end)
    if after == "." and (parted := _PARTED.match(text, pos)):
        alone = _ALONE.match(text, parted.end())
        if alone and alone[1] and not _measured(alone[1]):
            return Read(decimal(parted[0]), parted.end())
    for rule in _AMOUNT_RULES.get(after, _PLAIN_AMOUNT):
        if found := rule(text, pos):
            return found
    return Read(integer(text[pos]), pos + 1)


def _labelled(text: str, pos: int) -> Read | None:
    """The number of an item, an ordinal, a month or day, or a count with a nought before it (`02 bao`)."""
    if "/" in text[pos + 1 : pos + 3] and (item := _ITEM.match(text, pos)) and at_start(text, pos):
        return Read(f"{integer(item[1])},", item.end())
    if text[pos] not in "04" and text[pos - 1 : pos] == " " and text[pos - 2 : pos - 1] not in _LABEL_ENDS:
        return None
    key = word_before(text, pos)
    if key in _FIRST and (ordinal := _ORDINAL.match(text, pos)):
        return Read(_ORDINALS.get(ordinal[1], integer(ordinal[1])), ordinal.end())
    if text[pos] == "4" and not text[pos + 1 : pos + 2].isalnum() and _LISTED.search(text, max(0, pos - 32), pos):
        return Read("tư", pos + 1)
    if key == "tháng" and (month := _APRIL.match(text, pos)):
        return Read("tư", month.end())
    if key in ("tháng", "ngày", "mùng", "mồng") and (counted := _TWO.match(text, pos)):
        return Read(integer(counted[0].lstrip("0") or "0"), counted.end())
    if (
        text[pos] == "0"
        and (key not in _LABELS or (key == "quyết" and text[pos - 2 : pos] == ": "))
        and (counted := _COUNTED.match(text, pos))
        and counted[2] not in _NO_THINGS
    ):
        return Read(integer(counted[1]), pos + 2)
    return None


@lru_cache(maxsize=4_096)
def _special(word: str) -> bool:
    """True of a word that makes more of a small number before it: a unit, a time, another number."""
    return word in _JOINING or word in _MEASURES or word in tables.units()


def _measured(word: str | None) -> bool:
    return word is not None and (word in _MEASURES or word in tables.units())


_SMALL = re.compile(rf"([1-9]\d?) ([{_LOW}]{{2,}})(?=[ ,;:)!?\n]|\.\s|$)")
_JOINING = wordset("và đến giờ ph phút sđt")
_CODE_LIKE = 7
_SMALL_DIGITS = 2
_PARTED = re.compile(r"\d{1,3}(?:\.\d{3})+(?!\d)")
_MEASURES = wordset(
    "đồng nghìn ngàn triệu tỷ tỉ vạn trăm chục usd vnđ vnd eur euro độ tr ng tấn tạ yến lần buổi viên gói lượt bình "
    "chai sào người cây con ca giờ liều mũi suất kíp"
)
_ALONE = re.compile(rf"[,;:)!?]+(?=[ \n]|$)|\.(?=\s|$)|(?=\n|$)| (?=([{_LOW}]{{2,}})(?:[ ,;:)!?\n]|\.\s|$))")
_ALONE_STARTS = frozenset(" ,;:)!?.\n") | {""}
_AND = "(?:, ?| ?- ?| và | đến | ?& ?)"
_LISTED = re.compile(rf"thứ (?:[2-7]|hai|ba)(?:{_AND}(?:thứ )?[2-7])*{_AND}$")
_ITEM = re.compile(r"(\d{1,2})/(?=\s)")
_APRIL = re.compile(r"0?4(?![\d/.,:h-])")
_MIXED = re.compile(r"\d{1,4} (\d{1,2})/(\d{1,3})(?![\d/])")


def _mixed_first(text: str, pos: int) -> Read | None:
    found = _MIXED.match(text, pos)
    return amounts.amount(text, pos) if found and int(found[1]) < int(found[2]) else None


_PLAIN_AMOUNT: tuple[Rule, ...] = (amounts.amount,)
_AMOUNT_RULES: dict[str, tuple[Rule, ...]] = {
    " ": (_mixed_first, amounts.amount),
    "-": (amounts.series, amounts.amount),
    ",": (amounts.listed, amounts.amount),
    "/": (amounts.listed, amounts.fraction, amounts.amount),
}
