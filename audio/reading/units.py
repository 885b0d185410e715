"""Units of measure behind a number (`25°C`, `5 km/h`, `1m75`) and after a slash."""

import re

from audio.reading import tables
from audio.reading.context import Read, near, word_before, words_of, wordset
from audio.reading.numbers import cardinal

_BEFORE_UNIT = frozenset(" °%‰")
_NOT_SPACED = wordset("A N J t s v w in C F K")
_LABELLED = wordset("A N J V W L K T")
_PLACES = wordset("lớp lô nhà phòng căn số tổ khối tuyến đường tòa toà block khu mã biển hộ cổng dãy kiốt tầng bảng")
_HOLDS = wordset("chai bình can thùng xô lọ hộp ấm nồi bồn bể téc dung tích")
_LOADS = wordset("tải trọng xe nặng")
_WINDS = {"N": "Bắc", "E": "Đông", "S": "Nam", "W": "Tây"}
_WIND = re.compile(r"[NESW](?![^\W_])")
_STORMS = wordset("bão tâm thấp tọa toạ vĩ")
_CHILDREN = wordset("mg mn mầm mẫu")
_MONTHS_OF = re.compile(r"T/(?=(?:19|20)\d\d(?!\d))")
_OF_TIME = re.compile(r"T(?=[ /](?:đầu|cuối|năm|20\d\d))")
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
_EVERY = re.compile(r"\s?(phút|giờ|ngày|đêm|tuần|tháng|quý|năm|vụ)/lần(?![^\W_])")
_DEGREE = re.compile(r"\s?(?:°|độ|[oO](?=C))\s?([CFKNESW])(?![^\W_])")
_ANGLE = re.compile(r"(\d{1,3})°\s?(\d{1,2})'(?!['\d])(?:\s?([NESW])(?![^\W_]))?(\s?[-–]\s?(?=\d{1,3}°))?")
_LOST_RING = re.compile(r"(\d{1,2}) ?0C(?![^\W_])")
_WARM = wordset("nhiệt độ ngâm nước sấy ấm lạnh nóng rét sốt trời hanh nắng")
_DEGREE_SIGNS = frozenset("°đoO")
_DEGREES = {"C": "xê", "F": "ép", "K": "ca"}


def unit_at(text: str, pos: int) -> Read | None:
    """The unit written at `pos`, with what it is divided by; no matter what stands before."""
    written = tables.unit_token(text, pos)
    return _divided(text, pos, written) if written else None


def _divided(text: str, pos: int, written: str) -> Read:
    """The words of the unit `written` at `pos`, and of what it is divided by."""
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
    first = text[pos : pos + 1]
    if first not in _BEFORE_UNIT and not first.isalpha():
        return None
    near_by = text[pos : pos + 12]
    if "/lần" in near_by and (every := _EVERY.match(text, pos)):
        return Read(f"{every[1]} một lần", every.end())
    if (near_by.lstrip(" ")[:1] if first == " " else first) in _DEGREE_SIGNS and (degree := _DEGREE.match(text, pos)):
        return Read(f"độ {_DEGREES.get(degree[1]) or _WINDS[degree[1]]}", degree.end())
    if "/" in near_by and (counted := _COUNTED.match(text, pos)):
        return _counted(text, counted)
    if first in _WINDS and (side := _WIND.match(text, pos)) and not _STORMS.isdisjoint(words_of(text)):
        return Read(f"độ {_WINDS[side[0]]}", side.end())
    spaced = first == " "
    written_unit = tables.unit_token(text, pos + spaced)
    if not written_unit or (spaced and written_unit in _NOT_SPACED):
        return None
    if written_unit == "T" and not spaced and (found := _age_or_months(text, pos, written)):
        return found
    if written_unit in _LABELLED and not _means_unit(text, pos, written_unit, written):
        return None
    return _divided(text, pos + spaced, written_unit)


def angle(text: str, pos: int) -> Read | None:
    """`16°05'N`: degrees and minutes of a place on the map, with its side."""
    found = _ANGLE.match(text, pos)
    if found is None:
        return None
    side = f" {_WINDS[found[3]]}" if found[3] else ""
    return Read(f"{cardinal(found[1])} độ {cardinal(found[2])} phút{side}{',' if found[4] else ''}", found.end())


def lost_ring(text: str, pos: int) -> Read | None:
    """`280C` and `28 0C`, where the raised ring of a degree came through as a nought."""
    found = _LOST_RING.match(text, pos)
    if found is None or _WARM.isdisjoint(words_of(text)):
        return None
    return Read(f"{cardinal(found[1])} độ xê", found.end())


def _age_or_months(text: str, pos: int, written: str) -> Read | None:
    """`6T đầu năm` is months, `4T` of a nursery years of age."""
    if of_year := _MONTHS_OF.match(text, pos):
        return Read("tháng năm", of_year.end())
    if _OF_TIME.match(text, pos):
        return Read("tháng", pos + 1)
    if written.isdecimal() and len(written) < 3 and not _CHILDREN.isdisjoint(words_of(text)):  # noqa: PLR2004
        return Read("tuổi", pos + 1)
    return None


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
        return near(text, start, _LOADS, 4) and not _OF_TIME.match(text, pos)
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


def plain_unit(text: str, pos: int) -> Read | None:
    """`m3` and `km2` behind a word (`triệu m3`), before the letters could be taken for a code."""
    written = tables.unit_token(text, pos)
    return (
        Read(tables.units()[written], pos + len(written))
        if written[-1:] in _RAISED and written in _UNMISTAKABLE
        else None
    )


def bare_unit(text: str, pos: int) -> Read | None:
    """A unit without a number (`đơn vị km`, `km/h`): only those that can't be a Vietnamese word."""
    written = tables.unit_token(text, pos)
    if len(written) < 2 or not written[0].isalpha() or "=" in text[max(0, pos - 4) : pos]:  # noqa: PLR2004 - single letters are names
        return None
    end = pos + len(written)
    if text[end : end + 1] == "/" and not written.isupper() and _per(text, end):
        return unit_at(text, pos)
    return Read(tables.units()[written], end) if written in _UNMISTAKABLE else None


_RAISED = ("2", "3")
_UNMISTAKABLE = wordset("km kg cm mm km2 m2 m3 cm2 cm3 ml mg mmHg kWh kW kw kWp GHz MHz kHz Hz mmol μg μm cmH2O dm3")
