"""Instants on the wall clock of a unit: read from forms, shown on pages."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.clock import zone as known_zone
from registry import units
from registry.models import Unit
from scheduler.recurrence import local_instant
from web.app import house

_CHUNK = 400


def zone_of(session: Session, unit: Unit) -> ZoneInfo:
    """The zone that holds at `unit`."""
    return known_zone(units.inherited(units.ancestors(session, unit), house().settings.zone).zone)


def zones_of(session: Session, places: Iterable[Unit]) -> Mapping[str, ZoneInfo]:
    """The zones that hold at these units, by unit id; one query for each 400 units on their paths."""
    chains = {unit.id: unit.path.strip("/").split("/") for unit in places}
    ids = sorted({each for chain in chains.values() for each in chain})
    said: dict[str, str] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = session.exec(select(Unit.id, Unit.zone).where(col(Unit.id).in_(ids[start : start + _CHUNK]))).all()
        said |= {identity: zone for identity, zone in rows if zone}
    default = house().settings.zone
    return {
        unit: known_zone(next((said[each] for each in reversed(chain) if each in said), default))
        for unit, chain in chains.items()
    }


def home_zone() -> ZoneInfo:
    """The zone of pages that stand for no single unit."""
    return known_zone(house().settings.zone)


def shown(instant: datetime | None, zone: ZoneInfo | None = None, form: str = "%d/%m/%Y %H:%M") -> str:
    """`instant` as dd/mm/yyyy HH:MM on the clock of `zone` (default: of the installation); a dash for None."""
    return instant.astimezone(zone or home_zone()).strftime(form) if instant else "–"


def for_input(instant: datetime | None, zone: ZoneInfo) -> str:
    """`instant` as a `datetime-local` field wants it; empty for None."""
    return instant.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if instant else ""


def from_input(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant of a `datetime-local` field; None for an empty one. Raises InvalidInput."""
    return local_instant(text, zone) if text.strip() else None


def day_of(text: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """First instant of the local day `text` (YYYY-MM-DD; today when empty) and of the next. Raises InvalidInput."""
    start = local_instant(text.strip()[:10] or now.astimezone(zone).strftime("%Y-%m-%d"), zone)
    following = (start.astimezone(zone) + timedelta(days=1)).strftime("%Y-%m-%d")
    return start, local_instant(following, zone)


def lasting(seconds: float | None) -> str:
    """A length as m:ss or h:mm:ss; a dash for None."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
