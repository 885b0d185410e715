"""Addresses of the Web, of mail and of files, in pieces that can be said."""

import re
from functools import lru_cache

from audio.reading import syllables
from audio.reading.context import Read, wordset
from audio.reading.letters import spell
from audio.reading.numbers import digits

_DOMAINS = (
    "com|vn|org|net|edu|gov|info|io|ai|dev|tech|me|tv|gle|asia|biz|app|site|online|shop|xyz|"
    "co|us|uk|jp|cn|eu|fr|de|ly|abc"
)
_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4}")
_LINK = re.compile(r"(?:https?|ftp)://[^\s<>\"()]{1,400}|www\.[^\s<>\"()]{1,400}", re.IGNORECASE)
_SITE = re.compile(
    rf"(?:[A-Za-z0-9\-]{{1,63}}\.){{1,5}}(?:{_DOMAINS})(?![^\W_])(?::\d{{1,5}})?(?:[/?#][^\s<>\"()]{{0,300}})?",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:[A-Za-z]:\\|\\\\?(?=\w)|~?/(?=[A-Za-z_.]+[/_\-.]))[^\s<>\"():]{2,300}")
_FILE = re.compile(
    r"[A-Za-z0-9][\w\-]{0,80}(?:\.\w{1,12}){0,3}\.(?:pdf|docx?|xlsx?|txt|jpg|png|mp[34]|wav|zip|log|py|tar|gz|csv|pptx?|html?)(?![^\W_])"
)
_SNAKE = re.compile(r"[A-Za-z0-9]{1,40}(?:_[A-Za-z0-9]{1,40}){1,8}(?![^\W])")
_HANDLE = re.compile(r"@[A-Za-z0-9_.]{2,40}")
_PIECE = re.compile(r"[^\W\d_]+|\d+|.", re.DOTALL)
_TRAILING = ".,;:!?'"
_SIGNS = {
    ".": "chấm", "@": "a còng", "/": "gạch chéo", "\\": "gạch chéo", "-": "gạch nối", "_": "gạch dưới", ":": "hai chấm",
    "?": "hỏi chấm", "=": "bằng", "&": "và", "#": "thăng", "+": "cộng", "%": "phần trăm", "~": "ngã",
}  # fmt: skip
_SAID = {
    "vn": "vê nờ", "edu": "ê đu", "org": "o rờ gờ", "io": "i ô", "jpg": "giây phê gờ", "pdf": "phê đê ép",
    "www": "vê kép vê kép vê kép", "https": "hát tê tê phê ét", "http": "hát tê tê phê", "ftp": "ép tê phê",
    "png": "phê nờ gờ", "py": "phê y", "txt": "tê ích tê", "gz": "gờ dét", "evn": "e vê nờ",
    "vneid": "vê nờ e i đê", "vnpt": "vê nờ phê tê", "tv": "tê vê", "fpt": "ép phê tê", "ted": "tê e đê",
}  # fmt: skip
_WORDS = wordset(
    "admin support contact example project user build server blog smart home data domain test research "
    "download desktop toolbox docs python health local host top doc drive early access developer nvidia "
    "openai google facebook youtube zalo hotmail yahoo outlook windows linux zone ielts tool box set lab "
    "web mail shop online news book store school bank pay dataset demo report camera video radio menu "
    "users"
)
_WHOLE = wordset("com gov net info gmail api os zip docx wav gle dev tech ai lang")
_VOWEL = re.compile("[aeiou]")
_DOT_AND_LETTER = re.compile(r"\.[A-Za-z]")
_TWO_PIECES = re.compile(r"/[A-Za-z_.]+[/_.]")
_LIKELY = re.compile(r"[@\\_]|\.[A-Za-z]|://|/[A-Za-z_.]+[/_.]|www")
_NOT_A_SITE = re.compile(r"\d+(?:[.,]\d+)*")


@lru_cache(maxsize=256)
def likely(text: str) -> bool:
    """True if the piece of text may hold an address at all."""
    return (
        "@" in text
        or "_" in text
        or "\\" in text
        or "www" in text
        or "://" in text
        or _DOT_AND_LETTER.search(text) is not None
        or ("/" in text and _TWO_PIECES.search(text) is not None)
    )


def address(text: str, pos: int) -> Read | None:
    """An e-mail address, a link, a site or a file's path, said sign by sign; trailing punctuation stays outside."""
    if not likely(text):
        return None
    blank = text.find(" ", pos)
    if _LIKELY.search(text, pos, blank if blank > 0 else len(text)) is None:
        return None
    window = text[pos : pos + 8]
    for pattern in (_MAIL, _LINK, _SITE, _FILE, _PATH, _SNAKE, _HANDLE):
        if (pattern is _HANDLE and not window.startswith("@")) or (pattern is _SNAKE and " = " in text):
            continue
        found = pattern.match(text, pos)
        if found is None or _NOT_A_SITE.fullmatch(found[0]):
            continue
        written = found[0].rstrip(_TRAILING)
        return Read(said(written), pos + len(written))
    return None


def said(written: str) -> str:
    """Every piece of an address by its words, letters or digits, and every sign by its name."""
    words: list[str] = []
    for piece in _PIECE.findall(written):
        if piece.isdecimal():
            words.append(digits(piece))
        elif piece.isalpha():
            words.extend(_camel(piece))
        else:
            words.append(_SIGNS.get(piece, ""))
    return " ".join(filter(None, words))


def _camel(piece: str) -> list[str]:
    parts = re.findall(r"[A-Z]?[^\W\dA-Z_]+|[A-Z]+(?![^\W\dA-Z_])|[A-Z]+", piece)
    return [_piece(part) for part in parts]


def _piece(piece: str) -> str:
    """A word as it is, a run of syllables cut apart, a run no mouth can say by its letters."""
    low = piece.lower()
    if low in _SAID:
        return _SAID[low]
    if not low.isascii() or low in _WORDS or low in _WHOLE:
        return low
    if syllables.is_syllable(low) and len(low) > 1:
        return low
    if low in _INITIALS or not _VOWEL.search(low) or len(low) <= 2:  # noqa: PLR2004 - `ai` and `an` are syllables, `iz` is two letters
        return spell(low)
    return _cut(low)


_INITIALS = ("ubnd", "hdnd", "mttq", "thcs", "thpt", "bhxh", "bhyt", "ubmttq", "tyt", "htx", "vp", "ub")


def _with_initials(low: str) -> str:
    """`ubndtanphu` and `vanphongubnd`: initials of an office before or behind syllables; nothing for anything else."""
    for initials in _INITIALS:
        rest, head = low[len(initials) :], low.removesuffix(initials)
        if low.startswith(initials) and (rest in _INITIALS or syllables.split(rest)):
            return f"{spell(initials)} {_piece(rest)}"
        if head != low and (parts := syllables.split(head)):
            return f"{' '.join(parts)} {spell(initials)}"
    return ""


def _cut(low: str) -> str:
    if said_initials := _with_initials(low):
        return said_initials
    parts = syllables.split(low)
    if parts:
        return " ".join(parts)
    for cut in range(2, len(low) - 1):
        if low[:cut] in _WORDS and (whole := syllables.split(low[cut:])) and low[cut:] not in _WORDS:
            return f"{low[:cut]} {' '.join(whole)}"
    for cut in (2, 3, 4, len(low) - 3, len(low) - 4):
        head, tail = low[: max(0, cut)], low[max(0, cut) :]
        for spelled, rest, front in ((head, tail, True), (tail, head, False)):
            if not 2 <= len(spelled) <= 4 or _VOWEL.search(spelled):  # noqa: PLR2004 - initials are few
                continue
            whole = syllables.split(rest)
            if whole and len(rest) > 2:  # noqa: PLR2004
                said_rest = " ".join(whole)
                return f"{spell(spelled)} {said_rest}" if front else f"{said_rest} {spell(spelled)}"
    return low
