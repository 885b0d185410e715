"""How long one piece of work may still take; handed down through every step that waits."""

import time
from collections.abc import Callable

from core.errors import N_, EngineFailed


class Deadline:
    """A moment on the monotonic clock. Steps ask `remaining()` for their own time limit, or `check()` in loops."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._at = monotonic() + seconds

    def remaining(self, at_most: float | None = None) -> float:
        """Seconds left, never negative, and never more than `at_most`."""
        left = max(0.0, self._at - self._monotonic())
        return left if at_most is None else min(left, at_most)

    def check(self) -> None:
        """Raise EngineFailed when the time is over."""
        if self.remaining() <= 0:
            raise EngineFailed(
                N_("The work took longer than the allowed %(seconds)d seconds and was stopped."),
                code="too_slow",
                seconds=round(self.seconds),
            )
