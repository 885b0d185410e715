"""What wants a station, and what comes of it there: the values that precedence is worked out with. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.allowed import LIMITS
from core.standing import gravity
from core.wire import Ticket

Key = tuple[str, int]
_RANKS = {"emergency": 0, "priority": 2, "ordinary": 3}
LIVE_RANK = 1
Rank = tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of a claim: from `at` for `seconds`. `sound` names its audio; it does not begin at `not_after`.

    `round` and `leads` are those of an item of an emergency.
    """

    at: float
    seconds: float
    sound: str = ""
    not_after: datetime | None = None
    round: int | None = None
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """An airing that wants a station: the facts of its ticket. It counts from `issued_at` until `withdrawn_at`.

    `lifted` names the limits that it may break, `since` is when its slot was put on the timetable; `severity` is that
    of an emergency.
    """

    id: str
    emergency: bool
    priority: str
    starts_at: datetime
    not_after: datetime
    late: str
    issued_at: datetime
    pieces: tuple[Piece, ...]
    occurrence: str | None = None
    withdrawn_at: datetime | None = None
    lifted: frozenset[str] = frozenset()
    since: datetime | None = None
    test: bool = False  # a drill: no programme, so it takes no room among the sessions of a day
    severity: str | None = None
    live: bool = False  # somebody speaks: over every programme, the later one over the earlier

    @property
    def rank(self) -> Rank:
        """What goes before what: by kind and priority, of emergencies the graver, then the later one."""
        if self.emergency:
            return 0, gravity(self.severity), -self.issued_at.timestamp()
        if self.live:
            return LIVE_RANK, 0, -self.issued_at.timestamp()
        return _RANKS[self.priority], 0, 0.0

    @property
    def ends_at(self) -> datetime:
        return max((self.ends(index) for index in range(len(self.pieces))), default=self.starts_at)

    def starts(self, index: int) -> datetime:
        return self.starts_at + timedelta(seconds=self.pieces[index].at)

    def ends(self, index: int) -> datetime:
        return self.starts_at + timedelta(seconds=self.pieces[index].at + self.pieces[index].seconds)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a claim sounded (or will) from `start` until `end`, its second `offset` first."""

    claim: str
    index: int
    start: datetime
    end: datetime
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a claim stands: see `Course.standing`. `by` is the claim it lost to, where it lost to one."""

    code: str
    by: str | None = None


@dataclass
class Course:
    """What sounded until some instant, and how every claim stood then. `on_air` is what sounds at that instant."""

    stretches: list[Stretch] = field(default_factory=list)
    on_air: Key | None = None
    held: dict[Key, Standing] = field(default_factory=dict)
    done: dict[Key, Standing] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)  # seconds, by claim

    def standing(self, claim: Claim) -> Standing:
        """What became of a claim.

        `sounding`; `preempted`, or a limit such as `quiet_hours` (it waits, or is over because of it); `ahead`, `pause`
        (nothing of it is due); `sounded`; `partly` or `lost` (over, and what it lost to); `withdrawn`, `replaced`.
        """
        keys = [(claim.id, index) for index in range(len(claim.pieces))]
        if self.on_air in keys:
            return Standing("sounding")
        waiting = next((self.held[key] for key in keys if key in self.held), None)
        if waiting is not None:
            return waiting
        heard = self.heard.get(claim.id, 0.0) > 0
        if any(key not in self.done for key in keys):
            return Standing("pause" if heard or any(key in self.done for key in keys) else "ahead")
        wrong = next((self.done[key] for key in keys if self.done[key].code != "sounded"), None)
        if wrong is None:
            return Standing("sounded")
        if wrong.code in {"withdrawn", "replaced"}:
            return wrong
        return Standing("partly" if heard else "lost", wrong.by) if wrong.code not in LIMITS or heard else wrong


def claim_of(ticket: Ticket, withdrawn_at: datetime | None = None) -> Claim:
    """The claim that a signed ticket makes."""
    pieces = (
        Piece(i.at, i.seconds, i.clip.mp3.sha256 if i.clip else "", i.not_after, i.round, bool(i.leads))
        for i in ticket.items
    )
    return Claim(
        ticket.id, "emergency" in {ticket.kind, ticket.priority}, ticket.priority, ticket.starts_at, ticket.not_after,
        ticket.late, ticket.issued_at, tuple(pieces), ticket.occurrence, withdrawn_at,
        frozenset(ticket.lifted), ticket.since, ticket.kind == "test",
        ticket.severity, ticket.kind == "live",
    )  # fmt: skip
