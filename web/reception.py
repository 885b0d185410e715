"""Recordings on their way in: written once, where they stay; so many at once, and no more.

A form parser asks for a place to put a file; it gets one in the folder of uploads, which `uploads.receive` only has to
name. What was not named is gone when the request is over, however it ends.
"""

import threading
from collections import Counter

from audio.uploads import Incoming, Upload
from core.errors import N_, Busy, TooLarge, TooMany
from core.settings import Settings

MOST_A_PERSON = 16
MOST_AT_ONCE = 64
_RETRY_SECONDS = 10


class Reception:
    """Who is handing in how many recordings in this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def open(self, who: str) -> Incoming:
        """A place for one recording of `who`, counted until it is closed.

        Raises TooMany for one person's seventeenth at once, Busy for everybody's 65th, NoSpace on a disk that is
        nearly full.
        """
        with self._lock:
            if self._open[who] >= MOST_A_PERSON:
                raise TooMany(
                    N_("You are sending %(most)s recordings at once. When they have arrived, send this one again."),
                    retry_after=_RETRY_SECONDS, most=MOST_A_PERSON,
                )  # fmt: skip
            if self._open.total() >= MOST_AT_ONCE:
                raise Busy(N_("Too many recordings are arriving at once. Try again in a moment."))
            self._open[who] += 1
        try:
            return _Counted(self, who, self._settings)
        except BaseException:
            self._done(who)
            raise

    def _done(self, who: str) -> None:
        with self._lock:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]


class _Counted(Incoming):
    """One that is too large is read to its end (a body has a bound of its own) and refused when it is to be kept.

    So the rest of its form is known, and what was typed there is not lost.
    """

    def __init__(self, reception: Reception, who: str, settings: Settings) -> None:
        super().__init__(settings.uploads, limit_bytes=settings.max_upload_bytes, reserve_bytes=settings.reserve_bytes)
        self._reception, self._who, self._counted = reception, who, True
        self._refused: TooLarge | None = None

    def write(self, piece: bytes | bytearray, /) -> int:
        if self._refused is None:
            try:
                return super().write(piece)
            except TooLarge as error:
                self._refused = error
        return len(piece)

    def keep(self, filename: str) -> Upload:
        if self._refused is not None:
            raise self._refused
        return super().keep(filename)

    def close(self) -> None:
        super().close()
        if self._counted:
            self._counted = False
            self._reception._done(self._who)  # noqa: SLF001 - the two are one
