"""What several threads of a station write at once: nothing is lost, and nothing stands in another's way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from station_lab import CODE

from station.book import Book
from station.enrolment import enrol
from station.identity import Home
from station.store import Store

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
THREADS = 8
EACH = 40


@pytest.fixture
def book(server, tmp_path: Path):
    with closing(Store(tmp_path / "station.db")) as store:
        yield Book(store, enrol(server.url, CODE, Home(tmp_path / "home")), NOW)


def test_all_that_several_threads_acknowledge_and_keep_is_kept(book: Book) -> None:
    begun = threading.Barrier(THREADS)

    def work(number: int) -> None:
        begun.wait(60)
        for turn in range(EACH):
            if number % 2:
                book.set_volume(turn)
            else:
                book.acknowledge(f"cmd_{number}_{turn}")

    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(work, number) for number in range(THREADS)]:
            done.result(120)
    known = set(book._store.acknowledgements(10_000))
    assert known == {f"cmd_{number}_{turn}" for number in range(0, THREADS, 2) for turn in range(EACH)}
    assert book.is_writable()
