"""When each slot has to be decided anew though nobody changed anything: what lets a full roll cost next to nothing.

Kept in memory alone: a worker that starts looks at everything.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime


class Foresight:
    """Remembers, of each slot that was decided, when time alone may first ask for something else."""

    def __init__(self) -> None:
        self._again: dict[str, datetime] = {}

    def decided(self, slot_ids: Iterable[str], again: Mapping[str, datetime]) -> None:
        """These were decided; those that `again` does not name must be looked at as soon as may be."""
        for slot_id in slot_ids:
            if slot_id in again:
                self._again[slot_id] = again[slot_id]
            else:
                self._again.pop(slot_id, None)

    def due(self, slot_ids: Iterable[str], now: datetime) -> set[str]:
        """Those of these slots that have to be looked at now."""
        known = self._again
        return {slot_id for slot_id in slot_ids if slot_id not in known or known[slot_id] <= now}

    def forget(self) -> None:
        """Let everything be looked at: to be sure, or since what was foreseen was foreseen by a wrong clock."""
        self._again.clear()
