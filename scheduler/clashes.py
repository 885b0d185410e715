"""Do two timetables meet? Pure: spans in, overlaps out."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Span:
    """Something that sounds from `start` until `end` (not included). `owner` says what it is."""

    start: datetime
    end: datetime
    owner: str


def first_overlap(candidate: Sequence[Span], others: Iterable[Span]) -> tuple[Span, Span] | None:
    """The earliest pair of a candidate and another that share an instant. Touching ends share none.

    Both are sorted here; one sweep, so the cost is that of sorting.
    """
    mine, theirs = sorted(candidate), sorted(others)
    i = j = 0
    while i < len(mine) and j < len(theirs):
        if mine[i].start < theirs[j].end and theirs[j].start < mine[i].end:
            return mine[i], theirs[j]
        if mine[i].end <= theirs[j].end:
            i += 1
        else:
            j += 1
    return None


def self_overlap(spans: Sequence[Span]) -> tuple[Span, Span] | None:
    """The earliest span that has not ended when the next one starts."""
    ordered = sorted(spans)
    for before, after in itertools.pairwise(ordered):
        if after.start < before.end:
            return before, after
    return None
