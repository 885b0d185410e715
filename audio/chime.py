"""The chime before a bulletin: three bell tones going down a major triad, made here, no file needed.

It also wakes amplifiers that swallow the first moment of sound, so that no word is lost.
"""

import numpy as np
from numpy.typing import NDArray

_NOTES_HZ = (783.99, 659.26, 523.25)  # G5, E5, C5
_STEP_SECONDS = 0.42
_RING_SECONDS = 1.1
_ATTACK_SECONDS = 0.006
_PARTIALS = ((1.0, 1.0, 2.6), (2.0, 0.45, 4.5), (3.01, 0.18, 7.0), (4.2, 0.07, 11.0))  # ratio, level, decay a second
SECONDS = _STEP_SECONDS * (len(_NOTES_HZ) - 1) + _RING_SECONDS


def chime(rate: int) -> NDArray[np.float32]:
    """Mono samples, peak 0.5, `SECONDS` long, the same for the same rate."""
    whole = np.zeros(round(SECONDS * rate))
    time = np.arange(round(_RING_SECONDS * rate)) / rate
    fade = np.minimum(1, time / _ATTACK_SECONDS) * np.minimum(1, (_RING_SECONDS - time) / 0.15)
    for place, note in enumerate(_NOTES_HZ):
        bell = np.zeros(len(time))
        for ratio, level, decay in _PARTIALS:
            if note * ratio < rate * 0.45:
                bell += level * np.exp(-decay * time) * np.sin(2 * np.pi * note * ratio * time)
        start = round(place * _STEP_SECONDS * rate)
        part = whole[start : start + len(bell)]
        part += (bell * fade)[: len(part)]
    sound: NDArray[np.float32] = (whole * (0.5 / np.abs(whole).max())).astype(np.float32)
    return sound
