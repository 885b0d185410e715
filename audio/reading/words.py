"""Words that are not said as they are written: abbreviations, codes, initials, single letters."""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from audio.reading import chemistry, electronic, legal, roman, syllables, tables, units
from audio.reading.context import Read, is_formula, near, word_after, word_before, words_before, wordset
from audio.reading.letters import GREEK, name, spell
from audio.reading.numbers import cardinal, digits, integer

_RUN = re.compile(r"[^\W\d_α-ωΑ-Ω]+|[α-ωΑ-Ω]")
_SHORTENED = re.compile(r"[A-Za-z]{1,12}'[A-Za-z]{1,3}(?![^\W_])")
_CODE = re.compile(r"[^\W\d_]+\d[^\W_]*(?:\.\d{1,2}(?!\d))*(?:-\d+[^\W_]*)*|[^\W\d_]{1,6}-\d{1,6}[^\W_]*")
_INITIALS = re.compile(r"[A-ZĐ](?:\.[A-ZĐ])+\.?(?![^\W_])")
_QUARTER = re.compile(r"Q([1-4])/(\d{4})(?!\d)")
_WEEKDAY = re.compile(r"T([2-7])(?![^\W_])")
_ROADS = {
    "QL": "quốc lộ",
    "ĐT": "đường tỉnh",
    "DT": "đường tỉnh",
    "TL": "tỉnh lộ",
    "HL": "hương lộ",
    "ĐH": "đường huyện",
    "BĐ": "báo động",
    "NV": "nguyện vọng",
    "Km": "ki lô mét",
    "KM": "ki lô mét",
}
_ROAD = re.compile(r"(QL|ĐT|DT|TL|HL|ĐH|BĐ|NV|Km|KM)[ .]?(\d{1,4})([A-Z])?(?![^\W_]|/|[.,]\d)")
_PLACES = {
    "Q": "quận", "P": "phường", "H": "huyện", "X": "xã", "Đ": "đường", "KP": "khu phố", "T": "tỉnh", "Kp": "khu phố",
    "F": "phường", "Tp": "thành phố", "TP": "thành phố", "Tx": "thị xã", "Km": "ki lô mét",
}  # fmt: skip
_PLACE = re.compile(r"(Q|P|H|X|Đ|KP|Kp|F|T)\.\s?(?=\d|[A-ZĐÀ-Ỹ][^\W\d_A-Z])|(KP|Kp|Q|P|F)\s?(?=\d{1,2}(?![\w/-]))")
_ON_ROADS = wordset("đường tuyến trên qua đoạn dọc lộ ql tl đt dt")
_DEPUTY = re.compile(
    r"P\.\s?(?:(?=Chủ|Giám|Hiệu|Trưởng|Bí|Trạm|Chánh|CT|BT|HT|TP|chủ|giám|hiệu|trưởng|bí)()"
    r"|(?=(?:Kinh tế|Văn hóa|Nội vụ|Tài|Giáo dục|GD|Tư pháp|TC|VH|KT|Lao động|LĐ|Nông|Quản)))"
)
_UNTIL = re.compile(r"\s?[-–]\s?(?=T[2-7](?![^\W_])|CN(?![^\W_]))")
_TELEPHONE = re.compile(r"[ .:]{0,3}(?:\(?0\d{1,3}|\+84|1[89]00)[ .\-)]{0,2}\d")
_DATE = re.compile(r"\(?\d{1,2}[/-]\d{1,2}(?!\d)")
_ROOM = re.compile(r"\d{3}")
_AND = re.compile(r"([A-Z]{1,3})\s?&\s?([A-Z]{1,3})(?![^\W_])")
_DAYS = {"2": "hai", "3": "ba", "4": "tư", "5": "năm", "6": "sáu", "7": "bảy"}
_DAY_LEADS = wordset(
    "sáng trưa chiều tối đêm từ đến và nghỉ hai ba tư năm sáu bảy ngày các vào hết tới t2 t3 t4 t5 t6 t7"
)
_WEEKLY = re.compile(
    r"(?<![^\W_])(?:tuần|buổi|lịch|giờ|chủ nhật|CN|sáng|chiều|tối|trưa|ngày|thứ|\d{1,2}[hg](?:\d\d)?"
    r"|T[2-7] ?[-,&] ?T[2-7])(?![^\W_])"
)
_BLOCKS = wordset("nhà tòa toà lô khu dãy block tầng cột trạm mẫu cầu giống tiêu")
_FUNCTIONS = wordset("sin cos tan cot log lim max min mod exp dx") - {"dx"}
_NAME = re.compile(r"(?:[BCDFGHJKLMNPQRSTVWXYZ]{1,2}[AEIOU]{1,2}(?:NG|[NMTCPKS])?){2,6}")
_SHORT = 3
_FEW_DIGITS = 3
_COMPOSED = 5


def word(text: str, pos: int) -> Read:
    """What the letters at `pos` are said as; at the least the run of letters itself."""
    for rule in _rules(text[pos]):
        if found := rule(text, pos):
            return found
    return _letters(text, pos)


@cache
def _rules(first: str) -> tuple[Callable[[str, int], Read | None], ...]:
    """The rules that could know a word by its first letter, in order."""
    wanted = (
        (first.isascii() or first == "Đ", electronic.address),
        (first in "QĐDTHLBNK", _road),
        (True, _abbreviation),
        (first == "Q", _quarter),
        (first.isupper(), legal.sign_words),
        (first in "IVXLCDMivxlcdm", roman.roman),
        (first in "QPHXĐKFT", _place),
        (first.isupper(), _joined),
        (first.isupper(), _initials),
        (first.isupper(), chemistry.formula),
        (True, _code),
        (True, units.bare_unit),
    )
    return tuple(rule for known, rule in wanted if known)


def _abbreviation(text: str, pos: int) -> Read | None:
    run = _RUN.match(text, pos)
    if run is None:
        return None
    for written in tables.abbreviations_by_start().get(run[0], ()):
        end = pos + len(written)
        if not text.startswith(written, pos) or (written[-1].isalnum() and text[end : end + 1].isalnum()):
            continue
        joined = written[-1] != "." and text[end : end + 1] in ("&", "-") and text[end + 1 : end + 2].isupper()
        if joined and len(written) <= 2:  # noqa: PLR2004 - `CT&X` is something else
            continue
        if text[end : end + 1].isdecimal() or (text[end : end + 1] == "-" and text[end + 1 : end + 2].isdecimal()):
            continue
        for entry in tables.abbreviations()[written]:
            if _applies(entry, text, pos, end):
                return Read(f"{entry.spoken}{_kept_stop(text, written, end)}", end)
    return None


def _applies(entry: tables.Entry, text: str, pos: int, end: int) -> bool:
    if not entry.side:
        return True
    if entry.side == "after" and "#" in entry.words and _TELEPHONE.match(text, end):
        return False
    if entry.side == "before":
        return not entry.words.isdisjoint(words_before(text, pos, 2))
    after = text[end : end + 24].lstrip(" .")
    if after.startswith(":"):
        return ":" in entry.words
    if "$" in entry.words and not after and not text[:pos].rstrip():
        return True
    if "@" in entry.words and _DATE.match(after):
        return True
    follows = word_after(text, end).lower()
    if "*" in entry.words:
        return word_after(text, end)[:1].isupper()
    return follows in entry.words or ("#" in entry.words and after[:1].isdecimal())


def _kept_stop(text: str, written: str, end: int) -> str:
    """An abbreviation's own point ends the sentence when nothing follows."""
    return "." if written[-1] == "." and len(written) > 3 and not text[end:].strip() else ""  # noqa: PLR2004


def _quarter(text: str, pos: int) -> Read | None:
    found = _QUARTER.match(text, pos)
    return Read(f"quý {cardinal(found[1])} năm {cardinal(found[2])}", found.end()) if found else None


def _road(text: str, pos: int) -> Read | None:
    found = _ROAD.match(text, pos)
    if found is None or _TELEPHONE.match(text, found.end(1)):
        return None
    if found[1] == "DT" and not near(text, pos, _ON_ROADS, 4):
        return None
    number = cardinal(found[2]) if len(found[2]) <= _FEW_DIGITS else digits(found[2])
    return Read(f"{_ROADS[found[1]]} {number}{' ' + name(found[3]) if found[3] else ''}", found.end())


def _place(text: str, pos: int) -> Read | None:
    if (day := _WEEKDAY.match(text, pos)) and _of_week(text, pos, day.end()):
        until = _UNTIL.match(text, day.end())
        return Read(f"thứ {_DAYS[day[1]]}{' đến' if until else ''}", until.end() if until else day.end())
    if deputy := _DEPUTY.match(text, pos):
        return Read("phòng" if deputy[1] is None else "phó", deputy.end())
    found = _PLACE.match(text, pos)
    if found is None or (found[1] == "T" and not text[found.end()].isalpha()):
        return None
    key = found[1] or found[2]
    if key == "P" and _ROOM.match(text, found.end()):
        return Read("phòng", found.end())
    if found[2] in ("Q", "P", "F") and not _in_address(text, pos, found.end()):
        return None
    if found[1] in ("T", "H", "X") and not near(text, pos, wordset("xã huyện tỉnh phường thôn ấp tx tp"), 4):
        return None
    return Read(_PLACES[key], found.end())


def _of_week(text: str, pos: int, end: int) -> bool:
    """True of `T6` after a word of time, or before a date; a block or storey of a house is none."""
    if word_before(text, pos) in _DAY_LEADS or word_after(text, end).lower() in ("ngày", "hằng", "hàng"):
        return True
    if near(text, pos, _BLOCKS, 2):
        return False
    return _WEEKLY.search(text, max(0, pos - 40), min(len(text), end + 8)) is not None


def _in_address(text: str, pos: int, end: int) -> bool:
    around = text[max(0, pos - 20) : end + 20].lower()
    return bool(re.search(r"đường|phường|quận|tp|địa chỉ|thành phố|[pq]\.|ở ", around))


def _joined(text: str, pos: int) -> Read | None:
    """`R&D`: initials joined by `and`."""
    found = _AND.match(text, pos)
    if found is None:
        return None
    pair = (found[1], found[2])
    english = pair in {("R", "D"), ("M", "A"), ("S", "P"), ("AT", "T"), ("H", "M"), ("P", "G"), ("Q", "A")}
    left, right = (" ".join(half.lower()) if english else _initial_words(half) for half in pair)
    return Read(f"{left} {'and' if english else 'và'} {right}", found.end())


def _initial_words(part: str) -> str:
    entries = tables.abbreviations().get(part) if len(part) > 1 else None
    return entries[-1].spoken if entries else spell(part)


def _initials(text: str, pos: int) -> Read | None:
    found = _INITIALS.match(text, pos)
    if found is None:
        return None
    letters = found[0].replace(".", "")
    at_end = found[0].endswith(".") and not text[found.end() :].strip()
    return Read(_upper(letters) + ("." if at_end else ""), found.end())


def _code(text: str, pos: int) -> Read | None:
    """Letters with digits: `K3`, `ABC-1234`, `COVID-19`, `H5N1`."""
    found = _CODE.match(text, pos)
    if found is None:
        return None
    parts = re.findall(r"[^\W\d_]+|\d+|\.", found[0])
    if "-" in found[0] and len(parts[0]) > _SHORT and not parts[0].isupper() and len(parts) < 3:  # noqa: PLR2004
        return None
    said = [_code_part(part, text, after=index > 0) for index, part in enumerate(parts)]
    return Read(" ".join(said), found.end())


def _code_part(part: str, text: str, *, after: bool) -> str:
    if part == ".":
        return "chấm"
    if part.isdecimal():
        return integer(part) if len(part) <= _FEW_DIGITS and part[0] != "0" else digits(part)
    if part.isupper() and len(part) > 1:
        return part.lower() if part in tables.wordlike() else spell(part)
    if part in _FUNCTIONS:
        return part
    if len(part) > _SHORT or (len(part) > 1 and not after and syllables.is_syllable(part)):
        return " ".join(_camel_parts(part, text))
    return spell(part)


def _letters(text: str, pos: int) -> Read:
    run = _RUN.match(text, pos)
    if run is None:
        return Read("", pos + 1)
    written, end = run[0], run.end()
    if shortened := _SHORTENED.match(text, pos):
        return Read(shortened[0], shortened.end())
    if written.lower() in ("dt", "đt") and _TELEPHONE.match(text, end):
        return Read("điện thoại", end)
    if len(written) == 1:
        return _single(text, pos, written)
    if _is_product(text, pos, written):
        return Read(spell(written), end)
    if written.isupper():
        before = text[pos - 1 : pos]
        glued = len(written) <= _SHORT and (before.isdecimal() or before == "+") and written not in tables.english()
        return Read(spell(written) if glued else _upper(written), end)
    return Read(" ".join(_camel_parts(written, text)), end)


def _is_product(text: str, pos: int, written: str) -> bool:
    """Variables that stand side by side in a formula (`4ac`, `dx`)."""
    if len(written) > _SHORT or not written.islower() or not written.isascii() or written in _FUNCTIONS:
        return False
    glued = text[pos - 1 : pos].isdecimal() or (written[0] == "d" and len(written) == 2)  # noqa: PLR2004 - `dx`
    return glued and is_formula(text)


def _single(text: str, pos: int, letter: str) -> Read:
    """One letter by its name; the point of an initial is dropped, that of a sentence's end is kept."""
    end = pos + 1
    if letter in GREEK:
        return Read(GREEK[letter], end)
    if not letter.isascii() and letter not in "đĐ":
        return Read(letter, end)
    if text[end : end + 1] == "'" and text[end + 1 : end + 2].isalpha():
        found = _SHORTENED.match(text, pos)
        if found:
            return Read(found[0], found.end())
    if text[end : end + 2] == ". " and text[end + 2 : end + 3].isalpha():
        return Read(name(letter), end + 1)
    if text[end : end + 1] in (")", ".") and not text[:pos].strip():
        return Read(f"{name(letter)},", end + 1)
    return Read(name(letter), end)


def _upper(written: str) -> str:
    """A word in capitals: said if it is a syllable or a known word, else spelled."""
    if written in tables.wordlike():
        return written if written in ("GMT", "UTC", "CST", "PST", "EST", "JST") else written.lower()
    if written in tables.english():
        return " ".join(written.lower())
    if syllables.is_syllable(written) and syllables.has_vowel(written) and len(written) > 1:
        return written
    if composed := _composed(written):
        return composed
    if (len(written) > 6 and syllables.has_vowel(written)) or _NAME.fullmatch(written):  # noqa: PLR2004 - initials are shorter
        return written
    return spell(written)


@lru_cache(maxsize=4_096)
def _composed(written: str) -> str:
    """Two abbreviations that stand as one (`KSKNVQS`, `BHYTHSSV`); nothing if either is unknown or only conditional."""
    words = tables.abbreviations()
    for cut in range(len(written) - 2, 1, -1):
        head, tail = words.get(written[:cut]), words.get(written[cut:])
        if head and tail and len(written) >= _COMPOSED and not (head[-1].side or tail[-1].side):
            return f"{head[-1].spoken} {tail[-1].spoken}"
    return ""


def _camel_parts(written: str, text: str) -> list[str]:
    """`iPhone` and `ChatGPT` in their pieces; a piece with no vowel, or a variable of a formula, is spelled."""
    parts = re.findall(r"[A-ZĐ]?[^\W\dA-ZĐ_]+|[A-ZĐ]+(?![^\W\dA-ZĐ_])|[A-ZĐ]", written)
    if len(parts) == 1:
        return [_piece(parts[0], text)]
    return [_upper(part) if part.isupper() and len(part) > 1 else _piece(part, text) for part in parts]


def _piece(part: str, text: str) -> str:
    if len(part) == 1:
        return part if part in "iI" else name(part)
    low = part.lower()
    if low == "ln":
        return "log"
    if low in _FUNCTIONS or not part.isascii():
        return part
    if not syllables.has_vowel(part) and len(part) <= 5:  # noqa: PLR2004 - `Mr`, `tncn`
        return spell(part) if part.islower() else part
    if len(part) <= _SHORT and part.islower() and not syllables.is_syllable(part) and is_formula(text):
        return spell(part)
    return part
