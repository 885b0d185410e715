"""Who did what and when: an append-only log whose rows are chained by their hashes."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import JSON, Column, Index, Row, func, insert, text
from sqlalchemy import select as sa_select
from sqlmodel import Field, Session, SQLModel, col, select

from core.clock import format_instant
from core.database import UtcDateTime

GENESIS = "0" * 64
_PAGE = 1_000


class AuditEntry(SQLModel, table=True):
    """One act. `digest` covers every column and the digest before it (SHA-256, canonical JSON)."""

    __tablename__ = "audit_entry"
    # Each question people ask (when, who, what, about what, where) in the order they read it.
    __table_args__ = (
        Index("audit_entry_by_at", "at", "number"),
        Index("audit_entry_by_actor", "actor", "at", "number"),
        Index("audit_entry_by_action", "action", "at", "number"),
        Index("audit_entry_by_subject", "subject", "at", "number"),
        Index("audit_entry_by_unit_id", "unit_id", "at", "number"),
    )

    number: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    actor: str = Field(max_length=80)
    action: str = Field(max_length=60)
    subject: str = Field(max_length=80)
    unit_id: str | None = Field(default=None, max_length=40)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    previous: str = Field(max_length=64)
    digest: str = Field(max_length=64, unique=True)


class AuditMark(SQLModel, table=True):
    """How far the chain has been verified: up to entry `number`, whose digest was `digest`. One row.

    `begun_at` is when that walk began at the first entry, `looked_at` when it last went on.
    """

    __tablename__ = "audit_mark"

    id: int = Field(default=1, primary_key=True)
    number: int
    digest: str = Field(max_length=64)
    begun_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    looked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


def _digest(entry: AuditEntry | Row[Any] | SimpleNamespace) -> str:
    body = {
        "number": entry.number, "at": format_instant(entry.at), "actor": entry.actor, "action": entry.action,
        "subject": entry.subject, "unit": entry.unit_id, "detail": entry.detail, "previous": entry.previous,
    }  # fmt: skip
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    unit_id: str | None = None,
    now: datetime,
    **detail: Any,
) -> AuditEntry:
    """Append an act to the chain, in the caller's transaction, so that act and entry stand or fall together.

    `detail` must be plain JSON values. The instant is kept to the millisecond, as it is hashed.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7102026)"))
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(1)).first()
    entry = AuditEntry(
        number=(last.number or 0) + 1 if last else 1,
        at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        actor=actor,
        action=action,
        subject=subject,
        unit_id=unit_id,
        detail=json.loads(json.dumps(detail)),
        previous=last.digest if last else GENESIS,
        digest="",
    )
    entry.digest = _digest(entry)
    session.add(entry)
    session.flush()
    return entry


@dataclass(frozen=True)
class Act:
    """One of several acts that are recorded together; `detail` must be plain JSON values."""

    action: str
    subject: str
    unit_id: str | None
    detail: dict[str, Any]


def record_all(session: Session, *, actor: str, acts: Sequence[Act], now: datetime) -> None:
    """As `record` for each of `acts`, in order, in a number of statements that does not grow with theirs."""
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7102026)"))
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(1)).first()
    number, previous = (last.number or 0, last.digest) if last else (0, GENESIS)
    at, rows = now.replace(microsecond=now.microsecond // 1000 * 1000), []
    for act in acts:
        number += 1
        entry = SimpleNamespace(
            number=number, at=at, actor=actor, action=act.action, subject=act.subject, unit_id=act.unit_id,
            detail=act.detail, previous=previous,
        )  # fmt: skip
        previous = _digest(entry)
        rows.append({**vars(entry), "digest": previous})
    if rows:
        session.execute(insert(AuditEntry), rows)


@dataclass(frozen=True)
class Walk:
    """How far a walk along the chain has come: `number` entries fit, the last one with `digest`.

    `broken` is the number of the first entry that does not fit, None while all do; `more`: are there entries left?
    """

    number: int
    digest: str
    broken: int | None
    more: bool


def verify(session: Session) -> int | None:
    """Walk the whole chain; return the number of the first entry that does not fit, or None if all do.

    A gap in the numbers, a changed column or a missing row all show. Memory is bounded: pages of 1,000.
    """
    return _walk(session, 0, GENESIS, None).broken


def mark(session: Session) -> AuditMark | None:
    """How far the chain was found whole before; None when nobody has looked yet."""
    return session.get(AuditMark, 1)


def go_on(session: Session, at_most: int | None = None) -> Walk:
    """Walk on from the mark, over at most so many entries.

    Of what was walked before it looks whether the last entry is the one it was, and whether none is missing: a change
    of an older entry, made since it was walked, shows only when all is walked again (`forget_mark`). Whoever can
    rewrite the whole database can rewrite chain and mark: a digest noted elsewhere, such as on paper, tells even then.
    """
    known = mark(session)
    if known is None:
        return _walk(session, 0, GENESIS, at_most)
    last = session.get(AuditEntry, known.number)
    there = session.exec(select(func.count()).where(col(AuditEntry.number) <= known.number)).one()
    if there != known.number or last is None or last.digest != known.digest or _digest(last) != known.digest:
        again = _walk(session, 0, GENESIS, None)  # where it is; what was cut off at the end is broken after the last
        return Walk(0, GENESIS, again.broken or min(again.number + 1, known.number), more=False)
    return _walk(session, known.number, known.digest, at_most)


def keep_mark(session: Session, walk: Walk, now: datetime) -> None:
    """Remember how far a walk came. One that found a break is not remembered: it is found again each time."""
    if walk.broken is not None or not walk.number:
        return
    row = mark(session) or AuditMark(number=0, digest=GENESIS, begun_at=now, looked_at=now)
    if walk.number >= row.number:  # another process may have come further meanwhile
        row.number, row.digest, row.looked_at = walk.number, walk.digest, now
        session.add(row)


def carries(session: Session, number: int, digest: str) -> bool:
    """Whether this entry is there with this digest, such as one that was noted on paper."""
    entry = session.get(AuditEntry, number)
    return entry is not None and entry.digest == digest


def forget_mark(session: Session) -> None:
    """Let the next walk begin at the first entry."""
    row = mark(session)
    if row is not None:
        session.delete(row)


def _walk(session: Session, after: int, previous: str, at_most: int | None) -> Walk:
    number = after
    for entry in _in_order(session, after, at_most):
        if entry.number != number + 1 or entry.previous != previous or entry.digest != _digest(entry):
            return Walk(number, previous, number + 1, more=False)
        previous, number = entry.digest, number + 1
    more = session.exec(select(AuditEntry.number).where(col(AuditEntry.number) > number).limit(1)).first()
    return Walk(number, previous, None, more=more is not None)


def _in_order(session: Session, after: int, at_most: int | None) -> Iterator[Row[Any]]:
    table = AuditEntry.__table__  # type: ignore[attr-defined]
    left = at_most
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = session.execute(
            sa_select(table).where(table.c.number > after).order_by(table.c.number).limit(size)
        ).all()
        yield from page
        if len(page) < size:
            return
        after = page[-1].number
        left = None if left is None else left - len(page)
