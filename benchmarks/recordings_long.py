"""Upload → ready for an hour, once, and the memory that a recording of three hours takes: some eight minutes.

The comparison is that of `recordings`. Memory is the peak resident size of a process of its own that masters the
recording, of the largest ffmpeg it starts, of all of them at one time, and of the folder for what lies between.
Run: python -m benchmarks recordings_long
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.recordings import measured, recording

MINUTES = 60
HOURS = 3
_MEASURE = """
import os, pathlib, sys, threading
from audio.deadline import Deadline
from audio.ingest import check_and_master
folder, over = pathlib.Path(sys.argv[2]), threading.Event()
files = ffmpeg = together = 0
def memory(process, what):
    try:
        status = dict(line.split(":", 1) for line in open(f"/proc/{process}/status"))
        return int(status[what].split()[0]) / 1024 if what in status else 0
    except OSError:
        return 0
def is_ffmpeg(process):
    try:
        return "ffmpeg" in os.readlink(f"/proc/{process}/exe")
    except OSError:
        return False
def watch():
    global files, ffmpeg, together
    while not over.wait(0.2):
        files = max(files, sum(item.stat().st_size for item in folder.iterdir()))
        children = [one for task in os.listdir("/proc/self/task")
                    for one in open(f"/proc/self/task/{task}/children").read().split()]
        ffmpeg = max([ffmpeg, *(memory(one, "VmHWM") for one in children if is_ffmpeg(one))])
        together = max(together, memory("self", "VmRSS") + sum(memory(one, "VmRSS") for one in children))
thread = threading.Thread(target=watch)
thread.start()
try:
    with open(sys.argv[1], "rb") as file:
        check_and_master(file, folder, Deadline(1500), most_seconds=11_000)
finally:
    over.set()
    thread.join()
print(memory("self", "VmHWM"), ffmpeg, together, files / 1e6)
"""


def _memory(folder: Path) -> dict[str, Any]:
    (folder / "work").mkdir()
    path = recording(folder, 3600 * HOURS)
    said = subprocess.run(
        [sys.executable, "-c", _MEASURE, path, folder / "work"],
        capture_output=True, text=True, check=True, timeout=1600, cwd=Path(__file__).parents[1],
    ).stdout.split()  # fmt: skip
    names = ("our process, peak MB", "largest ffmpeg, peak MB", "all at one time, peak MB", "temporary files, MB")
    figures = zip(names, said, strict=True)
    return {"hours": HOURS, **{what: round(float(figure)) for what, figure in figures}}


def run() -> dict[str, Any]:
    """One round of each."""
    with tempfile.TemporaryDirectory() as name:
        return {f"{MINUTES} min": measured(MINUTES, 1, Path(name)), "memory": _memory(Path(name))}
