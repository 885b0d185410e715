"""The audio that lies on the station: files named by the SHA-256 of their bytes."""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import EngineFailed
from core.files import put_in_place
from core.wire import AudioFile, ClipFiles, Codec, Item, Reason
from station import decoding

log = logging.getLogger(__name__)

MAX_BYTES = 2 * 1024**3
SPARE_BYTES = 50 * 1024**2
GRACE_SECONDS = 24 * 3600.0
SPARE_MAX_BYTES = 16 * 1024**2
_CODECS: tuple[Codec, ...] = ("opus", "mp3")
_CHUNK = 256 * 1024


class Shelf:
    """Which files lie here, whole. Thread-safe; only the fetcher adds.

    What an emergency needs while the disk takes nothing lies in `spare`, a folder in memory, until the process ends.
    """

    def __init__(self, folder: Path, spare: Path | None = None) -> None:
        self._folder = folder
        self._spare = spare
        self._in_spare: set[str] = set()
        self._lock = threading.Lock()
        self._here: set[str] = set()
        self._checked: set[str] = set()
        self._bad: set[str] = set()
        self._rotten_at: float | None = None  # time.monotonic()
        self._here.update(self._names())

    def _names(self) -> Iterator[str]:
        """Names of the finished files in the folder."""
        return (path.name for path in self._folder.iterdir() if not path.name.startswith("."))

    def _is_genuine(self, path: Path, file: AudioFile) -> bool:
        return _is_genuine(path, file)

    def found_damage_within(self, seconds: float) -> bool:
        """Whether in the last so many seconds a file that lay here whole was found to be damaged."""
        return self._rotten_at is not None and time.monotonic() - self._rotten_at < seconds

    def _remove(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def path(self, file: AudioFile, codec: Codec) -> Path:
        name = name_of(file, codec)
        return self._place(name) / name

    def part(self, file: AudioFile, codec: Codec) -> Path:
        """Where an unfinished download of this file lies."""
        name = name_of(file, codec)
        return self._place(name) / f".{name}.part"

    def _place(self, name: str) -> Path:
        with self._lock:
            return self._spare if self._spare is not None and name in self._in_spare else self._folder

    def put_into_spare(self, file: AudioFile, codec: Codec) -> bool:
        """Keep this file in memory from now on; False where there is no room, or it is kept there already."""
        name = name_of(file, codec)
        if self._spare is None or name in self._in_spare:
            return False
        with suppress(OSError):
            self._spare.mkdir(mode=0o700, exist_ok=True)
            if self._spare.stat().st_uid != os.geteuid():
                return False
            used = sum(path.stat().st_size for path in self._spare.iterdir())
            free = shutil.disk_usage(self._spare).free
            if used + file.bytes <= SPARE_MAX_BYTES and free - file.bytes >= SPARE_MAX_BYTES:
                with self._lock:
                    self._in_spare.add(name)
                return True
        return False

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

    def holds(self, item: Item) -> bool:
        """Whether the item's audio lies here, in whatever codec."""
        clip = clip_of(item)
        return clip is not None and any(self.has(clip.in_codec(codec), codec) for codec in _CODECS)

    def obstacle_of(self, item: Item) -> Reason | None:
        """Why this item can't sound now, as far as audio is concerned."""
        clip = clip_of(item)
        if clip is None:
            return "relay_down" if item.relay else "bad_audio"
        if self.holds(item):
            return None
        with self._lock:
            bad = any(name_of(clip.in_codec(codec), codec) in self._bad for codec in _CODECS)
        return "bad_audio" if bad else "no_audio"

    def accept(self, file: AudioFile, codec: Codec) -> bool:
        """Check a download and put it in its place; if it is not what it should be, False, and it is deleted."""
        part = self.part(file, codec)
        name = name_of(file, codec)
        if not self._is_genuine(part, file):
            part.unlink(missing_ok=True)
            with self._lock:
                self._bad.add(name)
            return False
        put_in_place(part, self.path(file, codec))
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
        if self._is_genuine(self.path(file, codec), file):
            with self._lock:
                self._checked.add(name)
        else:
            log.error("%s is damaged and will be fetched again", name)
            self.distrust(self.path(file, codec))

    def distrust(self, path: Path) -> None:
        """Throw away a file that does not play, so that it is fetched again."""
        with self._lock:
            self._here.discard(path.name)
            self._checked.discard(path.name)
            self._bad.add(path.name)
            self._rotten_at = time.monotonic()
        self._remove(path)

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


@contextmanager
def in_memory(station: str) -> Iterator[Path | None]:
    """A folder that needs no disk, empty; None where this machine has none."""
    memory = Path("/dev/shm")  # noqa: S108 - what lies there is checked by its hash
    folder = memory / f"loa-{os.geteuid()}-{station}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder if memory.is_dir() else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
