"""The queue of clips: claimed by a worker, finished, failed or given back.

A worker claims a clip by a compare-and-set update for some seconds, extends that lease with each report of progress,
and finishes or fails it only while the claim is still its own. A lease that ran out is claimed again; after six
tries without an answer the clip has failed. No transaction is open while it is rendered.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Delete, Update, delete, func, true, update
from sqlmodel import Session, col, select

from audio.models import FAILED, QUEUED, READY, RENDERING, Clip, ClipShape
from audio.rendered import Rendered
from core.errors import N_, LoaError

MOST_ATTEMPTS = 3
DEFAULT_LEASE_SECONDS = 60.0
_RETRY_SECONDS = 20.0
_FIRST_REST_SECONDS = 0.5
_TRIES_TO_CLAIM = 20
# Of one clip. A worker may be killed for reasons that are not the clip's; one that kills its worker each time must end.
MOST_DEATHS = 6
_FURTHEST = timedelta(minutes=30)
_KILLED = N_("The worker died %(times)s times while it rendered this; it is not tried again by itself.")


def _changed(session: Session, statement: Update | Delete) -> bool:
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE gives
    return result.rowcount == 1


def claim_next(
    session: Session,
    holder: str,
    now: datetime,
    *,
    urgent_only: bool = False,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
    stand_back: timedelta = timedelta(0),
) -> Clip | None:
    """Take the next clip for rendering: urgent first, then what is due first, then the oldest. None when there is none.

    Urgent ones are left for so long as `stand_back` to the worker that does nothing else.

    What is to better a clip that can sound as it is comes after all others. A lease that has run out counts as
    queued. If another worker is quicker with one clip, the next is tried.
    """
    query = select(Clip).where(claimable(now), left_for(now, stand_back))
    if urgent_only:
        query = query.where(col(Clip.urgent).is_(True))
    query = query.order_by(
        col(Clip.urgent).desc(), col(Clip.replaces).is_not(None), col(Clip.due_at).is_(None), col(Clip.due_at),
        col(Clip.created_at), col(Clip.id),
    ).limit(1)  # fmt: skip
    for _ in range(_TRIES_TO_CLAIM):
        clip = session.exec(query.execution_options(populate_existing=True)).first()
        if clip is None:
            return None
        if clip.state == RENDERING and clip.attempts >= MOST_DEATHS:
            _changed(session, _unchanged(clip).values(**_killed(clip)))
            continue
        taken = _unchanged(clip).values(
            state=RENDERING, claimed_by=holder, claimed_until=now + timedelta(seconds=lease_seconds),
            attempts=clip.attempts + 1, progress=0, error="", error_message="", error_params={},
        )  # fmt: skip
        if _changed(session, taken):
            session.refresh(clip)
            return clip
    return None


def claimable(now: datetime) -> ColumnElement[bool]:
    """Clips that wait for a worker. A claim or a rest longer than there are any is of a clock that was ahead."""
    until = col(Clip.claimed_until)
    over = (until <= now) | (until > now + _FURTHEST)
    waiting = (col(Clip.state) == QUEUED) & (until.is_(None) | over)
    return waiting | ((col(Clip.state) == RENDERING) & over)


def anything_waits(
    session: Session, now: datetime, *, urgent_only: bool = False, stand_back: timedelta = timedelta(0)
) -> bool:
    """Whether `claim_next` would find something: a look that takes no lock."""
    query = select(Clip.id).where(claimable(now), left_for(now, stand_back))
    if urgent_only:
        query = query.where(col(Clip.urgent).is_(True))
    return session.exec(query.limit(1)).first() is not None


def next_over(session: Session, now: datetime) -> datetime | None:
    """When the next claim or rest of a clip runs out; None where there is none."""
    running = col(Clip.state).in_((QUEUED, RENDERING)) & (col(Clip.claimed_until) > now)
    return session.exec(select(func.min(Clip.claimed_until)).where(running)).one()


def left_for(now: datetime, stand_back: timedelta) -> ColumnElement[bool]:
    """Clips that are anybody's: all but urgent ones that are wanted since less than `stand_back`."""
    if not stand_back:
        return true()
    wanted_at = func.coalesce(col(Clip.due_at), col(Clip.created_at))
    return col(Clip.urgent).is_(False) | (wanted_at <= now - stand_back) | (wanted_at > now)


def _unchanged(clip: Clip) -> Update:
    """An update of `clip` that does nothing if somebody changed its state or claim since it was read."""
    return (
        update(Clip)
        .where(col(Clip.id) == clip.id, col(Clip.state) == clip.state, col(Clip.attempts) == clip.attempts)
        .where(col(Clip.claimed_by).is_not_distinct_from(clip.claimed_by))
        .where(col(Clip.claimed_until).is_not_distinct_from(clip.claimed_until))
    )


def _holding(clip_id: str, holder: str) -> list[ColumnElement[bool]]:
    return [col(Clip.id) == clip_id, col(Clip.state) == RENDERING, col(Clip.claimed_by) == holder]


def _held(clip_id: str, holder: str) -> Update:
    return update(Clip).where(*_holding(clip_id, holder))


def is_held(session: Session, clip_id: str, holder: str) -> bool:
    """Whether `holder` still renders the clip: nobody took it over, cancelled or deleted it. Takes no lock."""
    return session.exec(select(Clip.id).where(*_holding(clip_id, holder))).first() is not None


def report_progress(
    session: Session,
    clip_id: str,
    holder: str,
    percent: int,
    now: datetime,
    *,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
) -> bool:
    """Say how far rendering is (0 to 100) and extend the lease; False when the claim is no longer `holder`'s."""
    return _changed(
        session,
        _held(clip_id, holder).values(
            progress=max(0, min(100, percent)), claimed_until=now + timedelta(seconds=lease_seconds)
        ),
    )


def finish(session: Session, clip_id: str, holder: str, rendered: Rendered, now: datetime) -> bool:
    """Store the result with its pictures; False, and nothing changed, when the claim is no longer `holder`'s."""
    files_ = rendered.files
    done = _changed(
        session,
        _held(clip_id, holder).values(
            state=READY, progress=100, claimed_by=None, claimed_until=None, ready_at=now,
            error="", error_message="", error_params={},
            seconds=rendered.seconds, lufs=rendered.lufs, true_peak_db=rendered.true_peak_db,
            spoken_by=rendered.spoken_by, degraded=rendered.degraded,
            mp3_sha256=files_.mp3.sha256, mp3_bytes=files_.mp3.bytes,
            opus_sha256=files_.opus.sha256, opus_bytes=files_.opus.bytes,
            warnings=[asdict(remark) for remark in rendered.warnings],
        ),
    )  # fmt: skip
    if done:
        session.merge(ClipShape(clip_id=clip_id, as_heard=rendered.as_heard, as_recorded=rendered.as_recorded))
        session.flush()
    return done


def fail(session: Session, clip_id: str, holder: str, error: LoaError, now: datetime, *, retry: bool = False) -> bool:
    """Note why rendering failed; with `retry` it is queued again, up to three tries, a little later each time.

    One that was to better another is simply deleted: the other still sounds, and may be bettered later.
    False, and nothing changed, when the claim is no longer `holder`'s.
    """
    clip = session.get(Clip, clip_id, populate_existing=True)
    if clip is None:
        return False
    if clip.replaces:
        return _changed(session, delete(Clip).where(*_holding(clip_id, holder)))
    again = retry and clip.attempts < MOST_ATTEMPTS
    params = {
        name: value if isinstance(value, str | int | float) else str(value) for name, value in error.params.items()
    }
    return _changed(
        session,
        _held(clip_id, holder).values(
            state=QUEUED if again else FAILED, claimed_by=None, progress=0,
            claimed_until=now + timedelta(seconds=_RETRY_SECONDS * clip.attempts) if again else None,
            error=str(error), error_message=error.message, error_params=params,
        ),
    )  # fmt: skip


def release(session: Session, holder: str) -> int:
    """Give back everything `holder` has claimed, without counting the try: a worker that shuts down in order."""
    held = session.exec(select(Clip).where(Clip.state == RENDERING, Clip.claimed_by == holder)).all()
    statements = [
        _held(clip.id, holder).values(
            state=QUEUED, claimed_by=None, claimed_until=None, progress=0, attempts=max(0, clip.attempts - 1)
        )
        for clip in held
    ]
    return sum(_changed(session, statement) for statement in statements)


def release_dead(session: Session, holder: str, now: datetime) -> int:
    """Give back what a worker that was killed had claimed. The try counts: it may be the clip that killed it.

    The first two times at once, then after a rest that doubles, at last not at all.
    """
    held = session.exec(select(Clip).where(Clip.state == RENDERING, Clip.claimed_by == holder)).all()
    return sum(_changed(session, _given_back(clip, holder, now)) for clip in held)


def _given_back(clip: Clip, holder: str, now: datetime) -> Update:
    if clip.attempts >= MOST_DEATHS:
        return _held(clip.id, holder).values(**_killed(clip))
    rest = timedelta(seconds=0 if clip.attempts < MOST_ATTEMPTS else _FIRST_REST_SECONDS * 2.0**clip.attempts)
    until = now + rest if rest else None
    return _held(clip.id, holder).values(state=QUEUED, claimed_by=None, claimed_until=until, progress=0)


def _killed(clip: Clip) -> dict[str, Any]:
    params = {"times": clip.attempts}
    said = {"error": _KILLED % params, "error_message": _KILLED, "error_params": params}
    return {"state": FAILED, "claimed_by": None, "claimed_until": None, "progress": 0, **said}
