"""The store of finished audio: a file's name is the SHA-256 of its bytes."""

import contextlib
import hashlib
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFound
from core.files import full_disk_is_told, put_in_place
from core.wire import AudioFile, Codec

_NAME = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[0-9a-f]{64}\.(?:mp3|opus)")
_WORK = ".work"
_PIECE = 1 << 20


def sha256_of(path: Path) -> str:
    """Hash of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


@dataclass(frozen=True)
class Verified:
    """How many files there are, how many were looked at before the time was over, and the damaged ones by name."""

    files: int
    looked_at: int
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Collected:
    files: int
    bytes: int


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _made_young(file: Path) -> bool:
    """Begin the file's time of grace anew, as `collect` counts it; False when it was collected this moment."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True


class MediaStore:
    """Files under `root`, a folder for each first two characters. Any number of processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str, codec: Codec) -> Path:
        """Where the file lies or would lie. Raises NotFound for what is not a hash or a codec."""
        if not _NAME.fullmatch(sha256) or codec not in ("mp3", "opus"):
            raise NotFound
        return self.root / sha256[:2] / f"{sha256}.{codec}"

    def has(self, file: AudioFile, codec: Codec) -> bool:
        """Whether the file is there in its full length (bytes are compared by `verify`)."""
        try:
            return self.path(file.sha256, codec).stat().st_size == file.bytes
        except OSError:
            return False

    def verify(self, sha256: str, codec: Codec) -> bool:
        """Whether the file is there and its bytes are the ones it is named for."""
        try:
            return sha256_of(self.path(sha256, codec)) == sha256
        except OSError:
            return False

    def put(self, path: Path, codec: Codec) -> AudioFile:
        """Take the file at `path` (from `workspace`, so on the same file system) into the store; it is moved.

        A good file of that name is left as it is; one damaged on disk is replaced. Raises NoSpace.
        """
        sha256 = sha256_of(path)
        size, target = path.stat().st_size, self.path(sha256, codec)
        if self.verify(sha256, codec) and _made_young(target):
            path.unlink()
        else:
            path.chmod(0o644)
            put_in_place(path, target)
        return AudioFile(sha256=sha256, bytes=size)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A fresh folder on the store's file system; gone afterwards with all that is left in it."""
        with full_disk_is_told():
            work = self.root / _WORK
            work.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=work))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, older_than_seconds: float, now: float | None = None) -> int:
        """Remove work folders that a killed process left behind; how many. `now` in seconds of the epoch."""
        limit, swept = (time.time() if now is None else now) - older_than_seconds, 0
        for folder in (self.root / _WORK).glob("*"):
            with contextlib.suppress(OSError):
                newest = max((item.stat().st_mtime for item in [folder, *folder.glob("*")]), default=0)
                if newest < limit:
                    shutil.rmtree(folder)
                    swept += 1
        return swept

    def _finished(self) -> Iterator[Path]:
        """Every finished file, in order of name."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(file for file in folder.iterdir() if _FILE.fullmatch(file.name))

    def verify_all(
        self, *, at_most_seconds: float = math.inf, progress: Callable[[int], None] = lambda _percent: None
    ) -> Verified:
        """Compare the bytes of every file with its name. Stops, and says so, when `at_most_seconds` are over.

        Damaged files are named, not touched: rendering the same text again, or handing in the recording, replaces them.
        """
        until, damaged, looked_at, done = time.monotonic() + at_most_seconds, [], 0, 0
        files = list(self._finished())
        total = max(1, sum(_size(file) for file in files))
        for file in files:
            if time.monotonic() >= until:
                break
            size = _size(file)
            with contextlib.suppress(FileNotFoundError):  # collected meanwhile
                try:
                    good = sha256_of(file) == file.stem
                except FileNotFoundError:
                    raise
                except OSError:  # the disk can't read it any more
                    good = False
                if not good:
                    damaged.append(file.name)
            looked_at, done = looked_at + 1, done + size
            progress(min(99, done * 100 // total))
        progress(100)
        return Verified(len(files), looked_at, tuple(damaged))

    def older(self, keep: Container[str], older_than: float, *, now: float | None = None) -> Iterator[Path]:
        """The finished files whose hash is not in `keep` and that are older than `older_than` seconds, by name."""
        limit = (time.time() if now is None else now) - older_than
        for file in self._finished():
            if file.stem not in keep:
                with contextlib.suppress(OSError):
                    if file.stat().st_mtime < limit:
                        yield file

    def collect(self, keep: Container[str], older_than: float, *, now: float | None = None) -> Collected:
        """Remove the finished files whose hash is not in `keep` and that are older than `older_than` seconds.

        The age counts from the last time the file was put, so what was just rendered is safe until its clip is
        recorded, also when another process puts it in this very moment. Whoever calls lists in `keep` the hashes of
        every clip and of every plan still in force.
        """
        limit = (time.time() if now is None else now) - older_than
        removed, freed = 0, 0
        with self.workspace() as folder:
            for file in self.older(keep, older_than, now=now):
                aside = folder / file.name
                with contextlib.suppress(OSError):
                    file.rename(aside)
                    facts = aside.stat()
                    if facts.st_mtime < limit:
                        aside.unlink()
                        removed, freed = removed + 1, freed + facts.st_size
                    else:  # somebody put it again after its age was looked at
                        aside.rename(file)
        return Collected(removed, freed)
