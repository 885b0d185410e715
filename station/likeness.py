"""Whether a microphone heard what was played: two envelopes held against each other. Pure.

The envelope of a sound, its level in slots of a twentieth of a second, survives a loudspeaker, the open air and a cheap
microphone; its samples do not. What was heard comes later by the way through devices and air, so the best of all delays
up to a second counts. That best one is high by chance too, the more so the shorter the sound: how alike the two must be
depends on how many independent syllables there were (an envelope of speech changes about four times a second).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.wire import Heard

SLOT_SECONDS = 0.05
MOST_DELAY_SECONDS = 1.0
_EARLY_SLOTS = 2  # the clocks of two devices are not one
LEAST_SECONDS = 3.0
_SYLLABLE_SECONDS = 0.25
_ALIKE, _ALIKE_SIGMAS = 0.45, 2.8
_UNLIKE, _UNLIKE_SIGMAS = 0.2, 1.0
_SILENCE_DB = -66.0  # below what the quietest of microphones makes of an open field
_AUDIBLE_DB = -40.0
_FULL_SCALE = 32768.0
_FLOOR_DB = -120.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """The verdict `heard`, the microphone's level meanwhile in dBFS (RMS), and the correlation `alike` (−1…1)."""

    heard: Heard
    heard_db: float
    alike: float


def compare(played: Sequence[float], heard: Sequence[float | None]) -> Likeness | None:
    """Hold levels against each other, slot by slot from the same instant on; None when too little was heard at all.

    Levels are RMS of 16-bit samples. `heard` may go on for longer than `played`, None where the microphone was not on.
    """
    known = [level for level in heard if level is not None]
    seconds = sum(1 for level in played if level > 0) * SLOT_SECONDS
    if seconds < LEAST_SECONDS or len(known) * SLOT_SECONDS < LEAST_SECONDS:
        return None
    level_db = decibels(math.sqrt(sum(level * level for level in known) / len(known)))
    loudest_db = decibels(max(played))
    if loudest_db < _AUDIBLE_DB:
        return Likeness("unsure", level_db, 0.0)
    delays = range(-_EARLY_SLOTS, round(MOST_DELAY_SECONDS / SLOT_SECONDS) + 1)
    alike = max(_correlation(played, heard, delay) for delay in delays)
    sigma = 1 / math.sqrt(seconds / _SYLLABLE_SECONDS)
    if level_db < _SILENCE_DB:
        verdict: Heard = "no"
    elif alike >= max(_ALIKE, _ALIKE_SIGMAS * sigma):
        verdict = "yes"
    else:
        verdict = "no" if alike < max(_UNLIKE, _UNLIKE_SIGMAS * sigma) else "unsure"
    return Likeness(verdict, level_db, alike)


def decibels(level: float) -> float:
    """An RMS of 16-bit samples in dBFS, not below −120."""
    return max(_FLOOR_DB, 20 * math.log10(level / _FULL_SCALE)) if level > 0 else _FLOOR_DB


def _correlation(played: Sequence[float], heard: Sequence[float | None], delay: int) -> float:
    """Pearson's coefficient of what was played and what was heard `delay` slots later."""
    pairs = [
        (played[index], level)
        for index in range(max(0, -delay), min(len(played), len(heard) - delay))
        if (level := heard[index + delay]) is not None
    ]
    if len(pairs) * SLOT_SECONDS < LEAST_SECONDS:
        return 0.0
    count = len(pairs)
    mean_x, mean_y = sum(x for x, _ in pairs) / count, sum(y for _, y in pairs) / count
    across = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    x_squared = sum((x - mean_x) ** 2 for x, _ in pairs)
    y_squared = sum((y - mean_y) ** 2 for _, y in pairs)
    return across / math.sqrt(x_squared * y_squared) if x_squared > 0 and y_squared > 0 else 0.0
