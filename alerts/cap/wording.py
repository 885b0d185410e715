"""What is spoken of a message: from its own words, cleaned for the ear, per language, bounded, never twice."""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from alerts.cap.languages import VIETNAMESE, base, chosen
from alerts.cap.message import Area, Info

MOST_CHARS = 1_800
"""About two minutes of speech."""

_LEAST_TAIL = 40
_MOST_AREAS = 12
_LOOKED_AT = 20_000
_HIDDEN = re.compile(r"(?is)<(script|style)\b[^<>]{0,200}>.{0,4000}?</\1\s*>|<!--.{0,4000}?-->")
_BREAK = re.compile(r"(?i)<(?:br|/?p|/?div|/?li|/?tr|/?h[1-6])\b[^<>]{0,500}>")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,500}>")
_ADDRESS = re.compile(
    r"(?i)\b(?:https?|ftp)://\S*[^\s.,;:!?)]|\bwww\.\S*[^\s.,;:!?)]|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b"
)
_BULLET = re.compile(r"(?m)^[ \t]*(?:[*•·▪●◦‣>#]+|-{1,3})[ \t]+")
_DOTS = re.compile(r"(?:\.{2,}|…)")
_RULE = re.compile(r"[-_=~*#|]{2,}")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE_END = ".!?:;"
_UNSPOKEN = str.maketrans("<>{}[]|\\^`*_#~", " " * 14)

# Phrases for the words of the standard, as a Vietnamese announcer says them.
SEVERITY = {"Extreme": "đặc biệt nghiêm trọng", "Severe": "nghiêm trọng", "Moderate": "trung bình", "Minor": "nhẹ"}
URGENCY = {
    "Immediate": "Cần hành động ngay.", "Expected": "Cần chuẩn bị ngay trong giờ tới.",
    "Future": "Cần chuẩn bị trong thời gian tới.",
}  # fmt: skip
_ALL_CLEAR = "Đã hết nguy hiểm."
_LEVEL = "Mức độ: {level}."
_AREA = "Khu vực: {areas}."
_MORE_AREAS = "và {count} khu vực khác"


@dataclass(frozen=True, slots=True)
class Wording:
    """What a loudspeaker says in one language. `blocks` are the places of the info blocks it comes from."""

    language: str
    text: str
    blocks: tuple[int, ...]
    shortened: bool = False


def cleaned(text: str) -> str:
    """`text` for the ear: without HTML, addresses of the web, bullets and rules; NFC; paragraphs end in a full stop."""
    text = html.unescape(text[:_LOOKED_AT]) if "&" in text else text[:_LOOKED_AT]
    text = _MARKUP.sub(" ", _BREAK.sub("\n\n", _HIDDEN.sub(" ", text)))
    text = unicodedata.normalize("NFC", text)
    text = _BULLET.sub("\n\n", _RULE.sub(" ", _ADDRESS.sub(" ", text)))
    text = _DOTS.sub(". ", text).translate(_UNSPOKEN)
    text = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return " ".join(filter(None, map(_sentence, _PARAGRAPH.split(text))))


def _sentence(paragraph: str) -> str:
    text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(paragraph.split()))
    text = re.sub(r"([.!?])[.,;:]+", r"\1", text).strip(" ,;.")
    if not any(each.isalnum() for each in text):
        return ""
    return text if text[-1] in _SENTENCE_END else f"{text}."


def wordings(
    infos: Sequence[Info],
    blocks: Sequence[int],
    wanted: Sequence[str],
    *,
    all_clear: bool = False,
    most: int = MOST_CHARS,
) -> list[Wording]:
    """What is said of the `blocks` of `infos` to a loudspeaker for the `wanted` languages: one wording each, in order.

    Blocks of one language are joined; what says the same is said once. At most `most` characters each, cut at the end
    of a sentence; what to do comes before it is cut, and names of areas are the first to go.
    """
    bases = {place: base(infos[place].language) for place in blocks}
    found = []
    for language in chosen([bases[place] for place in blocks], wanted):
        places = [place for place in blocks if bases[place] == language]
        text, shortened = _joined([infos[place] for place in places], language, all_clear, most)
        if text:
            found.append(Wording(language, text, tuple(places), shortened))
    return found


def _joined(infos: list[Info], language: str, all_clear: bool, most: int) -> tuple[str, bool]:
    """Blocks with the same words become one, with the areas of all."""
    groups: dict[tuple[str, str, str], list[Info]] = {}
    for info in infos:
        words = (cleaned(info.headline or info.event), cleaned(info.description), cleaned(info.instruction))
        groups.setdefault(words, []).append(info)
    said: set[str] = set()
    texts, shortened, room = [], False, most
    for words, same in groups.items():
        if room <= _LEAST_TAIL:
            shortened = True
            break
        text, cut = _said(words, same, language, all_clear, room, said)
        shortened = shortened or cut
        texts.append(text)
        room -= len(text) + 1
    return " ".join(filter(None, texts)), shortened


def _said(
    words: tuple[str, str, str], infos: list[Info], language: str, all_clear: bool, most: int, said: set[str]
) -> tuple[str, bool]:
    headline, description, instruction = ("" if each in said else each for each in words)
    said.update(filter(None, words))
    if description.startswith(headline.rstrip(".:")):
        headline = ""
    vietnamese = language == VIETNAMESE
    opening = [_ALL_CLEAR if vietnamese and all_clear else "", headline]
    if vietnamese and not all_clear:
        opening += _grades(infos[0])
    opening = [each for each in opening if each]
    areas = _areas([area for info in infos for area in info.areas], f"{headline} {description}") if vietnamese else ""
    whole = " ".join(filter(None, [*opening, areas, description, instruction]))
    if len(whole) <= most:
        return whole, False
    start = " ".join([*opening, instruction]).strip()
    room = most - len(start) - 1
    middle = _cut(description, room) if room > _LEAST_TAIL else ""
    return _cut(" ".join(filter(None, [*opening, middle, instruction])), most), True


def _grades(info: Info) -> list[str]:
    level = SEVERITY.get(info.severity)
    return [_LEVEL.format(level=level) if level else "", URGENCY.get(info.urgency, "")]


def _areas(areas: list[Area], told: str) -> str:
    """The areas' names, unless the text tells them all anyway."""
    names = list(dict.fromkeys(filter(None, (cleaned(area.description).rstrip(".") for area in areas))))
    if not names or all(name.lower() in told.lower() for name in names):
        return ""
    if len(names) > _MOST_AREAS:
        names = [*names[:_MOST_AREAS], _MORE_AREAS.format(count=len(names) - _MOST_AREAS)]
    return _AREA.format(areas="; ".join(names))


def _cut(text: str, most: int) -> str:
    """At most `most` characters, up to the last end of a sentence in them, else of a word."""
    if len(text) <= most:
        return text
    kept = text[:most]
    end = max(kept.rfind(f"{each} ") for each in ".!?")
    if end > most // 3:
        return kept[: end + 1]
    return f"{kept[: max(kept.rfind(' '), 0) or most - 1].rstrip(' ,;:')}."[:most]
