"""The audio that lies on the station: files named by the SHA-256 of their bytes."""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from core.errors import EngineFailed
from core.files import put_in_place
from core.wire import AudioFile, ClipFiles, Codec, Item, Reason
from station import decoding

log = logging.getLogger(__name__)

MAX_BYTES = 2 * 1024**3
SPARE_BYTES = 50 * 1024**2
GRACE_SECONDS = 24 * 3600.0
_CODECS: tuple[Codec, ...] = ("opus", "mp3")
_CHUNK = 256 * 1024


class Shelf:
    """Which files lie here, whole. Thread-safe; only the fetcher adds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._here: set[str] = set()
        self._checked: set[str] = set()
        self._bad: set[str] = set()
        for path in folder.iterdir():
            if not path.name.startswith("."):
                self._here.add(path.name)

    def path(self, file: AudioFile, codec: Codec) -> Path:
        return self._folder / name_of(file, codec)

    def part(self, file: AudioFile, codec: Codec) -> Path:
        """Where an unfinished download of this file lies."""
        return self._folder / f".{name_of(file, codec)}.part"

    def has(self, file: AudioFile, codec: Codec) -> bool:
        with self._lock:
            return name_of(file, codec) in self._here

    def find(self, item: Item) -> Path | None:
        """The item's audio in whatever codec lies here; a relay's fallback stands for the relay."""
        clip = clip_of(item)
        if clip is not None:
            for codec in _CODECS:
                if self.has(clip.in_codec(codec), codec):
                    return self.path(clip.in_codec(codec), codec)
        return None

    def obstacle_of(self, item: Item) -> Reason | None:
        """Why this item can't sound now, as far as audio is concerned."""
        clip = clip_of(item)
        if clip is None:
            return "relay_down" if item.relay else "bad_audio"
        if self.find(item) is not None:
            return None
        with self._lock:
            bad = any(name_of(clip.in_codec(codec), codec) in self._bad for codec in _CODECS)
        return "bad_audio" if bad else "no_audio"

    def accept(self, file: AudioFile, codec: Codec) -> bool:
        """Check a download and put it in its place; if it is not what it should be, False, and it is deleted."""
        part = self.part(file, codec)
        name = name_of(file, codec)
        if not _is_genuine(part, file):
            part.unlink(missing_ok=True)
            with self._lock:
                self._bad.add(name)
            return False
        put_in_place(part, self._folder / name)
        with self._lock:
            self._here.add(name)
            self._checked.add(name)
            self._bad.discard(name)
        return True

    def verify_once(self, file: AudioFile, codec: Codec) -> None:
        """Check, once in this process, a file that lay here before: cards rot. A wrong one is thrown away."""
        name = name_of(file, codec)
        with self._lock:
            if name in self._checked or name not in self._here:
                return
        if _is_genuine(self._folder / name, file):
            with self._lock:
                self._checked.add(name)
        else:
            log.error("%s is damaged and will be fetched again", name)
            self.distrust(self._folder / name)

    def distrust(self, path: Path) -> None:
        """Throw away a file that does not play, so that it is fetched again."""
        with self._lock:
            self._here.discard(path.name)
            self._checked.discard(path.name)
            self._bad.add(path.name)
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def room_for(self, size: int) -> bool:
        """Whether `size` more bytes fit, within the bound and with `SPARE_BYTES` left on the disk."""
        used = sum(self._sizes())
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return False
        return used + size <= MAX_BYTES and free - size >= SPARE_BYTES

    def tidy(self, needed: Collection[str], *, at_once: bool = False) -> int:
        """Delete what no plan needs, after a day of grace, or at once if room is needed. Returns how many."""
        deleted = 0
        now = time.time()
        for path in list(self._folder.iterdir()):
            name = path.name.removeprefix(".").removesuffix(".part")
            with suppress(OSError):
                if name in needed:
                    os.utime(path)
                elif at_once or now - path.stat().st_mtime > GRACE_SECONDS:
                    with self._lock:
                        self._here.discard(path.name)
                    path.unlink(missing_ok=True)
                    deleted += 1
        return deleted

    def _sizes(self) -> Iterator[int]:
        for path in self._folder.iterdir():
            with suppress(OSError):
                yield path.stat().st_size


def clip_of(item: Item) -> ClipFiles | None:
    return item.clip or item.fallback


def name_of(file: AudioFile, codec: Codec) -> str:
    return f"{file.sha256}.{codec}"


def usable_codec(wanted: Codec) -> Codec:
    """The plan's codec if it can be decoded here. Both come from one decoder; mp3 is the older one, hence the safer."""
    try:
        decoding.decoder_version()
    except EngineFailed:
        return "mp3"
    return wanted


def _is_genuine(path: Path, file: AudioFile) -> bool:
    try:
        if path.stat().st_size != file.bytes:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while piece := stream.read(_CHUNK):
                digest.update(piece)
        return digest.hexdigest() == file.sha256
    except OSError:
        return False
