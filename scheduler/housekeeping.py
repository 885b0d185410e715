"""Housekeeping: what nothing needs any more leaves the database and the disk, and nothing that a plan names.

In order, each step in short transactions of bounded size, so that it can be killed anywhere and goes on next time:

1. Rows that only mattered for a while are dropped (changes, failed sign-ins, troubles that are over), and how to reach
   those who wrote from outside is forgotten after `feedback_contact_days`.
2. Originals of recordings go after `originals_days`; files that no clip names are swept.
3. Clips that nothing refers to are deleted after `unused_clip_days`.
4. Clips of bulletins that are over (withdrawn, superseded, rejected, and nobody has touched the bulletin for
   `old_audio_days`) lose their audio: they have expired, and a text can be spoken again when somebody asks.
5. Finished files that neither a clip nor an airing still in force names are removed after a day of grace.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from audio import uploads
from audio.models import CANCELLED, EXPIRED, FAILED, READY, SIGNAL, Clip, ClipShape
from audio.store import Collected, MediaStore
from core import changes
from core.audit import AuditEntry
from core.database import Database
from core.settings import Settings
from playlists import feedback, relays, writing
from playlists.models import BulletinVersion, ProgrammeItem, Rendition
from registry import former_places, invitations, sessions, throttle
from scheduler import concerns, jobs, notices, troubles, undoing
from scheduler.live_models import LiveTalk
from scheduler.models import Airing, Emergency, JobState
from scheduler.prepared_models import PreparedVersion

log = logging.getLogger(__name__)
EVERY = timedelta(hours=1)
GRACE = timedelta(days=1)
# Stations that come back late may still ask for what was planned for yesterday.
ON_AIR_FOR = timedelta(days=2)
_NAME = "housekeeping"
_LEASE = timedelta(minutes=30)
_LEFTOVER = timedelta(hours=6)  # longer than a rendering takes, also when the clock is set an hour ahead
_UNCLAIMED_UPLOADS = timedelta(days=2)
_BATCH = 500
_BATCHES = 40
_SETTLED = (READY, FAILED, CANCELLED, EXPIRED)
_SOUNDS_STILL = ("draft", "submitted", "approved")
_NO_FILES = {"mp3_sha256": None, "mp3_bytes": None, "opus_sha256": None, "opus_bytes": None}


@dataclass(frozen=True)
class Tidied:
    """What went: originals of recordings, uploads without a clip, clips, the audio of clips, finished files."""

    originals: int = 0
    swept: int = 0
    deleted: int = 0
    expired: int = 0
    files: int = 0
    bytes: int = 0


def keep_house(database: Database, settings: Settings, holder: str, now: datetime) -> Tidied | None:
    """Do all of it when an hour has passed since the last time; None when it is not due, or another worker is at it."""
    with database.read() as session:
        state = session.get(JobState, _NAME)
    if state and state.succeeded_at and now - state.succeeded_at < EVERY:
        return None
    with database.write() as session:
        if not jobs.claim(session, _NAME, holder, now, _LEASE):
            return None
    done = tidy(database, settings, now)
    with database.write() as session:
        jobs.went_well(session, _NAME, now)
        jobs.release(session, _NAME, holder)
    log.info("housekeeping: %s", done)
    return done


def tidy(database: Database, settings: Settings, now: datetime) -> Tidied:
    """All steps once, whoever else may do them at the same time."""
    with database.write() as session:
        changes.prune(session, now)
        former_places.forget_names(session, now)
        throttle.prune(session, now)
        sessions.prune(session, timedelta(hours=settings.session_hours), now)
        invitations.prune(session, now)
        troubles.prune(session, now)
        concerns.prune(session, now)
        notices.prune(session, now)
        relays.forget_unused(session, now)
        writing.prune(session, now)
        undoing.prune(session, now)
        feedback.forget_contacts(session, now - timedelta(days=settings.feedback_contact_days))
    store = MediaStore(settings.media)
    store.sweep(_LEFTOVER.total_seconds(), now.timestamp())
    originals = _drop_originals(database, settings, now)
    deleted = _delete_unused(database, settings, now)
    expired = _expire(database, settings, now)
    with database.read() as session:
        named = {name for name in session.exec(select(Clip.upload).where(col(Clip.upload).is_not(None))).all() if name}
    swept = uploads.sweep(settings.uploads, named, _UNCLAIMED_UPLOADS.total_seconds(), now.timestamp())
    gone = collect(database, store, now)
    return Tidied(originals, swept, deleted, expired, gone.files, gone.bytes)


def collect(database: Database, store: MediaStore, now: datetime) -> Collected:
    """Remove finished files older than a day that no clip names and no airing that is or may still be on air."""
    with database.read() as session:
        keep = _hashes_of_clips(session)
    if next(store.older(keep, GRACE.total_seconds(), now=now.timestamp()), None) is None:
        return Collected(0, 0)
    with database.read() as session:  # later than the look at the clips: nothing falls between the two
        keep |= hashes_on_air(session, now)
    return store.collect(keep, GRACE.total_seconds(), now=now.timestamp())


def _hashes_of_clips(session: Session) -> set[str]:
    named = col(Clip.mp3_sha256).is_not(None) | col(Clip.opus_sha256).is_not(None)
    rows = session.exec(select(Clip.mp3_sha256, Clip.opus_sha256).where(named)).all()
    return {sha256 for pair in rows for sha256 in pair if sha256}


def hashes_on_air(session: Session, now: datetime) -> set[str]:
    """Hashes named by airings that are not withdrawn and end, or may still be played, after two days ago."""
    since = now - ON_AIR_FOR
    rows = session.exec(
        select(Airing.items)
        .where(Airing.state != "withdrawn", or_(col(Airing.ends_at) > since, col(Airing.not_after) > since))
        .execution_options(yield_per=_BATCH)
    )
    return {sha256 for items in rows for sha256 in _named(items)}


def _named(value: Any) -> Iterator[str]:
    """Every hash in an airing's items, at whatever depth: of clips, and of what plays in a relay's stead."""
    if isinstance(value, dict):
        if isinstance(value.get("sha256"), str):
            yield value["sha256"]
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)


def _age_from() -> ColumnElement[Any]:
    return func.coalesce(Clip.ready_at, Clip.created_at)


def _replaced_or_replacing() -> ColumnElement[bool]:
    """A better version of the clip is being made, or the clip is one: that is another job's business."""
    other = aliased(Clip)
    return col(Clip.replaces).is_not(None) | exists().where(col(other.replaces) == Clip.id)


def _held_directly() -> ColumnElement[bool]:
    holders = (ProgrammeItem.clip_id, Emergency.clip_id, PreparedVersion.clip_id, LiveTalk.clip_id)
    return or_(col(Clip.kind) == SIGNAL, *(exists().where(col(holder) == Clip.id) for holder in holders))


def _in_bulletins(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """A version of a bulletin, or its rendition in another language, names the clip (and `conditions` hold of it)."""
    own = exists().where(col(BulletinVersion.clip_id) == Clip.id, *conditions)
    other = exists().where(
        col(Rendition.clip_id) == Clip.id, col(Rendition.version_id) == BulletinVersion.id, *conditions
    )
    return own | other


def _unused(now: datetime, settings: Settings) -> ColumnElement[bool]:
    limit = now - timedelta(days=settings.unused_clip_days)
    old = col(Clip.state).in_(_SETTLED) & (col(Clip.created_at) < limit) & (_age_from() < limit)
    return old & ~_replaced_or_replacing() & ~_held_directly() & ~_in_bulletins()


def _over(now: datetime, settings: Settings) -> ColumnElement[bool]:
    limit = now - timedelta(days=settings.old_audio_days)
    touched = exists().where(col(AuditEntry.subject) == BulletinVersion.bulletin_id, col(AuditEntry.at) >= limit)
    needed = col(BulletinVersion.state).in_(_SOUNDS_STILL) | touched
    old = (col(Clip.state) == READY) & (_age_from() < limit)
    return old & ~_replaced_or_replacing() & ~_held_directly() & _in_bulletins() & ~_in_bulletins(needed)


def _original_is_old(now: datetime, settings: Settings) -> ColumnElement[bool]:
    limit = now - timedelta(days=settings.originals_days)
    return col(Clip.upload).is_not(None) & col(Clip.state).in_(_SETTLED) & (_age_from() < limit)


def _in_batches(
    database: Database, settings: Settings, which: ColumnElement[bool], act: Callable[[Session, list[str]], None]
) -> int:
    """Find clips without a lock, look again with it, `act` on them; then remove their uploads. How many."""
    done = 0
    for _ in range(_BATCHES):
        with database.read() as session:
            found = list(session.exec(select(Clip.id).where(which).limit(_BATCH)).all())
        if not found:
            break
        with database.write() as session:
            rows = session.exec(select(Clip.id, Clip.upload).where(col(Clip.id).in_(found), which)).all()
            act(session, [identity for identity, _ in rows])
        for _, name in rows:
            if name:  # after the commit: a file without a row is swept one day, a row without a file would mislead
                uploads.remove(settings.uploads, name)
        done += len(rows)
        if len(found) < _BATCH:
            break
    return done


def _drop_originals(database: Database, settings: Settings, now: datetime) -> int:
    def forget(session: Session, ids: list[str]) -> None:
        session.execute(update(Clip).where(col(Clip.id).in_(ids)).values(upload=None))

    return _in_batches(database, settings, _original_is_old(now, settings), forget)


def _delete_unused(database: Database, settings: Settings, now: datetime) -> int:
    def remove(session: Session, ids: list[str]) -> None:
        session.execute(delete(ClipShape).where(col(ClipShape.clip_id).in_(ids)))
        session.execute(delete(Clip).where(col(Clip.id).in_(ids)))

    return _in_batches(database, settings, _unused(now, settings), remove)


def _expire(database: Database, settings: Settings, now: datetime) -> int:
    def empty(session: Session, ids: list[str]) -> None:
        session.execute(delete(ClipShape).where(col(ClipShape.clip_id).in_(ids)))
        values = {"state": EXPIRED, "progress": 0, "upload": None, **_NO_FILES}
        session.execute(update(Clip).where(col(Clip.id).in_(ids)).values(**values))

    return _in_batches(database, settings, _over(now, settings), empty)
