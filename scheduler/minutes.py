"""How many minutes of which field, and of whose making, sound at a place: counted from airings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from playlists.models import Bulletin, BulletinVersion
from registry.models import Unit
from scheduler.models import Airing

_CHUNK = 400
OWN, ABOVE, BELOW, BESIDE = "own", "above", "below", "beside"


@dataclass
class Minutes:
    """Minutes by field ("": no bulletin, such as a recording or music), by level, and by the unit that wrote it.

    Levels: `own`, `above`, `below` the place, `beside` it (a unit of another line).
    """

    fields: dict[str, float] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=dict)
    total: float = 0.0


def level(place: str, home: str) -> str:
    """Where the unit with the path `home` stands, seen from the one with the path `place`. Pure."""
    if home == place:
        return OWN
    if place.startswith(home):
        return ABOVE
    return BELOW if home.startswith(place) else BESIDE


def counted(session: Session, place: Unit, airings: Iterable[Airing]) -> Minutes:
    """Add up the items of these airings, each airing once however many stations it is for."""
    rows = list(airings)
    names = sorted({str(item["bulletin"]) for row in rows for item in row.items if item.get("bulletin")})
    subjects, homes = _bulletins(session, names)
    units = {unit.id: unit for unit in _units(session, {*homes.values(), *(row.unit_id for row in rows)})}
    found = Minutes()
    for row in rows:
        for item in row.items:
            bulletin = str(item.get("bulletin") or "")
            minutes = float(item["seconds"]) / 60
            home = units.get(homes.get(bulletin, row.unit_id))
            subject = subjects.get(bulletin, "")
            found.total += minutes
            found.fields[subject] = found.fields.get(subject, 0.0) + minutes
            if home is not None:
                where = level(place.path, home.path)
                found.levels[where] = found.levels.get(where, 0.0) + minutes
                found.units[home.name] = found.units.get(home.name, 0.0) + minutes
    return found


def _bulletins(session: Session, ids: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The field of each bulletin's last version, and its unit, by bulletin."""
    subjects: dict[str, str] = {}
    homes: dict[str, str] = {}
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(Bulletin.id, Bulletin.unit_id, BulletinVersion.field)
            .join(BulletinVersion, col(BulletinVersion.bulletin_id) == Bulletin.id)
            .where(col(Bulletin.id).in_(ids[start : start + _CHUNK]), col(BulletinVersion.number) == Bulletin.latest)
        )
        for identity, unit, subject in session.exec(query).all():
            subjects[identity], homes[identity] = subject, unit
    return subjects, homes


def _units(session: Session, ids: set[str]) -> list[Unit]:
    ordered = sorted(ids)
    found: list[Unit] = []
    for start in range(0, len(ordered), _CHUNK):
        found += session.exec(select(Unit).where(col(Unit.id).in_(ordered[start : start + _CHUNK]))).all()
    return found
