"""The feed of changes that waiting processes follow: small numbered rows, read by polling.

A change names whom it concerns by internal names (`unit:un_…`, `group:gr_…`, `station:st_…`); an
empty audience means everybody. Readers reload what the topic stands for; a change carries no content.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import JSON, Column, delete, func, text
from sqlmodel import Field, Session, SQLModel, col, select

from core.database import UtcDateTime

Topic = Literal["registry", "timetable", "plan", "now", "keys"]
KEPT = timedelta(days=2)


class Change(SQLModel, table=True):
    __tablename__ = "change"
    __table_args__ = ({"sqlite_autoincrement": True},)

    seq: int | None = Field(default=None, primary_key=True)
    topic: str = Field(max_length=20)
    audience: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


def announce(session: Session, topic: Topic, audience: Sequence[str], now: datetime) -> None:
    """Add a change in the caller's transaction: readers see it exactly when they see what changed."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7102027)"))  # numbers become visible in order
    session.add(Change(topic=topic, audience=sorted(set(audience)), at=now))
    session.flush()


def latest(session: Session) -> int:
    return session.exec(select(func.max(Change.seq))).one() or 0


def since(session: Session, seq: int, limit: int = 1_000) -> Sequence[Change]:
    """Changes after `seq` in order, at most `limit`."""
    return session.exec(select(Change).where(col(Change.seq) > seq).order_by(col(Change.seq)).limit(limit)).all()


def prune(session: Session, now: datetime) -> None:
    """Drop what every reader has seen long ago; the newest row stays, so that numbers never start again."""
    session.execute(delete(Change).where(col(Change.at) < now - KEPT, col(Change.seq) < latest(session)))
