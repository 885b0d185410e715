"""A unit's own dictionary: what it says wins over every rule."""

import re
from collections.abc import Mapping

_FIRST_PLACE = 0xF0000
_MOST_ENTRIES = 60_000
_LONGEST = 200
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")


def is_marked(char: str) -> bool:
    """True of the private characters that stand for an entry."""
    return _FIRST_PLACE <= ord(char) <= _FIRST_PLACE + _MOST_ENTRIES


class Replacements:
    """Finds the words of a dictionary in a text, longest first, at word boundaries.

    A key with a capital letter must match exactly; one in small letters matches in any case. Entries beyond
    60,000, empty ones and those over 200 characters are left out. Time is linear in the text.
    """

    def __init__(self, dictionary: Mapping[str, str]) -> None:
        self._by_start: dict[str, list[tuple[str, int, bool]]] = {}
        self._spoken: list[str] = []
        for written in sorted(dictionary, key=len, reverse=True)[:_MOST_ENTRIES]:
            key = " ".join(written.split())
            first = _TOKEN.match(key)
            if first is None or len(key) > _LONGEST:
                continue
            exact = key != key.lower()
            entry = (key if exact else key.lower(), len(self._spoken), exact)
            self._by_start.setdefault(first[0].lower(), []).append(entry)
            self._spoken.append(" ".join(dictionary[written].split()))

    def mark(self, text: str) -> str:
        """`text` with each word found replaced by a private character that no rule touches."""
        parts: list[str] = []
        done = 0
        for start, end, place in self.found(text):
            parts += [text[done:start], f" {chr(_FIRST_PLACE + place)} "]
            done = end
        return "".join(parts) + text[done:] if parts else text

    def found(self, text: str) -> list[tuple[int, int, int]]:
        """Where words of the dictionary stand in `text`: from, to, and the place of the entry (`said`), in order."""
        if not self._by_start:
            return []
        lower = text.lower()
        if len(lower) != len(text):
            lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
        words: list[tuple[int, int, int]] = []
        done = 0
        for token in _TOKEN.finditer(text):
            start = token.start()
            if start < done:
                continue
            found = self._at(text, lower, start)
            if found is not None:
                words.append((start, *found))
                done = found[0]
        return words

    def said(self, place: int) -> str:
        """What the entry at this place is read as."""
        return self._spoken[place]

    def _at(self, text: str, lower: str, start: int) -> tuple[int, int] | None:
        token = _TOKEN.match(lower, start)
        if token is None or (text[start].isalnum() and text[max(0, start - 1) : start].isalnum()):
            return None
        for key, place, exact in self._by_start.get(token[0], ()):
            end = start + len(key)
            if not (text if exact else lower).startswith(key, start):
                continue
            if key[-1].isalnum() and text[end : end + 1].isalnum():
                continue
            return end, place
        return None

    def restore(self, text: str) -> str:
        """The private characters of `mark` as the words of the dictionary."""
        if not self._by_start:
            return text
        return _MARKED.sub(lambda found: self._word(found[0]), text)

    def _word(self, char: str) -> str:
        place = ord(char) - _FIRST_PLACE
        return self._spoken[place] if place < len(self._spoken) else ""


_MARKED = re.compile(f"[{chr(_FIRST_PLACE)}-{chr(_FIRST_PLACE + _MOST_ENTRIES)}]")
