"""How stations are: on line, silent since when, or never heard."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

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
    session: Session, actor: Actor, now: datetime, silent_after_seconds: int
) -> list[tuple[Station, Unit, Health]]:
    """Stations that need a hand: never heard or silent, at most twenty, those silent for longest first."""
    limit = now - timedelta(seconds=silent_after_seconds)
    rows = session.exec(
        select(Station, Unit, StationState)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .join(StationState, col(StationState.station_id) == Station.id, isouter=True)
        .where(
            actor.within(Permission.SEE, col(Unit.path)),
            col(StationState.heard_at).is_(None) | (col(StationState.heard_at) < limit),
            # What was taken out of service on purpose needs nobody's hand.
            col(Station.token_hash).is_not(None) | col(Station.enrolled_at).is_(None),
        )
        .order_by(col(StationState.heard_at), col(Station.name))
        .limit(TROUBLED)
    ).all()
    return [(station, unit, of(station, state, now, silent_after_seconds)) for station, unit, state in rows]
