"""A bulletin put at the end of a programme that is there already, and taken out again, without touching the rest."""

from datetime import datetime

from sqlmodel import Session

from core import audit, changes
from core.errors import N_, Conflict
from core.ids import new_id
from playlists import offered, programmes
from playlists.models import Programme, ProgrammeItem
from registry.rights import Actor, Permission


def append(session: Session, actor: Actor, programme_id: str, bulletin_id: str, now: datetime) -> Programme:
    """Let a programme say one bulletin more, before its closing tune and its fills.

    Raises NotFound, Forbidden for who doesn't schedule there, Conflict where it is in already or nothing more fits.
    """
    programme, unit = programmes.find(session, actor, programme_id)
    actor.require(Permission.SCHEDULE, unit)
    bulletin = offered.find(session, actor, bulletin_id, unit)
    items = list(programmes.items(session, programme.id))
    if any(item.bulletin_id == bulletin.id for item in items):
        raise Conflict(N_("The bulletin is in “%(title)s” already."), title=programme.title)
    if len(items) >= programmes.MAX_ITEMS:
        raise Conflict(N_("“%(title)s” is full."), title=programme.title)
    place = len(items)
    while place > 1 and items[place - 1].role:
        place -= 1
    for position, item in enumerate(items):
        item.position = position if position < place else position + 1
        session.add(item)
    session.add(
        ProgrammeItem(
            id=new_id("pi"), programme_id=programme.id, position=place, kind="bulletin", bulletin_id=bulletin.id
        )
    )
    session.flush()
    _note(session, actor, programme, "programme.append", bulletin.id, now)
    return programme


def take_out(session: Session, actor: Actor, programme_id: str, bulletin_id: str, now: datetime) -> bool:
    """Take the bulletin out of the programme; False where it was not in, or is all that is in it."""
    programme, unit = programmes.find(session, actor, programme_id)
    actor.require(Permission.SCHEDULE, unit)
    items = list(programmes.items(session, programme.id))
    gone = [item for item in items if item.bulletin_id == bulletin_id]
    if not gone or len(gone) == len(items):
        return False
    for item in gone:
        session.delete(item)
    session.flush()
    for position, item in enumerate(each for each in items if each not in gone):
        item.position = position
        session.add(item)
    session.flush()
    _note(session, actor, programme, "programme.take_out", bulletin_id, now)
    return True


def _note(session: Session, actor: Actor, programme: Programme, action: str, bulletin: str, now: datetime) -> None:
    audit.record(
        session, actor=actor.username, action=action, subject=programme.id, unit_id=programme.unit_id, now=now,
        title=programme.title, bulletin=bulletin,
    )  # fmt: skip
    changes.announce(session, "timetable", [f"programme:{programme.id}"], now)
