"""What stations say of themselves, kept for many at once: the one place that heartbeats go through."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from core.wire import Heartbeat
from registry import stations
from scheduler import commands, first_sounds


def take(session: Session, beats: Sequence[tuple[str, Heartbeat]], now: datetime) -> None:
    """Keep these stations' state, and what they have taken note of, in a number of queries that does not grow.

    Stands or falls together, in the caller's transaction. Devices that don't say what they have as withdrawn cost a
    query each.
    """
    stations.heard_all(session, beats, now)
    commands.acknowledge_all(session, [(each, commands.told_in(session, beat)) for each, beat in beats], now)
    first_sounds.note(session, beats, now)
