"""Telephone, account and identity numbers, number plates and addresses of machines: said digit by digit."""

import re

from audio.reading.context import Read, near, word_before, words_before, wordset
from audio.reading.letters import spell
from audio.reading.numbers import cardinal, digits, integer

_GAP = r"[ .\-–]"
_ABROAD = re.compile(rf"\+(\d{{1,3}})(?:{_GAP})?\(?(\d{{2,11}})\)?((?:{_GAP}\d{{2,9}}){{0,5}})(?!\d)")
_BRACKETED_ABROAD = re.compile(rf"\(\+(\d{{1,3}})\)\s?(\d{{2,11}})((?:{_GAP}\d{{2,9}}){{0,5}})(?!\d)")
_BRACKETED = re.compile(rf"\((0\d{{1,4}})\)\s?(\d{{1,9}})((?:{_GAP}\d{{2,9}}){{0,4}})(?!\d)")
_GROUPED = re.compile(rf"(0\d{{1,4}})((?:{_GAP}\d{{1,8}}){{1,4}})(?!\d|/(?!\s?0\d{{2}})|%)")
_SOLID = re.compile(r"0\d{8,10}(?!\d)")
_COUNTRY = re.compile(rf"84{_GAP}\d{{1,3}}(?:{_GAP}\d{{2,8}}){{1,3}}(?!\d)")
_SERVICE = re.compile(rf"(1[89]00)(?:{_GAP}(\d{{2,6}})((?:{_GAP}\d{{2,4}}){{0,2}})|(\d{{4,6}}))(?!\d|[/%])")
_SHORT = re.compile(r"\d{3,8}(?![^\W_]|[/%:]|[.,-]\d)")
_LOCAL = re.compile(r"[2-9]\.\d{3}[. ]\d{3}(?![\d/%.,]|\s?(?:đ|đồng|người|hộ)(?![^\W_]))")
_LINES = wordset("thoại đt sđt bàn tel fax")
_LONG_GROUPS = re.compile(r"\d{3,6}(?:[ -]\d{3,6}){1,5}(?!\d|[/%])")
_CODE = re.compile(r"\d{4,}(?:[-–]\d{2,6})*(?![\d/%]|[.,]\d)")
_TELEPHONE = re.compile(r"[ .:]{0,3}(?:\(?0\d{1,3}|\+84|1[89]00)[ .\-)]{0,2}\d")
_DIGITS = re.compile(r"\d+")
_YEARS = re.compile(r"(?:19|20)\d\d(?:[-–](?:19|20)\d\d)(?![\d-])")
_MIXED_CODE = re.compile(r"\w{1,12}(?:\.\w{1,12}){2,7}(?![^\W_])")
_PLATE = re.compile(r"(\d{2})\s?-?\s?([A-ZĐ]{1,2}\d?)\s?[- ]\s?(\d{3}\.?\d{2}|\d{4,5})(?!\d)")
_SHORT_PLATE = re.compile(r"(\d{2})([A-ZĐ]{1,2}\d?)(?![^\W_])")
_DOTTED = re.compile(r"\d{1,4}(?:\.\d{1,4}){2,3}(?![\d.]\d|\.?\d)")
_EMERGENCY = frozenset({"111", "112", "113", "114", "115", "1022", "116", "117", "119", "109"})
_EMERGENCY_NUMBER = re.compile(r"1(?:1[1-7]|022|09)(?![^\W_]|[/%]|[.,-]\d| ?(?:triệu|nghìn|đồng))")
_CALLING = re.compile(
    r"(?i:gọi|đường dây nóng|tổng đài|số máy)|1(?:1[1-7]|022)\s?(?::|\(|–|- ).{1,40}(?<!\d)1(?:1[1-7]|022)(?!\d)"
)
_NUMBERED = wordset("điều khoản lớp phòng nhà tổ thôn đội mục trang tuyến xe quyết")
_ANSWERING = wordset("để hoặc và khi nếu hay đối báo cứu cảnh công là khẩn về ngay của trong phòng thuộc có")
_CALL = wordset("gọi đài hotline dây nóng bấm máy phone zalo viber fax alo khẩn cấp gấp thoại tel đt sđt đtdđ")
_ASKED = wordset("gọi số đài thoại đt sđt máy hotline")
_CALL_MORE = wordset("gọi đài hotline nóng")
_HOLDERS = wordset(
    "cccd cmnd cmtnd khoản stk mã mst thẻ serial seri otp bhxh bhyt imei pin mật khẩu căn cước hiệu chiếu tk sim"
)
_PLATE_WORDS = wordset("biển bks")
_SUMS = wordset(
    "triệu tỷ tỉ nghìn ngàn đồng đ vnđ người hộ con cây ha kg m2 tấn lít năm lượt kv v w kw m km cm mm mét tuổi"
)
_THING = re.compile(r"\s?([^\W\d_]+)")
_LOT = re.compile(r"(\d{2})([A-Z]{1,3})-(\d{3,6})(?![^\W_])")
_LOT_WORDS = wordset("mã lô số hiệu")
_FERTILISERS = wordset("npk phân lân kali")
_FEWEST, _MOST = 8, 12
_CARD = 12


def telephone_follows(text: str, pos: int) -> bool:
    """True if the beginning of a telephone number stands at `pos`, after blanks or a colon."""
    return _TELEPHONE.match(text, pos) is not None


def _spaced(*groups: str) -> str:
    """Groups of digits, a breath between them."""
    parts = [part for group in groups for part in _DIGITS.findall(group or "")]
    return ", ".join(digits(part) for part in parts)


def _count(*groups: str) -> int:
    return sum(char.isdecimal() for group in groups for char in group or "")


def phone(text: str, pos: int) -> Read | None:
    """A telephone number: abroad, area code, mobile, `1900…`, or an emergency number after `gọi`."""
    first = text[pos]
    if first in "+(":
        for pattern in (_ABROAD, _BRACKETED_ABROAD):
            if (found := pattern.match(text, pos)) and _FEWEST <= _count(*found.groups()) <= _MOST + 3:
                return Read(f"cộng {_spaced(*found.groups())}", found.end())
    if first == "0" and (found := _SOLID.match(text, pos)):
        return Read(digits(found[0]), found.end())
    if first in "(0":
        found = (_GROUPED if first == "0" else _BRACKETED).match(text, pos)
        fewest = _FEWEST + (not near(text, pos, _ASKED, 2))
        if found and fewest <= _count(*found.groups()) <= _MOST:
            return Read(_spaced(*found.groups()), found.end())
    if first == "1" and (found := _SERVICE.match(text, pos)):
        said = _spaced(*found.groups())
        return Read(said if _count(*found.groups()) > _FEWEST + 2 else said.replace(",", ""), found.end())
    if first == "8" and (found := _COUNTRY.match(text, pos)) and near(text, pos, _CALL, 3):
        return Read(_spaced(found[0]), found.end())
    return _short(text, pos)


def _short(text: str, pos: int) -> Read | None:
    if text[pos] == "1" and (emergency := _EMERGENCY_NUMBER.match(text, pos)) and _called(text, emergency):
        return Read(digits(emergency[0]), emergency.end())
    if text[pos + 1 : pos + 2] == "." and (local := _LOCAL.match(text, pos)) and near(text, pos, _LINES, 2):
        return Read(_spaced(local[0]), local.end())
    if text[pos] != "1" and (key := word_before(text, pos)) not in _CALL and key != "số":
        return None
    found = _SHORT.match(text, pos)
    if found is None:
        return None
    if found[0] not in _EMERGENCY and (key := word_before(text, pos)) not in _CALL and key != "số":
        return None
    before = words_before(text, pos, 3)
    if found[0] in _EMERGENCY and (not _CALL.isdisjoint(before) or before[-1:] == ("số",)):
        return Read(digits(found[0]), found.end())
    after = _THING.match(text, found.end())
    counts = after is not None and after[1].lower() in _SUMS
    called = before[-1:] and (
        before[-1] in _CALL or (len(before) > 1 and before[-1] == "số" and before[-2] in _CALL_MORE)
    )
    return Read(digits(found[0]), found.end()) if called and not counts else None


def _called(text: str, found: re.Match[str]) -> bool:
    """True of an emergency number in a sentence that tells to call one, unless things are counted with it."""
    if _CALLING.search(text) is None or word_before(text, found.start()) in _NUMBERED:
        return False
    after = _THING.match(text, found.end())
    return after is None or after[1].lower() in _ANSWERING


def identity(text: str, pos: int) -> Read | None:
    """A number of a card, account, tax payer or parcel: long, grouped by four, or after a word that says so."""
    if (groups := _LONG_GROUPS.match(text, pos)) and _count(groups[0]) >= _CARD:
        return Read(_spaced(groups[0]), groups.end())
    mixed, found = _MIXED_CODE.match(text, pos), _CODE.match(text, pos)
    if not (groups or mixed or found):
        return None
    held = near(text, pos, _HOLDERS, 4) and not _YEARS.search(text, max(0, pos - 5), pos + 9)
    if held and mixed:
        return Read(" chấm ".join(spell(part) for part in mixed[0].split(".")), mixed.end())
    if held and groups:
        return Read(_spaced(groups[0]), groups.end())
    if found is None or not (held or (found[0][0] == "0" and "-" in found[0])):
        return None
    after = _THING.match(text, found.end())
    return None if after and after[1].lower() in _SUMS else Read(digits(found[0]), found.end())


def plate(text: str, pos: int) -> Read | None:
    """A vehicle's number plate; a bare `51H` only after `biển`."""
    found = _PLATE.match(text, pos)
    if found is not None:
        tail = " chấm ".join(digits(part) for part in found[3].split("."))
        return Read(f"{cardinal(found[1])} {spell(found[2])} {tail}", found.end())
    if (found := _LOT.match(text, pos)) and near(text, pos, _LOT_WORDS, 2):
        return Read(f"{cardinal(found[1])} {spell(found[2])} {digits(found[3])}", found.end())
    if (found := _SHORT_PLATE.match(text, pos)) and near(text, pos, _PLATE_WORDS, 2):
        return Read(f"{cardinal(found[1])} {spell(found[2])}", found.end())
    return None


def dotted(text: str, pos: int) -> Read | None:
    """`192.168.1.1` or a version `1.25.3`: digits and `chấm`, unless the points part thousands."""
    found = _DOTTED.match(text, pos)
    if found is None:
        return None
    parts = found[0].split(".")
    if all(len(part) == 3 for part in parts[1:]) and word_before(text, pos) not in ("ip", "là"):  # noqa: PLR2004
        return None
    if near(text, pos, _FERTILISERS, 4):
        return Read(" ".join(integer(part) for part in parts), found.end())
    if any(part == "000" for part in parts):
        return None
    return Read(" chấm ".join(digits(part) for part in parts), found.end())


def numbered(text: str, pos: int) -> Read | None:
    """`#45021`: a number of an order, digit by digit; `#1` keeps its sign."""
    found = re.compile(r"#\s?(\d+)(?![^\W_])").match(text, pos)
    if found is None:
        return None
    if len(found[1]) >= 3:  # noqa: PLR2004
        return Read(digits(found[1]), found.end())
    return Read(f"thăng {cardinal(found[1])}", found.end())
