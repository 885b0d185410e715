"""The newest of an endless stream of frames, in pieces with numbers, for all who listen to it."""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from web.radio import frames

_KEPT_BYTES = 12 * 8_000
_BYTES_A_SECOND = 7_800  # a little less than there are: better a moment more of it than less


@dataclass(eq=False, slots=True)
class Piece:
    """Some frames of the stream, in the making of which `title` sounded last."""

    number: int
    data: bytes
    title: str
    _entered: bytes | None = None

    @property
    def entry(self) -> bytes:
        """The same for who begins with it, or comes to it from elsewhere in the stream."""
        if self._entered is None:
            self._entered = b"".join(frames.entered(frames.split(self.data)))
        return self._entered


class Tape(ABC):
    """A stream. One thread makes it; whoever begins to listen gets about the last `burst_seconds` at once."""

    def __init__(self, burst_seconds: float, kept_bytes: int = _KEPT_BYTES) -> None:
        self.pieces = deque[Piece]()
        self._most_bytes = kept_bytes
        self._numbers = self._kept_bytes = 0
        self._burst_bytes = int(burst_seconds * _BYTES_A_SECOND)

    @property
    @abstractmethod
    def id(self) -> str:
        """What it is known by among all streams of the process."""

    @abstractmethod
    def make(self, monotonic: float, wall: datetime) -> None:
        """Make what is due of the stream by now, as one piece. Never waits."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it is made of. Never waits."""

    @property
    def recent(self) -> int:
        """The number of the piece with which somebody begins who comes now."""
        held = 0
        for piece in reversed(self.pieces):
            held += len(piece.data)
            if held >= self._burst_bytes:
                return piece.number
        return self.pieces[0].number if self.pieces else self._numbers

    @property
    def coming(self) -> int:
        """The number of the piece that is made next."""
        return self._numbers

    def _append(self, data: bytes, title: str) -> None:
        self.pieces.append(Piece(self._numbers, data, title))
        self._numbers += 1
        self._kept_bytes += len(data)
        while self._kept_bytes > self._most_bytes and len(self.pieces) > 1:
            self._kept_bytes -= len(self.pieces.popleft().data)
