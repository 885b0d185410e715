"""Upload → ready clip for 1 and 5 minutes of speech, against the bare cost of the two encodes.

The recording is an MP3 of espeak-ng's Vietnamese at 128 kbit/s and 44.1 kHz. There are three bare costs, each one
ffmpeg process that makes both files: `encodes` reads the decoded sound, `usual` does so with its encoders at their
usual effort instead of the one that the mastering door asks of them, `from the file` decodes the recording itself.
The hour and the three hours are in `recordings_long`.
Run: python -m benchmarks recordings
"""

import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from audio import ffmpeg
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from audio.engines.roster import Roster
from audio.ingest import check_and_master
from audio.mastering import Mastered
from audio.reading import spoken
from benchmarks._audio import bulletin, interleaved, one_command, ratios, raw

MINUTES = (1, 5)
ROUNDS = 4
_RATE = 44_100
_SECONDS = 1200.0


def recording(folder: Path, seconds: float) -> Path:
    """Speech of that length, as a telephone might have recorded it."""
    engine, target = Roster([EspeakEngine()]), folder / f"{seconds:.0f}.mp3"
    speech = engine.speak(spoken(bulletin(120), "vi"), "vi", "", Deadline(60))
    (folder / "voice.f32").write_bytes(np.concatenate(speech.spoken.phrases).tobytes())
    subprocess.run(
        [
            ffmpeg.executable(), "-v", "error", "-y", "-stream_loop", "-1", "-f", "f32le", "-ar",
            str(speech.spoken.rate), "-ac", "1", "-i", folder / "voice.f32", "-t", str(seconds),
            "-ar", str(_RATE), "-b:a", "128k", target,
        ],
        check=True, timeout=600,
    )  # fmt: skip
    return target


def _decoded(path: Path, target: Path) -> Path:
    with (
        target.open("wb") as out,
        path.open("rb") as file,
        ffmpeg.decode(file, "mp3", Deadline(_SECONDS), at_most_seconds=1e6) as decoding,
    ):
        for block in decoding.blocks():
            out.write(block.tobytes())
    return target


def _ready(path: Path, folder: Path) -> Mastered:
    with path.open("rb") as file:
        return check_and_master(file, folder, Deadline(_SECONDS), most_seconds=10_800)


def measured(minutes: int, rounds: int, folder: Path) -> dict[str, Any]:
    """The figures for a recording of so many minutes."""
    path = recording(folder, 60 * minutes)
    sound = _decoded(path, folder / "decoded.f32")
    made: list[Mastered] = []
    costs = interleaved(
        {
            "encodes": lambda: one_command(raw(sound, _RATE), folder),
            "usual": lambda: one_command(raw(sound, _RATE), folder, usual_effort=True),
            "from the file": lambda: one_command(["-f", "mp3", "-i", str(path)], folder),
            "ready": lambda: made.append(_ready(path, folder)),
        },
        rounds,
    )
    sound.unlink()
    return {
        "bare encodes, seconds": round(median(clock for clock, _ in costs["encodes"]), 2),
        "upload → ready, seconds": round(median(clock for clock, _ in costs["ready"]), 2),
        "bare encodes, processor seconds": round(min(used for _, used in costs["encodes"]), 2),
        "to the encodes": ratios(costs["ready"], costs["encodes"]),
        "to the encodes at usual effort": ratios(costs["ready"], costs["usual"]),
        "to decoding and encodes from the file": ratios(costs["ready"], costs["from the file"]),
        "lufs": round(made[0].lufs, 2),
        "true peak db": round(made[0].true_peak_db, 2),
    }


def run() -> dict[str, Any]:
    """Medians of interleaved rounds."""
    with tempfile.TemporaryDirectory() as name:
        return {f"{minutes} min": measured(minutes, ROUNDS, Path(name)) for minutes in MINUTES}
