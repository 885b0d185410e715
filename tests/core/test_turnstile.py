"""Who is in a hurry writes first, over threads and processes; nobody is kept out for good."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.database import Database
from core.turnstile import Turnstile

_HOLDS = """
import sys
from pathlib import Path
from core.turnstile import Turnstile
with Turnstile(Path(sys.argv[1])).hurrying():
    print("hurrying", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def busy_database(tmp_path: Path):
    made = Database(f"sqlite:///{tmp_path / 'loa.db'}", lock_timeout_seconds=20)
    with made.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE t (x)")
    yield made
    made.dispose()


def insert(database: Database, word: str, hold: float = 0.0, *, urgent: bool = False) -> None:
    with database.write(urgent=urgent) as session:
        session.connection().exec_driver_sql("INSERT INTO t VALUES (?)", (word,))
        time.sleep(hold)


def written(database: Database) -> list[str]:
    with database.read() as session:
        return [row[0] for row in session.connection().exec_driver_sql("SELECT x FROM t ORDER BY rowid")]


def test_an_urgent_write_gets_in_between_the_batches_of_others_that_never_pause(busy_database: Database):
    over, begun = threading.Event(), threading.Event()

    def batches() -> None:
        while not over.is_set():
            insert(busy_database, "batch", 0.02)
            begun.set()

    others = [threading.Thread(target=batches) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        assert begun.wait(20)
        waited = []
        for _ in range(5):
            before = written(busy_database).count("batch")
            insert(busy_database, "urgent", urgent=True)
            place = written(busy_database)
            last = len(place) - 1 - place[::-1].index("urgent")
            waited.append(place[:last].count("batch") - before)
    finally:
        over.set()
        for thread in others:
            thread.join(20)
    # The one that writes, and those that had looked just before, may still go first.
    assert sorted(waited)[2] <= 4


def test_somebody_in_a_hurry_is_seen_by_other_processes_until_it_is_gone(tmp_path: Path):
    place = Turnstile(tmp_path / "loa.db-urgent")
    assert place.is_clear()
    with place.hurrying(), place.hurrying():
        assert not place.is_clear()
    assert place.is_clear()
    command = [sys.executable, "-c", _HOLDS, str(tmp_path / "loa.db-urgent")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "hurrying\n"
        assert not place.is_clear()
        other.kill()
        other.wait(10)
        assert place.is_clear()


def test_one_that_hurries_for_ever_keeps_nobody_out_for_good(busy_database: Database, tmp_path: Path):
    busy_database.lock_timeout_seconds = 0.2
    with Turnstile(tmp_path / "loa.db-urgent").hurrying():
        insert(busy_database, "ordinary")
    assert written(busy_database) == ["ordinary"]


def test_without_its_file_everybody_passes(tmp_path: Path):
    nowhere = Turnstile(tmp_path / "missing" / "loa.db-urgent")
    with nowhere.hurrying():
        assert nowhere.is_clear()
