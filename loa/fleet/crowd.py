"""Thousands of stations in one process: `python -m loa.fleet.crowd PORT BEATS_A_MINUTE`, tokens on standard input.

Each holds `/now`, sends heartbeats on connections of their own, takes note of an emergency at once and reports it some
seconds later, and comes back by the station's own rule when the server went away. What happens is told on standard
output, one JSON line each: `held` (all of them wait), `emergency` (all of them have it), and `end` with what was
counted, when standard input says so by its end. Not one greenlet or thread: a socket and a few fields for each.
"""

import heapq
import json
import os
import random
import resource
import select
import socket
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from station.link import backoff_seconds

_WAIT = 55
_STUCK_SECONDS = _WAIT + 20.0
_MOST_BACKOFF = 30.0
_CONNECTING_A_ROUND = 200
_MARK = b'"interrupts": ["'
_OK, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304


@dataclass(slots=True)
class Speaker:
    """One station. `seen` is when it had the emergency of this round (epoch seconds), 0 before."""

    token: str
    etag: str = ""
    holds: bool = False
    failures: int = 0
    seen: float = 0.0


@dataclass(slots=True, eq=False)
class Line:
    """One connection. `then` gets the status, the fields and the body of each answer; status 0: it broke off."""

    sock: socket.socket
    then: Callable[["Line", int, dict[bytes, bytes], bytes], None]
    out: bytes = b""
    data: bytes = b""
    waits: bool = True  # for an answer
    since: float = field(default_factory=time.monotonic)


class Crowd:
    """All stations of this process."""

    def __init__(self, port: int, beats_a_minute: float, tokens: list[str]) -> None:
        self._port, self._beats = port, beats_a_minute
        self._poll = select.epoll()
        self._lines: dict[int, Line] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.speakers = [Speaker(token) for token in tokens]
        self.counts: Counter[str] = Counter()
        self._held = self._seen = 0
        self._open, self._strict = True, False

    def run(self) -> None:
        self._poll.register(0, select.EPOLLIN)
        for number, speaker in enumerate(self.speakers):
            self._later(number / 2_000, lambda each=speaker: self._hold(each))  # type: ignore[misc]
            if self._beats:
                first = random.uniform(5, 5 + 60 / self._beats)  # noqa: S311
                self._later(first, lambda each=speaker: self._beat(each))  # type: ignore[misc]
        while self._open:
            for number, events in self._poll.poll(min(self._rest(), 0.5)):
                if number == 0:
                    self._told()
                elif number in self._lines:
                    self._turn(self._lines[number], events)
            self._due()
        print(json.dumps({"event": "end", **self.counts}), flush=True)

    def _told(self) -> None:
        """`again`: a new round; `ready`: from now on nothing may break; the end: it is over."""
        words = os.read(0, 4096).decode()
        if not words:
            self._open = False
        elif "ready" in words:
            self._strict = True
        elif "again" in words:
            self._seen = 0
            for speaker in self.speakers:
                speaker.seen = 0.0
            print(json.dumps({"event": "again", **self.counts}), flush=True)

    def _later(self, seconds: float, task: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._number, task))

    def _rest(self) -> float:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else 0.5

    def _due(self) -> None:
        now, done = time.monotonic(), 0
        while self._timers and self._timers[0][0] <= now and done < _CONNECTING_A_ROUND:
            heapq.heappop(self._timers)[2]()
            done += 1

    def _dial(self, out: bytes, then: Callable[[Line, int, dict[bytes, bytes], bytes], None]) -> None:
        try:
            sock = socket.socket()
        except OSError:  # none left: the server is far behind
            self.counts["files_exhausted"] += 1
            self._later(5.0, lambda: self._dial(out, then))
            return
        sock.setblocking(False)
        # Many addresses of our own, since one has no more than some 28,000 free ports.
        sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        self._number += 1
        sock.bind((f"127.{os.getpid() % 200 + 1}.0.{self._number % 200 + 1}", 0))
        line = Line(sock, then, out)
        self._lines[sock.fileno()] = line
        sock.connect_ex(("127.0.0.1", self._port))
        self._poll.register(sock, select.EPOLLIN | select.EPOLLOUT)

    def _turn(self, line: Line, events: int) -> None:
        try:
            if line.out and events & select.EPOLLOUT:
                line.out = line.out[line.sock.send(line.out) :]
                if not line.out:
                    self._poll.modify(line.sock, select.EPOLLIN)
            if events & ~select.EPOLLOUT:
                data = line.sock.recv(256 * 1024)
                if not data:
                    raise ConnectionError("closed")
                line.data += data
                self._read(line)
        except BlockingIOError:
            return
        except OSError:
            self._close(line)
            if line.waits:
                line.then(line, 0, {}, b"")

    def _read(self, line: Line) -> None:
        head, found, rest = line.data.partition(b"\r\n\r\n")
        if not found:
            return
        first, *others = head.split(b"\r\n")
        fields = {name.lower(): value for name, _, value in (each.partition(b": ") for each in others)}
        length = int(fields.get(b"content-length", b"0"))
        if len(rest) < length:
            return
        line.data, line.waits = rest[length:], False
        line.then(line, int(first[9:12]), fields, rest[:length])
        if fields.get(b"connection") == b"close":
            self._close(line)

    def _close(self, line: Line) -> None:
        if self._lines.pop(line.sock.fileno(), None) is not None:
            self._poll.unregister(line.sock)
            line.sock.close()

    def _say(self, line: Line, out: bytes) -> None:
        line.waits, line.since = True, time.monotonic()
        try:
            sent = line.sock.send(out)
        except BlockingIOError:
            sent = 0
        if sent < len(out):
            line.out = out[sent:]
            self._poll.modify(line.sock, select.EPOLLIN | select.EPOLLOUT)

    def _hold(self, speaker: Speaker) -> None:
        def told(line: Line, status: int, fields: dict[bytes, bytes], body: bytes) -> None:
            if status not in {_OK, _NOT_MODIFIED}:
                self._broken(speaker, status)
                return
            speaker.failures = 0
            if status == _OK:
                speaker.etag = fields[b"etag"].decode()
                if _MARK in body and not speaker.seen:
                    self._has_it(speaker, body)
            try:
                self._say(line, _now(speaker))
            except OSError:
                self._close(line)
                self._broken(speaker, 0)
                return
            if not speaker.holds:
                speaker.holds = True
                self._held += 1
                if self._held == len(self.speakers):
                    print(json.dumps({"event": "held", "at": time.time(), **self.counts}), flush=True)

        speaker.etag = ""  # whatever was missed is asked for whole
        self._dial(_now(speaker), told)

    def _broken(self, speaker: Speaker, status: int) -> None:
        self._count("now", status)
        if speaker.holds:
            speaker.holds = False
            self._held -= 1
        speaker.failures += 1
        self._later(backoff_seconds(speaker.failures, most=_MOST_BACKOFF), lambda: self._hold(speaker))

    def _count(self, what: str, status: int) -> None:
        """Count an answer that is none, or not the one that was wanted."""
        self.counts[f"{what}_{status}" if status else f"{what}_broken_after" if self._strict else f"{what}_broken"] += 1

    def _has_it(self, speaker: Speaker, body: bytes) -> None:
        speaker.seen = time.time()
        self._seen += 1
        airing = _airing(body)
        if self._beats:
            self._post(speaker, "/heartbeat", _heartbeat([airing]), _NO_CONTENT)
            self._later(random.uniform(5, 20), lambda: self._report(speaker, airing))  # noqa: S311
        if self._seen == len(self.speakers):
            times = sorted(each.seen for each in self.speakers)
            print(json.dumps({"event": "emergency", "times": times, "bytes": len(body)}), flush=True)

    def _beat(self, speaker: Speaker) -> None:
        self._post(speaker, "/heartbeat", _heartbeat([]), _NO_CONTENT)
        self._later(60 / self._beats, lambda: self._beat(speaker))

    def _report(self, speaker: Speaker, airing: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        said = {
            "id": str(uuid.uuid4()), "airing": airing, "item": 0, "outcome": "played", "started_at": at,
            "ended_at": at, "seconds": 20.0, "volume": 70, "peak_db": -3.0,
        }  # fmt: skip
        self._post(speaker, "/reports", json.dumps({"reports": [said]}).encode(), _OK)

    def _post(self, speaker: Speaker, path: str, body: bytes, wanted: int) -> None:
        what = path.strip("/")

        def told(_line: Line, status: int, _fields: dict[bytes, bytes], answer: bytes) -> None:
            good = status == wanted and b'"refused":[{' not in answer
            if good:
                self.counts[what] += 1
            else:
                self._count(what, status)

        head = (
            f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {speaker.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._dial(head.encode() + body, told)


def _now(speaker: Speaker) -> bytes:
    lines = (
        f"GET /api/v1/now HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {speaker.token}\r\n"
        "User-Agent: loalang-station\r\nAccept-Encoding: gzip\r\n"
    )
    held = f"Prefer: wait={_WAIT}\r\nIf-None-Match: {speaker.etag}\r\n" if speaker.etag else ""
    return f"{lines}{held}\r\n".encode()


def _heartbeat(acknowledged: list[str]) -> bytes:
    said: dict[str, Any] = {
        "playing": None, "item": None, "volume": 70, "acknowledged": acknowledged, "withdrawn": [],
        "clock_offset_ms": 3.2, "free_bytes": 4_000_000_000, "temperature_c": 51.0, "uptime_s": 86_400.0,
        "software": "loalang 0.1.0",
    }  # fmt: skip
    return json.dumps(said).encode()


def _airing(body: bytes) -> str:
    """Id of the newest interrupt, read from its signed ticket without checking it."""
    import base64

    tickets = json.loads(body)["interrupts"]
    try:
        payload = tickets[-1].split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["id"])
    except (IndexError, ValueError, KeyError):
        return "?"  # the bare server's document has no real ticket


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tokens = []
    while line := sys.stdin.readline().strip():
        tokens.append(line)
    Crowd(int(sys.argv[1]), float(sys.argv[2]), tokens).run()


if __name__ == "__main__":
    main()
