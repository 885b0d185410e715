"""Loudness after ITU-R BS.1770-4, in blocks, on numpy alone.

The K weighting and the high-pass are applied by overlap-save in the frequency domain: their responses are sampled
from the recursive filters, whose impulse responses have died away (below -130 dB) within the 0.08 s of overlap.
This gives the same figures as the recursive form, costs about as much, and spares the import of scipy.signal,
which takes longer than mastering a minute of speech.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.filters import frequencies, k_weighting, polish
from audio.presets import Preset
from audio.truepeak import half_sample_peaks

Samples = NDArray[np.float32]

SILENCE_LUFS = -70.0
_OFFSET = -0.691  # BS.1770-4, Annex 1: so that a 997 Hz sine at 0 dBFS reads -3.01
HOP_SECONDS = 0.1
_CELLS_A_HOP = 20
_HOPS_A_WINDOW = 4
_TAIL_SECONDS = 0.08
_FFT = 16_384


def cell_samples(rate: int) -> int:
    """Samples in one cell, the grain (about 5 ms) in which loudness and peaks are kept."""
    return max(1, round(rate * HOP_SECONDS / _CELLS_A_HOP))


@dataclass(frozen=True)
class Profile:
    """A signal cell by cell (5 ms): K-weighted energy (sum of squares) and peak, half samples included."""

    rate: int
    samples: int
    energy: NDArray[np.float32]
    peak: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        return self.samples / self.rate

    def loudness(self, power: NDArray[np.float32] | None = None) -> float:
        """Integrated loudness in LUFS, gated; -inf for silence. `power` is a factor for each cell's energy."""
        return integrated(self.energy if power is None else self.energy * power, cell_samples(self.rate))

    def loudest(self) -> float:
        """The loudest 0.4 s (momentary maximum) in LUFS; -inf for silence."""
        power = _windows(self.energy, cell_samples(self.rate))
        return _lufs(float(power.max())) if len(power) else -math.inf


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def _windows(energy: NDArray[np.float32], cell: int) -> NDArray[np.float64]:
    """Mean power of each 400 ms window, a new one every 100 ms; one window over all that is shorter."""
    hops = len(energy) // _CELLS_A_HOP
    if hops < _HOPS_A_WINDOW:
        total = float(energy.sum(dtype=np.float64))
        return np.array([total / (max(1, len(energy)) * cell)])
    sums = energy[: hops * _CELLS_A_HOP].reshape(hops, _CELLS_A_HOP).sum(axis=1, dtype=np.float64)
    return _windows_of_hops(sums, _CELLS_A_HOP * cell)


def _windows_of_hops(sums: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    windows: NDArray[np.float64] = (sums[:-3] + sums[1:-2] + sums[2:-1] + sums[3:]) / (_HOPS_A_WINDOW * hop)
    return windows


def _gated(power: NDArray[np.float64]) -> float:
    power = power[power > 10 ** ((SILENCE_LUFS - _OFFSET) / 10)]
    if not len(power):
        return -math.inf
    gate = float(power.mean()) * 0.1
    return _lufs(float(power[power > gate].mean()))


def integrated(energy: NDArray[np.float32], cell: int) -> float:
    """Gated loudness (BS.1770-4: absolute gate -70 LUFS, relative gate -10 LU) of cells of `cell` samples.

    Material shorter than one gating window (0.4 s) is measured whole and ungated.
    """
    return _gated(_windows(energy, cell))


def integrated_of_hops(energy: NDArray[np.float64], samples: int, hop: int) -> float:
    """The same from the energy of each 100 ms (`hop` samples, the last one maybe not full) of `samples` in all."""
    full = samples // hop
    if full < _HOPS_A_WINDOW:
        return _gated(np.array([float(energy.sum()) / max(1, samples)]))
    return _gated(_windows_of_hops(energy[:full], hop))


class Analyser:
    """Takes a signal in blocks of any length, gives it back polished (if there is a preset), and keeps its profile.

    Memory does not grow by more than 8 bytes for each 5 ms.
    """

    def __init__(self, rate: int, *, preset: Preset | None, peaks: bool = True) -> None:
        """A `preset` changes what comes back; without `peaks` the profile has only loudness (and zero peaks)."""
        self.rate = rate
        self._peaks_wanted = peaks
        self._cell = cell_samples(rate)
        self._tail_length = math.ceil(rate * _TAIL_SECONDS)
        self._step = (_FFT - self._tail_length) // self._cell * self._cell
        z = frequencies(_FFT)
        weighting = k_weighting(rate, z)
        self._pass = polish(preset, rate, z).astype(np.complex64) if preset else None
        self._weighting = (weighting if self._pass is None else weighting * self._pass).astype(np.complex64)
        self._tail = np.zeros(self._tail_length, np.float32)
        self._context = np.zeros(0, np.float32)
        self._waiting: list[Samples] = []
        self._held = 0
        self._samples = 0
        self._energy: list[NDArray[np.float32]] = []
        self._peak: list[NDArray[np.float32]] = []

    def feed(self, block: Samples) -> Samples:
        """Take the next samples; return those that are ready (often fewer, sometimes more than came in)."""
        self._waiting.append(block)
        self._held += len(block)
        if self._held < self._step:
            return np.zeros(0, np.float32)
        joined = np.concatenate(self._waiting)
        whole = len(joined) // self._step * self._step
        out = [self._step_over(joined[at : at + self._step]) for at in range(0, whole, self._step)]
        rest = joined[whole:]
        self._waiting, self._held = [rest.copy()], len(rest)
        return np.concatenate(out)

    def finish(self) -> tuple[Samples, Profile]:
        """The samples still held, and the profile of everything."""
        rest = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.float32)
        self._waiting, self._held = [], 0
        out = self._step_over(rest) if len(rest) else rest
        none = [np.zeros(0, np.float32)]
        profile = Profile(
            self.rate, self._samples, np.concatenate(self._energy or none), np.concatenate(self._peak or none)
        )
        return out, profile

    def _step_over(self, block: Samples) -> Samples:
        length = len(block)
        frame = np.zeros(_FFT, np.float32)
        frame[: self._tail_length] = self._tail
        frame[self._tail_length : self._tail_length + length] = block
        spectrum = np.fft.rfft(frame)
        inside = slice(self._tail_length, self._tail_length + length)
        out = block
        if self._pass is not None:
            out = np.fft.irfft(spectrum * self._pass, _FFT)[inside].astype(np.float32)
        weighted = np.fft.irfft(spectrum * self._weighting, _FFT)[inside].astype(np.float32)
        self._tail = frame[length : length + self._tail_length].copy()
        self._keep(out, weighted)
        self._samples += length
        return out

    def _keep(self, out: Samples, weighted: Samples) -> None:
        cells = -(-len(out) // self._cell)
        padded = np.zeros(cells * self._cell, np.float32)
        padded[: len(weighted)] = weighted
        self._energy.append(np.square(padded).reshape(cells, self._cell).sum(axis=1))
        if not self._peaks_wanted:
            self._peak.append(np.zeros(cells, np.float32))
            return
        padded[: len(out)] = out
        padded[len(out) :] = 0
        peaks, self._context = half_sample_peaks(padded, self._cell, self._context)
        self._peak.append(peaks)


def measure(samples: Samples, rate: int) -> Profile:
    """The loudness profile of a signal that is in memory, unfiltered and without its peaks."""
    analyser = Analyser(rate, preset=None, peaks=False)
    analyser.feed(samples)
    return analyser.finish()[1]
