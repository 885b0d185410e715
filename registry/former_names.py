"""Names that a station had in tickets: what was signed for them before it moved, or its units got others, is for it."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from registry import former_codes
from registry.former_models import FormerPlace
from registry.models import Group, Station, Unit

_A_FEW = 200
_CHUNK = 400


def of(
    session: Session, stations: Sequence[Station], units: Mapping[str, Unit], groups: Mapping[str, Sequence[Group]]
) -> dict[str, tuple[str, ...]]:
    """By station, its former names as the wire format has them; stations that have none are absent.

    Codes that the units above it had, codes of a merged unit that a group of it stands for, and the names of where it
    stood before, for as long as it answers to these.
    """
    left = _left(session, stations)
    merged = {group.stands_for for each in groups.values() for group in each if group.stands_for}
    gone = {name.partition(":")[2] for names in left.values() for name in names if name.startswith("unit:")}
    every = units.keys() | merged | gone
    codes = former_codes.on_the_wire(session, None if len(every) > _A_FEW else every, led=False)
    now = {each: units[each].code for each in gone & units.keys() if not units[each].merged_into}
    now |= _codes(session, gone - units.keys())
    groups_left = _group_codes(session, left)
    found: dict[str, tuple[str, ...]] = {}
    for station in stations:
        if not (codes or station.id in left or station.id in groups):
            continue
        names = [f"unit:{code}" for each in _chain(units, station) for code in codes.get(each, ())]
        names += [
            f"unit:{code}"
            for group in groups.get(station.id, ()) if group.stands_for for code in codes.get(group.stands_for, ())
        ]  # fmt: skip
        for name in left.get(station.id, ()):
            kind, _, identity = name.partition(":")
            if kind == "unit":
                names += [f"unit:{now[identity]}"] if identity in now else []
                names += [f"unit:{code}" for code in codes.get(identity, ())]
            elif identity in groups_left:
                names.append(f"group:{groups_left[identity]}")
        if names:
            found[station.id] = tuple(dict.fromkeys(names))
    return found


def _chain(units: Mapping[str, Unit], station: Station) -> list[str]:
    return units[station.unit_id].path.strip("/").split("/")


def _left(session: Session, stations: Sequence[Station]) -> dict[str, list[str]]:
    """Internal names that stations answered to where they stood before, as long as they answer to them."""
    query = select(FormerPlace.station_id, FormerPlace.names).where(col(FormerPlace.answers))
    if len(stations) <= _A_FEW:
        query = query.where(col(FormerPlace.station_id).in_([station.id for station in stations]))
    found: dict[str, list[str]] = {}
    for identity, names in session.exec(query).all():
        found.setdefault(identity, []).extend(names)
    return found


def _codes(session: Session, unit_ids: set[str]) -> dict[str, str]:
    """The codes of units that are not merged: what a merged one has is no code."""
    ordered = sorted(unit_ids)
    found: dict[str, str] = {}
    for start in range(0, len(ordered), _CHUNK):
        query = select(Unit.id, Unit.code).where(col(Unit.id).in_(ordered[start : start + _CHUNK]))
        found.update(session.exec(query.where(col(Unit.merged_into).is_(None))).all())
    return found


def _group_codes(session: Session, left: Mapping[str, Sequence[str]]) -> dict[str, str]:
    ids = sorted({name[6:] for names in left.values() for name in names if name.startswith("group:")})
    found: dict[str, str] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(Group.id, Group.code).where(col(Group.id).in_(ids[start : start + _CHUNK]))
        found.update(session.exec(query).all())
    return found
