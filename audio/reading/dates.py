"""Dates, months of a year and their ranges. Context decides between `5/4` the day and `5/4` the fraction."""

import re
from datetime import date
from functools import lru_cache

from audio.reading.context import Read, ends_word, is_formula, near, word_before, words_before, words_of, wordset
from audio.reading.numbers import cardinal, integer

_FULL = re.compile(r"(\d{1,2})\s?([/.-])\s?(\d{1,2})\s?\2\s?(\d{4})(?!\d|[/-]\d)")
_SHORT_YEAR = re.compile(r"(\d{1,2})([/])(\d{1,2})\2(\d{2})(?![\d/-])")
_ISO = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?!\d|[/-]\d)")
_DAY_MONTH = re.compile(r"(\d{1,2})/(\d{1,2})(?![\d/]|[.,]\d)")
_MONTH_YEAR = re.compile(r"(\d{1,2})\s?([/-])\s?(\d{4})(?![\d/]|[.,]\d)")
_BARE_MONTH_YEAR = re.compile(r"(\d{1,2})\s([12]\d{3})(?![\d/]|[.,]\d)")
_POINTED_SPAN = re.compile(r"(\d{1,2})\.(\d{1,2})\s?[-–]\s?(\d{1,2})\.(\d{1,2})(?![\d/]|[.,]\d)")
_DAY_MONTH_DASH = re.compile(r"(\d{1,2})[-.](\d{1,2})(?!\d|[-./,]\d|\s?%)")
_DAYS = re.compile(r"(\d{1,2})\s?(?:[-–]|đến|và|,)\s?(\d{1,2})([/.])(\d{1,2})(?:\3(\d{4}))?(?![\d/]|[.,]\d)")
_SPAN = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}))?\s?[-–]\s?(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?![\d/]|[.,]\d)")
_ROW = re.compile(r"(\d{1,2}(?:,\s?\d{1,2}){2,9})/(\d{1,2})(?:/(\d{4}))?(?![\d/]|[.,]\d)")
_NUMBERED_YEAR = wordset("quý kỳ kì đợt lần số hội khóa khoá học")
_LEADS = wordset(
    "ngày hôm sáng trưa chiều tối đêm từ đến trước sau lễ tết mùng mồng rằm vào hết kể phiên dịp nay qua tới cho "
    "hạn chót thứ nhật ngay tận quá khánh niệm mừng động nhi nữ sĩ nghỉ chiến kết kiến"
)
_BEFORE_POINTS = wordset("ngày từ")
_SCALES = wordset("lệ tl qh hoạch đồ")
_BY_DAYS = wordset("trước sau hết")
_ENDS = wordset("từ đến hết tới trước sau qua và vào")
_BEFORE_DASH = wordset("ngày hôm lễ niệm dịp mừng khánh")
_WEEKDAYS = wordset("hai ba tư năm sáu bảy nhật")
_NO_DAY_WORD = wordset("ngày mùng mồng hôm rằm đường")
_HOUR_BEFORE = re.compile(r"\d[hgHG]\d{0,2}'?/$")
_STREETS = wordset("3/2 30/4 2/9 19/5 1/5 8/3 27/7 22/12 19/8 20/11 26/3 23/9 2/4 1/4 27/2 3/3")
_HOUSE = wordset("số ngõ hẻm ngách kiệt đường nhà")
_SUM = re.compile(r"[+=]")
_FEASTS = wordset("2/9 5/9 1/6 3/2 1/5 30/4 20/10 20/11 22/12")
_OF_PARTS = wordset(
    "khoảng hơn có đạt gần chiếm bằng là được số còn giảm tăng kém tới đủ thêm với lấy bớt mất trên dưới trong lệ "
    "hạng binh"
)
_MEASURED = re.compile(
    r"\s?(?:[a-zA-Z°%]{1,4}\d?(?![^\W_])|triệu|nghìn|ngàn|đồng|người|hộ|con|cây|tuổi|tháng|ngày|năm|giờ|phút|lần|lít|độ)"
)
_DASHED = re.compile(r"(?<![\d-])(?:1[3-9]|2\d|3[01])-(?:1[0-2]|0?[1-9])(?:-\d{4})?(?![\d-])")
_OF_THINGS = re.compile(
    r" (?:thôn|xã|xóm|ấp|bản|hộ|tiêu chí|phường|chi|người|em|tổ|đơn vị|trường|thành viên|đại biểu)"
    r"(?! [A-ZĐ\d])(?![^\W_])"
)
_POINTED_DATE = re.compile(r"(?<![\d.])\d{1,2}\.\d{1,2}\.20\d\d(?!\d)")
_LISTED = re.compile(r"(?<![\d/])(\d{1,2}/\d{1,2})(?:,| và|, và| -) $")
_SURE_DAY = re.compile(r"(?<![\d/.,])(?:1[3-9]|2\d|3[01])/(?:1[0-2]|0?[1-9])(?![\d/%]|[.,]\d| ?[a-zđ%°]{1,3}(?![a-z]))")
_CLASS = frozenset({"lớp"})
_LAST_MONTH = 12
_SINCE = 1000
_HALF_CENTURY = 60


@lru_cache(maxsize=4_096)
def _is_day(day: str, month: str, year: str = "2024") -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _month(month: str) -> str:
    return "tháng tư" if int(month) == 4 else f"tháng {cardinal(month)}"  # noqa: PLR2004 - April is `tư`, never `bốn`


def _lead(text: str, pos: int) -> str:
    """`ngày ` unless a word before already says so."""
    return "" if word_before(text, pos) in _NO_DAY_WORD else "ngày "


def _year(year: str | None) -> str:
    return f" năm {cardinal(year)}" if year else ""


def listed_days(text: str, pos: int) -> Read | None:
    """`ngày 3, 4, 5/10/2026`: days in a row with the month of the last."""
    found = _ROW.match(text, pos)
    if found is None or word_before(text, pos) != "ngày":
        return None
    days, month, year = re.findall(r"\d+", found[1]), found[2], found[3]
    if not all(_is_day(day, month) for day in days):
        return None
    return Read(f"{', '.join(map(cardinal, days))} {_month(month)}{_year(year)}", found.end())


def full(text: str, pos: int) -> Read | None:
    """A day with its month and year, in any of the usual spellings."""
    if found := _FULL.match(text, pos):
        day, sign, month, year = found.groups()
        if _is_day(day, month, year) and int(year) >= _SINCE:
            return Read(f"{_lead(text, pos)}{cardinal(day)} {_month(month)}{_year(year)}", found.end())
        if sign == "/":
            return Read(" trên ".join(integer(part) for part in (day, month, year)), found.end())
    if (found := _ISO.match(text, pos)) and _is_day(found[4], found[3], found[1]):
        spoken = f"{_lead(text, pos)}{cardinal(found[4])} {_month(found[3])}{_year(found[1])}"
        return Read(spoken, found.end())
    if (found := _SHORT_YEAR.match(text, pos)) and _is_day(found[1], found[3]):
        year = ("19" if int(found[4]) > _HALF_CENTURY else "20") + found[4]
        return Read(f"{_lead(text, pos)}{cardinal(found[1])} {_month(found[3])}{_year(year)}", found.end())
    return None


def days(text: str, pos: int) -> Read | None:
    """`23-25/11`, `3 và 4/12`: days of one month."""
    found = _DAYS.match(text, pos)
    if found is None or (found[3] == "." and not found[5] and word_before(text, pos) != "ngày"):
        return None
    first, last, _, month, year = found.groups()
    between = "và" if re.search("và|,", found[0]) else "đến"
    listed = (
        between == "và" and word_before(text, pos) not in _NO_DAY_WORD and not near(text, pos, frozenset({"ngày"}), 6)
    )
    if not _is_day(first, month) or not _is_day(last, month) or int(first) >= int(last) or listed:
        return None
    if "," in found[0]:
        between = ","
    lead = "" if near(text, pos, frozenset({"ngày"}), 3) else _lead(text, pos)
    spoken = f"{lead}{cardinal(first)} {between} {cardinal(last)} {_month(month)}{_year(year)}"
    return Read(spoken, found.end())


def span(text: str, pos: int) -> Read | None:
    """`1/3-15/3/2026`, `ngày 1.3-15.3`: from one day to another."""
    found = _SPAN.match(text, pos)
    if found is None:
        return _pointed_span(text, pos)
    day, month, year, last_day, last_month, last_year = found.groups()
    if not _is_day(day, month) or not _is_day(last_day, last_month) or is_formula(text):
        return None
    first = f"{_lead(text, pos)}{cardinal(day)} {_month(month)}{_year(year)}"
    return Read(f"{first} đến ngày {cardinal(last_day)} {_month(last_month)}{_year(last_year)}", found.end())


def _pointed_span(text: str, pos: int) -> Read | None:
    found = _POINTED_SPAN.match(text, pos)
    if found is None or word_before(text, pos) not in _BEFORE_POINTS or "ngày" not in words_of(text):
        return None
    day, month, last_day, last_month = found.groups()
    if not _is_day(day, month) or not _is_day(last_day, last_month):
        return None
    first = f"{_lead(text, pos)}{cardinal(day)} {_month(month)}"
    return Read(f"{first} đến ngày {cardinal(last_day)} {_month(last_month)}", found.end())


def month_year(text: str, pos: int) -> Read | None:
    """`11/2026`, `tháng 11 2026`, and the year of something numbered (`kỳ 1/2026`)."""
    key = word_before(text, pos)
    found = _MONTH_YEAR.match(text, pos)
    if found is None and key == "tháng":
        found = _BARE_MONTH_YEAR.match(text, pos)
        if found is None or not _is_day("1", found[1]):
            return None
        return Read(f"{_month(found[1]).removeprefix('tháng ')}{_year(found[2])}", found.end())
    if found is None or not ends_word(text, found.end()) or int(found[3]) < _SINCE:
        return None
    number, sign, year = found.groups()
    if key in _SCALES:
        return None
    if key in _NUMBERED_YEAR:
        return Read(f"{integer(number)}{_year(year)}", found.end()) if sign == "/" else None
    month = re.fullmatch("0?[1-9]|1[0-2]", number)
    if not month or (sign == "-" and key != "tháng") or not "1900" <= year <= "2199":
        return None
    spoken = _month(number).removeprefix("tháng ") if key == "tháng" else _month(number)
    return Read(f"{spoken}{_year(year)}", found.end())


def day_and_month(text: str, pos: int) -> Read | None:
    """`15/3` where the words around, a leading nought or its size say that it is a day."""
    found = _DAY_MONTH.match(text, pos)
    key = word_before(text, pos)
    if found is None:
        return _dashed(text, pos, key)
    day, month = found.groups()
    if (
        "lớp" in text
        and near(text, pos, _CLASS, 5)
        and int(day) <= _LAST_MONTH
        and "ngày" not in words_before(text, pos, 3)
    ):
        return None
    street = key in ("đường", "đ", "phố", "quảng") and found[0] in _STREETS
    if not _is_day(day, month) or (key in _HOUSE and not street):
        return None
    if street:
        return Read(f"{cardinal(day)} {_month(month)}", found.end())
    if not _is_feast(text, pos, found, key) and not _after_hour(text, pos):
        if key != "ngày" and (found[0] == "24/7" or _OF_THINGS.match(text, found.end())):
            return None
        leading_nought = day[0] == "0" or month[0] == "0"
        if not (leading_nought or key in _LEADS or _speaks_of_days(text, pos) or _too_big(text, pos, found)):
            return None
    return Read(f"{_lead(text, pos)}{cardinal(day)} {_month(month)}", found.end())


def _is_feast(text: str, pos: int, found: re.Match[str], key: str) -> bool:
    return found[0] in _FEASTS and key not in _OF_PARTS and _in_words(text, pos, found.end())


def _after_hour(text: str, pos: int) -> bool:
    """True behind an hour with a slash (`19h/20-11`)."""
    return text[pos - 1 : pos] == "/" and _HOUR_BEFORE.search(text, max(0, pos - 6), pos) is not None


def _dashed(text: str, pos: int, key: str) -> Read | None:
    """`20-11` and `20.11` where the word before or a weekday says that it is a day."""
    dash = _DAY_MONTH_DASH.match(text, pos)
    if dash is None or not _is_day(dash[1], dash[2]):
        return None
    known = (
        key in _BEFORE_DASH
        or _on_weekday(text, pos)
        or (key in _ENDS and _dashed_day(text, dash))
        or (key in _BY_DAYS and int(dash[1]) > _LAST_MONTH and not _MEASURED.match(text, dash.end()))
    )
    rising = "-" in dash[0] and int(dash[2]) > int(dash[1]) and "0" not in (dash[1][0], dash[2][0])
    if not known or (key == "ngày" and rising):
        return None
    return Read(f"{_lead(text, pos)}{cardinal(dash[1])} {_month(dash[2])}", dash.end())


def _dashed_day(text: str, found: re.Match[str]) -> bool:
    """True of `20-1` and `5-2`, which no range can be, and of `3-5` beside one of them, when no unit follows."""
    if _MEASURED.match(text, found.end()):
        return False
    if "." in found[0]:
        return _POINTED_DATE.search(text) is not None
    return int(found[1]) > int(found[2]) or _DASHED.search(text) is not None


def _on_weekday(text: str, pos: int) -> bool:
    """True behind `chủ nhật` or `thứ bảy`, and behind an hour with a slash (`19h/20-11`)."""
    before = words_before(text, pos, 2)
    if _after_hour(text, pos):
        return True
    return before == ("chủ", "nhật") or (len(before) > 1 and before[0] == "thứ" and before[1] in _WEEKDAYS)


def _in_words(text: str, pos: int, end: int) -> bool:
    """True if words stand before `pos`, none of a sum around, and no unit is glued behind."""
    spoken_of = words_before(text, pos, 1)
    return (
        bool(spoken_of) and not spoken_of[0].isdecimal() and not is_formula(text) and not text[end : end + 1].isalpha()
    )


@lru_cache(maxsize=64)
def _names_a_day(text: str) -> bool:
    return _SURE_DAY.search(text) is not None and _SUM.search(text) is None


def _speaks_of_days(text: str, pos: int) -> bool:
    before = words_before(text, pos, 6)
    if _names_a_day(text) and before[-1:] and before[-1] not in _OF_PARTS:
        return True
    if before[-1:] == ("là",) and {"sinh", "nhật"} <= set(before):
        return True
    if "ngày" in before and not any(word.isdecimal() for word in before) and not _SUM.search(text, pos):
        return True
    if len(before) > 1 and before[-2] == "thứ" and before[-1] in (_WEEKDAYS | set("234567")):
        return True
    joined = text[max(0, pos - 16) : pos]
    listed = _LISTED.search(joined)
    if listed and (listed[1] in _FEASTS or int(listed[1].split("/")[0]) > _LAST_MONTH):
        return True
    return bool(re.search(r"(?:/\d{1,2}|\d)(?:,| và| đến| tới| –| -) (?:hết )?$", joined)) and "ngày" in before


def _too_big(text: str, pos: int, found: re.Match[str]) -> bool:
    """In a sentence, more than the whole is hardly a fraction: `họp 15/3`."""
    alone = not re.search(r"[^\W\d_]", text[:pos]) and not re.search(r"[^\W\d_]", text[found.end() : found.end() + 40])
    follows_unit = re.match(r"\s?(?:phần|mmHg|%)", text[found.end() : found.end() + 8])
    return int(found[1]) > int(found[2]) and not alone and not follows_unit and not is_formula(text)
