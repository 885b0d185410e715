"""Prepared messages that stand by at the stations, and what becomes of one that is started there. Pure.

The server signs each as a *standing ticket*: a ticket for `standing:…` names, which no device plays by itself. What
somebody starts at a station is derived from it here, the same at the station and at the server that hears of it later.
"""

from collections.abc import Sequence
from datetime import timedelta

from core.wire import STANDING, STARTED_HERE, Item, StartedHere, Ticket

KINDS = (
    "flood", "dam_release", "storm", "fire", "epidemic", "missing_child", "security", "all_clear", "other",
)  # fmt: skip
# How grave an emergency is, the gravest first: of two at one station the graver sounds, of equals the later one.
SEVERITIES = ("extreme", "severe", "moderate", "minor", "unknown")
# What sounds before each round.
SIGNALS = ("siren", "chime", "none")
PAUSE_S = 1.0
# So short a pause between two items of an emergency stays silent: nothing else is begun to be cut off again.
SILENT_PAUSE = timedelta(seconds=30)
# How long after its end what was started here may still be played, if something held it up.
HOLDS = timedelta(hours=1)


def standing_names(names: Sequence[str]) -> list[str]:
    """Names of an audience as they stand in a standing ticket."""
    return [f"{STANDING}{name}" for name in names]


def versions(ticket: Ticket, languages: Sequence[str]) -> list[Item]:
    """The items in these languages, in their order (`vi` stands for `vi-vn` too); the first item where none fits."""
    places = versions_of([item.language or "" for item in ticket.items], languages)
    return [ticket.items[place] for place in places]


def versions_of(said: Sequence[str], languages: Sequence[str]) -> list[int]:
    """The places of what is said in these languages, in their order, each once; the first place where none fits."""
    found: list[int] = []
    for wanted in languages:
        found += [place for place, each in enumerate(said) if place not in found and each and _same(each, wanted)]
    return found or [0][: len(said)]


def _same(one: str, other: str) -> bool:
    return one.casefold().split("-")[0] == other.casefold().split("-")[0]


def started(ticket: Ticket, run: str, how: StartedHere) -> Ticket:
    """The emergency that sounds when `ticket` is started as `how` says, under the id `run`.

    All its languages one after the other, and all of that `times` times, with a second's pause between.
    """
    pieces = versions(ticket, how.languages)
    items: list[Item] = []
    at = 0.0
    for number in range(how.times):
        for piece in pieces:
            items.append(piece.model_copy(update={"at": round(at, 3), "not_after": None, "round": number}))
            at += piece.seconds + PAUSE_S
    ends_at = how.started_at + timedelta(seconds=max(0.0, at - PAUSE_S))
    return ticket.model_copy(
        update={
            "id": run, "kind": "emergency", "priority": "emergency", "starts_at": how.started_at, "ends_at": ends_at,
            "late": "play", "volume": how.volume, "items": items, "issued_at": how.started_at,
            "not_after": ends_at + HOLDS, "occurrence": None, "standing": None,
            "audience": [name.removeprefix(STANDING) for name in ticket.audience],
        }
    )  # fmt: skip


def gravity(severity: str | None) -> int:
    """How grave an emergency is, 0 for the gravest: what doesn't say is as grave as can be, another word as little."""
    if severity is None:
        return 0
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def is_started_here(airing: str) -> bool:
    """Whether an airing's id is one that a station gave to what was started at it."""
    return airing.startswith(STARTED_HERE)
