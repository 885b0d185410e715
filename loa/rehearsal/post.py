"""What the server of a rehearsal and its stations tell each other, an epoch of virtual time at a time.

The server plays an epoch first and puts its news, each with its instant, into a letter. The stations then play the same
epoch by that letter, in this process or in others, while the server plays the next. What stations call in at the end of
an epoch reaches the server one epoch later, and its answers come with the letter of the epoch after that.
So nobody waits for anybody at one instant, and the result does not depend on how many processes there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.wire import Command
from scheduler.holding import ByName
from station.due import Key

EPOCH = 300.0  # seconds of virtual time
BEHIND = 2  # the server takes at the beginning of an epoch what was called in so many epochs before


@dataclass(frozen=True, slots=True)
class BookChange:
    """What is new in the book of plans. `tickets` gives the start (as ISO text) and the signed ticket of an airing."""

    day: str
    tickets: dict[str, tuple[str, str]]
    gone: frozenset[str]
    by_name: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class News:
    """The server as it is from `at` on (seconds since 1970); what is None or left out is as it was.

    `touched` are the stations whose held-open call is answered now. `settings` is by station, as JSON. `interrupts` and
    `withdrawals` give all that is held out for a name (perhaps nothing) where it has changed. `withdrawn` and `run_out`
    are for the witness only: what is withdrawn now, and when an item's bulletin runs out.
    """

    at: float
    is_up: bool
    seq: int = 0
    book: BookChange | None = None
    plans: dict[str, str] = field(default_factory=dict)
    names: dict[str, frozenset[str] | None] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    interrupts: ByName = field(default_factory=dict)
    withdrawals: ByName = field(default_factory=dict)
    commands: Mapping[str, list[Command]] | None = None
    touched: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    run_out: dict[Key, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What one station has to say: the body of its reports (empty: none), and what it acknowledges."""

    station: str
    reports: str
    acknowledged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says to a call. `body` is its verdict on the reports; None if nobody was there to take them."""

    station: str
    body: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """All that the stations need to play up to `until`."""

    until: float
    news: tuple[News, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What the server holds of the stations at the end, each station's own: rows as the tables have them."""

    reports: dict[str, list[tuple[str, str, int, str, str | None, float]]]
    outcomes: dict[str, list[tuple[str, str, str | None, float]]]
    seconds: dict[str, tuple[float, ...] | None]  # of the items of an airing; None: it was never signed
    moved: frozenset[str]
