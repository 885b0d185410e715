"""The same requests again and again over some connections: `python -m loa.fleet.hammer`, told what on standard input.

Reads one JSON line `{"port", "connections", "seconds", "requests": […]}` and prints one: answers by status, bytes and
seconds. One process, one loop, nothing kept of what comes.
"""

import json
import select
import socket
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from typing import Any

_PIECE = 1024 * 1024


@dataclass(slots=True)
class Line:
    sock: socket.socket
    head: bytes = b""
    left: int = -1  # bytes of the body still to come; -1 before its head is here


def hammer(  # noqa: C901 - one loop, kept in one place
    port: int, connections: int, seconds: float, requests: list[str]
) -> dict[str, Any]:
    """Ask for so many seconds. A connection that the server closes is opened again."""
    asks, counts, got = cycle(each.encode() for each in requests), Counter[str](), 0
    poll, lines = select.epoll(), dict[int, Line]()
    piece = bytearray(_PIECE)

    def dial() -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines[sock.fileno()] = Line(sock)
        poll.register(sock, select.EPOLLIN)
        sock.sendall(next(asks))

    for _ in range(connections):
        dial()
    begun = time.perf_counter()
    while (took := time.perf_counter() - begun) < seconds:
        for number, _ in poll.poll(1):
            line = lines[number]
            try:
                size = line.sock.recv_into(piece)
            except ConnectionError:
                size = 0
            got += size
            if size and line.left < 0:
                line.head += piece[:size]
                head, found, rest = line.head.partition(b"\r\n\r\n")
                if not found:
                    continue
                _, _, length = head.lower().partition(b"content-length: ")
                line.left = int(length.split(b"\r\n", 1)[0]) - len(rest) if length else 0
                counts[head[9:12].decode()] += 1
            elif size:
                line.left -= size
            if not size:
                poll.unregister(line.sock)
                line.sock.close()
                del lines[number]
                dial()
            elif line.left == 0:
                line.head, line.left = b"", -1
                with suppress(ConnectionError):  # the end that comes next says so
                    line.sock.sendall(next(asks))
    for line in lines.values():
        line.sock.close()
    return {"answers": dict(counts), "bytes": got, "seconds": took}


if __name__ == "__main__":
    print(json.dumps(hammer(**json.loads(sys.stdin.readline()))), flush=True)
