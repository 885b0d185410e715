"""What stations ask thousands of times, answered from memory: the board of what must happen now, and the desk.

Each answer is the one that the views in `web.api.stations` give; whatever is not plain is left to them. Who asks is
known by the hash of its token from the board, which follows the tables: one that was revoked is out within a tenth of
a second.
"""

import json
import os
import random
import re
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from audio.store import MediaStore
from core.clock import format_instant
from core.wire import MAX_REPORTS_A_CALL, MAX_WAIT_SECONDS, MEDIA_TYPES, Heartbeat, Report
from scheduler.reports import Verdict
from web.front.connections import Connection, Front
from web.front.desk import Beat, Desk, Reported
from web.front.parsing import Asked, Route
from web.waiting import WaitingRoom

_BEARER = b"Bearer "
_TAG = re.compile(rb'(?:W/)?"([0-9a-f]{1,64})"')
_WAIT = re.compile(rb"\bwait\s*=\s*(\d{1,4})")
_RANGE = re.compile(rb"bytes=(\d{1,15})-(\d{0,15})")
_FILE = re.compile(rb"([0-9a-f]{64})\.(mp3|opus)")
_YEAR = 31_536_000
# Who was answered together would come back together: long waits end a little early, each at a moment of its own.
_LONG_WAIT = 30
_SPREAD = 0.15
_REPORTS = TypeAdapter(list[Report])


class Quick:
    """The answers of one process. Called in the event loop: nothing here waits for anything."""

    def __init__(
        self, front: Front, room: WaitingRoom, desk: Desk, store: MediaStore | None, hosts: list[str],
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """Without a `store` the whole application sends the files."""
        self._front, self._room, self._desk, self._store, self._clock = front, room, desk, store, clock
        self.hosts = frozenset(host.lower().encode() for host in hosts)
        self._routes: dict[Route, Callable[[Connection, Asked, str], bool]] = {
            Route.NOW: self._now, Route.PLAN: self._plan, Route.TIME: self._time, Route.HEARTBEAT: self._heartbeat,
            Route.REPORTS: self._report, Route.MEDIA: self._media,
        }  # fmt: skip
        self._head, self._head_at = b"", 0.0

    def take(self, connection: Connection, asked: Asked) -> bool:
        """Answer it, now or later; False when it is for the whole application."""
        authorization = asked.fields.get(b"authorization", b"")
        if not authorization.startswith(_BEARER) or not self._room.is_read:
            return False
        station = self._room.board.tokens.get(_hashed(asked))
        return station is not None and self._routes[asked.route](connection, asked, station)

    def again(self, connection: Connection) -> bytes | None:
        """The answer for one that waits, None to wait on. Raises KeyError for a token that is no longer known."""
        assert connection.station is not None  # noqa: S101
        if connection.asked is None or self._room.board.tokens.get(_hashed(connection.asked)) != connection.station:
            raise KeyError(connection.station)  # revoked, or another took its place
        tag, body = self._room.board.document(connection.station)
        return None if tag == connection.etag else self._document(tag, body)

    def nothing_new(self, connection: Connection) -> bytes:
        """The answer when the wait is over."""
        return self._not_modified(connection.etag or "")

    def _now(self, connection: Connection, asked: Asked, station: str) -> bool:
        held = _tag(asked)
        if held == b"":
            return False
        wanted = _WAIT.search(asked.fields.get(b"prefer", b""))
        seconds = float(min(int(wanted[1]), MAX_WAIT_SECONDS)) if wanted else 0.0
        tag, body = self._room.board.document(station)
        if held is None or tag != held.decode():
            self._front.answer(connection, self._document(tag, body), keep=True)
        elif seconds == 0:
            self._front.answer(connection, self._not_modified(tag), keep=True)
        else:
            if seconds >= _LONG_WAIT:
                seconds *= 1 - _SPREAD * random.random()  # noqa: S311 - against marching in step
            self._front.wait(connection, station, tag, seconds)
        return True

    def _plan(self, connection: Connection, asked: Asked, station: str) -> bool:
        """Only that nothing is new: a plan itself is made by the whole application."""
        held = _tag(asked)
        tag = self._room.board.plans[station]
        if not held or held.decode() != tag:
            return False
        self._front.answer(connection, self._not_modified(tag), keep=not self._front.is_crowded)
        return True

    def _time(self, connection: Connection, _asked: Asked, _station: str) -> bool:
        received = self._clock()
        body = to_json({"received_at": format_instant(received), "sent_at": format_instant(self._clock())})
        self._json(connection, body)
        return True

    def _heartbeat(self, connection: Connection, asked: Asked, station: str) -> bool:
        try:
            said = Heartbeat.model_validate_json(asked.body)
        except ValidationError:
            return False

        def done(kept: bool) -> None:
            if kept:
                answer = b"HTTP/1.1 204 NO CONTENT\r\n%s\r\n" % self._common()
                self._front.answer(connection, answer, keep=not self._front.is_crowded)
            else:
                self._front.refer(connection)

        connection.busy = True
        self._desk.hand_in(Beat(station, said, done))
        return True

    def _report(self, connection: Connection, asked: Asked, station: str) -> bool:
        try:
            rows = json.loads(asked.body)["reports"]
            said = _REPORTS.validate_python(rows) if 0 < len(rows) <= MAX_REPORTS_A_CALL else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return False
        if not said:
            return False

        def done(verdict: Verdict | None) -> None:
            if verdict is None:
                self._front.refer(connection)
                return
            refused = [{"id": identity, "code": code} for identity, code in verdict.refused]
            self._json(connection, to_json({"accepted": verdict.accepted, "refused": refused}))

        connection.busy = True
        self._desk.hand_in(Reported(station, said, done))
        return True

    def _media(self, connection: Connection, asked: Asked, _station: str) -> bool:
        named = _FILE.fullmatch(asked.name)
        if named is None or self._store is None or b"if-none-match" in asked.fields:
            return False
        sha256_, codec = named[1].decode(), named[2].decode()
        try:
            descriptor = os.open(self._store.path(sha256_, codec), os.O_RDONLY | os.O_CLOEXEC)  # type: ignore[arg-type]
        except OSError:
            return False
        size = os.fstat(descriptor).st_size
        wanted = _range(asked.fields.get(b"range"), size)
        if wanted is None:
            os.close(descriptor)
            return False
        begin, end = wanted
        os.posix_fadvise(descriptor, begin, end - begin, os.POSIX_FADV_WILLNEED)
        whole = begin == 0 and end == size and b"range" not in asked.fields
        head = b"HTTP/1.1 200 OK\r\n" if whole else b"HTTP/1.1 206 PARTIAL CONTENT\r\n"
        if not whole:
            head += b"Content-Range: bytes %d-%d/%d\r\n" % (begin, end - 1, size)
        head += (
            b'Content-Type: %s\r\nContent-Length: %d\r\nAccept-Ranges: bytes\r\nETag: "%s"\r\n'
            b"Cache-Control: private, max-age=%d, immutable\r\n%s\r\n"
        ) % (MEDIA_TYPES[codec].encode(), end - begin, named[1], _YEAR, self._common())
        keep = not self._front.is_crowded
        self._front.answer(connection, head, keep=keep, file=(descriptor, begin, end - begin))
        return True

    def _json(self, connection: Connection, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
        data = head % len(body) + self._common() + b"\r\n" + body
        self._front.answer(connection, data, keep=not self._front.is_crowded)

    def _document(self, tag: str, body: bytes) -> bytes:
        head = (
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nETag: "%s"\r\n'
            b"Cache-Control: private, no-cache\r\n%s\r\n"
        )
        return head % (len(body), tag.encode(), self._common()) + body

    def _not_modified(self, tag: str) -> bytes:
        head = b'HTTP/1.1 304 NOT MODIFIED\r\nETag: "%s"\r\nCache-Control: private, no-cache\r\n%s\r\n'
        return head % (tag.encode(), self._common())

    def _common(self) -> bytes:
        """Lines that every answer has; the date is written once a second."""
        now = time.time()
        if not 0 <= now - self._head_at < 1:
            self._head = b"X-Content-Type-Options: nosniff\r\nDate: %s\r\n" % formatdate(now, usegmt=True).encode()
            self._head_at = float(int(now))
        return self._head


def _hashed(asked: Asked) -> str:
    """The hash of the token that was shown, as the board knows it."""
    return sha256(asked.fields.get(b"authorization", b"")[len(_BEARER) :].strip()).hexdigest()


def _tag(asked: Asked) -> bytes | None:
    """The entity tag that the caller holds; None for none, empty for one that is not one of ours."""
    field = asked.fields.get(b"if-none-match")
    if field is None:
        return None
    found = _TAG.fullmatch(field)
    return found[1] if found else b""


def _range(field: bytes | None, size: int) -> tuple[int, int] | None:
    """First byte, and the one after the last; None for a request that is not a plain one, or beyond the end."""
    if field is None:
        return (0, size) if size else None
    found: Any = _RANGE.fullmatch(field)
    if found is None:
        return None
    begin, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    return (begin, min(end, size)) if begin < min(end, size) else None
