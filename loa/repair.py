"""Audio that is damaged or missing on the disk: whose it is, and making it again from what there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from audio import uploads
from audio.models import QUEUED, READY, RECORDING, Clip
from audio.store import MediaStore
from core import changes
from core.errors import NotFound
from core.settings import Settings
from core.wire import AudioFile, Codec
from playlists.models import BulletinVersion, Rendition

_BATCH = 500


@dataclass(frozen=True)
class Harmed:
    """A ready clip without its whole audio. `used_in` are titles of bulletins; `again`: it can be made anew."""

    clip_id: str
    title: str
    used_in: tuple[str, ...]
    again: bool


def harmed(session: Session, settings: Settings, damaged: Iterable[str]) -> list[Harmed]:
    """The ready clips of which a file is among `damaged` (names such as `<sha256>.mp3`) or not in the store, by id."""
    store, bad = MediaStore(settings.media), set(damaged)
    query = select(Clip).where(Clip.state == READY).order_by(col(Clip.id)).execution_options(yield_per=_BATCH)
    found = [clip for clip in session.exec(query) if not _whole(clip, store, bad)]
    titles = _titles(session, [clip.id for clip in found])
    return [
        Harmed(
            clip.id, clip.title or clip.text[:60], tuple(sorted(titles.get(clip.id, ()))), _can_be_made(clip, settings)
        )
        for clip in found
    ]


def _whole(clip: Clip, store: MediaStore, bad: set[str]) -> bool:
    files: tuple[tuple[Codec, str | None, int | None], ...] = (
        ("mp3", clip.mp3_sha256, clip.mp3_bytes),
        ("opus", clip.opus_sha256, clip.opus_bytes),
    )
    return all(
        sha256 is not None
        and size is not None
        and f"{sha256}.{codec}" not in bad
        and store.has(AudioFile(sha256=sha256, bytes=size), codec)
        for codec, sha256, size in files
    )


def _can_be_made(clip: Clip, settings: Settings) -> bool:
    if clip.kind != RECORDING:
        return True
    try:
        return bool(clip.upload and uploads.locate(settings.uploads, clip.upload))
    except NotFound:
        return False


def _titles(session: Session, ids: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        own = select(BulletinVersion.clip_id, BulletinVersion.title).where(col(BulletinVersion.clip_id).in_(some))
        other = (
            select(Rendition.clip_id, BulletinVersion.title)
            .join(BulletinVersion, col(BulletinVersion.id) == Rendition.version_id)
            .where(col(Rendition.clip_id).in_(some))
        )
        for query in (own, other):
            for clip_id, title in session.exec(query).all():
                found.setdefault(clip_id, set()).add(title)
    return found


def make_again(session: Session, clips: Iterable[Harmed], now: datetime) -> int:
    """Queue those that can be made again, before everything that is not due yet; how many. The worker does the rest."""
    queued = 0
    for each in clips:
        clip = session.get(Clip, each.clip_id)
        if each.again and clip is not None and clip.state == READY:
            clip.state, clip.progress, clip.attempts, clip.due_at = QUEUED, 0, 0, now
            clip.claimed_by, clip.claimed_until = None, None
            session.add(clip)
            changes.announce(session, "timetable", [f"clip:{clip.id}"], now)
            queued += 1
    return queued
