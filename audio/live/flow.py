"""A speaker's sound, which comes in bursts and with gaps, as a flow at the pace of the clock. Pure.

The way from a phone is unsteady. What comes is held for a moment (`CUSHION_SECONDS`); what is missing is silence; and
what came in a burst after a stall is caught up with in the pauses of the speech, so that no word is lost and the delay
goes back to what it was.
"""

from collections import deque

import numpy as np

from audio.loudness import Samples

CUSHION_SECONDS = 0.2
MOST_SECONDS = 2.5  # held at most: what is older is left out, for it must stay live
_SLACK_SECONDS = 0.25
_CELL_SECONDS = 0.02
_PAUSE_DB = -45.0
_FULL_SCALE = 32_768.0


class Flow:
    """Samples in, by their place in the speech; samples out, as many as are due."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.next: int | None = None  # the place of the sample that is expected; None before the first
        self.lost = 0  # samples that never came
        self.left_out = 0  # samples that came too late to be still live, or were pauses
        self._held: deque[Samples] = deque()
        self._samples = 0
        self._flows = False

    @property
    def held_seconds(self) -> float:
        """How much lies here."""
        return self._samples / self.rate

    def put(self, at: int, pcm: bytes) -> bytes:
        """Take 16-bit PCM (little-endian, mono) whose first sample has the place `at`; returns what was new of it.

        What came before is passed over, so that a call may be repeated; what was left out on the way is lost.
        """
        pcm = pcm[: len(pcm) // 2 * 2]
        if self.next is None:
            self.next = at
        known = max(0, self.next - at) * 2
        if known >= len(pcm):
            return b""
        self.lost += max(0, at - self.next)
        fresh = pcm[known:]
        block = np.frombuffer(fresh, "<i2").astype(np.float32) / _FULL_SCALE
        self._held.append(block)
        self._samples += len(block)
        self.next = max(at, self.next) + len(block)
        excess = self._samples - round(MOST_SECONDS * self.rate)
        if excess > 0:
            self.left_out += len(self._taken(excess))
        return fresh

    def take(self, samples: int, *, last: bool = False) -> Samples:
        """The next `samples`, silence where none are. With `last`, no more will come: nothing is waited for."""
        held = self.held_seconds
        self._flows = held > 0 if self._flows or last else held >= CUSHION_SECONDS
        if not self._flows:
            return np.zeros(samples, np.float32)
        if held > CUSHION_SECONDS + _SLACK_SECONDS:
            self._skip_a_pause()
        found = self._taken(samples)
        if len(found) == samples:
            return found
        self._flows = False
        return np.concatenate([found, np.zeros(samples - len(found), np.float32)])

    def _skip_a_pause(self) -> None:
        """Leave out one cell of what comes next if nobody speaks in it."""
        cell = round(_CELL_SECONDS * self.rate)
        piece = self._taken(cell)
        level = 10 * np.log10(float(np.mean(piece * piece)) + 1e-12) if len(piece) else 0.0
        if level < _PAUSE_DB:
            self.left_out += len(piece)
        else:
            self._held.appendleft(piece)
            self._samples += len(piece)

    def _taken(self, samples: int) -> Samples:
        taken: list[Samples] = []
        missing = samples
        while missing and self._held:
            block = self._held.popleft()
            if len(block) > missing:
                self._held.appendleft(block[missing:])
                block = block[:missing]
            taken.append(block)
            missing -= len(block)
        found = np.concatenate(taken) if taken else np.zeros(0, np.float32)
        self._samples -= len(found)
        return found
