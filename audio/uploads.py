"""Recordings as they come in: streamed to disk under a name of ours, within a limit, or not kept at all."""

import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from core.errors import N_, InvalidInput, NotFound, TooLarge
from core.files import full_disk_is_told

_PIECE = 256 * 1024
_MOST_TITLE = 120
_NAME = re.compile(r"up_[0-9a-f]{32}")
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


def receive(stream: Readable, folder: Path, *, limit_bytes: int, filename: str) -> Upload:
    """Stream an upload into `folder`. On any failure nothing is left behind.

    Raises TooLarge past `limit_bytes`, InvalidInput for no bytes at all, NoSpace on a full disk.
    """
    name = f"up_{secrets.token_hex(16)}"
    part, size = folder / f".{name}.part", 0
    try:
        with full_disk_is_told():
            folder.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as out:
                while piece := stream.read(_PIECE):
                    size += len(piece)
                    if size > limit_bytes:
                        raise TooLarge(
                            N_("The file is larger than the %(limit)d MB that are allowed."), limit=limit_bytes >> 20
                        )
                    out.write(piece)
            if not size:
                raise InvalidInput(N_("The file is empty (0 bytes)."), code="empty_file")
            part.rename(folder / name)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Upload(name, size, clean_title(filename))


def locate(folder: Path, name: str) -> Path:
    """The uploaded file of that name. Raises NotFound, also for every name that is not one of ours."""
    if not _NAME.fullmatch(name) or not (folder / name).is_file():
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


def sweep(folder: Path, keep: set[str], older_than_seconds: float, now: float) -> int:
    """Remove uploads that nobody will render any more (refused ones, and those of a broken call); how many.

    `keep` are the names of uploads that wait to be rendered; `now` is in seconds of the epoch.
    """
    swept = 0
    for file in folder.glob("*"):
        with suppress(OSError):
            if file.name not in keep and file.is_file() and file.stat().st_mtime < now - older_than_seconds:
                file.unlink()
                swept += 1
    return swept
