"""The station's clock: the server's time, carried by the host's monotonic clock, steered by measurements.

Steps of the host's wall clock don't matter while the station runs. After a restart within the same boot the anchor
to the boot clock still holds. After a reboot the last known offset of the wall clock is the best guess there is; it is
trusted only where a clock with a battery can have counted on meanwhile, and shows nothing impossible. One that is not
trusted is shown, but nothing is played or given up by it until the server's time is known again.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from core.wire import TimeAnswer
from station.discipline import MAX_FREQUENCY, Discipline, Measurement, best_of, four_stamp, rebooted, resumed
from station.link import Link, Unreachable

SAMPLES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LATEST_SECONDS = 2.2e11  # the year 8941
_BATTERY_CLOCK = Path("/sys/class/rtc/rtc0")
_PLAUSIBLE = 1_767_225_600.0  # 2026-01-01: a battery that ran down wakes up in 1970 or 2000


def instant_of(epoch_seconds: float) -> datetime:
    """Aware UTC of seconds since 1970, within what a datetime can hold."""
    if not 0.0 <= epoch_seconds <= _LATEST_SECONDS:
        epoch_seconds = _LATEST_SECONDS if epoch_seconds > 0.0 else 0.0
    return _EPOCH + timedelta(seconds=epoch_seconds)


def seconds_of(instant: datetime) -> float:
    return (instant - _EPOCH).total_seconds()


class Anchor(BaseModel):
    """What is kept of a good measurement, in seconds.

    The corrected time minus the boot clock, minus the wall clock, and itself: before it can't be any more. Then the
    frequency of the crystal, and how certain time and frequency were (the covariance of `discipline.Belief`).
    """

    boot_id: str
    from_boot: float
    from_wall: float
    noted: float = 0.0
    frequency: float = 0.0
    spread: tuple[float, float, float] | None = None


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
        boot_clock: Callable[[], float] | None = None,
        boot: str | None = None,
        battery: bool | None = None,
        anchor: Anchor | None = None,
    ) -> None:
        """The clocks in seconds: monotonic, wall, and since boot `boot` (its name); by default those of the host.

        `battery` says whether the wall clock counts on without power; by default, whether the host has such a clock.
        """
        self._monotonic = monotonic
        self._wall = wall
        self._boot_clock = boot_clock or _boot_clock
        self._boot = boot_id() if boot is None else boot
        self._lock = threading.Lock()
        self._counted_on = anchor is None  # then there is no plan either
        self._state = self._begun(anchor, battery)
        self.measured = False

    def _begun(self, anchor: Anchor | None, battery: bool | None) -> Discipline:
        reading, wall = self._monotonic(), self._wall()
        if anchor is None:
            return rebooted(reading, wall, 0.0, None)
        frequency = max(-MAX_FREQUENCY, min(MAX_FREQUENCY, anchor.frequency))
        if anchor.boot_id and anchor.boot_id == self._boot:
            self._counted_on = True
            shown = anchor.from_boot + self._boot_clock()
            if anchor.spread is None:
                return rebooted(reading, shown, frequency, None)
            away = max(0.0, shown - anchor.noted)
            return resumed(reading, shown + away * frequency, frequency, anchor.spread, away)
        has_battery = _BATTERY_CLOCK.exists() if battery is None else battery
        self._counted_on = has_battery and wall >= _PLAUSIBLE and wall + anchor.from_wall >= anchor.noted
        return rebooted(reading, wall + anchor.from_wall, frequency, anchor.spread)

    def now(self) -> datetime:
        return self.instant(self._monotonic())

    @property
    def is_trusted(self) -> bool:
        """Whether the time can be right: measured since the start, or carried over it by a clock that counted on."""
        return self.measured or self._counted_on

    def monotonic(self) -> float:
        return self._monotonic()

    def instant(self, monotonic: float) -> datetime:
        """The corrected instant at a reading of the monotonic clock."""
        return instant_of(self._state.course.at(monotonic))

    def monotonic_at(self, instant: datetime) -> float:
        """The reading the monotonic clock has, or had, at a corrected instant."""
        return self._state.course.reading_at(seconds_of(instant))

    def elapsed(self, monotonic: float) -> float:
        """The corrected time at a reading as if it had never stepped, in seconds: what sound is kept in step with."""
        state = self._state
        return state.course.at(monotonic) - state.stepped

    def reading_of(self, elapsed: float) -> float:
        """The inverse of `elapsed`."""
        state = self._state
        return state.course.reading_at(elapsed + state.stepped)

    def take(self, measurement: Measurement) -> float:
        """Let a measurement steer the clock; returns by how many seconds it stepped (0.0: it is slewed, or doubted)."""
        with self._lock:
            before = self._state
            self._state = before.after(measurement, max(measurement.reading, self._monotonic()))
            self.measured = True
            return self._state.stepped - before.stepped

    def shift(self, seconds: float) -> None:
        """Move the clock at once."""
        with self._lock:
            self._state = self._state.stepped_by(seconds, self._monotonic())
            self.measured = True

    def wait_seconds(self) -> float:
        """How long until it should be measured again."""
        return self._state.wait_seconds()

    def frequency_ppm(self) -> float:
        """How much the host's crystal lags behind, as far as is known, in millionths."""
        return self._state.belief.frequency * 1e6

    def offset_ms(self) -> float:
        """How far the corrected time is ahead of the host's wall clock, in milliseconds."""
        return round((self._state.course.at(self._monotonic()) - self._wall()) * 1000, 3)

    def anchor(self) -> Anchor:
        state, reading = self._state, self._monotonic()
        corrected = state.course.at(reading) + state.course.left_at(reading)
        belief = state.belief.at(reading)
        spread = (belief.phase_variance, belief.shared_variance, belief.frequency_variance)
        return Anchor(
            boot_id=self._boot, from_boot=corrected - self._boot_clock(), from_wall=corrected - self._wall(),
            noted=corrected, frequency=belief.frequency, spread=spread if belief.is_known else None,
        )  # fmt: skip


def _boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def measure(link: Link, clock: StationClock, samples: int = SAMPLES) -> Measurement:
    """Ask the server for its time `samples` times; what the answers prove together, with the quickest ways (`best_of`).

    Raises Unreachable when an exchange fails. The answers carry milliseconds, so half of one is the best to expect.
    """
    taken: list[Measurement] = []
    for _ in range(samples):
        sent = clock.monotonic()
        answer = link.get("/time", read_seconds=10.0)
        received = clock.monotonic()
        try:
            told = TimeAnswer.model_validate_json(answer.body)
        except ValidationError as error:
            raise Unreachable("The server's answer about its time can't be read.") from error
        taken.append(four_stamp(sent, seconds_of(told.received_at), seconds_of(told.sent_at), received))
    return best_of(taken)
