"""Is what an engine answered speech of this text at all? Silence, half an answer, noise without end are none.

The bounds are wide: they are to catch an engine that is broken, not one that reads fast. Measured with espeak-ng at
150 words a minute over ordinary and odd texts: 42 ms to 2.1 s a letter (spelled out by name), 60 to 90 ms
in a sentence.
"""

from collections.abc import Sequence

import numpy as np

from audio.engines.base import Spoken
from core.errors import N_, EngineFailed

LEAST_SECONDS_A_LETTER = 0.02
MOST_SECONDS_A_SIGN = 3.0
_MOST_SECONDS_MORE = 10.0
_RATES = range(8_000, 48_001)
_LOUDEST = 4.0  # decoders overshoot full scale a little
_QUIETEST = 1e-4  # −80 dB: what is below is silence
_AUDIBLE = 10 ** (-46 / 20)
_READ_BY_ALL = (
    range(0x1200),
    range(0x1780, 0x1800),
    range(0x1E00, 0x2000),
    range(0x3040, 0xA000),
    range(0xAC00, 0xD7A4),
)


def most_seconds(phrase: str) -> float:
    """How long the sound of `phrase` can be at most, in seconds."""
    return _MOST_SECONDS_MORE + MOST_SECONDS_A_SIGN * len(phrase)


def check_speech(spoken: Spoken, phrases: Sequence[str], title: str) -> None:
    """Raise EngineFailed, in the name of `title`, unless `spoken` can be these phrases, each of them from end to end.

    A phrase of nothing but signs may be silent; so may one of letters that an engine need not know (hieroglyphs).
    """
    if spoken.rate not in _RATES or len(spoken.phrases) != len(phrases):
        raise EngineFailed(N_("%(engine)s answered garbage."), engine=title)
    for samples, phrase in zip(spoken.phrases, phrases, strict=True):
        level = np.abs(samples)
        loudest = float(level.max(initial=0.0))  # not a number if any sample is none
        if samples.ndim != 1 or not loudest <= _LOUDEST:
            raise EngineFailed(N_("%(engine)s answered garbage."), engine=title)
        if len(samples) > most_seconds(phrase) * spoken.rate:
            raise EngineFailed(N_("%(engine)s did not stop speaking."), code="endless", engine=title)
        if _spoken_seconds(level, loudest, spoken.rate) < _letters(phrase) * LEAST_SECONDS_A_LETTER:
            raise EngineFailed(N_("%(engine)s spoke only part of the text."), code="half", engine=title)


def _letters(phrase: str) -> int:
    return sum(
        sign.isdecimal() or (sign.isalpha() and any(ord(sign) in block for block in _READ_BY_ALL)) for sign in phrase
    )


def _spoken_seconds(level: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", loudest: float, rate: int) -> float:
    """From the first audible sample to the last."""
    if loudest < _QUIETEST:
        return 0.0
    loud = np.flatnonzero(level > loudest * _AUDIBLE)
    return float(loud[-1] - loud[0] + 1) / rate
