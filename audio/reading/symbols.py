"""Signs that are said, signs that are a pause, and signs that are nothing."""

import re

from audio.reading import tables, units
from audio.reading.context import Read, is_formula, near, word_after, words_before, words_of, wordset
from audio.reading.dictionary import is_marked
from audio.reading.letters import name

_SAID = {
    "+": "cộng", "±": "cộng trừ", "×": "nhân", "÷": "chia", "=": "bằng", "≈": "xấp xỉ", "≠": "khác",
    "≤": "nhỏ hơn hoặc bằng",
    "≥": "lớn hơn hoặc bằng", "<": "nhỏ hơn", ">": "lớn hơn", "→": "đến", "⇒": "suy ra", "⇔": "tương đương",
    "√": "căn bậc hai", "∛": "căn bậc ba", "∞": "vô cùng", "∫": "tích phân", "∮": "tích phân đường",
    "∂": "đạo hàm riêng",
    "∈": "thuộc", "∉": "không thuộc", "∃": "tồn tại", "∀": "với mọi", "∑": "tổng", "ℝ": "tập số thực",
    "ℤ": "tập số nguyên", "ℕ": "tập số tự nhiên", "ℚ": "tập số hữu tỉ", "&": "và", "@": "a còng", "%": "phần trăm",
    "°": "độ", "·": "nhân", "$": "đô la", "€": "ơ rô", "£": "bảng Anh", "¥": "yên Nhật", "₫": "đồng", "₩": "uôn",
    "₹": "rupee", "‰": "phần nghìn", "§": "mục", "Δ": "đen ta", "Σ": "xích ma", "←": "từ",
}  # fmt: skip
_PAUSES = frozenset(":;()[]{}|–—")
_SILENT = frozenset("\"'“”*_•●▪◦✓©®™`\\~#^")
_KEPT = frozenset(",.!?\n ")
_TAG = re.compile(r"</?[a-zA-Z]{1,10}>")
_POWER = re.compile(r"\^\(?([-+]?)(\d{1,3}|[a-zA-Z])\)?")
_PRIME = re.compile(r"'{1,2}")
_HYPHENS = re.compile(r"-+")
_STARS = re.compile(r"\*{1,2}")
_APPROX = re.compile(r"~\s?(?=[\d$])")
_BULLET = re.compile(r"[-–+*•●▪◦✓](?:( +)(?=[^\W\d_][^\W\d_A-Z])|\s*(?=\S))")
_ABSOLUTE = re.compile(r"\|([^|\n]{1,20})\|")
_STEP = re.compile(
    r" ?((?:thứ|ngày|tháng|quý|tuần|cấp)(?= (?:\d|hai|ba|tư|năm|sáu|bảy|[ivx]+(?![^\W_]))))", re.IGNORECASE
)
_STARRED = wordset("ocop sạn hạng")
_OF_YEAR = re.compile(r"/(?:19|20)\d\d(?![\d/])")
_PARTS_OF_YEAR = wordset("tháng quý vụ kỳ đợt")
_CODE_BEFORE = re.compile(r"(?<![^\W_])[A-ZĐ]{1,4}\d{1,4}$")
_CODE_AFTER = re.compile(r"/[A-ZĐ]{1,4}\d{1,4}(?![^\W_])")
_NEXT_POINT = re.compile(r"\+ ?[^\W\d_]{2}")
_ENDS = frozenset(";:.,")
_DOUBLE_ARROW = re.compile("=+>|>>+")
_ARROW = re.compile(r"[-=]{1,2}>|⟶")
_PER = wordset(
    "sào ha hộ người ngày tháng năm lít bình con cây lần vụ mẫu kg tấn giờ tuần công gốc hố khóm luống lứa ca buổi đợt"
)
_RATIO = wordset("tỷ tỉ")
_MEASURED = wordset("đồng lít tấn tạ yến mét gam nghìn triệu tỷ điểm")
_RUNS = wordset("chuyến lượt ca suất đội vòng trận")
_ALTERNATIVES = wordset(
    "thôn xóm ấp bản làng xã phường tổ khu huyện tỉnh bố cha ba mẹ má vợ chồng ông bà anh chị em cô chú con cháu nam "
    "nữ trai gái trâu bò lợn gà vịt"
)
_COUNT = re.compile(r"(?:^|[^\w.,])\d[\d.,]*\s?(?:[^\W\d_]+\s){0,2}([^\W\d_]{2,})$")
_FOLLOWING = re.compile(r"\d[\d.,]*(?=\s[^\W\d_])|[^\W\d_]{2,}")
_PHONES = re.compile(r"/\s?0\d{2,4}[ .]?\d{3}")
_COUNT_BEFORE = re.compile(r"\d[^/]{0,16}(?:/[^\W\d_]{1,8})?$")
_NEXT_NAME = re.compile(r"/ [A-ZĐÀ-Ỹ][^\W\d_A-Z]")
_EITHER = wordset("lệ số")


def symbol(text: str, pos: int) -> Read:
    """The sign at `pos` as words, as a comma for a pause, or as nothing."""
    char = text[pos]
    if (char in _KEPT and char != "!") or is_marked(char):
        return Read(char, pos + 1)
    if at_start(text, pos) and (bullet := _BULLET.match(text, pos)) and (bullet[1] or not is_formula(text)):
        return Read("", bullet.end())
    special = _SPECIAL.get(char)
    if special and (found := special(text, pos)):
        return found
    if char in _PAUSES:
        return Read(",", pos + 1)
    if char in _SILENT:
        return Read(" ", pos + 1)
    if char in _SAID:
        return Read(_SAID[char], pos + 1)
    return Read(" ", pos + 1) if not char.isalnum() else Read(char, pos + 1)


def at_start(text: str, pos: int) -> bool:
    """True if only blanks stand before `pos` in its line."""
    start = pos
    while start > 0 and text[start - 1] == " ":
        start -= 1
    return start == 0 or text[start - 1] == "\n"


def _caret(text: str, pos: int) -> Read | None:
    found = _POWER.match(text, pos)
    if found is None:
        return None
    sign, exponent = found.groups()
    if not sign and exponent in ("2", "3"):
        return Read("bình phương" if exponent == "2" else "lập phương", found.end())
    from audio.reading.numbers import integer

    said = integer(exponent) if exponent.isdecimal() else name(exponent)
    return Read(f"mũ {'trừ ' if sign == '-' else ''}{said}", found.end())


def _hyphen(text: str, pos: int) -> Read | None:
    if arrow := _ARROW.match(text, pos):
        return Read("đến", arrow.end())
    found = _HYPHENS.match(text, pos)
    if found is None:
        return None
    before, after = text[pos - 1 : pos] if pos else "", text[found.end() : found.end() + 1]
    if _next_step(text, pos, found.end()):
        return Read("đến", found.end())
    opened = not before.strip() or before in "(=<>"
    if opened and after.isalpha() and is_formula(text) and _variable(text, found.end()):
        return Read("âm" if _starts_operand(text, pos) else "trừ", found.end())
    if before.isspace() and after.isspace():
        return Read(_spaced_dash(text, pos, found.end()), found.end())
    if (
        before.isalnum()
        and after.isalnum()
        and is_formula(text)
        and len(found[0]) == 1
        and _lone(text, pos, found.end())
    ):
        return Read("trừ", found.end())
    return Read(" ", found.end()) if before.isalnum() or after.isalnum() else Read(",", found.end())


def _next_step(text: str, pos: int, end: int) -> bool:
    """True of `thứ 2 - thứ 6`, `ngày 1/12 - ngày 5/12`: the same word on both sides, each with its number."""
    follows = _STEP.match(text, end)
    return follows is not None and follows[1].lower() in words_before(text, pos, 4)[:-1]


def _variable(text: str, pos: int) -> bool:
    return re.match(r"(?:[a-zA-Z]\d?(?![^\W_])|sin|cos|tan)", text[pos : pos + 4]) is not None


def _starts_operand(text: str, pos: int) -> bool:
    before = text[max(0, pos - 9) : pos].rstrip()[-1:]
    return before in "=(+<>,≤≥" or before == "" or before.isalpha()


def _lone(text: str, pos: int, end: int) -> bool:
    left = text[max(0, pos - 2) : pos]
    right = text[end : end + 2]
    return not (left.isalpha() and len(left) > 1) and not (right.isalpha() and len(right) > 1)


def _spaced_dash(text: str, pos: int, end: int) -> str:
    left = re.search(r"(?:^|[^\w])([a-zA-Z]|\d+[a-z]{0,2}|\d*[a-z]\^\d|[a-z]\^\d)\s$", text[max(0, pos - 12) : pos])
    right = re.match(r"\s(?:\d{0,4}[a-zA-Z]{1,2}|\d+|sin|cos)(?![^\W_])", text[end : end + 8])
    bracket = text[max(0, pos - 9) : pos].rstrip()[-1:] in ")2" and is_formula(text)
    numbers = left is not None and right is not None and left[1].isdecimal() and right[0].strip().isdecimal()
    if (left or bracket) and right and (not numbers or is_formula(text)) and not _VIETNAMESE.search(right[0]):
        return "trừ"
    before = words_before(text, pos, 7)
    return "đến" if "từ" in before and not {"đến", "tới"} & set(before) and before[-1:] != ("từ",) else ","


_VIETNAMESE = re.compile("[à-ỹ]|ma$")


def _slash(text: str, pos: int) -> Read | None:
    before, after = text[max(0, pos - 9) : pos].rstrip(" ")[-1:], text[pos + 1 : pos + 2]
    if text[pos - 1 : pos] == " " and _NEXT_NAME.match(text, pos):
        return Read(",", pos + 1)
    if not (before.isalnum() or before in ")'%°!") or not (after.strip() and (after.isalnum() or after in "(√∂")):
        return Read("trên" if after == " " and (before.isalnum() or before in tuple(")!")) else " ", pos + 1)
    if _PHONES.match(text, pos) or (_CODE_AFTER.match(text, pos) and _CODE_BEFORE.search(text, max(0, pos - 9), pos)):
        return Read(",", pos + 1)
    words = words_before(text, pos, 5)
    if _OF_YEAR.match(text, pos) and not _PARTS_OF_YEAR.isdisjoint(words[-1:]):
        return Read("năm", pos + 1)
    last = re.search(r"([^\W_]+)$", text[max(0, pos - 12) : pos].rstrip())
    following = re.match(r"[^\W_]+", text[pos + 1 : pos + 13])
    wordy = last is not None and following is not None and _plain_word(last[1]) and _plain_word(following[0])
    if (
        wordy
        and following is not None
        and following[0].lower() in _PER
        and _COUNT_BEFORE.search(text, max(0, pos - 32), pos)
    ):
        unit = units.unit_at(text, pos + 1)
        return Read(f"trên {unit.spoken}", unit.end) if unit else Read("trên", pos + 1)
    if counted := _per_count(text, pos):
        return counted
    if "cúm" in words[-2:] or {"size", "cỡ"} & set(words):
        return Read(" ", pos + 1)
    if wordy and not _EITHER & set(words[:-1]) and not is_formula(text):
        return Read(",", pos + 1)
    if last is not None and len(last[1]) > 1 and last[1].isalpha() and last[1].islower() and after.isdecimal():
        return Read(",", pos + 1)
    return Read("trên", pos + 1)


def _per_count(text: str, pos: int) -> Read | None:
    """`15 phút/chuyến`, `3 con/m3`, `112 bé trai/100 bé gái`: something counted, for each or out of something else."""
    counted = _COUNT.search(text, max(0, pos - 32), pos)
    if counted is None:
        return None
    if text[pos + 1 : pos + 2].isdecimal() and near(text, pos, _RATIO, 9):
        return Read("trên", pos + 1)
    if unit := units.unit_at(text, pos + 1):
        return Read(f"trên {unit.spoken}", unit.end)
    if counted[1] in _ALTERNATIVES:
        return None
    following = _FOLLOWING.match(text, pos + 1)
    if following is None or following[0] in _ALTERNATIVES:
        return None
    if following[0].isupper():
        return Read("trên", pos + 1) if following[0] in tables.abbreviations() else None
    if following[0][0].isdecimal() and following[0] != "1":
        return Read("trên" if _same_kind(text, counted[1], following.end()) else ",", pos + 1)
    return Read("một" if following[0] in _RUNS else "trên", pos + 1)


def _same_kind(text: str, counted: str, end: int) -> bool:
    """True of `45 hộ/120 hộ` and `1,5 lít/16 lít`: a part out of a whole, or one measure in another."""
    return counted in _MEASURED or word_after(text, end) == counted


def _plain_word(word: str) -> bool:
    return word in tables.abbreviations() or (word.isalpha() and len(word) > 1 and not word.isupper())


def _plus(text: str, pos: int) -> Read | None:
    """A sum; behind the end of a clause only the mark of one more point (`; + Từ 14 giờ`)."""
    listed = _NEXT_POINT.match(text, pos) and text[max(0, pos - 9) : pos].rstrip(" ")[-1:] in _ENDS
    return Read(",", pos + 1) if listed else Read("cộng", pos + 1)


def _star(text: str, pos: int) -> Read | None:
    found = _STARS.match(text, pos)
    before = text[max(0, pos - 9) : pos].rstrip()[-1:]
    after = text[found.end() :].lstrip()[:1] if found else ""
    if found and before.isdecimal() and not after.isdecimal() and not _STARRED.isdisjoint(words_of(text)):
        return Read("sao", found.end())
    return Read("nhân", found.end()) if found and before.isdecimal() and after.isdecimal() else None


def _approx(text: str, pos: int) -> Read | None:
    found = _APPROX.match(text, pos)
    return Read("khoảng", found.end()) if found else None


def _prime(text: str, pos: int) -> Read | None:
    """A minute or a prime after a letter or digit at a word's end; an apostrophe inside a word stays."""
    before, after = text[pos - 1 : pos] if pos else "", text[pos + 1 : pos + 2]
    if before.isalpha() and after.isalpha():
        return Read("'", pos + 1)
    found = _PRIME.match(text, pos)
    if before.isdecimal() and after.isdecimal():
        return Read("phẩy", pos + 1)
    quoted = text.count("'", 0, pos) % 2 == 1
    if (
        found
        and (before.isdecimal() or (before.isalpha() and not text[max(0, pos - 2) : pos - 1].isalpha()))
        and not quoted
    ):
        return Read(" ".join(["phẩy"] * len(found[0])), found.end())
    return None


def _double_prime(text: str, pos: int) -> Read | None:
    before = text[pos - 1 : pos] if pos else ""
    return Read("phẩy phẩy", pos + 1) if before.isdecimal() and "'" in text[max(0, pos - 4) : pos] else None


def _bar(text: str, pos: int) -> Read | None:
    found = _ABSOLUTE.match(text, pos)
    if found is None or not _variable(found[1], 0):
        return None
    return Read(f"giá trị tuyệt đối của {' '.join(map(name, found[1]))}", found.end()) if len(found[1]) == 1 else None


def _less(text: str, pos: int) -> Read | None:
    found = _TAG.match(text, pos)
    return Read(" ", found.end()) if found else None


def _greater(text: str, pos: int) -> Read | None:
    if text.startswith(">>", pos):
        return _equals(text, pos)
    if text[pos + 1 : pos + 2] == "=":
        return Read("lớn hơn hoặc bằng", pos + 2)
    return None


def _equals(text: str, pos: int) -> Read | None:
    """`=> xem`: an arrow is a pause."""
    found = _DOUBLE_ARROW.match(text, pos)
    return Read(",", found.end()) if found else None


def _until(text: str, pos: int) -> Read | None:
    """`Km 350 ÷ Km 352`: from here to there."""
    return Read("đến", pos + 1) if text[pos + 1 : pos + 3].lstrip()[:1].isalpha() and not is_formula(text) else None


def _hash(text: str, pos: int) -> Read | None:
    return Read("thăng", pos + 1) if text[pos + 1 : pos + 2].isdecimal() else None


def _exclamation(text: str, pos: int) -> Read | None:
    """`n!` in a formula; elsewhere a cry."""
    before = text[pos - 1 : pos] if pos else ""
    lone = (
        before.isdecimal()
        or before == ")"
        or (before.isascii() and before.isalpha() and not text[max(0, pos - 2) : pos - 1].isalpha())
    )
    rest = text[pos + 1 : pos + 9].lstrip()[:1]
    if lone and (rest in set("=/)(!") or "<math>" in text):
        return Read("giai thừa", pos + 1)
    return Read("!", pos + 1)


_SPECIAL = {
    "^": _caret, "-": _hyphen, "–": lambda text, pos: _hyphen(text[:pos] + "-" + text[pos + 1 :], pos), "/": _slash,
    "+": _plus, "*": _star, "~": _approx, "'": _prime, '"': _double_prime, "|": _bar, "<": _less, ">": _greater,
    "=": _equals, "#": _hash, "!": _exclamation, "÷": _until,
}  # fmt: skip
