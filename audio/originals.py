"""Recordings as they were handed in, for a browser to play beside what became of them, for as long as they are kept.

What browsers play is handed out as it is; of the rest a small MP3 is made once and lies beside the upload.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from audio import ffmpeg
from audio.containers import recognise
from audio.deadline import Deadline
from audio.models import RECORDING, Clip
from audio.uploads import locate
from core.errors import N_, Busy, EngineFailed, InvalidInput, NotFound
from core.files import full_disk_is_told

PREVIEW_SECONDS = 30 * 60.0
_LIMIT_SECONDS = 60.0
_PATIENCE_SECONDS = 45.0
_ENDING = ".preview.mp3"  # beside the upload, and removed with it (audio.uploads)
# By recognised content. What is inside may still be of a kind that a browser can't play: the small MP3 comes second.
_PLAYED = {
    "mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav", "aac": "audio/aac",
    "mov": "audio/mp4", "matroska": "audio/webm",
}  # fmt: skip
_GONE = N_("The original recording is no longer kept.")
_one_at_a_time = threading.BoundedSemaphore(1)


@dataclass(frozen=True)
class Original:
    """An upload that is still there. `mimetype` is what a browser may play it as; None when it can't."""

    path: Path
    demuxer: str
    mimetype: str | None


def find(folder: Path, clip: Clip) -> Original:
    """The original of a recording in the folder of uploads. Raises NotFound when it is gone or never was sound."""
    if clip.kind != RECORDING or not clip.upload:
        raise NotFound(_GONE)
    try:
        path = locate(folder, clip.upload)
        with path.open("rb") as file:
            demuxer = recognise(file)
    except (NotFound, OSError) as error:
        raise NotFound(_GONE) from error
    if demuxer is None:
        raise NotFound(_GONE)
    return Original(path, demuxer, _PLAYED.get(demuxer))


def preview(original: Original) -> Path:
    """A small mono MP3 of the first 30 minutes, made at the first call and kept as long as the upload is.

    One is made at a time in this process, by ffmpeg, within a minute. Raises Busy when others wait for theirs,
    InvalidInput when there is no sound in it, EngineFailed, NoSpace.
    """
    target = original.path.with_name(original.path.name + _ENDING)
    if target.is_file():
        return target
    if not _one_at_a_time.acquire(timeout=_PATIENCE_SECONDS):
        raise Busy(N_("Other recordings are being prepared for listening. Try again in a moment."))
    try:
        if target.is_file():
            return target
        part = target.with_name(f".{target.name}.part")
        try:
            with full_disk_is_told(), original.path.open("rb") as file:
                ffmpeg.preview(file, original.demuxer, part, Deadline(_LIMIT_SECONDS), at_most_seconds=PREVIEW_SECONDS)
                part.replace(target)
        except EngineFailed as error:
            if error.code == "too_slow":
                raise
            raise InvalidInput(N_("The original can't be played here. Listen to what will sound.")) from error
        finally:
            part.unlink(missing_ok=True)
    finally:
        _one_at_a_time.release()
    return target
