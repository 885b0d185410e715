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

from audio.truepeak import half_sample_peaks

Samples = NDArray[np.float32]

SILENCE_LUFS = -70.0
_OFFSET = -0.691  # BS.1770-4, Annex 1: so that a 997 Hz sine at 0 dBFS reads -3.01
_HOP_SECONDS = 0.1
_CELLS_A_HOP = 20
_TAIL_SECONDS = 0.08
_FFT = 16_384
HIGH_PASS_HZ = 90.0
LOW_PASS_HZ = 13_000.0
ROTATION_HZ = 200.0


def cell_samples(rate: int) -> int:
    """Samples in one cell, the grain (about 5 ms) in which loudness and peaks are kept."""
    return max(1, round(rate * _HOP_SECONDS / _CELLS_A_HOP))


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

    def loudness(self, gain: NDArray[np.float32] | None = None) -> float:
        """Integrated loudness in LUFS, gated; -inf for silence. `gain` is a linear factor for each cell."""
        return integrated(self.energy if gain is None else self.energy * gain * gain, cell_samples(self.rate))

    def loudest(self) -> float:
        """The loudest 0.4 s (momentary maximum) in LUFS; -inf for silence."""
        power = _windows(self.energy, cell_samples(self.rate))
        return _lufs(float(power.max())) if len(power) else -math.inf


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def _windows(energy: NDArray[np.float32], cell: int) -> NDArray[np.float64]:
    """Mean power of each 400 ms window, a new one every 100 ms; one window over all that is shorter."""
    hops = len(energy) // _CELLS_A_HOP
    if hops < 4:  # noqa: PLR2004 - four hops of 100 ms make a window
        total = float(energy.sum(dtype=np.float64))
        return np.array([total / (max(1, len(energy)) * cell)])
    sums = energy[: hops * _CELLS_A_HOP].reshape(hops, _CELLS_A_HOP).sum(axis=1, dtype=np.float64)
    windows: NDArray[np.float64] = (sums[:-3] + sums[1:-2] + sums[2:-1] + sums[3:]) / (4 * _CELLS_A_HOP * cell)
    return windows


def integrated(energy: NDArray[np.float32], cell: int) -> float:
    """Gated loudness (BS.1770-4: absolute gate -70 LUFS, relative gate -10 LU) of cells of `cell` samples.

    Material shorter than one gating window (0.4 s) is measured whole and ungated.
    """
    power = _windows(energy, cell)
    power = power[power > 10 ** ((SILENCE_LUFS - _OFFSET) / 10)]
    if not len(power):
        return -math.inf
    gate = float(power.mean()) * 0.1
    return _lufs(float(power[power > gate].mean()))


def _biquad(
    b: tuple[float, float, float], a: tuple[float, float, float], z: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    answer: NDArray[np.complex128] = (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    return answer


def _shelf(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The first stage of the K weighting for any rate (BS.1770's 48 kHz filter, traced back to its analogue form)."""
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    b = (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    return _biquad(b, (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k), z)


def _high_pass(
    hz: float, q: float, rate: int, z: NDArray[np.complex128], numerator: float | None = None
) -> NDArray[np.complex128]:
    k = math.tan(math.pi * hz / rate)
    scale = 1 + k / q + k * k
    top = 1.0 if numerator is None else numerator
    return _biquad((top, -2 * top, top), (scale, 2 * (k * k - 1), 1 - k / q + k * k), z)


def _low_pass(hz: float, q: float, rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    k = math.tan(math.pi * hz / rate)
    return _biquad((k * k, 2 * k * k, k * k), (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k), z)


def _k_weighting(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    # The standard's second stage has the numerator (1, -2, 1) over a denominator normalised to 1.
    k = math.tan(math.pi * 38.13547087602444 / rate)
    scale = 1 + k / 0.5003270373238773 + k * k
    return _shelf(rate, z) * _high_pass(38.13547087602444, 0.5003270373238773, rate, z, numerator=scale)


def _polish(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """High-pass (wind, handling, mains hum), low-pass and phase rotation.

    Voices have peaks on one side, far above their loudness. Four all-passes at 200 Hz, the usual way of AM stations,
    spread them in time without a change in tone: espeak-ng's Vietnamese then needs 3.4 dB of limiting, not 9.4.
    """
    k = math.tan(math.pi * ROTATION_HZ / rate)
    near, middle, far = 1 + 2 * k + k * k, 2 * (k * k - 1), 1 - 2 * k + k * k  # Q = 1/2
    rotation = _biquad((far, middle, near), (near, middle, far), z) ** 4
    if rate > 2.2 * LOW_PASS_HZ:
        # Fourth-order Butterworth. Horns give nothing there, and the codecs would each drop a different part of it.
        for q in (0.5411961, 1.3065630):
            rotation = rotation * _low_pass(LOW_PASS_HZ, q, rate, z)
    return rotation * _high_pass(HIGH_PASS_HZ, math.sqrt(0.5), rate, z)


class Analyser:
    """Takes a signal in blocks of any length, gives it back polished (if asked), and keeps its profile.

    Memory does not grow by more than 8 bytes for each 5 ms.
    """

    def __init__(self, rate: int, *, polish: bool, peaks: bool = True) -> None:
        """`polish` changes what comes back; without `peaks` the profile has only loudness (and zero peaks)."""
        self.rate = rate
        self._peaks_wanted = peaks
        self._cell = cell_samples(rate)
        self._tail_length = math.ceil(rate * _TAIL_SECONDS)
        self._step = (_FFT - self._tail_length) // self._cell * self._cell
        z = np.exp(-2j * math.pi * np.arange(_FFT // 2 + 1) / _FFT)
        weighting = _k_weighting(rate, z)
        self._pass = _polish(rate, z).astype(np.complex64) if polish else None
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
    analyser = Analyser(rate, polish=False, peaks=False)
    analyser.feed(samples)
    return analyser.finish()[1]
