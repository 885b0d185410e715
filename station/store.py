"""What a station must not forget: one SQLite file in its home (`station.ledger`)."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from core.clock import format_instant, parse_instant
from core.errors import LoaError
from core.wire import Report, StartedHere, StationSettings
from station.due import Key, Obstacle, Progress
from station.ledger import Ledger, again

log = logging.getLogger(__name__)

MAX_OUTBOX = 50_000
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
CREATE TABLE IF NOT EXISTS standing (message TEXT PRIMARY KEY, jws TEXT NOT NULL, received_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS started_here (
    airing TEXT PRIMARY KEY, jws TEXT NOT NULL, how TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS traffic (month TEXT PRIMARY KEY, received INTEGER NOT NULL, sent INTEGER NOT NULL);
"""
_AGED = ("withdrawn", "done", "begun", "refused", "obeyed", "started_here")
_MONTHS_KEPT = 24


class Store(Ledger):
    """Shared by the threads behind a lock. Raises NoSpace where something could not be kept even in memory."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _SCHEMA)

    @again
    def _run(self, statement: str, *values: object) -> None:
        with self.writing():
            self._connection.execute(statement, values)

    # single facts
    def fact(self, name: str) -> str | None:
        rows = self.rows("SELECT value FROM facts WHERE name = ?", name)
        return rows[0][0] if rows else None

    def keep_fact(self, name: str, value: str) -> None:
        self._run(
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value
        )

    def instant(self, name: str) -> datetime | None:
        """A fact that is an instant; None where there is none that can be read."""
        with suppress(LoaError):
            text = self.fact(name)
            return parse_instant(text) if text else None
        return None

    def settings(self) -> StationSettings:
        """The settings of the last plan, or the usual ones."""
        try:
            return StationSettings.model_validate_json(self.fact("settings") or "{}")
        except ValidationError:
            return StationSettings()

    # tickets
    def tickets(self) -> list[tuple[str, datetime]]:
        """Every kept ticket (JWS) with when it first came."""
        return [(jws, parse_instant(at)) for jws, at in self.rows("SELECT jws, received_at FROM tickets")]

    def keep_ticket(self, airing: str, jws: str, received_at: datetime, *, in_plan: bool) -> None:
        """Keep a ticket; one already known under this id keeps the instant at which it first came."""
        self._run(
            "INSERT INTO tickets VALUES (?, ?, ?, ?) ON CONFLICT (airing) DO UPDATE SET jws = excluded.jws,"
            " in_plan = max(in_plan, excluded.in_plan)",
            airing, jws, format_instant(received_at), int(in_plan),
        )  # fmt: skip

    @again
    def drop_tickets(self, airings: Sequence[str] | set[str]) -> None:
        with self.writing():
            for airing in airings:
                self._connection.execute("DELETE FROM tickets WHERE airing = ?", (airing,))
                self._connection.execute("DELETE FROM progress WHERE airing = ?", (airing,))

    def planned(self) -> set[str]:
        """Ids of the tickets that came with a plan (the others came as interrupts)."""
        return {airing for (airing,) in self.rows("SELECT airing FROM tickets WHERE in_plan = 1")}

    def withdrawn(self) -> set[str]:
        return {airing for (airing,) in self.rows("SELECT airing FROM withdrawn")}

    def keep_withdrawn(self, airing: str, now: datetime) -> None:
        self._run("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", airing, format_instant(now))

    # prepared messages, and what of them was started here
    def standing(self) -> list[tuple[str, datetime]]:
        """The standing tickets (JWS) with when they first came."""
        return [(jws, parse_instant(at)) for jws, at in self.rows("SELECT jws, received_at FROM standing")]

    @again
    def keep_standing(self, tickets: Sequence[tuple[str, str]], now: datetime) -> None:
        """Make these the whole set, as pairs of message and JWS; one that stays keeps the instant at which it came."""
        with self.writing():
            known = {row[0]: row[1] for row in self.rows("SELECT message, received_at FROM standing")}
            self._connection.execute("DELETE FROM standing")
            self._connection.executemany(
                "INSERT OR REPLACE INTO standing VALUES (?, ?, ?)",
                [(message, jws, known.get(message, format_instant(now))) for message, jws in tickets],
            )

    def started_here(self) -> list[tuple[str, str, StartedHere]]:
        """What was started at this station: airing, standing ticket (JWS), and how."""
        rows = self.rows("SELECT airing, jws, how FROM started_here")
        return [(airing, jws, StartedHere.model_validate_json(how)) for airing, jws, how in rows]

    def keep_started_here(self, airing: str, jws: str, how: StartedHere, now: datetime) -> None:
        self._run(
            "INSERT OR REPLACE INTO started_here VALUES (?, ?, ?, ?)",
            airing, jws, how.model_dump_json(), format_instant(now),
        )  # fmt: skip

    # what the SIM card pays for
    def traffic(self, month: str) -> tuple[int, int]:
        """Bytes received and sent in a month (`2026-11`)."""
        rows = self.rows("SELECT received, sent FROM traffic WHERE month = ?", month)
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    @again
    def add_traffic(self, month: str, received: int, sent: int) -> None:
        with self.writing():
            self._connection.execute(
                "INSERT INTO traffic VALUES (?, ?, ?) ON CONFLICT (month) DO UPDATE SET"
                " received = received + excluded.received, sent = sent + excluded.sent",
                (month, received, sent),
            )
            self._connection.execute(
                "DELETE FROM traffic WHERE month NOT IN (SELECT month FROM traffic ORDER BY month DESC LIMIT ?)",
                (_MONTHS_KEPT,),
            )

    # what became of items
    def progress(self) -> dict[Key, Progress]:
        rows = self.rows("SELECT airing, item, started_at, position, sounded, obstacle, peak_db FROM progress")
        return {
            (airing, int(item)): Progress(
                parse_instant(started) if started else None,
                float(position),
                float(sounded),
                cast("Obstacle | None", obstacle),
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
            (one, int(item)): airing for one, item, airing in self.rows("SELECT occurrence, item, airing FROM begun")
        }

    def keep_begun(self, occurrence: str, item: int, airing: str, now: datetime) -> None:
        self._run("INSERT OR IGNORE INTO begun VALUES (?, ?, ?, ?)", occurrence, item, airing, format_instant(now))

    def drop_begun(self, occurrence: str, item: int) -> None:
        self._run("DELETE FROM begun WHERE occurrence = ? AND item = ?", occurrence, item)

    def done(self) -> set[Key]:
        return {(airing, int(item)) for airing, item in self.rows("SELECT airing, item FROM done")}

    def report_of(self, key: Key) -> Report | None:
        rows = self.rows("SELECT report FROM done WHERE airing = ? AND item = ?", *key)
        return Report.model_validate_json(rows[0][0]) if rows and rows[0][0] else None

    def keep_done(self, keys: Iterable[Key], now: datetime) -> None:
        """Keep that items are done whose reports were lost with a damaged file."""
        with self.writing():
            for key in keys:
                self._connection.execute("INSERT OR IGNORE INTO done VALUES (?, ?, '', ?)", (*key, format_instant(now)))

    @again
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

    @again
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
        return [text for (text,) in self.rows("SELECT report FROM outbox ORDER BY rowid LIMIT ?", limit)]

    def outbox_size(self) -> int:
        return int(self.rows("SELECT count(*) FROM outbox")[0][0])

    @again
    def accepted(self, ids: Sequence[str]) -> None:
        with self.writing():
            self._connection.executemany("DELETE FROM outbox WHERE id = ?", [(one,) for one in ids])

    @again
    def postpone(self, ids: Sequence[str]) -> None:
        """Move reports that the server did not take behind the others, so that they hold up none."""
        with self.writing():
            for one in ids:
                rows = self.rows("SELECT report FROM outbox WHERE id = ?", one)
                self._connection.execute("DELETE FROM outbox WHERE id = ?", (one,))
                self._connection.executemany("INSERT INTO outbox VALUES (?, ?)", [(one, text) for (text,) in rows])

    def acknowledgements(self, limit: int) -> list[str]:
        return [one for (one,) in self.rows("SELECT id FROM acknowledgements ORDER BY rowid LIMIT ?", limit)]

    @again
    def acknowledge(self, ids: Sequence[str]) -> None:
        with self.writing():
            self._connection.executemany("INSERT OR IGNORE INTO acknowledgements VALUES (?)", [(one,) for one in ids])

    @again
    def acknowledged(self, ids: Sequence[str]) -> None:
        with self.writing():
            self._connection.executemany("DELETE FROM acknowledgements WHERE id = ?", [(one,) for one in ids])

    @again
    def obey_once(self, command: str, now: datetime) -> bool:
        """True the first time a command is seen; a command is obeyed at most once, even across restarts."""
        with self.writing():
            cursor = self._connection.execute(
                "INSERT OR IGNORE INTO obeyed VALUES (?, ?)", (command, format_instant(now))
            )
            return bool(cursor.rowcount)

    @again
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
