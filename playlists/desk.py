"""What waits on a person's desk: bulletins to approve, their own unfinished ones, recordings to choose from."""

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from audio.models import RECORDING, Clip
from playlists import approval_rules, offered
from playlists.approval_models import Approval, ApprovalRule
from playlists.models import Bulletin, BulletinVersion
from registry.models import Unit
from registry.rights import Actor, Permission

Row = tuple[Bulletin, Unit, BulletinVersion, Clip]
LIMIT = 20
_MORE = 5


def to_approve(session: Session, actor: Actor, limit: int = LIMIT) -> list[Row]:
    """Submitted bulletins that the actor may decide on, the oldest first; not their own, except for administrators."""
    query = _latest().where(BulletinVersion.state == "submitted", _decides(actor))
    query = query.order_by(col(BulletinVersion.submitted_at), col(Bulletin.id))
    if not _any_rule(session):
        return _rows(session, query.limit(limit))
    # What a rule leaves to others is not on this person's desk: some more are read than are wanted.
    return _by_rules(session, actor, _rows(session, query.limit(limit * _MORE)))[:limit]


def count_to_approve(session: Session, actor: Actor, most: int = LIMIT) -> int:
    """How many bulletins `to_approve` would list, counted up to `most`; every page of an approver asks this."""
    if _any_rule(session):
        return len(to_approve(session, actor, most))
    found = _latest().where(BulletinVersion.state == "submitted", _decides(actor)).with_only_columns(col(Bulletin.id))
    return session.exec(select(func.count()).select_from(found.limit(most).subquery())).one()


def _decides(actor: Actor) -> ColumnElement[bool]:
    own = (col(BulletinVersion.written_by) == actor.id) | (col(BulletinVersion.submitted_by) == actor.id)
    done = select(Approval.version_id).where(Approval.version_id == BulletinVersion.id, Approval.person_id == actor.id)
    return (
        actor.within(Permission.APPROVE, col(Unit.path))
        & (~own | actor.within(Permission.ADMINISTER, col(Unit.path)))
        & ~done.exists()
    )


def _any_rule(session: Session) -> bool:
    return session.exec(select(ApprovalRule.unit_id).limit(1)).first() is not None


def _by_rules(session: Session, actor: Actor, rows: list[Row]) -> list[Row]:
    """Of these what the rules of their units let the actor approve. Two queries."""
    rules = approval_rules.held_at(session, [unit for _, unit, _, _ in rows])
    given: dict[str, list[Approval]] = {}
    ids = [version.id for _, _, version, _ in rows]
    for row in session.exec(select(Approval).where(col(Approval.version_id).in_(ids))).all():
        given.setdefault(row.version_id, []).append(row)
    return [
        row for row in rows
        if not approval_rules.verdict(rules[row[1].id], actor, row[1], row[2], given.get(row[2].id, ())).why_not
    ]  # fmt: skip


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
        select(BulletinVersion.id)
        .join(Bulletin, col(Bulletin.id) == BulletinVersion.bulletin_id)
        .where(BulletinVersion.clip_id == Clip.id, col(BulletinVersion.number) == Bulletin.approved)
        .exists()
    )
    rows = session.exec(
        select(Clip, Unit)
        .join(Unit, col(Unit.id) == Clip.unit_id)
        .where(
            Clip.kind == RECORDING,
            Clip.state == "ready",
            approved,
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
    return offered.titles(session, actor, bulletin_ids) | dict(session.exec(query).all())


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
