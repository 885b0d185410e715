"""Roman numerals, after the words that call for one (`Đại hội XIII`, `quý IV`)."""

import re

from audio.reading.context import Read, is_shouted, word_before, words_before, wordset
from audio.reading.numbers import cardinal

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_SHAPE = re.compile(r"M{0,4}(?:CM|CD|D?C{0,4})(?:XC|XL|L?X{0,4})(?:IX|IV|V?I{0,4})", re.IGNORECASE)
_TOKEN = re.compile(r"[IVXLCDM]{1,15}(?![^\W_])|[ivxlcdm]{1,15}(?![^\W_])")
_KEYS = wordset(
    "kỷ kỉ thứ chương phần mục đoạn khoản lục khóa khoá số hồi quý hội lần vòng thế chiến điều kỳ kì bảng "
    "tập quyển cấp loại hạng tiểu giai bậc nhóm đợt huân bộ vùng năm nhất giải louis khu tổ vực động độ"
)
_LOWER_KEYS = _KEYS - {"quý", "năm", "lần", "kỳ", "kì", "hội", "loại", "tập"} | {"năm"}
_YEAR = re.compile(r"/([12]\d{3})(?!\d)")
_COUNTED = re.compile(r"\d\S{0,9}(?: \S{1,9})? $")
_TIMES = re.compile(r" \d")
_TITLE_AFTER = re.compile(r"(?:[./:]| [-–]|-)\s+[^\W\d_]{2}")


def value(numeral: str) -> int:
    """The number a well-formed numeral stands for; 0 for anything else."""
    if not numeral or _SHAPE.fullmatch(numeral) is None:
        return 0
    total, before = 0, 0
    for char in reversed(numeral.upper()):
        worth = _VALUES[char]
        total += worth if worth >= before else -worth
        before = max(before, worth)
    return total


def roman(text: str, pos: int) -> Read | None:
    """A numeral after a word such as `chương`, after a foreign king's name, or as the number of a heading."""
    found = _TOKEN.match(text, pos)
    if found is None:
        return None
    number = value(found[0])
    if not number:
        return None
    key, upper = word_before(text, pos), found[0].isupper()
    if found[0] in "xX" and _TIMES.match(text, found.end()) and _COUNTED.search(text, max(0, pos - 20), pos):
        return Read("nhân", found.end())
    if upper:
        wanted = key in _KEYS or _is_name(text, pos, found[0]) or _is_heading(text, pos, found)
    else:
        wanted = key in _LOWER_KEYS and _stands_apart(text, found.end())
    if not wanted and key in ("và", "đến", "hoặc") and upper:
        wanted = not _KEYS.isdisjoint(words_before(text, pos, 4)) and set(found[0]) <= set("IVX")
    if not wanted and not (upper and len(found[0]) > 1 and _sure(text, pos, found)):
        return None
    if key == "thứ" and number in (1, 4) and (number == 4 or "lần" in words_before(text, pos, 2)):  # noqa: PLR2004
        return Read("nhất" if number == 1 else "tư", found.end())
    year = _YEAR.match(text, found.end())
    if year:
        return Read(f"{cardinal(str(number))} năm {cardinal(year[1])}", year.end())
    if text[found.end() : found.end() + 2] == "/ " and _is_heading(text, pos, found):
        return Read(f"{cardinal(str(number))},", found.end() + 1)
    return Read(cardinal(str(number)), found.end())


def _sure(text: str, pos: int, found: re.Match[str]) -> bool:
    """True of a numeral that no other capitals could be; `VI` and `XI` are words in a heading (`VI PHẠM`)."""
    if not set(found[0]) <= set("IVX"):
        return False
    return found[0] not in ("VI", "XI") or not is_shouted(text, pos, found.end())


def _is_name(text: str, pos: int, numeral: str) -> bool:
    before = text[max(0, pos - 24) : pos]
    named = re.search(r"(?:^|[\s,(])([A-Z][a-z]{2,20}) $", before)
    return named is not None and len(numeral) > 1 and set(numeral) <= set("IVX") and numeral not in ("XX", "XXX")


def _is_heading(text: str, pos: int, found: re.Match[str]) -> bool:
    starts = not text[:pos].strip() or text[:pos].rstrip(" ").endswith("\n")
    after = _TITLE_AFTER.match(text, found.end())
    if not starts or after is None:
        return False
    return len(found[0]) > 1 or found[0] in "IX" or (found[0] == "V" and text[after.end() - 2 : after.end()].isupper())


def _stands_apart(text: str, end: int) -> bool:
    """A small `vi` or `di` is a word when one goes on behind it, save `và` or the name of another part."""
    rest = re.match(r"\s+([^\W\d_]+)", text[end : end + 24])
    return rest is None or rest[1].lower() in _KEYS or rest[1].lower() in ("và", "của", "có", "là")
