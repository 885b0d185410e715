"""Dates, months of a year and their ranges. Context decides between `5/4` the day and `5/4` the fraction."""

import re
from datetime import date

from audio.reading.context import Read, ends_word, is_formula, near, word_before, words_before, wordset
from audio.reading.numbers import cardinal, integer

_FULL = re.compile(r"(\d{1,2})\s?([/.-])\s?(\d{1,2})\s?\2\s?(\d{4})(?!\d|[/-]\d)")
_SHORT_YEAR = re.compile(r"(\d{1,2})([/])(\d{1,2})\2(\d{2})(?![\d/-])")
_ISO = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?!\d|[/-]\d)")
_DAY_MONTH = re.compile(r"(\d{1,2})/(\d{1,2})(?![\d/]|[.,]\d)")
_MONTH_YEAR = re.compile(r"(\d{1,2})\s?([/-])\s?(\d{4})(?![\d/]|[.,]\d)")
_BARE_MONTH_YEAR = re.compile(r"(\d{1,2})\s([12]\d{3})(?![\d/]|[.,]\d)")
_DAY_MONTH_DASH = re.compile(r"(\d{1,2})[-.](\d{1,2})(?!\d|[-./,]\d|\s?%)")
_DAYS = re.compile(r"(\d{1,2})\s?(?:[-–]|đến|và|,)\s?(\d{1,2})([/.])(\d{1,2})(?:\3(\d{4}))?(?![\d/]|[.,]\d)")
_SPAN = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}))?\s?[-–]\s?(\d{1,2})/(\d{1,2})(?:/(\d{4}))?(?![\d/]|[.,]\d)")
_ROW = re.compile(r"(\d{1,2}(?:,\s?\d{1,2}){2,9})/(\d{1,2})(?:/(\d{4}))?(?![\d/]|[.,]\d)")
_NUMBERED_YEAR = wordset("quý kỳ kì đợt lần số hội khóa khoá học")
_LEADS = wordset(
    "ngày hôm sáng trưa chiều tối đêm từ đến trước sau lễ tết mùng mồng rằm vào hết kể phiên dịp nay qua tới cho "
    "hạn chót thứ nhật ngay tận quá khánh niệm mừng động nhi nữ sĩ nghỉ chiến"
)
_BEFORE_DASH = wordset("ngày hôm lễ niệm dịp mừng khánh")
_WEEKDAYS = wordset("hai ba tư năm sáu bảy nhật")
_NO_DAY_WORD = wordset("ngày mùng mồng hôm rằm đường")
_STREETS = wordset("3/2 30/4 2/9 19/5 1/5 8/3 27/7 22/12 19/8 20/11 26/3 23/9 2/4 1/4 27/2 3/3")
_HOUSE = wordset("số ngõ hẻm ngách kiệt đường nhà")
_SUM = re.compile(r"[+=]")
_FEASTS = wordset("2/9 5/9 1/6 3/2 1/5 30/4 20/10 20/11 22/12")
_OF_PARTS = wordset(
    "khoảng hơn có đạt gần chiếm bằng là được số còn giảm tăng kém tới đủ thêm với lấy bớt mất trên dưới trong lệ "
    "hạng binh"
)
_LISTED = re.compile(r"(?<![\d/])(\d{1,2}/\d{1,2})(?:,| và|, và| -) $")
_LAST_MONTH = 12
_DATE_LIKELY = re.compile(r"\d{1,4}\s?[/.-]|\d{1,2} [12]\d{3}")
_SINCE = 1000
_HALF_CENTURY = 60


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


def dated(text: str, pos: int) -> Read | None:
    """A date with its year, a range of days, or a month with its year."""
    if listed := _listed_days(text, pos):
        return listed
    if _DATE_LIKELY.match(text, pos):
        return _span(text, pos) or _days(text, pos) or _full(text, pos) or _month_year(text, pos)
    return _days(text, pos)


def _listed_days(text: str, pos: int) -> Read | None:
    """`ngày 3, 4, 5/10/2026`: days in a row with the month of the last."""
    found = _ROW.match(text, pos)
    if found is None or word_before(text, pos) != "ngày":
        return None
    days, month, year = re.findall(r"\d+", found[1]), found[2], found[3]
    if not all(_is_day(day, month) for day in days):
        return None
    return Read(f"{', '.join(map(cardinal, days))} {_month(month)}{_year(year)}", found.end())


def _full(text: str, pos: int) -> Read | None:
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


def _days(text: str, pos: int) -> Read | None:
    found = _DAYS.match(text, pos)
    if found is None or (found[3] == "." and not found[5]):
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


def _span(text: str, pos: int) -> Read | None:
    found = _SPAN.match(text, pos)
    if found is None:
        return None
    day, month, year, last_day, last_month, last_year = found.groups()
    if not _is_day(day, month) or not _is_day(last_day, last_month) or is_formula(text):
        return None
    first = f"{_lead(text, pos)}{cardinal(day)} {_month(month)}{_year(year)}"
    return Read(f"{first} đến ngày {cardinal(last_day)} {_month(last_month)}{_year(last_year)}", found.end())


def _month_year(text: str, pos: int) -> Read | None:
    key = word_before(text, pos)
    found = _MONTH_YEAR.match(text, pos)
    if found is None and key == "tháng":
        found = _BARE_MONTH_YEAR.match(text, pos)
        if found and _is_day("1", found[1]):
            return Read(f"{_month(found[1]).removeprefix('tháng ')}{_year(found[2])}", found.end())
    if found is None or not ends_word(text, found.end()) or int(found[3]) < _SINCE:
        return None
    number, sign, year = found.groups()
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
        dash = _DAY_MONTH_DASH.match(text, pos)
        sure = dash is not None and key in _BEFORE_DASH and _is_day(dash[1], dash[2])
        if (
            dash is None
            or not sure
            or (
                key == "ngày" and "-" in dash[0] and int(dash[2]) > int(dash[1]) and "0" not in (dash[1][0], dash[2][0])
            )
        ):
            return None
        return Read(f"{_lead(text, pos)}{cardinal(dash[1])} {_month(dash[2])}", dash.end())
    day, month = found.groups()
    street = key in ("đường", "đ", "phố", "quảng") and found[0] in _STREETS
    if not _is_day(day, month) or (key in _HOUSE and not street):
        return None
    if street:
        return Read(f"{cardinal(day)} {_month(month)}", found.end())
    if found[0] == "24/7" and key != "ngày":
        return None
    if found[0] in _FEASTS and key not in _OF_PARTS and _in_words(text, pos, found.end()):
        return Read(f"{_lead(text, pos)}{cardinal(day)} {_month(month)}", found.end())
    leading_nought = day[0] == "0" or month[0] == "0"
    if not (leading_nought or key in _LEADS or _speaks_of_days(text, pos) or _too_big(text, pos, found)):
        return None
    return Read(f"{_lead(text, pos)}{cardinal(day)} {_month(month)}", found.end())


def _in_words(text: str, pos: int, end: int) -> bool:
    """True if words stand before `pos`, none of a sum around, and no unit is glued behind."""
    spoken_of = words_before(text, pos, 1)
    return (
        bool(spoken_of) and not spoken_of[0].isdecimal() and not is_formula(text) and not text[end : end + 1].isalpha()
    )


def _speaks_of_days(text: str, pos: int) -> bool:
    before = words_before(text, pos, 6)
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
