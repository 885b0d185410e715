"""The lie of the land: where stations stand and what they speak, made once for many messages; and audiences from it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from alerts.cap.placenames import Gazetteer
from alerts.cap.placenames import Unit as NamedUnit
from alerts.cap.reach import Finder, Place
from core.changes import Change
from registry import former_codes
from registry.models import Station, Unit

Mark = tuple[int, int, int]


@dataclass(frozen=True)
class Land:
    """`home`: the path of each station's unit; `spoken`: its languages; `total`: how many stations each unit has."""

    finder: Finder
    home: Mapping[str, str]
    spoken: Mapping[str, tuple[str, ...]]
    total: Mapping[str, int]

    def under(self, paths: Collection[str], stations: Iterable[str]) -> set[str]:
        """Those of `stations` that stand at or below any of the unit `paths`."""
        tops = tuple(paths)
        return {each for each in stations if each in self.home and self.home[each].startswith(tops)} if tops else set()

    def lowest(self, stations: Iterable[str], path: str) -> str:
        """The id of the lowest unit, at or below the unit of `path`, that has all of `stations` (at least one)."""
        least = len(_steps(path))
        chains = [_steps(self.home[each]) for each in stations]
        depth = least
        while all(len(each) > depth for each in chains) and len({each[depth] for each in chains}) == 1:
            depth += 1
        return chains[0][max(depth, 1) - 1]

    def named(self, stations: Collection[str], path: str) -> list[str]:
        """The fewest internal names, of units at or below `path` and of stations, that are exactly `stations` now."""
        least = len(_steps(path))
        have = Counter(unit for each in stations for unit in _steps(self.home[each]))
        names: dict[str, None] = {}
        for station in sorted(stations):
            chain = _steps(self.home[station])[max(least - 1, 0) :]
            whole = next((unit for unit in chain if have[unit] == self.total[unit]), None)
            names[f"unit:{whole}" if whole else f"station:{station}"] = None
        return list(names)


def _steps(path: str) -> list[str]:
    return [each for each in path.split("/") if each]


def survey(session: Session) -> Land:
    """Read all units and stations, in two queries."""
    living = select(Unit.id, Unit.code, Unit.name, Unit.path).where(col(Unit.merged_into).is_(None))
    units = session.exec(living).all()
    paths = {identity: path for identity, _, _, path in units}
    places, home, spoken = [], {}, {}
    total: Counter[str] = Counter()
    rows = session.execute(
        columns(
            col(Station.id), col(Station.unit_id), col(Station.latitude), col(Station.longitude), col(Station.languages)
        ).order_by(col(Station.id))
    ).all()
    for identity, unit_id, latitude, longitude, languages in rows:
        chain = tuple(_steps(paths[unit_id]))
        places.append(Place(identity, latitude, longitude, chain))
        home[identity], spoken[identity] = paths[unit_id], tuple(languages)
        total.update(chain)
    named = [NamedUnit(identity, code, name, tuple(_steps(path)[:-1])) for identity, code, name, path in units]
    # Others go on naming a place by the code and the name that it had before; one name twice would be of two places.
    present = {unit.id: unit for unit in named}
    for subject, code, name in former_codes.every(session):
        unit = present.get(subject)
        if unit is not None:
            named.append(NamedUnit(subject, code, code if name == unit.name else name, unit.above))
    return Land(Finder(places, Gazetteer(named)), home, spoken, total)


@dataclass
class Surveyor:
    """Keeps the last survey as long as nobody has changed units or stations."""

    _mark: Mark | None = None
    _land: Land | None = field(default=None, repr=False)

    def land(self, session: Session) -> Land:
        newest = select(func.max(Change.seq)).where(Change.topic == "registry")
        mark = (
            session.exec(newest).one() or 0,
            session.exec(select(func.count()).select_from(Station)).one(),
            session.exec(select(func.count()).select_from(Unit)).one(),
        )
        if self._land is None or mark != self._mark:
            self._land, self._mark = survey(session), mark
        return self._land
