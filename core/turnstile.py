"""Who is in a hurry writes first: a word between the processes of an installation that share one SQLite file.

SQLite keeps no queue: whoever asks in the right moment has the lock, so one who writes batch after batch can keep
another out for seconds. Writers in a hurry therefore hold a lock file while they wait, and all others let them pass.
The lock is the system's: who is killed holds nothing up.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_STEP_SECONDS = 0.001
_MOST_STEPS = 50


class Turnstile:
    """Beside a database file. Safe under threads, greenlets and processes; without its file it lets everybody pass."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Be known to be in a hurry, alone or with others who are."""
        handle = self._open()
        try:
            if handle is not None:
                for _ in range(_MOST_STEPS):  # somebody may be looking in this very moment
                    if _locked(handle, fcntl.LOCK_SH):
                        break
                    time.sleep(_STEP_SECONDS)
            yield
        finally:
            if handle is not None:
                os.close(handle)

    def is_clear(self) -> bool:
        """Whether nobody is in a hurry."""
        handle = self._open()
        if handle is None:
            return True
        try:
            return _locked(handle, fcntl.LOCK_EX)
        finally:
            os.close(handle)

    def _open(self) -> int | None:
        with suppress(OSError):
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return None


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks: nobody can be told apart
    return True
