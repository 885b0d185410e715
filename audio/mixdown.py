"""Two channels into one, without losing what stands in opposite phase in them."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# The middle's energy against the mean of both channels': 1 for equal channels, 1/2 for unrelated ones or for sound in
# one channel only, 0 for opposite ones.
_CANCELS_BELOW = 0.1
_AGREES_ABOVE = 0.3
_REMEMBERED = 0.25  # of what was heard before, with each block
_FADE_SAMPLES = 1_024
_BOTH = np.array([0.5, 0.5], np.float32)


class Mixdown:
    """Takes pairs of samples in blocks and gives the middle of both channels, or the louder one while they cancel.

    A telephone or a cable with one channel turned over otherwise gives next to nothing. Changes between the two are
    faded, so that nothing clicks.
    """

    def __init__(self) -> None:
        self._heard = np.zeros(3)  # energy of left, right and middle, older blocks less and less
        self._weights: NDArray[np.float32] | None = None  # before the first block
        self._cancelled_energy = 0.0
        self._energy = 0.0

    @property
    def cancels(self) -> bool:
        """Whether for most of the sound only one channel was taken."""
        return self._cancelled_energy > self._energy / 2

    def feed(self, pairs: Samples) -> Samples:
        """`pairs` is (n, 2); gives n samples."""
        left, right = pairs[:, 0], pairs[:, 1]
        middle = (left + right) * np.float32(0.5)
        # Not by @: BLAS would wake threads of its own for it, which then spin for longer than the sum takes.
        here = np.array([np.einsum("i,i->", each, each) for each in (left, right, middle)], np.float64)
        self._heard = self._heard * _REMEMBERED + here
        before, self._weights = self._weights, self._chosen()
        single = self._weights is not _BOTH
        self._energy += float(here[:2].sum())
        self._cancelled_energy += float(here[:2].sum()) * single
        mixed: Samples = np.einsum("ij,j->i", pairs, self._weights) if single else middle
        if before is not None and before is not self._weights:
            fade = pairs[:_FADE_SAMPLES]
            share = np.arange(len(fade), dtype=np.float32) / np.float32(len(fade))
            mixed[: len(fade)] *= share
            mixed[: len(fade)] += np.einsum("ij,j->i", fade, before) * (1 - share)
        return mixed

    def _chosen(self) -> NDArray[np.float32]:
        left, right, middle = self._heard
        mean = (left + right) / 2
        single = self._weights is not None and self._weights is not _BOTH
        if middle >= mean * (_AGREES_ABOVE if single else _CANCELS_BELOW):
            return _BOTH
        if single and self._weights is not None:
            return self._weights  # to go on with the same one is better than to change back and forth
        return np.array([1.0, 0.0] if left >= right else [0.0, 1.0], np.float32)
