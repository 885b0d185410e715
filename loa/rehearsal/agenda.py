"""Virtual time: what is to happen, in order. Nothing waits; the clock jumps from one event to the next."""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from station.clock import instant_of, seconds_of


class Agenda:
    """Events by their instant (seconds since 1970); of two at one instant the one that was entered first goes first."""

    def __init__(self, start: datetime) -> None:
        self.seconds = seconds_of(start)
        self.events = 0
        self._numbers = count()
        self._queue: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []

    @property
    def now(self) -> datetime:
        return instant_of(self.seconds)

    def at(self, seconds: float, act: Callable[..., object], *arguments: Any) -> None:
        """Have `act` called at an instant; one that has passed means at once."""
        heapq.heappush(self._queue, (max(seconds, self.seconds), next(self._numbers), act, arguments))

    def after(self, seconds: float, act: Callable[..., object], *arguments: Any) -> None:
        self.at(self.seconds + seconds, act, *arguments)

    def run(self, until: float, beat: Callable[[float], object] | None = None) -> None:
        """Let happen all that falls before `until`. `beat` is told the time now and then."""
        while self._queue and self._queue[0][0] < until:
            self.seconds, _, act, arguments = heapq.heappop(self._queue)
            act(*arguments)
            self.events += 1
            if beat is not None and not self.events % 500:
                beat(self.seconds)
        self.seconds = max(self.seconds, until)
