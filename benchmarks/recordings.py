"""Upload → ready clip for 1, 5 and 60 minutes of speech, against the bare cost of the two encodes of that sound.

The recording is an MP3 of espeak-ng's Vietnamese at 128 kbit/s and 44.1 kHz. Bare is one ffmpeg process that encodes
the recording's own samples into both files. `memory` masters a recording of three hours in a process of its own.
Run: python -m benchmarks recordings
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from audio import ffmpeg
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from audio.engines.roster import Roster
from audio.ingest import check_and_master
from audio.reading import spoken
from benchmarks.speech import bulletin

MINUTES = (1, 5, 60)
HOURS = 3
_SECONDS = 900.0
_MEASURE = """
import pathlib, sys, threading, time
from audio.deadline import Deadline
from audio.ingest import check_and_master
folder, most, over = pathlib.Path(sys.argv[2]), 0, threading.Event()
def watch():
    global most
    while not over.wait(0.2):
        most = max(most, sum(item.stat().st_size for item in folder.iterdir()))
thread = threading.Thread(target=watch)
thread.start()
try:
    with open(sys.argv[1], "rb") as file:
        check_and_master(file, folder, Deadline(900), most_seconds=11_000)
finally:
    over.set()
    thread.join()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) / 1024, most / 1e6)
"""


def _recording(folder: Path, seconds: float) -> Path:
    engine, target = Roster([EspeakEngine()]), folder / f"{seconds:.0f}.mp3"
    speech = engine.speak(spoken(bulletin(120), "vi"), "vi", "", Deadline(60))
    (folder / "voice.f32").write_bytes(np.concatenate(speech.spoken.phrases).tobytes())
    subprocess.run(
        [
            ffmpeg.executable(), "-v", "error", "-y", "-stream_loop", "-1", "-f", "f32le", "-ar",
            str(speech.spoken.rate), "-ac", "1", "-i", folder / "voice.f32", "-t", str(seconds),
            "-ar", "44100", "-b:a", "128k", target,
        ],
        check=True, timeout=600,
    )  # fmt: skip
    return target


def _samples(path: Path) -> Iterator[np.ndarray]:
    with path.open("rb") as file, ffmpeg.decode(file, "mp3", Deadline(_SECONDS), at_most_seconds=1e6) as decoding:
        yield from decoding.blocks()


def _bare(path: Path, folder: Path) -> float:
    spooled = folder / "bare.f32"
    with spooled.open("wb") as out:
        for block in _samples(path):
            out.write(block.tobytes())

    def blocks() -> Iterator[np.ndarray]:
        with spooled.open("rb") as file:
            while data := file.read(ffmpeg.BLOCK_SAMPLES * 4):
                yield np.frombuffer(data, np.float32)

    started = time.perf_counter()
    ffmpeg.encode(blocks(), 44_100, {"mp3": folder / "a.mp3", "opus": folder / "a.opus"}, Deadline(_SECONDS))
    taken = time.perf_counter() - started
    spooled.unlink()
    return taken


def run(minutes: tuple[int, ...] = MINUTES, hours: float = HOURS) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for length in minutes:
            path = _recording(folder, 60 * length)
            bare, started = _bare(path, folder), time.perf_counter()
            with path.open("rb") as file:
                made = check_and_master(file, folder, Deadline(_SECONDS), most_seconds=10_800)
            ready = time.perf_counter() - started
            figures[f"{length} min"] = {
                "bare_encodes_seconds": round(bare, 2), "upload_to_ready_seconds": round(ready, 2),
                "ratio": round(ready / bare, 2), "lufs": round(made.lufs, 2),
            }  # fmt: skip
        if hours:
            (folder / "work").mkdir()
            path = _recording(folder, 3600 * hours)
            said = subprocess.run(
                [sys.executable, "-c", _MEASURE, path, folder / "work"],
                capture_output=True, text=True, check=True, timeout=1200, cwd=Path(__file__).parents[1],
            ).stdout.split()  # fmt: skip
            figures["memory"] = {
                "hours": hours,
                "peak_mb": round(float(said[0])),
                "temporary_mb": round(float(said[1])),
            }
    return figures
