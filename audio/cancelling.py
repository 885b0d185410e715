"""Cancelling the making of a clip."""

from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from audio import uploads
from audio.models import CANCELLED, QUEUED, RENDERING, Clip
from core import audit, changes
from core.database import Database
from core.errors import N_, Conflict, NotFound
from registry.models import Unit
from registry.rights import Actor, Permission


def cancel(session: Session, actor: Actor, clip_id: str, now: datetime) -> str | None:
    """Make a clip that is not ready yet no more: it is cancelled, and whoever renders it has lost it.

    Cancelling twice is cancelling once. Returns the name of its upload, for `uploads.remove` once this is committed
    (`cancel_clip` does both). Raises NotFound, Forbidden, and Conflict for what is ready or has failed, and for what
    an emergency waits for: that is stopped as an emergency.
    """
    clip = session.get(Clip, clip_id)
    unit = session.get(Unit, clip.unit_id) if clip else None
    if clip is None or unit is None:
        raise NotFound
    actor.require(Permission.WRITE, unit)
    if clip.state == CANCELLED:
        return None
    if clip.state not in (QUEUED, RENDERING):
        raise Conflict(N_("This audio is not being made any more; there is nothing to cancel."))
    if clip.urgent:
        raise Conflict(N_("This is being made for an emergency. Stop the emergency instead."))
    handed_in, clip.upload = clip.upload, None
    clip.state, clip.progress, clip.claimed_by, clip.claimed_until = CANCELLED, 0, None, None
    clip.error, clip.error_message, clip.error_params = "", "", {}
    session.add(clip)
    audit.record(
        session, actor=actor.username, action="clip.cancel", subject=clip.id, unit_id=unit.id, now=now,
        title=clip.title or clip.text[:120],
    )  # fmt: skip
    changes.announce(session, "timetable", [f"clip:{clip.id}"], now)
    return handed_in


def cancel_clip(database: Database, folder: Path, actor: Actor, clip_id: str, now: datetime) -> None:
    """`cancel` in a transaction of its own; then the upload goes from `folder`. Raises as `cancel` does."""
    with database.write() as session:
        handed_in = cancel(session, actor, clip_id, now)
    if handed_in:
        uploads.remove(folder, handed_in)
