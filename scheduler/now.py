"""What must happen now, for every station: the small documents that stations wait on.

One board a process holds what all documents are made of, so that ten thousand answers need no query.
`catch_up` follows the feed of changes and says which stations have a new document.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core import changes
from core.wire import Command
from registry import stations
from scheduler.models import Airing, StationCommand
from scheduler.plans import PlanBook

# What runs out by time alone (an interrupt that no longer holds) leaves the documents this often.
REFRESH_EVERY = timedelta(seconds=30)
# The newest of each station are held out; the rest of a mass change reaches it with its new plan.
MAX_HELD = 200
_MAX_READ = 20_000


@dataclass(frozen=True)
class _Held:
    """An interrupt or a withdrawal that still holds; `rank` puts the older ones first."""

    rank: int
    id: str
    ticket: str


_ByName = dict[str, list[_Held]]


@dataclass
class NowBoard:
    """Everything the now-documents are made of. Not thread safe by itself: one thread or greenlet catches up."""

    default_zone: str
    seq: int = -1
    book: PlanBook = field(default_factory=PlanBook)
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    interrupts: _ByName = field(default_factory=dict)
    withdrawn: _ByName = field(default_factory=dict)
    commands: dict[str, list[Command]] = field(default_factory=dict)
    refreshed_at: datetime | None = None

    def catch_up(self, session: Session, now: datetime) -> set[str] | None:
        """Read what changed; returns the stations whose document may be new, or None for "perhaps every one"."""
        if self.refreshed_at is None or self.book.day is None or self.book.day.date() != now.date():
            self._everything(session, now)
            return None
        feed = changes.since(session, self.seq)
        overdue = now - self.refreshed_at >= REFRESH_EVERY
        if not feed and not overdue:
            return set()
        touched = self._apply(session, feed, now)
        if overdue:
            self._holding(session, now)
            return None
        return touched

    def _everything(self, session: Session, now: datetime) -> None:
        self.seq = changes.latest(session)
        self.book = PlanBook()
        self.book.load(session, now)
        self._places(session, None)
        self._holding(session, now)

    def _apply(self, session: Session, feed: Iterable[changes.Change], now: datetime) -> set[str] | None:
        rows = list(feed)
        if not rows:
            return set()
        self.seq = rows[-1].seq or self.seq
        topics = {row.topic for row in rows}
        before = self.names.copy()
        if "registry" in topics:
            only = {name for row in rows if row.topic == "registry" for name in row.audience or ["*"]}
            ids = [name.partition(":")[2] for name in only] if all(n.startswith("station:") for n in only) else None
            self._places(session, ids)
        if "plan" in topics:
            self.book.load(session, now)
        if "now" in topics:
            self._holding(session, now)
        everybody = any(not row.audience for row in rows if row.topic != "timetable")
        audience = {name for row in rows if row.topic != "timetable" for name in row.audience}
        touched = {s for s, held in self.names.items() if everybody or not audience.isdisjoint(held)}
        touched |= before.keys() - self.names.keys()  # whose token was revoked is told so at once
        if "plan" in topics:
            self._places(session, sorted(touched) if len(touched) < len(self.names) else None)
        return None if everybody else touched

    def _places(self, session: Session, ids: list[str] | None) -> None:
        """Learn names and plan tags anew, of these stations or of all.

        Whoever reads meanwhile sees the old or the new, never a board half-filled.
        """
        names, plans = (self.names.copy(), self.plans.copy()) if ids is not None else ({}, {})
        for start in range(0, len(ids), 500) if ids is not None else (None,):
            chunk = ids[start : start + 500] if ids is not None and start is not None else None
            for place in stations.places(session, chunk):
                if place.station.token_hash is None:
                    names.pop(place.station.id, None)
                    plans.pop(place.station.id, None)
                    continue
                names[place.station.id] = frozenset(place.names)
                plans[place.station.id] = self.book.etag(place, self.default_zone)
        self.plans, self.names = plans, names

    def _holding(self, session: Session, now: datetime) -> None:
        """Read the interrupts, withdrawals and commands that still hold."""
        recent = select(Airing.id, Airing.audience, Airing.ticket).where(
            Airing.ticket != "", col(Airing.not_after) > now
        )
        current = recent.where(Airing.kind == "emergency", col(Airing.state).in_(("issued", "on_air", "over")))
        gone = recent.where(Airing.state == "withdrawn").order_by(col(Airing.withdrawn_at).desc())
        newest = current.order_by(col(Airing.issued_at).desc(), col(Airing.id).desc())
        self.interrupts = _by_name(session.exec(newest.limit(_MAX_READ)).all())
        self.withdrawn = _by_name([(i, names, "") for i, names, _ in session.exec(gone.limit(_MAX_READ)).all()])
        commands: dict[str, list[Command]] = {}
        waiting = select(StationCommand).where(
            col(StationCommand.acknowledged_at).is_(None), col(StationCommand.expires_at) > now
        )
        for row in session.exec(waiting.order_by(col(StationCommand.id))).all():
            command = Command(id=row.id, do=row.do, value=row.value)
            commands.setdefault(row.station_id, []).append(command)
        self.commands = commands
        self.refreshed_at = now

    def knows(self, station_id: str) -> bool:
        """Whether the station is in service; False once its token was revoked."""
        return station_id in self.names

    def document(self, station_id: str) -> tuple[str, bytes]:
        """The station's document as JSON bytes, and its entity tag (a hash of all but `seq`).

        Raises KeyError for a station the board does not know.
        """
        names = self.names[station_id]
        plan = self.plans[station_id]
        interrupts = _for(self.interrupts, names)
        withdrawn = [held.id for held in _for(self.withdrawn, names)]
        commands = [command.model_dump() for command in self.commands.get(station_id, ())]
        content = json.dumps([plan, [held.id for held in interrupts], withdrawn, commands])
        body = json.dumps(
            {
                "seq": self.seq, "plan": plan, "interrupts": [held.ticket for held in interrupts],
                "withdrawn": withdrawn, "commands": commands,
            }
        )  # fmt: skip
        return hashlib.sha256(content.encode()).hexdigest()[:32], body.encode()


def _by_name(newest_first: Sequence[tuple[str, Sequence[str], str]]) -> _ByName:
    found: _ByName = {}
    for rank, (identity, names, ticket) in enumerate(reversed(newest_first)):
        for name in names:
            found.setdefault(name, []).append(_Held(rank, identity, ticket))
    return found


def _for(by_name: _ByName, names: Iterable[str]) -> list[_Held]:
    """What holds for a station with these names, the oldest first: the newest `MAX_HELD`."""
    found = {held.id: held for name in names for held in by_name.get(name, ())}
    return sorted(found.values(), key=lambda held: held.rank)[-MAX_HELD:]
