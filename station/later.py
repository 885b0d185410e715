"""Writes in the order in which they were asked for: on a full disk later, when there is room."""

import logging
from collections import deque
from collections.abc import Callable

from core.errors import NoSpace

log = logging.getLogger(__name__)

_MAX_WAITING = 5_000


class Later:
    """Not thread-safe: the caller holds a lock. Of very many that wait the oldest are dropped."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque(maxlen=_MAX_WAITING)

    def write(self, action: Callable[[], object]) -> None:
        """Do it now, after all that waits, or when the next one is asked for."""
        self._waiting.append(action)
        try:
            while self._waiting:
                try:
                    self._waiting[0]()
                except NoSpace:  # the store may have moved to where it can be written
                    self._waiting[0]()
                self._waiting.popleft()
        except NoSpace:
            log.exception("the store takes nothing; %d changes wait in memory", len(self._waiting))

    def is_done(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting
