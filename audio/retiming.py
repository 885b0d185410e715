"""Slower, faster, higher, lower: the same for every engine, on the words alone, so that the pauses stay ours.

Speed and pitch are changed by ffmpeg's `atempo` (it repeats or drops whole waves, so that the pitch stays) after
playing the samples faster or slower where the pitch should change.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from audio import ffmpeg
from audio.assembly import KEPT_SECONDS, trimmed
from audio.deadline import Deadline
from audio.engines.base import Spoken
from audio.loudness import Samples
from core.errors import N_, EngineFailed

_SEMITONES = 12
_BETWEEN_SECONDS = 0.8  # of silence between two phrases while they are changed
_MOST_DRIFT_SECONDS = 0.3  # atempo is early by up to 0.18 s when it slows down; that does not grow with the length
_SLOWEST, _FASTEST = 0.5, 2.0  # of one atempo; beyond, it drops sound instead of blending it


def retimed(spoken: Spoken, speed: float, pitch: float, deadline: Deadline) -> Spoken:
    """The phrases without the silence around them, at `speed` (a factor) and moved by `pitch` (semitones).

    The same samples give the same ones again. As usual (1, 0) nothing is done at all. Raises EngineFailed.
    """
    if speed == 1 and pitch == 0:
        return spoken
    phrases = [trimmed(samples, spoken.rate) for samples in spoken.phrases]
    if not sum(map(len, phrases)):
        return spoken
    silence = np.zeros(round(_BETWEEN_SECONDS * speed * spoken.rate), np.float32)
    changed = ffmpeg.filtered(_joined(phrases, silence), spoken.rate, chain(spoken.rate, speed, pitch), deadline)
    pieces = _cut(changed, [len(each) for each in phrases], len(silence), spoken.rate, speed)
    return Spoken(spoken.voice, spoken.rate, pieces)


def chain(rate: int, speed: float, pitch: float) -> str:
    """The filters for sound of `rate` Hz. Playing it at another rate moves the pitch, and the speed with it."""
    played = round(rate * 2 ** (pitch / _SEMITONES))
    tempo, steps = speed * rate / played, []
    while not _SLOWEST <= tempo <= _FASTEST:
        step = _SLOWEST if tempo < _SLOWEST else _FASTEST
        tempo /= step
        steps.append(step)
    change = [f"asetrate={played}", f"aresample={rate}"] if played != rate else []
    return ",".join([*change, *(f"atempo={each:.9f}" for each in (*steps, tempo) if each != 1)])


def _joined(phrases: Sequence[Samples], silence: Samples) -> Samples:
    """Silence, then each phrase followed by silence."""
    parts = [silence]
    for phrase in phrases:
        parts += [phrase, silence]
    return np.concatenate(parts)


def _cut(changed: Samples, lengths: Sequence[int], gap: int, rate: int, speed: float) -> list[Samples]:
    """The phrases out of the changed whole: cut in the middle of each silence, then trimmed."""
    cuts, at = [gap / 2], gap
    for length in lengths:
        at += length + gap
        cuts.append(at - gap / 2)
    if abs(len(changed) - at / speed) > _MOST_DRIFT_SECONDS * rate:
        raise EngineFailed(N_("The speed of the voice could not be changed."))
    places = [round(cut / speed) for cut in cuts]
    pieces = [changed[start:end] for start, end in pairwise(places)]
    return [
        trimmed(piece, rate, KEPT_SECONDS / speed) if length else piece[:0]
        for piece, length in zip(pieces, lengths, strict=True)
    ]
