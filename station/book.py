"""The station's book: what it holds and what became of it, in memory and in the store.

Every change comes through here, under one lock, and sets the events in `listeners`. When the disk takes nothing, the
book goes on in memory, and what could not be written is written as soon as there is room.
"""

import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from core.clock import format_instant
from core.signing import Verifier
from core.wire import AS_WITHDRAWN, Item, NowDocument, PlanDocument, Reason, Report, Ticket
from station.accounting import new_report
from station.due import NEVER, Fate, Key, Obstacle, OnAir, Progress, Situation, is_over, starts
from station.holdings import Holdings
from station.identity import Identity
from station.pulse import Beat, Pulse
from station.sessions import needed_since
from station.settled import settled
from station.store import Store

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=14)
_MAX_ID = 80


class Book(Holdings):
    """Tickets, progress and reports of one station. Thread-safe."""

    def __init__(
        self, store: Store, identity: Identity, now: datetime, verifier: Verifier | None = None,
        pulse: Pulse | None = None,
    ) -> None:  # fmt: skip
        super().__init__(store, identity, now, verifier, pulse)
        self._restated = store.moved
        self._resume(pulse.last() if pulse else None)

    def _resume(self, beat: Beat | None) -> None:
        """Believe the pulse of the process before this one where it knows more than the store."""
        kept = self._progress.get((beat.airing, beat.item)) if beat else None
        if beat and kept and kept.started_at and beat.position > kept.position:
            sounded = max(kept.sounded, beat.sounded)
            self.move_on((beat.airing, beat.item), replace(kept, position=beat.position, sounded=sounded))

    # what comes from the server
    def take_plan(self, plan: PlanDocument, etag: str, now: datetime) -> None:
        """Make `plan` the one in force.

        A ticket that is not in it any more is dropped if it has not begun; one that has begun stays until it is
        done, for only `withdrawn` stops what sounds.
        """
        with self._lock:
            if self._verifier.learn(plan.keys):
                log.warning("the server has other keys now: %s", ", ".join(self._verifier.kids))
            plan, signed_at = settled(
                plan, self._verifier, self._identity.station, self.settings,
                self._store.instant("settings_signed_at"), now,
            )  # fmt: skip
            new_volume = self.plan_etag is not None and plan.settings.volume != self.settings.volume
            self.settings = plan.settings
            self._room.forget()
            self.plan_etag, self.plan_until, self.trusted_from = etag, plan.until, plan.issued_at
            former = {airing for airing in self._store.planned() if airing in self._tickets}
            taken = [(ticket, jws) for jws in plan.airings if (ticket := self._check(jws, now))]
            for ticket, jws in taken:
                self._hold(ticket, jws, now)
            stale = former - {ticket.id for ticket, _ in taken}
            stale = {airing for airing in stale if self._tickets[airing].starts_at > now}
            self._let_go(stale)
            standing = self.standing.take(plan.standing, self.names(), now)
            self.signals = plan.signals
            if new_volume:
                self._volume = None

            def write() -> None:
                with self._store.writing():
                    for ticket, jws in taken:
                        self._store.keep_ticket(ticket.id, jws, now, in_plan=True)
                    self._store.drop_tickets(stale)
                    self._store.keep_standing(standing, now)
                    self._store.keep_fact("settings", plan.settings.model_dump_json())
                    if signed_at is not None:
                        self._store.keep_fact("settings_signed_at", format_instant(signed_at))
                    self._store.keep_fact("signals", json.dumps([each.model_dump() for each in plan.signals]))
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
            told = (*(ticket.id for ticket, _ in taken), *(f"{AS_WITHDRAWN}{airing}" for airing in withdrawn))
            news = [one for one in told if one not in self._acknowledged]
            self._acknowledged.update(news)
            self.seq = document.seq
            if news:
                self._room.forget()

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

    def set_revoked(self, *, revoked: bool) -> None:
        """Fall silent, or speak again: what the server's answers say about this station's token."""
        with self._lock:
            if revoked != self.revoked:
                log.warning("the server %s this station's token", "refuses" if revoked else "accepts")
                self.revoked = revoked
                self._write(lambda: self._store.keep_fact("revoked", "yes" if revoked else "no"))
                self.wake()

    # what the player asks and tells
    def situation(
        self, obstacle_of: Callable[[Item], Reason | None], now: datetime, ahead: timedelta,
        *, trusted: bool = True, on_air: OnAir | None = None,
    ) -> Situation:  # fmt: skip
        """What `due` needs for instants up to now + ahead; tickets beyond are left out to keep it quick.

        `trusted` says whether the clock that `now` comes from can be right.
        """
        with self._lock:
            until = now + ahead
            near = tuple(
                ticket
                for ticket in self._tickets.values()
                if (ticket.starts_at <= until or ticket.id in self._withdrawn) and not self._is_over(ticket)
            )
            return Situation(
                tickets=near,
                settings=self.settings,
                names=self.names(),
                obstacle_of=obstacle_of,
                awake_since=self.awake_since,
                right_since=self._right_since,
                withdrawn=self._withdrawn,
                done=self._done,
                progress=self._progress,
                begun_by=self._begun,
                received=self._received,
                trusted_from=self.trusted_from if trusted else NEVER,
                revoked=self.revoked,
                on_air=on_air,
                refused=self._room.refused(
                    self.settings, self._tickets, self.names(), self._progress, self._begun, self._withdrawn, now
                ),
            )  # fmt: skip

    def progress_of(self, key: Key) -> Progress:
        with self._lock:
            return self._progress.get(key, Progress())

    def begin(self, ticket: Ticket, index: int, progress: Progress, now: datetime) -> None:
        """Keep, before the first sample leaves, that an item has begun."""
        key = (ticket.id, index)
        with self._lock:
            self._progress[key] = progress
            self._room.forget()
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

    def pulse(self, key: Key, progress: Progress) -> None:
        """Note where the item on air is, for the case that this process is killed; cheap enough for every look."""
        if self._pulse is not None:
            self._pulse.note(Beat(*key, progress.position, progress.sounded))

    def hinder(self, key: Key, reason: Obstacle) -> None:
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
            if key[0] in self._here:
                report = report.model_copy(update={"started_here": self._here[key[0]].how})
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
            self._room.forget()
            if ticket.occurrence is not None and self._begun.get((ticket.occurrence, index)) == ticket.id:
                del self._begun[ticket.occurrence, index]
                self._write(lambda: self._store.drop_begun(ticket.occurrence or "", index))
            self.move_on(key, former)

    # upkeep
    def acknowledge(self, one: str) -> None:
        with self._lock:  # several threads write: each the whole queue, one after the other
            self._write(lambda: self._store.acknowledge([one]))

    def tidy(self, now: datetime) -> None:
        """Forget what is long over, and write what the disk did not take before. Cheap enough for once a minute."""
        with self._lock:
            needed = needed_since(self.settings, now)
            over = {
                airing
                for airing, ticket in self._tickets.items()
                if ticket.not_after < now - KEPT_FOR or (ticket.ends_at < needed and is_over(ticket, self._done))
            }
            self._let_go(over)
            if self._store.damaged and self._store.moved != self._restated:
                self._restated = self._store.moved
                self._write(lambda: self._restate(now))

            def write() -> None:
                self._store.drop_tickets(over)
                self._store.prune(now - KEPT_FOR)

            self._write(write)
            if self._later.is_done():
                self._done, self._begun = self._store.done(), self._store.begun()
                self._over.clear()
                self._withdrawn = self._store.withdrawn()

    def _restate(self, now: datetime) -> None:
        """Keep again what is known here, after the store had to be begun anew."""
        with self._store.writing():
            for jws, airing in self._ids.items():
                if airing not in self._here:
                    self._store.keep_ticket(airing, jws, self._received[airing], in_plan=True)
            for key, progress in self._progress.items():
                self._store.keep_progress(key, progress)
            for (occurrence, item), airing in self._begun.items():
                self._store.keep_begun(occurrence, item, airing, now)
            for airing in self._withdrawn:
                self._store.keep_withdrawn(airing, now)
            self._store.keep_done(self._done, now)
