"""Whether anybody, in whatever process, has committed something since one last asked: far cheaper than to look.

Processes that follow the database by looking into it now and then ask here first, and look only when there can be
something new.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from core.database import Database

# Counts the commits of all others, of this process too, as this connection sees them.
_SQLITE = "PRAGMA data_version"
# What is visible now: the same text means the very same contents (of all databases of that server).
_POSTGRESQL = "SELECT pg_current_snapshot()::text"


class Stirrings:
    """Holds one connection of its own to ask on. Safe under threads."""

    def __init__(
        self, database: Database, *, good_for_seconds: float = 0.1, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Of a database server, where asking is a round trip, a mark is good for so long."""
        self._database = database
        self._good_for = 0.0 if database.is_sqlite else good_for_seconds
        self._monotonic = monotonic
        self._last: tuple[object, float] | None = None
        self._lock = threading.Lock()
        self._connection: Any = None
        self._number = 0
        self._is_closed = False

    def mark(self) -> object:
        """Equal marks mean that nothing was committed in between. Where that can't be told, one that equals no other.

        Never raises: whoever looks then meets what is wrong with the database.
        """
        with self._lock:
            if self._is_closed:
                return object()
            if self._last is not None and self._monotonic() - self._last[1] < self._good_for:
                return self._last[0]
            asked_at = self._monotonic()
            try:
                if self._connection is None:
                    self._connection = self._connect()
                    self._number += 1
                cursor = self._connection.cursor()
                try:
                    cursor.execute(_SQLITE if self._database.is_sqlite else _POSTGRESQL)
                    mark = self._number, cursor.fetchone()[0]
                finally:
                    cursor.close()
            except (SQLAlchemyError, self._database.engine.dialect.loaded_dbapi.Error):
                self._drop()
                return object()
            self._last = mark, asked_at
            return mark

    def close(self) -> None:
        """Give the connection up, for good."""
        with self._lock:
            self._is_closed = True
            self._drop()

    def _connect(self) -> Any:
        held = self._database.engine.raw_connection()
        connection: Any = held.driver_connection
        held.detach()  # it is nobody else's until it is closed
        if not self._database.is_sqlite:
            connection.autocommit = True
        return connection

    def _drop(self) -> None:
        connection, self._connection, self._last = self._connection, None, None
        if connection is not None:
            with suppress(self._database.engine.dialect.loaded_dbapi.Error):
                connection.close()
