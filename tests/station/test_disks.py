"""Disks that are full, read-only or rotten: a station goes on with what it can, and says what is wrong.

The faults are real: a limit on the size of files, folders that may not be written by the user who runs, bytes that
were overwritten. What needs such a process of its own runs as one.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from station_lab import eventually

from station.accounting import new_report
from station.due import Progress
from station.faults import FAULTS, found
from station.ledger import DISK_READ_ONLY
from station.looping import Loop
from station.shelf import Shelf
from station.store import Store

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def report(airing: str, item: int = 0):
    return new_report((airing, item), "played", None, NOW, NOW, seconds=1.0)


def in_a_process(script: str, *arguments: str) -> str:
    """What a script prints that runs as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        capture_output=True, text=True, timeout=240, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


AS_NOBODY = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)"


def test_when_the_disk_is_full_all_goes_on_in_memory_and_back_to_the_disk_when_there_is_room(tmp_path):
    answers = in_a_process(
        """
        import resource, sys
        from datetime import UTC, datetime
        from pathlib import Path
        from station.accounting import new_report
        from station.store import Store

        NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
        def report(n): return new_report((f"air_{n}", 0), "played", None, NOW, NOW, seconds=1.0)
        store = Store(Path(sys.argv[1]))
        store.finish(report(0), NOW)
        size = Path(sys.argv[1] + "-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))  # not one byte more
        for n in range(1, 50):
            store.finish(report(n), NOW)
        print(store.fault, store.outbox_size(), store.obey_once("co_1", NOW), store.obey_once("co_1", NOW))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.look_after(at_once=True)
        print(store.fault, store.outbox_size())
        """,
        str(tmp_path / "station.db"),
    ).splitlines()
    assert answers[0].split()[0] in {"disk_full", "disk_failing"}  # what SQLite makes of a file that may not grow
    assert answers[0].split()[1:] == ["50", "True", "False"]
    assert answers[1] == "None 50"
    with closing(Store(tmp_path / "station.db")) as store:
        assert len(store.done()) == 50
        assert not store.obey_once("co_1", NOW)


@pytest.fixture
def read_only(tmp_path):
    """A folder of a station's store, also with what only its log holds, that the user `nobody` may read and not write."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path("/tmp") / f"loa-read-only-{os.getpid()}"  # noqa: S108 - pytest's own folders are closed to others
    folder.mkdir(mode=0o755)
    with closing(Store(tmp_path / "station.db")) as store:
        store.keep_progress(("air_1", 0), Progress(NOW, 3.5, 3.0))
        store.finish(report("air_0"), NOW)
        for part in tmp_path.glob("station.db*"):
            shutil.copy(part, folder / part.name)
    yield folder
    shutil.rmtree(folder)


def test_from_a_disk_that_can_not_be_written_the_station_takes_what_it_knows_and_goes_on(read_only):
    answer = in_a_process(
        """
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from station.accounting import new_report
        from station.store import Store

        NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
        exec(sys.argv[2])
        store = Store(Path(sys.argv[1]))
        print(store.fault, store.progress()["air_1", 0].position, sorted(store.done()))
        store.finish(new_report(("air_1", 0), "played", None, NOW, NOW), NOW)
        print(store.fault, len(store.outbox(10)))
        store.close()
        """,
        str(read_only / "station.db"),
        AS_NOBODY,
    ).splitlines()
    assert answer[0] == f"{DISK_READ_ONLY} 3.5 [('air_0', 0)]"
    assert answer[1] == f"{DISK_READ_ONLY} 2"


def damage(path: Path, first: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(first)
        file.write(b"\xa5" * length)


@pytest.mark.parametrize("first", [0, 4096, 3 * 4096, 6 * 4096])
def test_of_a_damaged_store_is_kept_what_can_be_read(tmp_path, first):
    path = tmp_path / "station.db"
    with closing(Store(path)) as store:
        for number in range(300):
            store.finish(report(f"air_{number:03}"), NOW)
        store.keep_fact("volume", "40")
    before = path.stat().st_size
    damage(path, first, 2048)
    with closing(Store(path)) as store:
        assert path.with_name("station.db.damaged").stat().st_size == before
        assert store.damaged
        assert store.fault is None
        store.finish(report("air_new"), NOW)
        kept = len(store.done())
    assert kept >= (1 if first in {0, 4096} else 100)
    with closing(sqlite3.connect(path)) as fresh:
        assert fresh.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_store_that_is_damaged_while_it_is_in_use_is_replaced_under_way(tmp_path):
    path = tmp_path / "station.db"
    with closing(Store(path)) as store:
        for number in range(300):
            store.finish(report(f"air_{number:03}"), NOW)
    with closing(Store(path)) as store:
        store.rows("PRAGMA cache_size=1")
        damage(path, 0, path.stat().st_size)
        store._connection.execute("PRAGMA shrink_memory")
        for number in range(300, 400):
            store.finish(report(f"air_{number:03}"), NOW + timedelta(seconds=1))
        assert store.damaged
        assert {("air_300", 0), ("air_399", 0)} <= store.done()
        assert store.moved == 1


def test_a_player_that_fails_again_and_again_is_told_as_a_fault_until_it_works(tmp_path):
    broken, stopping = threading.Event(), threading.Event()
    broken.set()

    def step():
        if broken.is_set():
            raise RuntimeError("the decoder is gone")
        return 0.01

    (tmp_path / "audio").mkdir()
    loop = Loop("player", step, stopping, most_backoff=0.02)
    with closing(Store(tmp_path / "station.db")) as store:
        shelf = Shelf(tmp_path / "audio")
        loop.start()
        eventually(lambda: found(store, shelf, lambda: None, lambda: loop) == ["player_failing"])
        broken.clear()
        eventually(lambda: found(store, shelf, lambda: "unplugged", lambda: loop) == ["no_sound_card"])
        stopping.set()
        loop.join(5)


def test_every_fault_has_its_words_in_the_panel():
    from web.panel.labels import LABELS

    assert [fault for fault in FAULTS if f"fault:{fault}" not in LABELS] == []
