"""A loop that never dies quietly: it catches in one place, logs, backs off, and shows when it last succeeded."""

import logging
import threading
import time
from collections.abc import Callable

from core.errors import NoSpace
from station.link import Rejected, TokenRefused, Unreachable, backoff_seconds

log = logging.getLogger(__name__)


class Loop:
    """Calls `step` again and again in a thread; `step` returns the seconds to wait, and `wake` cuts the wait short."""

    def __init__(
        self, name: str, step: Callable[[], float], stopping: threading.Event,
        *, on_refused: Callable[[], None] | None = None, most_backoff: float = 60.0,
    ) -> None:  # fmt: skip
        self.name = name
        self.wake = threading.Event()
        self.last_success: float | None = None  # time.monotonic()
        self.failures = 0
        self._step = step
        self._stopping = stopping
        self._on_refused = on_refused
        self._most_backoff = most_backoff
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.wake.wait(max(0.0, self._once()))
            self.wake.clear()

    def _once(self) -> float:
        try:
            wait = self._step()
        except TokenRefused as error:
            log.warning("%s: %s", self.name, error)
            if self._on_refused is not None:
                self._on_refused()
        except (Unreachable, Rejected) as error:
            log.log(logging.INFO if self.failures else logging.WARNING, "%s: %s", self.name, error)
        except NoSpace as error:
            log.error("%s: %s", self.name, error)  # noqa: TRY400 - a full disk needs no traceback every minute
        except Exception:
            log.exception("%s: a step failed; the loop goes on", self.name)
        else:
            self.failures = 0
            self.last_success = time.monotonic()
            return wait
        self.failures += 1
        return backoff_seconds(self.failures, most=self._most_backoff)
