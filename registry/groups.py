"""Groups of stations."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Select, func
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Conflict, NotFound
from core.ids import new_id
from registry import stations
from registry.models import Group, GroupMember, Station, Unit
from registry.rights import Actor, Permission, under
from registry.units import clean_name


def create(session: Session, actor: Actor, *, name: str, unit: Unit, members: Sequence[str], now: datetime) -> Group:
    """Make a group of stations that stand at or below `unit`."""
    actor.require(Permission.OPERATE, unit)
    identity = new_id("gr")
    group = Group(id=identity, code=identity, unit_id=unit.id, name=clean_name(name), created_at=now)
    session.add(group)
    session.flush()
    for member in dict.fromkeys(members):
        _, place = stations.find(session, actor, member)
        if not place.path.startswith(unit.path):
            raise Conflict(
                N_("A station of “%(place)s” can't join a group of “%(unit)s”."), place=place.name, unit=unit.name
            )
        session.add(GroupMember(group_id=group.id, station_id=member))
    audit.record(
        session, actor=actor.username, action="group.create", subject=group.id, unit_id=unit.id, now=now,
        name=group.name, members=list(members),
    )  # fmt: skip
    changes.announce(session, "registry", [], now)
    return group


def find(session: Session, actor: Actor, name: str) -> tuple[Group, Unit]:
    """A group the actor may see (by id or code), with its unit. Raises NotFound."""
    group = session.get(Group, name) or session.exec(select(Group).where(Group.code == name)).first()
    unit = session.get(Unit, group.unit_id) if group else None
    if group is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return group, unit


def visible(session: Session, actor: Actor) -> list[tuple[Group, Unit]]:
    rows = session.exec(
        select(Group, Unit)
        .join(Unit, col(Unit.id) == Group.unit_id)
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Group.name))
    ).all()
    return [(group, unit) for group, unit in rows]


def members(
    session: Session, actor: Actor, group_ids: Sequence[str], named: int = 12
) -> dict[str, tuple[int, list[str]]]:
    """How many members of each group the actor sees, and the names of the first ones, in one query."""
    place = func.row_number().over(partition_by=GroupMember.group_id, order_by=(col(Station.plain), col(Station.id)))
    many = func.count().over(partition_by=GroupMember.group_id)
    every = (
        sa_select(col(GroupMember.group_id), col(Station.name), place.label("place"), many.label("many"))
        .join(Station, col(Station.id) == col(GroupMember.station_id))
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .where(col(GroupMember.group_id).in_(list(group_ids)), actor.within(Permission.SEE, col(Unit.path)))
        .subquery()
    )
    found: dict[str, tuple[int, list[str]]] = {}
    query = sa_select(every.c.group_id, every.c.name, every.c.many).where(every.c.place <= named)
    for group_id, name, number in session.execute(query.order_by(every.c.group_id, every.c.place)).all():
        found.setdefault(group_id, (number, []))[1].append(name)
    return found


class Candidate(NamedTuple):
    """A station that may come into a group."""

    id: str
    name: str
    unit: str


def candidates(session: Session, actor: Actor, unit: Unit | None, limit: int) -> list[Candidate]:
    """Stations at or below `unit` (None: anywhere) that the actor runs, unit by unit; `limit` of them at most."""
    query: Select[str, str, str] = sa_select(col(Station.id), col(Station.name), col(Unit.name)).join_from(
        Unit, Station, col(Station.unit_id) == col(Unit.id)
    )
    query = query.where(actor.within(Permission.OPERATE, col(Unit.path)))
    if unit is not None:
        query = query.where(under([unit.path], col(Unit.path)))
    query = query.order_by(col(Unit.path), col(Station.plain), col(Station.id)).limit(limit)
    return [Candidate(*row) for row in session.execute(query)]


def member_ids(session: Session, group_id: str) -> list[str]:
    return list(session.exec(select(GroupMember.station_id).where(GroupMember.group_id == group_id)).all())
