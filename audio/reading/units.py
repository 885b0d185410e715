"""Units of measure behind a number (`25°C`, `5 km/h`, `1m75`) and after a slash."""

import re

from audio.reading import tables
from audio.reading.context import Read, near, word_before, wordset
from audio.reading.numbers import cardinal

_BEFORE_UNIT = frozenset(" °%‰")
_NOT_SPACED = wordset("A N J t s v w in C F K")
_LABELLED = wordset("A N J V W L K T")
_PLACES = wordset("lớp lô nhà phòng căn số tổ khối tuyến đường tòa toà block khu mã biển hộ cổng dãy kiốt tầng bảng")
_HOLDS = wordset("chai bình can thùng xô lọ hộp ấm nồi bồn bể téc dung tích")
_LOADS = wordset("tải trọng xe nặng")
_CURRENT = wordset("dòng điện cường độ dao aptomat át cầu chì sạc")
_COMPOUND = re.compile(r"(\d{1,3})(m|kg|ha|l|km)(\d{1,2})(?![^\W_]|[.,/]\d|[.-]\d)")
_PER = re.compile(r"\s?/\s?(?:(\d{1,4})\s?)?")
_PER_WORD = re.compile(
    r"(ngày|giờ|đêm|tuần|tháng|năm|phút|giây|lần|người|hộ|héc ta|sào|mẫu|cây|con|gốc|bình|lít|đợt|vụ|buổi|công)"
    r"(?![^\W_])"
)
_COUNTED = re.compile(
    r"\s(tấn|tạ|yến|lần|buổi|viên|gói|lượt|bình|chai|sào|người|cây|con|ca|giờ|liều|mũi|suất|kíp)\s?/\s?(?=[^\W_])"
)
_DEGREE = re.compile(r"\s?(?:°|độ|[oO](?=C))\s?([CFK])(?![^\W_])")
_DEGREE_SIGNS = frozenset("°đoO")
_DEGREES = {"C": "xê", "F": "ép", "K": "ca"}


def unit_at(text: str, pos: int) -> Read | None:
    """The unit written at `pos`, with what it is divided by; no matter what stands before."""
    written = tables.unit_token(text, pos)
    if not written:
        return None
    spoken, end = tables.units()[written], pos + len(written)
    per = _per(text, end)
    return Read(f"{spoken} {per.spoken}", per.end) if per else Read(spoken, end)


def _per(text: str, pos: int) -> Read | None:
    if "/" not in text[pos : pos + 2]:
        return None
    slash = _PER.match(text, pos)
    if slash is None:
        return None
    count = f"{cardinal(slash[1])} " if slash[1] else ""
    word = _PER_WORD.match(text, slash.end())
    if word:
        rest = _per(text, word.end())
        return Read(f"trên {count}{word[1]}{' ' + rest.spoken if rest else ''}", rest.end if rest else word.end())
    written = tables.unit_token(text, slash.end())
    if not written or written in ("%", "°", "in"):
        return None
    return Read(f"trên {count}{tables.units()[written]}", slash.end() + len(written))


def unit(text: str, pos: int, written: str) -> Read | None:
    """The unit of the number `written` that ends at `pos`, glued or after one blank."""
    if text[pos : pos + 1] not in _BEFORE_UNIT and not text[pos : pos + 1].isalpha():
        return None
    near_by = text[pos : pos + 12]
    if near_by.lstrip(" ")[:1] in _DEGREE_SIGNS and (degree := _DEGREE.match(text, pos)):
        return Read(f"độ {_DEGREES[degree[1]]}", degree.end())
    if "/" in near_by and (counted := _COUNTED.match(text, pos)):
        return _counted(text, counted)
    spaced = text[pos : pos + 1] == " "
    written_unit = tables.unit_token(text, pos + spaced)
    if not written_unit or (spaced and written_unit in _NOT_SPACED):
        return None
    if written_unit in _LABELLED and not _means_unit(text, pos, written_unit, written):
        return None
    return unit_at(text, pos + spaced)


def _counted(text: str, found: re.Match[str]) -> Read:
    word = found[1]
    if text[found.end()].isdecimal():
        return Read(f"{word} trên", found.end())
    after = unit_at(text, found.end()) or _word(text, found.end())
    joint = "một" if word in ("lần", "buổi", "viên", "gói", "liều", "mũi", "ca", "giờ", "suất") else "trên"
    return Read(f"{word} {joint} {after.spoken}", after.end)


def _word(text: str, pos: int) -> Read:
    found = re.compile(r"[^\W_]+").match(text, pos)
    return Read(found[0], found.end()) if found and found[0].isalpha() else Read("", pos)


def _means_unit(text: str, pos: int, written_unit: str, written: str) -> bool:
    """A capital glued to a number is a label (`lớp 10A`) unless the words around speak of the measure."""
    start = pos - len(written)
    if "," in written or "." in written:
        return True
    if word_before(text, start) in _PLACES or near(text, start, frozenset({"biển", "mã", "lô", "lớp"}), 2):
        return False
    if written_unit == "L":
        return near(text, start, _HOLDS, 4)
    if written_unit == "T":
        return near(text, start, _LOADS, 4)
    if written_unit == "A":
        return near(text, start, _CURRENT, 4)
    return written_unit in ("V", "W")


def compound(text: str, pos: int) -> Read | None:
    """`1m75`, `3kg2`: the rest is said behind the unit; `m2` and `m3` stay square and cubic metres."""
    found = _COMPOUND.match(text, pos)
    if found is None:
        return None
    whole, unit_written, rest = found.groups()
    if unit_written in ("m", "km") and rest in ("2", "3") and not _of_height(text, pos):
        return None
    return Read(f"{cardinal(whole)} {tables.units()[unit_written]} {cardinal(rest)}", found.end())


def _of_height(text: str, pos: int) -> bool:
    return near(text, pos, frozenset({"cao", "sâu"}), 2)


def bare_unit(text: str, pos: int) -> Read | None:
    """A unit without a number (`đơn vị km`, `km/h`): only those that can't be a Vietnamese word."""
    written = tables.unit_token(text, pos)
    if len(written) < 2 or not written[0].isalpha() or "=" in text[max(0, pos - 4) : pos]:  # noqa: PLR2004 - single letters are names
        return None
    end = pos + len(written)
    if text[end : end + 1] == "/" and not written.isupper() and _per(text, end):
        return unit_at(text, pos)
    return Read(tables.units()[written], end) if written in _UNMISTAKABLE else None


_UNMISTAKABLE = wordset("km kg cm mm km2 m2 m3 cm2 cm3 ml mg mmHg kWh kW kw kWp GHz MHz kHz Hz mmol μg μm cmH2O dm3")
