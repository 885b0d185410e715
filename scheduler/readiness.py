"""Before an airing: which of its stations can play it, and what the others lack. From what stations said last.

A station is ready when it is heard, holds the order (its plan has the airing, or it has taken note of the emergency),
has all audio of it, knows the time, has a volume above nothing, and reports nothing broken. However
many stations and airings there are, it takes four queries.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, Text, case, cast, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, or_, select

from registry.models import GroupMember, Station, StationState, Unit
from registry.rights import Actor, Permission, within
from scheduler.models import Acknowledgement, Airing

# What can be missing, in the order in which it is told: what holds whatever airing it is goes first.
SOON = timedelta(hours=24)  # audio of what comes later is still on its way, as it should be
MISSING = ("never", "silent", "clock", "volume", "fault", "order", "audio")
LINES = 100
_MOST_PATHS = 200
# A plan that was made before the airing was signed can't hold it; the clocks of server and database are one.
_SLACK = timedelta(seconds=1)
_LIVING = ("issued", "on_air")
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Readiness:
    """How many of an airing's stations in service that the actor sees are ready; the others by what they lack first."""

    stations: int = 0
    ready: int = 0
    missing: dict[str, int] = field(default_factory=dict)

    @property
    def light(self) -> str:
        """`good` when all are ready, `bad` when none is, `wait` between."""
        if self.ready == self.stations:
            return "good" if self.stations else "calm"
        return "wait" if self.ready else "bad"


class Signed(Protocol):
    """What readiness needs of an airing."""

    id: str
    kind: str
    starts_at: datetime
    issued_at: datetime | None


class Said(NamedTuple):
    """What a station said last; `lacks` is what it lacks for whatever airing."""

    id: str
    path: str
    lacks: str
    plan: str | None
    plan_at: datetime | None
    ready_until: datetime | None


@dataclass
class _Crowd:
    """The stations of one audience: those that lack something anyhow, and when the audio of the others ends.

    `current` is sorted: the instants of those that hold today's plan. `others` hold an older one.
    """

    stations: int = 0
    lacking: dict[str, int] = field(default_factory=dict)
    current: list[datetime] = field(default_factory=list)
    others: list[Said] = field(default_factory=list)


def of(
    session: Session,
    actor: Actor,
    airings: Iterable[Airing],
    plans: Mapping[str, str],
    now: datetime,
    silent_after_seconds: int,
) -> dict[str, Readiness]:
    """The readiness of each of these airings that is signed and not over, by its id.

    `plans` are the tags of the plans that stations get now, by station.
    """
    chosen = [each for each in airings if each.state in _LIVING and each.ends_at > now]
    if not chosen:
        return {}
    by_audience = _by_audience(session, actor, chosen, now, silent_after_seconds)
    heard = _acknowledged(session, [airing.id for airing in chosen if airing.kind == "emergency"])
    crowds = {key: _crowd(stations, plans) for key, stations in by_audience.items()}
    found: dict[str, Readiness] = {}
    for airing in chosen:
        key = tuple(airing.audience)
        if airing.kind == "emergency":
            found[airing.id] = _counted(by_audience[key], partial(_lacks, airing=airing, plans=plans, heard=heard))
        else:
            found[airing.id] = _judged(crowds[key], airing)
    return found


def unready(
    session: Session, actor: Actor, airing: Airing, plans: Mapping[str, str], now: datetime, silent_after_seconds: int
) -> list[tuple[Station, Unit, str]]:
    """The stations that are not ready for an airing, with what each lacks first; at most `LINES`."""
    if airing.state not in _LIVING or airing.ends_at <= now:
        return []
    heard = _acknowledged(session, [airing.id] if airing.kind == "emergency" else [])
    stations = _by_audience(session, actor, [airing], now, silent_after_seconds)[tuple(airing.audience)]
    why = {each.id: lacks for each in stations if (lacks := _lacks(each, airing, plans, heard))}
    rows = session.exec(
        select(Station, Unit)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(col(Station.id).in_(sorted(why)[:LINES]), actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Unit.path), col(Station.name))
    ).all()
    return [(station, unit, why[station.id]) for station, unit in rows]


def _counted(stations: Sequence[Said], lacks: Callable[[Said], str]) -> Readiness:
    one = Readiness(stations=len(stations))
    for station in stations:
        why = lacks(station)
        if why:
            one.missing[why] = one.missing.get(why, 0) + 1
        else:
            one.ready += 1
    return one


def _crowd(stations: Sequence[Said], plans: Mapping[str, str]) -> _Crowd:
    crowd = _Crowd(stations=len(stations))
    for said in stations:
        if said.lacks:
            crowd.lacking[said.lacks] = crowd.lacking.get(said.lacks, 0) + 1
        elif _is_current(said, plans):
            crowd.current.append(said.ready_until or _NEVER)
        else:
            crowd.others.append(said)
    crowd.current.sort()
    return crowd


def _judged(crowd: _Crowd, airing: Airing) -> Readiness:
    """As `_counted`, for a programme: what most stations have in common is looked up, not looked at one by one."""
    one = _counted(crowd.others, lambda said: "order" if not _came_after(said, airing) else _audio(said, airing))
    without = bisect_right(crowd.current, airing.starts_at)
    one.stations, one.ready = crowd.stations, one.ready + len(crowd.current) - without
    for why, count in (*crowd.lacking.items(), ("audio", without)):
        if count:
            one.missing[why] = one.missing.get(why, 0) + count
    return one


def lacks(said: Said, airing: Signed, plans: Mapping[str, str]) -> str:
    """The first thing that a station lacks for a programme; empty when it is ready. Pure."""
    return _lacks(said, airing, plans, set())


def lacks_anyhow(clock_offset_ms: float | None, volume: int | None, faults: str | None) -> str:
    """What a station that is heard lacks for whatever airing, as `_general` has it; `faults` as JSON text. Pure."""
    if clock_offset_ms is None:
        return "clock"
    if not volume:
        return "volume"
    return "fault" if faults not in {None, "[]", "null"} else ""


def _lacks(said: Said, airing: Signed, plans: Mapping[str, str], heard: set[tuple[str, str]]) -> str:
    """The first thing that a station lacks for an airing; empty when it is ready."""
    if said.lacks:
        return said.lacks
    if airing.kind == "emergency":
        return "" if (airing.id, said.id) in heard else "order"
    if not (_is_current(said, plans) or _came_after(said, airing)):
        return "order"
    return _audio(said, airing)


def _audio(said: Said, airing: Signed) -> str:
    return "audio" if said.ready_until is None or said.ready_until <= airing.starts_at else ""


def _is_current(said: Said, plans: Mapping[str, str]) -> bool:
    """Whether the plan that a station holds is the one it gets now."""
    return said.plan is not None and said.plan.removeprefix("W/").strip('"') == plans.get(said.id)


def _came_after(said: Said, airing: Signed) -> bool:
    """Whether the plan that a station holds came after the airing was signed."""
    since = said.plan_at if said.plan is not None else None
    return since is not None and airing.issued_at is not None and since > airing.issued_at + _SLACK


def _general(limit: datetime) -> ColumnElement[str]:
    """SQL: the first thing that a station lacks for whatever airing, empty for nothing."""
    faults = cast(StationState.faults, Text)
    return case(
        (col(StationState.heard_at).is_(None), "never"),
        (col(StationState.silent_since).is_not(None) | (col(StationState.heard_at) < limit), "silent"),
        (col(StationState.clock_offset_ms).is_(None), "clock"),
        (func.coalesce(StationState.volume, 0) == 0, "volume"),
        (faults.is_not(None) & faults.not_in(("[]", "null")), "fault"),
        else_="",
    )


def _by_audience(
    session: Session, actor: Actor, airings: Sequence[Airing], now: datetime, silent_after_seconds: int
) -> dict[tuple[str, ...], list[Said]]:
    """The stations of each audience among these airings'."""
    names = {name for airing in airings for name in airing.audience}
    members = _members(session, names)
    stations = _said(session, actor, names, members, now - timedelta(seconds=silent_after_seconds))
    by_name = _by_name(stations, names, members)
    found: dict[tuple[str, ...], list[Said]] = {}
    for key in {tuple(airing.audience) for airing in airings}:
        if len(key) == 1:
            found[key] = by_name.get(key[0], [])
        else:
            found[key] = list({each.id: each for name in key for each in by_name.get(name, ())}.values())
    return found


def _members(session: Session, names: Iterable[str]) -> dict[str, set[str]]:
    groups = sorted(name.partition(":")[2] for name in names if name.startswith("group:"))
    found: dict[str, set[str]] = {}
    if groups:
        query = select(GroupMember.group_id, GroupMember.station_id).where(col(GroupMember.group_id).in_(groups))
        for group, station in session.exec(query).all():
            found.setdefault(f"group:{group}", set()).add(station)
    return found


def _said(
    session: Session, actor: Actor, names: set[str], members: Mapping[str, set[str]], limit: datetime
) -> list[Said]:
    units = sorted(name.partition(":")[2] for name in names if name.startswith("unit:"))
    ids = {name.partition(":")[2] for name in names if name.startswith("station:")}
    ids |= {station for stations in members.values() for station in stations}
    paths = session.exec(select(Unit.path).where(col(Unit.id).in_(units))).all() if len(units) <= _MOST_PATHS else None
    query = (
        columns(
            col(Station.id),
            col(Unit.path),
            _general(limit),
            col(StationState.plan),
            col(StationState.plan_at),
            col(StationState.ready_until),
        )
        .join(Unit, col(Unit.id) == Station.unit_id)
        .outerjoin(StationState, col(StationState.station_id) == Station.id)
        .where(col(Station.token_hash).is_not(None), actor.within(Permission.SEE, col(Unit.path)))
    )
    if paths is not None and len(ids) <= _MOST_PATHS:
        query = query.where(or_(within(paths, col(Unit.path)), col(Station.id).in_(sorted(ids))))
    return [Said(*row) for row in session.execute(query)]


def _by_name(stations: Sequence[Said], names: set[str], members: Mapping[str, set[str]]) -> dict[str, list[Said]]:
    """The stations behind each name."""
    groups: dict[str, list[str]] = {}
    for group, ids in members.items():
        for station in ids:
            groups.setdefault(station, []).append(group)
    found: dict[str, list[Said]] = {}
    for each in stations:
        own = [f"unit:{unit}" for unit in each.path.strip("/").split("/")]
        for name in (*own, f"station:{each.id}", *groups.get(each.id, ())):
            if name in names:
                found.setdefault(name, []).append(each)
    return found


def _acknowledged(session: Session, emergencies: Sequence[str]) -> set[tuple[str, str]]:
    if not emergencies:
        return set()
    query = select(Acknowledgement.subject, Acknowledgement.station_id)
    return set(session.exec(query.where(col(Acknowledgement.subject).in_(emergencies))).all())
