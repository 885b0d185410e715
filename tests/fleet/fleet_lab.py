"""A real `loa web` on loopback, and connections that say exactly what a test wants them to say."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from web_process import WebProcess

PATIENCE_SECONDS = 120


class Web(WebProcess):
    """`loa web` as a process, spoken to byte by byte."""

    def line(self) -> "Line":
        return Line(self.port)


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[Web]:
    made = Web(home, **environment)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@dataclass
class Said:
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def asking(method: str, path: str, token: str = "", body: bytes = b"", *fields: str) -> bytes:
    """The bytes of a request, as a station sends them."""
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: 127.0.0.1", *fields]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Line:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hear(self) -> Said:
        """The next answer. Raises ConnectionError when the other side hangs up instead."""
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        length = int(fields.get("content-length", "0"))
        while len(self._data) < length:
            self._more()
        body, self._data = self._data[:length], self._data[length:]
        return Said(int(first.split()[1]), fields, body)

    def _more(self) -> None:
        piece = self.sock.recv(65_536)
        if not piece:
            raise ConnectionError("the server hung up")
        self._data += piece

    def ask(self, method: str, path: str, token: str = "", body: bytes = b"", *fields: str) -> Said:
        self.say(asking(method, path, token, body, *fields))
        return self.hear()

    def ends(self) -> bool:
        """Whether the server hangs up, sooner or later."""
        try:
            while self.sock.recv(65_536):
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
