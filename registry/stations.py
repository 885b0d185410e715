"""Stations: making them, taking them into service, knowing which names they answer to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Forbidden, InvalidInput, NotFound, NotSignedIn
from core.ids import new_id
from core.wire import Device, Heartbeat
from registry import secrets, throttle
from registry.models import Group, GroupMember, Station, StationState, Unit
from registry.rights import Actor, Permission
from registry.units import clean_name

TRIES_AN_ADDRESS = 10
# With 10 tries a minute, a code of 39 bits that holds for a day is not found by guessing; and a technician who
# mistypes at a gateway shared by many stations does not lock them all out for long.
TRIES_WINDOW = timedelta(minutes=1)
_LANGUAGES = 10
_NO_SUCH_CODE = N_("The code is wrong, used or too old. Ask for a new one in the panel.")
REVOKED = N_("The station's token is wrong or revoked.")


@dataclass(frozen=True)
class Place:
    """Where a station stands in the tree. `units` runs from the root to its own unit."""

    station: Station
    units: tuple[Unit, ...]
    groups: tuple[Group, ...]

    @property
    def unit(self) -> Unit:
        return self.units[-1]

    @property
    def unit_path(self) -> list[str]:
        """Codes, as the wire format names units."""
        return [unit.code for unit in self.units]

    @property
    def names(self) -> list[str]:
        """Internal names that an audience may use for this station."""
        return [
            f"station:{self.station.id}",
            *(f"unit:{unit.id}" for unit in self.units),
            *(f"group:{group.id}" for group in self.groups),
        ]


def create(
    session: Session,
    actor: Actor,
    *,
    name: str,
    unit: Unit,
    latitude: float | None = None,
    longitude: float | None = None,
    languages: list[str] | None = None,
    hours: int,
    now: datetime,
) -> tuple[Station, str]:
    """Add a station and its enrolment code, which works once within `hours`. The code is shown once."""
    actor.require(Permission.OPERATE, unit)
    if latitude is not None and not -90 <= latitude <= 90:  # noqa: PLR2004
        raise InvalidInput(N_("A latitude lies between −90 and 90."), fields={"latitude": "range"})
    if longitude is not None and not -180 <= longitude <= 180:  # noqa: PLR2004
        raise InvalidInput(N_("A longitude lies between −180 and 180."), fields={"longitude": "range"})
    spoken = languages or ["vi"]
    if len(spoken) > _LANGUAGES or not all(0 < len(language) <= 12 for language in spoken):  # noqa: PLR2004
        raise InvalidInput(N_("Name at most ten languages by their short codes."), fields={"languages": "form"})
    station = Station(
        id=new_id("st"), unit_id=unit.id, name=clean_name(name), latitude=latitude, longitude=longitude,
        languages=spoken, created_at=now,
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


def enrol(session: Session, code: str, device: Device, now: datetime) -> tuple[Station, str] | None:
    """Use up a code: the station and its new token, or None when the code is wrong, used or too old.

    A compare-and-set on the code makes the second of two simultaneous uses fail.
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
    station.token_hash, station.enrolled_at = secrets.digest(token), now
    station.serial, station.model = device.serial, device.model
    session.add(station)
    audit.record(
        session, actor=station.id, action="station.enrol", subject=station.id, unit_id=station.unit_id, now=now,
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
    station.token_hash = None
    session.add(station)
    audit.record(session, actor=actor.username, action="station.revoke", subject=station.id, unit_id=unit.id, now=now)
    changes.announce(session, "registry", [f"station:{station.id}"], now)


def find(session: Session, actor: Actor, station_id: str) -> tuple[Station, Unit]:
    """A station the actor may see, with its unit. Raises NotFound."""
    station = session.get(Station, station_id)
    unit = session.get(Unit, station.unit_id) if station else None
    if station is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return station, unit


def by_token(session: Session, token: str) -> str:
    """Id of the station this token belongs to. Raises NotSignedIn when it is wrong or revoked."""
    station_id = session.exec(select(Station.id).where(Station.token_hash == secrets.digest(token))).first()
    if station_id is None:
        raise NotSignedIn(REVOKED)
    return station_id


def place(session: Session, station_id: str) -> Place:
    """Where a station stands now. Raises NotFound."""
    found = places(session, [station_id])
    if not found:
        raise NotFound
    return found[0]


def places(session: Session, station_ids: Sequence[str] | None = None) -> list[Place]:
    """Where these stations (all of them for None) stand, in three queries however many they are."""
    wanted = select(Station) if station_ids is None else select(Station).where(col(Station.id).in_(station_ids))
    stations = session.exec(wanted.order_by(col(Station.id))).all()
    units = {unit.id: unit for unit in session.exec(select(Unit)).all()}
    member = select(GroupMember.station_id, Group).join(Group, col(Group.id) == GroupMember.group_id)
    if station_ids is not None:
        member = member.where(col(GroupMember.station_id).in_(station_ids))
    groups: dict[str, list[Group]] = {}
    for station_id, group in session.exec(member.order_by(col(Group.code))).all():
        groups.setdefault(station_id, []).append(group)
    return [
        Place(
            station,
            tuple(units[each] for each in units[station.unit_id].path.strip("/").split("/")),
            tuple(groups.get(station.id, ())),
        )
        for station in stations
    ]


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
    state = session.get(StationState, station_id) or StationState(station_id=station_id, heard_at=now)
    was_silent = state.silent_since is not None
    state.heard_at, state.silent_since = now, None
    for field in (
        "playing", "item", "volume", "plan", "seq", "clock_offset_ms", "free_bytes", "temperature_c", "uptime_s",
        "software", "ready_until",
    ):  # fmt: skip
        setattr(state, field, getattr(beat, field))
    session.add(state)
    return was_silent
