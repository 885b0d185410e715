"""Bookkeeping of the worker's jobs: who does what, and when it last went well."""

import os
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from scheduler.models import JobState

_MAX_ERROR = 500


def claim(session: Session, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Take a job for `lease`; False while another holder's lease runs. A compare-and-set, safe under any race.

    A lease that runs longer than one can is of a clock that was ahead: it holds nobody up.
    """
    _ensure(session, name)
    until = col(JobState.held_until)
    taken = session.execute(
        update(JobState)
        .where(
            col(JobState.name) == name,
            or_(until.is_(None), until < now, until > now + lease, col(JobState.holder) == holder),
        )
        .values(holder=holder, held_until=now + lease)
    )
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def release(session: Session, name: str, holder: str) -> None:
    """Give a job back before its lease is over; nothing happens when it is another's by now."""
    mine = col(JobState.name) == name, col(JobState.holder) == holder
    session.execute(update(JobState).where(*mine).values(holder=None, held_until=None))


def release_holder(session: Session, holder: str) -> None:
    """Give back every job that `holder` had: it is no more."""
    session.execute(update(JobState).where(col(JobState.holder) == holder).values(holder=None, held_until=None))


def holders(session: Session) -> set[str]:
    """Who holds a job."""
    return {holder for holder in session.exec(select(JobState.holder).distinct()).all() if holder}


def hold(session: Session, name: str, until: datetime) -> None:
    """Let nothing come of a job before `until`, whoever does it."""
    _ensure(session, name)
    session.execute(update(JobState).where(col(JobState.name) == name).values(holder=None, held_until=until))


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


def alive(holder: str) -> bool:
    """Whether the process that `holder` names (`host/pid/…`) runs on this machine and is another than this one."""
    try:
        pid = int(holder.split("/")[1])
        os.kill(pid, 0)
    except (IndexError, ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
