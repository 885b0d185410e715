"""On which clock the worker's jobs beat, how they rest after failures, and what the log hears of it."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from apscheduler.triggers.base import BaseTrigger

from core.errors import Busy

log = logging.getLogger(__name__)
_LONGEST_REST = timedelta(seconds=30)
_LONGEST_WAIT = timedelta(seconds=5)  # asking a database whether it is back costs little, and alarms wait for it
_DOUBLINGS = 10


class Beat(NamedTuple):
    """A job, every how many seconds it beats, and what it does then."""

    name: str
    seconds: float
    step: Callable[[datetime], object]
    executor: str = "default"


class SteadyZone(tzinfo):
    """UTC as the monotonic clock counts it on from the start.

    APScheduler asks `datetime.now(zone)` what time it is. In this zone the answer never jumps: set back by an hour, the
    host's clock would otherwise keep every job waiting for an hour.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, begun: datetime | None = None) -> None:
        self._monotonic = monotonic
        self._begun = (begun or datetime.now(UTC)).replace(tzinfo=None)
        self._at = monotonic()

    def fromutc(self, _wall: datetime, /) -> datetime:
        """The instant it is, whatever the wall clock says."""
        return (self._begun + timedelta(seconds=self._monotonic() - self._at)).replace(tzinfo=self)

    def utcoffset(self, _at: datetime | None, /) -> timedelta:
        return timedelta(0)

    def dst(self, _at: datetime | None, /) -> timedelta:
        return timedelta(0)

    def tzname(self, _at: datetime | None, /) -> str:
        return "steady UTC"


class Every(BaseTrigger):  # type: ignore[misc]
    """A beat each so many seconds; beats that were slept through are one.

    APScheduler's own interval turns time stamps into instants of the zone, which for `SteadyZone` is always this one.
    """

    def __init__(self, seconds: float) -> None:
        self.span = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        due = (previous_fire_time or now) + self.span
        return due if due > now else now + self.span


def passed(since: datetime | None, now: datetime, span: timedelta) -> bool:
    """Whether `span` has passed since; also when it never began, or when `since` is of a clock that was ahead."""
    return since is None or since > now or now - since >= span


class Rests:
    """How often each job has failed in a row, and until when it rests. Safe under threads.

    A database that is away or locked is one matter, however many jobs meet it: one line when it begins, one at its
    end. Other failures are logged the first time, the second, the fourth and so on.
    """

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}
        self._until: dict[str, tuple[datetime, datetime]] = {}
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._away_since: datetime | None = None

    def resting(self, name: str, now: datetime) -> bool:
        """Whether the job still rests. A rest that begins in the future is of a clock that was ahead: it is over."""
        since, until = self._until.get(name, (now, now))
        return since <= now < until

    def failed(self, name: str, error: Exception, now: datetime) -> None:
        """Count and log a failure; the job rests, longer with each in a row."""
        with self._lock:
            failures = self.failures[name] = self.failures.get(name, 0) + 1
            away = isinstance(error, Busy)
            longest = _LONGEST_WAIT if away else _LONGEST_REST
            self._until[name] = now, now + min(timedelta(seconds=0.5 * 2 ** min(failures, _DOUBLINGS)), longest)
            first = away and not self._waiting
            if away:
                self._waiting.add(name)
            if first and self._away_since is None:
                self._away_since = now
        if first:
            log.warning("the database is away or locked (%s); jobs rest until it is back", describe_cause(error))
        elif not away and failures & (failures - 1) == 0:
            log.error("job %s failed (%d in a row)", name, failures, exc_info=error)

    def went_well(self, name: str, now: datetime) -> int:
        """Note a success; how many failures went before it."""
        with self._lock:
            back = name in self._waiting
            self._waiting.discard(name)
            since = self._away_since if back and not self._waiting else None
            if since is not None:
                self._away_since = None
            failures = self.failures.pop(name, 0)
        if since is not None:
            log.warning("the database is back after %.0f s", max((now - since).total_seconds(), 0.0))
        return failures


def describe_cause(error: BaseException) -> str:
    """The first line of what the driver said."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__ or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]
