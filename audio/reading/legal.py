"""Numbers of laws, decrees and letters: `49/2024/NĐ-CP`, `135/QĐ-TTg`, `57-NQ/TW`.

Said as a broadcaster says them: the year as a year, the signs by the words they stand for, or by their letters where
the kind of document was named just before (`Nghị định số … nờ đê xê phê`), so that no kind is said twice.
"""

import re

from audio.reading import tables
from audio.reading.context import Read, word_before, wordset
from audio.reading.letters import spell
from audio.reading.numbers import cardinal, integer

_CODE = r"[A-ZĐƯ][A-Za-zĐđƯư]{0,11}\d{0,3}(?:&[A-ZĐ][A-ZĐa-z]{0,7})?"
_REFERENCE = re.compile(rf"(\d{{1,6}}[a-z]?)(?:/(\d{{4}}))?\s?([/-])\s?({_CODE}(?:[-/.,]{_CODE}){{0,5}})(?![^\W_])")
_YEAR_ONLY = re.compile(r"(\d{1,5})/([12]\d{3})(?![\d/]|-\d)")
_SIGNS = re.compile(rf"{_CODE}(?:-{_CODE}){{1,3}}(?![^\W_])")
_PARTS = re.compile(r"[-/.,]")
_KINDS = wordset("định tư luật lệnh quyết thị văn cáo hoạch trình lệ bộ số dẫn điện án kết thư luật nđ tt qđ nq ct")
_CLAUSE = re.compile(r"[.;\n]\s")
_NAMED_WITHIN = 48
_KIND_SIGNS = wordset("NĐ ND TT TTLT QĐ QD CT CTr CTHĐ NQ NQLT KH KL TB TTr TTR BC CV HD GM BB QC ĐA PA CĐ VBHN HĐ")
_NEVER_SPELLED = wordset("TW TƯ TU HU ĐU BCĐ BCH BTV QH")
_SPELLED_MOST = 3
_KIND_AHEAD = re.compile(r"([A-ZĐ][A-Za-zĐ]{1,4}) (?:số:? ?)?\d{1,6}[a-z]?(?:/\d{4})?[-/]\1(?![^\W_])")
_NUMBERED = re.compile(r"([^\W\d]+)(\d+)")


def reference(text: str, pos: int) -> Read | None:
    """A document's number with its signs, or with a year after a word such as `Nghị định số`."""
    if found := _REFERENCE.match(text, pos):
        number, year, sign, code = found.groups()
        parts = _PARTS.split(code)
        if (year or sign == "/" or _known(parts)) and _document_like(parts, year):
            signs = _letters(parts) if _named(text, pos, parts[0]) else _code(parts)
            return Read(f"{_number(number)}{f' năm {cardinal(year)}' if year else ''} {signs}", found.end())
    found = _YEAR_ONLY.match(text, pos)
    if found and _of_document(text, pos) and int(found[2]) >= 1945:  # noqa: PLR2004 - the oldest law in force
        return Read(f"{_number(found[1])} năm {cardinal(found[2])}", found.end())
    return None


def _number(number: str) -> str:
    return f"{integer(number[:-1])} {spell(number[-1])}" if number[-1].isalpha() else integer(number)


def _of_document(text: str, pos: int) -> bool:
    before = text[max(0, pos - 24) : pos].lower()
    return (
        word_before(text, pos) in _KINDS
        and re.search(
            r"(?:nghị định|thông tư|luật|nghị quyết|quyết định|chỉ thị|công văn|pháp lệnh|hướng dẫn|kế hoạch"
            r"|nđ|tt|qđ|nq|ct)(?: số)? $",
            before,
        )
        is not None
    )


def _known(parts: list[str]) -> bool:
    return len(parts) > 1 and parts[0] in tables.names()


def _document_like(parts: list[str], year: str | None) -> bool:
    names, words = tables.names(), tables.abbreviations()
    if parts[0] in names or len(parts) > 1 or year:
        return True
    return parts[0] in words and len(parts[0]) > 2  # noqa: PLR2004 - `3/TP` is no document


def _named(text: str, pos: int, kind: str) -> bool:
    """True if the words before a number say what `kind` stands for, or show the same abbreviation."""
    if kind not in _KIND_SIGNS:
        return False
    before = _CLAUSE.split(text[max(0, pos - _NAMED_WITHIN) : pos])[-1]
    if tables.names()[kind] in before.lower() or (kind == "QĐ" and "quy định" in before.lower()):
        return True
    return re.search(rf"(?<![^\W_]){kind}(?![^\W_])", before) is not None


def _letters(parts: list[str]) -> str:
    """The kind by its letters, and short issuers too (`CP`, `TTg`, `BYT`); long ones and `TW` by their words."""
    kind, *issuers = parts
    said = spell if all(_is_short(part) for part in issuers) else _sign
    return " ".join([spell(kind), *map(said, issuers)])


def _is_short(part: str) -> bool:
    if part in tables.abbreviations() and part not in tables.names():
        return False
    return len(part) <= _SPELLED_MOST and part.isalpha() and part not in _NEVER_SPELLED


def _code(parts: list[str]) -> str:
    return " ".join(_sign(part) for part in parts)


def _sign(part: str) -> str:
    """The words of one sign; unknown ones are spelled."""
    names = tables.names()
    if part in names:
        return names[part]
    if entries := tables.abbreviations().get(part):
        return entries[-1].spoken
    if (numbered := _NUMBERED.fullmatch(part)) is not None:
        return f"{_sign(numbered[1])} {'khóa ' if numbered[1].endswith('QH') else ''}{cardinal(numbered[2])}"
    if "&" in part:
        return " và ".join(_sign(half) for half in part.split("&"))
    return _split_sign(part) or spell(part)


def _split_sign(part: str) -> str:
    """`VPUBND` is an office (`VP`) of something known."""
    names = tables.names()
    for cut in range(2, len(part) - 1):
        head, tail = part[:cut], part[cut:]
        if (head in names or _sure(head)) and (tail in names or _sure(tail)):
            return f"{_sign(head)} {_sign(tail)}"
    return ""


def kind(text: str, pos: int) -> Read | None:
    """`CT 45-CT/TW`, `CĐ số 07/CĐ-UBND`: the kind of a document, told by the number behind it."""
    found = _KIND_AHEAD.match(text, pos)
    if found is None or found[1] not in _KIND_SIGNS:
        return None
    return Read(tables.names()[found[1]], found.end(1))


def _sure(part: str) -> bool:
    entries = tables.abbreviations().get(part)
    return entries is not None and not entries[-1].side


def sign_words(text: str, pos: int) -> Read | None:
    """Signs without a number (`NĐ-CP`), when the first is a kind of document and all are known."""
    found = _SIGNS.match(text, pos)
    if found is None:
        return None
    parts = found[0].split("-")
    names, words = tables.names(), tables.abbreviations()
    if parts[0] in names and all(part in names or part in words for part in parts):
        return Read(_code(parts), found.end())
    return None
