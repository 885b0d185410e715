"""Telling at once that something urgent has begun to sound: a minute is too long for who waits for an emergency.

All stations of a network begin within the same second. Each tells after a moment of its own, drawn from a window that
is as wide as the network is large (`spread_s` of the plan), at most some seconds: so the server has ten thousand of
them while somebody looks, and never all in one moment.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from core.wire import Ticket

MOST_SECONDS = 4.0
_OF_SPREAD = 900.0  # an hour of spread for downloads is four seconds of it here
_UNKNOWN_SECONDS = 2.0
_AGAIN_SECONDS = 20.0  # the items of one round follow each other within seconds: told once
_DRAWN = 2**64


def delay_seconds(who: str, spread_s: float | None) -> float:
    """How long `who` (words for station and airing) waits before it tells, in seconds: the same words, the same time.

    `spread_s` is what the server says of downloads; None, from a server that doesn't, means some seconds at most.
    """
    window = _UNKNOWN_SECONDS if spread_s is None else min(MOST_SECONDS, spread_s / _OF_SPREAD)
    return window * int.from_bytes(hashlib.sha256(who.encode()).digest()[:8], "big") / _DRAWN


class Prompt:
    """Wakes the heartbeat a moment after what is no ordinary programme began. At most one timer waits at a time."""

    def __init__(
        self, station: str, wake: Callable[[], None], spread_s: Callable[[], float | None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._station, self._wake, self._spread_s, self._monotonic = station, wake, spread_s, monotonic
        self._told: dict[str, float] = {}
        self._timer: threading.Timer | None = None

    def began(self, ticket: Ticket) -> None:
        """An item of `ticket` has begun to sound. Called by the player: returns at once."""
        if ticket.kind == "programme":
            return
        now = self._monotonic()
        self._told = {airing: at for airing, at in self._told.items() if now - at < _AGAIN_SECONDS}
        if ticket.id in self._told:
            return
        self._told[ticket.id] = now
        delay = delay_seconds(f"{self._station} {ticket.id}", self._spread_s())
        if self._timer is not None:
            self._timer.cancel()  # what waited is told together with this
        if delay <= 0:
            self._wake()
            return
        self._timer = threading.Timer(delay, self._wake)
        self._timer.daemon = True
        with suppress(RuntimeError):  # no thread to be had: the heartbeat of the minute tells it
            self._timer.start()
