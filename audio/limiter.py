"""How loud each moment may be: one gain for the whole, and a look-ahead limiter under the ceiling.

The limiter works on cells of 5 ms. In decibels its reduction rises towards a peak by a fixed slope and falls after
it by a gentler one, so the gain is the smallest curve of bounded slope above what the peaks ask for: two running
maxima, no loop over samples. Between the cells the gain is a straight line, hence free of clicks.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio.loudness import Profile, Samples, cell_samples, integrated_of_runs
from audio.presets import Preset

_ATTACK_DB = 4.0  # per cell of 5 ms: 12 dB of reduction is reached in 15 ms, before the peak
# Ways to be loud under the ceiling, gentlest first: release in dB per cell (1.0 is 200 dB a second, slow enough not to
# bend low tones), and how far short peaks may overshoot the limiter and be clipped.
_WAYS = ((1.0, 0.0), (4.0, 0.0), (4.0, 2.0), (4.0, 4.0), (4.0, 6.0))
_ENOUGH_LU = 0.1
_RUN = 65_520  # cells looked at together, a whole number of hops: so the arrays between don't grow with the material
_STEPS = 14
_MOST_EXTRA_DB = 20.0
_CLOSE_LU = 0.02
_SMOOTHED_CELLS = 8
_DENSITY_RELEASE_DB = 0.25


@dataclass(frozen=True)
class Gains:
    """Linear gain at each border of a cell (one more than there are cells), and what comes of it."""

    rate: int
    borders: NDArray[np.float32]
    gain_db: float
    expected_lufs: float
    clip_at: float | None = None

    def louder(self, db: float) -> "Gains":
        """The same gains, the ceiling too, raised by `db`."""
        factor = 10 ** (db / 20)
        clip_at = None if self.clip_at is None else self.clip_at * factor
        return Gains(self.rate, self.borders * np.float32(factor), self.gain_db + db, self.expected_lufs + db, clip_at)

    def apply(self, block: Samples, first_cell: int) -> Samples:
        """`block` with the gains of the cells from `first_cell` on; it starts at a border of a cell."""
        cell = cell_samples(self.rate)
        cells = -(-len(block) // cell)
        at = self.borders[first_cell : first_cell + cells + 1]
        ramp = np.arange(cell, dtype=np.float32) / np.float32(cell)
        gain = at[:-1, None] + (at[1:] - at[:-1])[:, None] * ramp
        louder: Samples = block * gain.reshape(-1)[: len(block)]
        return louder if self.clip_at is None else np.clip(louder, -self.clip_at, self.clip_at)


def _running_maximum(reduction: NDArray[np.float32], slope: float) -> None:
    """In place: each value becomes at least the one before it less `slope`."""
    carried = -math.inf
    for start in range(0, len(reduction), _RUN):
        part = reduction[start : start + _RUN]
        fall = np.arange(len(part)) * slope
        level = part + fall
        level[0] = max(level[0], carried)
        np.maximum.accumulate(level, out=level)
        level -= fall
        part[:] = level
        carried = float(level[-1]) - slope


def _reduction(
    peak_db: NDArray[np.float32], gain_db: float, ceiling_db: float, release_db: float
) -> NDArray[np.float32]:
    reduction: NDArray[np.float32] = peak_db + np.float32(gain_db - ceiling_db)
    np.maximum(reduction, np.float32(0), out=reduction)
    _running_maximum(reduction, release_db)
    _running_maximum(reduction[::-1], _ATTACK_DB)
    return reduction


def _linear(db: NDArray[np.float32]) -> NDArray[np.float32]:
    linear: NDArray[np.float32] = np.exp(db * np.float32(math.log(10) / 20), dtype=np.float32)
    return linear


def _borders(reduction: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    """The gain at each border: what the cell on either side needs."""
    borders = np.empty(len(reduction) + 1, np.float32)
    borders[1:-1] = np.maximum(reduction[:-1], reduction[1:])
    borders[[0, -1]] = reduction[[0, -1]]
    return _linear(np.float32(gain_db) - borders)


def _mean_power(borders: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a cell's energy is multiplied by when the gain runs in a straight line from border to border."""
    left, right = borders[:-1], borders[1:]
    power: NDArray[np.float32] = (left * left + left * right + right * right) / np.float32(3)
    return power


def _loudness_with(profile: Profile, reduction: NDArray[np.float32], gain_db: float) -> float:
    """The integrated loudness that `gain_db` less `reduction` (dB for each cell) gives, in LUFS."""
    count = len(reduction)

    def runs() -> Iterator[NDArray[np.float32]]:
        for start in range(0, count, _RUN):
            end = min(start + _RUN, count)
            borders = _borders(reduction[max(0, start - 1) : end + 1], gain_db)
            power = _mean_power(borders[start > 0 : len(borders) - (end < count)])
            power *= profile.energy[start:end]
            yield power

    return integrated_of_runs(runs(), cell_samples(profile.rate))


def _density(profile: Profile, preset: Preset | None) -> NDArray[np.float32]:
    """How many dB each cell is lowered to make quiet syllables come nearer to loud ones (zero for a ratio of 1).

    Follows the energy over 40 ms, falls by at most 4 dB a cell and comes back by at most 50 dB a second.
    """
    reduction = np.zeros(len(profile.energy), np.float32)
    loudness = profile.loudness()
    if preset is None or preset.ratio <= 1 or not math.isfinite(loudness):
        return reduction
    mean = np.full(_SMOOTHED_CELLS, 1 / (_SMOOTHED_CELLS * cell_samples(profile.rate)), np.float32)
    level = np.convolve(profile.energy, mean, "same")[: len(reduction)]
    np.maximum(level, np.float32(1e-12), out=level)
    np.log10(level, out=level)
    level *= np.float32(10)
    level -= np.float32(loudness + preset.threshold_lu)
    level *= np.float32(1 - 1 / preset.ratio)
    np.maximum(level, np.float32(0), out=reduction)
    _running_maximum(reduction, _DENSITY_RELEASE_DB)
    _running_maximum(reduction[::-1], _ATTACK_DB)
    return reduction


def find_gains(profile: Profile, target_lufs: float, ceiling_db: float, preset: Preset | None = None) -> Gains:
    """The gains that bring `profile` to `target_lufs` with (nearly) no peak above `ceiling_db`.

    The gentlest way that gets there is taken. Material that can't (single clicks in silence) gets at most 20 dB more
    than it would need without limiter.
    """
    dense = _density(profile, preset)
    with np.errstate(divide="ignore"):
        peak_db = np.log10(profile.peak)
    peak_db *= np.float32(20)
    peak_db -= dense
    for release_db, clipped_db in _WAYS:
        gain_db, reached = _search(profile, peak_db, dense, target_lufs, ceiling_db + clipped_db, release_db)
        if reached > target_lufs - _ENOUGH_LU:
            break
    reduction = _reduction(peak_db, gain_db, ceiling_db + clipped_db, release_db)
    reduction += dense
    borders = _borders(reduction, gain_db)
    borders[[0, -1]] = 0  # the first and the last 5 ms fade, so that no clip starts or ends with a click
    return Gains(profile.rate, borders, gain_db, reached, 10 ** (ceiling_db / 20) if clipped_db else None)


def _search(
    profile: Profile,
    peak_db: NDArray[np.float32],
    dense: NDArray[np.float32],
    target_lufs: float,
    ceiling_db: float,
    release_db: float,
) -> tuple[float, float]:
    """The common gain in dB and the loudness it gives: limiting takes loudness away, so it is found by trying."""
    loudness = profile.loudness()
    plain = target_lufs - loudness if math.isfinite(loudness) else 0.0
    # Asked at the target's level: what is quiet may lie under the meter's absolute gate once it is lowered.
    lowered = _loudness_with(profile, dense, plain)
    plain += target_lufs - lowered if math.isfinite(lowered) else 0.0
    low, high = plain - 1.0, plain + _MOST_EXTRA_DB
    gain_db, best, got = plain, plain, -math.inf
    for _ in range(_STEPS):
        reduction = _reduction(peak_db, gain_db, ceiling_db, release_db)
        reduction += dense
        reached = _loudness_with(profile, reduction, gain_db)
        if abs(reached - target_lufs) < abs(got - target_lufs):
            best, got = gain_db, reached
        if abs(reached - target_lufs) < _CLOSE_LU:
            break
        if reached < target_lufs:
            low = gain_db
        else:
            high = gain_db
        guess = gain_db + 1.3 * (target_lufs - reached)
        gain_db = guess if low < guess < high else (low + high) / 2
    return best, got
