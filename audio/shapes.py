"""The picture of a sound: how high it goes in each stretch, made while the sound streams by."""

import numpy as np
from numpy.typing import NDArray

MOST_STEPS = 800
_FULL_SCALE = 255
_FIRST_STRETCH = 16


class Shape:
    """Collects the highest sample (either side of zero) of equal stretches; the total length need not be known.

    Stretches are merged in pairs as their number grows: at most 1,600 are held, whatever comes.
    """

    def __init__(self) -> None:
        self._stretch = _FIRST_STRETCH  # samples in one step
        self._steps = np.zeros(2 * MOST_STEPS, np.float32)
        self._count = 0
        self._begun = 0  # samples of the step that is not full yet, and the highest of them
        self._highest = 0.0

    def feed(self, block: NDArray[np.float32]) -> None:
        """Take the next samples (mono, 1.0 is full scale)."""
        while self._count + (self._begun + len(block)) // self._stretch > len(self._steps):
            self._merge()
        missing = self._stretch - self._begun
        if self._begun:
            self._begin(block[:missing])
            block = block[missing:]
        whole = len(block) // self._stretch * self._stretch
        stretches = block[:whole].reshape(-1, self._stretch)
        self._add(np.maximum(stretches.max(axis=1), -stretches.min(axis=1)))
        self._begin(block[whole:])

    def _begin(self, part: NDArray[np.float32]) -> None:
        """Take a part of a step; the step is added when it is full."""
        if len(part):
            self._begun += len(part)
            self._highest = max(self._highest, float(part.max()), -float(part.min()))
        if self._begun == self._stretch:
            self._add(np.array([self._highest], np.float32))
            self._begun, self._highest = 0, 0.0

    def _add(self, peaks: NDArray[np.float32]) -> None:
        self._steps[self._count : self._count + len(peaks)] = peaks
        self._count += len(peaks)

    def _merge(self) -> None:
        if self._count % 2:  # the last one has no partner: it begins the step that is not full
            self._count -= 1
            self._begun += self._stretch
            self._highest = max(self._highest, float(self._steps[self._count]))
        self._count //= 2
        self._steps[: self._count] = self._steps[: 2 * self._count].reshape(-1, 2).max(axis=1)
        self._stretch *= 2

    def finish(self) -> bytes:
        """One byte for each step, at most 800: 0 is silence, 255 full scale and above. Empty for no sound at all."""
        steps = self._steps[: self._count]
        if self._begun:
            steps = np.append(steps, np.float32(self._highest))
        while len(steps) > MOST_STEPS:
            steps = np.append(steps, np.zeros(len(steps) % 2, np.float32)).reshape(-1, 2).max(axis=1)
        return np.clip(np.rint(steps * _FULL_SCALE), 0, _FULL_SCALE).astype(np.uint8).tobytes()
