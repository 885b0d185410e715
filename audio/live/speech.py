"""A talk at work: what a speaker sends, levelled and encoded as it comes, once for everybody who listens."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from audio.deadline import Deadline
from audio.ffmpeg import encode_stream
from audio.live.flow import Flow
from audio.live.levelling import Leveller
from audio.loudness import Samples
from core.errors import LoaError

log = logging.getLogger(__name__)

_STEP_SECONDS = 0.04
_TAIL_SECONDS = 0.3  # of silence behind the last word, so that no decoder keeps it back
_MOST_BEHIND_SECONDS = 2.0
_LONGEST_SECONDS = 13 * 3600.0
_REST_SECONDS = 0.5


class Speech:
    """From `start` until `finish` (what is held goes out first) or `stop`. `take` gives its MP3, without waiting."""

    def __init__(self, rate: int, lead: Samples | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`lead` sounds first, as it is: a chime, say. `rate` is that of what is `put`, and of `lead`."""
        self._rate, self._clock = rate, clock
        self.flow = Flow(rate)
        self._leveller = Leveller(rate)
        self._lead = np.zeros(0, np.float32) if lead is None else lead
        self._lock = threading.Lock()
        self._made = bytearray()
        self._finishing, self._stopping = threading.Event(), threading.Event()
        self._begun: float | None = None
        self._given = 0  # samples since then
        self.over = threading.Event()  # nothing more will be made
        self._thread = threading.Thread(target=self._run, name="speech", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Nothing more comes from the speaker: end when all of it has gone out. `over` is set then."""
        self._finishing.set()

    def stop(self) -> None:
        """End at once."""
        self._finishing.set()
        self._stopping.set()

    def put(self, at: int, pcm: bytes) -> bytes:
        """See `Flow.put`."""
        with self._lock:
            return self.flow.put(at, pcm)

    def take(self) -> bytes:
        """What has been made since the last call: MP3, whole frames from the first on, cut anywhere at its end."""
        with self._lock:
            made, self._made = bytes(self._made), bytearray()
        return made

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    with encode_stream(self._blocks(), self._rate, Deadline(_LONGEST_SECONDS), live=True) as pieces:
                        for piece in pieces:
                            with self._lock:
                                self._made += piece
                except LoaError as error:
                    log.warning("a live talk could not be encoded: %s", error)
                except Exception:
                    log.exception("a live talk could not be encoded")
                if self._finishing.is_set():
                    return
                self._stopping.wait(_REST_SECONDS)
        finally:
            self.over.set()

    def _blocks(self) -> Iterator[Samples]:
        """Samples as they are due."""
        if self._begun is None:
            self._begun = self._clock()
        while not self._stopping.is_set():
            block = self._due(last=self._finishing.is_set())
            if len(block):
                yield block
            if self._finishing.is_set() and not self.flow.held_seconds and not len(self._lead):
                yield np.zeros(round(_TAIL_SECONDS * self._rate), np.float32)
                return
            self._stopping.wait(_STEP_SECONDS)

    def _due(self, *, last: bool) -> Samples:
        assert self._begun is not None  # noqa: S101 - set before the first block
        due = round((self._clock() - self._begun) * self._rate) - self._given
        if due > _MOST_BEHIND_SECONDS * self._rate:  # the process was stopped: what it missed is left out
            self._begun += due / self._rate
            return np.zeros(0, np.float32)
        self._given += due
        lead, self._lead = self._lead[:due], self._lead[due:]
        with self._lock:
            spoken = self.flow.take(due - len(lead), last=last)
        return np.concatenate([lead, self._leveller.feed(spoken)])
