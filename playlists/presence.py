"""Who has the form of a bulletin open at this moment, so that two people at one text know of each other."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from playlists.writing_models import EditingPresence
from registry.models import Person
from registry.rights import Actor

# A page gives a sign of life every few seconds; one that has been silent for as long as this is closed.
GONE = timedelta(seconds=30)
_FORGOTTEN = timedelta(days=1)
_MOST = 5


def beat(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> EditingPresence:
    """The actor's page is open still. After a silence it counts as opened anew."""
    row = session.get(EditingPresence, (bulletin_id, actor.id))
    if row is None:
        row = EditingPresence(bulletin_id=bulletin_id, person_id=actor.id, since=now, seen_at=now)
    elif now - row.seen_at > GONE:
        row.since = now
    row.seen_at = now
    session.add(row)
    session.flush()
    return row


def leave(session: Session, actor: Actor, bulletin_id: str) -> None:
    """The actor's page is closed, or what was written in it is saved."""
    row = session.get(EditingPresence, (bulletin_id, actor.id))
    if row is not None:
        session.delete(row)
        session.flush()


def others(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> Sequence[tuple[str, datetime]]:
    """Names of the others who have it open, with since when, who came first first; at most five."""
    query = (
        select(Person.name, EditingPresence.since)
        .join(Person, col(Person.id) == EditingPresence.person_id)
        .where(
            EditingPresence.bulletin_id == bulletin_id,
            EditingPresence.person_id != actor.id,
            col(EditingPresence.seen_at) >= now - GONE,
        )
    )
    return session.exec(query.order_by(col(EditingPresence.since)).limit(_MOST)).all()


def prune(session: Session, now: datetime) -> int:
    """Forget who was there yesterday; how many rows went."""
    gone = session.execute(delete(EditingPresence).where(col(EditingPresence.seen_at) < now - _FORGOTTEN))
    return int(getattr(gone, "rowcount", 0))
