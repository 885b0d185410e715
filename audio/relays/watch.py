"""Whether a stream sounds, told of samples."""

from dataclasses import dataclass, field

import numpy as np

from audio.loudness import Samples
from core.steadiness import Steadiness


@dataclass(slots=True)
class Watch(Steadiness):
    """`Steadiness` of a stream whose samples come at `rate`."""

    rate: int = field(kw_only=True)

    def heard(self, block: Samples, at: float) -> None:
        """A block of samples came at `at` (seconds of a monotonic clock)."""
        self.note(len(block) / self.rate, level_db(block), at)


def level_db(block: Samples) -> float:
    """RMS of a block in dB under full scale."""
    power = float(np.mean(np.square(block, dtype=np.float64))) if len(block) else 0.0
    return 10 * float(np.log10(max(power, 1e-12)))
