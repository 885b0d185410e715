"""Recordings handed in through the panel: kept at once, so that no error elsewhere loses them."""

from collections.abc import Callable

from sqlmodel import Session, select
from werkzeug.datastructures import FileStorage

from audio import clips, uploads
from audio.models import RECORDING, Clip
from playlists.models import BulletinVersion, Rendition
from registry.models import Unit
from registry.rights import Actor, Permission
from web.access import actor
from web.app import house

_MOST_LANGUAGE = 12


def take(file: FileStorage, unit_in: Callable[[Session], Unit], language: str, preset: str) -> Clip:
    """Receive an uploaded file and queue it as a recording of a unit where the caller may write.

    `preset` names the mastering; empty for that of recordings. Raises NotFound or Forbidden for the unit before
    anything is kept; TooLarge, InvalidInput (an empty file, an unknown preset), NoSpace.
    """
    here = house()
    with here.database.read() as reading:
        actor().require(Permission.WRITE, unit_in(reading))
    upload = uploads.receive(
        file.stream, here.settings.uploads, limit_bytes=here.settings.max_upload_bytes, filename=file.filename or "",
        reserve_bytes=here.settings.reserve_bytes,
    )  # fmt: skip
    with uploads.discarded_on_failure(here.settings.uploads, upload), here.database.write() as writing:
        unit = unit_in(writing)
        actor().require(Permission.WRITE, unit)
        return clips.request_recording(
            writing, unit_id=unit.id, upload=upload.path, title=upload.title, created_by=actor().id, now=here.clock(),
            language=(language or "vi")[:_MOST_LANGUAGE], preset=preset or None,
        )  # fmt: skip


def bring_home(writing: Session, who: Actor, clip_id: str | None, unit: Unit) -> None:
    """Let a recording that was handed in before its form was sent belong to the unit that the form names in the end.

    Only one's own, where one may write, and only while no bulletin uses it; nothing happens to any other.
    """
    clip = writing.get(Clip, clip_id) if clip_id else None
    if clip is None or clip.kind != RECORDING or clip.created_by != who.id or clip.unit_id == unit.id:
        return
    home = writing.get(Unit, clip.unit_id)
    if home is None or not (who.may(Permission.WRITE, home) and who.may(Permission.WRITE, unit)):
        return
    for table in (BulletinVersion, Rendition):
        if writing.exec(select(table.id).where(table.clip_id == clip.id).limit(1)).first():
            return
    clip.unit_id = unit.id
    writing.add(clip)
    writing.flush()
