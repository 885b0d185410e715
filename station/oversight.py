"""Telling systemd how the station is: ready, alive, stopping (the datagrams of sd_notify(3))."""

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)
_SHARE = 3  # of the time that systemd allows: two signs may be lost before it starts the station again


class Oversight:
    """Says nothing where nobody listens: outside systemd, or in a child of what systemd started."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._microseconds = _number(environment.get("WATCHDOG_USEC", ""))
        if _number(environment.get("WATCHDOG_PID", "")) not in {0, os.getpid()}:
            self._microseconds = 0

    @property
    def beat(self) -> float | None:
        """Seconds between signs of life; None where nobody counts them."""
        return self._microseconds / 1e6 / _SHARE if self._address and self._microseconds else None

    def ready(self) -> None:
        self._say("READY=1")

    def alive(self) -> None:
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def _say(self, state: str) -> None:
        if not self._address:
            return
        # A name that begins with @ stands for one that no file system knows (unix(7)).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto(state.encode(), address)
        except OSError as error:
            log.warning("systemd could not be told %s: %s", state, error)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
