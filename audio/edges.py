"""Where a recording begins and ends: silence around it is cut, a short lead-in put before it.

Amplifiers and receivers that wake up with the stream swallow its first moment; the lead-in gives them that moment, so
that the first word is whole. Sound that starts or stops abruptly is faded, so that nothing clicks.
"""

import math
from dataclasses import dataclass

import numpy as np

from audio.loudness import Profile, Samples, cell_samples

LEAD_SECONDS = 0.3
TAIL_SECONDS = 0.3
_SILENT_BELOW_LU = 45.0  # under the loudness of the whole: the hiss of a quiet room, not the breath before a word
_STEADY_CELLS = 4  # 20 ms; what is shorter (the click of the phone's button) is no beginning
_FADE_IN_SECONDS = 0.01
_FADE_OUT_SECONDS = 0.03


@dataclass(frozen=True)
class Edges:
    """Samples `begin` to `end` are kept, after `lead` samples of silence; `begin` and `lead` are whole cells."""

    begin: int
    end: int
    lead: int

    def profile(self, whole: Profile) -> Profile:
        """The profile of what is kept."""
        cell = cell_samples(whole.rate)
        kept, silent = slice(self.begin // cell, -(-self.end // cell)), np.zeros(self.lead // cell, np.float32)
        return Profile(
            whole.rate,
            self.lead + self.end - self.begin,
            np.concatenate([silent, whole.energy[kept]]),
            np.concatenate([silent, whole.peak[kept]]),
        )

    def fade(self, block: Samples, at: int, rate: int) -> Samples:
        """`block`, which starts at sample `at` of the whole, with its part of the fades."""
        rise, fall = max(1, round(rate * _FADE_IN_SECONDS)), max(1, round(rate * _FADE_OUT_SECONDS))
        if at >= self.begin + rise and at + len(block) <= self.end - fall:
            return block
        place = np.arange(at, at + len(block))
        gain = np.minimum((place - self.begin) / rise, (self.end - place) / fall)
        faded: Samples = block * np.clip(gain, 0, 1).astype(np.float32)
        return faded


def find_edges(profile: Profile) -> Edges:
    """Where the sound of `profile` lies, with at most 0.3 s of its own silence left on either side."""
    cell, loudness = cell_samples(profile.rate), profile.loudness()
    lead, tail = round(LEAD_SECONDS * profile.rate / cell), round(TAIL_SECONDS * profile.rate / cell)
    first, last = 0, len(profile.energy) - 1
    if math.isfinite(loudness):
        # K-weighted mean square of a cell that reads `loudness` (the meter's offset is within the margin).
        least = 10 ** ((loudness - _SILENT_BELOW_LU) / 10) * cell * _STEADY_CELLS
        around = np.convolve(profile.energy, np.ones(_STEADY_CELLS, np.float32), "same")
        loud = np.flatnonzero(around > least)
        if len(loud):
            first, last = int(loud[0]), int(loud[-1])
    begin = max(0, first - lead)
    end = min(profile.samples, (last + 1 + tail) * cell)
    return Edges(begin * cell, end, (lead - (first - begin)) * cell)
