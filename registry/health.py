"""How stations are: on line, silent since when, or never heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from registry.models import Station, StationState, Unit
from registry.rights import Actor, Permission

TROUBLED = 20


@dataclass(frozen=True)
class Health:
    """`state` is `online`, `silent`, `never` or `revoked`; `since` says since when it has been silent."""

    state: str
    since: datetime | None = None


def of(station: Station, state: StationState | None, now: datetime, silent_after_seconds: int) -> Health:
    """How one station is. Its own last word decides, so that this is right also while no worker runs. Pure."""
    if station.token_hash is None and station.enrolled_at is not None:
        return Health("revoked")
    if station.token_hash is None or state is None:
        return Health("never")
    if state.silent_since is not None or state.heard_at < now - timedelta(seconds=silent_after_seconds):
        return Health("silent", state.silent_since or state.heard_at)
    return Health("online")


def troubled(
    session: Session, actor: Actor, now: datetime, silent_after_seconds: int, limit: int = TROUBLED
) -> list[tuple[Station, Unit, Health]]:
    """Stations that need a hand: never heard or silent, at most `limit`, those silent for longest first."""
    rows = session.exec(
        _in_trouble(select(Station, Unit, StationState), actor, now, silent_after_seconds)
        .order_by(col(StationState.heard_at), col(Station.name))
        .limit(limit)
    ).all()
    return [(station, unit, of(station, state, now, silent_after_seconds)) for station, unit, state in rows]


def count_troubled(session: Session, actor: Actor, now: datetime, silent_after_seconds: int) -> int:
    """How many stations need a hand (see `troubled`)."""
    return int(session.exec(_in_trouble(select(func.count()), actor, now, silent_after_seconds)).one())


def _in_trouble(query: Any, actor: Actor, now: datetime, silent_after_seconds: int) -> Any:
    limit = now - timedelta(seconds=silent_after_seconds)
    return (
        query.select_from(Station)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .join(StationState, col(StationState.station_id) == Station.id, isouter=True)
        .where(
            actor.within(Permission.SEE, col(Unit.path)),
            col(StationState.heard_at).is_(None) | (col(StationState.heard_at) < limit),
            # What was taken out of service on purpose needs nobody's hand.
            col(Station.token_hash).is_not(None) | col(Station.enrolled_at).is_(None),
        )
    )
