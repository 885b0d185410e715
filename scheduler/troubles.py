"""What needs a person's hand: alarms that stand in the panel and in `loa doctor` until the matter is mended.

A row that the worker can't work with is set aside by its trouble: the rest goes on, the row itself is tried again when
somebody changes it, or now and then. Raising what stands already is no news; nor is clearing what does not stand.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlmodel import Session, col, select

from core.errors import N_, Busy, NoSpace
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler.models import Trouble

log = logging.getLogger(__name__)
SENTENCES: dict[str, str] = {
    "slot": N_("A slot can't be planned, and its new times will not sound. Open it and save it anew, or withdraw it."),
    "airing": N_("An airing can't be accounted for. It is tried again every hour."),
    "emergency": N_("An alarm could not be put on air. Raise it again with another text or recording."),
    "clip": N_("Audio that is needed could not be made. Open the bulletin and make it again, or change its text."),
    "report": N_("A station's report makes no sense and was not counted."),
    "command": N_("An order to a station makes no sense and was not given. Give it again."),
    "relay": N_(
        "A broadcast that is to be relayed soon is down or silent. What was chosen in its stead will play, or nothing; "
        "call the broadcaster, or change the programme."
    ),
    "source": N_("A source of alerts has not answered for some time. Nothing of it goes on air meanwhile."),
    "drill": N_("A drill could not be held. The page of drills says why."),
    "drill_plan": N_("Soon nobody answers for a drill any more. Open the page of drills: say that you do, or end it."),
    "notice": N_("A message to people could not be delivered. Look at who is told, and send a test."),
    "silence": N_("No station has been heard at all for some time. Look at the server's network first."),
}
AGAIN = timedelta(hours=1)  # what was set aside is tried again so often, for the reason may be gone
KEPT = timedelta(days=30)
ONLY_TOLD = ("emergency", "report", "command", "drill")  # these only tell what happened
_TOLD_FOR = timedelta(days=2)
# Not the row's fault: the whole job rests and is done again.
PASSING = (
    Busy, NoSpace, OperationalError, InterfaceError, InternalError, NoConnectionLeft, MemoryError, OSError,
)  # fmt: skip
_MOST_TEXT = 500
_CHUNK = 400


def describe(error: BaseException) -> str:
    """An error in a line, for whoever looks into it."""
    return f"{type(error).__name__}: {error}".replace("\x00", "").split("\n[SQL", 1)[0][:_MOST_TEXT]


def report(session: Session, kind: str, subject: str, what: str, now: datetime, unit_id: str | None = None) -> bool:
    """Raise a trouble; True when it is news, False when it stands already. News is logged, once."""
    row = session.get(Trouble, (kind, subject))
    if row is not None and row.cleared_at is None:
        row.seen_at, row.times, row.what = now, row.times + 1, what[:_MOST_TEXT]
        session.add(row)
        session.flush()
        return False
    if unit_id is not None and session.get(Unit, unit_id) is None:
        unit_id = None
    session.merge(
        Trouble(kind=kind, subject=subject, unit_id=unit_id, what=what[:_MOST_TEXT], since=now, seen_at=now, times=1)
    )
    session.flush()
    log.error("%s %s needs a person's hand: %s", kind, subject, what)
    return True


def clear(session: Session, kind: str, subjects: Iterable[str], now: datetime) -> int:
    """Say that these are mended; how many stood until now."""
    mended = 0
    ordered = sorted(set(subjects))
    for start in range(0, len(ordered), _CHUNK):
        standing = col(Trouble.subject).in_(ordered[start : start + _CHUNK]), col(Trouble.cleared_at).is_(None)
        done = session.execute(update(Trouble).where(Trouble.kind == kind, *standing).values(cleared_at=now))  # type: ignore[arg-type]
        mended += done.rowcount  # type: ignore[attr-defined]
    if mended:
        log.warning("%d × %s mended", mended, kind)
    return mended


def subjects(session: Session, kind: str, *, met_since: datetime | None = None) -> set[str]:
    """Subjects of standing troubles of a kind; with `met_since` those met at or after that instant."""
    query = select(Trouble.subject).where(Trouble.kind == kind, col(Trouble.cleared_at).is_(None))
    if met_since is not None:
        query = query.where(col(Trouble.seen_at) >= met_since)
    return set(session.exec(query).all())


def standing(session: Session, *, limit: int = 100) -> Sequence[Trouble]:
    """What stands, the newest first."""
    query = select(Trouble).where(col(Trouble.cleared_at).is_(None)).order_by(col(Trouble.since).desc())
    return session.exec(query.limit(limit)).all()


def visible(session: Session, actor: Actor, *, limit: int = 20) -> list[tuple[Trouble, Unit]]:
    """What stands in units that the actor may see, the newest first."""
    rows = session.exec(
        select(Trouble, Unit)
        .join(Unit, col(Unit.id) == Trouble.unit_id)
        .where(col(Trouble.cleared_at).is_(None), actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Trouble.since).desc(), col(Trouble.subject))
        .limit(limit)
    ).all()
    return [(trouble, unit) for trouble, unit in rows]


def prune(session: Session, now: datetime) -> None:
    """Clear what only told of something days ago, and forget what was mended a month ago."""
    told = col(Trouble.kind).in_(ONLY_TOLD), col(Trouble.cleared_at).is_(None)
    session.execute(update(Trouble).where(*told, col(Trouble.seen_at) < now - _TOLD_FOR).values(cleared_at=now))
    session.execute(delete(Trouble).where(col(Trouble.cleared_at) < now - KEPT))
