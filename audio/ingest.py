"""Recordings: recognised by content, decoded once in a stream, checked, then mastered."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from audio import ffmpeg
from audio.containers import recognise
from audio.deadline import Deadline
from audio.loudness import Analyser, Profile, Samples
from audio.mastering import Mastered, master
from core.errors import N_, InvalidInput
from core.files import full_disk_is_told

SILENT_LUFS = -60.0  # the loudest 0.4 s of a recording in which nobody says anything
SHORTEST_SECONDS = 0.1
_LEAST_OF_PROMISED = 0.5
_DECODING_SHARE = 20
_NOT_SOUND = N_("This is not a sound file, or of a kind that can't be read here.")


class Spooled:
    """Material too long to be held: polished samples in a file of ours, read again in blocks."""

    def __init__(self, path: Path, profile: Profile) -> None:
        self._path = path
        self.profile = profile

    def blocks(self, samples: int) -> Iterator[Samples]:
        with self._path.open("rb") as file:
            while data := file.read(samples * 4):
                yield np.frombuffer(data, np.float32)


def check_and_master(
    file: IO[bytes],
    folder: Path,
    deadline: Deadline,
    *,
    most_seconds: float,
    progress: Callable[[int], None] = lambda _percent: None,
) -> Mastered:
    """Master an open recording into `folder`, which also takes the samples in between (12 MB a minute).

    Raises InvalidInput, with the reason, for what is empty, no sound file, damaged beyond use, silent or longer than
    `most_seconds`; EngineFailed when ffmpeg fails or is too slow; NoSpace; whatever `progress` raises.
    """
    material = read(
        file, folder, deadline, most_seconds=most_seconds, progress=lambda p: progress(p * _DECODING_SHARE // 100)
    )
    return master(material, folder, deadline, lambda p: progress(_DECODING_SHARE + p * (100 - _DECODING_SHARE) // 100))


def read(
    file: IO[bytes], folder: Path, deadline: Deadline, *, most_seconds: float, progress: Callable[[int], None]
) -> Spooled:
    """Decode and check a recording (see `check_and_master`)."""
    if not file.seek(0, 2):
        raise InvalidInput(N_("The file is empty (0 bytes)."), code="empty_file")
    demuxer = recognise(file)
    if demuxer is None:
        raise InvalidInput(_NOT_SOUND, code="not_sound")
    spool = folder / "samples.f32"
    # One second more than allowed comes out at most: enough to know that it is too long.
    with ffmpeg.decode(file, demuxer, deadline, at_most_seconds=most_seconds + 1) as decoding:
        with full_disk_is_told(), spool.open("wb") as out:
            profile = _spool(decoding, out, most_seconds, progress)
        why, promised = decoding.why, decoding.expected_seconds
    _judge(profile, promised, most_seconds, why)
    assert profile  # noqa: S101 - judged above
    progress(100)
    return Spooled(spool, profile)


def _spool(
    decoding: ffmpeg.Decoding, out: IO[bytes], most_seconds: float, progress: Callable[[int], None]
) -> Profile | None:
    analyser, taken = None, 0
    for block in decoding.blocks():
        analyser = analyser or Analyser(decoding.rate, polish=True)
        out.write(analyser.feed(block).tobytes())
        taken += len(block)
        expected = min(decoding.expected_seconds or most_seconds, most_seconds)
        progress(min(99, int(100 * taken / decoding.rate / max(expected, 0.1))))
    if analyser is None:
        return None
    rest, profile = analyser.finish()
    out.write(rest.tobytes())
    return profile


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
