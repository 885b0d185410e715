"""A voice brought to an even level as it comes, whoever speaks and however far from the microphone. Pure.

Nothing of it can be looked at ahead, so the gain follows: down quickly, up slowly, and it rests in pauses, or the noise
of the room would be brought up. Peaks that get through are the limiter's, behind it (`audio.ffmpeg.encode_stream`).
"""

import math

import numpy as np

from audio.loudness import Samples

TARGET_DB = -18.0  # RMS of what is speech; with its peaks held that is near the −16 LUFS of all other audio here
_MOST_GAIN_DB, _LEAST_GAIN_DB = 24.0, -20.0
_GATE_DB = -50.0  # what is quieter is no speech
_CELL_SECONDS = 0.01
_RISE_SECONDS, _FALL_SECONDS = 0.15, 1.2  # how soon the idea of the level follows a louder and a quieter voice
_UP_DB, _DOWN_DB = 0.08, 0.8  # a cell: 8 dB and 80 dB a second


class Leveller:
    """Feed it one block after the other; each comes back as long as it was, in step, not delayed."""

    def __init__(self, rate: int) -> None:
        self._cell = round(_CELL_SECONDS * rate)
        self._level_db: float | None = None
        self.gain_db = 0.0

    def feed(self, block: Samples) -> Samples:
        """The block at an even level."""
        made = np.empty_like(block)
        for start in range(0, len(block), self._cell):
            cell = block[start : start + self._cell]
            before = self.gain_db
            self._follow(cell)
            gains = np.linspace(_linear(before), _linear(self.gain_db), len(cell), dtype=np.float32)
            made[start : start + len(cell)] = cell * gains
        return made

    def _follow(self, cell: Samples) -> None:
        level = 10 * math.log10(float(np.mean(cell * cell)) + 1e-12)
        if level < _GATE_DB:
            return
        if self._level_db is None:
            self._level_db = level
        constant = _RISE_SECONDS if level > self._level_db else _FALL_SECONDS
        self._level_db += (level - self._level_db) * (1 - math.exp(-_CELL_SECONDS / constant))
        wanted = min(_MOST_GAIN_DB, max(_LEAST_GAIN_DB, TARGET_DB - self._level_db))
        self.gain_db += min(_UP_DB, max(-_DOWN_DB, wanted - self.gain_db))


def _linear(db: float) -> float:
    return float(10 ** (db / 20))
