"""Marking what is on air and what is over. Stations need none of this: they hold their plans.

The marks follow the clock both ways. One that ran ahead has called over what has not begun yet; when it is set right,
the marks are set back, or a withdrawal would pass by what is still to sound, and what waits for its audio would be
given up for good.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, update
from sqlmodel import Session, col, or_, select

from core.wire import MAX_AIRING_SECONDS
from scheduler import troubles
from scheduler.models import Airing, AiringOutcome

# The clocks of two machines are never quite the same: so little is no clock that ran ahead.
SLACK = timedelta(seconds=30)
_CHUNK = 400
_LONGEST = timedelta(seconds=MAX_AIRING_SECONDS)


def anything_due(session: Session, now: datetime) -> bool:
    """Whether `dispatch` would change something: a look that takes no lock."""
    return session.exec(select(Airing.id).where(or_(_due(now), _too_early(now))).limit(1)).first() is not None


def next_due(session: Session, now: datetime) -> datetime | None:
    """The next instant at which time alone will bring `dispatch` something to do; None while nothing is to come."""
    begins = select(Airing.starts_at).where(Airing.state == "issued", col(Airing.starts_at) > now)
    ends = (
        select(Airing.ends_at).where(Airing.state == state, col(Airing.ends_at) > now).order_by(col(Airing.ends_at))
        for state in ("issued", "on_air", "planned")
    )
    queries = (begins.order_by(col(Airing.starts_at)), *ends)
    return min((at for query in queries for at in session.exec(query.limit(1)).all()), default=None)


def dispatch(session: Session, now: datetime) -> int:
    """Bring the states of airings up to the clock; returns how many steps were made."""
    return _set_back(session, now) + _step_on(session, now)


def _due(now: datetime) -> ColumnElement[bool]:
    # The bound on the end says nothing new; it lets the index pass by what lies further ahead.
    begun = (col(Airing.state) == "issued") & (col(Airing.starts_at) <= now) & (col(Airing.ends_at) <= now + _LONGEST)
    return begun | (col(Airing.state).in_(("on_air", "planned")) & (col(Airing.ends_at) <= now))


def _step_on(session: Session, now: datetime) -> int:
    # Why it was not signed says more than that it was not.
    why = case((col(Airing.reason).in_(("", "rendering")), "not_ready"), else_=col(Airing.reason))
    steps = (
        (("issued",), Airing.starts_at, {"state": "on_air"}),
        (("issued", "on_air"), Airing.ends_at, {"state": "over"}),
        (("planned",), Airing.ends_at, {"state": "failed", "reason": why}),
    )
    given_up = select(Airing.emergency_id, Airing.unit_id).where(
        Airing.state == "planned", col(Airing.ends_at) <= now, col(Airing.emergency_id).is_not(None)
    )
    for emergency_id, unit_id in session.exec(given_up).all():
        troubles.report(session, "emergency", emergency_id or "", "its audio was not ready in time", now, unit_id)
    changed = 0
    for before, instant, values in steps:
        result = session.execute(
            update(Airing)
            .where(col(Airing.state).in_(before), col(instant) <= now, col(Airing.ends_at) <= now + _LONGEST)
            .values(**values)
        )
        changed += result.rowcount  # type: ignore[attr-defined]
    return changed


def _too_early(now: datetime) -> ColumnElement[bool]:
    ahead = now + SLACK
    signed = (col(Airing.state) == "on_air") & (col(Airing.starts_at) > ahead)
    signed |= (col(Airing.state) == "over") & (col(Airing.ends_at) > ahead)
    # An alarm whose audio could not be made has failed at whatever time.
    given_up = (col(Airing.state) == "failed") & (col(Airing.ends_at) > ahead)
    given_up &= col(Airing.slot_id).is_not(None) | (col(Airing.reason) == "not_ready")
    gone = (col(Airing.state) == "withdrawn") & col(Airing.reconciled_at).is_not(None) & (col(Airing.ends_at) > ahead)
    return signed | given_up | gone


def _set_back(session: Session, now: datetime) -> int:
    rows = session.exec(select(Airing.id, Airing.emergency_id).where(_too_early(now))).all()
    ids = [airing_id for airing_id, _ in rows]
    troubles.clear(session, "emergency", [each for _, each in rows if each], now)
    for start in range(0, len(ids), _CHUNK):
        _set_right(session, ids[start : start + _CHUNK], now)
    return len(ids)


def _set_right(session: Session, ids: Sequence[str], now: datetime) -> None:
    session.execute(delete(AiringOutcome).where(col(AiringOutcome.airing_id).in_(ids)))
    state = case(
        (Airing.state == "withdrawn", "withdrawn"),  # type: ignore[arg-type]
        (Airing.state == "failed", "planned"),  # type: ignore[arg-type]
        (col(Airing.starts_at) > now, "issued"),
        else_="on_air",
    )
    reason = case((col(Airing.reason) == "not_ready", "rendering"), else_=col(Airing.reason))
    values = {"state": state, "reason": reason, "reconciled_at": None}
    session.execute(
        update(Airing).where(col(Airing.id).in_(ids)).values(**values).execution_options(synchronize_session=False)
    )
