"""The file under the store: one SQLite database that is whole, or put aside; in memory while the disk takes nothing.

Write-ahead log with `synchronous=FULL`: what was answered as kept survives a power cut. When the disk is full,
read-only or failing, all that is kept moves into memory, the station goes on, and everything goes back to the disk
as soon as it takes it. A file that can't be read any more is put aside; what can still be read of it is taken over.
"""

import functools
import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from core.errors import N_, NoSpace

log = logging.getLogger(__name__)

DISK_FULL, DISK_READ_ONLY, DISK_FAILING = "disk_full", "disk_read_only", "disk_failing"
_BUSY_SECONDS = 10.0
_LOOK_SECONDS = 30.0
_SUFFIXES = ("", "-wal", "-shm")
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FAULTS = {
    sqlite3.SQLITE_FULL: DISK_FULL, sqlite3.SQLITE_READONLY: DISK_READ_ONLY, sqlite3.SQLITE_CANTOPEN: DISK_READ_ONLY,
    sqlite3.SQLITE_PERM: DISK_READ_ONLY,
}  # fmt: skip
_Self = TypeVar("_Self", bound="Ledger")
_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


class Ledger:
    """One connection, shared by the threads behind a lock.

    `fault` says why nothing is written to the disk (`disk_full`, `disk_read_only`, `disk_failing`), or is None;
    `damaged` that a damaged file was put aside by this process.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._lock = threading.RLock()
        self._depth = 0
        self._moves = 0
        self._looked_at = time.monotonic()
        self.fault: str | None = None
        self.damaged = False
        try:
            self._connection = _open(path, schema)
        except sqlite3.DatabaseError as error:
            if _code(error) in _DAMAGE:
                self._connection = self._put_aside()
            else:
                self.fault = _fault_of(error)
                log.error("the store is kept in memory: %s (%s)", self.fault, error)  # noqa: TRY400 - said in full
                self._connection = self._in_memory()

    def close(self) -> None:
        with self._lock:
            self.look_after(at_once=True)
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written inside is kept together or not at all. May be nested; the outermost one commits.

        Raises NoSpace when it was not kept. If `moved` is another after that, it will be when it is tried again.
        """
        with self._lock:
            outermost = self._depth == 0
            self._depth += 1
            try:
                if outermost:
                    self.look_after()
                    self._connection.execute("BEGIN IMMEDIATE")
                yield
                if outermost:
                    self._connection.execute("COMMIT")
            except BaseException as error:
                if outermost:
                    with suppress(sqlite3.Error):
                        if self._connection.in_transaction:
                            self._connection.execute("ROLLBACK")
                    if isinstance(error, sqlite3.OperationalError) or _is_damage(error):
                        self._cope(error)
                        raise NoSpace(N_("The station's store can't be written (%(why)s)."), why=str(error)) from error
                raise
            finally:
                self._depth -= 1

    @property
    def moved(self) -> int:
        """How often all was moved: into memory, back to the disk, or out of a damaged file."""
        return self._moves

    def look_after(self, *, at_once: bool = False) -> None:
        """See whether the disk takes again what is kept in memory; every half minute at most, unless `at_once`."""
        with self._lock:
            if self.fault is None or (not at_once and time.monotonic() - self._looked_at < _LOOK_SECONDS):
                return
            self._looked_at = time.monotonic()
            try:
                disk = _open(self._path, self._schema)
            except sqlite3.Error as error:
                log.info("the store stays in memory: %s", error)
                return
            try:
                self._connection.backup(disk)
            except sqlite3.Error as error:
                disk.close()
                log.info("the store stays in memory: %s", error)
                return
            self._change_to(disk)
            self.fault = None
            log.warning("the store is back on the disk")

    def rows(self, statement: str, *values: object) -> list[tuple[str, ...]]:
        """What a query finds; also from a file that turns out to be damaged, as far as it can be read."""
        with self._lock:
            try:
                return list(self._connection.execute(statement, values))
            except sqlite3.DatabaseError as error:
                if self._depth or not (isinstance(error, sqlite3.OperationalError) or _is_damage(error)):
                    raise
                self._cope(error)
                return list(self._connection.execute(statement, values))

    def _cope(self, error: BaseException) -> None:
        """Move to where it goes on, if that is what helps."""
        if _is_damage(error):
            log.error("the store is damaged; it is put aside and begun anew: %s", error)
            with suppress(sqlite3.Error):
                self._connection.close()  # first, for on closing it takes away the log that has its name
            self._connection = self._put_aside()
            self._moves += 1
        elif self.fault is None and isinstance(error, sqlite3.OperationalError) and _code(error) not in _BUSY:
            self.fault = _fault_of(error)
            log.error("the store goes on in memory: %s (%s)", self.fault, error)
            memory = _connect(":memory:", self._schema)
            try:
                self._connection.backup(memory)
            except sqlite3.Error:
                _salvage(self._connection, memory)
            self._change_to(memory)

    def _change_to(self, other: sqlite3.Connection) -> None:
        former, self._connection = self._connection, other
        former.close()
        self._moves += 1
        self._looked_at = time.monotonic()

    def _put_aside(self) -> sqlite3.Connection:
        """A new file with what can be read of the damaged one, which is kept beside it."""
        self.damaged = True
        aside = self._path.with_name(self._path.name + ".damaged")
        try:
            for suffix in _SUFFIXES:
                part = self._path.with_name(self._path.name + suffix)
                with suppress(FileNotFoundError):
                    part.replace(aside.with_name(aside.name + suffix))
            fresh = _open(self._path, self._schema)
        except (OSError, sqlite3.Error) as error:
            log.error("there is no room for a new store: %s", error)  # noqa: TRY400 - said in full
            self.fault = DISK_READ_ONLY
            aside = aside if aside.exists() else self._path
            fresh = _connect(":memory:", self._schema)
        with suppress(sqlite3.Error), closing(_read_only(aside)) as damaged:
            _salvage(damaged, fresh)
        return fresh

    def _in_memory(self) -> sqlite3.Connection:
        """What lies in a file that can't be written, its log included."""
        memory = _connect(":memory:", self._schema)
        for place in (Path("/dev/shm"), Path(tempfile.gettempdir())):  # noqa: S108 - a folder of its own within
            with suppress(OSError, sqlite3.Error), tempfile.TemporaryDirectory(dir=place, prefix="loa-") as name:
                copy = Path(name) / self._path.name
                for suffix in ("", "-wal"):
                    part = self._path.with_name(self._path.name + suffix)
                    if part.exists():
                        copy.with_name(copy.name + suffix).write_bytes(part.read_bytes())
                with closing(sqlite3.connect(copy)) as there:
                    _salvage(there, memory)
                return memory
        with suppress(sqlite3.Error), closing(_read_only(self._path)) as there:
            _salvage(there, memory)
        return memory


def again(
    method: Callable[Concatenate[_Self, _Given], _Answer],
) -> Callable[Concatenate[_Self, _Given], _Answer]:
    """A method that writes, tried once more when the ledger has moved to where it can be written.

    Its arguments must be such that they can be read twice.
    """

    @functools.wraps(method)
    def twice(self: _Self, /, *values: _Given.args, **named: _Given.kwargs) -> _Answer:
        moved = self.moved
        try:
            return method(self, *values, **named)
        except NoSpace:
            if self._depth or self.moved == moved:
                raise
            return method(self, *values, **named)

    return twice


def _open(path: Path, schema: str) -> sqlite3.Connection:
    """The database, ready to be written and not damaged as far as can be seen. Raises sqlite3.DatabaseError."""
    connection = _connect(str(path), None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-512")
        connection.executescript(schema)
        # A database that can be read need not be one that can be written.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('opened', '')")
        connection.execute("COMMIT")
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != ("ok",):
            raise _damage(str(found))
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(name: str, schema: str | None) -> sqlite3.Connection:
    connection = sqlite3.connect(name, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    if schema is not None:
        connection.executescript(schema)
    return connection


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _salvage(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy row by row what can be read, each table from both its ends; tables that `target` lacks are left out."""
    tables = [name for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]
    for table in tables:
        for order in ("ASC", "DESC"):
            try:
                for row in source.execute(f"SELECT * FROM {table} ORDER BY rowid {order}"):  # noqa: S608 - our own names
                    places = ", ".join("?" * len(row))
                    with suppress(sqlite3.IntegrityError, sqlite3.OperationalError):
                        target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row)  # noqa: S608
                break
            except sqlite3.Error as error:
                log.warning("not all of %s could be read: %s", table, error)


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_damage(error: BaseException) -> bool:
    return isinstance(error, sqlite3.DatabaseError) and _code(error) in _DAMAGE


def _damage(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _fault_of(error: BaseException) -> str:
    return _FAULTS.get(_code(error), DISK_FAILING)
