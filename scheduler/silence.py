"""Which stations have fallen silent: marked once each, and never for a silence that was the server's own.

A station is silent when it has not been heard for `silent_after_seconds` while it could have been. After a time in
which nobody looked (the worker was away, the database was, the clock was set) the stations get that long anew. When
nobody at all is heard, that is one trouble, the server's or its network's, and not one for each station.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from registry.models import Station, StationState
from scheduler import jobs, troubles
from scheduler.models import JobState

JOB = "silence"
_EVERYBODY = "everybody"
_MOST_GAP = timedelta(seconds=60)  # between two looks: more means that nobody looked
_A_FEW = 3  # stations, all silent at once


def notice(session: Session, silent_after_seconds: int, now: datetime) -> int:
    """Mark stations that have fallen silent; returns how many. To be called every few seconds."""
    patience = timedelta(seconds=silent_after_seconds)
    if not _watched(session, patience, now):
        return 0
    limit = now - patience
    newest, expected = _heard(session)
    if newest is not None and newest < limit and expected >= _A_FEW:
        what = f"nobody has been heard since {newest:%Y-%m-%d %H:%M:%S} UTC"
        troubles.report(session, "silence", _EVERYBODY, what, now)
        return 0
    if troubles.clear(session, "silence", [_EVERYBODY], now):
        jobs.hold(session, JOB, now + patience)  # they come back one after the other
        return 0
    result = session.execute(
        update(StationState)
        .where(col(StationState.heard_at) < limit, col(StationState.silent_since).is_(None))
        .values(silent_since=StationState.heard_at)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def look(session: Session, silent_after_seconds: int, now: datetime) -> None:
    """Note that somebody looks; after a time in which nobody did, hold the marks until stations could be heard."""
    patience = timedelta(seconds=silent_after_seconds)
    state = session.get(JobState, JOB)
    if state is None or state.succeeded_at is None:
        jobs.went_well(session, JOB, now)
        return
    gap = now - state.succeeded_at
    if not timedelta(0) <= gap <= _MOST_GAP:
        jobs.hold(session, JOB, now + patience)
    if gap < timedelta(0):  # or one that falls silent now would be thought well until then
        session.execute(update(StationState).where(col(StationState.heard_at) > now).values(heard_at=now))
    jobs.went_well(session, JOB, now)


def _watched(session: Session, patience: timedelta, now: datetime) -> bool:
    state = session.get(JobState, JOB)
    held = state.held_until if state is not None else None
    return held is None or held <= now or held > now + patience


def _heard(session: Session) -> tuple[datetime | None, int]:
    """When any station in service was heard last, and how many of them were heard ever."""
    query = (
        select(func.max(StationState.heard_at), func.count())
        .select_from(StationState)
        .join(Station, col(Station.id) == StationState.station_id)
        .where(col(Station.token_hash).is_not(None))
    )
    newest, expected = session.exec(query).one()
    return newest, expected
