"""Where stations wait for what must happen now.

One thread follows the feed of changes and wakes exactly those whose document changed. Under gevent the
thread and every waiting request are greenlets, so ten thousand fit into one process.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from core.database import Database
from core.errors import NotSignedIn
from registry.stations import REVOKED
from scheduler.now import NowBoard

log = logging.getLogger(__name__)
POLL_SECONDS = 0.1
_MAX_REST_SECONDS = 5.0


class WaitingRoom:
    """The board of this process and everybody who waits before it."""

    def __init__(self, database: Database, default_zone: str, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self.board = NowBoard(default_zone)
        self._lock = threading.RLock()
        self._guests = threading.Lock()
        self._waiting: dict[str, set[threading.Event]] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Start following the feed."""
        self._thread = threading.Thread(target=self._follow, name="now-board", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following and let everybody go with what there is."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._wake(None)

    def _follow(self) -> None:
        rest = POLL_SECONDS
        while not self._closing.wait(rest):
            try:
                self.catch_up()
                rest = POLL_SECONDS
            except Exception:
                rest = min(rest * 2, _MAX_REST_SECONDS)
                log.exception("could not follow the feed of changes; next try in %.1f s", rest)

    def catch_up(self) -> None:
        """Read the feed now, as after a change made in this very request."""
        with self._lock, self._database.read() as session:
            touched = self.board.catch_up(session, self._clock())
        if touched is None or touched:
            self._wake(touched)

    def _wake(self, stations: set[str] | None) -> None:
        with self._guests:
            chosen = self._waiting.keys() if stations is None else stations & self._waiting.keys()
            events = [event for station in chosen for event in self._waiting[station]]
        for event in events:
            event.set()

    def wait(self, station: str, etag: str | None, seconds: float) -> tuple[str, bytes] | None:
        """The station's document as soon as its tag differs from `etag`; None when `seconds` passed without news.

        Raises NotSignedIn as soon as the station's token has been revoked.
        """
        if self._thread is None:
            self.catch_up()  # nobody follows the feed in this process
        event = threading.Event()
        with self._guests:
            self._waiting.setdefault(station, set()).add(event)
        deadline = time.monotonic() + seconds
        try:
            while True:
                event.clear()
                tag, body = self._document(station)
                if tag != etag:
                    return tag, body
                left = deadline - time.monotonic()
                if left <= 0 or self._closing.is_set():
                    return None
                event.wait(left)
        finally:
            with self._guests:
                waiting = self._waiting.get(station, set())
                waiting.discard(event)
                if not waiting:
                    self._waiting.pop(station, None)

    def _document(self, station: str) -> tuple[str, bytes]:
        try:
            return self.board.document(station)
        except KeyError:
            self.catch_up()
        try:
            return self.board.document(station)
        except KeyError:
            raise NotSignedIn(REVOKED) from None
