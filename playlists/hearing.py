"""Which clips a person may hear: those of units they see, in bulletins they see, and what was offered to them."""

from sqlmodel import Session, col, select

from audio.models import Clip
from core.errors import NotFound
from playlists import offered
from playlists.models import Bulletin, BulletinVersion, Rendition
from registry.models import Unit
from registry.rights import Actor, Permission


def find(session: Session, actor: Actor, clip_id: str) -> Clip:
    """A clip the actor may hear. Raises NotFound for every other."""
    clip = session.get(Clip, clip_id)
    if clip is None or not (
        _at_home(session, actor, clip)
        or _in_a_bulletin(session, actor, clip_id)
        or offered.may_hear(session, actor, clip_id)
    ):
        raise NotFound
    return clip


def _at_home(session: Session, actor: Actor, clip: Clip) -> bool:
    home = session.get(Unit, clip.unit_id)
    return home is not None and actor.may(Permission.SEE, home)


def _in_a_bulletin(session: Session, actor: Actor, clip_id: str) -> bool:
    """A recording of the unit above, for instance, in a bulletin of the unit here."""
    query = (
        select(Bulletin.id)
        .join(Unit, col(Unit.id) == Bulletin.unit_id)
        .join(BulletinVersion, col(BulletinVersion.bulletin_id) == Bulletin.id)
        .join(Rendition, col(Rendition.version_id) == BulletinVersion.id, isouter=True)
        .where(
            (col(BulletinVersion.clip_id) == clip_id) | (col(Rendition.clip_id) == clip_id),
            actor.within(Permission.SEE, col(Unit.path)),
        )
        .limit(1)
    )
    return session.exec(query).first() is not None
