"""The items of an emergency's airing: rounds of signal, words about the message, and the message itself. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import format_instant
from core.wire import MAX_ITEMS, ClipFiles
from scheduler.alarms import MAX_REPEATING_S

# Between the end of one round and the beginning of the next, at least; and between two pieces of one.
PAUSE_S = 1.0
BREATH_S = 0.4


@dataclass(frozen=True)
class Piece:
    """One clip of a round. What only `leads` in is left out where its time is over; `first` is its first round."""

    files: ClipFiles
    seconds: float
    leads: bool = False
    first: int = 0


@dataclass(frozen=True)
class Rounds:
    """The items, and how many seconds there are from the beginning of the first to the end of the last."""

    items: list[dict[str, Any]]
    seconds: float


def rounds(
    pieces: Sequence[Piece], *, title: str, every_s: float, times: int, begins_at: datetime, until: datetime | None
) -> Rounds:
    """Lay out `times` rounds, the beginning of each `every_s` after that of the one before, if they are short enough.

    Nothing begins at or after `until`, nor later than a day after the first; a long recording is not said as often as
    wished, nor what has more items than a ticket holds. Without any item the alarm has run out.
    """
    longest = sum(each.seconds for each in pieces) + BREATH_S * max(len(pieces) - 1, 0)
    step = max(every_s, longest + PAUSE_S)
    items: list[dict[str, Any]] = []
    ends = 0.0
    counted = times > 1 or len(pieces) > 1
    for number in range(times):
        of_round = [each for each in pieces if each.first <= number]
        at = number * step
        if at > MAX_REPEATING_S or len(items) + len(of_round) > MAX_ITEMS:
            break
        for piece in of_round:
            if until is not None and begins_at + timedelta(seconds=at) >= until:
                return _without_lead(items)
            item = {"at": round(at, 3), "seconds": piece.seconds, "title": title, "clip": piece.files.model_dump()}
            if counted:
                item["round"] = number
            if piece.leads:
                item["leads"] = True
            if until is not None:
                item["not_after"] = format_instant(until)
            items.append(item)
            ends = at + piece.seconds
            at = ends + BREATH_S
    return Rounds(items, ends)


def _without_lead(items: list[dict[str, Any]]) -> Rounds:
    """Without what leads in to nothing at the end."""
    while items and items[-1].get("leads"):
        items.pop()
    return Rounds(items, items[-1]["at"] + items[-1]["seconds"] if items else 0.0)
