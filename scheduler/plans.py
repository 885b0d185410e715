"""Each station's plan: which signed airings it gets, from one picture of the timetable held in memory.

The picture is shared by all stations; a station's plan is the union of what its names are in for. Nothing
in the entity tag depends on the moment of asking, so a plan stays fresh until something in it changes.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from sqlmodel import Session, col, select

from core.wire import PlanDocument, StationSettings, audience_of
from registry import units
from registry.stations import Place
from scheduler.models import Airing, AiringTarget

DAYS_AHEAD = 8  # whole UTC days, so that at least the next 7 days are covered at any time of day
_CHUNK = 500


@dataclass
class PlanBook:
    """Issued airings of the window by target name. Read with `load`, kept fresh by calling it again."""

    day: datetime | None = None
    tickets: dict[str, str] = field(default_factory=dict)
    order: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    by_name: dict[str, set[str]] = field(default_factory=dict)

    @property
    def until(self) -> datetime:
        assert self.day is not None  # noqa: S101 - load() comes first
        return self.day + timedelta(days=DAYS_AHEAD)

    def load(self, session: Session, now: datetime) -> None:
        """Read what changed; tickets already held are not read again, as they never change."""
        day = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        window = (
            col(Airing.state).in_(("issued", "on_air", "over")),
            Airing.ticket != "",
            Airing.kind != "emergency",
            col(Airing.ends_at) >= day,
            col(Airing.starts_at) < day + timedelta(days=DAYS_AHEAD),
        )
        current = {
            identity: (starts_at, identity)
            for identity, starts_at in session.exec(select(Airing.id, Airing.starts_at).where(*window)).all()
        }
        new = sorted(current.keys() - self.tickets.keys())
        tickets = {identity: ticket for identity, ticket in self.tickets.items() if identity in current}
        by_name = {name: ids & current.keys() for name, ids in self.by_name.items()}
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            tickets.update(session.exec(select(Airing.id, Airing.ticket).where(col(Airing.id).in_(chunk))).all())
            rows = select(AiringTarget.airing_id, AiringTarget.name).where(col(AiringTarget.airing_id).in_(chunk))
            for identity, name in session.exec(rows).all():
                by_name.setdefault(name, set()).add(identity)
        self.day, self.tickets, self.order = day, tickets, current
        self.by_name = {name: ids for name, ids in by_name.items() if ids}

    def airings(self, names: Iterable[str]) -> list[str]:
        """Ids of the airings for a station with these internal names, by start."""
        wanted: set[str] = set()
        for name in names:
            wanted |= self.by_name.get(name, set())
        return sorted(wanted, key=self.order.__getitem__)

    def etag(self, place: Place, default_zone: str) -> str:
        """Entity tag of the station's plan, without quotes."""
        settings = settings_for(place, default_zone).model_dump_json()
        body = json.dumps([place.station.id, self.until.isoformat(), settings, self.airings(place.names)])
        return hashlib.sha256(body.encode()).hexdigest()[:32]

    def document(self, place: Place, default_zone: str, now: datetime) -> PlanDocument:
        return PlanDocument(
            station=place.station.id,
            issued_at=now,
            until=self.until,
            settings=settings_for(place, default_zone),
            airings=[self.tickets[identity] for identity in self.airings(place.names)],
        )


def settings_for(place: Place, default_zone: str) -> StationSettings:
    """What the station itself enforces, inherited down the tree."""
    held = units.inherited(place.units, default_zone)
    return StationSettings(
        volume=min(place.station.volume, held.max_volume),
        max_volume=held.max_volume,
        quiet_hours=held.quiet_hours,
        zone=held.zone,
        codec=held.codec,
        languages=place.station.languages,
        audience=audience_of(place.station.id, place.unit_path, [group.code for group in place.groups]),
    )
