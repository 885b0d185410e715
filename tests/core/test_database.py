"""Two kinds of sessions and their promises."""

# ruff: noqa: DTZ001, PT012 - naive values are what some tests are about; what raises is the end of a session

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError
from sqlmodel import func, select
from village import NOW, Village, all_at_once

from core.changes import Change, announce, latest, prune, since
from core.database import Database, UtcDateTime
from core.errors import Busy, NoSpace
from registry.models import Unit


def rows(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(Change)).one()


def test_what_a_reading_session_changes_is_not_kept(database: Database):
    before = rows(database)
    with database.read() as session:
        session.add(Change(topic="now", audience=[], at=NOW))
        session.flush()
    assert rows(database) == before


def test_what_was_read_stays_usable_after_its_session(village: Village):
    with village.database.read() as session:
        unit = session.get_one(Unit, village.cast.units["hamlet_a1"])
    assert unit.code == "79.1.1"


def test_a_writing_session_commits_all_or_nothing(database: Database):
    before = rows(database)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        announce(session, "now", [], NOW)
        announce(session, "now", [], NOW)
        raise ZeroDivisionError
    assert rows(database) == before


def test_a_reader_sees_one_state_while_others_write(database: Database):
    with database.read() as session:
        before = session.exec(select(func.count()).select_from(Change)).one()
        with database.write() as other:
            announce(other, "now", [], NOW)
        assert session.exec(select(func.count()).select_from(Change)).one() == before
    assert rows(database) == before + 1


def test_a_lock_that_is_not_given_back_ends_in_busy_after_the_time_limit(village: Village):
    database, before = village.database, rows(village.database)
    database.lock_timeout_seconds = 0.3
    with closing(sqlite3.connect(village.settings.home / "loa.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(Busy), database.write() as session:
            announce(session, "now", [], NOW)
        assert 0.25 < time.monotonic() - begun < 3
        assert rows(database) == before
        other.execute("ROLLBACK")
    with database.write() as session:
        announce(session, "now", [], NOW)
    assert rows(database) == before + 1


def test_writers_wait_for_each_other_and_none_is_lost(database: Database):
    database.lock_timeout_seconds = 30
    before = rows(database)

    def write() -> None:
        for _ in range(20):
            with database.write() as session:
                announce(session, "now", [], NOW)

    all_at_once(*[write] * 6)
    assert rows(database) == before + 120


def test_a_read_only_file_is_told_as_no_space_and_not_as_a_fault(village: Village):
    with pytest.raises(NoSpace), village.database.write() as session:
        session.connection().exec_driver_sql("PRAGMA query_only=ON")
        session.execute(text("DELETE FROM change"))
    village.database.dispose()


def test_a_database_in_a_folder_that_is_gone_is_no_silent_new_one(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'loa.db'}")
    with pytest.raises(Exception, match="unable to open"), database.read():
        pass
    database.dispose()


instants = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))


@given(instants, st.integers(-14, 14))
def test_instants_come_back_from_the_column_as_they_went_in(instant: datetime, hours: int):
    kind = UtcDateTime()
    local = instant.astimezone(timezone(timedelta(hours=hours)))
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        back = kind.process_result_value(kind.process_bind_param(local, dialect), dialect)
        assert back == instant
        assert back.tzinfo is UTC


def test_naive_instants_are_refused(database: Database):
    with pytest.raises(StatementError, match="naive"), database.write() as session:
        session.add(Change(topic="now", audience=[], at=datetime(2026, 1, 1)))
        session.flush()


def test_old_changes_are_dropped_but_the_numbers_go_on(database: Database):
    with database.write() as session:
        announce(session, "now", ["b", "a", "a"], NOW)
        last = latest(session)
        prune(session, NOW + timedelta(days=30))
        assert latest(session) == last
        assert [row.audience for row in since(session, 0)] == [["a", "b"]]
        announce(session, "now", [], NOW)
        assert latest(session) == last + 1
