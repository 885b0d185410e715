"""The country: 3,321 communes, 199,260 stations, 14 slots a week in each, planned from nothing on one core.

In a process of its own, so that the peak of memory is that of planning: what makes the country runs in this one.
"""

import json
import multiprocessing
import multiprocessing.connection
import sys
import tempfile
from pathlib import Path
from time import process_time

from benchmarks import _province
from core.clock import utc_now
from core.database import connect
from core.settings import load
from scheduler import keys, planning
from scheduler.foresight import Foresight

COMMUNES = 3_321
STATIONS_EACH = 60
_PATIENCE_SECONDS = 3_600.0


def run(communes: int = COMMUNES, stations_each: int = STATIONS_EACH) -> dict[str, float]:
    """Processor seconds of planning from nothing, again, and of one slot; and the process's peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        _, database, _ = _province.installation(Path(folder))
        now = utc_now()
        _province.units(database, communes, stations_each, now)
        _province.timetable(database, communes, now)
        database.dispose()
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_plan, args=(there, folder), daemon=True)
        process.start()
        there.close()
        try:
            if not here.poll(_PATIENCE_SECONDS):
                raise TimeoutError("the country is not planned yet")
            figures: dict[str, float] = here.recv()
        finally:
            process.join(10)
            if process.is_alive():
                process.kill()
    return {"communes": communes, "stations": communes * stations_each, **figures}


def _plan(pipe: "multiprocessing.connection.Connection", folder: str) -> None:
    settings = load(Path(folder), gtts_enabled=False)
    database = connect(settings)
    signer, now = keys.signer(settings), utc_now()
    before = _peak_mb()
    begun = process_time()
    foresight = Foresight()
    airings = planning.roll(database, settings, signer, now, foresight=foresight)
    planned = process_time()
    assert planning.roll(database, settings, signer, now) == 0
    again = process_time()
    assert planning.roll(database, settings, signer, now, foresight=foresight) == 0
    unchanged = process_time()
    planning.roll(database, settings, signer, now, {"sl_00000a"}, foresight)
    one = process_time()
    database.dispose()
    pipe.send(
        {
            "airings": airings, "from_nothing_core_seconds": round(planned - begun, 1),
            "nothing_changed_core_seconds": round(unchanged - again, 3),
            "all_of_it_looked_at_again_core_seconds": round(again - planned, 1),
            "one_slot_again_core_seconds": round(one - unchanged, 3),
            "peak_memory_mb": round(_peak_mb()), "memory_before_mb": round(before),
        }
    )  # fmt: skip


def _peak_mb() -> float:
    """Of this program alone: `ru_maxrss` would count what started it as well."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


if __name__ == "__main__":
    json.dump(run(*map(int, sys.argv[1:])), sys.stdout, indent=2)
    print()
