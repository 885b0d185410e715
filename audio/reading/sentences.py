"""A spoken text cut for a voice: no piece longer than it takes, a pause after each by its mark."""

import re
from typing import NamedTuple

_STOPS = {".": 450, "!": 450, "?": 450, ",": 200, "": 120}
_LINE_MS = 600


class Sentence(NamedTuple):
    """What a voice is given at once, and the silence after it in milliseconds."""

    text: str
    pause_ms: int


def sentences(text: str, *, limit: int, language: str = "vi") -> list[Sentence]:
    """Cut a spoken text at its lines, sentences, clauses, then words, so that no piece is over `limit` characters.

    Pieces come in order and hold every word once. A word is cut only if it alone is over the limit. The pause
    follows the mark a piece ends with, is longest at the end of a line, and 0 after the last piece.
    Raises ValueError for a limit under 1. Linear in the text. `language` is kept for scripts with other marks.
    """
    del language
    if limit < 1:
        raise ValueError("limit must be at least 1")
    found: list[Sentence] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        pieces = [part for sentence in _split(line, r"(?<=[.!?])\s+") for part in _fit(sentence, limit)]
        if not pieces:
            continue
        found += [Sentence(piece, _pause(piece)) for piece in pieces[:-1]]
        found.append(Sentence(pieces[-1], _LINE_MS))
    if found:
        found[-1] = Sentence(found[-1].text, 0)
    return found


def _split(text: str, pattern: str) -> list[str]:
    return [part.strip() for part in re.split(pattern, text) if part.strip()]


def _pause(piece: str) -> int:
    return _STOPS.get(piece[-1:], _STOPS[""])


def _fit(sentence: str, limit: int) -> list[str]:
    """The sentence in as few pieces as its clauses and words allow."""
    if len(sentence) <= limit:
        return [sentence]
    return [
        piece
        for clauses in _packed(_split(sentence, r"(?<=[,;:])\s+"), limit)
        for piece in ([clauses] if len(clauses) <= limit else _packed(_words(clauses, limit), limit))
    ]


def _words(text: str, limit: int) -> list[str]:
    return [word[start : start + limit] for word in text.split() for start in range(0, len(word), limit)]


def _packed(parts: list[str], limit: int) -> list[str]:
    """Neighbours joined by a blank as long as they fit."""
    packed: list[str] = []
    held: list[str] = []
    length = -1
    for part in parts:
        if held and length + 1 + len(part) > limit:
            packed.append(" ".join(held))
            held, length = [], -1
        held.append(part)
        length += 1 + len(part)
    return [*packed, " ".join(held)] if held else packed
