"""1,000 players listen to the Internet radio of a commune, and then to Icecast in front of it: what does each cost?

Icecast relays the very stream, in the same run. Counted is processor time of the serving process, user and system.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _icecast, _province
from benchmarks.waiting import process, resident_mb
from core.clock import utc_now
from registry.models import Unit

LISTENERS = 1_000
SECONDS = 15.0
ROUNDS = 2


def processor_seconds(pid: int) -> float:
    """What the process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def listened(url: str, pid: int, count: int) -> dict[str, float]:
    """Percent of a core that the serving process takes while so many listen, and what they got."""
    with process("benchmarks._listeners", url, str(count), str(SECONDS), stdin=subprocess.DEVNULL) as crowd:
        assert crowd.stdout is not None
        assert crowd.stdout.readline().strip() == "listening"
        before = processor_seconds(pid)
        seen: dict[str, float] = json.loads(crowd.stdout.readline())
        used = processor_seconds(pid) - before
    assert seen["left"] == count, seen
    return {
        "core_percent": 100 * used / SECONDS, "memory_mb": resident_mb(pid), "least_bytes_per_second": seen["least"],
    }  # fmt: skip


def run() -> dict[str, Any]:
    """Percent of a core with 1,000 listeners, ours and Icecast's (best of two each), their ratio, memory."""
    if _icecast.program() is None:
        return {"skipped": "icecast2 is not installed"}
    with tempfile.TemporaryDirectory() as folder:
        settings, database, _ = _province.installation(Path(folder) / "home")
        _province.units(database, 1, 1, utc_now())
        with database.write() as session:
            unit = session.get_one(Unit, "un_p")
            unit.public_radio = True
            session.add(unit)
        database.dispose()
        (settings.home / "settings.toml").write_text(
            f"radio_listeners = {2 * LISTENERS}\nradio_listeners_per_address = {2 * LISTENERS}\n", "utf-8"
        )
        with process("loa", "web", "--home", str(settings.home), "--port", "0") as server:
            assert server.stdout is not None
            url = f"{server.stdout.readline().strip()}radio/79.0.mp3"
            with _icecast.relaying(url, clients=2 * LISTENERS) as icecast:
                mine = [listened(url, server.pid, LISTENERS)]
                theirs = [listened(icecast.url, icecast.pid, LISTENERS)]
                for _ in range(ROUNDS - 1):
                    mine.append(listened(url, server.pid, LISTENERS))
                    theirs.append(listened(icecast.url, icecast.pid, LISTENERS))
                alone = listened(url, server.pid, 1)
    ours, peer = (min(rounds, key=lambda each: each["core_percent"]) for rounds in (mine, theirs))
    return {
        "listeners": LISTENERS,
        "core_percent": round(ours["core_percent"], 2),
        "icecast_core_percent": round(peer["core_percent"], 2),
        "ratio_to_icecast": round(ours["core_percent"] / peer["core_percent"], 2),
        "core_percent_with_one": round(alone["core_percent"], 2),
        "memory_mb": round(ours["memory_mb"], 0),
        "least_bytes_per_second": round(ours["least_bytes_per_second"], 0),
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
