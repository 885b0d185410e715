"""Stations whose last will the broker has sent: known to be away before their missing heartbeats alone would tell.

A will alone says only that a station and the broker have lost each other. Together with a heartbeat that is missing it
is a station that is away: known within 90 seconds of its end, for the broker notices after one and a half
`KEEPALIVE_SECONDS`.
"""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from core.topics import OFFLINE, station_of
from registry.models import StationState

LOOK_SECONDS = 5.0
# A heartbeat comes every 60 seconds; this one and all that are slow to come are missing.
_MISSING = timedelta(seconds=75)
_CHUNK = 400


class Absence:
    """Who has parted from the broker without coming back. Safe to tell from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away: set[str] = set()

    def told(self, topic: str, content: bytes) -> None:
        """Take in what a station, or its last will, says on its topic `online`."""
        station = station_of(topic)
        if station is not None:
            with self._lock:
                (self._away.add if content == OFFLINE else self._away.discard)(station)

    @property
    def away(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._away)

    def mark(self, session: Session, now: datetime) -> int:
        """Mark those of them as silent whose heartbeat is missing too; returns how many.

        Nobody is marked while no heartbeat at all comes in: that is the server's silence, not theirs.
        """
        newest = session.exec(select(func.max(StationState.heard_at))).one()
        if newest is None or newest < now - _MISSING:
            return 0
        return sum(_silent(session, chunk, now) for chunk in _chunks(sorted(self.away)))


def _silent(session: Session, stations: list[str], now: datetime) -> int:
    result = session.execute(
        update(StationState)
        .where(
            col(StationState.station_id).in_(stations),
            col(StationState.heard_at) < now - _MISSING,
            col(StationState.silent_since).is_(None),
        )
        .values(silent_since=StationState.heard_at)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _chunks(names: list[str]) -> Iterable[list[str]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
