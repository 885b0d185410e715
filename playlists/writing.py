"""Housekeeping of what surrounds the writing of bulletins."""

from datetime import datetime

from sqlmodel import Session

from playlists import notes, presence, templates


def prune(session: Session, now: datetime) -> None:
    """Forget what nobody has saved for 30 days, who was editing yesterday, and templates deleted 30 days ago."""
    notes.prune(session, now)
    presence.prune(session, now)
    templates.prune(session, now)
