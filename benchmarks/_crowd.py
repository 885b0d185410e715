"""Many stations that wait on one address, as one process of greenlets: `python -m benchmarks._crowd PORT COUNT`.

Prints `waiting` when all are held, then a line of JSON with the instants (epoch seconds) of the first and the
last answer. Reads the stations' tokens, one a line, from standard input.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import resource
import socket
import sys
import time

import gevent
from gevent.event import Event

_LIMIT_SECONDS = 50


def main(port: int, count: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tokens = [line.strip() for line in sys.stdin][:count]
    held, answered, lengths = [], [], []
    everybody = Event()

    def exchange(connection: socket.socket, token: str, tag: str, wait: int) -> tuple[str, bytes]:
        request = f"GET /api/v1/now HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nPrefer: wait={wait}\r\n"
        request += f"If-None-Match: {tag}\r\n\r\n" if tag else "\r\n"
        connection.sendall(request.encode())
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        fields = {name.lower(): value for name, value in fields.items()}
        length = int(fields.get(b"content-length", b"0"))
        while len(body) < length:
            body += connection.recv(65536)
        return fields.get(b"etag", b"").decode(), body

    def station(token: str) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            tag, _ = exchange(connection, token, "", 0)
            held.append(token)
            if len(held) == count:
                everybody.set()
            _, body = exchange(connection, token, tag, 55)
            answered.append(time.time())
            lengths.append(len(body))

    crowd = [gevent.spawn(station, token) for token in tokens]
    everybody.wait(timeout=_LIMIT_SECONDS)
    gevent.sleep(1)
    print("waiting", flush=True)
    gevent.joinall(crowd, timeout=_LIMIT_SECONDS)
    print(json.dumps({"answers": len(answered), "first": min(answered), "last": max(answered), "bytes": max(lengths)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
