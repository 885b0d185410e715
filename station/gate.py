"""Who is let into the book: tickets with a genuine signature and for this station; each refusal is reported once."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from core.errors import BadTicket, NoSpace
from core.signing import Verifier
from core.wire import Reason, Ticket, is_for
from station.accounting import new_report
from station.admission import claimed_id, fingerprint
from station.store import Store

log = logging.getLogger(__name__)
# Who can change what is on the way could send thousands: they must not push real reports out, nor wear out the card.
MOST_REFUSALS = 100
_WHILE = timedelta(hours=1)


class Gate:
    """Checks tickets for the book, which holds its lock meanwhile."""

    def __init__(self, store: Store, verifier: Verifier, names: Callable[[], Collection[str]]) -> None:
        self._store = store
        self._verifier = verifier
        self._names = names
        self._lately: list[datetime] = []
        self._told: set[str] = set()

    def check(self, jws: str, known: Ticket | None, now: datetime) -> Ticket | None:
        """The genuine ticket for this station in `jws` (`known` if it was verified before), or None: refused."""
        try:
            ticket = known or self._verifier.verify(jws)
        except BadTicket as refusal:
            self._refuse(jws, claimed_id(jws), "bad_signature", now)
            log.debug("bad ticket: %s", refusal)
            return None
        if not is_for(ticket, frozenset(self._names())):
            self._refuse(jws, ticket.id, "not_for_me", now)
            return None
        return ticket

    def _refuse(self, jws: str, airing: str | None, reason: Reason, now: datetime) -> None:
        mark = f"{reason} {fingerprint(jws)}"
        if mark in self._told:
            return
        self._lately = [at for at in self._lately if abs(now - at) < _WHILE]
        if len(self._lately) >= MOST_REFUSALS:
            log.warning("more refusals than are told; %s", airing or "nothing readable")
            return
        self._lately.append(now)
        self._told = {*self._told, mark} if len(self._told) < MOST_REFUSALS else {mark}
        report = new_report((airing, 0), "refused", reason, now, now) if airing else None
        try:
            if self._store.refuse(mark, report, now):
                log.error("refused a ticket (%s) that says it is %s", reason, airing or "nothing readable")
        except NoSpace:
            log.exception("a refusal could not be kept")
