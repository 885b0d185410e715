"""Thousands of subscribers of one topic in one process: `python -m loa.fleet.subscribers PORT COUNT TOPIC OWN`.

MQTT 3.1.1 over bare sockets in one loop. `OWN` is a topic in which `%d` stands for a number: each has its own too.
Told on standard output, one JSON line each: `held` when all are subscribed, and for each message on TOPIC that has come
to all of them after a line on standard input, `emergency` with the instants (epoch seconds).
"""

import json
import os
import resource
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass

_CONNACK, _PUBLISH, _SUBACK = 2, 3, 9
_AT_ONCE = 200  # connections that are being made
_KEEPALIVE = 3_600


@dataclass(slots=True)
class Line:
    sock: socket.socket
    number: int
    data: bytes = b""
    subscribed: bool = False


def text(words: str) -> bytes:
    return struct.pack(">H", len(words.encode())) + words.encode()


def packet(kind: int, body: bytes) -> bytes:
    """`kind` is the first byte; the length follows in groups of seven bits."""
    length, size = b"", len(body)
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes((low | (0x80 if size else 0),))
        if not size:
            return bytes((kind,)) + length + body


def split(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first byte, the body and what follows of the packet that `data` begins with; None when more is to come."""
    size = shift = 0
    for at in range(1, min(len(data), 5)):
        size |= (data[at] & 0x7F) << shift
        shift += 7
        if not data[at] & 0x80:
            end = at + 1 + size
            return (data[0], data[at + 1 : end], data[end:]) if len(data) >= end else None
    return None


class Subscribers:
    def __init__(self, port: int, count: int, topic: str, own: str) -> None:
        self._port, self._count, self._topic, self._own = port, count, topic, own
        self._poll, self._lines = select.epoll(), dict[int, Line]()
        self._made = self._ready = 0
        self._times: list[float] = []
        self._listening = False

    def run(self) -> None:
        self._poll.register(0, select.EPOLLIN)
        while self._made < min(self._count, _AT_ONCE):
            self._dial()
        while True:
            for number, _ in self._poll.poll(1):
                if number == 0:
                    if not os.read(0, 4096):
                        return
                    self._times, self._listening = [], True
                    print(json.dumps({"event": "listening"}), flush=True)
                else:
                    self._read(self._lines[number])

    def _dial(self) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        sock.bind((f"127.{os.getpid() % 200 + 1}.0.{self._made % 200 + 1}", 0))
        sock.connect(("127.0.0.1", self._port))
        name = text(f"s{os.getpid()}_{self._made}")
        sock.sendall(packet(0x10, text("MQTT") + struct.pack(">BBH", 4, 2, _KEEPALIVE) + name))
        line = Line(sock, self._made)
        self._made += 1
        self._lines[sock.fileno()] = line
        self._poll.register(sock, select.EPOLLIN)

    def _read(self, line: Line) -> None:
        piece = line.sock.recv(256 * 1024)
        if not piece:
            sys.exit("the broker hung up")
        line.data += piece
        while found := split(line.data):
            kind, body, line.data = found
            self._act_on(line, kind, body)

    def _act_on(self, line: Line, kind: int, body: bytes) -> None:
        if kind >> 4 == _CONNACK:
            wanted = b"".join(text(each) + b"\1" for each in (self._topic, self._own.replace("%d", str(line.number))))
            line.sock.sendall(packet(0x82, struct.pack(">H", 1) + wanted))
        elif kind >> 4 == _SUBACK:
            self._ready += 1
            if self._made < self._count:
                self._dial()
            if self._ready == self._count:
                print(json.dumps({"event": "held", "at": time.time()}), flush=True)
        elif kind >> 4 == _PUBLISH:
            size = struct.unpack(">H", body[:2])[0]
            if kind & 0x06:
                line.sock.sendall(packet(0x40, body[2 + size : 4 + size]))
            if self._listening and body[2 : 2 + size] == self._topic.encode():
                self._times.append(time.time())
                if len(self._times) == self._count:
                    self._listening = False
                    said = {"event": "emergency", "times": self._times, "bytes": len(body) - size - 4}
                    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Subscribers(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]).run()
