"""Asking sources for their messages: claimed, fetched within limits, taken in; what fails is tried again later.

One round of one source: its address is asked (with what it said of its last version); an index is read, and of its
entries only those are fetched that are new or changed, at most `MOST_A_ROUND`. Whatever comes back (nothing, an error,
a page of HTML) ends no alert: only a message does. The version is remembered only once all of it has been taken in.
"""

import logging
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, col, select

from alerts.cap.limits import LIMITS
from alerts.cap.remarks import NotCap
from alerts.cap.tree import read
from alerts.sources import attention, indexes
from alerts.sources.memory import hashed
from alerts.sources.models import CapEntry, CapSource
from alerts.sources.taking import Taker
from core.errors import N_, InvalidInput, LoaError
from core.outside import Fetched, Limits, Outside, OutsideFailed
from core.pinning import Pinned
from scheduler import troubles

log = logging.getLogger(__name__)
MOST_A_ROUND = 40
AT_ONCE = 4
ROUND_SECONDS = 60.0
LONGEST_REST = timedelta(minutes=15)
FAILS_FOR_LONG = timedelta(minutes=15)
LEASE = timedelta(minutes=5)
_FORGET = timedelta(days=7)
_MOST_TRIES = 6
_MOST_ERROR = 500
_JITTER = 0.1
_AHEAD = timedelta(days=2)  # no source rests that long: a clock was ahead
# What a document is refused for that a second try would not mend.
_HOSTILE = frozenset({"doctype", "too_deep", "too_many", "too_long", "nested", "envelope", "namespace", "version"})
_NOT_MODIFIED, _OK = 304, 200
_ACCEPT = (
    "application/cap+xml, application/atom+xml;q=0.9, application/rss+xml;q=0.9, application/xml;q=0.8, "
    "text/xml;q=0.8, */*;q=0.1"
)
_LIMITS = Limits(connect_seconds=10, idle_seconds=15, seconds=30, size=LIMITS.document_bytes)


@dataclass(frozen=True)
class Round:
    """What a round of one source brought: whether it answered, how many messages were taken in, and what went wrong."""

    answered: bool
    messages: int = 0
    error: str = ""


@dataclass
class Puller:
    """Asks sources. Safe to share between threads."""

    taker: Taker
    outside: Outside
    holder: str
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    _pool: ThreadPoolExecutor | None = None
    _busy: set[str] = field(default_factory=set)

    def due(self, now: datetime) -> list[str]:
        """Sources that are to be asked now, those that wait longest first."""
        with self.taker.database.read() as session:
            query = select(CapSource.id).where(CapSource.kind == "pull", CapSource.active, _is_due(now))
            return list(session.exec(query.order_by(col(CapSource.next_poll_at)).limit(200)).all())

    def begin_due(self, now: datetime) -> int:
        """Begin to ask what is due, each in a thread of its own, at most four at once; how many were begun."""
        begun = [each for each in self.due(now) if each not in self._busy][: AT_ONCE - len(self._busy)]
        if begun and self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="cap-pull")
        for source in begun:
            self._busy.add(source)
            if self._pool is not None:
                self._pool.submit(self._one, source, now)
        return len(begun)

    def _one(self, source: str, now: datetime) -> None:
        try:
            self.pull(source, now)
        except Exception:  # a loop never dies quietly: it is tried again when its claim has run out
            log.exception("the source of alerts %s could not be asked", source)
        finally:
            self._busy.discard(source)

    def pull(self, source_id: str, now: datetime) -> Round | None:
        """One round of one source; None where another worker is at it. Raises what the database raises."""
        if not self._claim(source_id, now):
            return None
        with self.taker.database.read() as session:
            source = session.get_one(CapSource, source_id)
        try:
            done = self._round(source, now)
        except LoaError as error:
            done = Round(False, error=str(error))
        except troubles.PASSING:
            raise
        except Exception as error:
            log.exception("a source of alerts could not be read")
            done = Round(False, error=troubles.describe(error))
        self._note(source, done, now)
        return done

    def _claim(self, source_id: str, now: datetime) -> bool:
        with self.taker.database.write() as session:
            taken = session.execute(
                update(CapSource)
                .where(col(CapSource.id) == source_id, col(CapSource.active), _is_due(now))
                .values(next_poll_at=now + LEASE, claimed_by=self.holder)
            )
        return bool(taken.rowcount == 1)  # type: ignore[attr-defined]

    def _round(self, source: CapSource, now: datetime) -> Round:
        until = self.monotonic() + ROUND_SECONDS
        asked = {"If-None-Match": source.etag, "If-Modified-Since": source.last_modified}
        answer = self._fetch(source, source.url, {name: value for name, value in asked.items() if value})
        if answer.status == _NOT_MODIFIED:
            return Round(True)
        if answer.status != _OK:
            raise OutsideFailed(N_("The source answers with an error (HTTP %(status)s)."), status=answer.status)
        if is_index(answer.body):
            return self._through(source, answer, now, until)
        taken = len(self.taker.take(source.id, answer.body, now))
        self._remember(source.id, answer)
        return Round(True, taken)

    def _through(self, source: CapSource, answer: Fetched, now: datetime, until: float) -> Round:
        """The new and changed entries of an index, in its order, as many as there is time for."""
        todo, resting = self._new(source.id, indexes.entries(answer.body, answer.url), now)
        error, taken, done, well = "", 0, 0, 0
        for entry in todo[:MOST_A_ROUND]:
            if self.monotonic() > until:
                break
            count, failed = self._entry(source, entry, now)
            taken, error, done, well = taken + count, failed or error, done + 1, well + (not failed)
        if done == len(todo) and not error and not resting:
            self._remember(source.id, answer)
        return Round(well > 0 or not done, taken, error)

    def _entry(self, source: CapSource, entry: indexes.Entry, now: datetime) -> tuple[int, str]:
        """Fetch one entry and take it in: how many messages it held, and what went wrong with it."""
        error = ""
        for link in entry.links:
            try:
                answer = self._fetch(source, link, {})
                if answer.status != _OK:
                    raise OutsideFailed(N_("The source answers with an error (HTTP %(status)s)."), status=answer.status)
                read(answer.body)
            except (OutsideFailed, InvalidInput) as failed:
                error = str(failed)
                if getattr(failed, "code", "") not in _HOSTILE:
                    continue
            taken = self.taker.take(source.id, answer.body, now)
            self._settle(source.id, entry, done=True, now=now)
            return len(taken), ""
        self._settle(source.id, entry, done=False, now=now)
        return 0, error

    def _fetch(self, source: CapSource, url: str, headers: dict[str, str]) -> Fetched:
        pinned = None
        if source.tls_certificate or source.tls_key_sha256:
            pinned = Pinned(source.tls_certificate, source.tls_key_sha256)
        return self.outside.fetch(url, headers={"Accept": _ACCEPT, **headers}, limits=_LIMITS, pinned=pinned)

    def _new(self, source_id: str, found: Iterable[indexes.Entry], now: datetime) -> tuple[list[indexes.Entry], bool]:
        """Those entries that were not taken in yet as they are now; and whether more of them rest after a failure.

        What has failed too often is given up until it changes.
        """
        with self.taker.database.read() as session:
            rows = session.exec(select(CapEntry).where(CapEntry.source_id == source_id)).all()
        known = {row.entry: row for row in rows}
        todo: list[indexes.Entry] = []
        named: set[str] = set()
        resting = False
        for entry in found:
            name = hashed(entry.name)
            row = known.get(name)
            if name in named:
                continue
            named.add(name)
            fresh = row is None or row.mark != _mark(entry)
            again = row is not None and not row.done and row.tries < _MOST_TRIES
            if fresh or (again and row is not None and not now < row.due_at <= now + LONGEST_REST):
                todo.append(entry)
            elif again:
                resting = True
        self._saw(source_id, named, now)
        return todo, resting

    def _saw(self, source_id: str, named: set[str], now: datetime) -> None:
        """Forget entries that the index has not named for a week. Written rarely: once a day an entry."""
        with self.taker.database.write() as session:
            mine = col(CapEntry.source_id) == source_id
            ordered = sorted(named)
            for start in range(0, len(ordered), 400):
                session.execute(
                    update(CapEntry)
                    .where(
                        mine, col(CapEntry.entry).in_(ordered[start : start + 400]),
                        col(CapEntry.seen_at) < now - timedelta(days=1),
                    )
                    .values(seen_at=now)
                )  # fmt: skip
            session.execute(delete(CapEntry).where(mine, col(CapEntry.seen_at) < now - _FORGET))

    def _settle(self, source_id: str, entry: indexes.Entry, *, done: bool, now: datetime) -> None:
        with self.taker.database.write() as session:
            row = session.get(CapEntry, (source_id, hashed(entry.name)))
            if row is None or row.mark != _mark(entry):
                row = row or CapEntry(source_id=source_id, entry=hashed(entry.name), mark="", due_at=now, seen_at=now)
                row.mark, row.tries = _mark(entry), 0
            row.done, row.tries, row.seen_at = done, row.tries + (not done), now
            row.due_at = now if done else now + min(timedelta(seconds=30 * 2**row.tries), LONGEST_REST)
            session.add(row)

    def _remember(self, source_id: str, answer: Fetched) -> None:
        """The version that was taken in whole: next time only a newer one is sent."""
        with self.taker.database.write() as session:
            source = session.get_one(CapSource, source_id)
            source.etag = answer.headers.get("etag", "")[:500]
            source.last_modified = answer.headers.get("last-modified", "")[:100]
            session.add(source)

    def _note(self, before: CapSource, done: Round, now: datetime) -> None:
        with self.taker.database.write() as session:
            source = session.get_one(CapSource, before.id)
            source.claimed_by = None
            source.error = done.error[:_MOST_ERROR]
            rest = timedelta(seconds=source.interval_s)
            if done.answered:
                source.succeeded_at, source.failures, source.failing_since = now, 0, None
                attention.source_is_well(session, source, now)
                troubles.clear(session, "source", [source.id], now)
            else:
                source.failed_at, source.failures = now, source.failures + 1
                source.failing_since = source.failing_since or now
                rest = min(rest * 2 ** min(source.failures, 10), max(LONGEST_REST, rest))
                self._complain(session, source, now)
            source.next_poll_at = now + rest * (1 + _JITTER * (2 * self.chance() - 1))
            session.add(source)

    @staticmethod
    def _complain(session: Session, source: CapSource, now: datetime) -> None:
        """Tell people of what has failed for long, once."""
        if source.failing_since is not None and now - source.failing_since >= FAILS_FOR_LONG:
            troubles.report(session, "source", source.id, f"{source.name}: {source.error}", now, source.unit_id)
            attention.source_fails(session, source, source.failing_since)


def _is_due(now: datetime) -> ColumnElement[bool]:
    at = col(CapSource.next_poll_at)
    return at.is_(None) | (at <= now) | (at > now + _AHEAD)


def _mark(entry: indexes.Entry) -> str:
    return hashed(entry.mark, *entry.links)


def is_index(document: bytes) -> bool:
    """Whether a document is an index of messages, without any whole message in it. Raises NotCap for neither."""
    try:
        read(document)
    except NotCap as error:
        if error.code == "index" or _is_empty_list(document, error):
            return True
        raise
    return False


def _is_empty_list(document: bytes, error: NotCap) -> bool:
    if error.code != "not_cap":
        return False
    try:
        return not indexes.entries(document, "")
    except NotCap:
        return False
