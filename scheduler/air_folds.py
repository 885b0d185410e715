"""The picture of the air as one sees it from a place: a line for each programme and level, to be opened by place. Pure.

Three hundred communes that begin their evening news together are one line. It opens into the units below, and these
into theirs, down to the stations.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.air_now import LINGERS, PLAYED, PREEMPTED, STANDINGS, Air, AirPicture, Counts, Item

MOST_FOLDS = 40
MOST_TITLES = 6  # of what comes, at one instant
COMING = 12
AHEAD = timedelta(hours=24)
_MOST_WAYS = 3
_LIVING = frozenset({"planned", "issued", "on_air"})
Paths = tuple[str, ...]


@dataclass(frozen=True)
class Scope:
    """What somebody sees: the units in it, and the one whose children are the first places that a line opens into."""

    paths: Paths
    homes: frozenset[str]
    base: str
    registry: int


@dataclass(frozen=True)
class Fold:
    """Airings that people see as one. `counts` follow `STANDINGS`; `units` is of how many units they are.

    `items` are those of all of them, empty where they differ. `gives_way` are titles of what goes first somewhere.
    `title` is empty where so much begins at once that different programmes stand in one line.
    """

    key: str
    title: str
    kind: str
    priority: str
    depth: int
    starts_at: datetime
    ends_at: datetime
    airs: tuple[str, ...]
    units: tuple[str, ...]
    counts: tuple[int, ...]
    items: tuple[Item, ...]
    states: frozenset[str]
    reasons: frozenset[str]
    gives_way: tuple[str, ...]
    emergencies: tuple[str, ...] = ()

    @property
    def planned(self) -> int:
        return sum(self.counts)

    @property
    def begun(self) -> int:
        """At how many stations it sounds or has sounded."""
        return sum(self.counts[PREEMPTED + 1 : PLAYED + 2])

    def many(self, standing: str) -> int:
        return self.counts[STANDINGS.index(standing)]


@dataclass(frozen=True)
class Line:
    """A fold at one place: a unit with what stands below it."""

    unit: str
    name: str
    counts: tuple[int, ...]
    title: str = ""

    @property
    def planned(self) -> int:
        return sum(self.counts)


def scope(picture: AirPicture, paths: Iterable[str]) -> Scope:
    """What lies at and below these paths."""
    tops = tuple(sorted(paths))
    homes = frozenset(unit.id for unit in picture.units.values() if unit.path.startswith(tops)) if tops else frozenset()
    roots = [unit.path for unit in picture.units.values() if unit.id in homes and unit.path.count("/") == 2]  # noqa: PLR2004
    base = tops[0] if len(tops) == 1 and tops[0] != "/" else roots[0] if len(roots) == 1 else "/"
    return Scope(tops, homes, base, picture.registry)


def folds(picture: AirPicture, seen: Scope, now: datetime) -> tuple[list[Fold], list[Fold]]:
    """What is on air or was just now, the most urgent first; and what comes next, by time."""
    counts = _counts(picture, seen)
    for air in picture.airs.values():
        if air.unit_id in seen.homes:
            counts.setdefault(air.id, [0] * len(STANDINGS))
    here = [picture.airs[each] for each in counts if each in picture.airs]
    running = [air for air in here if air.starts_at <= now < air.ends_at + LINGERS and _is_told(air)]
    coming = [
        air for air in here
        if now < air.starts_at < now + AHEAD and air.state in _LIVING and air.kind != "emergency"
    ]  # fmt: skip
    grouped = _grouped(picture, running, MOST_FOLDS)
    first = [_fold(picture, key, rows, counts, seen) for key, rows in grouped.items()]
    first.sort(key=lambda fold: (fold.ends_at <= now, _urgency(fold), fold.starts_at, fold.title))
    grouped = _grouped(picture, coming, MOST_TITLES)
    soon = sorted(grouped, key=lambda key: (key[3], key))[:COMING]
    return first[:MOST_FOLDS], [_fold(picture, key, grouped[key], counts, seen) for key in soon]


def _counts(picture: AirPicture, seen: Scope) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for unit in seen.homes & picture.by_unit.keys():
        for identity in picture.by_unit[unit]:
            air = picture.airs.get(identity)
            cell = air.cells.get(unit) if air is not None else None
            if cell is None:
                continue
            known = found.get(identity)
            found[identity] = cell if known is None else [a + b for a, b in zip(known, cell, strict=True)]
    return found


def _is_told(air: Air) -> bool:
    """Not what was taken off before anybody was handed it, nor what another version took the place of."""
    return air.state != "withdrawn" or (air.issued_at is not None and air.reason != "replaced")


def _urgency(fold: Fold) -> int:
    return {"emergency": 0, "live": 1, "test": 2}.get(fold.kind, 3 if fold.priority == "priority" else 4)


_Key = tuple[str, str, int, datetime, str, str]


def _grouped(picture: AirPicture, airs: list[Air], most: int) -> dict[_Key, list[Air]]:
    """The airings of each line: where more than `most` different ones begin at one instant they stand together."""
    found: dict[_Key, list[Air]] = {}
    for air in airs:
        home = picture.units.get(air.unit_id)
        depth = home.path.count("/") - 1 if home is not None else 0
        apart = air.id if air.kind == "emergency" else air.state if air.state in {"failed", "withdrawn"} else ""
        found.setdefault((air.kind, air.priority, depth, air.starts_at, air.title, apart), []).append(air)
    at_once = Counter((key[0], key[1], key[2], key[3], key[5]) for key in found)
    joined: dict[_Key, list[Air]] = {}
    for key, rows in found.items():
        kind, priority, depth, starts_at, title, apart = key
        many = kind != "emergency" and at_once[kind, priority, depth, starts_at, apart] > most
        joined.setdefault((kind, priority, depth, starts_at, "" if many else title, apart), []).extend(rows)
    return joined


def _fold(picture: AirPicture, key: _Key, airs: list[Air], counts: dict[str, Counts], seen: Scope) -> Fold:
    kind, priority, depth, starts_at, title, _ = key
    total = [0] * len(STANDINGS)
    for air in airs:
        for number, count in enumerate(counts[air.id]):
            total[number] += count
    items = {tuple((item.at, item.title) for item in air.items) for air in airs}
    first = {each for air in airs for each in set(air.gives_way.values())} if total[PREEMPTED] else set()
    titles = {
        other.title for each in first
        if (other := picture.airs.get(each)) is not None and (each in counts or other.unit_id in seen.homes)
    }  # fmt: skip
    name = "|".join(map(str, key))
    return Fold(
        hashlib.sha256(name.encode()).hexdigest()[:12], title, kind, priority, depth, starts_at,
        max(air.ends_at for air in airs), tuple(air.id for air in airs),
        tuple(sorted({air.unit_id for air in airs})), tuple(total),
        airs[0].items if len(items) == 1 else (), frozenset(air.state for air in airs),
        frozenset(air.reason for air in airs if air.reason), tuple(sorted(titles)[:_MOST_WAYS]),
        tuple(sorted({air.emergency_id for air in airs if air.emergency_id})),
    )  # fmt: skip


def lines(picture: AirPicture, seen: Scope, fold: Fold, base: str = "") -> list[Line]:
    """A fold by the units right below `base` (a path; that of the scope by default), those that need a look first.

    What stands at `base` itself is a line of its own.
    """
    top = base or seen.base
    depth = top.count("/")
    found: dict[str, Counts] = {}
    titles: dict[str, set[str]] = {}
    for identity in fold.airs:
        air = picture.airs.get(identity)
        for unit, cell in air.cells.items() if air is not None else ():
            path = picture.units[unit].path if unit in picture.units else ""
            if unit not in seen.homes or not path.startswith(top):
                continue
            parts = path.split("/")
            place = parts[depth] if len(parts) > depth and parts[depth] else unit
            known = found.setdefault(place, [0] * len(STANDINGS))
            for number, count in enumerate(cell):
                known[number] += count
            titles.setdefault(place, set()).add(air.title if air is not None else "")
    made = [
        Line(place, picture.units[place].name, tuple(counts), " · ".join(sorted(titles[place])[:_MOST_WAYS]))
        for place, counts in found.items() if place in picture.units
    ]  # fmt: skip
    return sorted(made, key=lambda line: (-_trouble(line.counts), line.name))


def _trouble(counts: tuple[int, ...]) -> int:
    return sum(counts[STANDINGS.index(name)] for name in ("not_ready", "silent", "partial", "missed"))


def standings(picture: AirPicture, seen: Scope, fold: Fold, path: str) -> list[tuple[str, str, int]]:
    """Airing, station and how it stands, of a fold at and below a path: those that need a look first."""
    order = {STANDINGS.index(name): place for place, name in enumerate(_BY_NEED)}
    found: list[tuple[str, str, int]] = []
    for identity in fold.airs:
        air = picture.airs.get(identity)
        if air is None or not any(unit in seen.homes for unit in air.cells):
            continue
        for station, standing in air.standing.items():
            unit = picture.homes.get(station, "")
            home = picture.units.get(unit)
            if home is not None and unit in seen.homes and home.path.startswith(path):
                found.append((identity, station, standing))
    return sorted(found, key=lambda each: (order[each[2]], each[1]))


_BY_NEED = ("silent", "missed", "not_ready", "partial", "waiting", "preempted", "playing", "played")
