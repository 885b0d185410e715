"""Peaks between the samples (ITU-R BS.1770-4, Annex 2: at least four times oversampled)."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_TAPS = 16
_PHASES = 4
_RUN = 4_096


@functools.cache
def _interpolator(phase: float) -> NDArray[np.float32]:
    """Kaiser-windowed sinc that reads `phase` of a sample after the eighth of sixteen samples."""
    position = np.arange(_TAPS) - (_TAPS // 2 - 1) - phase
    window = np.kaiser(2 * _TAPS * 64 + 1, 5.0)
    weights = np.interp(position / (_TAPS / 2), np.linspace(-1, 1, len(window)), window)
    taps = np.sinc(position) * weights
    normal: Samples = (taps / taps.sum()).astype(np.float32)
    return normal


_HALF = _TAPS // 2
HALF_SAMPLE_LATE = _HALF  # samples by which what `half_sample` gives comes late


def half_sample(z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The response at `z` (see `audio.filters`) of reading midway between samples, eight samples late.

    What comes out at n lies between samples n-8 and n-7. This two-fold reading steers the limiter (it misses the
    four-fold peak by some tenths of a dB); what goes out is checked four-fold.
    """
    taps = _interpolator(0.5).astype(np.float64)
    return np.polynomial.polynomial.polyval(z, taps).astype(np.complex128, copy=False)


class TruePeak:
    """The four-fold oversampled peak of a signal that comes in blocks.

    Only beside samples of at least half the present maximum is it read between the samples. Nothing is missed by that
    in a signal without content above a third of its rate: around its peak P such a signal stays above P cos(ωt)
    (Duffin and Schaeffer 1938), so the nearest sample is at least P cos(π/3). What our encoders write has none there.
    """

    def __init__(self) -> None:
        self._taps = np.stack([_interpolator(phase / _PHASES) for phase in range(1, _PHASES)], axis=1)
        self._before = np.zeros(_TAPS, np.float32)
        self.linear = 0.0

    @property
    def db(self) -> float:
        """dBTP; -inf for silence."""
        return 20 * math.log10(self.linear) if self.linear > 0 else -math.inf

    def feed(self, block: Samples) -> None:
        if not len(block):
            return
        around = np.concatenate([self._before, block])
        self.linear = max(self.linear, float(around.max()), -float(around.min()))
        if self.linear > 0:
            near = np.abs(around) >= self.linear / 2
            near[:-1] |= near[1:]  # read before the sample and after it
            starts = np.flatnonzero(near[_HALF - 1 : -_HALF])
            windows = np.lib.stride_tricks.sliding_window_view(around, _TAPS)
            for first in range(0, len(starts), _RUN):
                between = windows[starts[first : first + _RUN]] @ self._taps
                self.linear = max(self.linear, float(between.max()), -float(between.min()))
        self._before = around[-_TAPS:].copy()

    def finish(self) -> float:
        """Read past the last sample; the peak in dBTP."""
        self.feed(np.zeros(_TAPS, np.float32))
        return self.db
