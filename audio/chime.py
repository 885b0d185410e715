"""The signals, made here, no file needed: the chime before a bulletin, and the siren before an emergency.

The chime is three bell tones going down a major triad. The siren wails: its tone rises and falls four times between
two notes that a horn loudspeaker gives best, with overtones, so that it is not taken for a bulletin nor for music.
Both also wake amplifiers that swallow the first moment of sound, so that no word is lost.
"""

import numpy as np
from numpy.typing import NDArray

_NOTES_HZ = (783.99, 659.26, 523.25)  # G5, E5, C5
_STEP_SECONDS = 0.42
_RING_SECONDS = 1.1
_ATTACK_SECONDS = 0.006
_PARTIALS = ((1.0, 1.0, 2.6), (2.0, 0.45, 4.5), (3.01, 0.18, 7.0), (4.2, 0.07, 11.0))  # ratio, level, decay a second
_LOW_HZ, _HIGH_HZ = 480.0, 1_150.0
_WAIL_SECONDS, _WAILS = 1.2, 4
_SIREN_ATTACK_SECONDS, _SIREN_RELEASE_SECONDS = 0.04, 0.25
_OVERTONES = ((1.0, 1.0), (2.0, 0.5), (3.0, 0.33), (4.0, 0.2))  # ratio, level
SECONDS = _STEP_SECONDS * (len(_NOTES_HZ) - 1) + _RING_SECONDS
SIREN_SECONDS = _WAIL_SECONDS * _WAILS


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


def siren(rate: int) -> NDArray[np.float32]:
    """Mono samples, peak 0.5, `SIREN_SECONDS` long, the same for the same rate."""
    time = np.arange(round(SIREN_SECONDS * rate)) / rate
    # By the logarithm, as the ear counts: as long below the middle as above it.
    place = 0.5 - 0.5 * np.cos(2 * np.pi * time / _WAIL_SECONDS)
    pitch = _LOW_HZ * (_HIGH_HZ / _LOW_HZ) ** place
    turns = np.cumsum(pitch) / rate
    whole = np.zeros(len(time))
    for ratio, level in _OVERTONES:
        if _HIGH_HZ * ratio < rate * 0.45:
            whole += level * np.sin(2 * np.pi * ratio * turns)
    whole *= np.minimum(1, time / _SIREN_ATTACK_SECONDS) * np.minimum(
        1, (SIREN_SECONDS - time) / _SIREN_RELEASE_SECONDS
    )
    sound: NDArray[np.float32] = (whole * (0.5 / np.abs(whole).max())).astype(np.float32)
    return sound


SIGNALS = {"siren": siren, "chime": chime}
