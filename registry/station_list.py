"""Stations as a list: filtered, sorted, counted by state and paged, in as many queries however many there are.

A page is found by a cursor (the sort key and id of the last row before it), so that the hundredth page costs what the
first does, and rows that come or go meanwhile shift nothing.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, or_, select
from sqlmodel import Session, col

from core.clock import format_instant, parse_instant
from core.database import UtcDateTime
from core.errors import InvalidInput
from registry import health, plainly
from registry.models import Group, GroupMember, Station, StationState, StationTraffic, Unit
from registry.rights import Actor, Permission

# Every station is in exactly one of these…
PRIMARY = ("online", "silent", "never", "revoked")
# …and these are found in addition: what somebody should look after.
ATTENTION = ("waiting", "storage", "sound", "clock", "hot", "behind")
STATES = PRIMARY + ATTENTION
CLOCK_MS = 60_000  # a device's own clock that is further off is of no use after a power cut
HOT_C = 75.0  # from here on the processors of small boards slow themselves down
MOST = 5_000
_STORAGE = ("disk_full", "disk_read_only", "disk_failing", "no_room_for_audio", "store_damaged", "audio_damaged")
_SOUND = ("no_sound_card", "player_failing")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_OWN = "loalang "  # with which the version of our own station software begins
_CHUNK = 400


@dataclass(frozen=True)
class Wanted:
    """Which stations: at or below `unit`, in the group with this id, in this state, with this language, with this text.

    Empty texts and None mean any. The text is looked for in names of stations and their units, in any order of its
    words; it may also be the code of either, a station's id or a serial number.
    """

    unit: Unit | None = None
    group: str = ""
    state: str = ""
    language: str = ""
    text: str = ""


@dataclass(frozen=True)
class Frame:
    """What states are held against: the instant, from when on silence counts, this month, the present software."""

    now: datetime
    silent_after_seconds: int
    month: str
    software: str = ""

    @property
    def limit(self) -> datetime:
        return self.now - timedelta(seconds=self.silent_after_seconds)


@dataclass(frozen=True)
class Row:
    """One station with what it said last; `sounded` is when it last began to play, `used` the bytes of this month."""

    station: Station
    unit: Unit
    state: StationState | None
    health: health.Health
    used: int
    sounded: datetime | None
    attention: tuple[str, ...]
    key: Any


def conditions(frame: Frame) -> dict[str, ColumnElement[bool]]:
    """By state, the SQL condition on `Station` joined with its state (`health.of` says the same of one row)."""
    serves, heard = col(Station.token_hash).is_not(None), col(StationState.heard_at).is_not(None)
    revoked = ~serves & col(Station.enrolled_at).is_not(None)
    quiet = col(StationState.silent_since).is_not(None) | (col(StationState.heard_at) < frame.limit)
    faults = cast(StationState.faults, String)
    offset = col(StationState.clock_offset_ms)
    software = col(StationState.software)
    return {
        "online": serves & heard & ~quiet,
        "silent": serves & heard & quiet,
        "never": ~revoked & ~(serves & heard),
        "revoked": revoked,
        "waiting": col(Station.pending_hash).is_not(None),
        "storage": serves & or_(*(faults.contains(f'"{each}"', autoescape=True) for each in _STORAGE)),
        "sound": serves & or_(*(faults.contains(f'"{each}"', autoescape=True) for each in _SOUND)),
        "clock": serves & heard & (offset.is_(None) | (func.abs(offset) > CLOCK_MS)),
        "hot": serves & ~quiet & (col(StationState.temperature_c) >= HOT_C),
        "behind": serves & software.startswith(_OWN) & (software != frame.software),
    }


def _true(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def used(month: str) -> ColumnElement[int]:
    """The bytes that a station has received and sent in this month so far."""
    going_on = func.coalesce(StationState.received_bytes, 0) + func.coalesce(StationState.sent_bytes, 0)
    put_away = (
        select(col(StationTraffic.received_bytes) + col(StationTraffic.sent_bytes))
        .where(col(StationTraffic.station_id) == col(Station.id), col(StationTraffic.month) == month)
        .scalar_subquery()
    )
    return case((col(StationState.month) == month, going_on), else_=0) + func.coalesce(put_away, 0)


def _sort_key(sort: str, frame: Frame, sounded: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a column is sorted by; never NULL, so that a cursor can compare."""
    long_ago = literal(_LONG_AGO, UtcDateTime)
    if sort == "state":
        held = conditions(frame)
        return case((held["silent"], 0), (held["never"], 1), (held["revoked"], 3), else_=2)
    if sort == "sounded":
        return func.coalesce(sounded, long_ago, type_=UtcDateTime)
    if sort == "used":
        return used(frame.month)
    if sort == "ready":
        return func.coalesce(StationState.ready_until, long_ago, type_=UtcDateTime)
    if sort == "temperature":
        return func.coalesce(StationState.temperature_c, -1_000.0)
    if sort == "volume":
        return func.coalesce(StationState.volume, Station.volume)
    return func.coalesce(StationState.software if sort == "software" else Station.plain, "")


SORTS = ("name", "state", "sounded", "volume", "used", "temperature", "ready", "software")


def _narrowed(query: Any, actor: Actor, wanted: Wanted, frame: Frame, permission: Permission = Permission.SEE) -> Any:
    """`query` over stations, their units and states, for those that are wanted and where the permission holds."""
    query = (
        query.select_from(Station)
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .join(StationState, col(StationState.station_id) == col(Station.id), isouter=True)
        .where(actor.within(permission, col(Unit.path)))
    )
    if wanted.unit is not None:
        query = query.where(col(Unit.path).startswith(wanted.unit.path, autoescape=True))
    if wanted.group:
        members = select(col(GroupMember.station_id)).where(col(GroupMember.group_id) == wanted.group)
        query = query.where(col(Station.id).in_(members))
    if wanted.language:
        query = query.where(cast(Station.languages, String).contains(f'"{wanted.language.lower()}"', autoescape=True))
    if wanted.text.strip():
        query = query.where(_named(wanted.text.strip()[:200]))
    if wanted.state in STATES:
        query = query.where(conditions(frame)[wanted.state])
    return query


def _named(text: str) -> ColumnElement[bool]:
    every = and_(
        *(
            col(Station.plain).contains(word, autoescape=True) | col(Unit.plain).contains(word, autoescape=True)
            for word in plainly.words(text)
        )
    )
    exact = [
        col(Station.id) == text, col(Station.code) == text, col(Unit.code) == text,
        func.lower(Station.serial) == text.lower(),
    ]  # fmt: skip
    return or_(every, *exact) if plainly.words(text) else or_(*exact)


def counts(session: Session, actor: Actor, wanted: Wanted, frame: Frame) -> dict[str, int]:
    """How many there are in each state, and under `all` of them all, whatever state is wanted."""
    anyhow = Wanted(wanted.unit, wanted.group, "", wanted.language, wanted.text)
    held = conditions(frame)
    sums = [func.coalesce(func.sum(_true(held[state])), 0) for state in STATES]
    row = session.execute(_narrowed(select(func.count(), *sums), actor, anyhow, frame)).one()
    return dict(zip(("all", *STATES), map(int, row), strict=True))


def page(
    session: Session,
    actor: Actor,
    wanted: Wanted,
    frame: Frame,
    *,
    sounded: ColumnElement[Any],
    sort: str = "name",
    descending: bool = False,
    after: tuple[Any, str] | None = None,
    limit: int = 51,
) -> list[Row]:
    """Stations in the order of a column of SORTS, then by id, `limit` of them after the cursor.

    `sounded` is an SQL expression of when a station last began to play.
    """
    key = _sort_key(sort, frame, sounded)
    query = _narrowed(
        select(col(Station.id), key.label("key"), used(frame.month), sounded), actor, wanted, frame
    )  # fmt: skip
    if after is not None:
        last, last_id = after
        beyond = key < last if descending else key > last
        query = query.where(beyond | ((key == last) & (col(Station.id) > last_id)))
    query = query.order_by(key.desc() if descending else key, col(Station.id)).limit(limit)
    found = session.execute(query).all()
    whole = _whole(session, [row[0] for row in found], frame)
    rows = []
    for identity, value, bytes_used, when in found:
        station, unit, state, needs = whole[identity]
        how = health.of(station, state, frame.now, frame.silent_after_seconds)
        rows.append(Row(station, unit, state, how, bytes_used, when, needs, value))
    return rows


def _whole(
    session: Session, ids: Sequence[str], frame: Frame
) -> dict[str, tuple[Station, Unit, StationState | None, tuple[str, ...]]]:
    """By id: station, unit, state, and which of ATTENTION it needs."""
    held = conditions(frame)
    found: dict[str, tuple[Station, Unit, StationState | None, tuple[str, ...]]] = {}
    for start in range(0, len(ids), _CHUNK):
        query: Any = (
            select(Station, Unit, StationState, *(_true(held[each]) for each in ATTENTION))
            .join(Unit, col(Unit.id) == col(Station.unit_id))
            .join(StationState, col(StationState.station_id) == col(Station.id), isouter=True)
            .where(col(Station.id).in_(ids[start : start + _CHUNK]))
        )
        for station, unit, state, *needs in session.execute(query).all():
            needed = tuple(each for each, needs_it in zip(ATTENTION, needs, strict=True) if needs_it)
            found[station.id] = (station, unit, state, needed)
    return found


def ids(
    session: Session, actor: Actor, wanted: Wanted, frame: Frame, permission: Permission, limit: int = MOST
) -> list[str]:
    """The ids of the wanted stations where the permission holds, in order, at most `limit`."""
    query = _narrowed(select(col(Station.id)), actor, wanted, frame, permission)
    return list(session.execute(query.order_by(col(Station.id)).limit(limit)).scalars())


def points(session: Session, actor: Actor, wanted: Wanted, frame: Frame, limit: int = MOST) -> Sequence[Any]:
    """Rows of id, name, latitude, longitude, unit's id, unit's path and state of stations whose place is known."""
    held = conditions(frame)
    state = case(*((held[each], each) for each in PRIMARY[:-1]), else_="revoked")
    query = _narrowed(
        select(
            col(Station.id), col(Station.name), col(Station.latitude), col(Station.longitude), col(Unit.id),
            col(Unit.path), state,
        ),
        actor, wanted, frame,
    )  # fmt: skip
    placed = col(Station.latitude).is_not(None) & col(Station.longitude).is_not(None)
    return session.execute(query.where(placed).order_by(col(Station.id)).limit(limit)).all()


def languages(session: Session, actor: Actor) -> list[str]:
    """The languages that stations within sight play."""
    query = (
        select(cast(Station.languages, String))
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .distinct()
        .limit(_CHUNK)
    )
    return sorted({each for text in session.execute(query).scalars() for each in json.loads(text or "[]")})


def groups(session: Session, actor: Actor, limit: int = 200) -> Sequence[tuple[str, str]]:
    """Id and name of the groups within sight, by name."""
    query = (
        select(col(Group.id), col(Group.name))
        .join(Unit, col(Unit.id) == col(Group.unit_id))
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Group.name))
        .limit(limit)
    )
    return [(identity, name) for identity, name in session.execute(query).all()]


class Branch(NamedTuple):
    """A unit to choose, `depth` levels below the first."""

    id: str
    name: str
    depth: int


def units_around(
    session: Session, actor: Actor, unit: Unit | None, permission: Permission = Permission.SEE, limit: int = 400
) -> list[Branch]:
    """Units to choose from, with their depth below the first.

    Those above `unit` where the permission holds, itself, and its children; without one the topmost and their children.
    """
    paths = actor.paths(permission)
    if unit is not None:
        above = unit.path.strip("/").split("/")
        wanted = col(Unit.id).in_(above) | (col(Unit.parent_id) == unit.id)
    elif "/" in paths:
        tops = select(col(Unit.id)).where(col(Unit.parent_id).is_(None))
        wanted = col(Unit.parent_id).is_(None) | col(Unit.parent_id).in_(tops)
    else:
        own = [path.strip("/").rpartition("/")[2] for path in paths]
        wanted = col(Unit.id).in_(own) | col(Unit.parent_id).in_(own)
    query = select(col(Unit.id), col(Unit.name), col(Unit.path), col(Unit.plain))
    query = query.where(actor.within(permission, col(Unit.path)), wanted).order_by(col(Unit.path)).limit(limit)
    found = session.execute(query).all()
    top = min((row.path.count("/") for row in found), default=0)
    named = {row.id: f"{row.plain or row.name} {row.id}" for row in found}

    def by_names(row: Any) -> list[str]:
        """What puts a unit below its parent, and siblings in the order of their names."""
        return [named[each] for each in row.path.strip("/").split("/") if each in named]

    return [Branch(row.id, row.name, row.path.count("/") - top) for row in sorted(found, key=by_names)]


def written(after: tuple[Any, str]) -> str:
    """A cursor as it stands in an address."""
    key, identity = after
    value: Any = {"at": format_instant(key)} if isinstance(key, datetime) else key
    return base64.urlsafe_b64encode(json.dumps([value, identity]).encode()).decode().rstrip("=")


def read(text: str, sort: str) -> tuple[Any, str] | None:
    """The cursor of an address; None for none, and for one that is not of this sort: the list then begins anew."""
    try:
        value, identity = json.loads(base64.urlsafe_b64decode(text[:600] + "=" * (-len(text[:600]) % 4)))
        key = parse_instant(value["at"]) if isinstance(value, Mapping) else value
    except (ValueError, TypeError, KeyError, binascii.Error, InvalidInput):
        return None
    kinds: dict[str, Any] = {"name": str, "software": str, "sounded": datetime, "ready": datetime}
    fits = isinstance(key, kinds.get(sort, int | float)) and not isinstance(key, bool) and isinstance(identity, str)
    return (key, identity) if fits else None
