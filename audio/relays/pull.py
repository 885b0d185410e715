"""A relay at work: one thread pulls a stream, decodes it, and pulls again when it breaks off."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from audio.deadline import Deadline
from audio.ffmpeg import decode_stream
from audio.loudness import Samples
from audio.relays.sources import Source, opened
from audio.relays.watch import Watch, level_db
from core.errors import N_, EngineFailed, LoaError
from core.outside import Outside
from core.steadiness import SILENCE_DB, State

log = logging.getLogger(__name__)

RATE = 44_100
AHEAD_SECONDS = 20.0
_LONGEST_SECONDS = 26 * 3600.0
_FIRST_WAIT_SECONDS = 1.0
_MOST_WAIT_SECONDS = 20.0
_WENT_WELL_SECONDS = 30.0
_PROBE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found behind an address: kind of stream, its own name, seconds heard and how loud they were (dB RMS).

    `by` as in `audio.relays.sources.Source`.
    """

    url: str
    demuxer: str
    title: str
    seconds: float
    level_db: float
    by: str = "direct"

    @property
    def is_silent(self) -> bool:
        return self.level_db <= SILENCE_DB


def probe(outside: Outside, url: str, *, seconds: float = _PROBE_SECONDS, patience: float = 25.0) -> Probed:
    """Listen to a stream for `seconds`, at most `patience`. Raises InvalidInput, OutsideFailed or EngineFailed."""
    with opened(outside, url) as source:
        timer = threading.Timer(patience, source.halt)
        timer.daemon = True
        timer.start()
        try:
            heard: list[Samples] = []
            with decode_stream(source.pieces, source.demuxer, RATE, Deadline(patience + 5)) as blocks:
                try:
                    for block in blocks:
                        heard.append(block)
                        if sum(len(one) for one in heard) >= seconds * RATE:
                            break
                finally:
                    source.halt()
        finally:
            timer.cancel()
        sound = np.concatenate(heard) if heard else np.zeros(0, np.float32)
        if not len(sound):
            raise EngineFailed(N_("No sound could be made of what comes from %(url)s."), url=source.url)
        return Probed(source.url, source.demuxer, source.title, len(sound) / RATE, level_db(sound), source.by)


class Pull:
    """Keeps a stream coming until it is stopped. `take` gives its samples in order, without waiting."""

    def __init__(self, outside: Outside, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outside = outside
        self.url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._held: deque[Samples] = deque()
        self._samples = 0
        self._watch = Watch(clock(), rate=RATE)
        self._source: Source | None = None
        self.title = ""
        self.why = ""
        self.times_lost = 0
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End it, and wait for that at most `seconds`."""
        self._stopping.set()
        source = self._source
        if source is not None:
            source.halt()
        self._thread.join(seconds)

    def state(self) -> State:
        with self._lock:
            return self._watch.state(self._clock())

    def held_seconds(self) -> float:
        """How much has come and was not taken yet."""
        with self._lock:
            return self._samples / RATE

    def take(self, samples: int) -> Samples:
        """The next samples, at most `samples` (mono, at `RATE`); fewer when no more have come."""
        taken: list[Samples] = []
        with self._lock:
            missing = samples
            while missing and self._held:
                block = self._held.popleft()
                if len(block) > missing:
                    self._held.appendleft(block[missing:])
                    block = block[:missing]
                taken.append(block)
                missing -= len(block)
                self._samples -= len(block)
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = self._clock()
            try:
                self._pull_once()
                self.why = "ended"
            except LoaError as error:
                self.why = str(error)
            except Exception as error:
                log.exception("a relay broke off")
                self.why = type(error).__name__
            if self._stopping.is_set():
                return
            failures = 1 if self._clock() - began > _WENT_WELL_SECONDS else failures + 1
            self.times_lost += 1
            wait = min(_MOST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 8))
            self._stopping.wait(wait * random.uniform(0.75, 1.0))  # noqa: S311 - jitter, not a secret

    def _pull_once(self) -> None:
        with opened(self._outside, self.url) as source:
            self._source, self.title = source, source.title
            try:
                if self._stopping.is_set():
                    return
                with decode_stream(source.pieces, source.demuxer, RATE, Deadline(_LONGEST_SECONDS)) as blocks:
                    try:
                        for block in blocks:
                            self._keep(block)
                            if self._stopping.is_set():
                                return
                    finally:
                        source.halt()
            finally:
                self._source = None

    def _keep(self, block: Samples) -> None:
        """Hold what came; the oldest of what nobody takes is let go: memory stays bounded, and it stays live."""
        with self._lock:
            self._watch.heard(block, self._clock())
            self._held.append(block)
            self._samples += len(block)
            while self._samples > AHEAD_SECONDS * RATE:
                self._samples -= len(self._held.popleft())
