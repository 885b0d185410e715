"""Where stations wait for what must happen now.

One thread follows the feed of changes and wakes exactly those whose document changed. Under gevent the
thread and every waiting request are greenlets, so ten thousand fit into one process.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from core.database import Database
from core.errors import NotSignedIn
from core.stirrings import Stirrings
from registry.stations import REVOKED
from scheduler.now import NowBoard

log = logging.getLogger(__name__)
News = TypeVar("News")
POLL_SECONDS = 0.05
_LOOK_ANYWAY_SECONDS = 2.0  # what runs out by time alone stirs nothing
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
        self._is_read = False
        self._stirrings, self._seen, self._looked_at = Stirrings(database), object(), 0.0
        # Who else is told which stations may have news; None for all of them.
        self.listeners: list[Callable[[set[str] | None], None]] = []

    def open(self) -> None:
        """Start following the feed."""
        self._thread = threading.Thread(target=self._follow, name="now-board", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following and let everybody go with what there is."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._stirrings.close()
        self._wake(None)

    def _follow(self) -> None:
        rest = POLL_SECONDS
        while not self._closing.wait(rest):
            try:
                self._look()
                rest = POLL_SECONDS
            except Exception:
                rest = min(rest * 2, _MAX_REST_SECONDS)
                log.exception("could not follow the feed of changes; next try in %.1f s", rest)

    def _look(self) -> None:
        """Read the feed when there can be something new: asking whether anything was written costs next to nothing."""
        now, mark = time.monotonic(), self._stirrings.mark()
        if mark == self._seen and now - self._looked_at < _LOOK_ANYWAY_SECONDS:
            return
        self.catch_up()
        self._seen, self._looked_at = mark, now

    def catch_up(self) -> None:
        """Read the feed now, as after a change made in this very request."""
        with self._lock, self._database.read() as session:
            touched = self.board.catch_up(session, self._clock())
        self._is_read = True
        if touched is None or touched:
            self._wake(touched)

    @property
    def is_read(self) -> bool:
        """Whether the board was read at all. While the tables can't be, its last state is the best that anybody has."""
        return self._is_read

    @property
    def is_followed(self) -> bool:
        """Whether a thread of this process follows the feed; where none does, whoever needs the newest reads it."""
        return self._thread is not None

    def _wake(self, stations: set[str] | None) -> None:
        for listener in self.listeners:
            listener(stations)
        with self._guests:
            chosen = self._waiting.keys() if stations is None else stations & self._waiting.keys()
            events = [event for station in chosen for event in self._waiting[station]]
        for event in events:
            event.set()

    def wait(
        self, station: str, etag: str | None, seconds: float, hashed: str | None = None
    ) -> tuple[str, bytes] | None:
        """The station's document as soon as its tag differs from `etag`; None when `seconds` passed without news.

        Raises NotSignedIn as soon as the station's token has been revoked, or another took the place of `hashed`.
        """

        def news() -> tuple[str, bytes] | None:
            tag, body = self._document(station)
            if hashed is not None and self.board.tokens.get(hashed) != station:
                self.catch_up()
                if self.board.tokens.get(hashed) != station:
                    raise NotSignedIn(REVOKED)
            return (tag, body) if tag != etag else None

        return self.until(station, news, seconds)

    def until(self, station: str, news: Callable[[], News | None], seconds: float) -> News | None:
        """The first answer of `news`, asked at once and whenever the station may have some; None after `seconds`."""
        if self._thread is None:
            self.catch_up()  # nobody follows the feed in this process
        event = threading.Event()
        with self._guests:
            self._waiting.setdefault(station, set()).add(event)
        deadline = time.monotonic() + seconds
        try:
            while True:
                event.clear()
                found = news()
                if found is not None:
                    return found
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
