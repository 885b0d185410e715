"""What waits on a person's desk: bulletins to approve, their own unfinished ones, recordings to choose from."""

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from audio.models import RECORDING, Clip
from playlists.models import Bulletin, BulletinVersion
from registry.models import Unit
from registry.rights import Actor, Permission

Row = tuple[Bulletin, Unit, BulletinVersion, Clip]
LIMIT = 20


def to_approve(session: Session, actor: Actor, limit: int = LIMIT) -> list[Row]:
    """Submitted bulletins that the actor may decide on, the oldest first; not their own, except for administrators."""
    own = (col(BulletinVersion.written_by) == actor.id) | (col(BulletinVersion.submitted_by) == actor.id)
    condition = actor.within(Permission.APPROVE, col(Unit.path)) & (
        ~own | actor.within(Permission.ADMINISTER, col(Unit.path))
    )
    query = _latest().where(BulletinVersion.state == "submitted", condition)
    return _rows(session, query.order_by(col(BulletinVersion.submitted_at), col(Bulletin.id)).limit(limit))


def unfinished(session: Session, actor: Actor, limit: int = LIMIT) -> list[Row]:
    """The actor's own drafts and what came back rejected, the newest first."""
    query = _latest().where(
        BulletinVersion.written_by == actor.id,
        col(BulletinVersion.state).in_(("draft", "rejected")),
        actor.within(Permission.SEE, col(Unit.path)),
    )
    return _rows(session, query.order_by(col(BulletinVersion.written_at).desc()).limit(limit))


def recordings(session: Session, actor: Actor, permission: Permission, limit: int = 100) -> list[tuple[Clip, Unit]]:
    """Ready recordings that sound in an approved bulletin, where the actor holds `permission`, the newest first."""
    approved = (
        select(BulletinVersion.clip_id)
        .join(Bulletin, col(Bulletin.id) == BulletinVersion.bulletin_id)
        .where(col(BulletinVersion.number) == Bulletin.approved)
    )
    rows = session.exec(
        select(Clip, Unit)
        .join(Unit, col(Unit.id) == Clip.unit_id)
        .where(
            Clip.kind == RECORDING,
            Clip.state == "ready",
            col(Clip.id).in_(approved),
            actor.within(permission, col(Unit.path)),
        )
        .order_by(col(Clip.created_at).desc())
        .limit(limit)
    ).all()
    return [(clip, unit) for clip, unit in rows]


def titles(session: Session, actor: Actor, bulletin_ids: list[str]) -> dict[str, str]:
    """Titles of those of these bulletins (at most a programme's worth) that the actor may see, by id."""
    query = (
        select(Bulletin.id, BulletinVersion.title)
        .join(BulletinVersion, col(BulletinVersion.bulletin_id) == Bulletin.id)
        .join(Unit, col(Unit.id) == Bulletin.unit_id)
        .where(
            col(BulletinVersion.number) == Bulletin.latest,
            col(Bulletin.id).in_(bulletin_ids),
            actor.within(Permission.SEE, col(Unit.path)),
        )
    )
    return dict(session.exec(query).all())


def _latest() -> "Select[Bulletin, Unit, BulletinVersion, Clip]":
    return (
        select(Bulletin, Unit, BulletinVersion, Clip)
        .join(Unit, col(Unit.id) == Bulletin.unit_id)
        .join(
            BulletinVersion,
            (col(BulletinVersion.bulletin_id) == Bulletin.id) & (col(BulletinVersion.number) == Bulletin.latest),
        )
        .join(Clip, col(Clip.id) == BulletinVersion.clip_id)
    )


def _rows(session: Session, query: "Select[Bulletin, Unit, BulletinVersion, Clip]") -> list[Row]:
    return [(bulletin, unit, version, clip) for bulletin, unit, version, clip in session.exec(query).all()]
