"""What of a planned airing is not going to sound, by title, and why."""

from sqlmodel import Session, col, select

from audio.models import Clip
from playlists import desk
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler.models import Airing

_MOST = 100


def titles(session: Session, actor: Actor, airing: Airing) -> tuple[tuple[str, str], ...]:
    """Title and reason of each item that is left out; the title is empty for what the actor may not see."""
    rows = [(str(name), str(why)) for name, why in airing.left_out[:_MOST]]
    if not rows:
        return ()
    known = desk.titles(session, actor, [name for name, _ in rows])
    query = (
        select(Clip.id, Clip.title)
        .join(Unit, col(Unit.id) == Clip.unit_id)
        .where(col(Clip.id).in_([name for name, _ in rows]), actor.within(Permission.SEE, col(Unit.path)))
    )
    known |= dict(session.exec(query).all())
    # A relay is known by its title, which whoever sees the airing sees anyway.
    return tuple((known.get(name, "" if name.startswith(("bu_", "cl_")) else name), why) for name, why in rows)
