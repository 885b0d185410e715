"""The sound card, through miniaudio, and its null device for machines that have none."""

import importlib.util
import logging
import sys
import threading
import time
from collections.abc import Generator
from types import ModuleType
from typing import Any

from core.errors import N_, EngineFailed
from station.alsa import buffer_seconds, own_tasks
from station.instep import SampleClock
from station.mixing import BLOCK_SECONDS, Mixer
from station.voice import Voice

log = logging.getLogger(__name__)

_PERIODS = 3
_WAKE_SECONDS = 0.3
_STALL_SECONDS = 3.0
_REST_SECONDS = 20.0
_RETRY_SECONDS = 30.0


class CardOutput:
    """miniaudio's playback: the default sound card, or its null device (also in place of a card that is missing).

    The device is opened when something is about to play, with silence before it, so that an amplifier that sleeps
    does not swallow the first word; it is closed after `_REST_SECONDS` of nothing.
    """

    def __init__(self, mixer: Mixer, *, null: bool, latency: float = 0.0) -> None:
        """`latency` (s) comes on top of the buffer's own."""
        self._mixer = mixer
        self._null = null
        self._latency = latency
        self._buffer = _PERIODS * BLOCK_SECONDS
        self._lock = threading.RLock()
        self._device: Any = None
        self._rate = 0
        self._awake_from = 0.0
        self._heard_at = 0.0
        self._used_at = 0.0
        self._opened_at = 0.0
        self.fault: str | None = None

    def rate_for(self, native: int) -> int:
        with self._lock:
            self._used_at = time.monotonic()
            idle = self._mixer.current() is None and self._mixer.waiting() is None
            if self._device is None or (idle and (self._rate != native or self.fault)):
                self._shut()
                self._open(native)
            return self._rate

    def soonest(self) -> float:
        return max(time.monotonic() + self._buffer + 2 * BLOCK_SECONDS + self._latency, self._awake_from)

    def rest(self) -> None:
        with self._lock:
            now = time.monotonic()
            if self._mixer.current() is not None or self._mixer.waiting() is not None:
                self._used_at = now
                if self._device is not None and now - self._heard_at > _STALL_SECONDS:
                    log.error("the sound card takes nothing any more")
                    self._shut()
                    self._open(self._rate, null=True)
                elif self.fault and self._mixer.current() is not None and now - self._opened_at > _RETRY_SECONDS:
                    self._shut()
                    self._open(self._rate)
            elif self._device is not None and now - self._used_at > _REST_SECONDS:
                self._shut()

    def finish(self, voice: Voice, name: str) -> None:
        """Nothing is kept of what has sounded."""

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _open(self, rate: int, *, null: bool = False) -> None:
        miniaudio = load_miniaudio()
        fault = "no sound card" if null else None
        try:
            device = self._device_on(miniaudio, rate, null=null or self._null)
            if not self._null and not null and device.backend.lower() == "null":
                fault = "no sound card"
        except miniaudio.MiniaudioError as error:
            log.error("the sound card can't be opened (%s); the timetable runs on in silence", error)  # noqa: TRY400
            fault = "no sound card"
            device = self._device_on(miniaudio, rate, null=True)
        self._rate = rate
        self._buffer = _buffered_seconds(device)
        frames = self._frames(rate)
        next(frames)
        now = time.monotonic()
        self._heard_at = self._used_at = self._opened_at = now
        try:
            device.start(frames)
        except miniaudio.MiniaudioError as error:
            device.close()
            raise EngineFailed(N_("The sound card can't be started (%(why)s)."), why=str(error)) from error
        self._device, self.fault = device, fault
        self._awake_from = now if self._null or fault else now + _WAKE_SECONDS

    def _device_on(self, miniaudio: ModuleType, rate: int, *, null: bool) -> Any:
        return miniaudio.PlaybackDevice(
            output_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=rate,
            buffersize_msec=round(BLOCK_SECONDS * 1000),
            callback_periods=_PERIODS,
            backends=[miniaudio.Backend.NULL] if null else None,
            app_name="loa",
        )

    def _shut(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _frames(self, rate: int) -> Generator[bytes, int, None]:
        """Deliver what the device asks for, each block for the instant at which it will leave."""
        clock = SampleClock(rate)
        wanted = yield b""
        while True:
            self._heard_at = time.monotonic()
            at = clock.block(self._heard_at, wanted, self._buffer + self._latency)
            wanted = yield self._mixer.block(at, wanted, rate)


def has_miniaudio() -> bool:
    """Whether it is installed: it has no wheel for every kind of machine."""
    return importlib.util.find_spec("miniaudio") is not None


def _buffered_seconds(device: Any) -> float:
    """How long before it leaves a block is asked for.

    miniaudio asks as soon as the block before was taken, hence when the buffer is full: of the card's whole buffer,
    as the kernel has it, or, where that is not known, as it was asked for. The null device has one period.
    """
    if device.backend.lower() == "null":
        return BLOCK_SECONDS
    return buffer_seconds(own_tasks()) or _PERIODS * BLOCK_SECONDS


def load_miniaudio() -> ModuleType:
    """Import miniaudio without numpy, which it takes if it is there, for 20 MB and no use of ours."""
    with _without_numpy():
        import miniaudio  # only stations with a device pay for it

    module: ModuleType = miniaudio
    return module


class _without_numpy:  # noqa: N801 - reads as a statement
    def __enter__(self) -> None:
        self._absent = "numpy" not in sys.modules
        if self._absent:
            sys.modules["numpy"] = None  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        if self._absent:
            del sys.modules["numpy"]
