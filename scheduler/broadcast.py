"""What sounds at one place, as audio: for who listens to it from elsewhere.

The decision itself is that of `scheduler.precedence`, held to be the station's own by a property test.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from core.allowed import Allowed
from core.clock import zone as known_zone
from core.errors import NotFound
from core.ordering import Pairs
from registry import former_codes, rights, stations, units
from registry.models import Group, Station, Unit
from scheduler import live, ordering, precedence, sessions
from scheduler.claims import Claim
from scheduler.explanation import claim_of_airing
from scheduler.models import Airing, AiringTarget, Slot, SlotTarget, StationCommand

AROUND = timedelta(days=2)  # the sessions of a day may have begun the day before
MAX_AIRINGS = 2_000
_PLAYABLE = ("issued", "on_air", "over", "withdrawn")
_CHUNK = 500
_MOST_STOPS = 20  # each is looked for in the course of all airings
# Which of several versions of one occurrence a unit as a whole is heard in, where it has stations of both.
_COUNTRYS = "vi"


@dataclass(frozen=True)
class Spot:
    """A place to listen to. `names` are the internal names it answers to, `below` those of what stands below it.

    A unit is heard as a loudspeaker of its own would be, in no group, in Vietnamese where there are several versions.
    `code_now` is set where it was asked for by a code that it had itself before: the one it has today.
    """

    id: str
    name: str
    units: tuple[Unit, ...]
    names: tuple[str, ...]
    station: Station | None = None
    below: frozenset[str] = frozenset()
    code_now: str = ""

    @property
    def unit(self) -> Unit:
        return self.units[-1]

    @property
    def in_service(self) -> bool:
        return self.station is None or self.station.token_hash is not None


def spot(session: Session, name: str) -> Spot:
    """The station or unit with this id, or with a code it has or had. Raises NotFound.

    By the former code of a unit that was merged, what is for the stations that were its own is heard as well.
    """
    station = session.get(Station, name) or former_codes.station(session, name)
    if station is not None:
        place = stations.place(session, station.id)
        now = station.code if station.code and name not in {station.id, station.code} else ""
        return Spot(station.id, station.name, place.units, tuple(place.names), station, code_now=now or "")
    unit = session.get(Unit, name) or former_codes.unit(session, name)
    if unit is None:
        raise NotFound
    inside = rights.within([unit.path], col(Unit.path))
    homes = session.exec(select(Unit.id).where(inside)).all()
    here = session.exec(select(Station.id).join(Unit, col(Unit.id) == Station.unit_id).where(inside)).all()
    below = {f"unit:{each}" for each in homes} | {f"station:{each}" for each in here}
    chain = tuple(units.ancestors(session, unit))
    stood_for = former_codes.bearer(session, name) if name != unit.id else None
    stand_ins = select(Group.id).where(Group.stands_for == (stood_for or unit.id)).order_by(col(Group.id))
    names = (*(f"unit:{each.id}" for each in chain), *(f"group:{each}" for each in session.exec(stand_ins).all()))
    now = unit.code if name not in {unit.id, unit.code} and stood_for in {None, unit.id} else ""
    return Spot(unit.id, unit.name, chain, names, None, frozenset(below.difference(names)), code_now=now)


@dataclass(frozen=True, slots=True)
class Passage:
    """From `start` until `end` this sounds, its second `offset` first: `sha256` of the MP3, empty where none may.

    With `again` it begins anew when it is over. `live` is the id of a live talk, where it is one.
    """

    start: datetime
    end: datetime
    offset: float
    airing: str
    index: int
    title: str
    sha256: str
    again: bool = False
    live: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of an airing as audio, see `Passage`."""

    title: str
    sha256: str
    again: bool
    live: str = ""


@dataclass(frozen=True)
class Script:
    """All that wants to sound at a spot around an instant, and by which rules. Read once; then no database is asked."""

    claims: Mapping[str, Claim]
    sounds: Mapping[tuple[str, int], Sound]
    allowed: Allowed
    order: Pairs
    stops: Sequence[datetime] = ()

    def passages(self, until: datetime, noticed: Mapping[str, datetime]) -> list[Passage]:
        """What sounds up to `until`, in order.

        `noticed` says of emergencies when they became known: they begin then, with their first word. Raises ValueError
        for quiet hours that can't be read.
        """
        claims = dict(self.claims)
        for identity, at in noticed.items():
            claims[identity] = replace(claims[identity], issued_at=max(claims[identity].issued_at, at))
        for stop in self.stops:
            on_air = precedence.course(claims.values(), stop, self.allowed, self.order).on_air
            if on_air is not None:
                claims[on_air[0]] = replace(claims[on_air[0]], withdrawn_at=stop)
        course = precedence.course(claims.values(), until, self.allowed, self.order)
        found = []
        for each in course.stretches:
            sound = self.sounds[each.claim, each.index]
            found.append(
                Passage(
                    each.start,
                    each.end,
                    each.offset,
                    each.claim,
                    each.index,
                    sound.title,
                    sound.sha256,
                    sound.again,
                    sound.live,
                )
            )
        return found


def read(session: Session, place: Spot, default_zone: str, now: datetime) -> Script:
    """The script of a spot around `now`; empty for a station that is not in service."""
    held = units.inherited(place.units, default_zone)
    rows = _airings(session, place, now) if place.in_service else []
    slots = {row.slot_id for row in rows if row.slot_id}
    since: dict[str, datetime] = {}
    for chunk in _chunks(slots):
        since.update(session.exec(select(Slot.id, Slot.created_at).where(col(Slot.id).in_(chunk))).all())
    loudest = held.max_volume
    own = place.station.volume if place.station is not None else loudest
    sounds = {
        (row.id, index): _sound(item, silent=min(own if row.volume is None else row.volume, loudest) == 0)
        for row in rows
        for index, item in enumerate(row.items)
    }
    homes = [unit.id for unit in place.units]
    return Script(
        {row.id: claim_of_airing(row, since) for row in rows}, sounds, sessions.rules(held, known_zone(held.zone)),
        frozenset(ordering.at_place(ordering.held(session, homes), homes).pairs), _stops(session, place, now),
    )  # fmt: skip


def _sound(item: Mapping[str, Any], *, silent: bool) -> Sound:
    clip, instead = item.get("clip"), item.get("fallback")
    files = clip or instead or {}
    sha256 = "" if silent else str(files.get("mp3", {}).get("sha256", ""))
    talk = "" if silent else live.talk_in(str(item.get("relay") or ""))
    return Sound(str(item.get("title", "")), sha256, again=not clip, live=talk)


def _stops(session: Session, place: Spot, now: datetime) -> list[datetime]:
    """When somebody told the station to stop what it played: the last times."""
    if place.station is None:
        return []
    query = select(StationCommand.given_at).where(
        StationCommand.station_id == place.station.id, StationCommand.do == "stop",
        col(StationCommand.given_at) > now - AROUND, col(StationCommand.given_at) <= now,
    )  # fmt: skip
    return sorted(session.exec(query.order_by(col(StationCommand.given_at).desc()).limit(_MOST_STOPS)).all())


def _airings(session: Session, place: Spot, now: datetime) -> list[Airing]:
    """The signed airings that the spot hears around `now`."""
    near = (
        col(Airing.starts_at) < now + AROUND, col(Airing.not_after) > now - AROUND, Airing.ticket != "",
        col(Airing.state).in_(_PLAYABLE),
    )  # fmt: skip
    order = (col(Airing.starts_at), col(Airing.id))
    mine = select(AiringTarget.airing_id).where(col(AiringTarget.name).in_(place.names))
    heard = select(Airing).where(col(Airing.id).in_(mine), *near)
    found = session.exec(heard.order_by(*order).limit(MAX_AIRINGS)).all()
    if place.station is not None or not place.below:
        return list(found)
    parted = select(SlotTarget.slot_id).where(col(SlotTarget.name).in_(place.names))
    query = select(Airing).where(col(Airing.slot_id).in_(parted), Airing.variant != "", *near)
    rows = session.exec(query.order_by(*order).limit(MAX_AIRINGS)).all()
    return [*found, *_versions(session, place, found, rows)]


def _versions(session: Session, place: Spot, whole: Iterable[Airing], rows: Sequence[Airing]) -> list[Airing]:
    """Of occurrences that stations below hear in several versions, the version for the unit as a whole."""
    known = {(row.slot_id, row.occurrence_at) for row in whole}
    below: set[str] = set()
    for chunk in _chunks(row.id for row in rows):
        names = select(AiringTarget.airing_id, AiringTarget.name).where(col(AiringTarget.airing_id).in_(chunk))
        below.update(identity for identity, name in session.exec(names).all() if name in place.below)
    mine = [row for row in rows if row.id in below and (row.slot_id, row.occurrence_at) not in known]
    best: dict[tuple[str | None, datetime | None], str] = {}
    for row in sorted(mine, key=lambda row: (row.variant.split(",")[0] != _COUNTRYS, len(row.variant), row.variant)):
        best.setdefault((row.slot_id, row.occurrence_at), row.variant)
    return [row for row in mine if best[row.slot_id, row.occurrence_at] == row.variant]


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    ordered: list[str] = sorted(set(values))
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))


def concerns(place: Spot, audience: Collection[str]) -> bool:
    """Whether a change with this audience (empty: everybody) may matter to the spot."""
    return not audience or any(name in place.below or name in place.names for name in audience)
