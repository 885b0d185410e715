"""How far audio is, told to whoever looks at it: one thread asks the database for everybody, only while somebody looks.

Under gevent the thread and every listener are greenlets.
"""

import json
import logging
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sqlmodel import col, select

from audio.models import CANCELLED, EXPIRED, FAILED, READY, Clip
from core.database import Database
from core.errors import N_, Busy

log = logging.getLogger(__name__)
POLL_SECONDS = 0.25
_MAX_REST_SECONDS = 5.0
_CHUNK = 500
MOST_LISTENERS = 2_000
FINAL = frozenset({READY, FAILED, CANCELLED, EXPIRED, "gone"})
_FULL = N_("Too many people are watching audio being made. The page asks again by itself.")


@dataclass(frozen=True)
class Stage:
    """How far a clip is; `state` is "gone" for one that is there no more."""

    state: str
    percent: int

    @property
    def final(self) -> bool:
        return self.state in FINAL


@dataclass(eq=False)
class Listener:
    """Somebody who looks at one clip; `news` is set when `stage` has changed."""

    clip_id: str
    stage: Stage | None = None
    news: threading.Event = field(default_factory=threading.Event)


class ProgressBoard:
    """Everybody in this process who looks at audio that is being made."""

    def __init__(self, database: Database, *, most: int = MOST_LISTENERS, poll_seconds: float = POLL_SECONDS) -> None:
        self._database, self._most, self._poll_seconds = database, most, poll_seconds
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Listener]] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def join(self, clip_id: str) -> Listener:
        """Begin to listen; leave again with `leave`. Raises Busy when too many do."""
        listener = Listener(clip_id)
        with self._lock:
            if self._closing.is_set() or sum(map(len, self._listeners.values())) >= self._most:
                raise Busy(_FULL)
            self._listeners.setdefault(clip_id, set()).add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="progress-board", daemon=True)
                self._thread.start()
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more. Twice is once."""
        with self._lock:
            mine = self._listeners.get(listener.clip_id, set())
            mine.discard(listener)
            if not mine:
                self._listeners.pop(listener.clip_id, None)

    @property
    def listening(self) -> int:
        """How many listeners there are."""
        with self._lock:
            return sum(map(len, self._listeners.values()))

    @property
    def following(self) -> bool:
        """Whether the database is being asked at all."""
        with self._lock:
            return self._thread is not None

    def close(self) -> None:
        """Let everybody go."""
        self._closing.set()
        with self._lock:
            thread, everybody = self._thread, [each for some in self._listeners.values() for each in some]
        for listener in everybody:
            listener.news.set()
        if thread is not None:
            thread.join(timeout=5)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def _follow(self) -> None:
        """Ask and tell, until nobody listens any more."""
        rest = self._poll_seconds
        while True:
            with self._lock:
                if not self._listeners or self._closing.is_set():
                    self._thread = None
                    return
                wanted = list(self._listeners)
            try:
                self._tell(self._stages(wanted))
                rest = self._poll_seconds
            except Exception:
                rest = min(rest * 2, _MAX_REST_SECONDS)
                log.exception("could not ask how far audio is; next try in %.1f s", rest)
            self._closing.wait(rest)

    def _stages(self, wanted: Collection[str]) -> dict[str, Stage]:
        ids, found = sorted(wanted), dict.fromkeys(wanted, Stage("gone", 0))
        with self._database.read() as session:
            for start in range(0, len(ids), _CHUNK):
                query = select(Clip.id, Clip.state, Clip.progress).where(col(Clip.id).in_(ids[start : start + _CHUNK]))
                found.update({identity: Stage(state, percent) for identity, state, percent in session.exec(query)})
        return found

    def _tell(self, stages: dict[str, Stage]) -> None:
        with self._lock:
            changed = [
                each for identity, stage in stages.items() for each in self._listeners.get(identity, ())
                if each.stage != stage
            ]  # fmt: skip
            for listener in changed:
                listener.stage = stages[listener.clip_id]
        for listener in changed:
            listener.news.set()


def told(
    board: ProgressBoard, listener: Listener, words: dict[str, str], *, heartbeat_seconds: float, most_events: int
) -> Iterator[str]:
    """Server-sent events of one clip until it is finished: a change as data, every silence as a comment.

    Ends by itself after `most_events` of both, or when the process stops; a browser then comes again. `words` are
    the states in the language of who looks.
    """
    try:
        yield "retry: 2000\n\n"
        for _ in range(most_events):
            if not listener.news.wait(heartbeat_seconds):
                yield ": still here\n\n"
                continue
            listener.news.clear()
            stage = listener.stage
            if board.closing or stage is None:
                return
            body = {"state": stage.state, "percent": stage.percent, "words": words.get(stage.state, "")}
            yield f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
            if stage.final:
                return
    finally:
        board.leave(listener)
