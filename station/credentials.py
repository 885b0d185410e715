"""The token this station shows, and, until a renewed one was accepted once, the one before it.

The server lets the old token work until the new one is used. So a station that never got the answer with its new
token, or lost power while keeping it, still has one that opens.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from core.errors import LoaError

Keep = Callable[[str, str | None], None]


def _forget(token: str, spare: str | None) -> None:
    """Keep nothing: for a link with a token that never changes."""


class Credentials:
    """Shared by all links of a station. Thread-safe. `keep` writes what is to outlive a power cut."""

    def __init__(self, token: str, spare: str | None = None, keep: Keep = _forget) -> None:
        self._lock = threading.Lock()
        self._token, self._spare, self._keep = token, spare, keep

    @property
    def token(self) -> str:
        """What is shown first."""
        with self._lock:
            return self._token

    def renewed(self, token: str) -> None:
        """A new token came: it is tried from now on, the present one is kept until that went well.

        Raises what `keep` raises, and goes on with the present one: what is not kept must never be used.
        """
        with self._lock:
            self._keep(token, self._token)
            self._token, self._spare = token, self._token

    def accepted(self, used: str) -> None:
        """The server took `used`. If that is the new one, the one before it has ended."""
        with self._lock:
            if self._spare is not None and used == self._token:
                with suppress(LoaError):  # a full disk: then both are tried after a restart
                    self._keep(self._token, None)
                self._spare = None

    def other(self, refused: str) -> str | None:
        """What else to show when `refused` was not taken: the present one if another was shown, else the spare."""
        with self._lock:
            return self._token if refused != self._token else self._spare

    def fall_back(self, accepted: str) -> None:
        """The new token was refused and the spare, `accepted`, taken: the new one never became good."""
        with self._lock:
            if self._spare == accepted:
                with suppress(LoaError):
                    self._keep(accepted, None)
                self._token, self._spare = accepted, None
