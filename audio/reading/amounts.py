"""Amounts: a number, or a range of two, with what is counted behind it (money, measure, per cent)."""

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from audio.reading import money, tables, units
from audio.reading.context import Read, is_formula, word_after, word_before, words_before, words_of, wordset
from audio.reading.numbers import cardinal, decimal, integer, is_thousands, plain, scientific

_NUMBER = re.compile(
    r"(?:\d{1,3}(?: \d{3}){2,6}(?!\d)|[1-9]\d{0,2} \d{3}(?= ?(?:đ|đồng|VNĐ|VND|vnđ)(?![^\W_]))|\d+(?:[.,]\d+)*)"
)
_TO = re.compile(r"\s?[-–÷~]\s?(?=\d)|\s–\s(?=\d)")
_POWER = re.compile(r"\^?([-+]?)(\d{1,3})(?!\d)")
_TIMES_TEN = re.compile(r"\s?[xX×*.]\s?10\^([-+]?)(\d{1,3})(?!\d)")
_EXPONENT = re.compile(r"(?:(?<=[.,]\d)E|e|E(?=[-+]))([-+]?)(\d{1,3})(?![\w.])")
_TIMES = re.compile(r"\s?[x×X*]\s?(?=\d)")
_FRACTION = re.compile(r"(\d{1,6})/(\d{1,6})(?![\d/]|[.,]\d|-\d{1,3}(?![\d/]))")
_MIXED = re.compile(r"(\d{1,4}) (\d{1,2})/(\d{1,3})(?![\d/]|[.,]\d)")
_SCORE = wordset("số thắng thua hòa hoà dẫn gỡ cuộc trước")
_SCORE_LEAD = wordset("tỉ tỷ thắng thua hòa hoà dẫn gỡ chung")
_GAMES = wordset("luân trận bóng hiệp")
_NO_TEAM = wordset(
    "điều trang khoản mục chương bài tiết tuần tháng quý cấp lớp khối số từ khoảng năm phần tập tổ thôn xóm khu bản ấp "
    "ngày nhóm độ quốc"
)
_COUNTED = wordset("thôn xã xóm ấp bản hộ tiêu đồng đại phường chi người em tổ đơn trường")
_OVER = wordset("số bậc ngõ hẻm ngách kiệt đường nhà lô ấp tổ đ hạng binh")
_COUNTED_OF_MANY = wordset(
    "ý phiếu cơ đội lớp hội cán đảng học cháu trẻ ca mẫu điểm địa ngành phòng thành chỉ mục nội dự công khu cụm tuyến "
    "câu"
)
_QUARTERS = 4
_MINUS = wordset("bằng tính quả trừ")
_WORD_BEFORE = re.compile(r"([^\W\d_]+) $")
_EQUATION = re.compile(r"[=√^]")
_SMALL, _TEN, _SCORE_MOST = 20, 10, 30
_LONG = 7
_SHORT_FORMS = frozenset("kKtTn$€mhl")
_POWERS = frozenset("xX×*.eE")
_DECIMALS = frozenset("0123456789")
_GOES_ON = _POWERS | _DECIMALS | {"^"}
_DASHES = frozenset("-–÷~")
_NOTHING = frozenset(",;:!?()[]{}\"'\n+=<>&") | {""}
_RATED = re.compile("(?: vôn| am pe| oát)$")
_JOINTS = frozenset("-–÷~xX×*")


class Amount(NamedTuple):
    """A number as written, its words, and where it ends."""

    written: str
    spoken: str
    end: int


def number(text: str, pos: int) -> Amount | None:
    """The number at `pos` with its sign, power of ten and mixed fraction."""
    negative = text[pos] == "-"
    start = pos + negative
    found = _NUMBER.match(text, start)
    if found is None:
        return None
    sign = "âm " if negative and word_before(text, pos) != "âm" else ""
    written, end = found[0], found.end()
    follows = text[end : end + 1]
    if follows == " ":
        follows = text[end + 1 : end + 2]
    if follows not in _GOES_ON:
        return Amount(written, sign + value(written), end)
    if (
        follows in _DECIMALS
        and text[end] == " "
        and (mixed := _MIXED.match(text, start))
        and int(mixed[2]) < int(mixed[3])
        and not negative_date(text, pos)
    ):
        spoken = f"{integer(mixed[1])} và {fraction_words(mixed[2], mixed[3])}"
        return Amount(written, sign + spoken, mixed.end())
    spoken = value(written)
    for pattern in (_TIMES_TEN, _EXPONENT) if follows in _POWERS else ():
        if power := pattern.match(text, end):
            return Amount(written, f"{sign}{scientific(written)} nhân mười mũ {_power(power)}", power.end())
    if text[end : end + 1] == "^" and (power := _POWER.match(text, end)):
        return Amount(written, f"{sign}{spoken} mũ {_power(power)}", power.end())
    return Amount(written, sign + spoken, end)


@lru_cache(maxsize=8_192)
def value(written: str) -> str:
    """The words of a written number, whatever stands around."""
    return plain(written) if written.isdecimal() else decimal(written)


def negative_date(text: str, pos: int) -> bool:
    """True where `ngày 5 1/3` would be read as a mixed number."""
    return word_before(text, pos) in ("ngày", "thứ", "tháng")


def _power(found: re.Match[str]) -> str:
    return f"{'trừ ' if found[1] == '-' else ''}{decimal(found[2])}"


def fraction_words(above: str, below: str) -> str:
    """`một phần hai` for small ones, `bốn mươi lăm trên tám nghìn` for others."""
    if above[0] == "0" or below[0] == "0" or int(above) > _SMALL or int(below) > _TEN or above == below:
        return f"{integer(above)} trên {integer(below)}"
    return f"{integer(above)} phần {'tư' if int(below) == 4 else integer(below)}"  # noqa: PLR2004 - a quarter is `tư`


def fraction(text: str, pos: int) -> Read | None:
    """`3/4`, with what is measured behind it (`1/2kg`); a house number and a sum say `trên`."""
    if (chain := _HOUSE.match(text, pos)) and word_before(text, pos) in _HOUSE_WORDS:
        return Read(" trên ".join(map(integer, chain[0].split("/"))), chain.end())
    found = _FRACTION.match(text, (text[pos] == "-" and pos + 1) or pos)
    if found is None:
        return None
    over = is_formula(text) or "+" in text or word_before(text, pos) in _OVER
    over = over or ("lớp" in text and "lớp" in words_before(text, pos, 5))
    over = over or _of_things(word_after(text, found.end()), int(found[2]))
    spoken = f"{integer(found[1])} trên {integer(found[2])}" if over else fraction_words(found[1], found[2])
    sign = "âm " if text[pos] == "-" else ""
    unit = units.unit(text, found.end(), found[0])
    if unit:
        return Read(f"{sign}{spoken} {unit.spoken}", unit.end)
    return Read(sign + spoken, found.end())


def _of_things(counted: str, whole: int) -> bool:
    """True of `3/9 thôn`, and of `7/8 ý kiến` but not of `3/4 học sinh`: so many out of so many."""
    return counted in _COUNTED or (counted in _COUNTED_OF_MANY and whole > _QUARTERS)


_HOUSE = re.compile(r"\d{1,4}(?:/\d{1,4}){2,4}(?![\d/]|[.,]\d)")
_HOUSE_WORDS = wordset("số ngõ hẻm ngách kiệt đường nhà")
_LIST = re.compile(r"\d{1,2}(?:,\d{1,2}){1,12}(?![\d.,/]?\d|\s?(?:%|tỷ|tỉ|triệu|nghìn))")
_YEARS = re.compile(r"([12]\d{3})/([12]\d{3})(?![\d/])")
_NUMBERED = wordset(
    "thôn tổ xóm ấp bản khóm khu khoản điều khối lớp ngày tuần cấp tháng phường tdp đội thứ kỳ khóa mũi đợt vòng bước "
    "mục loại nhóm hạng"
)
_NO_STEP = wordset("cùng phụ trợ nâng")
_NAMED = re.compile(r"[^\W\d_]+ [A-ZĐÀ-Ỹ][^\W\d_A-Z]+ $")
_MANY = 3
_AFTER = re.compile(r" ([^\W\d_]+)")
_FORMULA = re.compile(r"\d{1,3}(?:-\d{1,3}){2,4}(?![\d/-])")
_OF_TWO = re.compile(r"\d{1,2}-\d{1,2}(?![\d/-])")


def series(text: str, pos: int) -> Read | None:
    """Three numbers or more with hyphens (`NPK 16-16-8`), and two behind `DAP`, are a formula, not a range."""
    found = _FORMULA.match(text, pos)
    if found is None and word_before(text, pos) == "dap":
        found = _OF_TWO.match(text, pos)
    return Read(" ".join(map(integer, found[0].split("-"))), found.end()) if found else None


def listed(text: str, pos: int) -> Read | None:
    """`thôn 1,2,3`, `cấp 6,7`: numbers of things with only commas between; a school year `2025/2026` too."""
    if (found := _YEARS.match(text, pos)) and int(found[2]) - int(found[1]) == 1:
        return Read(f"{integer(found[1])}, {integer(found[2])}", found.end())
    found = _LIST.match(text, pos)
    if found is None or _measured(text, found.end()):
        return None
    numbers = found[0].split(",")
    before = words_before(text, pos, 2)
    named = word_before(text, pos) in _NUMBERED and _NO_STEP.isdisjoint(before) and numbers[0] != "0"
    named = named or (_NAMED.search(text, max(0, pos - 24), pos) is not None and _in_order(numbers, text, found.end()))
    rising = all(int(one) < int(two) for one, two in pairwise(numbers))
    if not named and (len(numbers) < _MANY or not rising):
        return None
    weekdays = word_before(text, pos) == "thứ"
    return Read(", ".join("tư" if weekdays and one == "4" else integer(one) for one in numbers), found.end())


def _measured(text: str, end: int) -> bool:
    return bool(tables.unit_token(text, end + (text[end : end + 1] == " ")))


def _in_order(numbers: list[str], text: str, end: int) -> bool:
    """True of `1,2` with nothing counted behind it."""
    follows = all(int(two) - int(one) == 1 for one, two in pairwise(numbers))
    return follows and not _AFTER.match(text, end) and not text[end : end + 2].strip().isalnum()


def amount(text: str, pos: int) -> Read | None:
    """A number or a range with its money, unit or nothing behind."""
    first = number(text, pos)
    if first is None:
        return None
    end = first.end
    follows = text[end : end + 1]
    if follows == " ":
        follows = text[end + 1 : end + 2]
    if follows in _NOTHING:
        return Read(first.spoken, end)
    if follows in _DASHES:
        return _maybe_range(text, pos, first.spoken, end, first)
    if follows in _SHORT_FORMS and (special := money.slang(text, pos) or units.compound(text, pos)):
        sign = "âm " if first.spoken.startswith("âm ") else ""
        return _maybe_range(text, pos, sign + special.spoken, special.end, first)
    tail = _tail(text, first)
    if tail and "," in first.written and money.in_english_groups(first.written, tail.spoken):
        first = first._replace(spoken=cardinal(first.written.replace(",", "")))
    if _is_counted(text, first, tail):
        first = first._replace(spoken=("âm " if first.spoken.startswith("âm ") else "") + integer(first.written))
    if tail:
        return _maybe_range(text, pos, f"{_trim(first)} {tail.spoken}", tail.end, first)
    return _maybe_range(text, pos, first.spoken, first.end, first)


def _is_counted(text: str, value: Amount, tail: Read | None) -> bool:
    """A long run of digits is an amount when something is counted behind it."""
    if len(value.written) < _LONG or not value.written.isdecimal():
        return False
    after = _AFTER.match(text, value.end)
    key = word_before(text, value.end - len(value.written))
    return tail is not None or (after is not None and after[1].islower() and key not in ("số", "mã"))


def _tail(text: str, value: Amount) -> Read | None:
    if text[value.end : value.end + 1] == "/" and is_thousands(value.written):
        return money.price_per(text, value.end)
    return money.behind(text, value.end, value.written) or units.unit(text, value.end, value.written)


def _trim(value: Amount) -> str:
    """`6,0` before a unit is six."""
    return value.spoken.removesuffix(" phẩy không") if value.written.endswith((",0", ".0")) else value.spoken


def _maybe_range(text: str, pos: int, spoken: str, end: int, first: Amount) -> Read:
    if text[end : end + 2].strip()[:1] not in _JOINTS:
        return Read(spoken, end)
    joint = _TO.match(text, end)
    if joint is None:
        times = _TIMES.match(text, end)
        return Read(f"{spoken} nhân", times.end()) if times else Read(spoken, end)
    second = number(text, joint.end())
    if second is None or (spoken != first.spoken and text[second.end : second.end + 1] == "/"):
        return Read(spoken, end)
    if _RATED.search(spoken) and (tail := _tail(text, second)) and not spoken.endswith(tail.spoken):
        return Read(spoken, end)
    word = _between(text, pos, first, second, joint[0])
    if word is None:
        return Read(spoken, end)
    if spoken == first.spoken and second.written.endswith((",0", ".0")):
        spoken = _trim(first)
    if word == "" and first.written.isdecimal() and second.written.isdecimal():
        return Read(f"{integer(first.written)} {integer(second.written)}", second.end)
    return Read(f"{spoken} {word}", joint.end())


def _between(text: str, pos: int, first: Amount, second: Amount, joint: str) -> str | None:
    """What the dash between two numbers says: `đến`, `trừ`, nothing (a score), or None for no range."""
    before = words_before(text, pos, 3)
    key = before[-1] if before else ""
    spaced = joint.startswith(" ") and joint.endswith(" ")
    if key in ("qcvn", "tcvn", "iso"):
        return None
    if (
        "=" in text[second.end : second.end + 12]
        or key in _MINUS
        or (spaced and _EQUATION.search(text[max(0, pos - 24) : second.end + 24]))
    ):
        return "trừ"
    if joint.strip() in "–-" and _is_score(text, pos, first, second, before):
        return ""
    if joint.strip() == "~" or spaced or not (first.written.isdecimal() and second.written.isdecimal()):
        return "đến"
    if abs(len(first.written) - len(second.written)) > 1 and first.end == second.end - len(second.written) - len(joint):
        return None
    return "đến"


def _is_score(text: str, pos: int, first: Amount, second: Amount, before: tuple[str, ...]) -> bool:
    if not (first.written.isdecimal() and second.written.isdecimal()):
        return False
    if int(first.written) > _SCORE_MOST or int(second.written) > _SCORE_MOST:
        return False
    if before and (
        before[-1] in _SCORE_LEAD - {"chung"} or (before[-1] in _SCORE and not _SCORE_LEAD.isdisjoint(before))
    ):
        return True
    if (text[max(0, pos - 2) : pos] == ": " or before[-1:] == ("lưu",)) and not _GAMES.isdisjoint(words_of(text)):
        return True
    if text[second.end : second.end + 1] != " " or not word_after(text, second.end)[:1].isupper():
        return False
    last = _WORD_BEFORE.search(text, max(0, pos - 16), pos)
    return last is not None and last[1][0].isupper() and last[1].lower() not in _NO_TEAM


def prefixed(text: str, pos: int) -> Read | None:
    """`$5`, `€3,50`, `₫1.200.000`: the sign stands before and is said behind."""
    return money.before(text, pos)
