"""1,000 stations wait on `/now`; one emergency is raised: how long until the last has it?

The peer is a bare server of the same kind in the same run, which answers the same bytes to everybody.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from sqlalchemy import insert

from audio.models import Clip
from benchmarks import _province
from core.clock import utc_now

STATIONS = 1_000
ROUNDS = 3


@contextmanager
def process(*arguments: str, stdin: Any = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stdin=stdin, text=True, bufsize=1
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=20)
        for stream in (running.stdout, running.stdin):
            if stream is not None:
                stream.close()


def fan_out(port: int, tokens: list[str], trigger: Any) -> dict[str, float]:
    """Let everybody wait, pull the trigger, and see when the answers came, in seconds after the trigger."""
    with process("benchmarks._crowd", str(port), str(len(tokens)), stdin=subprocess.PIPE) as crowd:
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        crowd.stdin.write("\n".join(tokens) + "\n")
        crowd.stdin.close()
        assert crowd.stdout.readline().strip() == "waiting"
        begun = time.time()
        trigger()
        seen = json.loads(crowd.stdout.readline())
    assert seen["answers"] == len(tokens), seen
    return {"first": seen["first"] - begun, "last": seen["last"] - begun, "bytes": seen["bytes"]}


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def ours(stations: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        settings, database, token = _province.installation(Path(folder))
        now = utc_now()
        tokens = _province.units(database, 50, stations // 50, now)
        with database.write() as session:
            session.execute(insert(Clip), [_province.clip("cl_alarm", "un_p", 20.0, now)])
        database.dispose()
        pool = urllib3.PoolManager(timeout=30, retries=False)
        with process("loa", "web", "--home", str(settings.home), "--port", "0") as server:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            port = int(address.rstrip("/").rpartition(":")[2])
            headers = {"Authorization": f"Bearer {token}"}
            body = {"unit": "79", "clip": "cl_alarm", "for": ["unit:79"]}

            def raise_alarm() -> None:
                answer = pool.request("POST", f"{address}api/v1/emergencies", json=body, headers=headers)
                assert answer.status == 201, answer.data

            rounds = [fan_out(port, tokens, raise_alarm) for _ in range(ROUNDS)]
            memory = resident_mb(server.pid)
        pool.clear()
    best = min(rounds, key=lambda each: each["last"])
    return {**best, "memory_mb": memory}


def bare(stations: int, size: int) -> dict[str, float]:
    tokens = [str(number) for number in range(stations)]
    rounds = []
    for _ in range(ROUNDS):
        with process("benchmarks._bare", str(size)) as server:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            pool = urllib3.PoolManager(timeout=30, retries=False)
            rounds.append(fan_out(port, tokens, lambda: pool.request("GET", f"http://127.0.0.1:{port}/go")))  # noqa: B023
            pool.clear()
    return min(rounds, key=lambda each: each["last"])


def run() -> dict[str, float]:
    """Seconds from the emergency's POST to the first and the last answer (best of three), and the ratio to the bare."""
    mine = ours(STATIONS)
    peer = bare(STATIONS, int(mine["bytes"]))
    return {
        "stations": STATIONS,
        "answer_bytes": mine["bytes"],
        "first_seconds": round(mine["first"], 3),
        "last_seconds": round(mine["last"], 3),
        "bare_last_seconds": round(peer["last"], 3),
        "ratio_to_bare": round(mine["last"] / peer["last"], 1),
        "server_memory_mb": round(mine["memory_mb"], 0),
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=2)
    print()
