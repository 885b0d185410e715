"""What a station holds: the tickets of its plan, of emergencies and of what was started at it, and its settings.

In memory and in the store; `station.book` adds what became of them. Every change is made under one lock, and sets the
events in `listeners`.
"""

import json
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from core.errors import BadTicket
from core.signing import Verifier
from core.wire import ClipFiles, Item, Ticket, audience_of, is_for
from station.due import is_emergency, is_over, starts
from station.gate import Gate
from station.identity import Identity
from station.later import Later
from station.pulse import Pulse
from station.sessions import Room
from station.standing import StandingBy, Started
from station.store import Store

log = logging.getLogger(__name__)

# What stands by should lie here so long after it is known: it is fetched in its turn, not before all else.
_STANDS_BY_IN = timedelta(hours=2)


class Holdings:
    """The tickets and settings of one station. Thread-safe."""

    def __init__(
        self, store: Store, identity: Identity, now: datetime, verifier: Verifier | None = None,
        pulse: Pulse | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._identity = identity
        self.station = identity.station
        self._verifier = verifier or Verifier(identity.server_keys)
        self._gate = Gate(store, self._verifier, self.names)
        self._pulse = pulse
        self._later = Later()
        self._write = self._later.write
        self._lock = threading.RLock()
        self.listeners: list[threading.Event] = []
        self._tickets: dict[str, Ticket] = {}
        self._ids: dict[str, str] = {}  # by JWS, so that a ticket is verified once
        self._received: dict[str, datetime] = {}
        self._acknowledged: set[str] = set()
        self._progress = store.progress()
        self._done = store.done()
        self._over: set[str] = set()  # airings of which all is done
        self._begun = store.begun()
        self._withdrawn = store.withdrawn()
        self.awake_since = now
        self._right_since: datetime | None = None
        self.settings = store.settings()
        self._known_names: tuple[object, frozenset[str]] = (None, frozenset())  # by the settings they come from
        self.plan_etag = store.fact("plan_etag")
        self.plan_until = store.instant("plan_until")
        self.trusted_from = store.instant("plan_issued_at")
        self.revoked = store.fact("revoked") == "yes"
        volume = store.fact("volume")
        self._volume = int(volume) if volume else None
        self.seq: int | None = None
        self._room = Room()
        for jws, received_at in store.tickets():
            try:
                self._hold(self._verifier.verify(jws), jws, received_at)
            except BadTicket:
                self.plan_etag = None  # the plan is asked for whole, with the keys that belong to it
                log.error("a stored ticket is not genuine any more")  # noqa: TRY400 - the reason is in the sentence
        self.signals = _signals(store.fact("signals"))
        self.standing = StandingBy(store, self._verifier)
        if self.standing.lost:
            self.plan_etag = None
        self._here: dict[str, Started] = self.standing.started()
        for one in self._here.values():
            self._hold_started(one)

    def trusted_keys(self) -> list[str]:
        """The names of the server's keys that this station trusts."""
        return self._verifier.kids

    def names(self) -> frozenset[str]:
        """Every name in a ticket's `for` that means this station.

        The plan's list is whole; the path given at enrolment stands in until there is one, so that a station moved
        to another commune does not go on answering to its old one.
        """
        settings, names = self._known_names
        if settings is not self.settings:
            path = [] if self.settings.audience else self._identity.unit_path
            names = frozenset({*audience_of(self._identity.station, path, []), *self.settings.audience})
            self._known_names = self.settings, names
        return names

    def volume_for(self, ticket: Ticket) -> int:
        wanted = ticket.volume
        if wanted is None:
            wanted = self.settings.volume if self._volume is None else self._volume
        return min(wanted, self.settings.max_volume)

    def station_volume(self) -> int:
        return min(self.settings.volume if self._volume is None else self._volume, self.settings.max_volume)

    def set_volume(self, volume: int | None) -> None:
        """A volume commanded by an operator; holds until the plan's own volume changes."""
        with self._lock:
            self._volume = volume
            self._write(lambda: self._store.keep_fact("volume", "" if volume is None else str(volume)))
            self.wake()

    def next_start_after(self, now: datetime) -> datetime | None:
        with self._lock:
            return min((one.starts_at for one in self._tickets.values() if one.starts_at > now), default=None)

    def items_ahead(self, now: datetime) -> list[tuple[datetime, Ticket, Item]]:
        """Items still to be played, nearest first, emergencies before all."""
        names = self.names()
        with self._lock:
            ahead = [
                (starts(ticket, item), ticket, item)
                for ticket in self._tickets.values()
                if ticket.id not in self._withdrawn and ticket.not_after >= now and is_for(ticket, names)
                for index, item in enumerate(ticket.items)
                if (ticket.id, index) not in self._done
            ]
        return sorted(ahead, key=lambda one: (not is_emergency(one[1]), one[0]))

    def audio_ahead(self, now: datetime) -> list[tuple[datetime, datetime, Ticket, Item]]:
        """Items whose audio should lie here: when each is needed, since when it is known, its ticket, itself.

        Emergencies first, then the rest in the order in which they are needed.
        """
        with self._lock:
            ahead = [(at, self._received[ticket.id], ticket, item) for at, ticket, item in self.items_ahead(now)]
        for ticket, since in self.standing.all():
            ahead += [(since + _STANDS_BY_IN, since, ticket, item) for item in ticket.items]
        return sorted(ahead, key=lambda one: (one[2].standing is not None or not is_emergency(one[2]), one[0]))

    def withdraw(self, airing: str, now: datetime) -> None:
        """Stop an airing for good, as if the server had withdrawn it."""
        with self._lock:
            self._withdrawn.add(airing)
            self._room.forget()
            self._write(lambda: self._store.keep_withdrawn(airing, now))
            self.wake()

    def start_here(
        self, name: str, now: datetime, has_audio: Callable[[Item], bool], *, times: int = 1, volume: int = 100
    ) -> Ticket:
        """Put a prepared message on air, at once and over everything, because somebody at the station asks for it.

        Raises as `StandingBy.begin` does.
        """
        with self._lock:
            one = self.standing.begin(
                name, now, self.settings.languages, has_audio, times=times, volume=volume, revoked=self.revoked
            )
            self._hold_started(one)
            self._write(lambda: self._store.keep_started_here(one.airing, one.jws, one.how, now))
            self.wake()
            return one.ticket

    def stop_here(self, now: datetime) -> int:
        """Stop what was started at this station; returns how many messages."""
        with self._lock:
            running = [one.ticket for one in self._here.values() if one.airing not in self._withdrawn]
            running = [ticket for ticket in running if not self._is_over(ticket)]
            for ticket in running:
                self.withdraw(ticket.id, now)
            return len(running)

    def clock_moved(self, seconds: float, right_since: datetime | None) -> None:
        """The clock was moved by so much; `right_since` is now, when it could not be trusted before."""
        with self._lock:
            self.awake_since += timedelta(seconds=seconds)
            self._right_since = right_since or self._right_since
            for one in self._here.values():
                if not self._is_over(one.ticket):
                    self._hold_started(one.moved(seconds))

    def is_writable(self) -> bool:
        return self._later.is_done() and self._store.fault is None

    def wake(self) -> None:
        """Let everyone who listens look again."""
        for listener in self.listeners:
            listener.set()

    def _is_over(self, ticket: Ticket) -> bool:
        """As `is_over` has it, remembered: it is asked of every ticket of a week at every look."""
        if ticket.id not in self._over:
            if not is_over(ticket, self._done):
                return False
            self._over.add(ticket.id)
        return True

    def _check(self, jws: str, now: datetime) -> Ticket | None:
        """The genuine ticket for this station in `jws`, or None after noting the refusal once."""
        known = self._ids.get(jws)
        return self._gate.check(jws, self._tickets[known] if known else None, now)

    def _hold(self, ticket: Ticket, jws: str, received_at: datetime) -> None:
        if ticket.id in self._tickets and jws not in self._ids:  # the same airing under another signature
            self._ids = {one: airing for one, airing in self._ids.items() if airing != ticket.id}
        self._tickets[ticket.id] = ticket
        self._ids[jws] = ticket.id
        self._received.setdefault(ticket.id, received_at)

    def _hold_started(self, one: Started) -> None:
        self._here[one.airing] = one
        self._hold(one.ticket, f"{one.airing} {one.jws}", one.how.started_at)

    def _let_go(self, airings: set[str]) -> None:
        self._room.forget()
        for airing in airings:
            ticket = self._tickets.pop(airing)
            self._here.pop(airing, None)
            self._received.pop(airing, None)
            for index in range(len(ticket.items)):
                self._progress.pop((airing, index), None)
        if airings:
            self._ids = {jws: airing for jws, airing in self._ids.items() if airing not in airings}


def _signals(kept: str | None) -> list[ClipFiles]:
    """The audio that the last plan asked to keep; none where nothing readable is stored."""
    try:
        return [ClipFiles.model_validate(each) for each in json.loads(kept or "[]")]
    except (ValueError, TypeError):
        return []
