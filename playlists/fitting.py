"""Making a programme fit the time there is: whole items only, so that nothing is cut within a sentence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from playlists.parts import Part

MOST_PARTS = 500
_MOST_ROUNDS = 1_000
_TUNE = "signature"
LEAST_RELAY_SECONDS = 10.0


@dataclass(frozen=True, eq=False)
class Fitted:
    """What sounds, in order, and what does not: its `Part.name`, and why (`no_room`, `run_out`)."""

    parts: tuple[Part, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)


def fitted(
    parts: Sequence[Part], fills: Sequence[Part], at: datetime, most_seconds: float | None, *, fill: bool
) -> Fitted:
    """What of a programme that starts at `at` sounds within `most_seconds`; with `fill`, what is left over is filled.

    The lowest whole items are left out until the rest fits: what is ordinary before what has priority, and of those the
    last; a signature tune stays as long as anything else does. All that sounds of one bulletin (its languages, its
    second reading) goes together. What would run out before it is over is left out too. Fills follow one another in
    their order, again and again, as long as a whole one has room.

    A relay lasts as long as it says: it has its exact minutes. Only where the time there is does not allow that, relays
    are shortened to what the whole items leave of it, the first of them last, for a relay can end anywhere; one that
    would come to less than 10 s is left out. A relay that fills takes all of the room up to its own length, once.
    """
    kept = list(parts)
    gone: list[tuple[str, str]] = []
    while most_seconds is not None and _whole_seconds(kept) > most_seconds:
        whole = [n for n, part in enumerate(kept) if not part.relay]
        lowest = max(whole, key=lambda n: (kept[n].role != _TUNE, kept[n].priority == "ordinary", n))
        kept = _without(kept, kept[lowest].name, "no_room", gone)
    if most_seconds is not None:
        kept = _relays_shortened(kept, most_seconds - _whole_seconds(kept), gone)
    while (late := _first_to_run_out(kept, at)) is not None:
        kept = _without(kept, late.name, "run_out", gone)
    if all(part.role == _TUNE for part in kept) and not all(part.role == _TUNE for part in parts):
        kept = []  # a tune without a word after it is no programme
    if fill and kept and most_seconds is not None:
        good = [
            part for part in fills if part.not_after is None or part.not_after >= at + timedelta(seconds=most_seconds)
        ]
        kept += _filling(good, most_seconds - sum(part.seconds for part in kept), MOST_PARTS - len(kept))
    return Fitted(tuple(kept), tuple(gone))


def _whole_seconds(parts: Sequence[Part]) -> float:
    return sum(part.seconds for part in parts if not part.relay)


def _relays_shortened(parts: Sequence[Part], room: float, gone: list[tuple[str, str]]) -> list[Part]:
    """The parts with relays as long as `room` (seconds, for all of them in their order) allows."""
    kept = []
    for part in parts:
        if not part.relay:
            kept.append(part)
            continue
        seconds = min(part.seconds, room)
        if seconds < LEAST_RELAY_SECONDS:
            gone.append((part.name, "no_room"))
            continue
        room -= seconds
        kept.append(part if seconds == part.seconds else replace(part, seconds=seconds))
    return kept


def _without(parts: list[Part], name: str, why: str, gone: list[tuple[str, str]]) -> list[Part]:
    gone.append((name, why))
    return [part for part in parts if part.relay or part.name != name]


def _first_to_run_out(parts: Sequence[Part], at: datetime) -> Part | None:
    end = at
    for part in parts:
        end += timedelta(seconds=part.seconds)
        if part.not_after is not None and end > part.not_after:
            return part
    return None


def _filling(fills: Sequence[Part], room: float, most: int) -> list[Part]:
    chosen: list[Part] = []
    for turn in range(_MOST_ROUNDS):
        before = len(chosen)
        for part in fills:
            if part.relay:
                if turn == 0 and room >= LEAST_RELAY_SECONDS and len(chosen) < most:
                    chosen.append(replace(part, seconds=min(part.seconds, room)))
                    room -= chosen[-1].seconds
            elif part.seconds <= room and len(chosen) < most:
                chosen.append(part)
                room -= part.seconds
        if len(chosen) == before or turn == _MOST_ROUNDS:
            break
    return chosen
