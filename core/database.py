"""The one door to the database: SQLite (WAL) by default, PostgreSQL when set.

Two kinds of session. `read()` sees one consistent state and writes nothing. `write()` takes the
write lock at once, waits for it a bounded time without blocking other greenlets or threads, and
raises Busy when it can't be had: a transaction never fails half-way because somebody else was writing.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Session

from core.errors import N_, Busy, InvalidInput, NoSpace
from core.settings import Settings

_BUSY = N_("The database is busy. Nothing was changed; try again in a moment.")
_FULL = N_("The disk is full or read-only. Make room and try again; nothing was lost.")
_UNSTORABLE = N_("A value is too large, or has a character that can't be stored.")
_RETRY_SECONDS = 0.01
# Writers of one installation queue up on PostgreSQL as they do on SQLite, so that what a service has checked
# still holds when it commits. The number names the lock and means nothing.
_WRITE_LOCK = 7102028
_BUSY_SIGNS = ("locked", "busy", "lock timeout", "deadlock detected", "could not serialize", "connection")


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC instants; SQLite keeps them without their zone, this puts it back. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """An engine and its two kinds of session. Made by entry points, handed down; nothing global."""

    def __init__(self, url: str, *, lock_timeout_seconds: float = 5.0) -> None:
        self.lock_timeout_seconds = lock_timeout_seconds
        self.is_sqlite = url.startswith("sqlite")
        arguments: dict[str, Any] = {"check_same_thread": False, "timeout": 0} if self.is_sqlite else {}
        self.engine: Engine = create_engine(
            url, connect_args=arguments, pool_size=5, max_overflow=15, pool_timeout=10, pool_pre_ping=not self.is_sqlite
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database. What it changes is rolled back.

        Objects read from it keep their columns after the block.
        """
        with _told(), Session(self.engine, expire_on_commit=False) as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("BEGIN")
            else:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            try:
                yield session
            finally:
                session.expunge_all()  # what was read stays usable; a rollback would empty it
                session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed together at the end, or not at all.

        Raises Busy when the write lock was not to be had within `lock_timeout_seconds`, NoSpace when the
        disk is full.
        """
        with _told(), Session(self.engine, expire_on_commit=False) as session:
            try:
                if self.is_sqlite:
                    self._begin_immediate(session)
                else:
                    self._queue_up(session)
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def _begin_immediate(self, session: Session) -> None:
        connection = session.connection()
        deadline = time.monotonic() + self.lock_timeout_seconds
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def _queue_up(self, session: Session) -> None:
        milliseconds = max(1, round(self.lock_timeout_seconds * 1000))
        session.connection().exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
        session.connection().exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")

    def dispose(self) -> None:
        self.engine.dispose()


def connect(settings: Settings) -> Database:
    if not settings.database_url:
        settings.home.mkdir(parents=True, exist_ok=True)
    return Database(settings.url, lock_timeout_seconds=settings.lock_timeout_seconds)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions of its own: read() and write() say which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    deadline = time.monotonic() + 5
    while True:  # two processes that turn an empty file into WAL at once meet a lock
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=0")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the driver says about locks and space into errors a person can act on."""
    try:
        yield
    except NoConnectionLeft as error:
        raise Busy(_BUSY) from error
    except (DBAPIError, sqlite3.OperationalError) as error:  # bare while a connection is being prepared
        said = str(getattr(error, "orig", error)).lower()
        if "disk is full" in said or "readonly" in said or "no space" in said or "disk i/o" in said:
            raise NoSpace(_FULL) from error
        if isinstance(error, OperationalError | sqlite3.OperationalError) and any(sign in said for sign in _BUSY_SIGNS):
            raise Busy(_BUSY) from error
        if isinstance(error, DataError):
            raise InvalidInput(_UNSTORABLE) from error
        raise
