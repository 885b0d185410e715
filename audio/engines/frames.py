"""Frames between us and an engine's process: four bytes of length (big endian), then so many bytes.

Imported by the child processes too, therefore on the standard library alone.
"""

import struct
from typing import IO

HEAD = 4
MOST_BYTES = 64 * 1024 * 1024


def pack(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def length_of(head: bytes) -> int:
    return int(struct.unpack(">I", head)[0])


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame, or None at the end of the stream. Raises ValueError for half a frame."""
    head = stream.read(HEAD)
    if not head:
        return None
    body = stream.read(length_of(head)) if len(head) == HEAD else b""
    if len(head) < HEAD or len(body) < length_of(head):
        raise ValueError("half a frame")
    return body


def write_frame(stream: IO[bytes], body: bytes) -> None:
    stream.write(pack(body))
    stream.flush()
