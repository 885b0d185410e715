"""What a station costs a small board: memory, and processor time when it waits and when it plays (null device).

Peers in the same run: a bare Python that sleeps, and one that only decodes the same recording as fast as it sounds.
"""

import json
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import _station
from benchmarks.radio import processor_seconds
from benchmarks.waiting import resident_mb
from core.clock import utc_now
from core.wire import Item

IDLE_SECONDS = 60.0
PLAYING_SECONDS = 60.0
AIRINGS_A_WEEK = 60
_DECODES = """
import sys, time
from pathlib import Path
from station.decoding import Decoder
decoder = Decoder(Path(sys.argv[1]))
while decoder.read(decoder.rate // 10):
    time.sleep(0.1)
"""


def used(pid: int, seconds: float) -> tuple[float, float]:
    """Percent of a core over so many seconds, and MB at their end."""
    before, began = processor_seconds(pid), time.monotonic()
    time.sleep(seconds)
    percent = 100 * (processor_seconds(pid) - before) / (time.monotonic() - began)
    return percent, resident_mb(pid)


def bare(code: str, *arguments: str, settle: float = 1.0, seconds: float) -> tuple[float, float]:
    running = subprocess.Popen([sys.executable, "-c", code, *arguments])
    try:
        time.sleep(settle)
        return used(running.pid, seconds)
    finally:
        running.kill()
        running.wait(timeout=10)


def station(clip_seconds: float) -> dict[str, tuple[float, float]]:
    """The real `loa station run` on a full week's plan: nothing due for a while, then an item of so many seconds."""
    lab = _station.lab()
    with tempfile.TemporaryDirectory() as name:
        folder, server = Path(name), lab.FakeServer()
        (folder / "clips").mkdir()
        clip = lab.Clips(folder / "clips").make(server, clip_seconds)
        start = utc_now() + timedelta(seconds=IDLE_SECONDS + 30)
        item = Item(at=0, seconds=clip_seconds, clip=clip)
        server.plan(
            lab.ticket("air_now", start, item),
            *(lab.ticket(f"air_{n}", start + timedelta(hours=3 * (n + 1)), item) for n in range(AIRINGS_A_WEEK)),
        )
        assert lab.enrol(server, folder / "home").returncode == 0
        player = lab.Player(folder / "home", "null")
        player.start()
        try:
            time.sleep(12)  # start, plan, clock, audio
            idle = used(player.process.pid, IDLE_SECONDS)
            time.sleep(max(0.0, (start - utc_now()).total_seconds() + 2))
            sounding = used(player.process.pid, PLAYING_SECONDS)
            audio = next((folder / "home" / "audio").glob("*.opus"))
            decoding = bare(_DECODES, str(audio), seconds=PLAYING_SECONDS / 2)
            assert lab.eventually(lambda: server.reports, 60)
            (report,) = server.reports.values()
            assert report["outcome"] == "played", report
        finally:
            player.stop()
            server.stop()
    return {"idle": idle, "playing": sounding, "only_decoding": decoding}


def run() -> dict[str, Any]:
    """Percent of a core, and resident MB."""
    sleeping = bare("import time; time.sleep(999)", seconds=5)
    found = {**station(PLAYING_SECONDS + 15), "bare_python": sleeping}
    return {
        what: {"core_percent": round(percent, 2), "memory_mb": round(memory, 1)}
        for what, (percent, memory) in found.items()
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
