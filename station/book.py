"""The station's book: what it holds and what became of it, in memory and in the store.

Every change comes through here, under one lock, and sets the events in `listeners`. When the disk takes nothing, the
book goes on in memory, and what could not be written is written as soon as there is room.
"""

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from core.clock import format_instant, parse_instant
from core.errors import BadTicket, LoaError, NoSpace
from core.signing import Verifier
from core.wire import (
    Item,
    NowDocument,
    PlanDocument,
    Reason,
    Report,
    StationSettings,
    Ticket,
    audience_of,
    is_for,
)  # fmt: skip
from station.accounting import new_report
from station.admission import claimed_id, fingerprint
from station.due import Fate, Key, Progress, Situation, is_over, starts
from station.identity import Identity
from station.store import Store

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=14)
_MAX_ID = 80
_MAX_UNWRITTEN = 5_000


class Book:
    """Tickets, progress and reports of one station. Thread-safe."""

    def __init__(self, store: Store, identity: Identity, now: datetime) -> None:
        self._store = store
        self._identity = identity
        self._verifier = Verifier(identity.server_keys)
        self._unwritten: deque[Callable[[], object]] = deque(maxlen=_MAX_UNWRITTEN)
        self._lock = threading.RLock()
        self.listeners: list[threading.Event] = []
        self._tickets: dict[str, Ticket] = {}
        self._ids: dict[str, str] = {}  # by JWS, so that a ticket is verified once
        self._received: dict[str, datetime] = {}
        self._acknowledged: set[str] = set()
        self._progress = store.progress()
        self._done = store.done()
        self._begun = store.begun()
        self._withdrawn = store.withdrawn()
        self.awake_since = now
        self.settings = _settings(store)
        self.plan_etag = store.fact("plan_etag")
        self.plan_until = _instant(store.fact("plan_until"))
        self.trusted_from = _instant(store.fact("plan_issued_at"))
        self.revoked = store.fact("revoked") == "yes"
        volume = store.fact("volume")
        self._volume = int(volume) if volume else None
        self.seq: int | None = None
        for jws, received_at in store.tickets():
            try:
                self._hold(self._verifier.verify(jws), jws, received_at)
            except BadTicket:
                log.error("a stored ticket is not genuine any more")  # noqa: TRY400 - the reason is in the sentence

    # what comes from the server
    def take_plan(self, plan: PlanDocument, etag: str, now: datetime) -> None:
        """Make `plan` the one in force.

        A ticket that is not in it any more is dropped if it has not begun; one that has begun stays until it is
        done, for only `withdrawn` stops what sounds.
        """
        with self._lock:
            new_volume = self.plan_etag is not None and plan.settings.volume != self.settings.volume
            self.settings = plan.settings
            self.plan_etag, self.plan_until, self.trusted_from = etag, plan.until, plan.issued_at
            former = {airing for airing in self._store.planned() if airing in self._tickets}
            taken = [(ticket, jws) for jws in plan.airings if (ticket := self._check(jws, now))]
            for ticket, jws in taken:
                self._hold(ticket, jws, now)
            stale = former - {ticket.id for ticket, _ in taken}
            stale = {airing for airing in stale if self._tickets[airing].starts_at > now}
            self._let_go(stale)
            if new_volume:
                self._volume = None

            def write() -> None:
                with self._store.writing():
                    for ticket, jws in taken:
                        self._store.keep_ticket(ticket.id, jws, now, in_plan=True)
                    self._store.drop_tickets(stale)
                    self._store.keep_fact("settings", plan.settings.model_dump_json())
                    self._store.keep_fact("plan_etag", etag)
                    self._store.keep_fact("plan_until", format_instant(plan.until))
                    self._store.keep_fact("plan_issued_at", format_instant(plan.issued_at))
                    if new_volume:
                        self._store.keep_fact("volume", "")

            self._write(write)
            self.wake()

    def take_now(self, document: NowDocument, now: datetime) -> bool:
        """Take over interrupts and withdrawals; True if some are new, which are then noted to be acknowledged."""
        with self._lock:
            taken = [(ticket, jws) for jws in document.interrupts if (ticket := self._check(jws, now))]
            for ticket, jws in taken:
                self._hold(ticket, jws, now)
            withdrawn = [one for one in document.withdrawn if 0 < len(one) <= _MAX_ID]
            self._withdrawn.update(withdrawn)
            news = [one for one in (*(ticket.id for ticket, _ in taken), *withdrawn) if one not in self._acknowledged]
            self._acknowledged.update(news)
            self.seq = document.seq
            if news:

                def write() -> None:
                    with self._store.writing():
                        for ticket, jws in taken:
                            self._store.keep_ticket(ticket.id, jws, now, in_plan=False)
                        for airing in withdrawn:
                            self._store.keep_withdrawn(airing, now)
                        self._store.acknowledge(news)

                self._write(write)
            self.wake()
            return bool(news)

    def withdraw(self, airing: str, now: datetime) -> None:
        """Stop an airing for good, as if the server had withdrawn it."""
        with self._lock:
            self._withdrawn.add(airing)
            self._write(lambda: self._store.keep_withdrawn(airing, now))
            self.wake()

    def set_revoked(self, *, revoked: bool) -> None:
        """Fall silent, or speak again: what the server's answers say about this station's token."""
        with self._lock:
            if revoked != self.revoked:
                log.warning("the server %s this station's token", "refuses" if revoked else "accepts")
                self.revoked = revoked
                self._write(lambda: self._store.keep_fact("revoked", "yes" if revoked else "no"))
                self.wake()

    def set_volume(self, volume: int | None) -> None:
        """A volume commanded by an operator; holds until the plan's own volume changes."""
        with self._lock:
            self._volume = volume
            self._write(lambda: self._store.keep_fact("volume", "" if volume is None else str(volume)))
            self.wake()

    # what the player asks and tells
    def names(self) -> frozenset[str]:
        """Every name in a ticket's `for` that means this station.

        The plan's list is whole; the path given at enrolment stands in until there is one, so that a station moved
        to another commune does not go on answering to its old one.
        """
        path = [] if self.settings.audience else self._identity.unit_path
        return frozenset({*audience_of(self._identity.station, path, []), *self.settings.audience})

    def situation(self, obstacle_of: Callable[[Item], Reason | None], now: datetime, ahead: timedelta) -> Situation:
        """What `due` needs for instants up to now + ahead; tickets beyond are left out to keep it quick."""
        with self._lock:
            near = tuple(
                ticket
                for ticket in self._tickets.values()
                if (ticket.starts_at <= now + ahead or ticket.id in self._withdrawn) and not is_over(ticket, self._done)
            )
            return Situation(
                tickets=near,
                settings=self.settings,
                names=self.names(),
                obstacle_of=obstacle_of,
                awake_since=self.awake_since,
                withdrawn=self._withdrawn,
                done=self._done,
                progress=self._progress,
                begun_by=self._begun,
                received=self._received,
                trusted_from=self.trusted_from,
                revoked=self.revoked,
            )

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
                if ticket.id not in self._withdrawn and ticket.not_after >= now and is_for(ticket, set(names))
                for index, item in enumerate(ticket.items)
                if (ticket.id, index) not in self._done
            ]
        return sorted(ahead, key=lambda one: ("emergency" not in {one[1].kind, one[1].priority}, one[0]))

    def volume_for(self, ticket: Ticket) -> int:
        wanted = ticket.volume
        if wanted is None:
            wanted = self.settings.volume if self._volume is None else self._volume
        return min(wanted, self.settings.max_volume)

    def station_volume(self) -> int:
        return min(self.settings.volume if self._volume is None else self._volume, self.settings.max_volume)

    def progress_of(self, key: Key) -> Progress:
        with self._lock:
            return self._progress.get(key, Progress())

    def begin(self, ticket: Ticket, index: int, progress: Progress, now: datetime) -> None:
        """Keep, before the first sample leaves, that an item has begun."""
        key = (ticket.id, index)
        with self._lock:
            self._progress[key] = progress
            if ticket.occurrence is not None:
                self._begun.setdefault((ticket.occurrence, index), ticket.id)

            def write() -> None:
                with self._store.writing():
                    self._store.keep_progress(key, progress)
                    if ticket.occurrence is not None:
                        self._store.keep_begun(ticket.occurrence, index, ticket.id, now)

            self._write(write)

    def move_on(self, key: Key, progress: Progress) -> None:
        """Keep how far an open item has come."""
        with self._lock:
            if key not in self._done:
                self._progress[key] = progress
                self._write(lambda: self._store.keep_progress(key, progress))

    def hinder(self, key: Key, reason: Reason) -> None:
        """Remember, in memory, what last held an item back."""
        with self._lock:
            progress = self._progress.get(key, Progress())
            if progress.obstacle != reason:
                self._progress[key] = replace(progress, obstacle=reason)

    def finish(self, key: Key, report: Report, now: datetime) -> None:
        """The item is done; its one report goes to the outbox."""
        with self._lock:
            if key in self._done:
                return
            self._done.add(key)
            self._progress.pop(key, None)
            self._write(lambda: self._store.finish(report, now))
            self.wake()

    def settle(self, fate: Fate, now: datetime) -> None:
        """Report an item that will not sound (again)."""
        with self._lock:
            ticket = self._tickets.get(fate.key[0])
            if ticket is None or fate.key in self._done:
                return
            if fate.same_as is not None:
                original = self._store.report_of((fate.same_as, fate.key[1]))
                if original is not None:
                    copied = original.model_copy(update={"id": str(uuid.uuid4()), "airing": ticket.id})
                    self.finish(fate.key, copied, now)
                    return
                fate = Fate(fate.key, "missed", "withdrawn")
            progress = self._progress.get(fate.key, Progress())
            begun = progress.started_at or starts(ticket, ticket.items[fate.key[1]])
            report = new_report(
                fate.key, fate.outcome, fate.reason, begun, begun + timedelta(seconds=progress.sounded),
                seconds=progress.sounded, volume=self.volume_for(ticket) if progress.sounded else 0,
                peak_db=progress.peak_db,
            )  # fmt: skip
            log.info("%s item %d: %s (%s)", *fate.key, fate.outcome, fate.reason)
            self.finish(fate.key, report, now)

    def unbegin(self, ticket: Ticket, index: int, former: Progress) -> None:
        """Take back `begin`: the item was to start, but something else came before its first sample."""
        key = (ticket.id, index)
        with self._lock:
            if ticket.occurrence is not None and self._begun.get((ticket.occurrence, index)) == ticket.id:
                del self._begun[ticket.occurrence, index]
                self._write(lambda: self._store.drop_begun(ticket.occurrence or "", index))
            self.move_on(key, former)

    # upkeep
    def acknowledge(self, one: str) -> None:
        self._write(lambda: self._store.acknowledge([one]))

    def tidy(self, now: datetime) -> None:
        """Forget what is long over, and write what the disk did not take before. Cheap enough for once a minute."""
        with self._lock:
            over = {
                airing
                for airing, ticket in self._tickets.items()
                if ticket.not_after < now - KEPT_FOR or (ticket.ends_at < now and is_over(ticket, self._done))
            }
            self._let_go(over)

            def write() -> None:
                self._store.drop_tickets(over)
                self._store.prune(now - KEPT_FOR)

            self._write(write)
            if self.is_writable():
                self._done, self._begun = self._store.done(), self._store.begun()
                self._withdrawn = self._store.withdrawn()

    def is_writable(self) -> bool:
        return not self._unwritten

    def wake(self) -> None:
        """Let everyone who listens look again."""
        for listener in self.listeners:
            listener.set()

    def _check(self, jws: str, now: datetime) -> Ticket | None:
        """The genuine ticket for this station in `jws`, or None after noting the refusal once."""
        known = self._ids.get(jws)
        try:
            ticket = self._tickets[known] if known else self._verifier.verify(jws)
        except BadTicket as refusal:
            self._refuse(jws, claimed_id(jws), "bad_signature", now)
            log.debug("bad ticket: %s", refusal)
            return None
        if not is_for(ticket, set(self.names())):
            self._refuse(jws, ticket.id, "not_for_me", now)
            return None
        return ticket

    def _refuse(self, jws: str, airing: str | None, reason: Reason, now: datetime) -> None:
        report = new_report((airing, 0), "refused", reason, now, now) if airing else None
        try:
            if self._store.refuse(f"{reason} {fingerprint(jws)}", report, now):
                log.error("refused a ticket (%s) that says it is %s", reason, airing or "nothing readable")
        except NoSpace:
            log.exception("a refusal could not be kept")

    def _hold(self, ticket: Ticket, jws: str, received_at: datetime) -> None:
        former = next((one for one, airing in self._ids.items() if airing == ticket.id and one != jws), None)
        if former is not None:
            del self._ids[former]
        self._tickets[ticket.id] = ticket
        self._ids[jws] = ticket.id
        self._received.setdefault(ticket.id, received_at)

    def _let_go(self, airings: set[str]) -> None:
        for airing in airings:
            ticket = self._tickets.pop(airing)
            self._received.pop(airing, None)
            for index in range(len(ticket.items)):
                self._progress.pop((airing, index), None)
        if airings:
            self._ids = {jws: airing for jws, airing in self._ids.items() if airing not in airings}

    def _write(self, action: Callable[[], object]) -> None:
        """Write to the store, in the order of the calls; on a full disk later."""
        self._unwritten.append(action)
        try:
            while self._unwritten:
                self._unwritten[0]()
                self._unwritten.popleft()
        except NoSpace:
            log.exception("the store takes nothing; %d changes wait in memory", len(self._unwritten))


def _settings(store: Store) -> StationSettings:
    try:
        return StationSettings.model_validate_json(store.fact("settings") or "{}")
    except ValidationError:
        return StationSettings()


def _instant(text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except LoaError:
        return None
