"""One state of the database as planning sees it: slots with who hears them, and the airings there are."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from core.clock import zone
from core.settings import Settings
from playlists import libraries, programmes, resolving
from playlists.fitting import Fitted
from playlists.models import Bulletin
from playlists.parts import Resolved
from registry import units
from registry.models import Group, Station
from scheduler import audience, listeners, relaying, series
from scheduler.crowding import Over, Place, over_limit
from scheduler.listeners import Listeners
from scheduler.models import Airing, Slot

_LOOK_BACK = timedelta(days=1)  # what sounded today counts among the sessions of today
MOST_UNHEARD = timedelta(days=programmes.MOST_DAYS)
_CHUNK = 400
_SOUNDED = ("on_air", "over")
_LIVE = ("planned", "issued", "on_air", "over", "failed")


@dataclass(frozen=True)
class Sound:
    """What sounds in an airing, apart from when. `key` is a hash of all a listener or a station could notice."""

    items: list[dict[str, Any]]
    seconds: float
    approved_by: str
    key: str
    runs_out: datetime | None = None


class Present(NamedTuple):
    """What planning needs of an airing that is there: not its ticket and items, which are most of it."""

    id: str
    slot_id: str | None
    occurrence_at: datetime | None
    variant: str
    state: str
    reason: str
    content_key: str
    starts_at: datetime
    ends_at: datetime
    is_signed: bool


_OF_AN_AIRING: tuple[Any, ...] = (
    Airing.id, Airing.slot_id, Airing.occurrence_at, Airing.variant, Airing.state, Airing.reason, Airing.content_key,
    Airing.starts_at, Airing.ends_at, col(Airing.ticket) != "",
)  # fmt: skip


@dataclass
class Outlook:
    """One state of the database, as far as planning needs it."""

    slots: list[Slot] = field(default_factory=list)
    library: libraries.Library = field(default_factory=libraries.Library)
    airings: dict[tuple[str, datetime], dict[str, Present]] = field(default_factory=dict)  # by variant
    book: series.Book = field(default_factory=series.Book)
    listeners: dict[tuple[str, str], list[Listeners]] = field(default_factory=dict)  # by slot and programme
    stale: list[Present] = field(default_factory=list)
    outside: dict[str, str] = field(default_factory=dict)
    places: dict[str, list[Place]] = field(default_factory=dict)  # by slot
    over: Over = field(default_factory=dict)
    freeze: timedelta = timedelta(0)
    withdrawn: set[str] = field(default_factory=set)  # airings that sound now or soon, with a bulletin that may not
    heard: dict[str, dict[str, datetime]] = field(default_factory=dict)  # slot → bulletin → when it sounded last
    fits: dict[tuple[Resolved, float | None, bool], Fitted] = field(default_factory=dict)
    sounds: dict[tuple[str, str, Fitted, bool, tuple[str, ...]], Sound] = field(default_factory=dict)
    ways: relaying.Ways = field(default_factory=relaying.Ways)

    def programmes(self, slot: Slot) -> set[str]:
        """The programmes of a slot: its own, and those of single occurrences."""
        other = {each.programme_id for each in self.book.exceptions.get(slot.id, {}).values() if each.programme_id}
        return other | {slot.programme_id}


def look(session: Session, settings: Settings, now: datetime, slot_ids: Iterable[str] | None) -> Outlook:
    """Read what planning needs, in a number of queries that does not grow with the number of airings."""
    outlook = Outlook()
    wanted = select(Slot)
    living = columns(*_OF_AN_AIRING).where(
        col(Airing.slot_id).is_not(None), col(Airing.state).in_(_LIVE), col(Airing.starts_at) >= now - timedelta(days=1)
    )
    if slot_ids is not None:
        chosen = sorted(slot_ids)
        wanted, living = wanted.where(col(Slot.id).in_(chosen)), living.where(col(Airing.slot_id).in_(chosen))
    active = {slot.id: slot for slot in session.exec(wanted.where(col(Slot.withdrawn_at).is_(None))).all()}
    outlook.slots = list(active.values())
    for airing in map(Present._make, session.execute(living)):
        if airing.slot_id in active and airing.occurrence_at is not None:
            outlook.airings.setdefault((airing.slot_id, airing.occurrence_at), {})[airing.variant] = airing
        else:
            outlook.stale.append(airing)
    outlook.book = series.load(session, outlook.slots)
    outlook.freeze = timedelta(minutes=settings.freeze_minutes)
    outlook.library = libraries.load(
        session, {programme for slot in outlook.slots for programme in outlook.programmes(slot)}
    )
    outlook.heard = _read_heard(session, outlook, now)
    _part_audiences(session, outlook)
    parts = [part for parts in outlook.listeners.values() for part in parts]
    outlook.ways = relaying.ways(session, settings, outlook.library, [part.names for part in parts])
    outlook.outside = audience.outside(session, {name for part in parts for name in part.names})
    _read_places(session, outlook, settings.zone)
    every = {place[0].id: place for places in outlook.places.values() for place in places}
    begun = {key for key, rows in outlook.airings.items() if any(row.state in _SOUNDED for row in rows.values())}
    outlook.over = over_limit(
        session, every.values(), now - _LOOK_BACK, now + timedelta(days=settings.horizon_days), begun
    )  # fmt: skip
    outlook.withdrawn = _withdrawn(session, outlook, now)
    return outlook


def _withdrawn(session: Session, outlook: Outlook, now: datetime) -> set[str]:
    """Signed airings that sound now or soon, with a bulletin that was withdrawn."""
    near = [
        airing.id
        for variants in outlook.airings.values()
        for airing in variants.values()
        if airing.is_signed and airing.starts_at <= now + outlook.freeze and now < airing.ends_at
    ]
    held: dict[str, set[str]] = {}
    for start in range(0, len(near), _CHUNK):
        query = select(Airing.id, Airing.items).where(col(Airing.id).in_(near[start : start + _CHUNK]))
        for airing_id, items in session.exec(query).all():
            held[airing_id] = {str(item["bulletin"]) for item in items if item.get("bulletin")}
    bulletins = sorted(set().union(*held.values()))
    gone: set[str] = set()
    for start in range(0, len(bulletins), _CHUNK):
        chunk = col(Bulletin.id).in_(bulletins[start : start + _CHUNK])
        gone.update(session.exec(select(Bulletin.id).where(chunk, col(Bulletin.approved).is_(None))).all())
    return {airing_id for airing_id, each in held.items() if not gone.isdisjoint(each)}


def _read_heard(session: Session, outlook: Outlook, now: datetime) -> dict[str, dict[str, datetime]]:
    """When the bulletins of slots whose programmes ask for what was not heard sounded there last."""
    asking = [
        slot.id
        for slot in outlook.slots
        if any(resolving.asks_for_unheard(outlook.library, each) for each in outlook.programmes(slot))
    ]
    found: dict[str, dict[str, datetime]] = {}
    for start in range(0, len(asking), _CHUNK):
        query = select(Airing.slot_id, Airing.starts_at, Airing.items).where(
            col(Airing.slot_id).in_(asking[start : start + _CHUNK]),
            col(Airing.starts_at) >= now - MOST_UNHEARD,
            col(Airing.starts_at) <= now,
            col(Airing.state).in_(("issued", "on_air", "over")),
            Airing.ticket != "",
        )
        for slot_id, at, items in session.exec(query.order_by(col(Airing.starts_at))).all():
            heard = found.setdefault(slot_id or "", {})
            heard.update((item["bulletin"], at) for item in items if item.get("bulletin"))
    return found


def _part_audiences(session: Session, outlook: Outlook) -> None:
    """Who hears what of each slot. Only programmes with several languages need to know the stations."""
    pairs = [(slot, programme) for slot in outlook.slots for programme in outlook.programmes(slot)]
    several = {name for slot, each in pairs if resolving.tongues(outlook.library, each) for name in slot.audience}
    network = listeners.load(session, several) if several else listeners.Network()
    for slot, programme in pairs:
        if resolving.tongues(outlook.library, programme):
            heard_of = partial(resolving.heard_of, outlook.library, programme)
            found = listeners.parted(network, slot.audience, heard_of)
        else:
            found = [Listeners("", (), tuple(slot.audience))]
        outlook.listeners[slot.id, programme] = found


def _read_places(session: Session, outlook: Outlook, default_zone: str) -> None:
    """What holds at the places that each slot names."""
    names = {name for slot in outlook.slots for name in slot.audience}
    home: dict[str, str] = {}
    for kind, model in (("station", Station), ("group", Group)):
        ids = sorted(name.partition(":")[2] for name in names if name.startswith(f"{kind}:"))
        for start in range(0, len(ids), _CHUNK):
            query = select(model.id, model.unit_id).where(col(model.id).in_(ids[start : start + _CHUNK]))
            home |= {f"{kind}:{identity}": unit for identity, unit in session.exec(query).all()}
    every = units.with_those_above(session, {home.get(name) or name.partition(":")[2] for name in names})
    known: dict[str, Place] = {}
    for slot in outlook.slots:
        found = []
        for name in slot.audience:
            unit = every.get(home.get(name) or name.partition(":")[2])
            if unit is None:
                continue
            if unit.id not in known:
                at = units.inherited([every[each] for each in unit.path.strip("/").split("/")], default_zone)
                known[unit.id] = (unit, at, zone(at.zone))
            found.append(known[unit.id])
        outlook.places[slot.id] = found
