"""Bringing audio ahead of its time: nearest first, resumed, checked; what an emergency needs goes before all."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from core.errors import N_, NoSpace
from core.files import full_disk_is_told
from core.wire import AudioFile, Codec
from station.book import Book
from station.due import is_emergency
from station.link import Link, Rejected, Unreachable, backoff_seconds
from station.shelf import Shelf, clip_of, name_of, usable_codec

log = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
_OTHER_CODEC_AFTER = 3
_TIDY_SECONDS = 600.0
_NOT_SATISFIABLE = 416


class Interrupted(Exception):
    """A bulk download made room for an emergency; what came so far stays in the part file."""


class Fetcher:
    """Fetches either what emergencies need (`urgent`) or all the rest. One thread each, with a link of its own.

    The two share `emergency`, an event set while the urgent one is at work: the other then stops at the next piece.
    """

    def __init__(
        self,
        book: Book,
        shelf: Shelf,
        link: Link,
        now: Callable[[], datetime],
        emergency: threading.Event,
        *,
        urgent: bool,
    ) -> None:
        self._book = book
        self._shelf = shelf
        self._link = link
        self._now = now
        self._emergency = emergency
        self._urgent = urgent
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._tidied_at: float | None = None

    def step(self) -> float:
        """Fetch what is missing, one file after the other; returns the seconds until the next look.

        Raises Unreachable when the server is away, NoSpace when the disk is full.
        """
        if not self._urgent:
            self._tidy()
        wait = _IDLE_SECONDS
        for file, codec in self._missing():
            name = name_of(file, codec)
            rest = self._not_before.get(name, 0.0) - time.monotonic()
            if rest > 0:
                wait = min(wait, rest)
                continue
            if self._urgent:
                self._emergency.set()
            try:
                arrived = self._fetch(file, codec)
            except Interrupted:
                return 0.2
            except Rejected as error:
                log.warning("%s is not to be had: %s", name, error)
                arrived = False
            finally:
                if self._urgent:
                    self._emergency.clear()
            if arrived:
                self._failures.pop(name, None)
                self._book.wake()
            else:
                failures = self._failures[name] = self._failures.get(name, 0) + 1
                pause = backoff_seconds(failures, first=0.5)
                self._not_before[name] = time.monotonic() + pause
                wait = min(wait, pause)
        return wait

    def needed(self) -> set[str]:
        """Names of all files that some item ahead could use."""
        clips = [clip for _, _, item in self._book.items_ahead(self._now()) if (clip := clip_of(item))]
        return {f"{clip.in_codec(codec).sha256}.{codec}" for clip in clips for codec in ("opus", "mp3")}

    def _missing(self) -> list[tuple[AudioFile, Codec]]:
        wanted: Codec = usable_codec(self._book.settings.codec)
        other: Codec = "mp3" if wanted == "opus" else "opus"
        found: dict[str, tuple[AudioFile, Codec]] = {}
        ahead = [(ticket, item, clip_of(item)) for _, ticket, item in self._book.items_ahead(self._now())]
        urgent = {clip for ticket, _, clip in ahead if clip is not None and is_emergency(ticket)}
        for _, item, clip in ahead:
            if clip is None or self._urgent != (clip in urgent):  # one file is never fetched by both
                continue
            for codec in ("opus", "mp3"):
                self._shelf.verify_once(clip.in_codec(codec), codec)
            if self._shelf.find(item) is not None:
                continue
            tries = self._failures.get(name_of(clip.in_codec(wanted), wanted), 0)
            codec = other if tries and tries % _OTHER_CODEC_AFTER == 0 else wanted
            found[clip.in_codec(codec).sha256] = (clip.in_codec(codec), codec)
        return list(found.values())

    def _fetch(self, file: AudioFile, codec: Codec) -> bool:
        """Fetch one file; False if what came is not what was promised. What came before is not asked for again."""
        part = self._shelf.part(file, codec)
        if not self._shelf.room_for(file.bytes):
            self._shelf.tidy(self.needed(), at_once=True)
            if not self._shelf.room_for(file.bytes):
                raise NoSpace(N_("There is no room for more audio on the station."))
        with full_disk_is_told():
            have = part.stat().st_size if part.exists() else 0
            if have > file.bytes:
                part.unlink()
                have = 0
            if have < file.bytes:
                self._download(file, codec, have)
            if part.stat().st_size < file.bytes:
                raise Unreachable("The download broke off.")
            return self._shelf.accept(file, codec)

    def _download(self, file: AudioFile, codec: Codec, have: int) -> None:
        part = self._shelf.part(file, codec)
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            with self._link.stream(f"/media/{name_of(file, codec)}", headers) as download:
                begin = download.starts_at()
                if begin not in {0, have}:
                    raise Unreachable("The server answered with another part of the file.")
                with part.open("ab" if begin else "wb") as stream:
                    size = begin
                    for piece in download.pieces():
                        size += len(piece)
                        if size > file.bytes:
                            part.unlink()
                            raise Unreachable("The server sent more than was promised.")
                        stream.write(piece)
                        if self._emergency.is_set() and not self._urgent:
                            raise Interrupted
        except Rejected as error:
            if error.status == _NOT_SATISFIABLE:
                part.unlink(missing_ok=True)
            raise

    def _tidy(self) -> None:
        now = time.monotonic()
        if self._tidied_at is None or now - self._tidied_at > _TIDY_SECONDS:
            self._tidied_at = now
            if self._book.plan_etag is not None:
                self._shelf.tidy(self.needed())


def ready_until(book: Book, shelf: Shelf, now: datetime) -> datetime | None:
    """Up to when all audio of the plan lies here: the start of the first airing that lacks some, or the plan's end."""
    missing = [
        ticket.starts_at
        for _, ticket, item in book.items_ahead(now)
        if clip_of(item) is not None and shelf.find(item) is None
    ]
    return min(missing, default=book.plan_until)
