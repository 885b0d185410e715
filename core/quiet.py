"""Quiet hours: the one rule that server and station share. An interval may cross midnight; its end is outside it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta, tzinfo
from functools import lru_cache

Hours = Sequence[Sequence[str]]
_DAY = 24 * 3600


@lru_cache(maxsize=2_000)  # the hours of a network come again and again
def second_of_day(text: str) -> int:
    """Seconds since midnight of `HH:MM` or `HH:MM:SS`; 24:00 is the end of the day. Raises ValueError."""
    if text == "24:00":
        return _DAY
    at = time.fromisoformat(text)
    return at.hour * 3600 + at.minute * 60 + at.second


def is_quiet(instant: datetime, hours: Hours, zone: tzinfo) -> bool:
    """Whether `instant` lies in one of `hours`, pairs [from, to) on the wall clock of `zone`.

    A pair whose ends are equal is empty. Raises ValueError for one that can't be read.
    """
    if not hours:
        return False
    local = instant.astimezone(zone)
    now = local.hour * 3600 + local.minute * 60 + local.second
    for first, last in hours:
        start, end = second_of_day(first), second_of_day(last)
        inside = start <= now < end if start <= end else now >= start or now < end
        if inside:
            return True
    return False


def first_quiet(start: datetime, seconds: float, hours: Hours, zone: tzinfo) -> datetime | None:
    """The first instant of [start, start + seconds) that lies in quiet hours, or None.

    The server's quiet hours begin on whole minutes, so looking at the start and at each whole minute after it is exact.
    """
    if not hours:
        return None
    end = start + timedelta(seconds=seconds)
    return next((instant for instant in _start_and_minutes(start, end) if is_quiet(instant, hours, zone)), None)


def _start_and_minutes(start: datetime, end: datetime) -> Iterable[datetime]:
    yield start
    minute = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute < end:
        yield minute
        minute += timedelta(minutes=1)
