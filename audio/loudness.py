"""Loudness after ITU-R BS.1770-4, in blocks, on numpy alone.

The K weighting and the high-pass are applied by overlap-save in the frequency domain: their responses are sampled
from the recursive filters, whose impulse responses have died away (below -130 dB) within the 0.08 s of overlap.
This gives the same figures as the recursive form, costs less, and spares the import of scipy.signal, which takes
longer than mastering a minute of speech.

The forward transforms are asked for with norm="forward": only so does numpy (2.0 to 2.4) compute them in single
precision; without a factor it goes by way of doubles, at three times the cost. Several rows at once cost half as
much as one after the other.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.filters import frequencies, k_weighting, polish
from audio.presets import Preset
from audio.truepeak import HALF_SAMPLE_LATE, half_sample

Samples = NDArray[np.float32]

SILENCE_LUFS = -70.0
_OFFSET = -0.691  # BS.1770-4, Annex 1: so that a 997 Hz sine at 0 dBFS reads -3.01
HOP_SECONDS = 0.1
_CELLS_A_HOP = 20
_HOPS_A_WINDOW = 4
_TAIL_SECONDS = 0.08
_FFT = 16_384
_MOST_ROWS = 8  # transforms at once: more would not fit into the processor's cache
_LEAST_ROWS = 4
_HALVED_FROM = 44_100


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

    def loudness(self) -> float:
        """Integrated loudness in LUFS, gated; -inf for silence."""
        return integrated(self.energy, cell_samples(self.rate))

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


def integrated_of_runs(runs: Iterable[NDArray[np.float32]], cell: int) -> float:
    """The same of energies that come in runs: each but the last a whole number of hops (20 cells) long."""
    cells, total, sums = 0, 0.0, [np.zeros(0)]
    for energy in runs:
        hops = len(energy) // _CELLS_A_HOP
        sums.append(energy[: hops * _CELLS_A_HOP].reshape(hops, _CELLS_A_HOP).sum(axis=1, dtype=np.float64))
        cells, total = cells + len(energy), total + float(energy.sum(dtype=np.float64))
    if cells < _HOPS_A_WINDOW * _CELLS_A_HOP:
        return _gated(np.array([total / (max(1, cells) * cell)]))
    return _gated(_windows_of_hops(np.concatenate(sums), _CELLS_A_HOP * cell))


def integrated_of_hops(energy: NDArray[np.float64], samples: int, hop: int) -> float:
    """The same from the energy of each 100 ms (`hop` samples, the last one maybe not full) of `samples` in all."""
    full = samples // hop
    if full < _HOPS_A_WINDOW:
        return _gated(np.array([float(energy.sum()) / max(1, samples)]))
    return _gated(_windows_of_hops(energy[:full], hop))


def _quick_length(least: int) -> int:
    """The next number without prime factors above 5: Fourier transforms of such a length are quick."""
    length = least
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


class HopMeter:
    """Loudness (BS.1770-4) of sound that comes in blocks, cheaply.

    The K weighting is applied to the spectrum of each 100 ms for itself, and at high rates only every second sample is
    looked at: what is then folded over keeps its energy, and the weighting up there is flat. Against the exact meter
    that is within 0.1 LU for sound between 60 Hz and 16 kHz (but for a lone tone at a quarter of the rate).
    """

    def __init__(self, rate: int) -> None:
        self.samples = 0
        self._hop = round(rate * HOP_SECONDS)
        self._every = 2 if rate >= _HALVED_FROM and self._hop % 2 == 0 else 1
        looked_at = self._hop // self._every
        self._fft = _quick_length(looked_at)
        z = frequencies(self._fft * self._every)[: self._fft // 2 + 1]
        response = np.abs(k_weighting(rate, z)) ** 2 * self._every * self._fft
        response[1 : (self._fft + 1) // 2] *= 2  # a real signal's negative frequencies
        self._weights = np.repeat(response, 2).astype(np.float32)  # for real and imaginary parts
        self._energy: list[NDArray[np.float32]] = []
        self._rest: Samples = np.zeros(0, np.float32)

    def feed(self, block: Samples) -> None:
        self.samples += len(block)
        if len(self._rest):
            missing = self._hop - len(self._rest)
            self._rest = np.concatenate([self._rest, block[:missing]])
            block = block[missing:]
            if len(self._rest) < self._hop:
                return
            self._keep(self._rest[None])
        whole = len(block) // self._hop * self._hop
        self._keep(block[:whole].reshape(-1, self._hop))
        self._rest = block[whole:].copy()

    def _keep(self, hops: NDArray[np.float32]) -> None:
        parts = np.fft.rfft(hops[:, :: self._every], self._fft, axis=1, norm="forward").view(np.float32)
        np.square(parts, out=parts)
        # Not by @: BLAS would wake threads of its own for it, which then spin for longer than the sum takes.
        self._energy.append(np.einsum("ij,j->i", parts, self._weights))

    def finish(self) -> float:
        """Integrated loudness in LUFS; -inf for silence."""
        short = np.zeros((1, self._hop), np.float32)
        short[0, : len(self._rest)] = self._rest
        self._keep(short)
        return integrated_of_hops(np.concatenate(self._energy).astype(np.float64), self.samples, self._hop)


class Analyser:
    """Takes a signal in blocks of any length, gives it back polished (if there is a preset), and keeps its profile.

    Memory does not grow by more than 8 bytes for each 5 ms.
    """

    def __init__(self, rate: int, *, preset: Preset | None, peaks: bool = True) -> None:
        """A `preset` changes what comes back; without `peaks` the profile has only loudness (and zero peaks)."""
        self.rate = rate
        self._cell = cell_samples(rate)
        self._tail_length = math.ceil(rate * _TAIL_SECONDS)
        self._step = (_FFT - self._tail_length) // self._cell * self._cell
        z = frequencies(_FFT)
        # Whatever goes through one of these also undoes the factor of the forward transform.
        passed = polish(preset, rate, z) * _FFT if preset else np.full(len(z), _FFT, np.complex128)
        self._pass = passed.astype(np.complex64) if preset else None
        self._weighting = (passed * k_weighting(rate, z)).astype(np.complex64)
        self._between = (passed * half_sample(z)).astype(np.complex64) if peaks else None
        self._tail = np.zeros(self._tail_length, np.float32)
        self._waiting: list[Samples] = []
        self._held = 0
        self._samples = 0
        self._energy: list[NDArray[np.float32]] = []
        self._peak: list[NDArray[np.float32]] = []

    def feed(self, block: Samples) -> Samples:
        """Take the next samples; return those that are ready (often fewer, sometimes more than came in)."""
        self._waiting.append(block)
        self._held += len(block)
        if self._held < self._step * _LEAST_ROWS:
            return np.zeros(0, np.float32)
        joined = np.concatenate(self._waiting)
        whole = len(joined) // self._step * self._step
        rest = joined[whole:]
        self._waiting, self._held = [rest.copy()], len(rest)
        return self._over(joined[:whole])

    def finish(self) -> tuple[Samples, Profile]:
        """The samples still held, and the profile of everything."""
        rest = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.float32)
        self._waiting, self._held = [], 0
        out = self._over(rest)
        none = [np.zeros(0, np.float32)]
        profile = Profile(
            self.rate, self._samples, np.concatenate(self._energy or none), np.concatenate(self._peak or none)
        )
        return out, profile

    def _over(self, samples: Samples) -> Samples:
        """All of `samples` (whole steps, but at the end), several steps at a time."""
        at_once = self._step * _MOST_ROWS
        out = [self._steps_over(samples[at : at + at_once]) for at in range(0, len(samples), at_once)]
        return np.concatenate(out) if out else samples

    def _steps_over(self, block: Samples) -> Samples:
        length = len(block)
        rows = -(-length // self._step)
        frames = np.zeros((rows - 1) * self._step + _FFT, np.float32)
        frames[: self._tail_length] = self._tail
        frames[self._tail_length : self._tail_length + length] = block
        self._tail = frames[length : length + self._tail_length].copy()
        steps = np.lib.stride_tricks.sliding_window_view(frames, _FFT)[:: self._step]
        spectra = np.fft.rfft(steps, norm="forward").astype(np.complex64, copy=False)
        out = block if self._pass is None else self._through(spectra, self._pass)[:length]
        self._keep(spectra, out)
        self._samples += length
        return out

    def _through(self, spectra: NDArray[np.complex64], response: NDArray[np.complex64]) -> Samples:
        """The steps, one after the other, with `response` on them."""
        inside = slice(self._tail_length, self._tail_length + self._step)
        steps = np.fft.irfft(spectra * response, _FFT)[:, inside]
        return steps.astype(np.float32, copy=False).reshape(-1)

    def _keep(self, spectra: NDArray[np.complex64], out: Samples) -> None:
        cells = -(-len(out) // self._cell)
        weighted = self._in_cells(self._through(spectra, self._weighting)[: len(out)], cells)
        self._energy.append(np.einsum("ij,ij->i", weighted, weighted))
        if self._between is None:
            self._peak.append(np.zeros(cells, np.float32))
            return
        between = np.abs(self._through(spectra, self._between)[: cells * self._cell])
        if self._peak:  # the last readings of the block before have come only now
            self._peak[-1][-1] = max(float(self._peak[-1][-1]), float(between[:HALF_SAMPLE_LATE].max()))
        peaks = self._in_cells(np.abs(out), cells).max(axis=1)
        self._peak.append(np.maximum(peaks, self._in_cells(between[HALF_SAMPLE_LATE:], cells).max(axis=1)))

    def _in_cells(self, samples: Samples, cells: int) -> NDArray[np.float32]:
        """`samples` as so many rows of a cell each, silence after them."""
        if len(samples) == cells * self._cell:
            return samples.reshape(cells, self._cell)
        padded = np.zeros(cells * self._cell, np.float32)
        padded[: len(samples)] = samples
        return padded.reshape(cells, self._cell)


def measure(samples: Samples, rate: int) -> Profile:
    """The loudness profile of a signal that is in memory, unfiltered and without its peaks."""
    analyser = Analyser(rate, preset=None, peaks=False)
    analyser.feed(samples)
    return analyser.finish()[1]


def loudness_of(samples: Samples, rate: int) -> float:
    """Integrated loudness in LUFS of a signal that is in memory, by the cheap meter; -inf for silence."""
    meter = HopMeter(rate)
    meter.feed(samples)
    return meter.finish()
