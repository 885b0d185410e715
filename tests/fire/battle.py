"""Workers under fire, from the test's side: starting and killing them, moving the clock, and waiting for their beats."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from stable import CLOCK_BYTES, SharedClock
from village import NOW, Village

SOURCES = Path(__file__).parents[2]
ROUND = ("roll", "alarms", "dispatch", "reconcile", "render-0", "render-urgent")
_PATIENCE = 180.0
_LOOKS_EVERY = 0.005
_EASY_PACE = 5.0  # virtual seconds in a real one
_EASY_WAY = 90.0  # virtual seconds, thrice a job's longest rest; after more, stations would seem silent


class Worn(AssertionError):
    """Something did not come about in time."""


class Battle:
    """A stable of workers on the village's database, all on one virtual clock."""

    def __init__(self, village: Village, folder: Path, *, tempo: float = 60.0, seed: int = 0) -> None:
        self.village, self.chance = village, random.Random(seed)  # noqa: S311 - chance, no secret
        path = folder / "clock"
        path.write_bytes(bytes(CLOCK_BYTES))
        self.clock = SharedClock(path)
        self.log = folder / "worker.log"
        self.set(NOW)
        self.living: list[int] = []
        self.deaths = 0
        settings = village.settings
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(SOURCES)}
        self._stable = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("stable.py"), settings.home, settings.database_url, path, str(tempo), self.log],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True,
        )  # fmt: skip
        self._hear()

    # -- workers -----------------------------------------------------------------------------------

    def start(self) -> int:
        pid = int(self._ask("start"))
        self.living.append(pid)
        return pid

    def kill(self, pid: int | None = None) -> None:
        """SIGKILL one of the living, at random unless it is named; it is gone when this returns."""
        pid = pid or self.chance.choice(self.living)
        self.living.remove(pid)
        os.kill(pid, signal.SIGKILL)
        self._ask(f"gone {pid}")
        self.deaths += 1

    def bury(self) -> list[int]:
        """Take away those that have died by themselves; their pids."""
        dead = [pid for pid in self.living if Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] == "Z"]
        for pid in dead:
            self.living.remove(pid)
            self._ask(f"gone {pid}")
        return dead

    def close(self) -> None:
        """End them all."""
        assert self._stable.stdin is not None
        self._stable.stdin.close()
        try:
            self._stable.wait(20)
        finally:
            if self._stable.poll() is None:
                self._stable.kill()
                self._stable.wait(10)
            assert self._stable.stdout is not None
            self._stable.stdout.close()

    def _ask(self, line: str) -> str:
        assert self._stable.stdin is not None
        self._stable.stdin.write(f"{line}\n".encode())
        self._stable.stdin.flush()
        return self._hear()

    def _hear(self) -> str:
        assert self._stable.stdout is not None
        if not select.select([self._stable.stdout], [], [], _PATIENCE)[0]:
            raise Worn("the stable does not answer")
        return self._stable.stdout.readline().decode().strip()

    # -- time --------------------------------------------------------------------------------------

    def set(self, at: datetime) -> None:
        self.clock.set(at)
        self.village.clock.at = at

    def advance(self, **by: float) -> datetime:
        self.set(self.now + timedelta(**by))
        return self.now

    @property
    def now(self) -> datetime:
        return self.village.clock.at

    def live_on(self, seconds: float) -> None:
        """Let real time pass."""
        time.sleep(seconds)

    def rounds(self, jobs: Iterable[str] = ROUND, *, times: int = 2) -> None:
        """Wait until the living have done each of these jobs anew, wholly: twice, as the first may have begun before.

        The clock goes on at an easy pace meanwhile, or what rests would rest for ever.
        """
        before, deadline, until = self.clock.counts(), time.monotonic() + _PATIENCE, self.now.timestamp() + _EASY_WAY
        while True:
            counts = self.clock.counts()
            behind = [job for job in jobs if counts[job] < before[job] + times]
            if not behind:
                return
            if time.monotonic() > deadline:
                raise Worn(f"{behind} did not go well in time; log:\n{self.said()[-3_000:]}")
            time.sleep(_LOOKS_EVERY)
            if self.now.timestamp() < until:
                self.advance(seconds=_LOOKS_EVERY * _EASY_PACE)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""
