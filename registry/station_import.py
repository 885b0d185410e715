"""Many stations from one table: a list that was pasted, or the rows of a workbook, checked line by line.

Columns are name, unit (name or code), latitude, longitude, serial number. A first line that names them may put them in
another order.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core.errors import N_, InvalidInput
from registry import plainly, stations
from registry.models import Station, Unit
from registry.rights import Actor, Permission

MOST = 1_000
COLUMNS = ("name", "unit", "latitude", "longitude", "serial")
_MAX_NAME = 200
_MAX_SERIAL = 100
_HEADS = {
    "name": ("ten", "ten cum loa", "cum loa", "name", "station"),
    "unit": ("thon", "don vi", "dia ban", "to dan pho", "thon/to", "unit", "hamlet"),
    "latitude": ("vi do", "latitude", "lat"),
    "longitude": ("kinh do", "longitude", "lon", "lng"),
    "serial": ("so may", "so seri", "seri", "serial", "serial number", "ma thiet bi", "imei"),
}
_DELIMITERS = ("\t", ";", ",")
NO_NAME = N_("There is no name.")
LONG = N_("The name or the serial number is too long.")
NO_UNIT = N_("There is no such unit, or you may not run stations there.")
SEVERAL_UNITS = N_("Several units have this name. Write the code.")
NO_NUMBER = N_("Latitude or longitude is not a number.")
OFF_EARTH = N_("Latitude lies between −90 and 90, longitude between −180 and 180.")
SWAPPED = N_("Latitude and longitude seem to be exchanged.")
HALF_A_PLACE = N_("Of latitude and longitude one is missing.")
TWICE = N_("A station of this name is in the list twice, or stands in this unit already.")


@dataclass(frozen=True)
class Line:
    """One row: its number in the table, what it says, and what is wrong with it (nothing: it can be added)."""

    number: int
    name: str
    unit_text: str
    latitude: float | None
    longitude: float | None
    serial: str
    unit: Unit | None = None
    wrong: tuple[str, ...] = ()


def rows_of(text: str) -> list[list[str]]:
    """The cells of a pasted list or a CSV file: tabs, else semicolons, else commas part them."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first = next((line for line in lines.split("\n") if line.strip()), "")
    delimiter = next((each for each in _DELIMITERS if each in first), "\t")
    try:
        return [row for row in csv.reader(io.StringIO(lines), delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error as error:
        raise InvalidInput(N_("The list can't be read. Save it as Excel (.xlsx) or CSV in UTF-8.")) from error


def read(session: Session, actor: Actor, below: Unit, rows: Sequence[Sequence[str]]) -> list[Line]:
    """Check each row against the tree at and below `below`, which also holds where no unit is named.

    Raises InvalidInput for an empty table and for more than MOST rows.
    """
    actor.require(Permission.OPERATE, below)
    order, body = _order(rows)
    if not body:
        raise InvalidInput(N_("There is no row with a station in it."), fields={"list": "empty"})
    if len(body) > MOST:
        raise InvalidInput(N_("At most %(most)s stations in one list."), fields={"list": "long"}, most=MOST)
    known, existing = _units(session, actor, below), _existing(session, below)
    seen: set[tuple[str, str]] = set()
    found = []
    for number, row in enumerate(body, start=1 + len(rows) - len(body)):
        cells = {name: " ".join(str(row[at]).split()) if at < len(row) else "" for name, at in order.items()}
        found.append(_line(number, cells, below, known, existing, seen))
    return found


def _order(rows: Sequence[Sequence[str]]) -> tuple[Mapping[str, int], Sequence[Sequence[str]]]:
    """Which column is which, and the rows without the line that says so."""
    usual = {name: at for at, name in enumerate(COLUMNS)}
    if not rows:
        return usual, rows
    heads = [plainly.plain(str(cell)) for cell in rows[0]]
    told = {
        name: next(at for at, head in enumerate(heads) if head in words)
        for name, words in _HEADS.items() if any(head in words for head in heads)
    }  # fmt: skip
    return (told, rows[1:]) if "name" in told else (usual, rows)


def _units(session: Session, actor: Actor, below: Unit) -> dict[str, list[Unit]]:
    """The units that may be named, by plain name and by code."""
    query = select(Unit).where(
        col(Unit.path).startswith(below.path, autoescape=True), actor.within(Permission.OPERATE, col(Unit.path))
    )
    found: dict[str, list[Unit]] = {}
    for unit in session.exec(query).all():
        found.setdefault(unit.code.lower(), []).append(unit)
        found.setdefault(plainly.plain(unit.name), []).append(unit)
    return found


def _existing(session: Session, below: Unit) -> set[tuple[str, str]]:
    query = (
        select(Station.unit_id, Station.plain)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(col(Unit.path).startswith(below.path, autoescape=True))
    )
    return {(unit_id, plain or "") for unit_id, plain in session.exec(query).all()}


def _line(
    number: int,
    cells: Mapping[str, str],
    below: Unit,
    known: Mapping[str, list[Unit]],
    existing: Iterable[tuple[str, str]],
    seen: set[tuple[str, str]],
) -> Line:
    wrong = []
    name, unit_text, serial = (cells.get(each, "") for each in ("name", "unit", "serial"))
    if not name:
        wrong.append(NO_NAME)
    if len(name) > _MAX_NAME or len(serial) > _MAX_SERIAL:
        wrong.append(LONG)
    here = _unit(unit_text, below, known)
    if len(here) != 1:
        wrong.append(SEVERAL_UNITS if here else NO_UNIT)
    unit = here[0] if len(here) == 1 else None
    latitude, longitude, misplaced = _place(cells.get("latitude", ""), cells.get("longitude", ""))
    wrong += misplaced
    if unit is not None and name:
        key = (unit.id, plainly.plain(name))
        if key in seen or key in existing:
            wrong.append(TWICE)
        seen.add(key)
    return Line(
        number, name[:_MAX_NAME], unit_text[:_MAX_NAME], latitude, longitude, serial[:_MAX_SERIAL], unit, tuple(wrong)
    )


def _unit(text: str, below: Unit, known: Mapping[str, list[Unit]]) -> list[Unit]:
    if not text:
        return [below]
    named = known.get(text.lower()) or known.get(plainly.plain(text)) or []
    return list({unit.id: unit for unit in named}.values())


def _place(latitude: str, longitude: str) -> tuple[float | None, float | None, list[str]]:
    if not latitude and not longitude:
        return None, None, []
    if not latitude or not longitude:
        return None, None, [HALF_A_PLACE]
    try:
        north, east = (float(each.replace(",", ".")[:30]) for each in (latitude, longitude))
    except ValueError:
        return None, None, [NO_NUMBER]
    if not -90 <= north <= 90 and -90 <= east <= 90:  # noqa: PLR2004
        return None, None, [SWAPPED]
    if not (-90 <= north <= 90 and -180 <= east <= 180):  # noqa: PLR2004 - NaN lies nowhere
        return None, None, [OFF_EARTH]
    return north, east, []


def add(
    session: Session, actor: Actor, lines: Iterable[Line], *, hours: int, now: datetime
) -> list[tuple[Station, Unit, str]]:
    """Add the stations of the lines with which nothing is wrong: each with its unit and its enrolment code."""
    made = []
    for line in lines:
        if line.unit is not None and not line.wrong:
            station, code = stations.create(
                session, actor, name=line.name, unit=line.unit, latitude=line.latitude, longitude=line.longitude,
                confirm=True, serial=line.serial, hours=hours, now=now,
            )  # fmt: skip
            made.append((station, line.unit, code))
    return made
