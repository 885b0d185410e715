"""Who did what and when: an append-only log whose rows are chained by their hashes."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, text
from sqlmodel import Field, Session, SQLModel, col, select

from core.clock import format_instant
from core.database import UtcDateTime

GENESIS = "0" * 64
_PAGE = 1_000


class AuditEntry(SQLModel, table=True):
    """One act. `digest` covers every column and the digest before it (SHA-256, canonical JSON)."""

    __tablename__ = "audit_entry"

    number: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    actor: str = Field(max_length=80)
    action: str = Field(max_length=60, index=True)
    subject: str = Field(max_length=80, index=True)
    unit_id: str | None = Field(default=None, max_length=40, index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    previous: str = Field(max_length=64)
    digest: str = Field(max_length=64, unique=True)


def _digest(entry: AuditEntry) -> str:
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


def verify(session: Session) -> int | None:
    """Walk the whole chain; return the number of the first entry that does not fit, or None if all do.

    A gap in the numbers, a changed column or a missing row all show. Memory is bounded: pages of 1,000.
    """
    previous, expected = GENESIS, 1
    for entry in _in_order(session):
        if entry.number != expected or entry.previous != previous or entry.digest != _digest(entry):
            return expected
        previous, expected = entry.digest, expected + 1
    return None


def _in_order(session: Session) -> Iterator[AuditEntry]:
    after = 0
    while True:
        page = session.exec(
            select(AuditEntry).where(col(AuditEntry.number) > after).order_by(col(AuditEntry.number)).limit(_PAGE)
        ).all()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].number or 0
