"""Sound in step with the corrected clock, whatever rate the crystal of a sound card has. Pure.

Two questions: at which instant does a sample leave that is handed over now (`SampleClock`), and is what a voice hands
over still what belongs to that instant (`Place`). A voice that strays is brought back by single samples, each of them
gained or lost over a whole block: the block is read a little faster or slower, its ends unchanged (`stretched`).
One sample in a block of 20 ms is a thousandth for a fiftieth of a second, less than two hundredths of a semitone,
where an ear needs five times as much; and there is no place where the wave is torn, hence no click.
"""

import audioop
import math
from typing import Protocol

BYTES_A_SAMPLE = 2
JUMP_SECONDS = 0.03  # so far off after a stall: there was a gap in the sound anyway
# An output has stood still when for so long (s) every request was late by so much (s): a busy machine is seldom that.
_STALLS = ((0.05, 1.0), (0.005, 20.0))
_LEAK_SECONDS = 1.0
_MOST_DRIFT = 300e-6  # of a crystal, and of the host's beside it
_DEAD_SECONDS = 0.0005
_TIME_CONSTANT = 5.0
_MOST_RATE = 1e-3
_FRAMES_A_SAMPLE = 800  # a block must be so long for each sample that it gains or loses
_SHORTEST_BLOCK = 400


class Pace(Protocol):
    """The time that sound is kept in step with, in seconds; it runs on evenly, without steps."""

    def elapsed(self, monotonic: float) -> float: ...
    def reading_of(self, elapsed: float) -> float: ...


class Even:
    """The monotonic clock itself."""

    def elapsed(self, monotonic: float) -> float:
        return monotonic

    def reading_of(self, elapsed: float) -> float:
        return elapsed


class SampleClock:
    """The instants at which an output's samples leave, told from when it asked for them. One for each opening.

    An output asks as soon as it has room, and whoever is asked may answer late but never early. So the earliest request
    seen tells the truth, and later ones move the estimate only slowly, as fast as a crystal can drift. Only when all of
    them are much later for a while, the output has stood still.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._next: float | None = None
        self._stalls = [_Stall(*each) for each in _STALLS]

    def block(self, now: float, frames: int, latency: float) -> float:
        """The instant (monotonic) of the first of `frames` samples handed over at `now`, `latency` s before they leave.

        The frames follow one another from call to call.
        """
        seen, seconds = now + latency, frames / self._rate
        first = seen if self._next is None else self._next + self._moved(seen - self._next, seconds)
        self._next = first + seconds
        return first

    def _moved(self, late: float, seconds: float) -> float:
        """By how much a request that comes so late moves the estimate."""
        stood_still = max(stall.seen(late, seconds) for stall in self._stalls)
        if stood_still:
            self._stalls = [_Stall(*each) for each in _STALLS]
            return stood_still
        return late if late < 0.0 else min(late / _LEAK_SECONDS, _MOST_DRIFT) * seconds


class _Stall:
    """Watches for requests that are all late by more than `least`, for `confirmed` seconds."""

    def __init__(self, least: float, confirmed: float) -> None:
        self._least = least
        self._confirmed = confirmed
        self._lowest = math.inf
        self._lasted = 0.0

    def seen(self, late: float, seconds: float) -> float:
        """How long the output stood still, once that is sure; else 0."""
        if late <= self._least:
            self._lowest, self._lasted = math.inf, 0.0
            return 0.0
        self._lowest, self._lasted = min(self._lowest, late), self._lasted + seconds
        return self._lowest if self._lasted >= self._confirmed else 0.0


class Place:
    """Where in a voice the clock wants the next sample from, as against where it is."""

    def __init__(self, rate: int, zero: float, *, may_skip: bool) -> None:
        """`zero` is the elapsed time of the voice's first sample; `may_skip`: a stall makes it skip what was missed."""
        self._rate = rate
        self._zero = zero
        self._may_skip = may_skip
        self._owed = 0.0

    def correction(self, elapsed: float, place: int, frames: int) -> int:
        """How many samples to read beyond (or, below 0, short of) the next `frames` while `frames` are delivered.

        `place` is how many were read so far. So many that they can't be read by the way (not `is_small`) have to be
        left out first, or to be waited for in silence.
        """
        behind = elapsed - self._zero - place / self._rate
        if abs(behind) > JUMP_SECONDS:
            self._owed = 0.0
            if self._may_skip:
                return round(behind * self._rate)
            self._zero += behind  # every word of it counts: it goes on, later than planned
            return 0
        if frames < _SHORTEST_BLOCK:
            return 0
        if abs(behind) < _DEAD_SECONDS:
            self._owed = 0.0
            return 0
        self._owed += max(-_MOST_RATE, min(_MOST_RATE, behind / _TIME_CONSTANT)) * frames
        most = max(1, frames // _FRAMES_A_SAMPLE)
        whole = max(-most, min(most, int(self._owed)))
        self._owed -= whole
        return whole


def is_small(correction: int, frames: int) -> bool:
    """Whether a block of `frames` can take so many samples by the way."""
    return abs(correction) <= max(1, frames // _FRAMES_A_SAMPLE)


def stretched(pcm: bytes, frames: int) -> bytes:
    """16-bit mono PCM read as `frames` samples, linearly interpolated, its first sample unchanged.

    The last sample of `pcm` is the one that will follow: the next block begins with it, so that both fit together.
    """
    read = len(pcm) // BYTES_A_SAMPLE - 1
    made, _ = audioop.ratecv(pcm, BYTES_A_SAMPLE, 1, read, frames, None)
    return made[: frames * BYTES_A_SAMPLE]
