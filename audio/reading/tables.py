"""The data tables of the package, read at first use and kept."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Entry(NamedTuple):
    """One reading of an abbreviation, and when it holds.

    One of `words` must stand at its `side`: `before`, `after`, or `near` (anywhere in the sentence); no side is always.
    After it, `#` stands for a number, `1/` for a scale, `@` for a date, `$` for nothing on either side and `*` for a
    word with a capital.
    """

    spoken: str
    side: str
    words: frozenset[str]


def _rows(name: str) -> list[list[str]]:
    lines = files("audio.reading").joinpath("data", name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines[1:] if line]


@cache
def units() -> dict[str, str]:
    """Written unit → spoken; case counts."""
    return {written: spoken for written, spoken in _rows("units.tsv")}  # noqa: C416 - names what the columns are


_UNIT = re.compile(r"°[CFKcfkNESW]?|[%‰Ω]|[a-zA-Zμ]+(?:[23]|2O)?(?![^\W_])")


def unit_token(text: str, pos: int) -> str:
    """The unit written at `pos`, or nothing."""
    found = _UNIT.match(text, pos)
    return found[0] if found and found[0] in units() else ""


@cache
def abbreviations() -> dict[str, list[Entry]]:
    """Written abbreviation → its readings, those with a condition first."""
    table: dict[str, list[Entry]] = {}
    for written, spoken, *condition in _rows("abbreviations.tsv"):
        side, words = [*condition, "", ""][:2]
        table.setdefault(written, []).append(Entry(spoken, side, frozenset(filter(None, words.split(",")))))
    for entries in table.values():
        entries.sort(key=lambda entry: not entry.side)
    return table


@cache
def abbreviations_by_start() -> dict[str, list[str]]:
    """First run of letters → the abbreviations that begin with it, longest first."""
    table: dict[str, list[str]] = {}
    for written in sorted(abbreviations(), key=len, reverse=True):
        found = re.match(r"[^\W\d_]+", written)
        if found:
            table.setdefault(found[0], []).append(written)
    return table


@cache
def names() -> dict[str, str]:
    """Abbreviations of a law's number (`NĐ`, `TTg`) → their words."""
    return {written: spoken for written, spoken in _rows("legal.tsv")}  # noqa: C416 - names what the columns are


@cache
def english() -> frozenset[str]:
    """Upper-case abbreviations that go by single letters which the voice names itself (`ATM`)."""
    return frozenset(row[0] for row in _rows("acronyms.tsv") if row[1] == "letters")


@cache
def wordlike() -> frozenset[str]:
    """Upper-case abbreviations that are said as a word (`SIM`), or kept as written (`GMT`)."""
    return frozenset(row[0] for row in _rows("acronyms.tsv") if row[1] == "word")
