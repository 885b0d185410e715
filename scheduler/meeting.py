"""Which audiences have a station in common: worked out from paths, so that it costs no query for each pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from registry.models import GroupMember, Station, Unit

_CHUNK = 400
Names = tuple[str, ...]


@dataclass
class Meetings:
    """What is known of the names of some audiences: paths of units, and where single stations stand."""

    paths: dict[str, str] = field(default_factory=dict)  # by unit
    homes: dict[str, str] = field(default_factory=dict)  # path, by station
    members: dict[str, list[str]] = field(default_factory=dict)  # by group
    known: dict[tuple[Names, Names], bool] = field(default_factory=dict)
    reach: dict[Names, tuple[list[str], set[str]]] = field(default_factory=dict)

    def meet(self, one: Names, other: Names) -> bool:
        """Whether some station is in both. Units on one line meet, also while no station stands there yet."""
        if one == other:
            return True
        key = (one, other)
        if key not in self.known:
            self.known[key] = self._meet(one, other)
        return self.known[key]

    def _meet(self, one: Names, other: Names) -> bool:
        mine, my_stations = self._reach(one)
        theirs, their_stations = self._reach(other)
        return (
            any(a.startswith(b) or b.startswith(a) for a in mine for b in theirs)
            or any(self.homes[station].startswith(tuple(theirs)) for station in my_stations)
            or any(self.homes[station].startswith(tuple(mine)) for station in their_stations)
            or bool(my_stations & their_stations)
        )

    def _reach(self, names: Names) -> tuple[list[str], set[str]]:
        if names not in self.reach:
            self.reach[names] = self._read(names)
        return self.reach[names]

    def _read(self, names: Names) -> tuple[list[str], set[str]]:
        stations: set[str] = set()
        for name in names:
            kind, _, identity = name.partition(":")
            if kind == "group":
                stations |= set(self.members.get(identity, ()))
            elif kind == "station":
                stations.add(identity)
        units = [self.paths[name[5:]] for name in names if name.startswith("unit:") and name[5:] in self.paths]
        return units, {station for station in stations if station in self.homes}


def load(session: Session, audiences: Iterable[Names]) -> Meetings:
    """Read what these audiences name: three queries for each 400 names."""
    found = Meetings()
    by_kind: dict[str, set[str]] = {"unit": set(), "group": set(), "station": set()}
    for name in {name for names in audiences for name in names}:
        kind, _, identity = name.partition(":")
        by_kind[kind].add(identity)
    for chunk in _chunks(by_kind["unit"]):
        found.paths.update(session.exec(select(Unit.id, Unit.path).where(col(Unit.id).in_(chunk))).all())
    for chunk in _chunks(by_kind["group"]):
        query = select(GroupMember.group_id, GroupMember.station_id).where(col(GroupMember.group_id).in_(chunk))
        for group, station in session.exec(query).all():
            found.members.setdefault(group, []).append(station)
    single = by_kind["station"] | {station for members in found.members.values() for station in members}
    for chunk in _chunks(single):
        homes = select(Station.id, Unit.path).join(Unit, col(Unit.id) == Station.unit_id)
        found.homes.update(session.exec(homes.where(col(Station.id).in_(chunk))).all())
    return found


def _chunks(ids: Iterable[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(ids)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
