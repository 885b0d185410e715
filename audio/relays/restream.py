"""One broadcast for many listeners: pulled once, encoded once, as MP3 at the pace of the clock without a gap.

While the source is away there is silence in its place, so that whoever listens notices, and hears it when it is back.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from audio.deadline import Deadline
from audio.ffmpeg import encode_stream
from audio.loudness import Samples
from audio.relays.pull import RATE, Pull
from core.errors import LoaError

log = logging.getLogger(__name__)

BURST_SECONDS = 4.0
CUSHION_SECONDS = 2.0  # kept back for the unsteadiness of the way from the broadcaster
_PATIENCE_SECONDS = 4.0  # so long nothing is sent: what comes at once then goes out as the burst
_STEP_SECONDS = 0.1
_MOST_BEHIND_SECONDS = 5.0
_LONGEST_SECONDS = 26 * 3600.0
_MOST_WAIT_SECONDS = 20.0


class Restream:
    """A broadcast on its way through this server, from `start` until `stop`. `take` gives its MP3, without waiting."""

    def __init__(self, pull: Pull, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`pull` is begun and ended with it."""
        self.url = pull.url
        self._clock = clock
        self._pull = pull
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._made = bytearray()
        self._begun: float | None = None
        self._given = 0  # samples since then
        self._is_live = False
        self.silent_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="restream", daemon=True)

    def start(self) -> None:
        self._pull.start()
        self._thread.start()

    def stop(self, seconds: float = 0.0) -> None:
        """End it, and wait for that at most `seconds`."""
        self._stopping.set()
        self._pull.stop(seconds)
        self._thread.join(seconds)

    @property
    def is_live(self) -> bool:
        """Whether what is sent now comes from the broadcaster."""
        return self._is_live

    def take(self) -> bytes:
        """What has been made since the last call: MP3, whole frames from the first on, cut anywhere at its end."""
        with self._lock:
            made, self._made = bytes(self._made), bytearray()
        return made

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = self._clock()
            try:
                with encode_stream(self._blocks(), RATE, Deadline(_LONGEST_SECONDS)) as pieces:
                    for piece in pieces:
                        with self._lock:
                            self._made += piece
            except LoaError as error:
                log.warning("what comes from %s could not be encoded: %s", self.url, error)
            except Exception:
                log.exception("what comes from %s could not be encoded", self.url)
            if self._stopping.is_set():
                return
            failures = 1 if self._clock() - began > _MOST_WAIT_SECONDS else failures + 1
            wait = min(_MOST_WAIT_SECONDS, 2.0 ** min(failures - 1, 8))
            self._stopping.wait(wait * random.uniform(0.75, 1.0))  # noqa: S311 - jitter, not a secret

    def _blocks(self) -> Iterator[Samples]:
        """Samples as they are due, until it is stopped."""
        if self._begun is None:
            self._wait_for_sound()
        while not self._stopping.is_set():
            block = self._due()
            if len(block):
                yield block
            self._stopping.wait(_STEP_SECONDS)

    def _wait_for_sound(self) -> None:
        """Begin as far back as there is sound for a burst; at the latest after a while, with silence."""
        until = self._clock() + _PATIENCE_SECONDS
        while not self._stopping.is_set() and self._clock() < until:
            if self._pull.held_seconds() >= BURST_SECONDS + CUSHION_SECONDS:
                break
            self._stopping.wait(_STEP_SECONDS)
        burst = min(BURST_SECONDS, max(0.0, self._pull.held_seconds() - CUSHION_SECONDS))
        self._begun = self._clock() - burst

    def _due(self) -> Samples:
        """What has become due by now: from the broadcaster as long as enough of it lies here, else silence."""
        assert self._begun is not None  # noqa: S101 - set before the first block
        due = round((self._clock() - self._begun) * RATE) - self._given
        if due > _MOST_BEHIND_SECONDS * RATE:  # the process was stopped: what it missed is left out
            self._begun += due / RATE
            return np.zeros(0, np.float32)
        self._given += due
        held = self._pull.held_seconds()
        self._is_live = held > 0 if self._is_live else held >= CUSHION_SECONDS
        found = self._pull.take(due) if self._is_live else np.zeros(0, np.float32)
        if len(found) == due:
            return found
        self._is_live = False
        self.silent_seconds += (due - len(found)) / RATE
        return np.concatenate([found, np.zeros(due - len(found), np.float32)])
