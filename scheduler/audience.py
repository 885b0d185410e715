"""Whom something is for: names as people and scripts write them, names inside, and the stations behind them.

Outside: `unit:79.123`, `group:…`, `station:st_…` (by id or code). Inside: always ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from core.errors import N_, InvalidInput
from registry import groups, stations, units
from registry.models import Group, GroupMember, Station, Unit
from registry.rights import Actor, Permission, within

MAX_NAMES = 1_000
_CHUNK = 400


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


def station_ids(session: Session, names: Iterable[str]) -> set[str]:
    """Ids of the stations behind internal names."""
    wanted = _by_kind(names)
    found = set(session.exec(select(Station.id).where(col(Station.id).in_(wanted["station"]))).all())
    if wanted["group"]:
        query = select(GroupMember.station_id).where(col(GroupMember.group_id).in_(wanted["group"]))
        found.update(session.exec(query).all())
    for start in range(0, len(wanted["unit"]), _CHUNK):
        chunk = wanted["unit"][start : start + _CHUNK]
        paths = session.exec(select(Unit.path).where(col(Unit.id).in_(chunk))).all()
        query = select(Station.id).join(Unit, col(Unit.id) == Station.unit_id).where(within(paths, col(Unit.path)))
        found.update(session.exec(query).all())
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
    """Internal names → names of the wire format (units and groups by code)."""
    wanted = _by_kind(names)
    found = {f"station:{each}": f"station:{each}" for each in wanted["station"]}
    for start in range(0, len(wanted["unit"]), _CHUNK):
        chunk = wanted["unit"][start : start + _CHUNK]
        for identity, code in session.exec(select(Unit.id, Unit.code).where(col(Unit.id).in_(chunk))).all():
            found[f"unit:{identity}"] = f"unit:{code}"
    for start in range(0, len(wanted["group"]), _CHUNK):
        chunk = wanted["group"][start : start + _CHUNK]
        for identity, code in session.exec(select(Group.id, Group.code).where(col(Group.id).in_(chunk))).all():
            found[f"group:{identity}"] = f"group:{code}"
    return found


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
