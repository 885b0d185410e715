"""Which voice goes out at which sample: one at a time, swapped exactly at the next one's instant."""

import threading
from dataclasses import dataclass

from station.decoding import BYTES_A_SAMPLE
from station.voice import FADE_SECONDS, Voice


@dataclass(frozen=True, slots=True)
class Segment:
    """PCM of one voice, its first sample leaving at `at` on the monotonic clock."""

    voice: Voice
    at: float
    pcm: bytes


class Mixer:
    """Holds the voice that sounds and the one that follows it. Thread-safe: the player sets, the output reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Voice | None = None
        self._next: Voice | None = None
        self._cut = False

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

    def segments(self, at: float, seconds: float) -> list[Segment]:
        """What goes out in [at, at + seconds) of the monotonic clock: none, one, or two pieces, in order."""
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
                if follower.catch_up and follower.begins < at:
                    follower.drop(round((at - follower.begins) * follower.rate))
                follower.started = switch
                piece = self._advance(follower, switch, at + seconds - switch, last=False)
                if piece is not None:
                    pieces.append(piece)
                if follower.ended:
                    self._current = None
            return pieces

    def _advance(self, voice: Voice, at: float, seconds: float, *, last: bool) -> Segment | None:
        frames = round(seconds * voice.rate)
        if self._cut and not last:
            frames = min(frames, round(FADE_SECONDS * voice.rate))
        if frames <= 0:
            return None
        pcm = voice.read(frames)
        if (last or self._cut) and not voice.ended:
            pcm = voice.fade_out(pcm)
        return Segment(voice, at, pcm) if len(pcm) >= BYTES_A_SAMPLE else None
