"""Before anything is read: one form for what looks alike, nothing invisible, bounded pieces."""

import re
import unicodedata
from collections.abc import Iterator

from audio.reading.numbers import cardinal

_LINES = re.compile(r"\r\n?|[\u2028\u2029\x0b\x85]")
_SPACES = re.compile(r"[^\S\n ][^\S\n]*| [^\S\n]+")
_ODD_SPACE = re.compile(r"[^\S\n ]")
_SAME = {
    **dict.fromkeys("\ufeff\u2060\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufe0f", ""),
    **dict.fromkeys("\u200b\u200c\u00ad\x0c\u180e\t\xa0", " "),
    **dict.fromkeys("‘’‚‛´`ʼ＇", "'"), **dict.fromkeys("“”„‟«»＂", '"'), **dict.fromkeys("‐‑﹣－−", "-"),
    **dict.fromkeys("‒—―", "–"), **dict.fromkeys("⁄∕", "/"), "µ": "μ", "℃": "°C", "℉": "°F", "º": "°", "˚": "°",
    "…": "...", "‥": "..", "․": ".", "Ð": "Đ", "ð": "đ", "Ɖ": "Đ", "∗": "*", "∶": ":", "∆": "Δ", "ß": "ss", "ø": "o",
    "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "ı": "i",
}  # fmt: skip
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323\u0302\u0306\u031b")
_LETTERS = "àáâãèéêìíòóôõùúýÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝăĂđĐĩĨũŨơƠưƯ" + "".join(map(chr, range(0x1EA0, 0x1EFA)))
_SIGNS = "°×÷±·αβγδεηθλμπρστφχψωΔΣΩΠΦΓΛ–€£¥₫₹₩√∛∞≈≠≤≥→⇒⇔←∫∮∂∈∉∃∀∑ℝℤℕℚ•●▪◦✓§©®™‰"
_UNUSUAL = re.compile(f"[^\n -~{_LETTERS}{_SIGNS}]")
_VULGAR = re.compile("[¼½¾⅐-⅞]")
_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻ⁿⁱˣ]+")
_LOWERED = re.compile("[₀-₉ᵢⱼₙₓ]+")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱˣ", "0123456789+-nix")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉ᵢⱼₙₓ", "0123456789ijnx")
_LENGTH_BEFORE = re.compile(r"(?:^|[^a-zA-Z])(?:[kcdm]?m|hm|dam)\Z")
_LOW = "a-zàáâãèéêìíòóôõùúýăđĩũơưạ-ỹ"
_UP = "A-ZÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝĂĐĨŨƠƯẠ-Ỹ"
_STOP = re.compile(rf"(?<=[{_LOW}][{_LOW}][{_LOW}])\. (?=[{_UP}])")
_FEW = 40
PIECE = 500


def clean(text: str) -> str:
    """NFC, plain spaces and quotes, lines ended by LF, foreign Latin letters by their base letter.

    Private, unassigned and control characters go; digits of other scripts become ours.
    """
    odd = set(_UNUSUAL.findall(text))
    if odd:
        if not odd.isdisjoint(_LINE_ENDS):
            text = _LINES.sub("\n", text)
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        for signs, pattern, said in _BY_SIGN:
            if not odd.isdisjoint(signs):
                text = pattern.sub(said, text)
        text = _replaced(text, set(_UNUSUAL.findall(text)))
    return _SPACES.sub(" ", text) if "  " in text or (odd and _ODD_SPACE.search(text)) else text


def _replaced(text: str, odd: set[str]) -> str:
    if len(odd) > _FEW:
        return text.translate({ord(char): _character(char) for char in odd})
    for char in odd:
        text = text.replace(char, _character(char))
    return text


def _character(char: str) -> str:
    """Fold what no Vietnamese voice can say into what it can; the result holds usual characters or letters."""
    if char in _SAME:
        return _SAME[char]
    kind = unicodedata.category(char)
    if kind[0] == "Z":
        return " "
    if kind[0] == "C" or kind == "Mn":
        return ""
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind in ("No", "Nl"):
        value = unicodedata.numeric(char)
        return f" {int(value)} " if value == int(value) else " "
    if kind[0] == "L":
        whole = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", char))
        folded = "".join(_SAME.get(part, part) for part in whole if part in _TONES or not unicodedata.combining(part))
        return unicodedata.normalize("NFC", folded)
    return char


def _raised(found: re.Match[str]) -> str:
    exponent = found[0].translate(_SUPERSCRIPT)
    before = found.string[max(0, found.start() - 4) : found.start()]
    return exponent if exponent in ("2", "3") and _LENGTH_BEFORE.search(before) else f"^{exponent}"


def _lowered(found: re.Match[str]) -> str:
    written = found[0].translate(_SUBSCRIPT)
    return written if written.isdecimal() else f" {written}"


def _vulgar(found: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", found[0]).split("⁄")
    if found.string[found.start() - 1 : found.start()].isdecimal():
        return f" {above}/{below} "
    return f" {cardinal(above)} phần {'tư' if below == '4' else cardinal(below)} "


_LINE_ENDS = frozenset("\r\u2028\u2029\x0b\x85")
_BY_SIGN = (
    (frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱˣ"), _RAISED, _raised),
    (frozenset("₀₁₂₃₄₅₆₇₈₉ᵢⱼₙₓ"), _LOWERED, _lowered),
    (frozenset("¼½¾" + "".join(map(chr, range(0x2150, 0x215F)))), _VULGAR, _vulgar),
)


def pieces(text: str) -> Iterator[str]:
    """Cut into lines and sentences, and those of over 500 characters at a sentence's end or a blank.

    So no rule ever looks at an endless text, which keeps the whole linear, and a sentence that comes again is known.
    A point after a short word may belong to an abbreviation and cuts nothing. Joined the pieces give `text` again.
    """
    for line in text.splitlines(keepends=True):
        if ". " not in line and len(line) <= PIECE:
            yield line
        else:
            yield from _sentences(line)


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for found in _STOP.finditer(line):
        yield from _bounded(line[start : found.end()])
        start = found.end()
    yield from _bounded(line[start:])


def _bounded(line: str) -> Iterator[str]:
    if len(line) <= PIECE:
        yield line
    else:
        start = 0
        while len(line) - start > PIECE:
            window = line[start : start + PIECE]
            stop, blank = window.rfind(". "), window.rfind(" ")
            cut = stop + 2 if stop > 0 else blank + 1 if blank > 0 else PIECE
            yield line[start : start + cut]
            start += cut
        yield line[start:]
