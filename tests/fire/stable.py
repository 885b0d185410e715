"""A process that breeds workers: run as a script, it has everything imported and forks a real worker when asked.

    stable.py HOME DATABASE_URL CLOCK_FILE TEMPO LOG_FILE

Lines on standard input: `start` → the pid of a new worker; `gone PID` → answered once that one is no more; end
of input: all are killed. Workers read the time from the clock file and count their beats into it.
"""

import logging
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JOBS = (
    "alarms", "roll", "dispatch", "reconcile", "silence", "backup", "prune", "improve", "keys", "notify", "prepared",
    "render-0", "render-urgent",
)  # fmt: skip
CLOCK_BYTES = 8 * (1 + len(JOBS))
SPEAKS_FOR = 0.01
KILLS = "GIẾT"  # a text that kills whoever renders it


class SharedClock:
    """Virtual time in a mapped file: seconds since 1970, then how often each job has gone well."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), CLOCK_BYTES)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(struct.unpack_from("d", self._map, 0)[0], UTC)

    def set(self, at: datetime) -> None:
        struct.pack_into("d", self._map, 0, at.timestamp())

    def count(self, job: str) -> None:
        if job not in JOBS:
            return  # nobody waits for its beats
        at = 8 * (1 + JOBS.index(job))
        struct.pack_into("q", self._map, at, struct.unpack_from("q", self._map, at)[0] + 1)

    def counts(self) -> dict[str, int]:
        return dict(zip(JOBS, struct.unpack_from(f"{len(JOBS)}q", self._map, 8), strict=True))


def voice(clock: SharedClock) -> Callable[..., Any]:
    """A voice that makes small files instead of sound, in the way of the real rendering; they are of virtual age."""
    from audio.rendered import Rendered
    from core.wire import ClipFiles

    def spoken(job: Any, _settings: Any, store: Any, _engines: Any, progress: Callable[[int], None]) -> Any:
        progress(10)
        if KILLS in job.text:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(SPEAKS_FOR)
        at = clock().timestamp()
        with store.workspace() as folder:
            for codec in ("mp3", "opus"):
                (folder / codec).write_bytes(f"{codec} {job.text}".encode())
                os.utime(folder / codec, (at, at))
            os.utime(folder, (at, at))
            progress(50)
            files = ClipFiles(mp3=store.put(folder / "mp3", "mp3"), opus=store.put(folder / "opus", "opus"))
        return Rendered(files, 20.0, -16.0, -2.0, "test", degraded=False)

    return spoken


class Stable:
    """What all workers share before they are forked: everything imported, statements compiled, no connection open."""

    def __init__(self, home: Path, url: str, clock: SharedClock, tempo: float) -> None:
        from audio import rendering
        from core.database import connect
        from core.settings import load
        from scheduler import keys
        from scheduler.worker import Worker

        class Counting(Worker):
            def run(self, name: str, step: Callable[[datetime], object]) -> bool:
                went_well = super().run(name, step)
                if went_well:
                    clock.count(name)
                return went_well

        rendering.render, rendering.roster = voice(clock), lambda _settings: None
        settings = load(home, gtts_enabled=False, database_url=url)
        database, signer = connect(settings), keys.signer(settings)
        self._hire = lambda: Counting(database, settings, signer, clock, tempo=tempo)
        worker, now = Worker(database, settings, signer, clock), clock()
        worker.release_the_dead()
        for step in (worker.issue_alarms, worker.roll, worker.dispatch, worker.reconcile, worker.watch, worker.render):
            step(now)
        database.dispose()

    def work(self) -> None:
        """Be a worker until killed."""
        worker = self._hire()
        while True:  # as the supervisor would: a start that fails is tried again
            try:
                worker.start()
            except Exception as error:  # noqa: BLE001 - whatever it is
                logging.getLogger("stable").warning("could not start: %s", error)
                time.sleep(0.05)
            else:
                break
        while True:
            signal.pause()


def _answer(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def breed() -> None:
    home, url, clock_file, tempo, log = sys.argv[1:]
    import loa.tables

    assert loa.tables.metadata.tables
    logging.basicConfig(filename=log, level=logging.WARNING, format="%(process)d %(levelname)s %(name)s %(message)s")
    stable, living = Stable(Path(home), url, SharedClock(Path(clock_file)), float(tempo)), set[int]()
    _answer("ready")
    for line in sys.stdin:
        order, _, pid = line.strip().partition(" ")
        if order == "start":
            child = os.fork()
            if not child:
                try:
                    os.close(0)
                    stable.work()
                finally:
                    os._exit(1)
            living.add(child)
            _answer(str(child))
        else:
            os.waitpid(int(pid), 0)
            living.discard(int(pid))
            _answer("gone")
    for child in living:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    breed()
