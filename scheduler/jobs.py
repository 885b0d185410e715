"""Bookkeeping of the worker's jobs: who does what, and when it last went well."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from scheduler.models import JobState

_MAX_ERROR = 500


def claim(session: Session, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Take a job for `lease`; False while another holder's lease runs. A compare-and-set, safe under any race."""
    _ensure(session, name)
    taken = session.execute(
        update(JobState)
        .where(
            col(JobState.name) == name,
            or_(col(JobState.held_until).is_(None), col(JobState.held_until) < now, col(JobState.holder) == holder),
        )
        .values(holder=holder, held_until=now + lease)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def went_well(session: Session, name: str, now: datetime) -> None:
    _ensure(session, name)
    session.execute(update(JobState).where(col(JobState.name) == name).values(succeeded_at=now, error=""))


def went_wrong(session: Session, name: str, error: str, now: datetime) -> None:
    _ensure(session, name)
    values = {"failed_at": now, "error": error[:_MAX_ERROR]}
    session.execute(update(JobState).where(col(JobState.name) == name).values(**values))


def every(session: Session) -> list[JobState]:
    return list(session.exec(select(JobState).order_by(JobState.name)).all())


def _ensure(session: Session, name: str) -> None:
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    session.execute(insert(JobState).values(name=name, error="").on_conflict_do_nothing())
