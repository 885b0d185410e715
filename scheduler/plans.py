"""Each station's plan: which signed airings it gets, from one picture of the timetable held in memory.

The picture is shared by all stations; a station's plan is the union of what its names are in for. Nothing
in the entity tag depends on the moment of asking, so a plan stays fresh until something in it changes.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import select as columns
from sqlmodel import Session, col, func, select

from core.wire import MAX_SIGNALS, ClipFiles, PlanDocument, StationSettings, UnitLimits, audience_of
from registry import units
from registry.models import Station
from registry.stations import Place
from scheduler import ordering, prepared, rotation, signals
from scheduler.models import Airing, AiringTarget

DAYS_AHEAD = 8  # whole UTC days, so that at least the next 7 days are covered at any time of day
_CHUNK = 500
_FEW_STATIONS = 50
_SECONDS_A_STATION = 0.36
_MOST_SPREAD = 6 * 3600
_STANDING = ("issued", "on_air", "over")
_AT_ONCE = ("emergency", "live", "test")  # these are held out in `/now`
_OF_AN_AIRING: tuple[Any, ...] = (
    Airing.id, Airing.starts_at, Airing.ends_at, Airing.state, Airing.kind, col(Airing.ticket) != "",
)  # fmt: skip


@dataclass
class PlanBook:
    """Issued airings of the window by target name. Read with `load`, kept fresh by calling it again."""

    day: datetime | None = None
    tickets: dict[str, str] = field(default_factory=dict)
    order: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    by_name: dict[str, set[str]] = field(default_factory=dict)
    orders: ordering.ByUnit = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    standing: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    signals: dict[str, list[ClipFiles]] = field(default_factory=dict)
    spread_s: int = 0

    @property
    def until(self) -> datetime:
        assert self.day is not None  # noqa: S101 - load() comes first
        return self.day + timedelta(days=DAYS_AHEAD)

    def load(self, session: Session, now: datetime, names: Collection[str] | None = None) -> None:
        """Read what changed; tickets already held are not read again, as they never change.

        `names` are those whose airings have changed, if that is known: each airing that came or went names all its own.
        """
        day = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        if names is not None and day == self.day and len(names) <= _CHUNK:
            self._load_of(session, names)
            self.standing, self.signals = prepared.held(session, now), signals.held(session)
            return
        window = _window(day)
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
        self.orders = ordering.held(session, None, day)
        self.keys = list(rotation.announcements(session))
        self.standing, self.signals = prepared.held(session, now), signals.held(session)
        self.spread_s = spread_seconds(session)
        self.by_name = {name: ids for name, ids in by_name.items() if ids}

    def _load_of(self, session: Session, names: Collection[str]) -> None:
        """Read what changed for these names. Whoever reads meanwhile sees the old or the new, never a half of it."""
        assert self.day is not None  # noqa: S101 - load() comes first
        chosen = sorted(names)
        # By their ids alone, for with more conditions the database would go through every airing there is.
        targets = select(AiringTarget.name, AiringTarget.airing_id).where(col(AiringTarget.name).in_(chosen))
        named = session.exec(targets).all()
        ids = sorted({identity for _, identity in named})
        order = dict(self.order)
        there: set[str] = set()
        for start in range(0, len(ids), _CHUNK):
            query = columns(*_OF_AN_AIRING).where(col(Airing.id).in_(ids[start : start + _CHUNK]))
            for identity, starts_at, ends_at, state, kind, is_signed in session.execute(query):
                stands = is_signed and state in _STANDING and kind not in _AT_ONCE
                if stands and ends_at >= self.day and starts_at < self.until:
                    there.add(identity)
                    order[identity] = (starts_at, identity)
        now_there: dict[str, set[str]] = {name: set() for name in chosen}
        for name, identity in named:
            if identity in there:
                now_there[name].add(identity)
        gone: set[str] = set().union(*(self.by_name.get(name, set()) - now_there[name] for name in chosen))
        new = sorted(set().union(*now_there.values()) - self.tickets.keys())
        tickets = {identity: ticket for identity, ticket in self.tickets.items() if identity not in gone}
        for start in range(0, len(new), _CHUNK):
            held = select(Airing.id, Airing.ticket).where(col(Airing.id).in_(new[start : start + _CHUNK]))
            tickets.update(session.exec(held).all())
        by_name = {name: ids for name, ids in self.by_name.items() if name not in now_there}
        by_name.update({name: ids for name, ids in now_there.items() if ids})
        orders = ordering.held(session, None, self.day)
        order = {identity: at for identity, at in order.items() if identity not in gone}
        self.tickets, self.order, self.by_name, self.orders = tickets, order, by_name, orders

    def airings(self, names: Iterable[str]) -> list[str]:
        """Ids of the airings for a station with these internal names, by start."""
        wanted: set[str] = set()
        for name in names:
            wanted |= self.by_name.get(name, set())
        return sorted(wanted, key=self.order.__getitem__)

    def etag(self, place: Place, default_zone: str) -> str:
        """Entity tag of the station's plan, without quotes."""
        return self.tag(place.station.id, settings_for(place, default_zone, self.orders), place.names)

    def document(self, place: Place, default_zone: str, now: datetime) -> PlanDocument:
        return self.plan(place.station.id, settings_for(place, default_zone, self.orders), place.names, now)

    def tag(self, station_id: str, settings: StationSettings, names: Iterable[str]) -> str:
        """Entity tag of the plan of a station with these settings and internal names, without quotes."""
        parts = [station_id, self.until.isoformat(), settings.model_dump_json(), self.airings(names), *self.keys]
        kept = [clip.opus.sha256 for clip in self._signals(names)]
        body = json.dumps([*parts, self.spread_s, prepared.at_station(self.standing, names), *([kept] if kept else [])])
        return hashlib.sha256(body.encode()).hexdigest()[:32]

    def plan(self, station_id: str, settings: StationSettings, names: Iterable[str], now: datetime) -> PlanDocument:
        return PlanDocument(
            station=station_id, issued_at=now, until=self.until,
            settings=settings.model_copy(update={"spread_s": self.spread_s}),
            airings=[self.tickets[identity] for identity in self.airings(names)], keys=self.keys,
            standing=prepared.at_station(self.standing, names), signals=self._signals(names),
        )  # fmt: skip

    def _signals(self, names: Iterable[str]) -> list[ClipFiles]:
        return [clip for name in sorted(names) for clip in self.signals.get(name, ())][:MAX_SIGNALS]


def spread_seconds(session: Session) -> int:
    """Over how long the stations shall spread their downloads: none where they are few, an hour for ten thousand.

    It follows the number of stations in steps of two, lest each new one change the plans of all.
    """
    stations = session.exec(select(func.count()).where(col(Station.token_hash).is_not(None))).one()
    if stations < _FEW_STATIONS:
        return 0
    return min(round(_SECONDS_A_STATION * (1 << (stations - 1).bit_length())), _MOST_SPREAD)


def _window(day: datetime) -> tuple[Any, ...]:
    """The airings that stand in plans made on this day."""
    return (
        col(Airing.state).in_(_STANDING),
        Airing.ticket != "",
        col(Airing.kind).not_in(_AT_ONCE),
        col(Airing.ends_at) >= day,
        col(Airing.starts_at) < day + timedelta(days=DAYS_AHEAD),
    )


def settings_for(
    place: Place, default_zone: str, orders: ordering.ByUnit, known: dict[str, StationSettings] | None = None
) -> StationSettings:
    """What the station itself enforces, inherited down the tree; `orders` is what units decided (`ordering.held`).

    `known` remembers, for many stations in a row, what the stations of a unit have in common.
    """
    known = {} if known is None else known
    common = known.get(place.unit.id)
    if common is None:
        common = known[place.unit.id] = _common_settings(place, default_zone, orders)
    own = {
        "volume": min(place.station.volume, common.max_volume),
        "languages": place.station.languages,
        "audience": [
            *audience_of(place.station.id, place.unit_path, [group.code for group in place.groups]),
            *place.former,
        ],
    }
    return common.model_copy(update=own)


def _common_settings(place: Place, default_zone: str, orders: ordering.ByUnit) -> StationSettings:
    held = units.inherited(place.units, default_zone)
    limits = held.limits
    return StationSettings(
        max_volume=held.max_volume,
        quiet_hours=held.silent_hours,
        zone=held.zone,
        codec=held.codec,
        limits=UnitLimits(
            weekdays=limits.written().get("weekdays"), earliest=limits.earliest, latest=limits.latest,
            sessions_a_day=limits.sessions_a_day, session_minutes=limits.session_minutes,
        ),
        order=ordering.at_place(orders, [unit.id for unit in place.units]).pairs,
    )  # fmt: skip
