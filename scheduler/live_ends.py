"""What becomes of a live talk after its last word: off the air, accounted for, its recording in the archive.

The web process that the speaker talks to ends a talk (`scheduler.live.end`). The worker does the rest, and ends talks
whose web process is gone and did not come back.
"""

import logging
import struct
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO

from sqlmodel import Session, col, select

from audio import clips, uploads
from core import changes
from core.clock import zone as known_zone
from core.database import Database
from core.errors import LoaError
from core.settings import Settings
from registry import units
from registry.models import Unit
from scheduler import jobs, live
from scheduler.live_models import LiveTalk
from scheduler.models import Airing

log = logging.getLogger(__name__)
EVERY_SECONDS = 1.0
# What is under way when a talk ends has sounded by then at every station; those that still wait are told to stop.
DRAIN = timedelta(seconds=4)
# A web process that was killed has come back by then, and its speaker with it.
ABANDONED = timedelta(seconds=25)
KEPT = timedelta(days=14)  # of sound that could not be filed
_LEASE = timedelta(minutes=5)
_LEAST_SECONDS = 0.5
_MOST_AT_ONCE = 20


def sound_of(settings: Settings, talk_id: str) -> Path:
    """Where the sound of a talk is kept as it comes: 16-bit PCM without a head, at the rate of the talk."""
    return settings.home / "live" / f"{talk_id}.pcm"


def any_to_tidy(session: Session) -> bool:
    """Whether there is a talk that runs or whose end is not complete: a look that takes no lock."""
    return session.exec(select(LiveTalk.id).where(col(LiveTalk.filed_at).is_(None)).limit(1)).first() is not None


def tidy(session: Session, now: datetime) -> int:
    """End talks that nobody hears of any more, and take those that have ended off the air; how many steps."""
    running = select(LiveTalk, Airing.ends_at).join(Airing, col(Airing.id) == LiveTalk.airing_id)
    steps = 0
    for talk, ends_at in session.exec(running.where(col(LiveTalk.ended_at).is_(None))).all():
        last = talk.heard_at or talk.started_at
        if now - last > ABANDONED:
            steps += live.end(session, talk.id, "lost" if talk.heard_at else "unbegun", now)
        elif now > ends_at + DRAIN:
            steps += live.end(session, talk.id, "limit", now)
    ended = col(LiveTalk.ended_at).is_not(None) & col(LiveTalk.closed_at).is_(None)
    for talk in session.exec(select(LiveTalk).where(ended)).all():
        if talk.ended_at is not None and not now - DRAIN < talk.ended_at <= now:
            _close(session, talk, talk.ended_at, now)
            steps += 1
    return steps


def _close(session: Session, talk: LiveTalk, ended_at: datetime, now: datetime) -> None:
    """The airing lasted as long as the talk. It is held out as withdrawn, for stations that still wait for more."""
    airing = session.get_one(Airing, talk.airing_id)
    seconds = max(0.1, (ended_at - airing.starts_at).total_seconds())
    airing.items = [{**item, "seconds": round(seconds, 3)} for item in airing.items]
    airing.ends_at, airing.withdrawn_at, airing.state = min(airing.ends_at, ended_at), now, "over"
    talk.closed_at = now
    session.add(airing)
    session.add(talk)
    changes.announce(session, "now", airing.audience, now)


def file_next(database: Database, settings: Settings, holder: str, now: datetime) -> int:
    """Put the recordings of talks that are over into the archive; how many. Each is an ordinary recording from then on.

    One that can't be taken (no room, no quota) stays where it is for a while, and the log of the process says so.
    """
    over = col(LiveTalk.closed_at).is_not(None) & col(LiveTalk.filed_at).is_(None)
    with database.read() as session:
        ids = session.exec(select(LiveTalk.id).where(over).order_by(col(LiveTalk.id)).limit(_MOST_AT_ONCE)).all()
    if not ids:
        return 0
    with database.write() as session:
        if not jobs.claim(session, "live recordings", holder, now, _LEASE):
            return 0
    try:
        for talk_id in ids:
            _file(database, settings, talk_id, now)
    finally:
        with database.write() as session:
            jobs.release(session, "live recordings", holder)
    return len(ids)


def _file(database: Database, settings: Settings, talk_id: str, now: datetime) -> None:
    with database.read() as session:
        talk = session.get_one(LiveTalk, talk_id)
        title = _title(session, talk, settings.zone)
    sound = sound_of(settings, talk_id)
    clip_id = None
    size = sound.stat().st_size // 2 * 2 if sound.is_file() else 0
    if size >= _LEAST_SECONDS * talk.rate * 2:
        try:
            clip_id = _clip_of(database, settings, talk, title, size, now)
        except LoaError as error:
            log.warning("the recording of the talk %s could not be filed: %s", talk_id, error)
    with database.write() as session:
        row = session.get_one(LiveTalk, talk_id)
        row.clip_id, row.filed_at = clip_id, now
        session.add(row)
    if clip_id is not None or not size:
        sound.unlink(missing_ok=True)


def _clip_of(database: Database, settings: Settings, talk: LiveTalk, title: str, size: int, now: datetime) -> str:
    with sound_of(settings, talk.id).open("rb") as file:
        kept = uploads.receive(
            _Wave(file, talk.rate, size), settings.uploads, limit_bytes=size + 1024, filename=f"{title}.wav",
            reserve_bytes=settings.reserve_bytes,
        )  # fmt: skip
    with uploads.discarded_on_failure(settings.uploads, kept), database.write() as session:
        return clips.request_recording(
            session, unit_id=talk.unit_id, upload=kept.path, title=title, created_by=talk.person_id, now=now
        ).id


def _title(session: Session, talk: LiveTalk, default_zone: str) -> str:
    unit = session.get_one(Unit, talk.unit_id)
    zone = known_zone(units.inherited(units.ancestors(session, unit), default_zone).zone)
    name = talk.title or session.get_one(Airing, talk.airing_id).approved_by
    return f"{name} ({talk.started_at.astimezone(zone):%d/%m/%Y %H:%M})"


class _Wave:
    """A file of bare PCM, read as a WAV file."""

    def __init__(self, file: IO[bytes], rate: int, size: int) -> None:
        head = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        head += struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16) + struct.pack("<4sI", b"data", size)
        self._head, self._file, self._left = BytesIO(head), file, size

    def read(self, size: int, /) -> bytes:
        if piece := self._head.read(size):
            return piece
        piece = self._file.read(min(size, self._left))
        self._left -= len(piece)
        return piece


def sweep(settings: Settings, now: datetime) -> None:
    """Remove sound that nobody could file and nobody fetched."""
    for file in (settings.home / "live").glob("*.pcm"):
        if file.stat().st_mtime < (now - KEPT).timestamp():
            file.unlink(missing_ok=True)
