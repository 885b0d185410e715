"""The devices behind stations: waiting to be confirmed, the tokens they show, and how these change.

A token is kept as its hash only. A renewed one lies beside the present one until it is used; then the former ends. A
device that needs a person's word has a token of its own that opens nothing but waiting, until somebody confirms it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Conflict, NotSignedIn
from registry import secrets, stations
from registry.models import Station, Unit
from registry.rights import Actor, Permission

Kind = Literal["current", "next", "pending"]
WAITING = 50
_NOBODY = N_("No device waits for confirmation at this station.")
_NOT_CONFIRMED = N_("This device is not confirmed yet.")


@dataclass(frozen=True)
class Known:
    """Whose token it is: the one in use, its renewal on first use, or that of a device that waits to be confirmed."""

    station_id: str
    kind: Kind


def known(session: Session, token: str) -> Known:
    """Who shows this token. Raises NotSignedIn when it is wrong, replaced or revoked."""
    hashed = secrets.digest(token)
    row = session.exec(
        select(Station.id, Station.token_hash, Station.next_token_hash, Station.pending_hash).where(
            or_(
                col(Station.token_hash) == hashed, col(Station.next_token_hash) == hashed,
                col(Station.pending_hash) == hashed,
            )
        )
    ).first()  # fmt: skip
    if row is None:
        raise NotSignedIn(stations.REVOKED)
    station_id, present, coming, _ = row
    if hashed == present:
        return Known(station_id, "current")
    return Known(station_id, "next" if hashed == coming else "pending")


def renew(session: Session, station_id: str, shown: str) -> str:
    """A new token for a station. The one it has shown holds until the new one is used; asking again gives another.

    Raises Conflict for a device that is not confirmed, NotSignedIn when what it showed has ended meanwhile.
    """
    station = session.get(Station, station_id)
    hashed = secrets.digest(shown)
    if station is not None and station.pending_hash == hashed:
        raise Conflict(_NOT_CONFIRMED, code="not_confirmed")
    if station is None or station.token_hash != hashed:
        raise NotSignedIn(stations.REVOKED)
    token = secrets.new_token("sta")
    station.next_token_hash = secrets.digest(token)
    session.add(station)
    return token


def take_over(session: Session, token: str, now: datetime) -> bool:
    """A renewed token is used for the first time: the former ends. False if another call was quicker."""
    hashed = secrets.digest(token)
    station = session.exec(select(Station).where(Station.next_token_hash == hashed)).first()
    if station is None:
        return False
    taken = session.execute(
        update(Station)
        .where(col(Station.id) == station.id, col(Station.next_token_hash) == hashed)
        .values(token_hash=hashed, next_token_hash=None, token_since=now, renew_asked_at=None)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        return False
    session.expire(station)
    audit.record(
        session, actor=station.id, action="station.token", subject=station.id, unit_id=station.unit_id, now=now
    )
    changes.announce(session, "registry", [f"station:{station.id}"], now)
    return True


def ask_renewal(session: Session, actor: Actor, station_id: str, now: datetime) -> None:
    """Let a station renew its token, as soon as it hears of it. Raises Conflict for one that is out of service."""
    station, unit = stations.find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    if station.token_hash is None:
        raise Conflict(N_("The station is not in service."))
    station.renew_asked_at = now
    session.add(station)
    audit.record(session, actor=actor.username, action="station.renew", subject=station.id, unit_id=unit.id, now=now)
    changes.announce(session, "registry", [f"station:{station.id}"], now)


def confirm(session: Session, actor: Actor, station_id: str, now: datetime) -> Station:
    """Take the device that waits at a station into service; the one before it, if any, gets nothing any more.

    Raises Conflict when none waits.
    """
    station, unit = stations.find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    if station.pending_hash is None:
        raise Conflict(_NOBODY)
    device = station.pending_device or {}
    station.token_hash, station.next_token_hash = station.pending_hash, None
    station.enrolled_at, station.token_since = now, now
    station.serial, station.model = str(device.get("serial", ""))[:100], str(device.get("model", ""))[:100]
    _nobody_waits(station)
    session.add(station)
    audit.record(
        session, actor=actor.username, action="station.confirm", subject=station.id, unit_id=unit.id, now=now,
        serial=station.serial, model=station.model,
    )  # fmt: skip
    changes.announce(session, "registry", [f"station:{station.id}"], now)
    changes.announce(session, "plan", [f"station:{station.id}"], now)
    return station


def refuse(session: Session, actor: Actor, station_id: str, now: datetime) -> None:
    """Send the device that waits at a station away: its token opens nothing more. Raises Conflict when none waits."""
    station, unit = stations.find(session, actor, station_id)
    actor.require(Permission.OPERATE, unit)
    if station.pending_hash is None:
        raise Conflict(_NOBODY)
    device = station.pending_device or {}
    _nobody_waits(station)
    session.add(station)
    audit.record(
        session, actor=actor.username, action="station.refuse", subject=station.id, unit_id=unit.id, now=now,
        serial=str(device.get("serial", ""))[:100],
    )  # fmt: skip
    changes.announce(session, "registry", [f"station:{station.id}"], now)


def _nobody_waits(station: Station) -> None:
    station.pending_hash, station.pending_at, station.pending_device = None, None, None


def waiting(session: Session, actor: Actor, limit: int = WAITING) -> list[tuple[Station, Unit]]:
    """Stations at which a device waits for the actor's word, those that wait longest first."""
    rows = session.exec(
        select(Station, Unit)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .where(col(Station.pending_at).is_not(None), actor.within(Permission.OPERATE, col(Unit.path)))
        .order_by(col(Station.pending_at), col(Station.id))
        .limit(limit)
    ).all()
    return [(station, unit) for station, unit in rows]
