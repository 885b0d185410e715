"""Whom something is for: names as people and scripts write them, names inside, and the stations behind them.

Outside: `unit:79.123`, `group:…`, `station:st_…` (by id or code). Inside: always ids.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, true
from sqlalchemy import select as columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.errors import N_, InvalidInput
from registry import former_codes, groups, stations, units
from registry.former_models import FormerCode
from registry.models import Group, GroupMember, Station, Unit
from registry.rights import Actor, Permission, under, within

MAX_NAMES = 1_000
MAX_FORMER = 8  # former names of one unit that its tickets bear
_CHUNK = 400
_AT_ONCE = 25
_IN_FORCE = col(FormerCode.freed_at).is_(None)


@dataclass(frozen=True)
class Audience:
    """Internal `names`, sorted, and the units they stand in (for the hours that hold there)."""

    names: tuple[str, ...]
    units: tuple[Unit, ...]


def read(session: Session, actor: Actor, names: Sequence[str], permission: Permission) -> Audience:
    """Understand what somebody wrote into `for`.

    Raises InvalidInput for a malformed or empty list, NotFound for what the actor can't see, Forbidden where
    they lack `permission`.
    """
    if not names:
        raise InvalidInput(N_("Say for which units, groups or stations."), fields={"for": "empty"})
    if len(names) > MAX_NAMES:
        raise InvalidInput(N_("At most %(limit)s names fit into “for”."), fields={"for": "count"}, limit=MAX_NAMES)
    found: dict[str, Unit] = {}
    for name in names:
        kind, _, rest = name.partition(":")
        if kind == "unit" and rest:
            unit = units.find(session, actor, rest)
            internal = f"unit:{unit.id}"
        elif kind == "group" and rest:
            group, unit = groups.find(session, actor, rest)
            internal = f"group:{group.id}"
        elif kind == "station" and rest:
            station, unit = stations.find(session, actor, rest)
            internal = f"station:{station.id}"
        else:
            raise InvalidInput(
                N_("“%(name)s” is not a name for “for”. Write unit:CODE, group:ID or station:ID."),
                fields={"for": "form"}, name=name[:60],
            )  # fmt: skip
        actor.require(permission, unit)
        found[internal] = unit
    return Audience(tuple(sorted(found)), tuple(found[name] for name in sorted(found)))


def known(session: Session, names: Iterable[str]) -> Audience:
    """The audience of internal names that were understood before, with the units they stand in."""
    wanted = _by_kind(names)
    units_of = set(wanted["unit"])
    units_of |= set(session.exec(select(Group.unit_id).where(col(Group.id).in_(wanted["group"]))).all())
    units_of |= set(session.exec(select(Station.unit_id).where(_any(col(Station.id), wanted["station"]))).all())
    found = session.exec(select(Unit).where(_any(col(Unit.id), units_of))).all()
    return Audience(tuple(sorted(set(names))), tuple(sorted(found, key=lambda unit: unit.path)))


def station_ids(session: Session, names: Iterable[str]) -> set[str]:
    """Ids of the stations behind internal names."""
    wanted = _by_kind(names)
    found: set[str] = set()
    if wanted["station"]:
        found.update(session.exec(select(Station.id).where(col(Station.id).in_(wanted["station"]))).all())
    if wanted["group"]:
        query = select(GroupMember.station_id).where(col(GroupMember.group_id).in_(wanted["group"]))
        found.update(session.exec(query).all())
    for start in range(0, len(wanted["unit"]), _CHUNK):
        chunk = wanted["unit"][start : start + _CHUNK]
        paths = session.exec(select(Unit.path).where(col(Unit.id).in_(chunk))).all()
        query = select(Station.id).join(Unit, col(Unit.id) == Station.unit_id).where(under(paths, col(Unit.path)))
        found.update(session.exec(query).all())
        found.update(session.exec(_of_merged(chunk)).all())
    return found


def _of_merged(unit_ids: list[str]) -> SelectOfScalar[str]:
    """The stations of those of these units that were merged: in the groups that stand for them."""
    stand_ins = select(Group.id).where(col(Group.stands_for).in_(unit_ids))
    return select(GroupMember.station_id).where(col(GroupMember.group_id).in_(stand_ins))


def count(session: Session, names: Iterable[str], only: ColumnElement[bool]) -> int:
    """How many stations behind internal names there are for which `only` holds, a condition on `Station` and `Unit`.

    Nothing is read but the number, unless it is behind more names than one query may ask for.
    """
    there = select(func.count()).select_from(Station).join(Unit, col(Unit.id) == Station.unit_id)
    return session.exec(there.where(behind(session, names), only)).one()


def counts(session: Session, audiences: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """How many stations are behind each of these lists of internal names, in two queries for up to `_AT_ONCE`."""
    rows = sorted(set(audiences))
    named = {each for names in rows for each in _by_kind(names)["unit"]}
    found: dict[tuple[str, ...], int] = {}
    if len(named) > _CHUNK:
        return {names: count(session, names, true()) for names in rows}
    paths = dict(session.exec(select(Unit.id, Unit.path).where(col(Unit.id).in_(named))).all()) if named else {}
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        numbers = [
            select(func.count())
            .select_from(Station)
            .join(Unit, col(Unit.id) == Station.unit_id)
            .where(behind(session, names, paths))
            .scalar_subquery()
            for names in some
        ]
        found |= dict(zip(some, session.execute(columns(*numbers)).one(), strict=True))
    return found


def behind(session: Session, names: Iterable[str], known: Mapping[str, str] | None = None) -> ColumnElement[bool]:
    """A condition on `Station` and `Unit`: the station is behind one of these internal names.

    `known` are the paths of the units that are named, by their ids, where the caller has them.
    """
    wanted = _by_kind(names)
    if sum(map(len, wanted.values())) > _CHUNK:
        return col(Station.id).in_(station_ids(session, names))
    if known is None:
        paths = session.exec(select(Unit.path).where(col(Unit.id).in_(wanted["unit"]))).all()
    else:
        paths = [known[each] for each in wanted["unit"] if each in known]
    members = select(GroupMember.station_id).where(col(GroupMember.group_id).in_(wanted["group"]))
    merged = _of_merged(wanted["unit"])
    return or_(
        col(Station.id).in_(wanted["station"]), col(Station.id).in_(members), col(Station.id).in_(merged),
        within(paths, col(Unit.path)),
    )  # fmt: skip


def stations_behind(session: Session, names: Iterable[str]) -> dict[str, set[str]]:
    """Ids of the stations behind each of these internal names, in a number of queries that hardly grows with theirs."""
    wanted = _by_kind(names)
    found: dict[str, set[str]] = {}
    for start in range(0, len(wanted["station"]), _CHUNK):
        chunk = wanted["station"][start : start + _CHUNK]
        there = session.exec(select(Station.id).where(col(Station.id).in_(chunk))).all()
        found.update({f"station:{each}": {each} for each in there})
    for start in range(0, len(wanted["group"]), _CHUNK):
        query = select(GroupMember.group_id, GroupMember.station_id)
        chunk = wanted["group"][start : start + _CHUNK]
        for group, station in session.exec(query.where(col(GroupMember.group_id).in_(chunk))).all():
            found.setdefault(f"group:{group}", set()).add(station)
    for start in range(0, len(wanted["unit"]), _CHUNK):
        chunk = wanted["unit"][start : start + _CHUNK]
        rows = session.exec(select(Unit.id, Unit.path).where(col(Unit.id).in_(chunk))).all()
        asked = {identity for identity, _ in rows}
        below = select(Station.id, Unit.path).join(Unit, col(Unit.id) == Station.unit_id)
        for station, path in session.exec(below.where(under([each for _, each in rows], col(Unit.path)))).all():
            for above in asked.intersection(path.strip("/").split("/")):
                found.setdefault(f"unit:{above}", set()).add(station)
        merged = select(Group.stands_for, GroupMember.station_id).join(Group, col(Group.id) == GroupMember.group_id)
        for before, station in session.exec(merged.where(col(Group.stands_for).in_(chunk))).all():
            found.setdefault(f"unit:{before}", set()).add(station)
    return found


def related_names(session: Session, names: Iterable[str]) -> set[str]:
    """Every internal name whose audience may share a station with these: units above and below, groups, stations."""
    wanted = _by_kind(names)
    ids = station_ids(session, names)
    unit_rows = session.exec(select(Unit.id, Unit.path)).all()
    paths = {path for identity, path in unit_rows if identity in set(wanted["unit"])}
    if ids:
        paths |= set(
            session.exec(
                select(Unit.path)
                .join(Station, col(Station.unit_id) == Unit.id)
                .where(_any(col(Station.id), ids))
                .distinct()
            ).all()
        )
    above = {part for path in paths for part in path.strip("/").split("/")}
    own = tuple(path for identity, path in unit_rows if identity in set(wanted["unit"]))
    below = {identity for identity, path in unit_rows if own and path.startswith(own)}
    related = {f"unit:{identity}" for identity in above | below} | {f"station:{each}" for each in ids}
    members = session.exec(select(GroupMember.group_id).where(_any(col(GroupMember.station_id), ids)).distinct()).all()
    return related | {f"group:{each}" for each in members} | set(names)


def units_in_line(session: Session, names: Iterable[str]) -> set[str]:
    """Internal names of the units among `names` with every unit above and below them."""
    ids = set(_by_kind(names)["unit"])
    rows = session.exec(select(Unit.id, Unit.path)).all() if ids else []
    own = tuple(path for identity, path in rows if identity in ids)
    above = {part for path in own for part in path.strip("/").split("/")}
    return {f"unit:{identity}" for identity, path in rows if own and (identity in above or path.startswith(own))}


def outside(session: Session, names: Iterable[str]) -> dict[str, str]:
    """Internal names → names of the wire format (units and groups by code).

    A unit has, beside its name, those of the codes that lead to it, as `unit:ID#1` and so on: stations whose plan is
    from before a change of codes, or a merger, know themselves by these (`on_tickets`).
    """
    wanted = _by_kind(names)
    found = {f"station:{each}": f"station:{each}" for each in wanted["station"]}
    for start in range(0, len(wanted["unit"]), _CHUNK):
        chunk = wanted["unit"][start : start + _CHUNK]
        for identity, code in session.exec(select(Unit.id, Unit.code).where(col(Unit.id).in_(chunk))).all():
            found[f"unit:{identity}"] = f"unit:{code}"
        for identity, codes in former_codes.on_the_wire(session, chunk, led=True).items():
            found.update({f"unit:{identity}#{n}": f"unit:{code}" for n, code in enumerate(codes[:MAX_FORMER], 1)})
    for start in range(0, len(wanted["group"]), _CHUNK):
        chunk = wanted["group"][start : start + _CHUNK]
        for identity, code in session.exec(select(Group.id, Group.code).where(col(Group.id).in_(chunk))).all():
            found[f"group:{identity}"] = f"group:{code}"
        before = select(Group.id, FormerCode.code).join(FormerCode, col(FormerCode.bearer) == Group.stands_for)
        for identity, code in session.exec(before.where(col(Group.id).in_(chunk), _IN_FORCE)).all():
            found.setdefault(f"group:{identity}#1", f"unit:{code}")
    return found


def on_tickets(names: Iterable[str], wire: Mapping[str, str]) -> list[str]:
    """What a ticket for these internal names says in `for`, by what `outside` found: former names come last."""
    present = [name for name in names if name in wire]
    former = [wire[key] for name in present for n in range(1, MAX_FORMER + 1) if (key := f"{name}#{n}") in wire]
    return list(dict.fromkeys([*(wire[name] for name in present), *former]))


def _by_kind(names: Iterable[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {"unit": [], "group": [], "station": []}
    for name in sorted(set(names)):
        kind, _, rest = name.partition(":")
        kinds[kind].append(rest)
    return kinds


def _any(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    ordered = sorted(values)
    chunks = [ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK)] or [[]]
    return or_(*(column.in_(chunk) for chunk in chunks))
