"""Slowing down whoever guesses passwords or enrolment codes. Counted in the database: every process sees the same."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from core.errors import N_, TooMany
from registry.models import Attempt

WINDOW = timedelta(minutes=15)
_KEPT = timedelta(days=1)
_MAX_KEY = 120


def check(session: Session, key: str, limit: int, now: datetime, window: timedelta = WINDOW) -> None:
    """Raises TooMany when `key` failed `limit` times within the last `window`."""
    key = key[:_MAX_KEY]
    count, first = session.exec(
        select(func.count(), func.min(Attempt.at)).where(Attempt.key == key, col(Attempt.at) > now - window)
    ).one()
    if count >= limit:
        wait = max(1, int((first + window - now).total_seconds()) + 1)
        raise TooMany(N_("Too many tries. Wait %(minutes)s minutes."), retry_after=wait, minutes=(wait + 59) // 60)


def failed(session: Session, key: str, now: datetime) -> None:
    session.add(Attempt(key=key[:_MAX_KEY], at=now))


def forget(session: Session, key: str) -> None:
    session.execute(delete(Attempt).where(col(Attempt.key) == key[:_MAX_KEY]))


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(Attempt).where(col(Attempt.at) < now - _KEPT))
