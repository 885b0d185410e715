"""Connections that rest: an idle or waiting one costs a socket and some bytes, no greenlet.

What a station sends thousands of times is read and answered right in the event loop (`Quick`). Everything else, and
whatever goes wrong there, is handed to the server of the whole application with the bytes that came, and comes
back here after its answer.
"""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent.event import Event

from web.front.parsing import Asked, Verdict, parse

log = logging.getLogger(__name__)
_READ, _WRITE = 1, 2
_PIECE = 64 * 1024
_FILE_PIECE = 1024 * 1024
# Stations send a heartbeat a minute: their connections for that are closed well before the next.
_IDLE_SECONDS = 20.0
_UNFINISHED_SECONDS = 30.0
_STUCK_SECONDS = 60.0
_MOST_UNREAD = 64 * 1024  # what a client may send before it has its answer
_SLOT_SECONDS = 0.1
# So long answers to those who waited go out before others have their turn: nothing is more urgent than an emergency,
# and what ten thousand of them ask next would take several times as long as telling them.
_SLICE_SECONDS = 0.5
_CROWDED = 0.8
HandOver = Callable[[Any, Any, bytes], None]


class Connection:
    """One caller. Whoever has it at the moment: the loop that reads, the desk, the waiting room, or nobody."""

    __slots__ = (
        "address", "asked", "buffer", "busy", "etag", "fd", "file", "queued", "rest", "slot", "sock", "station",
        "watcher", "writer",
    )  # fmt: skip

    def __init__(self, sock: Any, address: Any, watcher: Any, buffer: bytes) -> None:
        self.sock, self.address, self.watcher, self.buffer = sock, address, watcher, buffer
        self.fd: int = sock.fileno()
        self.writer: Any = None
        self.asked: Asked | None = None  # what is being answered
        self.busy = False  # somebody else will answer it
        self.station: str | None = None  # who waits on it for news
        self.etag: str | None = None
        self.rest: memoryview | None = None  # of an answer
        self.file: tuple[int, int, int] | None = None  # descriptor, offset and bytes left of a file to send
        self.slot: int | None = None
        self.queued = False


class Answers(Protocol):
    """What can be answered right here."""

    hosts: frozenset[bytes]

    def take(self, connection: Connection, asked: Asked) -> bool:
        """Answer it, now or later; False when it is for the whole application."""
        ...

    def again(self, connection: Connection) -> bytes | None:
        """The answer for one that waits, None to wait on. Raises KeyError for a station that is no longer known."""
        ...

    def nothing_new(self, connection: Connection) -> bytes:
        """The answer when the wait is over."""
        ...


class Front:
    """All resting connections of a server. Everything here happens in the event loop, one thing at a time."""

    def __init__(self, hand_over: HandOver, most: int) -> None:
        """`hand_over` gets a socket, its address and what was read; `most` connections may be open."""
        self._hand_over, self._most = hand_over, most
        self._loop = gevent.get_hub().loop
        self._slots: dict[int, set[Connection]] = {}
        self._seen_slot = self._slot_of(time.monotonic())
        self._open: set[Connection] = set()
        self._waiting: dict[str, set[Connection]] = {}
        self._ready: deque[Connection] = deque()
        self._news = Event()
        self._greenlets: list[Any] = []
        self.answers: Answers | None = None
        self.is_handing_out = threading.Event()
        self.elsewhere = 0  # connections that the whole application has at the moment

    def open(self, answers: Answers) -> None:
        self.answers = answers
        self._greenlets = [gevent.spawn(self._hand_out), gevent.spawn(self._look_at_the_time)]

    def close(self) -> None:
        """Let everybody who waits go with what there is, and close what rests."""
        gevent.killall(self._greenlets)
        for connection in list(self._open):
            if connection.station is not None and self.answers is not None:
                self._leave(connection)
                self.answer(connection, self.answers.nothing_new(connection), keep=False)
            elif connection.rest is None and not connection.busy:
                self.drop(connection)

    @property
    def is_crowded(self) -> bool:
        """Whether files run short: answers then close what does not have to stay open."""
        return len(self._open) + self.elsewhere > self._most * _CROWDED

    def arrived(self, sock: Any, address: Any, buffer: bytes = b"") -> None:
        """Take a connection in, with what was read of it already."""
        connection = Connection(sock, address, self._loop.io(sock.fileno(), _READ), buffer)
        self._open.add(connection)
        connection.watcher.start(self._readable, connection)
        self._until(connection, _IDLE_SECONDS)
        if buffer:
            self._serve(connection)

    def make_room(self) -> int:
        """Close connections on which nothing happens; returns how many."""
        idle = [each for each in self._open if each.asked is None and not each.buffer][:100]
        for connection in idle:
            self.drop(connection)
        return len(idle)

    def drop(self, connection: Connection) -> None:
        """Close it, whatever its state. Twice is once."""
        if connection in self._open:
            self._forget(connection)
            connection.sock.close()

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._leave(connection)
        self._until(connection, None)
        connection.watcher.close()
        if connection.writer is not None:
            connection.writer.close()
        if connection.file is not None:
            os.close(connection.file[0])
            connection.file = None
        connection.rest = None

    def _readable(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.drop(connection)
            return
        connection.buffer = connection.buffer + data if connection.buffer else data
        if connection.asked is None:
            self._serve(connection)
        elif len(connection.buffer) > connection.asked.size + _MOST_UNREAD:
            self.drop(connection)

    def _serve(self, connection: Connection) -> None:
        """Answer what has come, or see to it that somebody does."""
        if connection not in self._open or connection.asked is not None:
            return
        try:
            assert self.answers is not None  # noqa: S101 - open() came first
            asked = parse(connection.buffer, self.answers.hosts)
            if asked is Verdict.MORE:
                self._until(connection, _UNFINISHED_SECONDS)
                return
            if not isinstance(asked, Asked):
                self.refer(connection)
                return
            connection.asked = asked
            self._until(connection, None)
            if not self.answers.take(connection, asked):
                self.refer(connection)
        except Exception:
            log.exception("a request could not be answered in the loop")
            self.drop(connection)

    def refer(self, connection: Connection) -> None:
        """Leave the request to the whole application."""
        if connection not in self._open:
            return
        self._forget(connection)
        self._hand_over(connection.sock, connection.address, connection.buffer)

    def wait(self, connection: Connection, station: str, etag: str | None, seconds: float) -> None:
        """Keep it until there is news for `station`, so long at most."""
        connection.station, connection.etag = station, etag
        self._waiting.setdefault(station, set()).add(connection)
        self._until(connection, seconds)

    def _leave(self, connection: Connection) -> None:
        if connection.station is not None:
            others = self._waiting.get(connection.station, set())
            others.discard(connection)
            if not others:
                self._waiting.pop(connection.station, None)
            connection.station = None

    def news(self, stations: set[str] | None) -> None:
        """There may be news for these stations, or for all."""
        chosen = self._waiting.keys() if stations is None else stations & self._waiting.keys()
        for station in chosen:
            for connection in self._waiting[station]:
                if not connection.queued:
                    connection.queued = True
                    self._ready.append(connection)
        self._news.set()

    def _hand_out(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            self.is_handing_out.set()
            while self._ready:
                turn = time.perf_counter() + _SLICE_SECONDS
                while self._ready and time.perf_counter() < turn:
                    self._tell(self._ready.popleft())
                gevent.sleep(0)
            self.is_handing_out.clear()

    def _tell(self, connection: Connection) -> None:
        connection.queued = False
        if connection.station is None or self.answers is None:
            return
        try:
            answer = self.answers.again(connection)
            if answer is not None:
                self._leave(connection)
                self.answer(connection, answer, keep=True)
        except KeyError:
            self.refer(connection)  # which tells it why
        except Exception:
            log.exception("somebody who waited could not be answered")
            self.drop(connection)

    def answer(
        self, connection: Connection, data: bytes, *, keep: bool, file: tuple[int, int, int] | None = None
    ) -> None:
        """Send an answer, and a piece of a file behind it. `file` is closed here in any case."""
        if connection not in self._open:
            if file is not None:
                os.close(file[0])
            return
        connection.busy = False
        asked = connection.asked
        if asked is not None:
            asked.keep = asked.keep and keep
            if not asked.keep:  # said, for many clients would send their next request on it
                data = data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        connection.rest, connection.file = memoryview(data), file
        if not self._flush(connection):
            if connection.writer is None:
                connection.writer = self._loop.io(connection.fd, _WRITE)
            connection.watcher.stop()  # one that doesn't read its answers is not read either
            connection.writer.start(self._writable, connection)
            self._until(connection, _STUCK_SECONDS)

    def _writable(self, connection: Connection) -> None:
        self._until(connection, _STUCK_SECONDS)
        if self._flush(connection) and connection in self._open:
            connection.writer.stop()
            connection.watcher.start(self._readable, connection)

    def _flush(self, connection: Connection) -> bool:
        """Send what goes now. True when nothing is left, or nobody to send it to."""
        try:
            if connection.rest is not None:
                more = socket.MSG_MORE if connection.file is not None else 0
                sent = connection.sock.send(connection.rest, more)
                connection.rest = connection.rest[sent:] if sent < len(connection.rest) else None
            if connection.rest is None and connection.file is not None:
                descriptor, offset, left = connection.file
                sent = os.sendfile(connection.fd, descriptor, offset, min(left, _FILE_PIECE))
                if sent == 0:
                    raise OSError("the file became shorter")
                connection.file = (descriptor, offset + sent, left - sent)
                if left == sent:
                    os.close(descriptor)
                    connection.file = None
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.drop(connection)
            return True
        if connection.rest is not None or connection.file is not None:
            return False
        self._answered(connection)
        return True

    def _answered(self, connection: Connection) -> None:
        asked, connection.asked = connection.asked, None
        if asked is None or not asked.keep:
            self.drop(connection)
            return
        connection.buffer = connection.buffer[asked.size :]
        self._until(connection, _IDLE_SECONDS)
        if connection.buffer:
            self._loop.run_callback(self._serve, connection)

    @staticmethod
    def _slot_of(moment: float) -> int:
        return int(moment / _SLOT_SECONDS)

    def _until(self, connection: Connection, seconds: float | None) -> None:
        """Look at it again in so many seconds, to a tenth of one; None: not at all."""
        if connection.slot is not None:
            self._slots[connection.slot].discard(connection)
            connection.slot = None
        if seconds is not None:
            connection.slot = self._slot_of(time.monotonic() + seconds) + 1
            self._slots.setdefault(connection.slot, set()).add(connection)

    def _look_at_the_time(self) -> None:
        while True:
            gevent.sleep(_SLOT_SECONDS)
            now = self._slot_of(time.monotonic())
            due: list[tuple[int, Connection]] = []
            for slot in range(self._seen_slot + 1, now + 1):
                due += [(slot, connection) for connection in self._slots.get(slot, ())]
            for number, (slot, connection) in enumerate(due):
                if connection.slot == slot:  # nothing has happened on it meanwhile
                    self._time_is_up(connection)
                if number % 100 == 99:  # noqa: PLR2004
                    gevent.sleep(0)
            for slot in range(self._seen_slot + 1, now + 1):
                self._slots.pop(slot, None)
            self._seen_slot = now

    def _time_is_up(self, connection: Connection) -> None:
        if connection.station is None or self.answers is None:
            self.drop(connection)
            return
        try:
            answer = self.answers.nothing_new(connection)
            self._leave(connection)
            self.answer(connection, answer, keep=True)
        except Exception:
            log.exception("somebody who waited could not be answered")
            self.drop(connection)
