"""The one door to the database: SQLite (WAL) by default, PostgreSQL when set.

Two kinds of session. `read()` sees one consistent state and writes nothing. `write()` takes the
write lock at once, waits for it a bounded time without blocking other greenlets or threads, and
raises Busy when it can't be had: a transaction never fails half-way because somebody else was writing.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Session

from core.errors import N_, Busy, InvalidInput, NoSpace
from core.settings import Settings
from core.turnstile import Turnstile
from core.vault import Vault

_BUSY = N_("The database is busy. Nothing was changed; try again in a moment.")
_FULL = N_("The disk is full or read-only. Make room and try again; nothing was lost.")
_UNSTORABLE = N_("A value is too large, or has a character that can't be stored.")
_RETRY_SECONDS = 0.01
_HURRIED_SECONDS = 0.001
_COURTESY_SECONDS = 2.0  # so long at most others are let past
_CONNECT_SECONDS = 10  # else a server that is cut off, not down, is waited for for minutes
# Writers of one installation queue up on PostgreSQL as they do on SQLite, so that what a service has checked
# still holds when it commits. The number names the lock and means nothing.
_WRITE_LOCK = 7102028
_EVEN_SO = "even_so"
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
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """An engine and its two kinds of session. Made by entry points, handed down; nothing global."""

    def __init__(self, url: str, *, lock_timeout_seconds: float = 5.0, vault: Vault | None = None) -> None:
        self.lock_timeout_seconds = lock_timeout_seconds
        self.vault = vault
        self.is_sqlite = url.startswith("sqlite")
        arguments: dict[str, Any] = (
            {"check_same_thread": False, "timeout": 0} if self.is_sqlite else {"connect_timeout": _CONNECT_SECONDS}
        )
        self.engine: Engine = create_engine(
            url, connect_args=arguments, pool_size=5, max_overflow=15, pool_timeout=10, pool_pre_ping=not self.is_sqlite
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
        file = self.engine.url.database if self.is_sqlite else None
        self._turnstile = Turnstile(Path(f"{file}-urgent")) if file and file != ":memory:" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database. What it changes is rolled back.

        Objects read from it keep their columns after the block.
        """
        with _told(), Session(self.engine, expire_on_commit=False, info=self._info()) as session:
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
    def write(self, *, urgent: bool = False) -> Iterator[Session]:
        """A session whose changes are committed together at the end, or not at all.

        With `urgent` it goes before all that are not, as soon as the one that is writing has finished: emergencies.
        Raises Busy when the write lock was not to be had within `lock_timeout_seconds`, NoSpace when the
        disk is full. What was handed to `even_so` is then done in a transaction of its own.
        """
        info = self._info()
        try:
            with self._writing(info, urgent=urgent) as session:
                yield session
        except Exception:
            for act in info[_EVEN_SO]:
                with self._writing(self._info()) as again:
                    act(again)
            raise

    @contextmanager
    def write_if_free(self) -> Iterator[Session]:
        """As `write`, but raises Busy at once where somebody else is writing: for what is not worth waiting for."""
        with _told(), Session(self.engine, expire_on_commit=False, info=self._info()) as session:
            connection = session.connection()
            try:
                if self.is_sqlite:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    connection.exec_driver_sql("SET LOCAL lock_timeout = 1")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def _info(self) -> dict[str, Any]:
        return {"vault": self.vault, _EVEN_SO: []}

    @contextmanager
    def _writing(self, info: dict[str, Any], *, urgent: bool = False) -> Iterator[Session]:
        with _told(), Session(self.engine, expire_on_commit=False, info=info) as session:
            try:
                if self.is_sqlite:
                    self._begin_immediate(session, urgent=urgent)
                else:
                    self._queue_up(session)
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def _begin_immediate(self, session: Session, *, urgent: bool) -> None:
        connection = session.connection()
        if urgent and self._turnstile is not None:
            with self._turnstile.hurrying():
                self._begin(connection, _HURRIED_SECONDS)
            return
        self._let_pass()
        self._begin(connection, _RETRY_SECONDS)

    def _let_pass(self) -> None:
        courtesy = time.monotonic() + min(_COURTESY_SECONDS, self.lock_timeout_seconds / 2)
        while self._turnstile is not None and not self._turnstile.is_clear() and time.monotonic() < courtesy:
            time.sleep(_RETRY_SECONDS)

    def _begin(self, connection: Connection, retry_seconds: float) -> None:
        deadline = time.monotonic() + self.lock_timeout_seconds
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > deadline:
                    raise
                time.sleep(retry_seconds)
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
    vault = Vault(settings.keys / "vault.key")
    return Database(settings.url, lock_timeout_seconds=settings.lock_timeout_seconds, vault=vault)


def even_so(session: Session, act: Callable[[Session], None]) -> None:
    """Do `act` with this `write()` session, and once more on its own when all of the session is undone.

    For what must be kept of a refusal, such as the count of wrong codes: who refuses raises, and that undoes the rest.
    """
    act(session)
    session.info.setdefault(_EVEN_SO, []).append(act)


def vault_of(session: Session) -> Vault:
    """What seals secrets in this session's database. Raises RuntimeError for a database that was opened without."""
    vault = session.info.get("vault")
    if not isinstance(vault, Vault):
        raise RuntimeError("this database was opened without its vault")  # noqa: TRY004 - nobody hands in a wrong type
    return vault


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
