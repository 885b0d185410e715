"""Places to choose from: the tree a level at a time, found by name without accents, groups, and points for the map."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from registry import groups
from registry.models import Group, Station, Unit
from registry.rights import Actor, Permission

PAGE = 40
MOST_FOUND = 30
MOST_SEARCHED = 20_000
MOST_POINTS = 5_000
_CHUNK = 400


@dataclass(frozen=True)
class Place:
    """One place: its name in `for`, what it is called, what else is said of it, and whether it can be opened."""

    name: str
    title: str
    note: str = ""
    stations: int = 0
    opens: str = ""


@dataclass(frozen=True)
class Level:
    """Some of the places right below a unit (None: the uppermost of the actor's); `more` is where the next begin."""

    under: Unit | None
    places: Sequence[Place]
    more: int = 0


def plain(text: str) -> str:
    """Small letters without accents, for finding."""
    small = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in small if not unicodedata.combining(c))


def level(session: Session, actor: Actor, permission: Permission, under: Unit | None, after: int = 0) -> Level:
    """The units right below `under`, then the stations that stand in it, by name, from number `after` on.

    A fixed number of queries. Of the units, only those where the actor holds `permission`.
    """
    if under is None:
        tops = [path for path in actor.paths(permission) if path != "/"]
        query = select(Unit).where(col(Unit.path).in_(tops) if tops else col(Unit.parent_id).is_(None))
    else:
        query = select(Unit).where(Unit.parent_id == under.id, col(Unit.merged_into).is_(None))
    query = query.where(actor.within(permission, col(Unit.path)))
    children = list(session.exec(query.order_by(col(Unit.name), col(Unit.id)).offset(after).limit(PAGE + 1)).all())
    places = [(unit, Place(f"unit:{unit.id}", unit.name, opens=unit.id)) for unit in children[:PAGE]]
    counts = _below(session, [unit for unit, _ in places])
    found = [
        Place(place.name, place.title, stations=counts.get(unit.id, 0), opens=unit.id if counts.get(unit.id) else "")
        for unit, place in places
    ]
    room = PAGE - len(found)
    if under is not None and len(children) <= PAGE:
        before = max(after - _number_below(session, under), 0) if after else 0
        rows = session.exec(
            select(Station.id, Station.name).where(Station.unit_id == under.id)
            .order_by(col(Station.name), col(Station.id)).offset(before).limit(room + 1)
        ).all()  # fmt: skip
        found += [Place(f"station:{identity}", name) for identity, name in rows[:room]]
        if len(rows) > room:
            return Level(under, found, after + PAGE)
    return Level(under, found, after + PAGE if len(children) > PAGE else 0)


def _number_below(session: Session, unit: Unit) -> int:
    return session.exec(select(func.count()).select_from(Unit).where(Unit.parent_id == unit.id)).one()


def _below(session: Session, rows: Sequence[Unit]) -> dict[str, int]:
    """How many stations stand in each of these units and below, none of which lies within another."""
    if not rows:
        return {}
    parents = {unit.path.rsplit("/", 2)[0] + "/" for unit in rows}
    counts: dict[str, int] = {}
    wanted = {unit.id for unit in rows}
    for parent in parents:
        query = (
            select(Unit.path, func.count()).select_from(Station).join(Unit, col(Unit.id) == Station.unit_id)
            .where(col(Unit.path).startswith(parent, autoescape=True)).group_by(col(Unit.path))
        )  # fmt: skip
        for path, count in session.exec(query).all():
            for each in wanted.intersection(path.strip("/").split("/")):
                counts[each] = counts.get(each, 0) + count
    return counts


def search(session: Session, actor: Actor, permission: Permission, text: str) -> list[Place]:
    """Units, groups and stations whose names (or codes) hold each word of `text`, units first; at most 30."""
    words = plain(text).split()[:6]
    if not words:
        return []
    here = and_(actor.within(permission, col(Unit.path)), col(Unit.merged_into).is_(None))
    units = session.exec(select(Unit.id, Unit.name, Unit.code, Unit.parent_id).where(here).limit(MOST_SEARCHED)).all()
    names = {identity: name for identity, name, _, _ in units}
    found = [
        Place(f"unit:{identity}", name, names.get(parent or "", ""), opens=identity)
        for identity, name, code, parent in units
        if _fits(words, f"{name} {code}")
    ]
    found.sort(key=lambda place: (plain(place.title).split()[-1:] != words[-1:], place.title))
    for group, unit in groups.visible(session, actor):
        if actor.may(permission, unit) and _fits(words, group.name):
            found.append(Place(f"group:{group.id}", group.name, unit.name))
    if len(found) < MOST_FOUND:
        rows = session.exec(
            select(Station.id, Station.name, Unit.name)
            .join(Unit, col(Unit.id) == Station.unit_id).where(here).order_by(col(Station.name)).limit(MOST_SEARCHED)
        ).all()  # fmt: skip
        found += [Place(f"station:{identity}", name, home) for identity, name, home in rows if _fits(words, name)]
    return found[:MOST_FOUND]


def _fits(words: Sequence[str], name: str) -> bool:
    said = plain(name)
    return all(word in said for word in words)


def named(session: Session, actor: Actor, names: Sequence[str]) -> list[Place]:
    """The chosen places by name, in the order given; what is gone or out of sight is left out."""
    seen = actor.within(Permission.SEE, col(Unit.path))
    found: dict[str, Place] = {}
    ids = {
        kind: [each.partition(":")[2] for each in names if each.startswith(f"{kind}:")]
        for kind in ("unit", "group", "station")
    }
    for start in range(0, len(ids["unit"]), _CHUNK):
        query = select(Unit.id, Unit.name).where(col(Unit.id).in_(ids["unit"][start : start + _CHUNK]), seen)
        found |= {f"unit:{each}": Place(f"unit:{each}", name) for each, name in session.exec(query).all()}
    for start in range(0, len(ids["station"]), _CHUNK):
        stations = (
            select(Station.id, Station.name, Unit.name).join(Unit, col(Unit.id) == Station.unit_id)
            .where(col(Station.id).in_(ids["station"][start : start + _CHUNK]), seen)
        )  # fmt: skip
        found |= {f"station:{i}": Place(f"station:{i}", name, home) for i, name, home in session.exec(stations).all()}
    for start in range(0, len(ids["group"]), _CHUNK):
        query = (
            select(Group.id, Group.name).join(Unit, col(Unit.id) == Group.unit_id)
            .where(col(Group.id).in_(ids["group"][start : start + _CHUNK]), seen)
        )  # fmt: skip
        found |= {f"group:{each}": Place(f"group:{each}", name) for each, name in session.exec(query).all()}
    return [found[name] for name in dict.fromkeys(names) if name in found]


def points(session: Session, actor: Actor, permission: Permission) -> list[tuple[str, str, float, float]]:
    """The stations with a position where the actor holds `permission`: id, name, latitude, longitude."""
    query = (
        select(Station.id, Station.name, Station.latitude, Station.longitude)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(actor.within(permission, col(Unit.path)))
        .where(col(Station.latitude).is_not(None), col(Station.longitude).is_not(None))
        .order_by(col(Station.name), col(Station.id))
        .limit(MOST_POINTS)
    )
    rows = session.exec(query).all()
    return [(each, name, lat, lon) for each, name, lat, lon in rows if lat is not None and lon is not None]
