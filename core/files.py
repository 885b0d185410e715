"""Files that are whole or absent: written beside their place, synced, then renamed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import N_, NoSpace

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
MB = 1 << 20


@contextmanager
def full_disk_is_told() -> Iterator[None]:
    """Turn the operating system's "no space" and "read-only" into NoSpace."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace(N_("The disk is full or read-only. Make room and try again; nothing was lost.")) from error
        raise


def check_room(folder: Path, reserve_bytes: int, more_bytes: int = 0) -> None:
    """Raise NoSpace when `more_bytes` in `folder` would leave less than `reserve_bytes` free on its file system."""
    place = folder
    while not place.exists():
        place = place.parent
    with full_disk_is_told():
        free = shutil.disk_usage(place).free
    if free - more_bytes < reserve_bytes:
        raise NoSpace(
            N_(
                "The server's disk is nearly full (%(free)d MB left; %(reserve)d MB are kept for the timetable and "
                "its reports). What is planned goes on. Make room, then try again; nothing was lost."
            ),
            code="disk_nearly_full", free=free // MB, reserve=reserve_bytes // MB,
        )  # fmt: skip


def put_in_place(temporary: Path, target: Path) -> None:
    """Sync `temporary` and rename it to `target` on the same file system; the name appears only when all is there."""
    with full_disk_is_told():
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(target)
        directory = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def write_atomically(target: Path, content: bytes, mode: int = 0o644) -> None:
    """Write `content` to `target` so that a reader, or a power cut, sees the old file or the new one."""
    with full_disk_is_told():
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            Path(name).chmod(mode)
            put_in_place(Path(name), target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
