"""Times of day and durations: `17h30`, `7:05`, `từ 7h-11h`, `3p20s`."""

import re

from audio.reading.context import Read, near, word_after, word_before, words_of, wordset
from audio.reading.numbers import cardinal, decimal

_CLOCK = r"(\d{1,2})\s?(?:[hHgG]|:(?=\d\d))\s?(\d{2})(?:\s?(?:ph(?:út)?|p|'))?(?!\d|:\d|[.,]\d)(?![^\W\d_])"
_TO = r"\s?(?:[-–÷~]|->)\s?"
_HOUR_MINUTE = re.compile(_CLOCK)
_HOUR_THEN_DATE = re.compile(r"\d{1,2}[hHgG] \d{1,2}/\d")
_SHORT_MINUTE = re.compile(r"(\d{1,2})h(\d)(?!\d)(?![^\W\d_])")
_SECONDS = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:\s?giây)?(?![\d:]|[.,]\d)")
_LONG = re.compile(r"(\d{1,2})h(\d{1,2})(?:m|p|ph|')?(\d{1,2})s(?![^\W_])")
_HOUR = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)\s?h(?![^\W_]|/(?!\d{1,2}[/-]\d))")
_POINTED = re.compile(r"(\d{1,2})\.(\d{2})\s?h(?![^\W_]|/(?!\d{1,2}[/-]\d))")
_CAPITAL_HOUR = re.compile(r"(\d{1,2})H(?![^\W_]|/)")
_G_HOUR = re.compile(r"(\d{1,2})g(?![^\W_]|/)")
_MINUTES = re.compile(r"(\d{1,3})(?:p|ph)(\d{1,2})s(?![^\W_])|(\d{1,3})(?:p|ph|')(?![^\W_]|')")
_SPELLED = re.compile(r"(\d{1,2}) ?giờ ?(\d{1,2})(?:\s?(?:(phút)(?![^\W_])|')|(?!\d|[/.,]\d|\s?(?:phút|-|–|%)))")
_RANGE_START = re.compile(
    r"(\d{1,2})(?:[hHgG](?:\s?(\d{2}))?|:(\d{2}))(?:'|\s?ph(?:út)?)?" + _TO + r"(?=\d{1,2}(?:[hHgG]|:\d\d))"
)
_BARE_RANGE = re.compile(r"(\d{1,2})" + _TO + r"(\d{1,2})\s?h(\d{2})?(?![^\W_]|/)")
_RATIO = wordset("lệ số")
_RATIO_BEFORE = frozenset({"tỉ", "tỷ"})
_DAY_PARTS = wordset("sáng trưa chiều tối đêm khuya")
_AT = wordset("lúc từ đến hồi khoảng vào trước sau")
_AFTER_MINUTES = wordset("sáng trưa chiều tối đêm ngày hôm cùng thứ tại đến ở các hàng mỗi")
_ZONES = re.compile(r"\s?(gmt|utc|cst|pst|est|jst|mst|edt|pdt)(?![^\W_])", re.IGNORECASE)
_BEFORE_DATE = re.compile(r"/(?=(?:ngày )?\d{1,2}[/-]\d{1,2}(?!\d))")
_PLATES = wordset("biển mã bks")
_FERTILISERS = wordset("npk phân")
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


_SCALE = re.compile(r"1:\d{3,6}|1:\d{1,3}(?:\.000)+")


def proportion(text: str, pos: int) -> Read | None:
    """`tỷ lệ 2:1`, `1:2000`: one in another."""
    found = _PROPORTION.match(text, pos)
    if found is None or not (_is_ratio(text, pos) or (_SCALE.fullmatch(found[0]) and text[pos - 1 : pos] != "-")):
        return None
    return Read(" trên ".join(decimal(part) for part in found[0].split(":")), found.end())


def start_of_range(text: str, pos: int) -> Read | None:
    """`7h-` of `7h-11h`, and `7-11h` whole."""
    if found := _RANGE_START.match(text, pos):
        minutes = found[2] or found[3] or ""
        if _valid(found[1], minutes or "0"):
            return Read(f"{_said(found[1], minutes)} đến", found.end())
    if (found := _BARE_RANGE.match(text, pos)) and _valid(found[1]) and _valid(found[2], found[3] or "0"):
        return Read(f"{cardinal(found[1])} đến {_said(found[2], found[3] or '')}", found.end())
    return None


def clock(text: str, pos: int) -> Read | None:
    """A time of day with its minutes, and seconds if any."""
    if found := _SECONDS.match(text, pos):
        return _of_seconds(text, pos, found)
    if (found := _LONG.match(text, pos)) and _valid(found[1], found[2], found[3]):
        return Read(_said(found[1], found[2], found[3]), found.end())
    if (found := _HOUR_MINUTE.match(text, pos)) and not _HOUR_THEN_DATE.match(text, pos):
        if ":" in found[0] and _is_ratio(text, pos):
            return None
        if _valid(found[1], found[2]):
            return _with_zone(text, _said(found[1], found[2]), found.end())
        if ":" in found[0] and int(found[1]) <= _LAST_MINUTE and int(found[2]) <= _LAST_MINUTE:
            return Read(f"{cardinal(found[1])} phút {cardinal(found[2])} giây", found.end())
    if (found := _SHORT_MINUTE.match(text, pos)) and _valid(found[1]):
        return Read(_said(found[1], found[2]), found.end())
    if (found := _SPELLED.match(text, pos)) and _valid(found[1], found[2]):
        after = "" if found[3] or text[found.end() - 1] == "'" else word_after(text, found.end())
        if not after or after.lower() in _AFTER_MINUTES:
            return Read(_said(found[1], found[2]), found.end())
    return None


def _of_seconds(text: str, pos: int, found: re.Match[str]) -> Read | None:
    hours, minutes, seconds = found.groups()
    if _is_ratio(text, pos) or not _valid(hours, minutes, seconds) or not _FERTILISERS.isdisjoint(words_of(text)):
        return None
    return _with_zone(text, _said(hours, minutes, seconds), found.end())


def _is_ratio(text: str, pos: int) -> bool:
    return near(text, pos, _RATIO_BEFORE, 5) and near(text, pos, _RATIO, 5)


def whole(text: str, pos: int) -> Read | None:
    """Hours or minutes alone: `17h`, `1,5h`, `45p`, `3p20s`."""
    if (found := _POINTED.match(text, pos)) and _valid(found[1], found[2]):
        return _with_zone(text, _said(found[1], found[2]), found.end())
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
