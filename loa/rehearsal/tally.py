"""What became of the items of all stations."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Tally:
    """Each planned item of each station is counted once."""

    planned: int = 0
    played: int = 0
    partial: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    withdrawn: int = 0
    never_said: int = 0  # of the missed: the station never held the ticket, so the server says why
    airings: int = 0

    def count(self, outcome: str | None, reason: str | None) -> None:
        """Count one item by what was reported of it; None: nothing was."""
        self.planned += 1
        if outcome is None:
            self.missed["offline"] += 1
            self.never_said += 1
        elif outcome == "played":
            self.played += 1
        elif reason == "withdrawn":
            self.withdrawn += 1
        else:
            by_reason: Counter[str] = {"partial": self.partial, "refused": self.refused}.get(outcome, self.missed)
            by_reason[str(reason)] += 1

    def add(self, other: Self) -> None:
        """Take in the counts of other stations."""
        for name in ("planned", "played", "withdrawn", "never_said", "airings"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.partial += other.partial
        self.missed += other.missed
        self.refused += other.refused
