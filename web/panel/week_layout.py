"""How a week is laid out: which hours are shown, in which rows a block lies, and which blocks stand side by side. Pure.

A day is a column of rows of five minutes. Hours in which nothing sounds all week are folded into a few rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEP = 5  # minutes a row
HOUR = 60
DAY = 24 * HOUR
HOUR_ROWS = HOUR // STEP
FOLDED_ROWS = 3
LEAST_ROWS = 5  # so that a title has room, and a finger
LANES = 4  # side by side; what comes on top of that is behind a number
_LEAST_FOLDED = 2  # hours: a single one is not worth folding
_USUAL = ((5 * HOUR, 7 * HOUR), (17 * HOUR, 18 * HOUR))


@dataclass(frozen=True)
class Segment:
    """A stretch of the day, in minutes from midnight, and the rows it takes; `row` counts from 1."""

    start: int
    end: int
    row: int
    rows: int
    folded: bool


@dataclass(frozen=True)
class Axis:
    """The day from top to bottom, without a gap from 0:00 to 24:00."""

    segments: tuple[Segment, ...]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.segments)

    def row(self, minute: int) -> int:
        """The row in which a minute of the day lies; that after the last one for 24:00."""
        for each in self.segments:
            if minute < each.end:
                within = 0 if each.folded else (max(minute, each.start) - each.start) // STEP
                return each.row + within
        return self.rows + 1

    def place(self, start: int, end: int, least: int = 1) -> tuple[int, int]:
        """First row and number of rows (at least `least`) of what lasts from `start` to `end`, within the day."""
        first = self.row(start)
        last = self.row(min(end, DAY) - 1) if end > start else first
        rows = max(last - first + 1, least)
        return max(min(first, self.rows + 1 - rows), 1), min(rows, self.rows)


def axis(spans: Iterable[tuple[int, int]], *, whole: bool = False) -> Axis:
    """The hours in which one of the spans lies, shown; runs of at least two others folded. `whole` folds nothing."""
    used = {hour for start, end in spans for hour in range(start // HOUR, -(-max(end, start + 1) // HOUR))}
    used = {hour for hour in used if hour * HOUR < DAY}
    if not used:
        used = {hour for start, end in _USUAL for hour in range(start // HOUR, end // HOUR)}
    if whole:
        used = set(range(DAY // HOUR))
    found: list[Segment] = []
    row, hour = 1, 0
    while hour < DAY // HOUR:
        until = next((each for each in range(hour, DAY // HOUR) if each in used), DAY // HOUR)
        if until - hour >= _LEAST_FOLDED:
            found.append(Segment(hour * HOUR, until * HOUR, row, FOLDED_ROWS, folded=True))
            hour = until
        else:
            found.append(Segment(hour * HOUR, (hour + 1) * HOUR, row, HOUR_ROWS, folded=False))
            hour += 1
        row += found[-1].rows
    return Axis(tuple(found))


@dataclass(frozen=True)
class Place:
    """Where a block lies: rows, and the `lane` (from 0) of as many `lanes` as stand side by side there."""

    row: int
    rows: int
    lane: int
    lanes: int

    @property
    def hidden(self) -> bool:
        """Whether it is one of those behind a number."""
        return self.lanes > LANES and self.lane >= LANES - 1


def lanes(places: Sequence[tuple[int, int]]) -> list[Place]:
    """Put blocks (first row, number of rows) side by side so that none covers another, in the order given."""
    order = sorted(range(len(places)), key=lambda n: (places[n][0], -places[n][1], n))
    found: dict[int, Place] = {}
    cluster: list[tuple[int, int]] = []  # the blocks that hang together, with their lanes
    ends: list[int] = []

    def close() -> None:
        for number, lane in cluster:
            found[number] = Place(*places[number], lane, len(ends))
        cluster.clear()
        ends.clear()

    for number in order:
        first, rows = places[number]
        if ends and first >= max(ends):
            close()
        lane = next((n for n, end in enumerate(ends) if end <= first), len(ends))
        ends[lane : lane + 1] = [first + rows]
        cluster.append((number, lane))
    close()
    return [found[number] for number in range(len(places))]


@dataclass(frozen=True)
class More:
    """Blocks that have no room beside the others: how many, and where their number stands."""

    row: int
    rows: int
    count: int


def behind(places: Sequence[Place]) -> list[More]:
    """The numbers that stand for hidden blocks, one for each run of them, from top to bottom."""
    hidden = sorted((each.row, each.row + each.rows) for each in places if each.hidden)
    runs: list[list[int]] = []
    for first, end in hidden:
        if runs and first < runs[-1][1]:
            runs[-1][1] = max(runs[-1][1], end)
            runs[-1][2] += 1
        else:
            runs.append([first, end, 1])
    return [More(first, end - first, count) for first, end, count in runs]


def stretches(hours: Iterable[tuple[str, str]]) -> list[tuple[int, int]]:
    """Hours of the day as `HH:MM` pairs, in minutes; those over midnight as two. In order."""
    found = []
    for begin, end in hours:
        first, last = _minutes(begin), _minutes(end)
        if first < last:
            found.append((first, last))
        elif first != last:
            found += [(first, DAY), (0, last)] if last else [(first, DAY)]
    return sorted(found)


def covers(stretch: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether the whole of `start` to `end` lies in one or in several of these stretches that touch."""
    for first, last in sorted(stretch):
        if first <= start < last:
            start = last
    return start >= end


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * HOUR + int(minutes[:2] or 0)
