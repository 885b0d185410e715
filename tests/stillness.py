"""Whether the machine was there: a test that listens by the clock says nothing of a minute in which it stood still.

A witness, a process of its own, sleeps in short naps and notes when one took far longer: then nothing ran here, neither
the test nor what it tests. A test marked `realtime` that fails while the witness noted that is measured again; one that
fails on a machine that was there has failed.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

MOST_TRIES = 3
NAP_SECONDS = 0.02
STILL_SECONDS = 0.15  # what sound is handed over ahead by, and a little: nothing in the house bridges more than that

_WITNESS = f"""
import sys, time
before = time.monotonic()
while True:
    time.sleep({NAP_SECONDS})
    now = time.monotonic()
    if now - before > {NAP_SECONDS + STILL_SECONDS}:
        print(before, now, flush=True)
    before = now
"""


class Witness:
    """Notes the stretches (monotonic seconds) in which nothing ran on the machine."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        with notes.open("wb") as out:
            self._process = subprocess.Popen([sys.executable, "-c", _WITNESS], stdout=out, stdin=subprocess.DEVNULL)

    def stood_still(self, since: float, until: float) -> float:
        """Seconds of the longest stretch that reached into this time; 0.0 when there was none."""
        stretches = [tuple(map(float, line.split())) for line in self._notes.read_text().splitlines()]
        return max((end - begin for begin, end in stretches if end >= since and begin <= until), default=0.0)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)


def measured(
    run: Callable[[], Sequence[pytest.TestReport]], anew: Callable[[], None], seen: Witness, name: str
) -> Sequence[pytest.TestReport]:
    """The reports of a test; when it failed while the machine stood still, those of another try.

    `anew` makes the test ready for that. What is measured again is said on standard output.
    """
    for attempt in range(1, MOST_TRIES + 1):
        began = time.monotonic()
        reports = run()
        still = seen.stood_still(began, time.monotonic())
        if not any(report.failed for report in reports) or not still or attempt == MOST_TRIES:
            break
        sys.stdout.write(f"\n{name}: the machine stood still for {still:.2f} s; measured again\n")
        anew()
    return reports
