"""Somebody speaks live: the stream of their voice at the station, with as little delay as the way to it allows.

The server paces the stream by its clock, and its frames stand for themselves. So the station holds only what a network
is unsteady by (`START_SECONDS`); what a stall has delayed is caught up with in the pauses of the speech. A stream that
the server answers with 410 has come to its end: what lies here still sounds, then the programme goes on. One that
merely breaks off is asked for again at once; when nothing has come for `DOWN_SECONDS` the programme goes on as well,
until the voice is back.
"""

import audioop
import logging
import math
import threading
import time
from collections.abc import Callable

from core.errors import LoaError
from core.outside import Limits, Outside
from core.wire import Outcome, Reason
from station.accounting import Stretch
from station.decoding import BYTES_A_SAMPLE, BadAudio
from station.due import Progress
from station.relaying import RATE, RelayStream

log = logging.getLogger(__name__)

START_SECONDS = 0.4  # so much lies here when it begins to sound, and after each gap
DOWN_SECONDS = 8.0
AHEAD_SECONDS = 0.3  # so much of it the voice decodes ahead
_MOST_SECONDS = 2.5  # held at most: it shall be live
_SLACK_SECONDS = 0.25
_PAUSE_DB = -45.0
_GAP_SECONDS = 0.25  # without sound: from then on there is silence until enough has come again
_STEP_SECONDS = 0.05
_WAITS_SECONDS = (0.1, 0.3, 0.6, 1.0, 2.0)
_GONE = 410
_LIMITS = Limits(connect_seconds=4.0, idle_seconds=4.0, seconds=None)
_FULL_SCALE = 32_768
_MISSED_SECONDS = 4.0  # until a station is told and the stream is open, and behind the last word
_MOSTLY = 0.9


class _Over(BadAudio):
    """The server says that the talk has ended."""


class LiveStream(RelayStream):
    """Keeps the stream of a talk coming until the talk is over or it is closed."""

    limits = _LIMITS
    most_seconds = _MOST_SECONDS

    def __init__(self, outside: Outside, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.over = threading.Event()
        super().__init__(outside, url, clock=clock)

    def refused(self, status: int) -> LoaError:
        """Why there is no stream."""
        return _Over("over") if status == _GONE else super().refused(status)

    def take_now(self, frames: int) -> bytes:
        """At most `frames` of what lies here, without waiting."""
        with self._changed:
            there = min(frames * BYTES_A_SAMPLE, self._bytes)
        return self.take(there // BYTES_A_SAMPLE, 0.0) if there else b""

    def wait(self, seconds_of_sound: float, patience: float) -> bool:
        """Wait until so much sound lies here; whether it does."""
        wanted = seconds_of_sound * RATE * BYTES_A_SAMPLE
        with self._changed:
            return self._changed.wait_for(
                lambda: self._bytes >= wanted or self.over.is_set() or self._closing.is_set(), timeout=patience
            )

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            began = self._clock()
            try:
                self._pull()
            except _Over:
                self.over.set()
                with self._changed:
                    self._changed.notify_all()
                return
            except LoaError as error:
                log.warning("%s: %s", self.url, error)
            except Exception:
                log.exception("%s broke off", self.url)
            failures = 0 if self._clock() - began > _WAITS_SECONDS[-1] else failures + 1
            self._closing.wait(_WAITS_SECONDS[min(failures, len(_WAITS_SECONDS) - 1)])


class LiveSource:
    """What a voice reads of a talk. At its end `is_over` or `is_down` says why nothing more comes."""

    rate = RATE

    def __init__(
        self, stream: LiveStream, on_down: Callable[[LiveStream], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`on_down` takes the stream over when nothing comes any more: it may come back."""
        self._stream, self._on_down, self._clock = stream, on_down, clock
        self._flows = False
        self.is_over = self.is_down = False
        self._closed = threading.Event()

    def read(self, frames: int) -> bytes:
        """The next frames, as soon as they are there; nothing at the end."""
        silent_since = self._clock()
        while not self._closed.is_set():
            wanted = frames / RATE if self._flows else START_SECONDS
            there = self._stream.wait(wanted, _STEP_SECONDS)
            if self._stream.over.is_set():
                pcm = self._stream.take_now(frames)
                self.is_over = not pcm
                return pcm
            if there:
                pcm = self._next(frames)
                if pcm:
                    self._flows = True
                    return pcm
            waited = self._clock() - silent_since
            if waited > _GAP_SECONDS:
                self._flows = False
            if waited > DOWN_SECONDS:
                self.is_down = True
                return b""
        return b""

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads of it any more."""
        return self._closed.is_set()

    def _next(self, frames: int) -> bytes:
        """The next frames; where more lies here than is needed, pauses of the speech are left out."""
        pcm = self._stream.take(frames, 0.0)
        while pcm and self._stream.held_seconds() > _SLACK_SECONDS and _level_db(pcm) < _PAUSE_DB and self._flows:
            pcm = self._stream.take(frames, 0.0)
        return pcm

    def close(self) -> None:
        self._closed.set()
        if self.is_down:
            self._on_down(self._stream)
        else:
            self._stream.close()


def verdict(before: Progress, stretch: Stretch, elapsed: float, *, silent: bool) -> tuple[Outcome, Reason | None]:
    """What a talk that is over comes to at this station, `elapsed` seconds after it began."""
    sounded = before.sounded + stretch.out
    if silent:
        return "missed", "player_error"
    if sounded <= 0:
        return "missed", "relay_down"
    if sounded >= min(stretch.wanted, elapsed * _MOSTLY) - _MISSED_SECONDS:
        return "played", None
    return "partial", None


def _level_db(pcm: bytes) -> float:
    return 20 * math.log10(max(audioop.rms(pcm, BYTES_A_SAMPLE), 0.03) / _FULL_SCALE)


class Talks:
    """The streams of talks at this station: those that sound, and those that broke off and may come back."""

    def __init__(self, outside: Outside, server: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`server` is the address that a talk's path is meant at."""
        self._outside, self._server, self._clock = outside, server.rstrip("/"), clock
        self._lock = threading.Lock()
        self._down: dict[str, tuple[LiveStream, float]] = {}
        self._sounding: list[LiveSource] = []

    def source(self, url: str, seconds: float) -> LiveSource:
        """What a voice reads of the talk at `url`, which lasts `seconds` more at most."""
        until = self._clock() + seconds
        with self._lock:
            known = self._down.pop(url, None)
        stream = known[0] if known else LiveStream(self._outside, self._address(url))

        def broke_off(broken: LiveStream) -> None:
            log.warning("nothing comes of %s any more; the programme goes on until it does", broken.url)
            with self._lock:
                self._down[url] = broken, until

        made = LiveSource(stream, broke_off)
        with self._lock:
            self._sounding = [each for each in self._sounding if not each.is_closed] + [made]
        return made

    def is_down(self, url: str) -> bool:
        """Whether the talk at `url` broke off and has not come back."""
        with self._lock:
            known = self._down.get(url)
            over = [each for each, (_, until) in self._down.items() if self._clock() > until]
            for each in over:
                self._down.pop(each)[0].close()
        return known is not None and (known[0].over.is_set() or known[0].held_seconds() < START_SECONDS)

    def _address(self, url: str) -> str:
        return self._server + url if url.startswith("/") else url

    def close(self) -> None:
        """Let go of all of them."""
        with self._lock:
            for stream, _ in self._down.values():
                stream.close()
            for source in self._sounding:
                source.close()
            self._down.clear()
