"""Many who listen to one stream and throw it away: `python -m benchmarks._listeners URL COUNT SECONDS`.

Prints `listening` when all have their answer, then after SECONDS a line of JSON: bytes to each (least and most) since
then, and how many were left.
"""

import json
import resource
import selectors
import socket
import sys
import time
from urllib.parse import urlsplit

_PIECE = 65_536
_PATIENCE_SECONDS = 60
_AT_ONCE = 20


def main(url: str, count: int, seconds: float) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    at = urlsplit(url)
    crowd = selectors.DefaultSelector()
    answered: set[socket.socket] = set()
    taken: dict[socket.socket, int] = {}
    until = time.monotonic() + _PATIENCE_SECONDS
    while len(answered) < count and time.monotonic() < until:
        missing = count - len(crowd.get_map())  # also who was turned away, as by a full queue of new connections
        for _ in range(min(missing, _AT_ONCE)):
            crowd.register(_asked(at.hostname or "", at.port or 80, at.path), selectors.EVENT_READ)
        _drain(crowd, answered, taken, 0.01 if missing else 0.2)
    assert len(answered) == count, len(answered)
    settled = time.monotonic() + 3  # what was sent at once, and who was slow to connect, is behind us
    while time.monotonic() < settled:
        _drain(crowd, answered, taken, 0.2)
    print("listening", flush=True)
    taken = dict.fromkeys(answered, 0)
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        _drain(crowd, answered, taken, 0.2)
    took = time.monotonic() - begun
    left = len(crowd.get_map())
    print(json.dumps({"left": left, "least": min(taken.values()) / took, "most": max(taken.values()) / took}))


def _asked(host: str, port: int, path: str) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
    connection.setblocking(False)
    return connection


def _drain(
    crowd: selectors.BaseSelector, answered: set[socket.socket], taken: dict[socket.socket, int], wait: float
) -> None:
    for key, _ in crowd.select(wait):
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        try:
            piece = connection.recv(_PIECE)
        except ConnectionError:
            piece = b""
        if not piece:
            crowd.unregister(connection)
            answered.discard(connection)
            connection.close()
            continue
        if connection not in answered and b"200 OK" in piece[:32]:
            answered.add(connection)
        taken[connection] = taken.get(connection, 0) + len(piece)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
