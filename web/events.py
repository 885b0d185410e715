"""News for pages that are open: server-sent events that say that something changed, never what.

A page that hears of news fetches the part of itself that may be new, through the same view and the same rights as
before. So a stream carries nothing worth stealing, and costs a greenlet. One thread of the process asks the database
for everybody, and only while somebody listens; where nobody committed anything it does no more than ask for that.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlmodel import Session

from core.database import Database
from core.errors import N_, Busy
from core.stirrings import Stirrings

log = logging.getLogger(__name__)
MOST_LISTENERS = 500
MOST_A_PERSON = 8
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
CHECK_SECONDS = 30.0
LASTS_SECONDS = 600.0
NEWS = "event: news\ndata: .\n\n"
_LOOK_ANYWAY_SECONDS = 10.0
_MAX_REST_SECONDS = 10.0
_FULL = N_("Too many pages are open that update by themselves. This one asks again by itself.")
Mark = Callable[[Session], object]


@dataclass(eq=False)
class Listener:
    """An open page. `news` is set when what it shows may have changed."""

    person: str
    key: str
    mark: Mark
    news: threading.Event = field(default_factory=threading.Event)
    doubted: bool = False  # whether they may still look is asked before anything more is said


class EventRoom:
    """Everybody in this process whose page waits for news of something."""

    def __init__(
        self, database: Database, *, most: int = MOST_LISTENERS, each: int = MOST_A_PERSON,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:  # fmt: skip
        """At most `most` pages in all, `each` of one person."""
        self._database, self._most, self._each, self._poll_seconds = database, most, each, poll_seconds
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._known: dict[str, object] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def join(self, person: str, key: str, mark: Mark) -> Listener:
        """Begin to listen for changes of what `mark` reads; pages of one `key` share it. Raises Busy when too many do.

        Leave again with `leave`.
        """
        listener = Listener(person, key, mark)
        listener.news.set()  # a page is a moment old when it begins to listen
        with self._lock:
            own = sum(each.person == person for each in self._listeners)
            if self._closing.is_set() or len(self._listeners) >= self._most or own >= self._each:
                raise Busy(_FULL)
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="events", daemon=True)
                self._thread.start()
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more. Twice is once."""
        with self._lock:
            self._listeners.discard(listener)

    def doubt(self, person: str) -> None:
        """A session of this person has ended here: each of their pages is asked at once whether it may go on.

        Pages that another process serves are asked when their turn comes (`check_seconds`).
        """
        with self._lock:
            theirs = [each for each in self._listeners if each.person == person]
        for listener in theirs:
            listener.doubted = True
            listener.news.set()

    @property
    def listening(self) -> int:
        """How many pages listen."""
        with self._lock:
            return len(self._listeners)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def close(self) -> None:
        """Let everybody go."""
        self._closing.set()
        with self._lock:
            thread, everybody = self._thread, list(self._listeners)
        for listener in everybody:
            listener.news.set()
        if thread is not None:
            thread.join(timeout=5)

    def _follow(self) -> None:
        """Ask and tell, until nobody listens any more."""
        stirrings = Stirrings(self._database)
        rest, seen, looked_at = self._poll_seconds, object(), 0.0
        try:
            while not self._closing.wait(rest):
                with self._lock:
                    marks = {each.key: each.mark for each in self._listeners}
                    if not marks:
                        self._thread, self._known = None, {}
                        return
                try:
                    now, stirred = time.monotonic(), stirrings.mark()
                    new = marks.keys() - self._known.keys()
                    if stirred != seen or new or now - looked_at >= _LOOK_ANYWAY_SECONDS:
                        self._look(marks)
                        seen, looked_at = stirred, now
                    rest = self._poll_seconds
                except Exception:
                    rest = min(rest * 2, _MAX_REST_SECONDS)
                    log.exception("could not ask for news; next try in %.1f s", rest)
        finally:
            stirrings.close()

    def _look(self, marks: dict[str, Mark]) -> None:
        with self._database.read() as session:
            found = {key: mark(session) for key, mark in marks.items()}
        changed = {key for key, value in found.items() if key in self._known and self._known[key] != value}
        self._known = found
        with self._lock:
            told = [each for each in self._listeners if each.key in changed]
        for listener in told:
            listener.news.set()


def told(
    room: EventRoom, listener: Listener, may_still: Callable[[], bool], *,
    heartbeat_seconds: float = HEARTBEAT_SECONDS, check_seconds: float = CHECK_SECONDS,
    lasts_seconds: float = LASTS_SECONDS, monotonic: Callable[[], float] = time.monotonic,
    say: Callable[[], str] = lambda: NEWS, pace_seconds: float = 0.0,
) -> Iterator[str]:  # fmt: skip
    """Server-sent events of one page: `news` whenever something changed, every silence as a comment.

    With `say` the page is told what there is to say instead, nothing for an empty text; two of these lie at least
    `pace_seconds` apart, and what happens between them is said together.
    Whether the person may still see it is asked again every `check_seconds`, and when it is doubted; a stream that may
    not go on ends with `over`, after which a page comes back no more. After `lasts_seconds` it ends, and the browser
    comes again.
    """
    begun = checked = monotonic()
    try:
        yield "retry: 3000\n\n"
        while not room.closing and monotonic() - begun < lasts_seconds:
            is_news = listener.news.wait(heartbeat_seconds)
            if room.closing:
                return
            if listener.doubted or monotonic() - checked >= check_seconds:
                checked, listener.doubted = monotonic(), False
                if not may_still():
                    yield "event: over\ndata: .\n\n"
                    return
            if is_news:
                listener.news.clear()
                text = say()
                if text:
                    yield text
                    if pace_seconds and not room.closing:
                        time.sleep(pace_seconds)
            else:
                yield ": still here\n\n"
    finally:
        room.leave(listener)
