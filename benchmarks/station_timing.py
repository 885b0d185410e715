"""How near to its instant the first sample of an item leaves: 200 airings, one after another, on the real player.

Twice: into WAV files, where the sound itself is found again, and on miniaudio's null device, where the instant is the
one at which the device, whose own clock is even, gets to that sample. The server's clock is three hours ahead and runs
100 ppm faster than this machine's, so that the clock must be corrected, and sound be kept in step with it. Then one
recording on the null device: how far it is from its place, each second (`python -m benchmarks.station_timing 1800`:
of so many).
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from benchmarks import _station
from core.clock import utc_now
from core.wire import ClipFiles, Item

AIRINGS = 200
EVERY = 0.7
CLIP_SECONDS = 0.5
KINDS = 10
LONG_SECONDS = 60.0
DRIFT_PPM = 100.0


@contextmanager
def scene(folder: Path) -> Iterator[tuple[Any, Any]]:
    """A server whose clock drifts, and clips."""
    lab = _station.lab()
    server, began, over = lab.FakeServer(), time.monotonic(), threading.Event()
    _station.drifting(server, DRIFT_PPM, began)

    def drift() -> None:
        while not over.wait(0.05):
            _station.drifting(server, DRIFT_PPM, began)

    drifter = threading.Thread(target=drift, daemon=True)
    drifter.start()
    (folder / "clips").mkdir()
    try:
        yield server, lab.Clips(folder / "clips")
    finally:
        over.set()
        drifter.join()
        server.stop()


@contextmanager
def playing(server: Any, folder: Path, output: str) -> Iterator[Path]:
    """The station as a process; its notes are in the file."""
    home, notes = folder / "home", folder / "notes.jsonl"
    assert _station.lab().enrol(server, home).returncode == 0
    with (folder / "station.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "benchmarks._station", str(home), output, str(notes)], stdout=log, stderr=log
        )
        try:
            yield notes
        finally:
            running.terminate()
            running.wait(timeout=20)


def planned(server: Any, lab: Any, clips: list[Any], count: int) -> Any:
    """So many airings, each of its own, beginning in time for all audio to be there; the first one's instant."""
    start = utc_now() + server.clock_ahead + timedelta(seconds=15)
    server.plan(
        *(
            lab.ticket(
                f"air_{number:03}", start + timedelta(seconds=EVERY * number),
                Item(at=0, seconds=CLIP_SECONDS, clip=clips[number % len(clips)]),
            )
            for number in range(count)
        )
    )  # fmt: skip
    return start


def figures(late_ms: list[float]) -> dict[str, float]:
    found = sorted(map(abs, late_ms))
    return {
        "first_samples": len(found),
        "p50_ms": round(found[len(found) // 2], 2),
        "p99_ms": round(found[max(0, -(-len(found) * 99 // 100) - 1)], 2),
        "max_ms": round(found[-1], 2),
    }


def reported(server: Any, count: int) -> dict[str, int]:
    """Wait until all is reported; outcomes by their number."""
    lab = _station.lab()
    lab.eventually(lambda: len(server.reports) >= count, 60 + count * EVERY + 30)
    outcomes = [str(report["outcome"]) for report in server.reports.values()]
    return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


def into_files() -> dict[str, Any]:
    lab = _station.lab()
    with tempfile.TemporaryDirectory() as name, scene(Path(name)) as (server, clips):
        folder = Path(name)
        made = [clips.make(server, CLIP_SECONDS, seed) for seed in range(KINDS)]
        start = planned(server, lab, made, AIRINGS)
        with playing(server, folder, f"wav:{folder / 'wav'}"):
            outcomes = reported(server, AIRINGS)
        files = [lab.Heard(path) for path in sorted((folder / "wav").glob("air_*.wav"))]
    late = []
    for file in files:
        number = int(file.airing.removeprefix("air_"))
        began, alike = file.began(clips.sound(made[number % KINDS]))
        assert alike > 0.6, (file.airing, alike)
        late.append(lab.milliseconds(began - start) - 1000 * EVERY * number)
    return {**figures(late), **outcomes}


def notes_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.endswith("}")]


def played_at(notes: list[dict[str, Any]]) -> list[tuple[dict[str, Any], float]]:
    """With each note, when the device got to its sample: so long after its sample 0, as the quickest request had it."""
    least = {note["opened"]: note["least"] for note in notes}  # the last one of each opening is the least
    return [(note, least[note["opened"]] + note["played"]) for note in notes]


def on_the_null_device() -> dict[str, Any]:
    lab = _station.lab()
    with tempfile.TemporaryDirectory() as name, scene(Path(name)) as (server, clips):
        made = [clips.make(server, CLIP_SECONDS, seed) for seed in range(KINDS)]
        planned(server, lab, made, AIRINGS)
        with playing(server, Path(name), "null") as notes:
            outcomes = reported(server, AIRINGS)
        found = played_at(notes_of(notes))
    late = [1000 * (instant - note["begins"]) for note, instant in found if "first" in note]
    held_up = [1000 * (note["asked"] - note["least"] - note["played"]) for note, _ in found if "first" in note]
    return {**figures(late), **outcomes, "answered_late_at_most_ms": round(max(held_up) + 20, 1)}


def long_clip(server: Any, folder: Path, seconds: float) -> Any:
    """A minute's noise over and over, as Opus; encoding half an hour takes a while."""
    lab = _station.lab()
    lab.write_wav(folder / "minute.wav", lab.noise(min(seconds, 60.0), 1))
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-stream_loop", "-1", "-i",
        str(folder / "minute.wav"), "-t", str(seconds), "-c:a", "libopus", "-b:a", "24k", str(folder / "long.opus"),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=900)
    file = server.add_media((folder / "long.opus").read_bytes(), "opus")
    return ClipFiles(mp3=file, opus=file)  # the station asks for Opus


def in_step(seconds: float) -> dict[str, Any]:
    lab = _station.lab()
    with tempfile.TemporaryDirectory() as name, scene(Path(name)) as (server, _):
        clip = long_clip(server, Path(name), seconds)
        start = utc_now() + server.clock_ahead + timedelta(seconds=15)
        server.plan(lab.ticket("air_long", start, Item(at=0, seconds=seconds, clip=clip)))
        with playing(server, Path(name), "null") as notes:
            lab.eventually(lambda: server.reports, seconds + 90)
            (report,) = server.reports.values()
        off = [(note["seconds"], 1000 * note["off"]) for note in notes_of(notes) if "playing" in note]
    last = [abs(each) for second, each in off if second > seconds - 30]
    return {
        "seconds": seconds, "outcome": report["outcome"], **figures([each for _, each in off]),
        "last_half_minute_max_ms": round(max(last), 2), "uncorrected_would_be_ms": round(seconds * DRIFT_PPM / 1000, 1),
    }  # fmt: skip


def run(long_seconds: float = LONG_SECONDS) -> dict[str, Any]:
    """Milliseconds from an item's instant on the corrected clock to its first sample, and how far a long one strays."""
    return {
        "wav": into_files(), "null_device": on_the_null_device(), "in_step": in_step(long_seconds),
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(run(float(sys.argv[1]) if sys.argv[1:] else LONG_SECONDS), sys.stdout, indent=2)
    print()
