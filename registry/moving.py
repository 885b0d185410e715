"""Moving units and stations to another place in the tree, and giving them other codes.

History stays with where it was. What belongs to the floors above (running emergencies, kept reports) is carried by
`alerts.relocating`, which calls this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Conflict, Forbidden, InvalidInput
from registry import former_codes, former_places, stations, units
from registry.models import Group, GroupMember, Station, Unit
from registry.rights import EVERYWHERE, MERGED, Actor, Permission, within
from registry.stations import Place

_CHUNK = 400
_TOO_DEEP = N_("The tree is deeper than %(limit)s levels.")


@dataclass(frozen=True)
class Moved:
    """Stations that went, as they stood before; the names they no longer answer to, and that which they share.

    `group_names` are groups they are no longer in, as only stations at or below a group's unit belong to it.
    """

    name: str
    places: Sequence[Place]
    lost: frozenset[str]
    gained: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()
    old_path: str = ""
    new_path: str = ""

    @property
    def told(self) -> list[str]:
        """Internal names of everybody whose plan this may change."""
        return sorted({*self.lost, *self.gained, self.name})


def below(session: Session, unit: Unit) -> list[Place]:
    """Where the stations of a unit and of all below it stand."""
    inside = within([unit.path], col(Unit.path))
    ids = session.exec(select(Station.id).join(Unit, col(Unit.id) == Station.unit_id).where(inside)).all()
    found: list[Place] = []
    for start in range(0, len(ids), _CHUNK):
        found += stations.places(session, ids[start : start + _CHUNK])
    return found


def move_unit(session: Session, actor: Actor, unit: Unit, parent: Unit | None, now: datetime) -> Moved:
    """Put a unit, with all below it, under another one (None: at the top).

    Who does it administers both the place it leaves and the one it comes to. Raises Conflict, Forbidden, NotFound.
    """
    may_take(session, actor, unit)
    if parent is None:
        if EVERYWHERE not in actor.paths(Permission.ADMINISTER):
            raise Forbidden(units.NAME_ABOVE)
    else:
        actor.require(Permission.ADMINISTER, parent)
        if parent.merged_into:
            raise Conflict(MERGED, fields={"parent": "merged"}, unit=parent.name)
        if parent.path.startswith(unit.path):
            raise Conflict(N_("A unit can't be moved below itself."), fields={"parent": "below"})
    if unit.parent_id == (parent.id if parent else None):
        raise Conflict(N_("The unit is there already."), fields={"parent": "same"})
    places = below(session, unit)
    old_path, new_path = unit.path, f"{parent.path if parent else '/'}{unit.id}/"
    check_depth(session, unit, new_path)
    former_places.leave(session, places, now)
    before = {name for place in places for name in place.names}
    repath(session, old_path, new_path)
    session.execute(update(Unit).where(col(Unit.id) == unit.id).values(parent_id=parent.id if parent else None))
    session.expire_all()
    left = leave_groups(session, [place.station.id for place in places])
    after = {f"unit:{each}" for each in new_path.strip("/").split("/")}
    inside = select(Unit.id).where(within([new_path], col(Unit.path)))
    kept = {f"unit:{each}" for each in session.exec(inside).all()}
    lost = frozenset(name for name in before - after - kept if name.startswith("unit:")) | {
        f"group:{group.id}" for group in left
    }
    moved = Moved(
        f"unit:{unit.id}", places, lost, tuple(sorted(after)), tuple(group.name for group in left), old_path, new_path
    )
    audit.record(
        session, actor=actor.username, action="unit.move", subject=unit.id, unit_id=unit.id, now=now, name=unit.name,
        before=old_path.strip("/").split("/")[:-1], after=new_path.strip("/").split("/")[:-1], stations=len(places),
        groups_left=[group.id for group in left],
    )  # fmt: skip
    tell(session, moved.told, [moved.name], now)
    return moved


def may_take(session: Session, actor: Actor, unit: Unit) -> None:
    """Return if the actor may take a unit from where it is, as who administers what is above. Raises as `require`."""
    actor.require(Permission.ADMINISTER, unit)
    if unit.merged_into:
        raise Conflict(MERGED, unit=unit.name)
    above = session.get(Unit, unit.parent_id) if unit.parent_id else None
    if above is None:
        if EVERYWHERE not in actor.paths(Permission.ADMINISTER):
            raise Forbidden(units.NAME_ABOVE)
    elif not actor.may(Permission.ADMINISTER, above):
        raise Forbidden(N_("Only who administers “%(unit)s” can take a unit from it."), unit=above.name)


def check_depth(session: Session, unit: Unit, new_path: str) -> None:
    """Return if the unit and all below it fit there. Raises InvalidInput for a tree that would be too deep."""
    deepest = session.exec(select(Unit.path).where(within([unit.path], col(Unit.path)))).all()
    levels = max(path.count("/") for path in deepest) - unit.path.count("/") + new_path.count("/")
    if levels > units.MAX_DEPTH + 1:
        raise InvalidInput(_TOO_DEEP, limit=units.MAX_DEPTH)


def repath(session: Session, old: str, new: str, column: Any = Unit.path) -> None:
    """Let the paths (in `column`) that begin with `old` begin with `new`."""
    longer = func.substr(column, len(old) + 1)
    renaming = update(column.class_).where(within([old], column))
    session.execute(renaming.values({column.key: new + longer}), execution_options={"synchronize_session": False})


def leave_groups(session: Session, station_ids: Sequence[str]) -> list[Group]:
    """Take stations out of groups of units that are not above them any more; returns those groups, by name."""
    left: dict[str, Group] = {}
    for start in range(0, len(station_ids), _CHUNK):
        chunk = station_ids[start : start + _CHUNK]
        owner = select(Group, Unit.path).join(Unit, col(Unit.id) == Group.unit_id).subquery()
        rows = session.execute(
            select(GroupMember, owner.c.id, Unit.path, owner.c.path)
            .join(owner, owner.c.id == GroupMember.group_id)
            .join(Station, col(Station.id) == GroupMember.station_id)
            .join(Unit, col(Unit.id) == Station.unit_id)
            .where(col(GroupMember.station_id).in_(chunk))
        ).all()
        for member, group_id, home, path in rows:
            if not home.startswith(path):
                left[group_id] = session.get_one(Group, group_id)
                session.delete(member)
    session.flush()
    return sorted(left.values(), key=lambda group: group.name)


def move_station(session: Session, actor: Actor, station_id: str, unit: Unit, now: datetime) -> Moved:
    """Put a station into another unit. Who does it operates the stations of both. Raises Conflict, NotFound."""
    station, home = stations.find(session, actor, station_id)
    actor.require(Permission.OPERATE, home)
    actor.require(Permission.OPERATE, unit)
    if unit.id == home.id:
        raise Conflict(N_("The station is there already."), fields={"unit": "same"})
    places = stations.places(session, [station.id])
    former_places.leave(session, places, now)
    station.unit_id = unit.id
    session.add(station)
    session.flush()
    left = leave_groups(session, [station.id])
    after = {f"unit:{each}" for each in unit.path.strip("/").split("/")}
    lost = {name for name in places[0].names if name.startswith("unit:")} - after
    moved = Moved(
        f"station:{station.id}", places, frozenset(lost | {f"group:{group.id}" for group in left}),
        tuple(sorted(after)), tuple(group.name for group in left),
    )  # fmt: skip
    audit.record(
        session, actor=actor.username, action="station.move", subject=station.id, unit_id=unit.id, now=now,
        before=home.id, after=unit.id, groups_left=[group.id for group in left],
    )  # fmt: skip
    # Whoever looks after the place it left finds it in their log as well.
    audit.record(
        session, actor=actor.username, action="station.move", subject=station.id, unit_id=home.id, now=now,
        before=home.id, after=unit.id,
    )  # fmt: skip
    tell(session, moved.told, [moved.name], now)
    return moved


def recode_unit(
    session: Session, actor: Actor, unit: Unit, code: str, now: datetime, *, name: str = "", reason: str = ""
) -> None:
    """Give a unit another code, and with `name` another name. The former code goes on leading to it.

    `reason` says why a code that was another's within five years is given away all the same: only an administrator of
    the whole installation does that. Raises InvalidInput, Conflict, Forbidden.
    """
    actor.require(Permission.ADMINISTER, unit)
    if unit.merged_into:
        raise Conflict(MERGED, unit=unit.name)
    renamed = units.clean_name(name) if name.strip() else unit.name
    if units.clean_code(code) == unit.code and renamed == unit.name:
        raise Conflict(N_("The unit has this code and this name already."), fields={"code": "same"})
    before = {"code": unit.code, "name": unit.name}
    if code != unit.code:
        _check(session, actor, former_codes.UNIT, code, unit.id, reason, now)
        former_codes.note(session, unit, unit.code, now)
    unit.code, unit.name = code, renamed
    session.add(unit)
    session.flush()
    audit.record(
        session, actor=actor.username, action="unit.recode", subject=unit.id, unit_id=unit.id, now=now, before=before,
        code=code, name=renamed, reason=reason.strip()[: former_codes.MAX_REASON],
    )  # fmt: skip
    tell(session, [f"unit:{unit.id}"], [f"unit:{unit.id}"], now)


def recode_station(
    session: Session, actor: Actor, station_id: str, code: str, now: datetime, *, reason: str = ""
) -> Station:
    """Give a station a code, or another one; a former code goes on leading to it. Raises as `recode_unit`."""
    station, unit = stations.find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    if units.clean_code(code) == station.code:
        raise Conflict(N_("The station has this code already."), fields={"code": "same"})
    _check(session, actor, former_codes.STATION, code, station.id, reason, now)
    before = station.code
    if before:
        former_codes.note(session, station, before, now)
    station.code = code
    session.add(station)
    session.flush()
    audit.record(
        session, actor=actor.username, action="station.recode", subject=station.id, unit_id=unit.id, now=now,
        before=before, code=code, reason=reason.strip()[: former_codes.MAX_REASON],
    )  # fmt: skip
    changes.announce(session, "registry", [f"station:{station.id}"], now)
    return station


def _check(session: Session, actor: Actor, kind: str, code: str, bearer: str, reason: str, now: datetime) -> None:
    try:
        former_codes.check_free(session, kind, code, now, bearer=bearer)
    except Conflict:
        if not reason.strip():
            raise
        if EVERYWHERE not in actor.paths(Permission.ADMINISTER):
            raise Forbidden(
                N_("Only an administrator of the whole installation gives away a former code of another.")
            ) from None
        former_codes.check_free(session, kind, code, now, bearer=bearer, who=actor.id, reason=reason)


def tell(session: Session, plans: Sequence[str], slots: Sequence[str], now: datetime) -> None:
    """Let boards be made anew, plans for these internal names, and the timetable where it is for those."""
    changes.announce(session, "registry", [], now)
    changes.announce(session, "plan", plans, now)
    changes.announce(session, "timetable", slots, now)
