"""The interrupts and withdrawals that still hold, by the names they are for, as the feed of changes tells of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from sqlalchemy import select as columns
from sqlmodel import Session, col

from scheduler.models import Airing

_MAX_READ = 20_000
_SLACK = 1_000  # so many more may be held for a while
_STANDING = ("issued", "on_air", "over")
_AT_ONCE = ("emergency", "live", "test")  # a drill goes the way of what it is a drill for
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class Held(NamedTuple):
    """An interrupt (with its ticket) or a withdrawal. They sort by age, which `since` (µs since 1970) tells."""

    since: int
    id: str
    ticket: str = ""


ByName = dict[str, tuple[Held, ...]]
_Row = tuple[str, datetime, Sequence[str], datetime]  # id, not after, names, when it was withdrawn


class Holding:
    """What is held out. Whoever reads meanwhile sees the old or the new; what did not change stays the very same."""

    def __init__(self) -> None:
        self.interrupts: ByName = {}
        self.withdrawn: ByName = {}
        self._ends: datetime | None = None  # when the first of the interrupts holds no longer
        self._gone: dict[str, tuple[Held, Sequence[str]]] = {}
        self._expiring: list[tuple[datetime, str]] = []

    def read(self, session: Session, now: datetime, withdrawn_at: Collection[datetime] | None) -> None:
        """Read the interrupts, and what was withdrawn at these instants (None: everything that holds)."""
        self._read_interrupts(session, now)
        if withdrawn_at is None:
            self.withdrawn, self._gone, self._expiring = {}, {}, []
        elif not withdrawn_at:
            return
        taken_back = col(Airing.state) == "withdrawn"
        talked_out = (col(Airing.kind) == "live") & col(Airing.withdrawn_at).is_not(None)  # it ended before its limit
        gone = (
            columns(*(col(each) for each in (Airing.id, Airing.not_after, Airing.audience, Airing.withdrawn_at)))
            .where(taken_back | talked_out, col(Airing.ticket) != "", col(Airing.not_after) > now)
            .order_by(col(Airing.withdrawn_at).desc(), col(Airing.id).desc())
            .limit(_MAX_READ)
        )
        if withdrawn_at is not None:
            gone = gone.where(col(Airing.withdrawn_at).between(min(withdrawn_at), max(withdrawn_at)))
        self._take(map(tuple, session.execute(gone)))

    def let_go(self, now: datetime) -> set[str]:
        """Forget withdrawals of what could not sound any more anyway; returns the names of which something ends.

        An interrupt that ends must be followed by `read`.
        """
        over = []
        while self._expiring and self._expiring[0][0] <= now:
            over.append(heappop(self._expiring)[1])
        touched = self._drop(over)
        if self._ends is not None and self._ends <= now:
            touched |= self.interrupts.keys()
        return touched

    def _read_interrupts(self, session: Session, now: datetime) -> None:
        wanted = (Airing.id, Airing.not_after, Airing.audience, Airing.ticket, Airing.issued_at)
        query = (
            columns(*(col(each) for each in wanted))
            .where(col(Airing.kind).in_(_AT_ONCE), col(Airing.not_after) > now, col(Airing.state).in_(_STANDING))
            .where(col(Airing.ticket) != "", col(Airing.withdrawn_at).is_(None))
            .order_by(col(Airing.issued_at).desc(), col(Airing.id).desc())
            .limit(_MAX_READ)
        )
        rows = session.execute(query).all()
        self._ends = min((row.not_after for row in rows), default=None)
        found: dict[str, list[Held]] = {}
        for identity, _, names, ticket, since in reversed(rows):
            for name in names:
                found.setdefault(name, []).append(Held(_micros(since), identity, ticket))
        now_held = {name: tuple(several) for name, several in found.items()}
        if now_held != self.interrupts:
            self.interrupts = now_held

    def _take(self, rows: Iterable[_Row]) -> None:
        """Hold these withdrawals too."""
        new: dict[str, list[Held]] = {}
        for identity, ends, names, since in rows:
            if identity in self._gone:
                continue
            held = Held(_micros(since), identity)
            self._gone[identity] = held, names
            heappush(self._expiring, (ends, identity))
            for name in names:
                new.setdefault(name, []).append(held)
        if new:
            added = {name: tuple(sorted((*self.withdrawn.get(name, ()), *several))) for name, several in new.items()}
            self.withdrawn = self.withdrawn | added
        if len(self._gone) > _MAX_READ + _SLACK:
            oldest = sorted(held for held, _ in self._gone.values())[: len(self._gone) - _MAX_READ]
            self._drop([held.id for held in oldest])
            self._expiring = [each for each in self._expiring if each[1] in self._gone]
            heapify(self._expiring)

    def _drop(self, identities: Collection[str]) -> set[str]:
        """Hold these withdrawals no more; the names they were for."""
        names = {name for identity in identities for name in self._gone.pop(identity, (None, ()))[1]}
        if names:
            gone = set(identities)
            withdrawn = self.withdrawn.copy()
            for name in names:
                left = tuple(held for held in withdrawn.pop(name, ()) if held.id not in gone)
                if left:
                    withdrawn[name] = left
            self.withdrawn = withdrawn
        return names


def _micros(instant: datetime | None) -> int:
    return 0 if instant is None else (instant - _EPOCH) // _TICK
