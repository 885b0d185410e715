"""Heartbeats and play reports, written for many stations at once: one transaction, one wait for the disk.

Whoever called is answered when the transaction that holds its words has been committed, not before. When it can't be,
each of them is referred to the whole application, which tries again by itself and says what is wrong.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from core.database import Database
from core.wire import Heartbeat, Report
from registry import stations
from scheduler import hearing, reports
from scheduler.reports import Verdict

Told = TypeVar("Told")
log = logging.getLogger(__name__)
# A round is this many calls at most, so that others have their turn in between.
_MOST_BEATS = 200
_MOST_REPORTS = 500
# What comes within this time is written together, and rounds lie as far apart: nobody waits noticeably.
_GATHER_SECONDS = 0.1
_MOST_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Beat:
    """`done` is told whether it is kept."""

    station: str
    said: Heartbeat
    done: Callable[[bool], None]


@dataclass(frozen=True)
class Reported:
    """`done` gets the verdict, None when nothing could be kept."""

    station: str
    said: Sequence[Report]
    done: Callable[[Verdict | None], None]


class Desk:
    """One writer for a process. Never blocks who hands something in."""

    def __init__(self, database: Database, clock: Callable[[], datetime], later: threading.Event | None = None) -> None:
        """While `later` is set, papers wait for a moment: something more urgent goes out."""
        self._database, self._clock, self._later = database, clock, later
        self._beats: deque[Beat] = deque()
        self._reports: deque[Reported] = deque()
        self._something = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        self._thread = threading.Thread(target=self._work, name="desk", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what was handed in, and stop."""
        self._closing.set()
        self._something.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def hand_in(self, paper: Beat | Reported) -> None:
        if isinstance(paper, Beat):
            self._beats.append(paper)
        else:
            self._reports.append(paper)
        self._something.set()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._something.wait()
            self._something.clear()
            self._closing.wait(_GATHER_SECONDS)
            patience = time.monotonic() + _MOST_PATIENCE_SECONDS
            while self._later is not None and self._later.is_set() and time.monotonic() < patience:
                self._closing.wait(_GATHER_SECONDS)
            while self._beats or self._reports:
                try:
                    self.write()
                except Exception:
                    log.exception("the desk failed; it goes on")
                self._closing.wait(_GATHER_SECONDS)  # the loop has its turn

    def write(self) -> None:
        """Write one round of what was handed in."""
        beats = [self._beats.popleft() for _ in range(min(len(self._beats), _MOST_BEATS))]
        if beats:
            kept = self._try("heartbeats", lambda: self._write_beats(beats))
            for beat in beats:
                _tell(beat.done, kept is not None)
        calls: list[Reported] = []
        while self._reports and sum(len(each.said) for each in calls) < _MOST_REPORTS:
            calls.append(self._reports.popleft())
        if calls:
            verdicts = self._try("reports", lambda: self._write_reports(calls))
            for number, call in enumerate(calls):
                _tell(call.done, verdicts[number] if verdicts else None)

    def _try(self, what: str, write: Callable[[], list[Verdict]]) -> list[Verdict] | None:
        try:
            return write()
        except Exception as error:  # noqa: BLE001 - each of them is tried again by itself, and told why
            log.warning("%s could not be written together (%s); each is tried by itself", what, type(error).__name__)
            return None

    def _write_beats(self, beats: Sequence[Beat]) -> list[Verdict]:
        with self._database.write() as session:
            hearing.take(session, [(beat.station, beat.said) for beat in beats], self._clock())
        return []

    def _write_reports(self, calls: Sequence[Reported]) -> list[Verdict]:
        with self._database.write() as session:
            places = {each.station.id: each for each in stations.places(session, [call.station for call in calls])}
            said = [(places[call.station], call.said) for call in calls]
            return reports.accept_all(session, said, self._clock())


def _tell(done: Callable[[Told], None], what: Told) -> None:
    try:
        done(what)
    except Exception:
        log.exception("somebody at the desk could not be answered; the others are")
