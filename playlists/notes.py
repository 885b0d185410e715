"""What a person typed into the form of a bulletin and has not saved yet: kept for them alone, until they save it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from core.errors import N_, TooLarge
from playlists.writing_models import DraftNote
from registry.rights import Actor

MOST_BYTES = 100_000
MOST_NEW = 20
MOST_FORM_CHARS = 60
KEPT = timedelta(days=30)
NEW = "new-"
_SAVED = "saved:"


def keep(
    session: Session, actor: Actor, form: str, fields: Mapping[str, str], *, base: str = "", now: datetime
) -> DraftNote:
    """Keep `fields` as what the actor has typed into `form`, instead of what was kept before.

    `form` is the id of a bulletin, or begins with `new-`; of new ones the 20 newest stay. Who may write there is the
    caller's business. Raises TooLarge past 100,000 bytes.
    """
    filled = {name: value for name, value in fields.items() if value}
    if len(json.dumps(filled, ensure_ascii=False).encode("utf-8", "replace")) > MOST_BYTES:
        raise TooLarge(N_("There is too much text to be kept while you type. Save the bulletin, or split it in two."))
    note = session.get(DraftNote, (actor.id, form[:MOST_FORM_CHARS]))
    if note is None:
        note = DraftNote(person_id=actor.id, form=form[:MOST_FORM_CHARS], saved_at=now)
        if form.startswith(NEW):
            for old in latest_new(session, actor, limit=MOST_NEW + 100)[MOST_NEW - 1 :]:
                session.delete(old)
    note.fields, note.base, note.saved_at = filled, base[:80], now
    session.add(note)
    session.flush()
    return note


def find(session: Session, actor: Actor, form: str) -> DraftNote | None:
    """What the actor has typed into this form; nobody else ever sees it."""
    return session.get(DraftNote, (actor.id, form[:MOST_FORM_CHARS]))


def latest_new(session: Session, actor: Actor, limit: int = 5) -> Sequence[DraftNote]:
    """What the actor has typed into forms of new bulletins and not saved, the newest first."""
    query = select(DraftNote).where(
        DraftNote.person_id == actor.id, col(DraftNote.form).startswith(NEW), DraftNote.base == ""
    )
    return session.exec(query.order_by(col(DraftNote.saved_at).desc()).limit(limit)).all()


def saved(session: Session, actor: Actor, form: str, bulletin_id: str, now: datetime) -> None:
    """What was typed into the form of a new bulletin is saved as `bulletin_id`: whoever comes back is led there."""
    keep(session, actor, form, {}, base=f"{_SAVED}{bulletin_id}", now=now)


def saved_as(session: Session, actor: Actor, form: str) -> str | None:
    """The bulletin that this form was saved as; None while it was not."""
    note = find(session, actor, form)
    return note.base.removeprefix(_SAVED) if note is not None and note.base.startswith(_SAVED) else None


def drop(session: Session, actor: Actor, form: str) -> None:
    """Forget what was typed: it is saved, or not wanted. Nothing happens where there is none."""
    note = find(session, actor, form)
    if note is not None:
        session.delete(note)
        session.flush()


def prune(session: Session, now: datetime) -> int:
    """Forget what nobody has touched for 30 days; how many rows went."""
    gone = session.execute(delete(DraftNote).where(col(DraftNote.saved_at) < now - KEPT))
    return int(getattr(gone, "rowcount", 0))
