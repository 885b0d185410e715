"""Quiet hours: the one rule that server and station share. An interval may cross midnight; its end is outside it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

Hours = Sequence[Sequence[str]]


def _minutes(text: str) -> int:
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute


def is_quiet(instant: datetime, hours: Hours, zone: ZoneInfo) -> bool:
    """Whether `instant` lies in one of `hours`, pairs of `HH:MM` on the wall clock of `zone`."""
    local = instant.astimezone(zone)
    now = local.hour * 60 + local.minute
    for first, last in hours:
        start, end = _minutes(first), _minutes(last)
        inside = start <= now < end if start <= end else now >= start or now < end
        if inside:
            return True
    return False


def first_quiet(start: datetime, seconds: float, hours: Hours, zone: ZoneInfo) -> datetime | None:
    """The first instant of [start, start + seconds) that lies in quiet hours, or None.

    Quiet hours begin on whole minutes, so looking at the start and at each whole minute after it is exact.
    """
    if not hours:
        return None
    end = start + timedelta(seconds=seconds)
    for instant in _start_and_minutes(start, end):
        if is_quiet(instant, hours, zone):
            return instant
    return None


def _start_and_minutes(start: datetime, end: datetime) -> Iterable[datetime]:
    yield start
    minute = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute < end:
        yield minute
        minute += timedelta(minutes=1)
