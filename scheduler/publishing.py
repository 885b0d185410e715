"""Keeping the broker's documents equal to those of `/now`: one message a unit, however many stations it has.

What is held out to a unit goes out at once; stations' own documents, of which there are thousands when their plans
change, some hundreds at a time.
"""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlmodel import Session, select

from core.database import Database
from core.stirrings import Stirrings
from core.topics import now_of, now_of_unit
from registry.models import Unit
from scheduler.now import NowBoard

STEP_SECONDS = 0.05
_A_STEP = 100  # stations' own documents
_LOOK_ANYWAY_SECONDS = 2.0  # what runs out by time alone stirs nothing


class Keeping(Protocol):
    """Where documents are kept for who subscribes."""

    sessions: int

    @property
    def is_connected(self) -> bool:
        """Whether it can be reached."""
        ...

    def keep(self, topic: str, content: bytes) -> bool:
        """False when it can't be done now."""
        ...


class Publisher:
    """Follows the feed of changes with a board of its own."""

    def __init__(self, database: Database, default_zone: str, broker: Keeping, clock: Callable[[], datetime]) -> None:
        self._database, self._broker, self._clock = database, broker, clock
        self.board = NowBoard(default_zone)
        self._session = 0  # of the broker, in which the following was sent
        self._sent: dict[str, str] = {}  # tags by topic
        self._owed: deque[str] = deque()
        self._owing: set[str] = set()
        self._topics: dict[str, str] = {}  # of units, by their internal names
        self._seq = -1
        self._stirrings, self._seen, self._looked_at = Stirrings(database), object(), 0.0

    def step(self) -> int:
        """Learn what changed and publish what is new; returns how many messages. Call it every `STEP_SECONDS`."""
        if not self._broker.is_connected:
            return 0  # all of it is given when it is back
        touched = self._learn()
        if self._broker.sessions != self._session:
            self._session, self._sent = self._broker.sessions, {}
            touched = None
        sent = self._units() if touched is None or touched else 0
        for station in self.board.names if touched is None else touched:
            if station not in self._owing:
                self._owing.add(station)
                self._owed.append(station)
        return sent + self._stations()

    def _learn(self) -> set[str] | None:
        """Bring the board up to date; the stations that may have news, None for all of them."""
        now, mark = time.monotonic(), self._stirrings.mark()
        if mark == self._seen and now - self._looked_at < _LOOK_ANYWAY_SECONDS:
            return set()
        with self._database.read() as session:
            touched = self.board.catch_up(session, self._clock())
            if self.board.seq != self._seq:
                self._topics, self._seq = _topics(session), self.board.seq
        self._seen, self._looked_at = mark, now
        return touched

    def close(self) -> None:
        """Give up what it holds of the database."""
        self._stirrings.close()

    def _units(self) -> int:
        held = {name for names in (self.board.interrupts, self.board.withdrawn) for name in names}
        first = sorted(self._topics, key=lambda name: name not in held)
        return sum(self._keep(self._topics[name], *self.board.document_for(name)) for name in first)

    def _stations(self) -> int:
        sent = 0
        while self._owed and sent < _A_STEP:
            station = self._owed.popleft()
            self._owing.discard(station)
            if self.board.knows(station):
                sent += self._keep(now_of(station), *self.board.document_alone(station))
            elif now_of(station) in self._sent:  # it is out of service: nothing is kept for it
                sent += self._keep(now_of(station), "", b"")
        return sent

    def _keep(self, topic: str, tag: str, content: bytes) -> int:
        if self._sent.get(topic) == tag:
            return 0
        if not self._broker.keep(topic, content):
            self._session = -1  # everything again, when the broker is back
            return 0
        self._sent[topic] = tag
        return 1


def _topics(session: Session) -> dict[str, str]:
    rows = session.exec(select(Unit.id, Unit.path, Unit.code)).all()
    codes = {identity: code for identity, _, code in rows}
    return {
        f"unit:{identity}": now_of_unit([codes[each] for each in path.strip("/").split("/")])
        for identity, path, _ in rows
    }
