"""What must happen now, for every station: the small documents that stations wait on.

One board a process holds what all documents are made of, so that ten thousand answers need no query.
`catch_up` follows the feed of changes and says which stations have a new document.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlmodel import Session, col, select

from core import changes
from core.wire import Command, StationSettings
from registry import stations
from registry.stations import Place
from scheduler.holding import ByName, Held, Holding
from scheduler.models import StationCommand
from scheduler.plans import PlanBook, settings_for

# What runs out by time alone (an interrupt that no longer holds) leaves the documents this often.
REFRESH_EVERY = timedelta(seconds=30)
# The newest of each station are held out; the rest of a mass change reaches it with its new plan.
MAX_HELD = 200
_CHUNK = 500
_STEP = timedelta(seconds=1)  # a clock that was set back by more has let go what still holds
Written = tuple[bytes, bytes]  # a digest of what is held out, and all of a document but its beginning


@dataclass
class NowBoard:
    """Everything the now-documents are made of. Not thread safe by itself: one thread or greenlet catches up."""

    default_zone: str
    seq: int = -1
    book: PlanBook = field(default_factory=PlanBook)
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    shared_names: dict[str, frozenset[str]] = field(default_factory=dict)  # without the station's own
    tokens: dict[str, str] = field(default_factory=dict)  # stations by the hash of the token they use
    renewing: frozenset[str] = frozenset()  # stations that shall ask for another token
    plans: dict[str, str] = field(default_factory=dict)
    holding: Holding = field(default_factory=Holding)
    commands: dict[str, list[Command]] = field(default_factory=dict)
    refreshed_at: datetime | None = None
    _answering: dict[str, set[str]] = field(default_factory=dict)  # by name, the stations that answer to it
    _hashes: dict[str, str] = field(default_factory=dict)  # by station, that of the token it uses
    _written: dict[frozenset[str], Written] = field(default_factory=dict)

    @property
    def interrupts(self) -> ByName:
        return self.holding.interrupts

    @property
    def withdrawn(self) -> ByName:
        return self.holding.withdrawn

    def catch_up(self, session: Session, now: datetime) -> set[str] | None:
        """Read what changed; returns the stations whose document may be new, or None for "perhaps every one"."""
        turned = self.book.day is None or self.book.day.date() != now.date()
        if self.refreshed_at is None or turned or now < self.refreshed_at - _STEP:
            self._everything(session, now)
            return None
        feed = changes.since(session, self.seq)
        overdue = now - self.refreshed_at >= REFRESH_EVERY
        if not feed and not overdue:
            return set()
        touched = self._apply(session, feed, now)
        if overdue:
            over = self.answering(self.holding.let_go(now))
            self._hold(session, now, ())
            over |= self._read_commands(session, now)
            touched = None if touched is None else touched | over
            self.refreshed_at = now
        return touched

    def _everything(self, session: Session, now: datetime) -> None:
        self.seq = changes.latest(session)
        self.book = PlanBook()
        self.book.load(session, now)
        self._places(session, None)
        self._hold(session, now, None)
        self._read_commands(session, now)
        self.refreshed_at = now

    def _apply(self, session: Session, feed: Iterable[changes.Change], now: datetime) -> set[str] | None:
        rows = list(feed)
        if not rows:
            return set()
        self.seq = rows[-1].seq or self.seq
        topics = {row.topic for row in rows}
        if "keys" in topics:  # tickets under the same names are others now
            self._everything(session, now)
            return None
        before = self.names
        if "registry" in topics:
            only = {name for row in rows if row.topic == "registry" for name in row.audience or ["*"]}
            ids = [name.partition(":")[2] for name in only] if all(n.startswith("station:") for n in only) else None
            self._places(session, ids)
        if "plan" in topics:
            plan = [row.audience for row in rows if row.topic == "plan"]
            self.book.load(session, now, {name for names in plan for name in names} if all(plan) else None)
        if "now" in topics:
            news = [row for row in rows if row.topic == "now"]
            # What is withdrawn and what is announced of it bear the same instant.
            self._hold(session, now, [row.at for row in news] if all(row.audience for row in news) else None)
            self._read_commands(session, now)
        everybody = any(not row.audience for row in rows if row.topic != "timetable")
        audience = {name for row in rows if row.topic != "timetable" for name in row.audience}
        touched = set(self.names) if everybody else self.answering(audience)
        if before is not self.names:
            touched |= before.keys() - self.names.keys()  # whose token was revoked is told so at once
        # A device that waits to be confirmed stands on no board, and is woken by its station's name.
        touched |= {name.partition(":")[2] for name in audience if name.startswith("station:")}
        if "plan" in topics:
            self._places(session, sorted(touched) if len(touched) < len(self.names) else None)
        return None if everybody else touched

    def answering(self, names: Iterable[str]) -> set[str]:
        """The stations in service that answer to one of these names."""
        return set().union(*(self._answering.get(name, ()) for name in names))

    def _places(self, session: Session, ids: list[str] | None) -> None:
        """Learn names and plan tags anew, of these stations or of all.

        Whoever reads meanwhile sees the old or the new, never a board half-filled.
        """
        names, plans = (self.names.copy(), self.plans.copy()) if ids is not None else ({}, {})
        hashes = self._hashes.copy() if ids is not None else {}
        renewing = set(self.renewing).difference(ids) if ids is not None else set()
        known: dict[str, StationSettings] = {}
        for start in range(0, len(ids), _CHUNK) if ids is not None else (None,):
            chunk = ids[start : start + _CHUNK] if ids is not None and start is not None else None
            for place in stations.places(session, chunk):
                identity = place.station.id
                if place.station.token_hash is None:
                    for each in (names, plans, hashes):
                        each.pop(identity, None)
                    continue
                plans[identity] = self.book.tag(identity, self._settings(place, known), place.names)
                hashes[identity] = place.station.token_hash
                if place.station.renew_asked_at is not None:
                    renewing.add(identity)
                answers_to = frozenset(place.names)
                if names.get(identity) != answers_to:
                    names[identity] = answers_to
        self.plans, self.renewing = plans, frozenset(renewing)
        self.answer(names, self.names.keys() | names.keys() if ids is None else ids)
        if hashes != self._hashes:
            self._hashes, self.tokens = hashes, {hashed: identity for identity, hashed in hashes.items()}

    def answer(self, names: dict[str, frozenset[str]], changed: Iterable[str]) -> None:
        """Let these be the stations there are and the names they answer to: new ones perhaps for those `changed`."""
        shared = self.shared_names.copy()
        for station in changed:
            former, present = self.names.get(station, frozenset()), names.get(station, frozenset())
            if former is present:
                continue
            for name in former - present:
                self._answering[name].discard(station)
            for name in present - former:
                self._answering.setdefault(name, set()).add(station)
            shared[station] = present - {f"station:{station}"}
            if station not in names:
                del shared[station]
        self.shared_names, self.names = shared, names

    def hold_out(self, interrupts: ByName, withdrawn: ByName) -> None:
        """Let this be held out for these names, whatever it was before."""
        self.holding.interrupts, self.holding.withdrawn = self.interrupts | interrupts, self.withdrawn | withdrawn
        self._written = {}

    def _hold(self, session: Session, now: datetime, withdrawn_at: Collection[datetime] | None) -> None:
        self.holding.read(session, now, withdrawn_at)
        self._written = {}

    def _settings(self, place: Place, known: dict[str, StationSettings]) -> StationSettings:
        return settings_for(place, self.default_zone, self.book.orders, known)

    def _read_commands(self, session: Session, now: datetime) -> set[str]:
        """Read the commands that still hold; returns the stations that have others now."""
        commands: dict[str, list[Command]] = {}
        waiting = select(StationCommand).where(
            col(StationCommand.acknowledged_at).is_(None), col(StationCommand.expires_at) > now
        )
        for row in session.exec(waiting.order_by(col(StationCommand.id))).all():
            try:
                command = Command(id=row.id, do=row.do, value=row.value)
            except ValidationError:  # the worker sets it aside; no other station's order waits for that
                continue
            commands.setdefault(row.station_id, []).append(command)
        former, self.commands = self.commands, commands
        return {each for each in former.keys() | commands.keys() if former.get(each) != commands.get(each)}

    def knows(self, station_id: str) -> bool:
        """Whether the station is in service; False once its token was revoked."""
        return station_id in self.names

    def document(self, station_id: str) -> tuple[str, bytes]:
        """The station's document as JSON bytes, and its entity tag (a hash of all but `seq`).

        Raises KeyError for a station the board does not know.
        """
        plan = self.plans[station_id].encode()
        own = f"station:{station_id}"
        renew = station_id in self.renewing
        if renew or station_id in self.commands or own in self.interrupts or own in self.withdrawn:
            held, rest = self._write(self.names[station_id], self.commands.get(station_id, ()), renew=renew)
        else:
            held, rest = self._shared(self.shared_names[station_id])
        tag = hashlib.sha256(plan + held).hexdigest()[:32]
        return tag, b'{"seq": %d, "plan": "%s", %s' % (self.seq, plan, rest)

    def document_for(self, name: str) -> tuple[str, bytes]:
        """What is held out to everybody of this internal name (`unit:un_…`): a document that tells of no plan."""
        held, rest = self._shared(frozenset((name,)))
        return held.hex(), b'{"seq": %d, "plan": "", %s' % (self.seq, rest)

    def document_alone(self, station_id: str) -> tuple[str, bytes]:
        """The station's document without what is held out to its units: their own documents tell of that.

        Raises KeyError for a station the board does not know.
        """
        plan = self.plans[station_id].encode()
        own = f"station:{station_id}"
        renew = station_id in self.renewing
        names = frozenset(name for name in self.shared_names[station_id] if not name.startswith("unit:"))
        if renew or station_id in self.commands or own in self.interrupts or own in self.withdrawn:
            held, rest = self._write(names | {own}, self.commands.get(station_id, ()), renew=renew)
        else:
            held, rest = self._shared(names)
        return hashlib.sha256(plan + held).hexdigest(), b'{"seq": %d, "plan": "%s", %s' % (self.seq, plan, rest)

    def _shared(self, names: frozenset[str]) -> Written:
        """What all stations of the same units and groups have in common: written once for all of them."""
        written = self._written  # who reads while others learn what is new must not write old things into the new
        found = written.get(names)
        if found is None:
            found = written[names] = self._write(names, ())
        return found

    def _write(self, names: frozenset[str], commands: Iterable[Command], *, renew: bool = False) -> Written:
        interrupts = _for(self.interrupts, names)
        withdrawn = [held.id for held in _for(self.withdrawn, names)]
        orders = [command.model_dump() for command in commands]
        content = json.dumps([[held.id for held in interrupts], withdrawn, orders, *(["renew"] if renew else [])])
        rest = json.dumps(
            {"interrupts": [held.ticket for held in interrupts], "withdrawn": withdrawn, "commands": orders}
            | ({"renew_token": True} if renew else {})
        )
        return hashlib.sha256(content.encode()).digest(), rest[1:].encode()


def _for(by_name: ByName, names: Iterable[str]) -> list[Held]:
    """What holds for a station with these names, the oldest first: the newest `MAX_HELD`."""
    found = {held.id: held for name in names for held in by_name.get(name, ())}
    return sorted(found.values())[-MAX_HELD:]
