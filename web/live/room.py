"""All live talks of this process.

Two threads, greenlets under gevent, work while there is one. One sends what has been encoded, ten times a second, and
waits for nobody; the other writes into the tables what has come, and ends talks whose time or whose speaker is gone.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime

from sqlmodel import col, select

from core.database import Database
from core.errors import N_, Busy, Conflict
from core.settings import Settings, relay_secret
from scheduler import live, live_ends
from scheduler.live_models import LiveTalk
from web.live.air import Air
from web.radio.listener import Listener

log = logging.getLogger(__name__)
BEAT_SECONDS = 0.1
LOST_SECONDS = 6.0  # without a piece: the speaker's network is gone
_BOOKS_SECONDS = 0.5
_NOTE_SECONDS = 2.0
_MOST_TALKS = 50
_BEGIN_SECONDS = 5.0
_SLOW_BEAT_SECONDS = 0.5
_LISTENERS_A_BEAT = 500  # with more of them it beats slower: each beat costs some 10 µs a listener
_MAX_REST_SECONDS = 5.0
_CLOSED_AFTER_SECONDS = 5.0
_FULL = N_("Too many people are listening just now. Try again in a moment.")
_MANY_TALKS = N_("As many people are speaking live here as this server can take. Try again in a moment.")
_OVER = N_("This talk has ended.")


class LiveRoom:
    """Who speaks live in this process, and who listens."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._lock = threading.RLock()
        self._airs: dict[str, Air] = {}
        self._closing, self._wanted = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self.dropped = 0

    @property
    def listening(self) -> int:
        """How many listen to live talks."""
        return sum(len(each.listeners) for each in list(self._airs.values()))

    def hearing(self, talk_id: str) -> int:
        """How many are connected to the stream of one talk."""
        air = self._airs.get(talk_id)
        return len(air.listeners) if air else 0

    def on_air(self, talk_id: str) -> Air | None:
        """The talk as it is here; None where it never was, or is over."""
        return self._airs.get(talk_id)

    def open(self, talk: LiveTalk) -> Air:
        """Have a talk on air here if it isn't: a new one, or one that another process had. Raises Conflict, Busy."""
        with self._lock:
            found = self._airs.get(talk.id)
            if found is not None:
                return found
            if talk.ended_at is not None:
                raise Conflict(_OVER, code="talk_over")
            if self._closing.is_set() or len(self._airs) >= _MOST_TALKS:
                raise Busy(_MANY_TALKS)
            key = live.key_of(relay_secret(self._settings), talk.id)
            sound = live_ends.sound_of(self._settings, talk.id)
            air = self._airs[talk.id] = Air(talk, key, sound, self._settings.reserve_bytes, time.monotonic())
            self._start()
        return air

    def put(self, air: Air, at: int, pcm: bytes) -> None:
        """Take a piece of a speaker's sound. Raises Conflict when the talk has ended."""
        with self._lock:
            if air.reason:
                raise Conflict(_OVER, code="talk_over")
            air.put(at, pcm, time.monotonic())

    def finish(self, talk_id: str, reason: str) -> None:
        """The tables say that it has ended: let what is under way go out."""
        with self._lock:
            air = self._airs.get(talk_id)
            if air is not None:
                air.is_told = True
                air.finish(reason)

    def join(self, air: Air) -> Listener:
        """Begin to listen; `leave` ends it. Waits until there is something to send. Raises Busy."""
        if not air.tape.begun.wait(_BEGIN_SECONDS):
            raise Busy(_FULL)
        with self._lock:
            if self._closing.is_set() or self.listening >= self._settings.relay_listeners:
                raise Busy(_FULL)
            listener = Listener(air.tape, "", time.monotonic(), titles=False, public=True)
            air.listeners.add(listener)
        return listener

    def hand_over(self, listener: Listener, connection: socket.socket) -> None:
        """Let the sender write to the connection of a listener who has got the beginning."""
        with self._lock:
            listener.take(connection, time.monotonic())

    def leave(self, listener: Listener) -> None:
        """Listen no more. Twice is once."""
        listener.leave()
        with self._lock:
            for air in self._airs.values():
                air.listeners.discard(listener)

    def follow(self, talk_id: str, place: int, count: int) -> tuple[list[bytes], int]:
        """Frames of a talk for the radio of a place, see `LiveTape.follow`; none where it is not on air here."""
        air = self._airs.get(talk_id)
        return air.tape.follow(place, count) if air else ([], -1)

    def close(self) -> None:
        """Let everybody go. Talks go on where their speakers come next."""
        self._closing.set()
        self._wanted.set()
        with self._lock:
            airs = list(self._airs.values())
            self._airs = {}
        for air in airs:
            for listener in air.everybody():
                listener.leave()
            air.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self) -> None:
        if not self._threads:
            for name, work in (("live", self._send), ("live-books", self._keep_books)):
                thread = threading.Thread(target=self._loop, args=(work,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._wanted.set()

    def _loop(self, work: Callable[[], float]) -> None:
        """Work while there are talks; `work` says in how many seconds it wants to be called again."""
        rest = 0.0
        while not self._closing.wait(rest):
            if not self._wanted.wait(_MAX_REST_SECONDS):
                rest = 0.0
                continue
            try:
                rest = work()
            except Exception:
                rest = min(max(rest, BEAT_SECONDS) * 2, _MAX_REST_SECONDS)
                log.exception("live talks: next try in %.1f s", rest)

    def _send(self) -> float:
        """Send what has been made to everybody who listens; the seconds until the next beat."""
        began, listeners = time.monotonic(), 0
        for air in list(self._airs.values()):
            is_over = air.speech.over.is_set()  # asked first: what it made until then is sent below
            with self._lock:
                air.tape.make(began, self._clock())
            for listener in air.everybody():
                listeners += 1
                if not listener.over.is_set() and not listener.send(began):
                    self.dropped += 1
                    self.leave(listener)
            if is_over and air.reason:
                for listener in air.everybody():
                    self.leave(listener)
        beat = min(_SLOW_BEAT_SECONDS, max(1.0, listeners / _LISTENERS_A_BEAT) * BEAT_SECONDS)
        return max(0.0, beat - (time.monotonic() - began))

    def _keep_books(self) -> float:
        """Decide which talks end, tell the tables, and read there which have been ended by others."""
        now = time.monotonic()
        for air in list(self._airs.values()):
            if not air.reason:
                reason = _why_ended(air, now)
                if reason:
                    air.finish(reason)
            if air.reason and not air.is_told:
                self._tell_end(air)
            elif not air.reason and now - air.noted_at >= _NOTE_SECONDS:
                self._note(air, now)
            if air.reason and air.is_told and air.speech.over.is_set() and not air.listeners:
                self._put_away(air)
        with self._lock:
            if not self._airs:
                self._wanted.clear()
        return _BOOKS_SECONDS

    def _tell_end(self, air: Air) -> None:
        with self._database.write() as session:
            live.heard(session, air.talk_id, air.seconds, self._clock())
            live.end(session, air.talk_id, air.reason, self._clock())
        air.is_told = True
        log.info("the live talk %s has ended (%s) after %.0f s", air.talk_id, air.reason, air.seconds)

    def _note(self, air: Air, now: float) -> None:
        with self._database.read() as session:
            query = select(LiveTalk.ended_at, LiveTalk.reason).where(col(LiveTalk.id) == air.talk_id)
            row = session.exec(query).first()
        if row is None or row[0] is not None:
            self.finish(air.talk_id, row[1] if row else "stopped")
            return
        if air.last_at > air.noted_at:
            with self._database.write() as session:
                live.heard(session, air.talk_id, air.seconds, self._clock())
        air.noted_at = now

    def _put_away(self, air: Air) -> None:
        with self._lock:
            self._airs.pop(air.talk_id, None)
        air.close()


def _why_ended(air: Air, now: float) -> str:
    """Why a talk is to end now; empty while it goes on.

    One of which nothing has come here is the worker's to end: its speaker may be talking to another process.
    """
    if air.first_at is None:
        return ""
    if air.before_s + (now - air.first_at) >= air.limit_s:
        return "limit"
    return "lost" if now - air.last_at > LOST_SECONDS else ""
