"""Chime, phrases and pauses put together with pydub into one sound."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.chime import chime
from audio.engines.base import Spoken
from audio.loudness import loudness_of
from audio.reading import Sentence

_AFTER_CHIME_MS = 500
_LEAD_MS = 200
_TAIL_MS = 300
_CHIME_BELOW_SPEECH_LU = 2.0
_FADE_MS = 4
_EDGE = 10 ** (-46 / 20)  # below a phrase's peak: breath and codec noise, not speech
KEPT_SECONDS = 0.03


def _segment_type() -> Any:
    with warnings.catch_warnings():  # it warns that no ffmpeg is on the path; ours has its own door
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment


def trimmed(samples: NDArray[np.float32], rate: int, kept_seconds: float = KEPT_SECONDS) -> NDArray[np.float32]:
    """`samples` without the silence an engine puts around them but `kept_seconds`, so that pauses are ours to set."""
    level = np.abs(samples)
    peak = float(level.max(initial=0.0))
    if peak <= 0:
        return samples[:0]
    loud = np.flatnonzero(level > peak * _EDGE)
    kept = round(kept_seconds * rate)
    return samples[max(0, int(loud[0]) - kept) : int(loud[-1]) + 1 + kept]


def assemble(spoken: Spoken, phrases: Sequence[Sentence], *, with_chime: bool = True) -> NDArray[np.float32]:
    """One sound at the rate of `spoken`: silence, chime, then every phrase followed by its pause.

    The chime is set 2 LU below the speech, whatever the engine's level. Empty when nothing was spoken.
    """
    audio_segment, rate = _segment_type(), spoken.rate

    def segment(samples: NDArray[np.float32]) -> Any:
        pcm = np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype("<i2").tobytes()
        return audio_segment(pcm, sample_width=2, frame_rate=rate, channels=1)

    def silence(milliseconds: int) -> Any:
        return audio_segment.silent(duration=milliseconds, frame_rate=rate)

    parts = []
    for samples, phrase in zip(spoken.phrases, phrases, strict=True):
        words = trimmed(samples, rate)
        if len(words):
            parts += [segment(words).fade_in(_FADE_MS).fade_out(_FADE_MS), silence(phrase.pause_ms)]
    if not parts:
        return np.zeros(0, np.float32)
    parts[-1] = silence(_TAIL_MS)
    # Joined once: adding segments one by one copies what is there each time.
    said = np.frombuffer(b"".join(part.raw_data for part in parts), "<i2").astype(np.float32) / np.float32(32_767)
    lead = [silence(_LEAD_MS)]
    if with_chime:
        lead += [segment(_chime_for(said, rate)), silence(_AFTER_CHIME_MS)]
    before = np.frombuffer(b"".join(part.raw_data for part in lead), "<i2").astype(np.float32) / np.float32(32_767)
    return np.concatenate([before, said])


def _chime_for(speech: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    bells = chime(rate)
    wanted = loudness_of(speech, rate) - _CHIME_BELOW_SPEECH_LU
    gain = 10 ** ((wanted - loudness_of(bells, rate)) / 20) if math.isfinite(wanted) else 1.0
    return bells * np.float32(min(gain, 0.98 / float(np.abs(bells).max())))
