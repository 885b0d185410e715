"""The station's clock: the server's time, carried by the host's monotonic clock.

Steps of the host's wall clock don't matter while the station runs. After a restart within the same boot the anchor
to the boot clock still holds; after a reboot the last known offset of the wall clock is the best guess there is.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from core.wire import TimeAnswer
from station.link import Link, Unreachable

SAMPLES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def instant_of(epoch_seconds: float) -> datetime:
    """Aware UTC of seconds since 1970, within what a datetime can hold."""
    return min(_EPOCH + timedelta(seconds=max(0.0, min(epoch_seconds, 2.2e11))), _LATEST)


def seconds_of(instant: datetime) -> float:
    return (instant - _EPOCH).total_seconds()


class Anchor(BaseModel):
    """What is kept of a good measurement: the corrected time minus the boot clock, and minus the wall clock (s)."""

    boot_id: str
    from_boot: float
    from_wall: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """`offset` is what must be added to the station's clock, `round_trip` the time on the way; both in seconds."""

    offset: float
    round_trip: float


def four_stamp(sent: float, received_there: float, sent_there: float, received: float) -> Measurement:
    """Offset and round trip from the four instants of one exchange, in seconds (RFC 5905, section 8)."""
    offset = ((received_there - sent) + (sent_there - received)) / 2
    return Measurement(offset, max(0.0, (received - sent) - (sent_there - received_there)))


def boot_id() -> str:
    """The kernel's name for this boot; empty where there is none."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


class StationClock:
    """Corrected time. Reads the wall clock once, at the start; thread-safe."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        anchor: Anchor | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._lock = threading.Lock()
        start = wall()
        if anchor is not None and anchor.boot_id and anchor.boot_id == boot_id():
            start = anchor.from_boot + _boot_clock()
        elif anchor is not None:
            start += anchor.from_wall
        self._base = start - monotonic()
        self.measured = False

    def now(self) -> datetime:
        return instant_of(self._base + self._monotonic())

    def monotonic(self) -> float:
        return self._monotonic()

    def instant(self, monotonic: float) -> datetime:
        """The corrected instant at a reading of the monotonic clock."""
        return instant_of(self._base + monotonic)

    def monotonic_at(self, instant: datetime) -> float:
        """The reading the monotonic clock has, or had, at a corrected instant."""
        return seconds_of(instant) - self._base

    def shift(self, seconds: float) -> None:
        """Move the clock by a measured offset."""
        with self._lock:
            self._base += seconds
            self.measured = True

    def offset_ms(self) -> float:
        """How far the corrected time is ahead of the host's wall clock, in milliseconds."""
        return round((self._base + self._monotonic() - self._wall()) * 1000, 3)

    def anchor(self) -> Anchor:
        corrected = self._base + self._monotonic()
        return Anchor(boot_id=boot_id(), from_boot=corrected - _boot_clock(), from_wall=corrected - self._wall())


def _boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def measure(link: Link, clock: StationClock, samples: int = SAMPLES) -> Measurement:
    """Ask the server for its time `samples` times; the exchange with the shortest way wins.

    Raises Unreachable when no exchange succeeds. The answers carry milliseconds, so half of one is the best to expect.
    """
    taken: list[Measurement] = []
    for _ in range(samples):
        sent = seconds_of(clock.now())
        answer = link.get("/time", read_seconds=10.0)
        received = seconds_of(clock.now())
        try:
            told = TimeAnswer.model_validate_json(answer.body)
        except ValidationError as error:
            raise Unreachable("The server's answer about its time can't be read.") from error
        taken.append(four_stamp(sent, seconds_of(told.received_at), seconds_of(told.sent_at), received))
    return min(taken, key=lambda one: one.round_trip)
