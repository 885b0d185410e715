"""What is on air, as a picture in memory: each airing at each station, planned against what the stations say. Pure.

Whoever reads the tables (`scheduler.air_reading`) tells the picture what is new: another timetable, a heartbeat, a
report. What a station's word changes is changed at once and nowhere else, so that a picture costs what happens, not how
many stations there are or how many people look.

A *cell* is one airing at the stations of one unit: how many of them stand how (`STANDINGS`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from scheduler import readiness
from scheduler.reports import judge

# How an airing stands at a station, in the order in which they are counted. Together they are all that is planned.
STANDINGS = ("waiting", "not_ready", "silent", "preempted", "playing", "played", "partial", "missed")
WAITING, NOT_READY, SILENT, PREEMPTED, PLAYING, PLAYED, PARTIAL, MISSED = range(len(STANDINGS))
Counts = list[int]
# What is over stays so long in the picture: the last reports come in.
LINGERS = timedelta(minutes=3)
# A heartbeat may be a minute old: after the end, nobody plays it any more whatever they said last.
_HEARD_OUT = timedelta(seconds=5)
# So many airings at stations are followed one by one; of what comes later only the time is told.
MOST_PAIRS = 250_000
_RANKS = {"emergency": 0, "live": 1, "test": 2}
_PRIORITY, _ORDINARY = 3, 4
_NEVER = datetime.min.replace(tzinfo=UTC)


class Item(NamedTuple):
    """A piece of an airing: `at` and `seconds` after its beginning."""

    at: float
    seconds: float
    title: str


class Heard(NamedTuple):
    """What a station said last. `lacks` is what it lacks for whatever airing, but silence (`readiness.MISSING`)."""

    heard_at: datetime
    was_silent: bool
    playing: str | None
    lacks: str
    plan: str | None
    plan_at: datetime | None
    ready_until: datetime | None


class Told(NamedTuple):
    """A station's report on one item."""

    item: int
    outcome: str
    reason: str | None
    seconds: float


class Home(NamedTuple):
    """A unit as the picture knows it."""

    id: str
    name: str
    path: str
    zone: str | None = None


@dataclass(eq=False)
class Air:
    """An airing, with how it stands at its stations. `audience` holds internal names."""

    id: str
    title: str
    kind: str
    priority: str
    unit_id: str
    state: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    issued_at: datetime | None
    audience: tuple[str, ...]
    items: tuple[Item, ...]
    emergency_id: str | None = None
    stations: frozenset[str] = frozenset()
    is_followed: bool = False
    said: dict[str, dict[str, Told]] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    cells: dict[str, Counts] = field(default_factory=dict)
    gives_way: dict[str, str] = field(default_factory=dict)  # by station, the airing that goes first there now

    @property
    def rank(self) -> int:
        """What goes first, as `scheduler.precedence` has it in the large: the smaller one."""
        return _RANKS.get(self.kind, _PRIORITY if self.priority == "priority" else _ORDINARY)

    @property
    def sounds(self) -> bool:
        """Whether stations were handed it."""
        return self.state in {"issued", "on_air", "over"}

    @property
    def planned_seconds(self) -> float:
        return sum(item.seconds for item in self.items)

    def told_anew(self, other: "Air") -> bool:
        """Whether `other`, the same airing read again, says something that people are shown."""
        shown = ("title", "state", "reason", "starts_at", "ends_at", "audience", "items")
        return any(getattr(self, name) != getattr(other, name) for name in shown)


class AirPicture:
    """Everything that is on air, was just now, or comes. Not thread safe by itself.

    `structure` counts what changes the lines that people see, `stamp` what changes a cell; `moved` says of each unit
    at which stamp one of its cells changed last.
    """

    def __init__(self, silent_after_seconds: int, plans: Mapping[str, str] | None = None) -> None:
        """`plans` are the tags of the plans that stations get now, a mapping that is replaced by `follow_plans`."""
        self._silent_after = timedelta(seconds=silent_after_seconds)
        self._plans: Mapping[str, str] = plans or {}
        self.units: dict[str, Home] = {}
        self.homes: dict[str, str] = {}
        self.heard: dict[str, Heard] = {}
        self.airs: dict[str, Air] = {}
        self.by_unit: dict[str, set[str]] = {}
        self.structure, self.registry, self.stamp = 0, 0, 0
        self.moved: dict[str, int] = {}
        self._by_station: dict[str, list[Air]] = {}
        self._silent: set[str] = set()
        self._phases: dict[str, int] = {}
        self.now = _NEVER

    def follow_plans(self, plans: Mapping[str, str]) -> None:
        self._plans = plans

    def settle(self, units: Iterable[Home], stations: Mapping[str, str]) -> None:
        """Learn the tree and which stations are in service, by the unit they stand in."""
        self.units = {unit.id: unit for unit in units}
        self.homes = dict(stations)
        self.heard = {station: said for station, said in self.heard.items() if station in self.homes}
        self._silent &= self.homes.keys()
        for air in self.airs.values():  # somebody may have moved
            air.standing, air.cells = {}, {}
        self.registry += 1
        self.structure += 1

    def schedule(
        self, airs: Iterable[Air], answering: Callable[[Iterable[str]], Iterable[str]], now: datetime
    ) -> list[Air]:
        """Let these be the airings there are; returns those that are followed from now on, to read their reports.

        `answering` gives the stations behind internal names.
        """
        former, self.airs = self.airs, {}
        fresh: list[Air] = []
        pairs = 0
        behind: dict[tuple[str, ...], frozenset[str]] = {}
        for air in sorted(airs, key=lambda each: (each.starts_at, each.id)):
            if air.audience not in behind:
                behind[air.audience] = frozenset(answering(air.audience)) & self.homes.keys()
            air.stations = behind[air.audience]
            pairs += len(air.stations)
            air.is_followed = pairs <= MOST_PAIRS
            if not self._goes_on(air, former.get(air.id)) and air.is_followed:
                fresh.append(air)
            self.airs[air.id] = air
        if former.keys() - self.airs.keys():
            self.structure += 1
        self._by_station, self.by_unit = {}, {}
        for air in self.airs.values():
            for station in air.stations if air.is_followed else ():
                self._by_station.setdefault(station, []).append(air)
        self._give_way(now)
        for air in self.airs.values():
            if air.is_followed and len(air.standing) != len(air.stations):
                self._count_anew(air, now)
            for unit in air.cells:
                self.by_unit.setdefault(unit, set()).add(air.id)
        self._phases = {air.id: _phase(air, now) for air in self.airs.values()}
        return fresh

    def _goes_on(self, air: Air, known: Air | None) -> bool:
        """Take over what was known of the airing; whether its stations were followed before."""
        same = known is not None and known.stations == air.stations and not known.told_anew(air)
        if not same:
            self.structure += 1
        if known is None or not known.is_followed or not air.is_followed:
            return False
        air.said, air.gives_way = known.said, known.gives_way
        if same:
            air.standing, air.cells = known.standing, known.cells
        return True

    def hear(self, said: Mapping[str, Heard], now: datetime) -> None:
        """Take what stations said of themselves."""
        for station, beat in said.items():
            if station not in self.homes or self.heard.get(station) == beat:
                continue
            self.heard[station] = beat
            self._silent.discard(station)
            if self._is_silent(beat, now):
                self._silent.add(station)
            self._look(station, now)

    def report(self, rows: Iterable[tuple[str, str, str, Told]], now: datetime) -> None:
        """Take reports: id, airing, station and what it says. The same id again counts once."""
        touched: set[tuple[str, str]] = set()
        for identity, airing, station, told in rows:
            air = self.airs.get(airing)
            if air is None or not air.is_followed or station not in air.stations:
                continue
            said = air.said.setdefault(station, {})
            if identity not in said:
                said[identity] = told
                touched.add((airing, station))
        for airing, station in touched:
            self._stand(self.airs[airing], station, now)

    def tick(self, now: datetime) -> None:
        """What time alone changes: an airing begins or ends, a station has not been heard for too long."""
        self.now = now
        turned = [air for air in self.airs.values() if self._phases.get(air.id) != _phase(air, now)]
        if turned:
            self.structure += 1
            self._give_way(now)
            for air in turned:
                for station in air.stations if air.is_followed else ():
                    self._stand(air, station, now)
            self._phases = {air.id: _phase(air, now) for air in self.airs.values()}
        limit = now - self._silent_after
        fallen = [
            station for station, said in self.heard.items() if said.heard_at < limit and station not in self._silent
        ]
        for station in fallen:
            self._silent.add(station)
            self._look(station, now)

    def zone_of(self, unit: str) -> str | None:
        """The zone that is set at a unit or nearest above it; None for that of the installation."""
        home = self.units.get(unit)
        chain = home.path.strip("/").split("/") if home is not None else []
        return next((zone for each in reversed(chain) if each in self.units and (zone := self.units[each].zone)), None)

    def _is_silent(self, said: Heard, now: datetime) -> bool:
        return said.was_silent or said.heard_at < now - self._silent_after

    def _look(self, station: str, now: datetime) -> None:
        for air in self._by_station.get(station, ()):
            self._stand(air, station, now)

    def _count_anew(self, air: Air, now: datetime) -> None:
        air.standing, air.cells = {}, {}
        for station in air.stations:
            self._stand(air, station, now)

    def _stand(self, air: Air, station: str, now: datetime) -> None:
        """Bring the cell up to how the airing stands at the station."""
        standing, former = self._judged(air, station, now), air.standing.get(station)
        if standing == former:
            return
        unit = self.homes[station]
        cell = air.cells.get(unit)
        if cell is None:
            cell = air.cells[unit] = [0] * len(STANDINGS)
            self.by_unit.setdefault(unit, set()).add(air.id)
        if former is not None:
            cell[former] -= 1
        cell[standing] += 1
        air.standing[station] = standing
        self.stamp += 1
        self.moved[unit] = self.stamp

    def _judged(self, air: Air, station: str, now: datetime) -> int:
        heard, reports = self.heard.get(station), air.said.get(station)
        over = now >= air.ends_at
        begun = False
        if reports:
            rows: list[Any] = list(reports.values())
            outcome, reason, seconds = judge(rows, len(air.items), air.planned_seconds)
            if outcome == "played":
                return PLAYED
            if over or len({row.item for row in rows}) >= max(len(air.items), 1):
                if outcome == "partial":
                    return PARTIAL
                return PREEMPTED if reason == "preempted" else MISSED
            begun = seconds > 0
        live = now < air.ends_at + _HEARD_OUT
        if live and heard is not None and heard.playing == air.id:
            return PLAYING
        if not over and station in air.gives_way:
            return PREEMPTED
        if live and begun:
            return PLAYING
        if station in self._silent or heard is None:
            return SILENT
        if not over and air.kind != "emergency" and air.sounds and self._lacks(air, station, heard):
            return NOT_READY
        return WAITING

    def _lacks(self, air: Air, station: str, heard: Heard) -> bool:
        said = readiness.Said(station, "", heard.lacks, heard.plan, heard.plan_at, heard.ready_until)
        return bool(readiness.lacks(said, air, self._plans))

    def _give_way(self, now: datetime) -> None:
        """Note where something that goes first keeps another airing silent now."""
        running = sorted(
            (air for air in self.airs.values() if air.is_followed and air.sounds and _phase(air, now) == _RUNNING),
            key=lambda air: air.rank,
        )
        former = {air.id: air.gives_way for air in self.airs.values() if air.gives_way}
        for identity in former:
            self.airs[identity].gives_way = {}
        for number, first in enumerate(running):
            if first.rank >= _ORDINARY:
                break
            for air in running[number + 1 :]:
                if air.rank > first.rank:
                    for station in air.stations & first.stations:
                        air.gives_way.setdefault(station, first.id)
        for air in self.airs.values():
            before = former.get(air.id, {})
            if air.gives_way != before:
                for station in air.standing.keys() & (air.gives_way.keys() ^ before.keys()):
                    self._stand(air, station, now)


_COMING, _RUNNING, _OVER, _HEARD = range(4)


def _phase(air: Air, now: datetime) -> int:
    if now < air.starts_at:
        return _COMING
    if now < air.ends_at:
        return _RUNNING
    return _OVER if now < air.ends_at + _HEARD_OUT else _HEARD
