"""The sound card through `aplay`: a thread keeps its pipe just full enough, and the timetable running without it."""

import logging
import threading
import time
from collections.abc import Callable

from core.errors import EngineFailed
from station.aplay import BUFFER_SECONDS, PERIOD_SECONDS, Aplay, has_aplay
from station.instep import SampleClock
from station.mixing import BLOCK_SECONDS, Mixer
from station.voice import Voice

log = logging.getLogger(__name__)

__all__ = ["PipeOutput", "has_aplay"]

_WAKE_SECONDS = 0.3
_STALL_SECONDS = 3.0
_REST_SECONDS = 20.0
_RETRY_SECONDS = 10.0
_SPARE_BLOCKS = 3
_SHORTEST_WAIT = 0.002
_END_SECONDS = 5.0
_MOST_AHEAD = 0.5  # beyond the buffer: what takes more than it can play is no sound card, and is fed by the clock
_FAULT = "no sound card"


class PipeOutput:
    """`aplay` while there is something to play, ended after `_REST_SECONDS` of nothing.

    A card that fails, or takes nothing for `_STALL_SECONDS`, is a `fault`; it is tried again every `_RETRY_SECONDS`,
    and meanwhile what would have sounded goes by in silence.
    """

    def __init__(
        self, mixer: Mixer, device: str | None, latency: float = 0.0, *, silent: bool = False,
        start: Callable[[str | None, int], Aplay] = Aplay,
    ) -> None:  # fmt: skip
        """`latency` (s) comes on top of the buffers' own; `silent` plays into nothing, and has no faults."""
        self._mixer = mixer
        self._device = device
        self._latency = latency
        self._silent = silent
        self._start = start
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._rate = 0
        self._awake_from = 0.0
        self._used_at = 0.0
        self.fault: str | None = None

    def rate_for(self, native: int) -> int:
        with self._lock:
            self._used_at = time.monotonic()
            idle = self._mixer.current() is None and self._mixer.waiting() is None
            if self._thread is None or not self._thread.is_alive() or (idle and self._rate != native):
                self._shut()
                self._rate = native
                self._awake_from = self._used_at + (0.0 if self._silent else _WAKE_SECONDS)
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(native, self._stop), name="aplay", daemon=True)
                self._thread.start()
            return self._rate

    def soonest(self) -> float:
        queued = 0.0 if self._silent else BUFFER_SECONDS + PERIOD_SECONDS + self._latency
        return max(time.monotonic() + queued + (_SPARE_BLOCKS + 2) * BLOCK_SECONDS, self._awake_from)

    def rest(self) -> None:
        with self._lock:
            now = time.monotonic()
            if self._mixer.current() is not None or self._mixer.waiting() is not None:
                self._used_at = now
            elif self._thread is not None and now - self._used_at > _REST_SECONDS:
                self._shut()

    def finish(self, voice: Voice, name: str) -> None:
        """Nothing is kept of what has sounded."""

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _shut(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and self._stop is not None:
            self._stop.set()
            thread.join(_END_SECONDS)

    def _run(self, rate: int, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                if not self._silent:
                    self._play(rate, stop)
                self._go_by(rate, stop)
            except Exception:  # the timetable must run on
                log.exception("the pipe to the sound card failed")
                stop.wait(_RETRY_SECONDS)

    def _play(self, rate: int, stop: threading.Event) -> None:
        """Keep `aplay` supplied until it ends, fails or is no longer wanted."""
        try:
            card = self._start(self._device, rate)
        except EngineFailed:
            log.exception("the sound card can't be opened")
            self.fault = _FAULT
            return
        try:
            why = self._supply(card, rate, stop)
        finally:
            card.close()
        if why is not None:
            log.error("the sound card is gone: %s (%s)", why, card.last_words or "it said nothing")
            self.fault = _FAULT

    def _supply(self, card: Aplay, rate: int, stop: threading.Event) -> str | None:
        """Feed a block whenever less than `_SPARE_BLOCKS` are left in the pipe; returns why that can't go on."""
        frames = round(BLOCK_SECONDS * rate)
        enough = (_SPARE_BLOCKS - 1) * frames
        clock = SampleClock(rate)
        opened = taken_at = time.monotonic()
        written = taken = 0
        while not stop.is_set():
            if not card.is_running():
                return "aplay ended"
            now, backlog = time.monotonic(), card.backlog()
            if written - backlog > taken:
                taken, taken_at = written - backlog, now
                if now - opened > _WAKE_SECONDS:
                    self.fault = None
            queued = card.setup.buffer + card.setup.period + backlog  # it is full, and aplay holds a period in hand
            ahead = (written - queued) / rate - (now - opened) - _MOST_AHEAD
            if backlog > enough or ahead > 0.0:
                if now - taken_at > _STALL_SECONDS:
                    return "it takes nothing any more"
                stop.wait(max(_SHORTEST_WAIT, ahead, (backlog - enough) / rate / 2))
                continue
            at = clock.block(now, frames, queued / rate + self._latency)
            if not card.write(self._mixer.block(at, frames, rate)):
                return "aplay took nothing" if card.is_running() else "aplay ended"
            written += frames
        return None

    def _go_by(self, rate: int, stop: threading.Event) -> None:
        """Let what should sound go by in silence, until it is time to try the card again."""
        frames = round(BLOCK_SECONDS * rate)
        at = began = time.monotonic()
        while not stop.is_set() and (self._silent or at - began < _RETRY_SECONDS):
            stop.wait(max(0.0, at - time.monotonic()))
            self._mixer.block(at, frames, rate)
            at += BLOCK_SECONDS
