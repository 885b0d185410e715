"""Recordings as they come in: streamed to disk under a name of ours, within a limit, or not kept at all.

An upload is called `up_<32 hexadecimal digits>_<bytes>`, so that what is kept can be counted without looking at the
disk, and a file that a power cut has shortened is known for what it is. What is made of one for listening lies beside
it under its name, a point and an ending.
"""

import re
import secrets
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, Self

from core.errors import N_, InvalidInput, NotFound, TooLarge
from core.files import check_room, full_disk_is_told

_PIECE = 256 * 1024
_ROOM_IS_CHECKED_EVERY = 4 << 20
_MOST_TITLE = 120
_NAME = re.compile(r"up_[0-9a-f]{32}(?:_([0-9]{1,15}))?")
# Where the bytes stand in a name, for those who add them up in SQL: from this character on, counted from 1.
SIZE_FROM = len("up_") + 32 + 2
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Upload:
    """`path` is the name within the folder of uploads, `title` what a person may be shown."""

    path: str
    bytes: int
    title: str


def clean_title(filename: str) -> str:
    """A title from what a browser calls the file: no folders, ending or control signs, 120 characters at most."""
    name = PurePosixPath(unicodedata.normalize("NFC", filename).replace("\\", "/")).name
    name = _ENDING.sub("", "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in name))
    return " ".join(name.replace("_", " ").split())[:_MOST_TITLE].strip(" .")


class Incoming:
    """A file on its way in, written beside its place; gone when it is closed, unless it was kept.

    A writable stream: form parsers write into it. Nothing is made on the disk before the first byte. Raises NoSpace as
    soon as less than `reserve_bytes` would stay free, TooLarge past `limit_bytes`.
    """

    def __init__(self, folder: Path, *, limit_bytes: int, reserve_bytes: int = 0) -> None:
        self._folder, self._limit, self._reserve = folder, limit_bytes, reserve_bytes
        self._name = f"up_{secrets.token_hex(16)}"
        self._part = folder / f".{self._name}.part"
        self._size, self._room_is_checked_at, self._kept = 0, 0, False
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, piece: bytes | bytearray, /) -> int:
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLarge(N_("The file is larger than the %(limit)d MB that are allowed."), limit=self._limit >> 20)
        if self._size >= self._room_is_checked_at:
            self._room_is_checked_at = self._size + _ROOM_IS_CHECKED_EVERY
            check_room(self._folder, self._reserve)
        with full_disk_is_told():
            return self._opened().write(piece)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("xb+")
        return self._file

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size) if self._file else b""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        with full_disk_is_told():
            return self._file.seek(offset, whence) if self._file else 0

    def tell(self) -> int:
        return self._file.tell() if self._file else 0

    def keep(self, filename: str) -> Upload:
        """Give the file its name. Raises InvalidInput for no bytes at all, NoSpace on a full disk."""
        if not self._size or self._file is None:
            raise InvalidInput(N_("The file is empty (0 bytes)."), code="empty_file")
        name = f"{self._name}_{self._size}"
        with full_disk_is_told():
            self._file.flush()
            self._part.rename(self._folder / name)
        self._kept = True
        return Upload(name, self._size, clean_title(filename))

    def close(self) -> None:
        """Close the file, and remove it if nobody kept it; again does nothing."""
        if self._file is None or self._file.closed:
            return
        with suppress(OSError):  # what could not be flushed is not kept
            self._file.close()
        if not self._kept:
            self._part.unlink(missing_ok=True)


def receive(
    stream: Readable | Incoming, folder: Path, *, limit_bytes: int, filename: str, reserve_bytes: int = 0
) -> Upload:
    """Stream an upload into `folder`. On any failure nothing is left behind.

    What a form parser has put there already (an `Incoming`) gets its name and is not written again. Raises TooLarge
    past `limit_bytes`, InvalidInput for no bytes at all, NoSpace when less than `reserve_bytes` would stay free.
    """
    if isinstance(stream, Incoming):
        return stream.keep(filename)
    with full_disk_is_told(), Incoming(folder, limit_bytes=limit_bytes, reserve_bytes=reserve_bytes) as incoming:
        while piece := stream.read(_PIECE):
            incoming.write(piece)
        return incoming.keep(filename)


def size_of(name: str) -> int:
    """The bytes of an upload, by its name; 0 for the name of an older version, which does not tell."""
    found = _NAME.fullmatch(name)
    return int(found[1] or 0) if found else 0


def locate(folder: Path, name: str) -> Path:
    """The uploaded file of that name. Raises NotFound, also for one cut short and for a name that is not ours."""
    found = _NAME.fullmatch(name)
    whole = found is not None and (folder / name).is_file()
    if not found or not whole or (found[1] and (folder / name).stat().st_size != int(found[1])):
        raise NotFound(N_("The uploaded file is no longer there. Please hand it in again."))
    return folder / name


@contextmanager
def discarded_on_failure(folder: Path, upload: Upload) -> Iterator[Upload]:
    """Remove the uploaded file when the block raises, for instance because nothing could be recorded about it."""
    try:
        yield upload
    except BaseException:
        (folder / upload.path).unlink(missing_ok=True)
        raise


def remove(folder: Path, name: str) -> None:
    """Remove an upload with all that was made of it; one that is gone is no trouble."""
    if _NAME.fullmatch(name):
        for file in (folder / name, *folder.glob(f"{name}.*")):
            with suppress(OSError):  # what can't be removed now is swept later
                file.unlink(missing_ok=True)


def sweep(folder: Path, keep: Collection[str], older_than_seconds: float, now: float) -> int:
    """Remove files that belong to no clip (refused ones, and those of a broken call); how many.

    `keep` are the names of uploads that wait to be rendered or are kept as originals; what was made of them stays with
    them. `now` is in seconds of the epoch.
    """
    swept = 0
    for file in folder.glob("*"):
        with suppress(OSError):
            mine = file.name.removeprefix(".").partition(".")[0]
            if mine not in keep and file.is_file() and file.stat().st_mtime < now - older_than_seconds:
                file.unlink()
                swept += 1
    return swept
