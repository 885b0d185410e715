"""The audit log: nothing rewritten unseen, whoever writes."""

# ruff: noqa: PT012 - what raises is the end of the session

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import func, select
from village import NOW, Village, all_at_once

from core import audit
from core.audit import AuditEntry
from core.database import Database


def first_wrong(database: Database) -> int | None:
    with database.read() as session:
        return audit.verify(session)


def count(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(AuditEntry)).one()


@pytest.fixture
def tamper(village: Village) -> Callable[[str], None]:
    """Somebody with the file in their hands: triggers dropped, then a statement."""

    def run(statement: str) -> None:
        with closing(sqlite3.connect(Path(village.settings.home) / "loa.db", isolation_level=None)) as raw:
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f"DROP TRIGGER {name}")
            raw.executescript(statement)

    return run


def test_the_chain_of_an_installation_is_whole(database: Database):
    assert count(database) > 20
    assert first_wrong(database) is None


@pytest.mark.parametrize(
    "change",
    ["actor = 'somebody'", "action = 'nothing'", "subject = 'x'", "detail = '{}'", "at = '2020-01-01 00:00:00.000000'", "unit_id = NULL",
     "previous = digest", "digest = 'x'"],
)  # fmt: skip
def test_a_changed_entry_is_found(database: Database, tamper, change: str):
    tamper("UPDATE audit_entry SET " + change + " WHERE number = 7")  # noqa: S608
    assert first_wrong(database) == 7


def test_a_missing_entry_is_found(database: Database, tamper):
    tamper("DELETE FROM audit_entry WHERE number = 7")
    assert first_wrong(database) == 7


def test_a_missing_entry_is_found_also_when_the_numbers_are_closed_up(database: Database, tamper):
    tamper(
        "DELETE FROM audit_entry WHERE number = 7;"
        "UPDATE audit_entry SET number = -number WHERE number > 7; UPDATE audit_entry SET number = -number - 1 WHERE number < 0"
    )
    assert first_wrong(database) == 7


def test_a_missing_first_entry_is_found(database: Database, tamper):
    tamper("DELETE FROM audit_entry WHERE number = 1")
    assert first_wrong(database) == 1


def test_two_entries_that_changed_places_are_found(database: Database, tamper):
    tamper(
        "UPDATE audit_entry SET number = -7 WHERE number = 7; UPDATE audit_entry SET number = 7 WHERE number = 8;"
        "UPDATE audit_entry SET number = 8 WHERE number = -7"
    )
    assert first_wrong(database) == 7


def test_an_entry_put_in_between_is_found(database: Database, tamper):
    tamper(
        "UPDATE audit_entry SET number = -number - 1 WHERE number > 7; UPDATE audit_entry SET number = -number WHERE number < 0;"
        "INSERT INTO audit_entry SELECT 8, at, actor, 'invented', subject, unit_id, detail, digest, 'x' FROM audit_entry WHERE number = 7"
    )
    assert first_wrong(database) == 8


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET actor = 'x' WHERE number = 2", "DELETE FROM audit_entry WHERE number = 2"]
)
def test_the_database_itself_refuses_to_rewrite(database: Database, statement: str):
    with pytest.raises(IntegrityError, match="append-only"), database.write() as session:
        session.execute(text(statement))
    assert first_wrong(database) is None


def test_an_act_that_is_rolled_back_leaves_no_entry(database: Database):
    before = count(database)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        audit.record(session, actor="x", action="x", subject="x", now=NOW)
        raise ZeroDivisionError
    assert count(database) == before


def test_many_writers_keep_one_chain(database: Database):
    database.lock_timeout_seconds = 30

    def write() -> None:
        for number in range(15):
            with database.write() as session:
                audit.record(session, actor="x", action="x", subject=str(number), now=NOW, number=number)

    before = count(database)
    all_at_once(*[write] * 6)
    assert count(database) == before + 90
    assert first_wrong(database) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(detail=_json)
def test_whatever_the_detail_the_entry_is_verified_as_it_was_stored(database: Database, detail):
    with database.write() as session:
        audit.record(
            session, actor="người", action="x", subject="x", now=NOW.replace(microsecond=123_999), detail=detail
        )
    assert first_wrong(database) is None


def test_verifying_reads_page_by_page(database: Database, monkeypatch):
    monkeypatch.setattr(audit, "_PAGE", 3)
    assert first_wrong(database) is None


def walk_on(database: Database, at_most: int | None = None) -> audit.Walk:
    with database.write() as session:
        walk = audit.go_on(session, at_most)
        audit.keep_mark(session, walk, NOW)
        return walk


def test_verifying_goes_on_where_it_was_left(database: Database, monkeypatch):
    total = count(database)
    first = walk_on(database, 10)
    assert (first.number, first.broken, first.more) == (10, None, True)
    looked_at: list[int] = []
    digest = audit._digest
    monkeypatch.setattr(audit, "_digest", lambda entry: looked_at.append(entry.number) or digest(entry))
    rest = walk_on(database)
    assert (rest.number, rest.more) == (total, False)
    assert looked_at == [10, *range(11, total + 1)]  # the last one of before, and what is new


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit_entry SET actor = 'x' WHERE number = 12", 12),  # not walked yet
        ("UPDATE audit_entry SET actor = 'x' WHERE number = 10", 10),  # the one at the mark
        ("DELETE FROM audit_entry WHERE number = 4", 4),  # counted
        ("DELETE FROM audit_entry WHERE number >= 8", 8),  # the end cut off
    ],
)
def test_what_shows_when_going_on(database: Database, tamper, statement: str, broken: int):
    walk_on(database, 10)
    tamper(statement)
    assert walk_on(database).broken == broken
    assert walk_on(database).broken == broken  # each time, not only once


def test_a_change_of_what_was_walked_shows_when_all_is_walked_again(database: Database, tamper):
    noted = walk_on(database)
    tamper("UPDATE audit_entry SET actor = 'x' WHERE number = 4")
    assert walk_on(database).broken is None  # as the page says
    with database.write() as session:
        audit.forget_mark(session)
    assert walk_on(database).broken == 4
    with database.read() as session:
        assert audit.carries(session, noted.number, noted.digest)
        assert not audit.carries(session, noted.number, "0" * 64)
        assert not audit.carries(session, noted.number + 1, noted.digest)
