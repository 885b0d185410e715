"""A broadcast of others as a stream of this process: what `audio.relays.restream` makes, cut into whole frames."""

import threading
from datetime import datetime

from audio.relays.pull import Pull
from audio.relays.restream import BURST_SECONDS, Restream
from core.outside import Outside
from web.radio import frames
from web.radio.tape import Tape

_MOST_REST = 1_000  # bytes that are no frame: each has two hundred


class Relayed(Tape):
    """One address, fetched once for all who listen to it. `begun` is set when there is something to send."""

    def __init__(self, name: str, url: str, outside: Outside) -> None:
        super().__init__(BURST_SECONDS)
        self._name = name
        self._rest = b""
        self.begun = threading.Event()
        self.restream = Restream(Pull(outside, url))
        self.restream.start()

    @property
    def id(self) -> str:
        """The key of its address."""
        return self._name

    def make(self, monotonic: float, wall: datetime) -> None:
        """Add what has been made since the last time."""
        del monotonic, wall  # the restream keeps to the clock by itself
        self._rest += self.restream.take()
        data = b"".join(frames.split(self._rest))
        if not data and len(self._rest) > _MOST_REST:  # what an encoder that died left behind is no whole frame
            self._rest = self._rest[frames.next_head(self._rest) :]
            data = b"".join(frames.split(self._rest))
        self._rest = self._rest[len(data) :]
        if data:
            self._append(data, "")
            self.begun.set()

    def close(self) -> None:
        """Let the broadcaster go."""
        self.restream.stop()
