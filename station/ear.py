"""Proof of sound: what went to the output, held against what a microphone heard meanwhile."""

import logging
import threading
from typing import Protocol

from core.errors import LoaError
from station.likeness import MOST_DELAY_SECONDS, SLOT_SECONDS, Likeness, compare
from station.microphone import Envelope, Source

log = logging.getLogger(__name__)
# The end of a long item speaks for all of it.
WINDOW_SECONDS = 45.0
_BEFORE_SECONDS = 1.0  # the silence before the first word is part of the pattern
_LOOK_SECONDS = 0.1
_AFTER_LOOKS = 15
_REST_LOOKS = 300  # half a minute until a microphone that is missing is looked for again


class Sounding(Protocol):
    """Tells since when something sounds, on the monotonic clock."""

    def sounding(self) -> tuple[bool, float | None]:
        """Whether anything sounds or is about to, and since when it does."""


class Ear:
    """Listens while something sounds. `went_out` is told by the mixer, `judge` asked by the player."""

    def __init__(self, source: Source) -> None:
        self._source = source
        most = round((WINDOW_SECONDS + 15) / SLOT_SECONDS)
        self._played, self._heard = Envelope(SLOT_SECONDS, most), Envelope(SLOT_SECONDS, most)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.fault: str | None = None

    def went_out(self, at: float, pcm: bytes, rate: int) -> None:
        """These samples leave the output from `at` on."""
        self._played.add(at, pcm, rate)

    def judge(self, began: float, ended: float) -> Likeness | None:
        """Whether what sounded from `began` to `ended` was heard; None where the microphone was not on."""
        begin = max(began, ended - WINDOW_SECONDS) - _BEFORE_SECONDS
        played = [level or 0.0 for level in self._played.levels(begin, ended)]
        return compare(played, self._heard.levels(begin, ended + MOST_DELAY_SECONDS))

    def start(self, sounding: Sounding) -> None:
        self._thread = threading.Thread(target=self._run, args=(sounding,), name="ear", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self, sounding: Sounding) -> None:
        is_open, idle, resting = False, 0, 0
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                wanted, since = sounding.sounding()
                resting = max(0, resting - 1)
                if wanted and not is_open and not resting:
                    self._source.open(self._heard.add)
                    is_open, self.fault = True, None
                idle = 0 if wanted else idle + 1
                if is_open:
                    self._source.feed(since)
                    if idle > _AFTER_LOOKS:
                        self._source.close()
                        is_open = False
            except LoaError as error:
                resting = _REST_LOOKS
                if str(error) != self.fault:
                    log.warning("nothing is heard: %s", error)
                self.fault = str(error)
            except Exception:
                resting = _REST_LOOKS
                log.exception("the microphone failed; it is tried again")
        if is_open:
            self._source.close()
