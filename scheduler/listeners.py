"""Who of an audience hears which languages: stations whose lists make a difference to a programme, kept apart.

A signed ticket says the same to everybody it is for. Where a bulletin has versions in several languages, the stations
of an audience are parted by what they play of them, and each part gets an airing of its own.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from registry.models import GroupMember, Station, Unit
from registry.rights import within

_MOST_VARIANT = 64
_FEW = 100  # names; of more, everything is read
Heard = tuple[str, ...]


@dataclass(frozen=True)
class Listeners:
    """Stations that hear the same: `names` as audiences have them, `languages` in the order in which they are heard.

    `variant` tells the airings of one occurrence apart; empty where all stations hear the same.
    """

    variant: str
    languages: Heard
    names: tuple[str, ...]


@dataclass
class Network:
    """Where every station stands and what it speaks, read once."""

    paths: dict[str, str] = field(default_factory=dict)  # unit → path
    home: dict[str, str] = field(default_factory=dict)  # station → path of its unit
    languages: dict[str, Heard] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)  # group → stations


def load(session: Session, audience: Collection[str]) -> Network:
    """Read the units of the installation, and the stations and groups behind these names, in three queries."""
    network = Network()
    network.paths = dict(session.exec(select(Unit.id, Unit.path)).all())
    query = select(Station.id, Station.unit_id, Station.languages)
    members = select(GroupMember.group_id, GroupMember.station_id).order_by(col(GroupMember.station_id))
    if len(audience) <= _FEW:
        units = [path for name in audience if (path := network.paths.get(name.partition(":")[2]))]
        groups = [name.partition(":")[2] for name in audience if name.startswith("group:")]
        own = [name.partition(":")[2] for name in audience if name.startswith("station:")]
        members = members.where(col(GroupMember.group_id).in_(groups))
        below = select(Unit.id).where(within(units, col(Unit.path)))
        joined = select(GroupMember.station_id).where(col(GroupMember.group_id).in_(groups))
        query = query.where(col(Station.unit_id).in_(below) | col(Station.id).in_(own) | col(Station.id).in_(joined))
    for identity, unit, spoken in session.exec(query).all():
        network.home[identity] = network.paths[unit]
        network.languages[identity] = tuple(spoken)
    for group, station in session.exec(members).all():
        network.members.setdefault(group, []).append(station)
    return network


def parted(network: Network, audience: Sequence[str], heard_of: Callable[[Heard], Heard]) -> list[Listeners]:
    """The audience in parts that have no station in common, by what is heard of each station's languages. Pure.

    `heard_of` says which of a station's languages make a difference. An audience that hears the same throughout
    stays one part under its own names. A part is named by units and groups that lie wholly within it, and by single
    stations for the rest.
    """
    below = _below(network, audience)
    stations = set().union(*below.values()) if below else set()
    kinds: dict[Heard, Heard] = {each: heard_of(each) for each in {network.languages[s] for s in stations}}
    heard = {station: kinds[network.languages[station]] for station in stations}
    found = sorted(set(heard.values()))
    if len(found) < 2:  # noqa: PLR2004
        return [Listeners("", found[0] if found else heard_of(()), tuple(audience))]
    names: dict[Heard, set[str]] = {each: set() for each in found}
    for name in audience:
        for each, part in _named(network, name, below[name], heard):
            names[part].add(each)
    return [Listeners(_variant(each), each, tuple(sorted(names[each]))) for each in found]


def crowds(network: Network, audiences: Iterable[tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    """Those audiences behind whose names there is more than one station. Pure; one walk over the stations for all."""
    two: dict[str, set[str]] = {}  # two of the stations behind each name are enough to tell
    for station, home in network.home.items():
        for name in (f"station:{station}", *(f"unit:{unit}" for unit in home.strip("/").split("/"))):
            some = two.setdefault(name, set())
            if len(some) < 2:  # noqa: PLR2004
                some.add(station)
    for group, members in network.members.items():
        two[f"group:{group}"] = set([each for each in members if each in network.home][:2])
    return frozenset(
        each for each in audiences if len(set().union(*(two.get(name, set()) for name in each))) > 1
    )  # fmt: skip


def _below(network: Network, audience: Iterable[str]) -> dict[str, set[str]]:
    """The stations behind each name of an audience."""
    found: dict[str, set[str]] = {}
    for name in audience:
        kind, _, identity = name.partition(":")
        if kind == "unit":
            path = network.paths.get(identity)
            found[name] = {s for s, home in network.home.items() if path and home.startswith(path)}
        elif kind == "group":
            found[name] = {s for s in network.members.get(identity, ()) if s in network.home}
        else:
            found[name] = {identity} & network.home.keys()
    return found


def _named(network: Network, name: str, stations: set[str], heard: dict[str, Heard]) -> Iterable[tuple[str, Heard]]:
    """The fewest names for the stations behind `name`, each of stations that hear the same."""
    if not stations:
        return
    kinds = {heard[station] for station in stations}
    if len(kinds) == 1:
        yield name, kinds.pop()
        return
    kind, _, identity = name.partition(":")
    rest = set(stations)
    if kind == "unit":
        depth = network.paths[identity].strip("/").count("/") + 1
        by_child: dict[str, set[str]] = {}
        for station in stations:
            steps = network.home[station].strip("/").split("/")
            if len(steps) > depth:
                by_child.setdefault(steps[depth], set()).add(station)
        for child, within in sorted(by_child.items()):
            yield from _named(network, f"unit:{child}", within, heard)
            rest -= within
    for station in sorted(rest):
        yield f"station:{station}", heard[station]


def _variant(languages: Heard) -> str:
    name = ",".join(languages) or "main"
    return name if len(name) <= _MOST_VARIANT else hashlib.sha256(name.encode()).hexdigest()[:_MOST_VARIANT]
