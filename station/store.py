"""What a station must not forget: one SQLite file in its home.

Write-ahead log with `synchronous=FULL`: what was answered as kept survives a power cut. A file that can't
be read any more is put aside and begun anew, for a station without memory still plays what the server gives it next.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import cast

from core.clock import format_instant, parse_instant
from core.errors import N_, NoSpace
from core.wire import Reason, Report
from station.due import Key, Progress

log = logging.getLogger(__name__)

MAX_OUTBOX = 50_000
_BUSY_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tickets (
    airing TEXT PRIMARY KEY, jws TEXT NOT NULL, received_at TEXT NOT NULL, in_plan INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS withdrawn (airing TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS progress (
    airing TEXT NOT NULL, item INTEGER NOT NULL, started_at TEXT, position REAL NOT NULL, sounded REAL NOT NULL,
    obstacle TEXT, peak_db REAL, PRIMARY KEY (airing, item));
CREATE TABLE IF NOT EXISTS done (
    airing TEXT NOT NULL, item INTEGER NOT NULL, report TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (airing, item));
CREATE TABLE IF NOT EXISTS begun (
    occurrence TEXT NOT NULL, item INTEGER NOT NULL, airing TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (occurrence, item));
CREATE TABLE IF NOT EXISTS refused (ticket TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS acknowledgements (id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS obeyed (command TEXT PRIMARY KEY, at TEXT NOT NULL);
"""
_AGED = ("withdrawn", "done", "begun", "refused", "obeyed")


class Store:
    """One connection, shared by the threads behind a lock. Raises NoSpace when the disk takes nothing more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
                raise NoSpace(N_("The station's store can't be opened (%(why)s)."), why=str(error)) from error
            log.exception("the store is damaged; it is put aside and begun anew")
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    damaged = path.with_name(path.name + suffix)
                    damaged.replace(damaged.with_name(damaged.name + ".damaged"))
            self._connection = _open(path)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written inside is kept together or not at all. May be nested; the outermost one commits."""
        with self._lock:
            try:
                if self._depth == 0:
                    self._connection.execute("BEGIN IMMEDIATE")
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("COMMIT")
            except BaseException as error:
                if self._depth == 0 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):
                    raise NoSpace(N_("The station's store can't be written (%(why)s)."), why=str(error)) from error
                raise

    def _run(self, statement: str, *values: object) -> None:
        with self.writing():
            self._connection.execute(statement, values)

    def _rows(self, statement: str, *values: object) -> list[tuple[str, ...]]:
        with self._lock:
            return list(self._connection.execute(statement, values))

    # single facts
    def fact(self, name: str) -> str | None:
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return rows[0][0] if rows else None

    def keep_fact(self, name: str, value: str) -> None:
        self._run(
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value
        )

    # tickets
    def tickets(self) -> list[tuple[str, datetime]]:
        """Every kept ticket (JWS) with when it first came."""
        return [(jws, parse_instant(at)) for jws, at in self._rows("SELECT jws, received_at FROM tickets")]

    def keep_ticket(self, airing: str, jws: str, received_at: datetime, *, in_plan: bool) -> None:
        """Keep a ticket; one already known under this id keeps the instant at which it first came."""
        self._run(
            "INSERT INTO tickets VALUES (?, ?, ?, ?) ON CONFLICT (airing) DO UPDATE SET jws = excluded.jws,"
            " in_plan = max(in_plan, excluded.in_plan)",
            airing, jws, format_instant(received_at), int(in_plan),
        )  # fmt: skip

    def drop_tickets(self, airings: Iterable[str]) -> None:
        with self.writing():
            for airing in airings:
                self._connection.execute("DELETE FROM tickets WHERE airing = ?", (airing,))
                self._connection.execute("DELETE FROM progress WHERE airing = ?", (airing,))

    def planned(self) -> set[str]:
        """Ids of the tickets that came with a plan (the others came as interrupts)."""
        return {airing for (airing,) in self._rows("SELECT airing FROM tickets WHERE in_plan = 1")}

    def withdrawn(self) -> set[str]:
        return {airing for (airing,) in self._rows("SELECT airing FROM withdrawn")}

    def keep_withdrawn(self, airing: str, now: datetime) -> None:
        self._run("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", airing, format_instant(now))

    # what became of items
    def progress(self) -> dict[Key, Progress]:
        rows = self._rows("SELECT airing, item, started_at, position, sounded, obstacle, peak_db FROM progress")
        return {
            (airing, int(item)): Progress(
                parse_instant(started) if started else None,
                float(position),
                float(sounded),
                cast("Reason | None", obstacle),
                None if peak is None else float(peak),
            )
            for airing, item, started, position, sounded, obstacle, peak in rows
        }

    def keep_progress(self, key: Key, progress: Progress) -> None:
        started = format_instant(progress.started_at) if progress.started_at else None
        self._run(
            "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?, ?)",
            *key, started, progress.position, progress.sounded, progress.obstacle, progress.peak_db,
        )  # fmt: skip

    def begun(self) -> dict[tuple[str, int], str]:
        """By occurrence and item: the airing under which it first began."""
        return {
            (one, int(item)): airing for one, item, airing in self._rows("SELECT occurrence, item, airing FROM begun")
        }

    def keep_begun(self, occurrence: str, item: int, airing: str, now: datetime) -> None:
        self._run("INSERT OR IGNORE INTO begun VALUES (?, ?, ?, ?)", occurrence, item, airing, format_instant(now))

    def drop_begun(self, occurrence: str, item: int) -> None:
        self._run("DELETE FROM begun WHERE occurrence = ? AND item = ?", occurrence, item)

    def done(self) -> set[Key]:
        return {(airing, int(item)) for airing, item in self._rows("SELECT airing, item FROM done")}

    def report_of(self, key: Key) -> Report | None:
        rows = self._rows("SELECT report FROM done WHERE airing = ? AND item = ?", *key)
        return Report.model_validate_json(rows[0][0]) if rows else None

    def finish(self, report: Report, now: datetime) -> None:
        """Keep that an item is done and put its report into the outbox, together. A second call changes nothing."""
        text = report.model_dump_json()
        with self.writing():
            cursor = self._connection.execute(
                "INSERT OR IGNORE INTO done VALUES (?, ?, ?, ?)",
                (report.airing, report.item, text, format_instant(now)),
            )
            if cursor.rowcount:
                self._connection.execute("INSERT INTO outbox VALUES (?, ?)", (report.id, text))
            self._connection.execute("DELETE FROM progress WHERE airing = ? AND item = ?", (report.airing, report.item))

    def refuse(self, ticket_hash: str, report: Report | None, now: datetime) -> bool:
        """Note that a ticket was refused, with its report the first time. False if it was noted before."""
        with self.writing():
            cursor = self._connection.execute(
                "INSERT OR IGNORE INTO refused VALUES (?, ?)", (ticket_hash, format_instant(now))
            )
            if cursor.rowcount and report is not None:
                self._connection.execute("INSERT INTO outbox VALUES (?, ?)", (report.id, report.model_dump_json()))
            return bool(cursor.rowcount)

    # on the way to the server
    def outbox(self, limit: int) -> list[str]:
        """The oldest reports, as JSON."""
        return [text for (text,) in self._rows("SELECT report FROM outbox ORDER BY rowid LIMIT ?", limit)]

    def outbox_size(self) -> int:
        return int(self._rows("SELECT count(*) FROM outbox")[0][0])

    def accepted(self, ids: Iterable[str]) -> None:
        with self.writing():
            self._connection.executemany("DELETE FROM outbox WHERE id = ?", [(one,) for one in ids])

    def postpone(self, ids: Iterable[str]) -> None:
        """Move reports that the server did not take behind the others, so that they hold up none."""
        with self.writing():
            for one in ids:
                rows = self._rows("SELECT report FROM outbox WHERE id = ?", one)
                self._connection.execute("DELETE FROM outbox WHERE id = ?", (one,))
                self._connection.executemany("INSERT INTO outbox VALUES (?, ?)", [(one, text) for (text,) in rows])

    def acknowledgements(self, limit: int) -> list[str]:
        return [one for (one,) in self._rows("SELECT id FROM acknowledgements ORDER BY rowid LIMIT ?", limit)]

    def acknowledge(self, ids: Iterable[str]) -> None:
        with self.writing():
            self._connection.executemany("INSERT OR IGNORE INTO acknowledgements VALUES (?)", [(one,) for one in ids])

    def acknowledged(self, ids: Iterable[str]) -> None:
        with self.writing():
            self._connection.executemany("DELETE FROM acknowledgements WHERE id = ?", [(one,) for one in ids])

    def obey_once(self, command: str, now: datetime) -> bool:
        """True the first time a command is seen; a command is obeyed at most once, even across restarts."""
        with self.writing():
            cursor = self._connection.execute(
                "INSERT OR IGNORE INTO obeyed VALUES (?, ?)", (command, format_instant(now))
            )
            return bool(cursor.rowcount)

    def prune(self, before: datetime) -> None:
        """Forget what is older than `before`, and the oldest reports beyond `MAX_OUTBOX`."""
        with self.writing():
            for table in _AGED:
                self._connection.execute(f"DELETE FROM {table} WHERE at < ?", (format_instant(before),))  # noqa: S608
            surplus = self.outbox_size() - MAX_OUTBOX
            if surplus > 0:
                log.error("%d reports were dropped: the outbox is full", surplus)
                self._connection.execute(
                    "DELETE FROM outbox WHERE rowid IN (SELECT rowid FROM outbox ORDER BY rowid LIMIT ?)", (surplus,)
                )


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-512")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
