"""Correcting how a word is read while listening to a draft: into the unit's dictionary, and spoken anew at once."""

from datetime import datetime

from sqlmodel import Session

from audio import lexicon
from core import audit
from playlists import bulletins, renditions, sources
from playlists.models import BulletinVersion, Rendition
from registry.rights import Actor, Permission


def correct(
    session: Session, actor: Actor, bulletin_id: str, written: str, spoken: str, now: datetime
) -> tuple[BulletinVersion, bool]:
    """From now on `written` is read as `spoken` in the bulletin's unit; a draft is spoken anew.

    The second value says whether it was: what is submitted or approved stays as it was heard. Raises NotFound,
    Forbidden, InvalidInput and Conflict as `audio.lexicon.put`.
    """
    _, unit, version = bulletins.find(session, actor, bulletin_id)
    actor.require(Permission.WRITE, unit)
    lexicon.put(session, actor, unit, written, spoken, now)
    return version, version.state == "draft" and speak_again(session, actor, bulletin_id, now)


def speak_again(session: Session, actor: Actor, bulletin_id: str, now: datetime) -> bool:
    """Have the texts of a draft spoken as the unit's words and voices are by now; whether any sound is another."""
    bulletin, unit, version = bulletins.find(session, actor, bulletin_id)
    changed = False
    rows: list[BulletinVersion | Rendition] = [version, *(row for row, _ in renditions.with_clips(session, version))]
    for row in rows:
        if not row.text:
            continue
        clip = sources.clip_of(
            session, actor, unit, text=row.text, clip=None, language=row.language, voice=row.voice, now=now
        )
        changed |= clip.id != row.clip_id
        row.clip_id = clip.id
        session.add(row)
    session.flush()
    if changed:
        audit.record(
            session, actor=actor.username, action="bulletin.respeak", subject=bulletin.id, unit_id=bulletin.unit_id,
            now=now, version=version.number,
        )  # fmt: skip
    return changed
