"""Words that are not said as they are written: abbreviations, codes, initials, single letters."""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from audio.reading import chemistry, electronic, legal, phones, places, roman, syllables, tables, units
from audio.reading.context import (
    Read,
    is_formula,
    is_shouted,
    word_after,
    words_before,
    words_of,
    wordset,
)
from audio.reading.letters import GREEK, name, spell
from audio.reading.numbers import cardinal, digits, integer

_RUN = re.compile(r"[^\W\d_α-ωΑ-Ω]+|[α-ωΑ-Ω]")
_SHORTENED = re.compile(r"[A-Za-z]{1,12}'[A-Za-z]{1,3}(?![^\W_])")
_CODE = re.compile(r"[^\W\d_]+\d[^\W_]*(?:\.\d{1,2}(?!\d))*(?:-\d+[^\W_]*)*|[^\W\d_]{1,6}-\d{1,6}[^\W_]*")
_INITIALS = re.compile(r"[A-ZĐ](?:\.[A-ZĐ])+\.?(?![^\W_])")
_QUARTER = re.compile(r"(?:Q([1-4])|T(0?[1-9]|1[0-2]))/((?:19|20)\d\d)(?!\d)")
_DATE = re.compile(r"\(?\d{1,2}[/-]\d{1,2}(?!\d)")
_AND = re.compile(r"([A-Z]{1,3})\s?&\s?([A-Z]{1,3})(?![^\W_])")
_CROSS = re.compile(r"[A-ZĐ](?:x[A-ZĐ]){1,2}(?![^\W_])")
_FUNCTIONS = wordset("sin cos tan cot log lim max min mod exp dx") - {"dx"}
_NAME = re.compile(r"(?:[BCDFGHJKLMNPQRSTVWXYZ]{1,2}[AEIOU]{1,2}(?:NG|[NMTCPKS])?){2,6}")
_FACTOR = re.compile(r" (?:số|mức|đơn giá|giá|tỷ|tỉ|hệ|tổng|diện|doanh|lương|tiền|thời|\()")
_FIGURE = re.compile(r"[\d%][^\s]{0,9} $")
_APART = frozenset(" ,;:)\n") | {""}
_LETTER_ITEM = re.compile(r"/(?= ?[^\W\d_]{2})")
_POINTED = re.compile(r"\.([A-ZĐƯ]{2,9})(?![^\W_])")
_JOINTS = frozenset("&-")
_NUMBERED = re.compile(r" \d{2}")
_SHOUTED = re.compile(r"[^\W\d_a-z]{2} $")
_GLUED = wordset(
    "ngày tháng năm điều khoản mục thôn tổ xóm ấp đội lúc từ đến số quý lớp khối phường quận cấp bão hồi trước sau"
)
_SHORT = 3
_FEW_DIGITS = 3
_COMPOSED = 5


def word(text: str, pos: int) -> Read:
    """What the letters at `pos` are said as; at the least the run of letters itself."""
    run = _RUN.match(text, pos)
    if run is None:
        rules = _rules(text[pos])
    else:
        written, end = run[0], run.end()
        behind = text[end : end + 2]
        if behind[:1] in _APART:
            if said := _sure().get(written):
                return Read(said, end)
            rules = _quiet(written, behind[1:] if behind[:1] == " " else "", electronic.likely(text))
        else:
            rules = _rules(text[pos])
    for rule in rules:
        if found := rule(text, pos):
            return found
    return _letters(text, pos)


@cache
def _sure() -> dict[str, str]:
    """Abbreviations that have one reading, whatever stands around, and that begin no longer one."""
    table = tables.abbreviations()
    starts = tables.abbreviations_by_start().items()
    return {
        run: table[run][0].spoken
        for run, written in starts
        if written == [run] and len(table[run]) == 1 and not table[run][0].side and len(run) > _SHORT - 1
    }


@cache
def _rules(first: str) -> tuple[Callable[[str, int], Read | None], ...]:
    """The rules that could know a word by its first letter, in order."""
    wanted = (
        (first.isascii() or first == "Đ", electronic.address),
        (first in "QĐDTHLBNKG", places.road),
        (first == "B", places.alert),
        (first in "aAcCôÔbB", places.person),
        (first in "NTQCKHBGĐP", legal.kind),
        (True, _abbreviation),
        (first in "QT", _quarter),
        (first.isupper(), legal.sign_words),
        (first in "IVXLCDMivxlcdm", roman.roman),
        (first in "QPHXĐKFT", places.place),
        (first.isupper(), _joined),
        (first.isupper(), _crossed),
        (first.isupper(), _initials),
        (first.isupper(), chemistry.formula),
        (first in "ckmg", units.plain_unit),
        (True, _code),
        (True, units.bare_unit),
    )
    return tuple(rule for known, rule in wanted if known)


@lru_cache(maxsize=8_192)
def _quiet(run: str, next_char: str, likely: bool) -> tuple[Callable[[str, int], Read | None], ...]:
    """The rules that could know letters before a mark, or a blank and `next_char`: most need more behind them."""
    numbered = next_char.isdecimal() or run.startswith("BĐ")
    wanted: dict[Callable[[str, int], Read | None], bool] = {
        electronic.address: likely,
        places.road: numbered,
        places.alert: run.startswith("BĐ"),
        places.person: False,
        legal.kind: bool(next_char) and (numbered or next_char == "s"),
        _abbreviation: run in tables.abbreviations_by_start(),
        _quarter: False,
        legal.sign_words: False,
        places.place: numbered or run == "KP",
        _joined: next_char == "&",
        _initials: False,
        _code: False,
        units.plain_unit: False,
        units.bare_unit: run in tables.units(),
    }
    return tuple(rule for rule in _rules(run[0]) if wanted.get(rule, True))


def _abbreviation(text: str, pos: int) -> Read | None:
    run = _RUN.match(text, pos)
    if run is None:
        return None
    known = tables.abbreviations_by_start().get(run[0])
    if known is None:
        return None
    for written in known:
        end = pos + len(written)
        if not text.startswith(written, pos):
            continue
        after = text[end : end + 1]
        if (
            after.isdecimal()
            or (after.isalpha() and written[-1].isalnum())
            or (after in _JOINTS and _goes_on(text, written, end))
        ):
            continue
        for entry in tables.abbreviations()[written]:
            if not entry.side and _is_word(written) and is_shouted(text, pos, end):
                return None
            if _applies(entry, text, pos, end):
                return Read(f"{entry.spoken}{_kept_stop(text, written, end)}", _over_point(text, end))
    return None


@lru_cache(maxsize=4_096)
def _is_word(written: str) -> bool:
    """True of capitals that are a word in a heading (`CA`, `TƯ`), whatever they stand for elsewhere."""
    return written.isupper() and syllables.is_syllable(written) and syllables.has_vowel(written)


def _over_point(text: str, end: int) -> int:
    """Where to go on behind an abbreviation: a point that only parts it from another (`CT.HĐND`) is skipped."""
    joined = _POINTED.match(text, end) if text[end : end + 1] == "." else None
    return end + 1 if joined and joined[1] in tables.abbreviations() else end


def _goes_on(text: str, written: str, end: int) -> bool:
    """True if a code goes on behind the sign at `end` (`CT&X`, `BC-15`), so that it is no abbreviation of its own."""
    after = text[end + 1 : end + 2]
    if text[end : end + 1] == "-" and after.isdecimal():
        return True
    return len(written) <= 2 and written[-1] != "." and after.isupper()  # noqa: PLR2004 - long ones are sure


def _applies(entry: tables.Entry, text: str, pos: int, end: int) -> bool:
    if not entry.side:
        return True
    if entry.side == "after" and "#" in entry.words and phones.telephone_follows(text, end):
        return False
    if entry.side == "before":
        return not entry.words.isdisjoint(words_before(text, pos, 2))
    if entry.side == "near":
        return not entry.words.isdisjoint(words_of(text))
    after = text[end : end + 24].lstrip(" .")
    if after.startswith(":"):
        return ":" in entry.words
    if "1/" in entry.words and after.startswith("1/"):
        return True
    if "$" in entry.words and not after and not text[:pos].rstrip():
        return True
    if "@" in entry.words and _DATE.match(after):
        return True
    follows = word_after(after, 0)
    if "*" in entry.words:
        return follows[:1].isupper()
    return follows.lower() in entry.words or ("#" in entry.words and after[:1].isdecimal())


def _kept_stop(text: str, written: str, end: int) -> str:
    """An abbreviation's own point ends the sentence when nothing follows."""
    return "." if written[-1] == "." and len(written) > 3 and not text[end:].strip() else ""  # noqa: PLR2004


def _quarter(text: str, pos: int) -> Read | None:
    found = _QUARTER.match(text, pos)
    if found is None:
        return None
    part = f"quý {cardinal(found[1])}" if found[1] else f"tháng {_month(found[2])}"
    return Read(f"{part} năm {cardinal(found[3])}", found.end())


def _month(number: str) -> str:
    return "tư" if int(number) == 4 else cardinal(number)  # noqa: PLR2004 - April is `tư`


def _joined(text: str, pos: int) -> Read | None:
    """`R&D`: initials joined by `and`."""
    found = _AND.match(text, pos)
    if found is None:
        return None
    pair = (found[1], found[2])
    english = pair in {("R", "D"), ("M", "A"), ("S", "P"), ("AT", "T"), ("H", "M"), ("P", "G"), ("Q", "A")}
    left, right = (" ".join(half.lower()) if english else _initial_words(half) for half in pair)
    return Read(f"{left} {'and' if english else 'và'} {right}", found.end())


def _crossed(text: str, pos: int) -> Read | None:
    """`BxH`: sides by their letters."""
    found = _CROSS.match(text, pos)
    return Read(" nhân ".join(name(letter) for letter in found[0].split("x")), found.end()) if found else None


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
    if parts[0].lower() in _GLUED and not parts[0].isupper():
        return Read(parts[0], pos + len(parts[0]))
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
        return _mixed(part, formula=is_formula(text))
    return spell(part)


def _letters(text: str, pos: int) -> Read:
    run = _RUN.match(text, pos)
    if run is None:
        return Read("", pos + 1)
    written, end = run[0], run.end()
    if shortened := _SHORTENED.match(text, pos):
        return Read(shortened[0], shortened.end())
    if written.lower() in ("dt", "đt") and phones.telephone_follows(text, end):
        return Read("điện thoại", end)
    if len(written) == 1:
        return _single(text, pos, written)
    if _is_product(text, pos, written):
        return Read(spell(written), end)
    if written.isupper():
        before = text[pos - 1 : pos]
        if _is_word(written) and is_shouted(text, pos, end):
            return Read(written, end)
        glued = len(written) <= _SHORT and (before.isdecimal() or before == "+") and written not in tables.english()
        return Read(spell(written) if glued or _is_variety(text, pos, written) else _upper(written), end)
    return Read(_mixed(written, formula=is_formula(text)), end)


def _is_variety(text: str, pos: int, written: str) -> bool:
    """`OM 5451`: two capitals that make a syllable, but stand for a sort of seed or machine."""
    return (
        len(written) == 2  # noqa: PLR2004 - initials of a breeder
        and written.isascii()
        and _NUMBERED.match(text, pos + 2) is not None
        and not _SHOUTED.search(text, max(0, pos - 12), pos)
    )


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
    if letter == "x" and _FACTOR.match(text, end) and _FIGURE.search(text, max(0, pos - 12), pos):
        return Read("nhân", end)
    if text[end : end + 2] == ". " and text[end + 2 : end + 3].isalpha():
        return Read(name(letter), end + 1)
    if text[end : end + 1] in (")", ".") and not text[:pos].strip():
        return Read(f"{name(letter)},", end + 1)
    if _LETTER_ITEM.match(text, end) and not text[:pos].strip():
        return Read(f"{name(letter)},", end + 1)
    return Read(name(letter), end)


@lru_cache(maxsize=4_096)
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


@lru_cache(maxsize=4_096)
def _mixed(written: str, *, formula: bool) -> str:
    """`iPhone` and `ChatGPT` in their pieces; a piece with no vowel, or a variable of a formula, is spelled."""
    parts = re.findall(r"[A-ZĐ]?[^\W\dA-ZĐ_]+|[A-ZĐ]+(?![^\W\dA-ZĐ_])|[A-ZĐ]", written)
    if len(parts) == 1:
        return _piece(parts[0], formula=formula)
    if not syllables.has_vowel(written):
        return spell(written)
    said = (_upper(part) if part.isupper() and len(part) > 1 else _piece(part, formula=formula) for part in parts)
    return " ".join(said)


def _piece(part: str, *, formula: bool) -> str:
    if len(part) == 1:
        return part if part in "iI" else name(part)
    low = part.lower()
    if low == "ln":
        return "log"
    if low in _FUNCTIONS or not part.isascii():
        return part
    if not syllables.has_vowel(part) and len(part) <= 5:  # noqa: PLR2004 - `Mr`, `tncn`
        return spell(part) if part.islower() else part
    if len(part) <= _SHORT and part.islower() and not syllables.is_syllable(part) and formula:
        return spell(part)
    return part
