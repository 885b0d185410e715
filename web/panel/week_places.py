"""Which unit or station a week is of: found by what was typed, offered by name, the own unit first."""

import re
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from sqlmodel import Session, col, func, select

from core.errors import NotFound
from registry import stations, units
from registry.models import Station, Unit
from registry.rights import Permission
from web.access import actor

MOST_UNITS = 400
MOST_STATIONS = 60
_CODE = re.compile(r"\(([^()]{1,60})\)\s*$")


@dataclass(frozen=True)
class Place:
    """A unit, or one station in it."""

    unit: Unit
    station: Station | None = None

    @property
    def name(self) -> str:
        return self.station.name if self.station else self.unit.name

    @property
    def key(self) -> str:
        """As forms carry it, and `read` understands it."""
        return f"station:{self.station.id}" if self.station else f"unit:{self.unit.id}"

    def address(self, **more: Any) -> str:
        """The page of its week."""
        if self.station:
            return url_for("panel.station_week", identity=self.station.id, **more)
        return url_for("panel.week", unit=self.unit.id, **more)


def read(reading: Session, key: str) -> Place | None:
    """The place that `Place.key` named, as far as the actor sees it."""
    kind, _, identity = key.partition(":")
    try:
        if kind == "station":
            station, unit = stations.find(reading, actor(), identity)
            return Place(unit, station)
        return Place(units.find(reading, actor(), identity)) if kind == "unit" else None
    except NotFound:
        return None


def asked(reading: Session, offered: list[tuple[str, str]]) -> Unit | None:
    """The unit in the address (by id, code, or as the list writes it), or else the first on offer. Raises NotFound."""
    typed = request.args.get("unit", "").strip()
    if not typed:
        first = offered[0][0] if offered else None
        return units.find(reading, actor(), first) if first else None
    code = _CODE.search(typed)
    try:
        return units.find(reading, actor(), code[1] if code else typed)
    except NotFound:
        by_name = select(Unit).where(actor().within(Permission.SEE, col(Unit.path)), col(Unit.name).icontains(typed))
        found = reading.exec(by_name.order_by(func.length(Unit.path), col(Unit.path)).limit(1)).first()
        if found is None:
            raise
        return found


def units_on_offer(reading: Session) -> list[tuple[str, str]]:
    """Id and label of the units the person sees, the widest first; at most `MOST_UNITS`."""
    query = (
        select(Unit.id, Unit.name, Unit.code).where(actor().within(Permission.SEE, col(Unit.path)))
        .order_by(func.length(Unit.path), col(Unit.path)).limit(MOST_UNITS)
    )  # fmt: skip
    return [(identity, f"{name} ({code})") for identity, name, code in reading.exec(query).all()]


def stations_on_offer(reading: Session, unit: Unit) -> list[tuple[str, str]]:
    """Id and name of the stations of a unit and below; none where there are too many to choose from."""
    query = (
        select(Station.id, Station.name).join(Unit, col(Unit.id) == Station.unit_id)
        .where(col(Unit.path).startswith(unit.path), actor().within(Permission.SEE, col(Unit.path)))
        .order_by(col(Station.name), col(Station.id)).limit(MOST_STATIONS + 1)
    )  # fmt: skip
    found = reading.exec(query).all()
    return [(identity, name) for identity, name in found] if len(found) <= MOST_STATIONS else []


def first_station(reading: Session, unit: Unit) -> str:
    """The id of some station of the unit or below, to ask why it plays what it plays; empty where there is none."""
    query = (
        select(Station.id).join(Unit, col(Unit.id) == Station.unit_id)
        .where(col(Unit.path).startswith(unit.path), actor().within(Permission.SEE, col(Unit.path)))
        .order_by(col(Station.id)).limit(1)
    )  # fmt: skip
    return reading.exec(query).first() or ""
