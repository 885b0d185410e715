"""What goes over the SIM card: counted where the calls are made, kept by month in the station's own zone.

Counted are the lines, headers and bodies of HTTP as they are given to the connection and taken from it; what TLS and
TCP add to them is not. Counts not yet kept are lost with the power: those of a minute at most, or of one file.
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime

from core.clock import zone
from core.errors import InvalidInput, LoaError
from station.store import Store

_END_OF_LINE = 2
_VIETNAM = "Asia/Ho_Chi_Minh"


def month_of(now: datetime, zone_name: str) -> str:
    """Such as `2026-11`, by the calendar of the zone."""
    try:
        where = zone(zone_name)
    except InvalidInput:
        where = zone(_VIETNAM)
    return now.astimezone(where).strftime("%Y-%m")


def head_bytes(first_line: int, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> int:
    """How long a head of HTTP/1.1 is: its first line (so many bytes), its headers, and the empty line."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = sum(len(name) + len(value) + 2 + _END_OF_LINE for name, value in pairs)
    return first_line + _END_OF_LINE + lines + _END_OF_LINE


class Traffic:
    """Bytes received and sent. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = 0
        self._sent = 0

    def add(self, *, received: int = 0, sent: int = 0) -> None:
        with self._lock:
            self._received += received
            self._sent += sent

    def keep(self, store: Store, month: str) -> tuple[int, int]:
        """Put what was counted since the last time into the store; what that month comes to: received, sent.

        Where the store takes nothing, it is counted on and kept the next time.
        """
        with self._lock:
            received, sent, self._received, self._sent = self._received, self._sent, 0, 0
        try:
            if received or sent:
                store.add_traffic(month, received, sent)
        except LoaError:
            self.add(received=received, sent=sent)
        return store.traffic(month)
