"""A week of a small province in virtual time, with all faults; `python -m benchmarks.rehearsal 5000`: a large one."""

import json
import logging
import os
import sys

from loa.rehearsal.run import rehearse
from loa.rehearsal.wishes import Wishes

STATIONS = 850
DAYS = 7


def run(count: int = STATIONS) -> dict[str, float]:
    """Elapsed seconds and seconds of processor time on all cores there are, events, and what became of the items."""
    processes = len(os.sched_getaffinity(0))
    logging.disable(logging.ERROR)
    try:
        result = rehearse(Wishes(stations=count, days=DAYS), processes=processes)
    finally:
        logging.disable(logging.NOTSET)
    assert not result.violation_count, "\n".join(map(str, result.violations[:10]))
    return {
        "stations": count,
        "days": DAYS,
        "planned_items": result.tally.planned,
        "played_items": result.tally.played,
        "events": result.events,
        "processes_of_stations": processes,
        "seconds": round(result.seconds, 1),
        "core_seconds": round(result.cpu_seconds, 1),
        "microseconds_an_item": round(result.cpu_seconds / result.tally.planned * 1e6, 1),
    }


if __name__ == "__main__":
    json.dump(run(int(sys.argv[1]) if sys.argv[1:] else STATIONS), sys.stdout, indent=2)
    print()
