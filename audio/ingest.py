"""Recordings: recognised by content, decoded once in a stream, checked, then mastered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from audio import ffmpeg
from audio.containers import is_cut_short, recognise
from audio.deadline import Deadline
from audio.edges import find_edges
from audio.loudness import Analyser, Profile, Samples
from audio.mastering import Mastered, master
from audio.presets import SPEECH_INDOOR, Preset
from audio.remarks import ClippingCounter, Remark, on_damage, on_sound
from audio.shapes import Shape
from core.errors import N_, InvalidInput
from core.files import full_disk_is_told

SILENT_LUFS = -60.0  # the loudest 0.4 s of a recording in which nobody says anything
SHORTEST_SECONDS = 0.1
_LEAST_OF_PROMISED = 0.5
_DECODING_SHARE = 20
# Half floats: 70 dB between any sample and its rounding, far under the codecs' own noise, in half the space.
_SPOOLED = np.dtype("<f2")
_MOST_SPOOLED = 60_000.0
_NOT_SOUND = N_("This is not a sound file, or of a kind that can't be read here.")


class Spooled:
    """Material too long to be held: polished samples in a file of ours, read again in blocks, without its edges."""

    def __init__(
        self, path: Path, whole: Profile, preset: Preset, remarks: Sequence[Remark], as_recorded: bytes
    ) -> None:
        self._path = path
        self._edges = find_edges(whole)
        self.profile = self._edges.profile(whole)
        self.preset = preset
        self.remarks = remarks
        self.as_recorded = as_recorded

    def blocks(self, samples: int) -> Iterator[Samples]:
        edges = self._edges
        if edges.lead:
            yield np.zeros(edges.lead, np.float32)
        with self._path.open("rb") as file:
            file.seek(edges.begin * _SPOOLED.itemsize)
            for at in range(edges.begin, edges.end, samples):
                block = np.frombuffer(file.read(min(samples, edges.end - at) * _SPOOLED.itemsize), _SPOOLED).astype(
                    np.float32
                )
                yield edges.fade(block, at, self.profile.rate)


def check_and_master(
    file: IO[bytes],
    folder: Path,
    deadline: Deadline,
    *,
    most_seconds: float,
    progress: Callable[[int], None] = lambda _percent: None,
    preset: Preset = SPEECH_INDOOR,
) -> Mastered:
    """Master an open recording into `folder`, which also takes the samples in between (5 MB a minute).

    Silence around the sound is cut to 0.3 s, which also stand before sound that starts at once. What is worth saying
    before the clip is approved comes back as `warnings`.

    Raises InvalidInput, with the reason, for what is empty, no sound file, damaged beyond use, silent or longer than
    `most_seconds`; EngineFailed when ffmpeg fails or is too slow; NoSpace; whatever `progress` raises.
    """
    material = read(
        file, folder, deadline,
        most_seconds=most_seconds, progress=lambda p: progress(p * _DECODING_SHARE // 100), preset=preset,
    )  # fmt: skip
    mastered = master(
        material, folder, deadline, lambda p: progress(_DECODING_SHARE + p * (100 - _DECODING_SHARE) // 100)
    )
    return replace(mastered, warnings=tuple(material.remarks), as_recorded=material.as_recorded)


def read(
    file: IO[bytes],
    folder: Path,
    deadline: Deadline,
    *,
    most_seconds: float,
    progress: Callable[[int], None],
    preset: Preset,
) -> Spooled:
    """Decode and check a recording (see `check_and_master`)."""
    if not file.seek(0, 2):
        raise InvalidInput(N_("The file is empty (0 bytes)."), code="empty_file")
    demuxer = recognise(file)
    if demuxer is None:
        raise InvalidInput(_NOT_SOUND, code="not_sound")
    spool = folder / "samples.f16"
    # One second more than allowed comes out at most: enough to know that it is too long.
    with ffmpeg.decode(file, demuxer, deadline, at_most_seconds=most_seconds + 1) as decoding:
        with full_disk_is_told(), spool.open("wb") as out:
            profile, clips, shape = _spool(decoding, out, most_seconds, progress, preset)
        why, promised, errors = decoding.why, decoding.expected_seconds, decoding.errors
    _judge(profile, promised, most_seconds, why)
    assert profile  # noqa: S101 - judged above
    progress(100)
    remarks = [
        *on_damage(profile.seconds, promised, errors + is_cut_short(file, demuxer)),
        *on_sound(profile, clips=clips, cancels=decoding.cancels),
    ]
    return Spooled(spool, profile, preset, remarks, shape.finish())


def _spool(
    decoding: ffmpeg.Decoding, out: IO[bytes], most_seconds: float, progress: Callable[[int], None], preset: Preset
) -> tuple[Profile | None, bool, Shape]:
    """The profile of what could be decoded, whether it clips, and its picture."""
    analyser, taken, clipping, shape = None, 0, ClippingCounter(), Shape()
    for block in decoding.blocks():
        analyser = analyser or Analyser(decoding.rate, preset=preset)
        out.write(_packed(analyser.feed(block)))
        clipping.feed(block)
        shape.feed(block)
        taken += len(block)
        expected = min(decoding.expected_seconds or most_seconds, most_seconds)
        progress(min(99, int(100 * taken / decoding.rate / max(expected, 0.1))))
    if analyser is None:
        return None, False, shape
    rest, profile = analyser.finish()
    out.write(_packed(rest))
    return profile, clipping.clips, shape


def _packed(samples: Samples) -> bytes:
    return np.clip(samples, -_MOST_SPOOLED, _MOST_SPOOLED).astype(_SPOOLED).tobytes()


def _judge(profile: Profile | None, promised: float | None, most_seconds: float, why: str) -> None:
    if profile is None or profile.seconds < SHORTEST_SECONDS:
        raise InvalidInput(
            N_("No sound could be read from this file; it is damaged or holds none (%(why)s)."), code="damaged", why=why
        )
    if profile.seconds > most_seconds:
        raise InvalidInput(
            N_("The recording is longer than the %(minutes)d minutes that are allowed."),
            code="too_long", minutes=round(most_seconds / 60),
        )  # fmt: skip
    if promised and profile.seconds < min(promised, most_seconds) * _LEAST_OF_PROMISED:
        raise InvalidInput(
            N_("The file is damaged: only %(read)d of its %(promised)d seconds can be read."),
            code="damaged", read=int(profile.seconds), promised=round(promised),
        )  # fmt: skip
    if profile.loudest() < SILENT_LUFS:
        raise InvalidInput(N_("The recording is silent."), code="silent")
