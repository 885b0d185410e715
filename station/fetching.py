"""Bringing audio ahead of its time: nearest first, resumed, checked; what an emergency needs goes before all."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import FileIO

from urllib3.exceptions import HTTPError

from core.errors import N_, NoSpace
from core.standing import versions
from core.wire import MAX_STANDING, AudioFile, Codec, Item
from station.book import Book
from station.due import is_emergency
from station.link import Link, Rejected, Unreachable, backoff_seconds
from station.shelf import Shelf, clip_of, name_of, usable_codec
from station.spreading import fetch_from

log = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
_INTERRUPTED_SECONDS = 0.2
_OTHER_CODEC_AFTER = 3
_TIDY_SECONDS = 600.0
_NOT_SATISFIABLE = 416
_CODECS: tuple[Codec, Codec] = ("opus", "mp3")
Wanted = tuple[AudioFile, Codec]


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
        for want in wanted(self._book, self._shelf, self._now(), self._failures):
            if want.urgent is self._urgent:
                rest = self._rest(want)
                pause = rest if rest > 0 else self._try(want)
                if pause is None:
                    return _INTERRUPTED_SECONDS
                wait = min(wait, pause)
        return wait

    def _rest(self, want: "Want") -> float:
        """How many seconds it is not yet time for this file."""
        rest = self._not_before.get(name_of(want.file, want.codec), 0.0) - time.monotonic()
        if self._urgent or self._shelf.part(want.file, want.codec).exists():
            return rest
        return max(rest, (want.begins_at - self._now()).total_seconds())

    def _try(self, want: "Want") -> float | None:
        """Fetch a file; in how many seconds to look again on its account, or None when an emergency interrupted it."""
        name = name_of(want.file, want.codec)
        if self._urgent:
            self._emergency.set()
        try:
            arrived = self._fetch_anywhere(want.file, want.codec)
        except Interrupted:
            return None
        except Rejected as error:
            log.warning("%s is not to be had: %s", name, error)
            arrived = False
        finally:
            if self._urgent:
                self._emergency.clear()
        if arrived:
            self._failures.pop(name, None)
            self._book.wake()
            return _IDLE_SECONDS
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        pause = backoff_seconds(failures, first=0.5)
        self._not_before[name] = time.monotonic() + pause
        return pause

    def needed(self) -> set[str]:
        """Names of all files that some item ahead, a message that stands by or an emergency's signal could use."""
        ahead = [item for _, _, item in self._book.items_ahead(self._now())] + self._book.standing.items()
        clips = [clip for item in ahead if (clip := clip_of(item))] + self._book.signals
        return {f"{clip.in_codec(codec).sha256}.{codec}" for clip in clips for codec in ("opus", "mp3")}

    def _fetch_anywhere(self, file: AudioFile, codec: Codec) -> bool:
        """As `_fetch`; what an emergency needs comes into memory where the disk takes nothing."""
        try:
            return self._fetch(file, codec)
        except NoSpace:
            if not self._urgent or not self._shelf.put_into_spare(file, codec):
                raise
            log.exception("the disk takes nothing: the audio of an emergency is kept in memory")
            return self._fetch(file, codec, with_room=True)

    def _fetch(self, file: AudioFile, codec: Codec, *, with_room: bool = False) -> bool:
        """Fetch one file; False if what came is not what was promised. What came before is not asked for again."""
        part = self._shelf.part(file, codec)
        if not with_room and not self._shelf.room_for(file.bytes):
            self._shelf.tidy(self.needed(), at_once=True)
            if not self._shelf.room_for(file.bytes):
                raise NoSpace(N_("There is no room for more audio on the station."))
        with _told():
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
                # Nothing waits in a buffer: what came is paid for, and must not be lost with the power.
                with _told(), part.open("ab" if begin else "wb", buffering=0) as stream:
                    size = begin
                    for piece in download.pieces():
                        size += len(piece)
                        if size > file.bytes:
                            part.unlink()
                            raise Unreachable("The server sent more than was promised.")
                        _write(stream, piece)
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


@contextmanager
def _told() -> Iterator[None]:
    """Say NoSpace of whatever the disk refuses; the link tells its own troubles by its own names."""
    try:
        yield
    except (HTTPError, Unreachable):
        raise
    except OSError as error:
        raise NoSpace(N_("The disk takes no audio (%(why)s)."), why=error.strerror or type(error).__name__) from error


def _write(stream: FileIO, piece: bytes) -> None:
    """Write all of it: a write without a buffer may take a part."""
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) :]


@dataclass(frozen=True, slots=True)
class Want:
    """A file that is missing here, and from when on it is fetched; `urgent` for an emergency."""

    file: AudioFile
    codec: Codec
    urgent: bool
    begins_at: datetime


def missing(book: Book, shelf: Shelf, now: datetime, failures: Mapping[str, int]) -> tuple[list[Wanted], list[Wanted]]:
    """The files to fetch, the one needed first at the front: those of emergencies, and all the others; none is in both.

    `failures` counts how often a file did not arrive whole; now and then its other codec is tried.
    """
    found = wanted(book, shelf, now, failures)
    return [(one.file, one.codec) for one in found if one.urgent], [
        (one.file, one.codec) for one in found if not one.urgent
    ]


def wanted(book: Book, shelf: Shelf, now: datetime, failures: Mapping[str, int]) -> list[Want]:
    """What `missing` says, with the instant from which on each is fetched (`station.spreading`)."""
    codec_here: Codec = usable_codec(book.settings.codec)
    other: Codec = "mp3" if codec_here == "opus" else "opus"
    found: list[Want] = []
    seen: set[str] = set()
    waiting = 0  # bytes that come before
    for needed_at, known_at, ticket, item in book.audio_ahead(now):  # emergencies come first
        clip = clip_of(item)
        if clip is None or clip.opus.sha256 in seen:
            continue
        seen.add(clip.opus.sha256)
        for codec in ("opus", "mp3"):
            shelf.verify_once(clip.in_codec(codec), codec)
        if shelf.holds(item):
            continue
        tries = failures.get(name_of(clip.in_codec(codec_here), codec_here), 0)
        codec = other if tries and tries % _OTHER_CODEC_AFTER == 0 else codec_here
        file = clip.in_codec(codec)
        waiting += file.bytes
        urgent = ticket.standing is None and is_emergency(ticket)
        begins_at = now
        if known_at <= now:  # else the clock was wrong when it came
            who = f"{book.station} {ticket.id}"
            begins_at = fetch_from(who, known_at, needed_at, waiting, spread_s=book.settings.spread_s)
        found.append(Want(file, codec, urgent, begins_at))
    for clip in book.signals:
        for each in _CODECS:
            shelf.verify_once(clip.in_codec(each), each)
        if clip.opus.sha256 not in seen and not shelf.holds(Item(at=0, seconds=1, clip=clip)):
            found.append(Want(clip.in_codec(codec_here), codec_here, urgent=False, begins_at=now))
    return found


def ready_until(book: Book, shelf: Shelf, now: datetime) -> datetime | None:
    """Up to when all audio of the plan lies here: the start of the first airing that lacks some, or the plan's end."""
    lacking = [
        ticket.starts_at
        for _, ticket, item in book.items_ahead(now)
        if clip_of(item) is not None and shelf.find(item) is None
    ]
    return min(lacking, default=book.plan_until)


def standing_ready(book: Book, shelf: Shelf) -> list[str]:
    """The prepared messages that could be started now: the audio for this station's languages lies here."""
    languages = book.settings.languages
    return [
        ticket.id for ticket, _ in book.standing.all() if all(shelf.holds(item) for item in versions(ticket, languages))
    ][:MAX_STANDING]
