"""Somebody who listens to a channel over one connection: what is sent when, and what has not left yet.

A listener holds at most one piece of its own besides what the kernel takes; who falls behind jumps forward, who takes
nothing at all is let go.
"""

import os
import socket
import threading

from web.radio.tape import Piece, Tape

# In the environment of a request: its connection, and that its answer is an endless stream.
CONNECTION = "loa.connection"
ENDLESS = "loa.endless"
META_EVERY = 16_000  # bytes between titles, as most servers have it
STUCK_SECONDS = 20.0
_MOST_TITLE = 1_000  # characters: with four bytes each, what the length of a title can say
_END, _NO_END = "';", "’;"
_SEND_BUFFER = 64 * 1024  # eight seconds: what the kernel may hold for somebody slow


def titled(title: str) -> bytes:
    """A title as players take it in the middle of a stream: its length in sixteenths, then padded with zeros."""
    # A title ends at the first quote with a semicolon behind it.
    words = f"StreamTitle='{title[:_MOST_TITLE].replace(_END, _NO_END)}';".encode()
    blocks = -(-len(words) // 16)
    return bytes((blocks,)) + words.ljust(blocks * 16, b"\0")


class Listener:
    """One connection. `over` is set when it has ended."""

    def __init__(
        self, channel: Tape, address: str, now: float, *, titles: bool, public: bool, person: str = ""
    ) -> None:
        """`now` on the monotonic clock; `public` is who listens only because everybody may, else `person` is who."""
        self.channel, self.address, self.public, self.person = channel, address, public, person
        self.over = threading.Event()
        self.jumps = 0
        self._titles, self._until_meta, self._told = titles, META_EVERY, ""
        self._next = channel.recent
        self._cut_in = True
        self._left: memoryview | None = None
        self._file: int | None = None
        self._moved_at = now
        if titles:
            self._told = "\0"  # the first block always says something

    def begin(self) -> bytes:
        """What a new listener gets at once: the last seconds."""
        return b"".join(bytes(self._dressed()) for _ in range(self._next, self.channel.coming))

    def take(self, connection: socket.socket, now: float) -> None:
        """From now on `send` writes to this connection, whose owner waits for `over` and then closes it."""
        connection.setblocking(False)
        self._file, self._moved_at = connection.fileno(), now

    def leave(self) -> None:
        """Nothing more is sent. Twice is once."""
        self._file, self._left = None, None
        self.over.set()

    def send(self, now: float) -> bool:
        """Send what the connection takes of what is there. False when there is nobody to send to any more."""
        if self.over.is_set():
            return False
        if self._file is None:
            return True  # it is still given the beginning
        while self._left is not None or self._next < self.channel.coming:
            if self._left is None:
                self._left = self._dressed()
            try:
                sent = os.write(self._file, self._left)
            except BlockingIOError:
                return now - self._moved_at < STUCK_SECONDS
            except OSError:
                return False
            self._moved_at = now
            self._left = self._left[sent:] if sent < len(self._left) else None
        return True

    def _dressed(self) -> memoryview:
        """The next piece, with titles where they belong."""
        oldest = self.channel.pieces[0].number
        if self._next < oldest:
            self._next, self._cut_in, self.jumps = self.channel.recent, True, self.jumps + 1
        piece = self.channel.pieces[self._next - oldest if self._next >= oldest else 0]
        self._next += 1
        data = piece.entry if self._cut_in else piece.data
        self._cut_in = False
        return memoryview(self._with_titles(piece, data) if self._titles else data)

    def _with_titles(self, piece: Piece, data: bytes) -> bytes:
        found, at = [], 0
        while len(data) - at >= self._until_meta:
            found.append(data[at : at + self._until_meta])
            at += self._until_meta
            self._until_meta = META_EVERY
            found.append(b"\0" if piece.title == self._told else titled(piece.title))
            self._told = piece.title
        self._until_meta -= len(data) - at
        return b"".join([*found, data[at:]])


def prepare(connection: socket.socket, send_buffer: int = _SEND_BUFFER) -> None:
    """Bound what the kernel holds for the connection (bytes), and how long the beginning may take. Raises OSError."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    connection.settimeout(STUCK_SECONDS)
