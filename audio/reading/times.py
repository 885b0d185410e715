"""Times of day and durations: `17h30`, `7:05`, `từ 7h-11h`, `3p20s`."""

import re

from audio.reading.context import Read, near, word_after, word_before, wordset
from audio.reading.numbers import cardinal, decimal

_CLOCK = r"(\d{1,2})\s?(?:[hHgG]|:(?=\d\d))\s?(\d{2})(?:\s?(?:ph(?:út)?|p|'))?(?![\d:]|[.,]\d)(?![^\W\d_])"
_TO = r"\s?(?:[-–÷~]|->)\s?"
_HOUR_MINUTE = re.compile(_CLOCK)
_SHORT_MINUTE = re.compile(r"(\d{1,2})h(\d)(?!\d)(?![^\W\d_])")
_SECONDS = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\s?giây)?(?![\d:]|[.,]\d)")
_LONG = re.compile(r"(\d{1,2})h(\d{1,2})(?:m|p|ph|')?(\d{1,2})s(?![^\W_])")
_HOUR = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)\s?h(?![^\W_]|/(?!\d{1,2}/\d))")
_CAPITAL_HOUR = re.compile(r"(\d{1,2})H(?![^\W_]|/)")
_G_HOUR = re.compile(r"(\d{1,2})g(?![^\W_]|/)")
_MINUTES = re.compile(r"(\d{1,3})(?:p|ph)(\d{1,2})s(?![^\W_])|(\d{1,3})(?:p|ph|')(?![^\W_]|')")
_SPELLED = re.compile(r"(\d{1,2}) giờ (\d{1,2})(?!\d|[/.,]\d|\s?(?:phút|-|–|%))")
_RANGE_START = re.compile(r"(\d{1,2})(?:[hHgG](?:\s?(\d{2}))?|:(\d{2}))" + _TO + r"(?=\d{1,2}(?:[hHgG]|:\d\d))")
_BARE_RANGE = re.compile(r"(\d{1,2})" + _TO + r"(\d{1,2})\s?h(\d{2})?(?![^\W_]|/)")
_RATIO = wordset("lệ số")
_RATIO_BEFORE = frozenset({"tỉ", "tỷ"})
_DAY_PARTS = wordset("sáng trưa chiều tối đêm khuya")
_AT = wordset("lúc từ đến hồi khoảng vào trước sau")
_AFTER_MINUTES = wordset("sáng trưa chiều tối đêm ngày hôm cùng thứ tại đến ở các hàng mỗi")
_ZONES = re.compile(r"\s?(gmt|utc|cst|pst|est|jst|mst|edt|pdt)(?![^\W_])", re.IGNORECASE)
_BEFORE_DATE = re.compile(r"/(?=(?:ngày )?\d{1,2}/\d{1,2}(?!\d))")
_PLATES = wordset("biển mã bks")
_LAST_HOUR, _LAST_MINUTE = 24, 59


def _said(hours: str, minutes: str = "", seconds: str = "") -> str:
    words = [f"{cardinal(hours)} giờ"]
    if minutes.strip("0"):
        words.append(f"{cardinal(minutes)} phút")
    if seconds.strip("0"):
        words.append(f"{cardinal(seconds)} giây")
    return " ".join(words)


def _valid(hours: str, minutes: str = "0", seconds: str = "0") -> bool:
    return int(hours) <= _LAST_HOUR and int(minutes) <= _LAST_MINUTE and int(seconds) <= _LAST_MINUTE


def _with_zone(text: str, spoken: str, end: int) -> Read:
    if _BEFORE_DATE.match(text, end):
        return Read(spoken, end + 1)
    zone = _ZONES.match(text, end)
    return Read(f"{spoken} {zone[1].upper()}", zone.end()) if zone else Read(spoken, end)


_PROPORTION = re.compile(r"\d+(?:[.,]\d+)*(?::\d+(?:[.,]\d+)*){1,4}(?![\d:])")


def time(text: str, pos: int) -> Read | None:
    """A time of day, the start of a range of times, a duration, or a proportion such as `tỷ lệ 2:1`."""
    return _proportion(text, pos) or _range(text, pos) or _clock(text, pos) or _duration(text, pos)


def _proportion(text: str, pos: int) -> Read | None:
    found = _PROPORTION.match(text, pos)
    if found is None or not _is_ratio(text, pos):
        return None
    return Read(" trên ".join(decimal(part) for part in found[0].split(":")), found.end())


def _range(text: str, pos: int) -> Read | None:
    if found := _RANGE_START.match(text, pos):
        minutes = found[2] or found[3] or ""
        if _valid(found[1], minutes or "0"):
            return Read(f"{_said(found[1], minutes)} đến", found.end())
    if (found := _BARE_RANGE.match(text, pos)) and _valid(found[1]) and _valid(found[2], found[3] or "0"):
        return Read(f"{cardinal(found[1])} đến {_said(found[2], found[3] or '')}", found.end())
    return None


def _clock(text: str, pos: int) -> Read | None:
    if found := _SECONDS.match(text, pos):
        return _of_seconds(text, pos, found)
    if (found := _LONG.match(text, pos)) and _valid(found[1], found[2], found[3]):
        return Read(_said(found[1], found[2], found[3]), found.end())
    if found := _HOUR_MINUTE.match(text, pos):
        if ":" in found[0] and _is_ratio(text, pos):
            return None
        if _valid(found[1], found[2]):
            return _with_zone(text, _said(found[1], found[2]), found.end())
        if ":" in found[0] and int(found[1]) <= _LAST_MINUTE and int(found[2]) <= _LAST_MINUTE:
            return Read(f"{cardinal(found[1])} phút {cardinal(found[2])} giây", found.end())
    if (found := _SHORT_MINUTE.match(text, pos)) and _valid(found[1]):
        return Read(_said(found[1], found[2]), found.end())
    if (found := _SPELLED.match(text, pos)) and _valid(found[1], found[2]):
        after = word_after(text, found.end())
        if not after or after.lower() in _AFTER_MINUTES:
            return Read(_said(found[1], found[2]), found.end())
    return None


def _of_seconds(text: str, pos: int, found: re.Match[str]) -> Read | None:
    hours, minutes, seconds = found.groups()
    if _is_ratio(text, pos) or not _valid(hours, minutes, seconds):
        return None
    return _with_zone(text, _said(hours, minutes, seconds), found.end())


def _is_ratio(text: str, pos: int) -> bool:
    return near(text, pos, _RATIO_BEFORE, 5) and near(text, pos, _RATIO, 5)


def _duration(text: str, pos: int) -> Read | None:
    if found := _HOUR.match(text, pos):
        return _with_zone(
            text, f"{decimal(found[1]) if not found[1].isdecimal() else cardinal(found[1])} giờ", found.end()
        )
    if found := _CAPITAL_HOUR.match(text, pos):
        coded = word_before(text, pos) in _PLATES or near(text, pos, _PLATES, 2)
        if _valid(found[1]) and not coded:
            return Read(f"{cardinal(found[1])} giờ", found.end())
    if found := _G_HOUR.match(text, pos):
        by_day = word_after(text, found.end()).lower() in _DAY_PARTS or word_before(text, pos) in _AT
        if by_day and _valid(found[1]):
            return Read(f"{cardinal(found[1])} giờ", found.end())
    if found := _MINUTES.match(text, pos):
        if found[3]:
            return Read(f"{cardinal(found[3])} phút", found.end())
        seconds = f" {cardinal(found[2])} giây" if found[2].strip("0") else ""
        return Read(f"{cardinal(found[1])} phút{seconds}", found.end())
    return None
