"""Audio that somebody needs and that could not be made: a trouble while that is so, cleared when it is mended."""

from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from audio.models import FAILED, Clip
from core.database import Database
from playlists.models import BulletinVersion, ProgrammeItem, Rendition
from scheduler import troubles
from scheduler.prepared_models import PreparedMessage, PreparedVersion

_MOST = 200


def tell(database: Database, now: datetime) -> int:
    """Raise what is new, clear what is mended or needed no more; returns how many were raised."""
    with database.read() as session:
        failed = {
            identity: (unit_id, error or "no reason was kept")
            for identity, unit_id, error in session.exec(
                select(Clip.id, Clip.unit_id, Clip.error)
                .where(Clip.state == FAILED, col(Clip.replaces).is_(None), _needed(now))
                .order_by(col(Clip.id).desc())
                .limit(_MOST)
            ).all()
        }
        known = troubles.subjects(session, "clip")
    new, mended = failed.keys() - known, known - failed.keys()
    if not new and not mended:
        return 0
    with database.write() as session:
        for identity in sorted(new):
            unit_id, error = failed[identity]
            troubles.report(session, "clip", identity, error, now, unit_id)
        troubles.clear(session, "clip", mended, now)
    return len(new)


def _needed(now: datetime) -> ColumnElement[bool]:
    """Bulletins that are submitted or approved and have not run out say it, or a programme plays it."""
    in_use = col(BulletinVersion.state).in_(("submitted", "approved")) & or_(
        col(BulletinVersion.valid_until).is_(None), col(BulletinVersion.valid_until) > now
    )
    said = select(BulletinVersion.clip_id).where(in_use)
    of_rendition = select(Rendition.clip_id).join(BulletinVersion, col(BulletinVersion.id) == Rendition.version_id)
    played = select(ProgrammeItem.clip_id).where(col(ProgrammeItem.clip_id).is_not(None))
    living = select(PreparedMessage.id).where(col(PreparedMessage.retired_at).is_(None))
    kept = select(PreparedVersion.clip_id).where(col(PreparedVersion.message_id).in_(living))
    rendered = of_rendition.where(in_use)
    return or_(*(col(Clip.id).in_(wanted) for wanted in (kept, said, rendered, played)))
