"""Which words of a text the reading changes, and into what: for pages that show both.

The walk is that of `front_end.spoken`, so what is marked is what the rules did. Places are those of the text as it was
written; white space parts the words, and what a rule reads over several words is marked as one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from audio.reading import tables
from audio.reading.clean import clean, pieces
from audio.reading.dictionary import Replacements
from audio.reading.front_end import places
from audio.reading.letters import spell
from audio.reading.punctuation import settle, single_blanks

READ, OWN, UNKNOWN = "read", "own", "unknown"
_WORD = re.compile(r"\S+")
_BEFORE = re.compile(r"[^\w$€£₫%°+-]+")
_BEHIND = re.compile(r"[^\w$€£₫%°²³+]+$")
_LETTERS = re.compile(r"[^\W\d_]+")
_SAID_WORDS = re.compile(r"\w+")
_SHORTEST, _LONGEST = 2, 8


@dataclass(frozen=True)
class Change:
    """`text[start:end]` is said as `spoken`. `kind`: `read` by a rule, `own` by the unit's dictionary, or `unknown`.

    Unknown are capitals that no table knows and that are therefore spelled letter by letter.
    """

    start: int
    end: int
    written: str
    spoken: str
    kind: str = READ


def changes(text: str, language: str = "vi", dictionary: Mapping[str, str] | None = None) -> list[Change]:
    """What the reading changes in `text`, in order and without overlaps. Linear in the text's length.

    Other languages than Vietnamese are changed by the dictionary alone, as in `spoken`. Marks that are only said as a
    pause are no changes.
    """
    own = Replacements(dictionary or {})
    vietnamese = language.split("-", maxsplit=1)[0].lower() == "vi"
    found: list[Change] = []
    start = 0
    for line in text.splitlines(keepends=True):
        found += _line(line, start, own, vietnamese=vietnamese)
        start += len(line)
    return found


@dataclass(frozen=True)
class _Said:
    """What is said from `start` to `end` of a cleaned line, the blanks around it as in `spoken`."""

    start: int
    end: int
    said: str
    own: bool


def _line(line: str, offset: int, own: Replacements, *, vietnamese: bool) -> Iterator[Change]:
    words = list(_WORD.finditer(line))
    cleaned = clean(line.rstrip("\r\n"))
    plain = list(_WORD.finditer(cleaned))
    if not words:
        return
    if len(plain) != len(words):  # signs that part or join words: told of the line as a whole
        whole = "".join(_heard(cleaned, 0, len(cleaned), list(_sayings(cleaned, own, vietnamese=vietnamese))))
        if not _same(line, _settled(whole)):
            yield Change(offset + words[0].start(), offset + words[-1].end(), line.strip(), _settled(whole))
        return
    said = list(_sayings(cleaned, own, vietnamese=vietnamese))
    for first, last, here in _groups(plain, said):
        spoken = _settled("".join(_heard(cleaned, plain[first].start(), plain[last].end(), here)))
        start, end = _core(line, words[first].start(), words[last].end())
        written = line[start:end]
        spoken = spoken.strip(" ,.?!")
        if not _same(written, spoken):
            yield Change(offset + start, offset + end, written, spoken, _kind(written, here))


def _core(line: str, start: int, end: int) -> tuple[int, int]:
    """The same place without the marks and quotes around its words; the whole where there is nothing else."""
    before = _BEFORE.match(line, start, end)
    behind = _BEHIND.search(line[start:end])
    left = before.end() if before else start
    right = start + behind.start() if behind else end
    return (left, right) if left < right else (start, end)


def _sayings(line: str, own: Replacements, *, vietnamese: bool) -> Iterator[_Said]:
    """Every place of a cleaned line that is not simply said as it stands, in order."""
    entries = own.found(line)
    if not vietnamese:
        yield from (_Said(start, end, own.said(place), own=True) for start, end, place in entries)
        return
    marked, back = _marked(line, entries)
    done = 0
    for piece in pieces(marked):
        for start, end, said in places(piece):
            begin, stop = done + start, done + end
            entry = next((each for each in entries if each[0] <= back[begin] < each[1]), None) if entries else None
            if entry is not None and stop == begin + 1:
                yield _Said(entry[0], entry[1], own.said(entry[2]), own=True)
            else:
                yield _Said(back[begin], back[stop - 1] + 1, said, own=False)
        done += len(piece)


def _marked(line: str, entries: list[tuple[int, int, int]]) -> tuple[str, list[int]]:
    """The line as the rules see it, with a private character for each word of the dictionary; and where each stood."""
    if not entries:
        return line, list(range(len(line) + 1))
    parts, back, done = [], [], 0
    for start, end, _ in entries:
        parts += [line[done:start], " \U000f0000 "]
        back += [*range(done, start), start, start, end - 1]
        done = end
    parts.append(line[done:])
    back += [*range(done, len(line) + 1)]
    return "".join(parts), back


def _groups(words: list[re.Match[str]], said: list[_Said]) -> Iterator[tuple[int, int, list[_Said]]]:
    """Runs of words that belong together because one saying covers them, with what is said there: first, last, said."""
    number, first, last = 0, -1, -1
    here: list[_Said] = []
    for each in said:
        while number < len(words) and words[number].end() <= each.start:
            number += 1
        if number == len(words) or words[number].start() >= each.end:
            continue  # a blank
        upto = number
        while upto + 1 < len(words) and words[upto + 1].start() < each.end:
            upto += 1
        if number > last:
            if here:
                yield first, last, here
            first, here = number, []
        last = max(last, upto)
        here.append(each)
    if here:
        yield first, last, here


def _heard(line: str, start: int, end: int, said: list[_Said]) -> Iterator[str]:
    """What is said from `start` to `end`."""
    for each in said:
        yield line[start : each.start]
        yield f" {each.said} " if each.own or each.said[:1].isalnum() else each.said
        start = max(start, each.end)
    yield line[start:end]


def _settled(said: str) -> str:
    return single_blanks(settle(said)).strip()


def _same(written: str, spoken: str) -> bool:
    """True if nobody hears a difference: case and marks apart, the same words."""
    return _SAID_WORDS.findall(written.lower()) == _SAID_WORDS.findall(spoken.lower())


def _kind(written: str, said: list[_Said]) -> str:
    if any(each.own for each in said):
        return OWN
    return UNKNOWN if any(_is_unknown(word, each.said) for each in said for word in _LETTERS.findall(written)) else READ


@lru_cache(maxsize=4_096)
def _is_unknown(word: str, said: str) -> bool:
    """True of capitals that no table knows, said by the names of their letters."""
    return (
        word.isupper()
        and _SHORTEST <= len(word) <= _LONGEST
        and said.strip() == spell(word)
        and word not in tables.abbreviations()
        and word not in tables.english()
    )
