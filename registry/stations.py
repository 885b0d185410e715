"""Stations: making them, taking them into service, knowing which names they answer to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.wire import Device, Heartbeat
from registry import former_codes, former_names, secrets, throttle, traffic
from registry.models import Group, GroupMember, Station, StationState, Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

TRIES_AN_ADDRESS = 10
# With 10 tries a minute, a code of 39 bits that holds for a day is not found by guessing; and a technician who
# mistypes at a gateway shared by many stations does not lock them all out for long.
TRIES_WINDOW = timedelta(minutes=1)
_LANGUAGES = 10
_A_FEW = 200
_NO_SUCH_CODE = N_("The code is wrong, used or too old. Ask for a new one in the panel.")
REVOKED = N_("The station's token is wrong or revoked.")
# What a heartbeat says that is kept as it was said last, by its name in both.
SAID = (
    "playing", "item", "volume", "plan", "seq", "clock_offset_ms", "free_bytes", "temperature_c", "uptime_s",
    "software", "ready_until", "faults", "standing", "month", "received_bytes", "sent_bytes",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a station stands in the tree. `units` runs from the root to its own unit."""

    station: Station
    units: tuple[Unit, ...]
    groups: tuple[Group, ...]
    former: tuple[str, ...] = ()  # as the wire format names them: what was signed for these is still for it
    pending: bool = False  # as the device sees it that waits to be confirmed: nothing is for it

    @property
    def unit(self) -> Unit:
        return self.units[-1]

    @property
    def unit_path(self) -> list[str]:
        """Codes, as the wire format names units."""
        return [unit.code for unit in self.units]

    @property
    def names(self) -> list[str]:
        """Internal names that an audience may use for this station, its own first."""
        if self.pending:
            return []
        return [
            f"station:{self.station.id}",
            *(f"unit:{unit.id}" for unit in self.units),
            *(f"group:{group.id}" for group in self.groups),
            *(f"unit:{each}" for each in sorted(self._merged)),
        ]

    @property
    def _merged(self) -> set[str]:
        """Units, no longer above it, that a group of it stands for."""
        return {group.stands_for for group in self.groups if group.stands_for} - {unit.id for unit in self.units}


def create(
    session: Session,
    actor: Actor,
    *,
    name: str,
    unit: Unit,
    latitude: float | None = None,
    longitude: float | None = None,
    languages: list[str] | None = None,
    confirm: bool = False,
    serial: str = "",
    hours: int,
    now: datetime,
) -> tuple[Station, str]:
    """Add a station and its enrolment code, which works once within `hours`. The code is shown once.

    With `confirm` the device that uses it gets nothing before a person has confirmed it. `serial` is that of the device
    that is expected; the one that comes tells its own.
    """
    actor.require(Permission.OPERATE, unit)
    spoken = _checked(latitude, longitude, languages or ["vi"])
    station = Station(
        id=new_id("st"), unit_id=unit.id, name=clean_name(name), latitude=latitude, longitude=longitude,
        languages=spoken, created_at=now, confirm=confirm, serial=serial[:100],
    )  # fmt: skip
    session.add(station)
    session.flush()
    audit.record(
        session,
        actor=actor.username,
        action="station.create",
        subject=station.id,
        unit_id=unit.id,
        now=now,
        name=station.name,
    )
    changes.announce(session, "registry", [f"station:{station.id}"], now)
    return station, _give_code(session, station, hours, now)


def _checked(latitude: float | None, longitude: float | None, languages: list[str]) -> list[str]:
    """The languages in small letters, each once. Raises InvalidInput for them or a place that is not on Earth."""
    if latitude is not None and not -90 <= latitude <= 90:  # noqa: PLR2004
        raise InvalidInput(N_("A latitude lies between −90 and 90."), fields={"latitude": "range"})
    if longitude is not None and not -180 <= longitude <= 180:  # noqa: PLR2004
        raise InvalidInput(N_("A longitude lies between −180 and 180."), fields={"longitude": "range"})
    if len(languages) > _LANGUAGES or not all(0 < len(language) <= 12 for language in languages):  # noqa: PLR2004
        raise InvalidInput(N_("Name at most ten languages by their short codes."), fields={"languages": "form"})
    return list(dict.fromkeys(language.lower() for language in languages))


def edit(
    session: Session,
    actor: Actor,
    station_id: str,
    *,
    name: str,
    latitude: float | None,
    longitude: float | None,
    languages: list[str],
    now: datetime,
) -> Station:
    """Rename a station, say where it stands, and which languages it plays, in which order. Raises InvalidInput.

    Other languages mean other airings from the next one on.
    """
    station, unit = find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    spoken = _checked(latitude, longitude, languages)
    if not spoken:
        raise InvalidInput(N_("Name at least one language."), fields={"languages": "empty"})
    others = spoken != station.languages
    station.name, station.latitude, station.longitude = clean_name(name), latitude, longitude
    station.languages = spoken
    session.add(station)
    audit.record(
        session, actor=actor.username, action="station.edit", subject=station.id, unit_id=unit.id, now=now,
        name=station.name, latitude=latitude, longitude=longitude, languages=spoken,
    )  # fmt: skip
    changes.announce(session, "registry", [f"station:{station.id}"], now)
    if others:
        changes.announce(session, "plan", [f"station:{station.id}"], now)
        changes.announce(session, "timetable", [f"station:{station.id}"], now)
    return station


def renew_code(session: Session, actor: Actor, station_id: str, hours: int, now: datetime) -> str:
    """A fresh enrolment code; the device in service goes on until the code is used."""
    station, unit = find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    audit.record(session, actor=actor.username, action="station.code", subject=station.id, unit_id=unit.id, now=now)
    return _give_code(session, station, hours, now)


def _give_code(session: Session, station: Station, hours: int, now: datetime) -> str:
    code = secrets.new_code()
    station.enrolment_hash = secrets.digest(secrets.same_code(code))
    station.enrolment_expires_at = now + timedelta(hours=hours)
    session.add(station)
    return code


def enrol(session: Session, code: str, device: Device, now: datetime, address: str = "") -> tuple[Station, str] | None:
    """Use up a code: the station and its new token, or None when the code is wrong, used or too old.

    A compare-and-set on the code makes the second of two simultaneous uses fail. Where a person is to confirm the
    device, which calls from `address`, the one in service goes on until then.
    """
    hashed = secrets.digest(secrets.same_code(code))
    station = session.exec(select(Station).where(Station.enrolment_hash == hashed)).first()
    if station is None or station.enrolment_expires_at is None or station.enrolment_expires_at < now:
        return None
    taken = session.execute(
        update(Station)
        .where(col(Station.id) == station.id, col(Station.enrolment_hash) == hashed)
        .values(enrolment_hash=None, enrolment_expires_at=None)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return None
    session.refresh(station)
    token = secrets.new_token("sta")
    if station.confirm:
        station.pending_hash, station.pending_at = secrets.digest(token), now
        station.pending_device = device.model_dump() | {"address": address[:60]}
    else:
        station.token_hash, station.enrolled_at, station.token_since = secrets.digest(token), now, now
        station.next_token_hash, station.renew_asked_at = None, None
        station.serial, station.model = device.serial, device.model
    session.add(station)
    action = "station.knock" if station.confirm else "station.enrol"
    audit.record(
        session, actor=station.id, action=action, subject=station.id, unit_id=station.unit_id, now=now,
        serial=device.serial, model=device.model,
    )  # fmt: skip
    changes.announce(session, "registry", [f"station:{station.id}"], now)
    return station, token


def check_tries(session: Session, address: str, now: datetime) -> None:
    throttle.check(session, f"enrol:{address}", TRIES_AN_ADDRESS, now, TRIES_WINDOW)


def count_try(session: Session, address: str, now: datetime) -> None:
    throttle.failed(session, f"enrol:{address}", now)


def wrong_code() -> Forbidden:
    return Forbidden(_NO_SUCH_CODE, code="wrong_code")


def revoke(session: Session, actor: Actor, station_id: str, now: datetime) -> None:
    """Take the token away: the device gets nothing more from now on."""
    station, unit = find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    station.token_hash, station.next_token_hash, station.renew_asked_at = None, None, None
    station.pending_hash, station.pending_at, station.pending_device = None, None, None
    session.add(station)
    audit.record(session, actor=actor.username, action="station.revoke", subject=station.id, unit_id=unit.id, now=now)
    changes.announce(session, "registry", [f"station:{station.id}"], now)


def find(session: Session, actor: Actor, station_id: str) -> tuple[Station, Unit]:
    """A station the actor may see (by id, or by a code it has or had), with its unit. Raises NotFound."""
    station = session.get(Station, station_id) or former_codes.station(session, station_id)
    unit = session.get(Unit, station.unit_id) if station else None
    if station is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return station, unit


def named(session: Session, actor: Actor, name: str, limit: int = 20) -> list[Station]:
    """The stations with this id or exact name that the actor may see, by id."""
    query = (
        select(Station)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where((Station.id == name) | (Station.name == name), actor.within(Permission.SEE, col(Unit.path)))
    )
    return list(session.exec(query.order_by(col(Station.id)).limit(limit)).all())


def place(session: Session, station_id: str) -> Place:
    """Where a station stands now. Raises NotFound."""
    found = places(session, [station_id])
    if not found:
        raise NotFound
    return found[0]


def places(session: Session, station_ids: Sequence[str] | None = None) -> list[Place]:
    """Where these stations (all of them for None) stand, in a few queries however many they are."""
    wanted = select(Station) if station_ids is None else select(Station).where(col(Station.id).in_(station_ids))
    stations = session.exec(wanted.order_by(col(Station.id))).all()
    units = _units_above(session, None if station_ids is None else {station.unit_id for station in stations})
    member = select(GroupMember.station_id, Group).join(Group, col(Group.id) == GroupMember.group_id)
    if station_ids is not None:
        member = member.where(col(GroupMember.station_id).in_(station_ids))
    groups: dict[str, list[Group]] = {}
    for station_id, group in session.exec(member.order_by(col(Group.code))).all():
        groups.setdefault(station_id, []).append(group)
    before = former_names.of(session, stations, units, groups)
    return [
        Place(
            station,
            tuple(units[each] for each in units[station.unit_id].path.strip("/").split("/")),
            tuple(groups.get(station.id, ())),
            before.get(station.id, ()),
        )
        for station in stations
    ]


def _units_above(session: Session, unit_ids: set[str] | None) -> dict[str, Unit]:
    """These units (all for None) and those above them, by id: of a few, not the whole country is read."""
    if unit_ids is None or len(unit_ids) > _A_FEW:
        return {unit.id: unit for unit in session.exec(select(Unit)).all()}
    own = session.exec(select(Unit).where(col(Unit.id).in_(unit_ids))).all()
    above = {each for unit in own for each in unit.path.strip("/").split("/")} - unit_ids
    rest = session.exec(select(Unit).where(col(Unit.id).in_(above))).all() if above else ()
    return {unit.id: unit for unit in (*own, *rest)}


def visible(
    session: Session, actor: Actor, *, after: str = "", limit: int = 200
) -> list[tuple[Station, Unit, StationState | None]]:
    """Stations the actor may see with what they last said, by id, `limit` after the id `after`."""
    rows = session.exec(
        select(Station, Unit, StationState)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .join(StationState, col(StationState.station_id) == Station.id, isouter=True)
        .where(actor.within(Permission.SEE, col(Unit.path)), col(Station.id) > after)
        .order_by(col(Station.id))
        .limit(limit)
    ).all()
    return [(station, unit, state) for station, unit, state in rows]


def heard(session: Session, station_id: str, beat: Heartbeat, now: datetime) -> bool:
    """Keep what a station says of itself. True when it had been silent before."""
    silent = select(StationState.silent_since).where(StationState.station_id == station_id)
    was_silent = session.exec(silent).first() is not None
    heard_all(session, [(station_id, beat)], now)
    return was_silent


def heard_all(session: Session, beats: Sequence[tuple[str, Heartbeat]], now: datetime) -> None:
    """Keep what stations say of themselves, many in one statement. Of two from one station the later counts."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "station_id": station_id, "heard_at": now, "silent_since": None, "plan_at": now,
            "keys": None if beat.keys is None else " ".join(beat.keys)[:500],
            **{each: getattr(beat, each) for each in SAID},
        }
        for station_id, beat in dict(beats).items()
    ]  # fmt: skip
    traffic.close_months(session, dict(beats))
    statement = insert(StationState.__table__)  # type: ignore[attr-defined]
    new: dict[str, Any] = {each: statement.excluded[each] for each in ("heard_at", "silent_since", "keys", *SAID)}
    same = col(StationState.plan).is_not_distinct_from(statement.excluded["plan"])
    new["plan_at"] = case(
        (same, func.coalesce(StationState.plan_at, statement.excluded["plan_at"])), else_=statement.excluded["plan_at"]
    )
    if rows:
        session.execute(statement.on_conflict_do_update(index_elements=["station_id"], set_=new), rows)
