"""How far the item on air has come, several times a second, where it outlives the process.

The store keeps that every few seconds, for each of its writes costs the memory card one. This is a small file that is
overwritten in place and never synced: a process that is killed leaves it as it was a moment ago; of a power cut
remains what the system had written by then. A record that was torn is none.
"""

import json
import logging
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_SIZE = 256
_MAX_ID = 80


@dataclass(frozen=True, slots=True)
class Beat:
    """Airing and item, where in it the sound was, and how much of it had sounded, in seconds."""

    airing: str
    item: int
    position: float
    sounded: float


class Pulse:
    """One file in the station's home. Where it can't be written, nothing is noted."""

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        self._last = _read(path)
        with suppress(OSError):
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def last(self) -> Beat | None:
        """What the process before this one noted last."""
        return self._last

    def note(self, beat: Beat) -> None:
        if self._handle is None:
            return
        text = json.dumps([beat.airing, beat.item, round(beat.position, 3), round(beat.sounded, 3)]).encode()
        record = b"%08x %s\n" % (zlib.crc32(text), text)
        if len(record) > _SIZE:
            return
        try:
            os.pwrite(self._handle, record.ljust(_SIZE), 0)
        except OSError as error:
            log.info("the place of what is on air can't be noted: %s", error)
            self.close()

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def _read(path: Path) -> Beat | None:
    try:
        with path.open("rb") as stream:
            record = stream.read(_SIZE)
        check, _, text = record.rstrip().partition(b" ")
        if int(check, 16) != zlib.crc32(text):
            return None
        airing, item, position, sounded = json.loads(text)
    except (OSError, ValueError, TypeError):
        return None
    fits = isinstance(airing, str) and len(airing) <= _MAX_ID and isinstance(item, int)
    numbers = all(isinstance(each, int | float) and each >= 0 for each in (position, sounded))
    return Beat(airing, item, float(position), float(sounded)) if fits and numbers else None
