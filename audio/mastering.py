"""Mastering: one gain and a limiter, both codecs at once, then proof on what a station will hear.

−16 LUFS ± 0.5 and at most −1.5 dBTP hold for the encoded and decoded files, not only for what went into the
encoders: lossy codecs overshoot. An Opus file that is off by so little that another level puts it right gets that
level written into its header; what fails the proof otherwise is encoded again with more room.
"""

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from audio.deadline import Deadline
from audio.hearing import Measured, encode_mp3, encode_opus
from audio.limiter import Gains, find_gains
from audio.loudness import Analyser, Profile, Samples, cell_samples
from audio.opus_level import change_level, rounded_down
from audio.presets import SPEECH_HORN, Preset
from audio.remarks import Remark
from audio.shapes import Shape
from core.errors import N_, EngineFailed
from core.wire import Codec

TARGET_LUFS = -16.0
MOST_TRUE_PEAK_DB = -1.5
VERSION = "3"  # part of every content key: raise it when the same text should sound different

_CEILING_DB = -3.5  # the codecs overshoot speech by 1 dB, seldom by 2
_ROOM_DB = 0.15  # other true-peak meters read up to this much higher than ours
# What the encoders take from speech: LAME scales all it is given by 0.95, Opus at 24 kbit/s drops some hiss.
_LOST_DB: dict[Codec, float] = {"mp3": 0.48, "opus": 0.3}
_PICTURED: Codec = "mp3"  # both get the same sound but for a few tenths of a decibel
_ENCODERS = {"mp3": encode_mp3, "opus": encode_opus}
_MOST_LENGTH_DIFFERENCE = 0.2
_ROUNDS = 6
_NEAR_LU = 0.35  # ± 0.5 is promised; other meters read up to 0.1 apart
_CELLS_A_BLOCK = 400
_ENCODING_SHARE = 80

Progress = Callable[[int], None]


class Material(Protocol):
    """Polished samples that can be read several times, their profile, and the preset they were polished for."""

    @property
    def profile(self) -> Profile: ...

    @property
    def preset(self) -> Preset: ...

    def blocks(self, samples: int) -> Iterator[Samples]:
        """Everything from the start, in blocks of `samples` (the last may be shorter)."""
        ...


@dataclass(frozen=True)
class Mastered:
    """The encoded files (in the caller's folder), the figures of the decoded ones, and what is to be said of them.

    `as_heard` is the picture of the sound that went into the encoders, `as_recorded` that of a recording before
    anything was done to it (empty for speech): at most 800 bytes each, see `audio.shapes`.
    """

    files: dict[Codec, Path]
    measured: dict[Codec, Measured]
    seconds: float
    warnings: tuple[Remark, ...] = ()
    as_heard: bytes = b""
    as_recorded: bytes = b""

    @property
    def lufs(self) -> float:
        """Integrated loudness of the decoded file that is farther from the target."""
        return max((m.lufs for m in self.measured.values()), key=lambda lufs: abs(lufs - TARGET_LUFS))

    @property
    def true_peak_db(self) -> float:
        """The higher true peak of the decoded files."""
        return max(m.true_peak_db for m in self.measured.values())


class InMemory:
    """Material of a bulletin: short enough to be held."""

    def __init__(self, samples: Samples, rate: int, preset: Preset = SPEECH_HORN) -> None:
        self.preset = preset
        analyser = Analyser(rate, preset=preset)
        first = analyser.feed(samples)
        rest, self.profile = analyser.finish()
        self._samples = np.concatenate([first, rest])

    def blocks(self, samples: int) -> Iterator[Samples]:
        for start in range(0, len(self._samples), samples):
            yield self._samples[start : start + samples]


def master(
    material: Material, folder: Path, deadline: Deadline, progress: Progress = lambda _percent: None
) -> Mastered:
    """Encode `material` into `folder` at −16 LUFS, true peak at most −1.5 dBTP on the decoded files.

    The codecs run beside each other, and Opus, the slower one, is decoded and measured while it is written: the proof
    costs a look at what is there, not another pass. Progress goes from 0 to
    100 and may be called from other threads, one at a time. Raises EngineFailed or NoSpace, and whatever `progress`
    raises (that cancels both).
    """
    targets: dict[Codec, Path] = {"mp3": folder / "clip.mp3", "opus": folder / "clip.opus"}
    gains, shared = find_gains(material.profile, TARGET_LUFS, _CEILING_DB, material.preset), _Shared(progress, targets)
    with ThreadPoolExecutor(len(targets)) as pool:
        futures = {
            codec: pool.submit(_encode_and_prove, material, gains, codec, path, deadline, shared)
            for codec, path in targets.items()
        }
        measured = {codec: future.result() for codec, future in futures.items() if not future.exception()}
    if shared.first_error:
        raise shared.first_error
    progress(100)
    return Mastered(targets, measured, material.profile.seconds, as_heard=shared.as_heard)


class _Shared:
    """What the codecs have in common: progress as one figure (that of the slower one), the first error, the picture."""

    def __init__(self, progress: Progress, codecs: Iterable[Codec]) -> None:
        self._progress = progress
        self._percent: dict[Codec, int] = dict.fromkeys(codecs, 0)
        self._lock = threading.Lock()
        self.as_heard = b""
        self.first_error: BaseException | None = None

    def progress(self, codec: Codec, percent: int) -> None:
        with self._lock:
            if self.first_error:
                raise EngineFailed(N_("The work was stopped."), code="stopped")
            self._percent[codec] = max(self._percent[codec], percent)
            self._progress(min(self._percent.values()))

    def failed(self, error: BaseException) -> None:
        with self._lock:
            self.first_error = self.first_error or error


def _encode_and_prove(
    material: Material, gains: Gains, codec: Codec, path: Path, deadline: Deadline, shared: _Shared
) -> Measured:
    """Encode one codec, measuring what comes out when decoded, and again with other limits until it passes."""
    ceiling_db, target_lufs, trim_db = _CEILING_DB, TARGET_LUFS, 0.0
    try:
        for turn in range(_ROUNDS):
            fitted = gains.louder(_LOST_DB[codec] + trim_db)
            shape = Shape() if codec == _PICTURED else None
            blocks = _limited(material, fitted, lambda percent: shared.progress(codec, percent), shape)
            found = _ENCODERS[codec](blocks, material.profile.rate, path, deadline, material.preset.to_hz)
            _same_length(found, material)
            if codec == "opus" and (db := _other_level(found, at_any_rate=turn >= _ROUNDS // 2)):
                change_level(path, db)
                found = found.louder(db)
            shared.progress(codec, _ENCODING_SHARE + (turn + 1) * (99 - _ENCODING_SHARE) // _ROUNDS)
            over, off = found.true_peak_db - (MOST_TRUE_PEAK_DB - _ROOM_DB), found.lufs - TARGET_LUFS
            near = abs(off) <= _NEAR_LU or not math.isfinite(off)
            if over <= 0 and (near or turn >= _ROUNDS // 2):
                break
            if turn >= _ROUNDS // 2:
                # The peak is what must hold: a lower ceiling has not been enough, so the whole becomes quieter.
                trim_db -= over + 0.1
                continue
            ceiling_db -= over + 0.3 if over > 0 else 0.0
            target_lufs -= 0.0 if near else off
            gains = find_gains(material.profile, target_lufs, ceiling_db, material.preset)
        if found.true_peak_db > MOST_TRUE_PEAK_DB:
            raise EngineFailed(N_("The sound could not be brought under the peak limit of the loudspeakers."))
    except BaseException as error:
        shared.failed(error)
        raise
    if shape:
        shared.as_heard = shape.finish()
    shared.progress(codec, 99)
    return found


def _other_level(found: Measured, *, at_any_rate: bool) -> float:
    """How much louder a file must play to pass; 0 where it passes as it is, or where its level alone can't help.

    With `at_any_rate` the peak is what counts: it becomes as loud as the peak allows.
    """
    over, off = found.true_peak_db - (MOST_TRUE_PEAK_DB - _ROOM_DB), found.lufs - TARGET_LUFS
    if not math.isfinite(off) or (over <= 0 and abs(off) <= _NEAR_LU):
        return 0.0
    db = rounded_down(min(-off, -over))
    return db if at_any_rate or abs(off + db) <= _NEAR_LU else 0.0


def _same_length(found: Measured, material: Material) -> None:
    if abs(found.seconds - material.profile.seconds) > _MOST_LENGTH_DIFFERENCE:
        raise EngineFailed(N_("The encoded sound can't be decoded again."))


def _limited(material: Material, gains: Gains, progress: Progress, shape: Shape | None = None) -> Iterator[Samples]:
    cell, done, total = cell_samples(gains.rate), 0, max(1, material.profile.samples)
    for block in material.blocks(cell * _CELLS_A_BLOCK):
        louder = gains.apply(block, done // cell)
        if shape:
            shape.feed(louder)
        yield louder
        done += len(block)
        progress(min(_ENCODING_SHARE, done * _ENCODING_SHARE // total))
