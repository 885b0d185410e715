"""Which voice goes out at which sample: one at a time, swapped exactly at the next one's instant, in step with time."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from station.decoding import BYTES_A_SAMPLE
from station.instep import Even, Pace, Place
from station.voice import FADE_SECONDS, Voice

log = logging.getLogger(__name__)

BLOCK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Segment:
    """PCM of one voice, its first sample leaving at `at` on the monotonic clock."""

    voice: Voice
    at: float
    pcm: bytes


class Mixer:
    """Holds the voice that sounds and the one that follows it. Thread-safe: the player sets, the output reads."""

    def __init__(self, pace: Pace | None = None) -> None:
        """`pace` is what the voices are kept in step with; the monotonic clock unless given."""
        self.pace = pace or Even()
        self._lock = threading.Lock()
        self._current: Voice | None = None
        self._next: Voice | None = None
        self._cut = False
        self.went_out: Callable[[float, bytes, int], None] | None = None  # who is told what leaves when

    def schedule(self, voice: Voice | None) -> Voice | None:
        """Let `voice` take over at its instant or as soon as it can; returns one that waited and now never starts."""
        with self._lock:
            waiting, self._next = self._next, voice
            return waiting

    def cut(self) -> None:
        """Bring what sounds to silence at once."""
        with self._lock:
            self._cut = self._current is not None

    def current(self) -> Voice | None:
        with self._lock:
            return self._current

    def waiting(self) -> Voice | None:
        with self._lock:
            return self._next

    def sounding(self) -> tuple[bool, float | None]:
        """Whether anything sounds or is about to, and since when on the monotonic clock it does."""
        with self._lock:
            on = self._current
            return on is not None or self._next is not None, on.started if on is not None else None

    def segments(self, at: float, seconds: float) -> list[Segment]:
        """What goes out in [at, at + seconds) of the monotonic clock: none, one, or two pieces, in order."""
        pieces = self._pieces(at, seconds)
        if self.went_out is not None:
            for each in pieces:
                self.went_out(each.at, each.pcm, each.voice.rate)
        return pieces

    def _pieces(self, at: float, seconds: float) -> list[Segment]:
        with self._lock:
            pieces: list[Segment] = []
            follower = self._next
            turn = follower is not None and follower.begins < at + seconds
            switch = max(at, follower.begins) if turn and follower is not None else at + seconds
            if self._current is not None:
                piece = self._advance(self._current, at, switch - at, last=turn)
                if piece is not None:
                    pieces.append(piece)
                if turn or self._cut or self._current.ended:
                    self._current.ended = True
                    self._current = None
            self._cut = False
            if turn and follower is not None:
                self._current, self._next = follower, None
                late = follower.catch_up and follower.begins < at
                if late:
                    follower.drop(round((at - follower.begins) * follower.rate))
                zero = self.pace.elapsed(follower.begins if late else switch)
                follower.in_step = Place(follower.rate, zero, may_skip=follower.catch_up)
                follower.started = switch
                piece = self._advance(follower, switch, at + seconds - switch, last=False)
                if piece is not None:
                    pieces.append(piece)
                if follower.ended:
                    self._current = None
            return pieces

    def block(self, at: float, frames: int, rate: int) -> bytes:
        """What goes out in the next `frames` of an output that plays at `rate`, silence included. Never raises."""
        block = bytearray(frames * BYTES_A_SAMPLE)
        try:
            for segment in self.segments(at, frames / rate):
                first = round((segment.at - at) * rate) * BYTES_A_SAMPLE
                pcm = segment.pcm[: len(block) - first]
                block[first : first + len(pcm)] = pcm
        except Exception:  # an error where a device asks would end its sound for good
            log.exception("a block of sound was lost")
        return bytes(block)

    def _advance(self, voice: Voice, at: float, seconds: float, *, last: bool) -> Segment | None:
        frames = round(seconds * voice.rate)
        if self._cut and not last:
            frames = min(frames, round(FADE_SECONDS * voice.rate))
        if frames <= 0:
            return None
        pcm = voice.read(frames, self.pace.elapsed(at))
        if (last or self._cut) and not voice.ended:
            pcm = voice.fade_out(pcm)
        return Segment(voice, at, pcm) if len(pcm) >= BYTES_A_SAMPLE else None
