"""Starting a prepared message at the device itself: a socket in the station's home, for this machine's own user.

The player listens on `alarm.sock`; `loa station alarm` speaks to it, one line of JSON each way. That needs no network
and no server. Who may reach it: the user the player runs as, and root; the kernel says who is calling.
"""

import errno
import hashlib
import json
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from core.errors import N_, Conflict, Forbidden, LoaError, NotFound
from core.files import FULL
from core.standing import versions
from station.book import Book
from station.shelf import Shelf
from station.standing import title_of

log = logging.getLogger(__name__)

SOCKET = "alarm.sock"
_LISTEN_SECONDS = 1.0
_TALK_SECONDS = 5.0
_MAX_BYTES = 4096
_CREDENTIALS = struct.Struct("3i")


class Counter:
    """The player's side. One thread calls `step` again and again."""

    def __init__(self, home: Path, book: Book, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self._home = home
        self._book = book
        self._shelf = shelf
        self._now = now
        self._listener: socket.socket | None = None

    def step(self) -> float:
        """Serve one caller, or none within a second; returns the seconds until the next step. Raises OSError."""
        if self._listener is None:
            self._listener = _listen(self._home)
        try:
            caller, _ = self._listener.accept()
        except TimeoutError:
            return 0.0
        except OSError:
            self.close()
            raise
        with caller:
            caller.settimeout(_TALK_SECONDS)
            try:
                answer = self._answer(caller)
            except (OSError, ValueError, TypeError) as error:
                log.warning("somebody at the device could not be understood: %s", error)
                answer = {"ok": False, "error": "?"}
            with suppress(OSError):
                caller.sendall(json.dumps(answer).encode() + b"\n")
        return 0.0

    def close(self) -> None:
        """Listen no more, and take the socket away."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
            with suppress(OSError):
                (self._home / SOCKET).unlink()

    def _answer(self, caller: socket.socket) -> dict[str, Any]:
        if _user_of(caller) not in {0, os.geteuid()}:
            return {"ok": False, "error": "You may not do this here."}
        asked = json.loads(_line(caller))
        if not isinstance(asked, dict):
            raise TypeError("no object")
        try:
            return self._do(asked)
        except LoaError as error:
            return {"ok": False, "error": str(error)}

    def _do(self, asked: dict[str, Any]) -> dict[str, Any]:
        now = self._now()
        if asked.get("do") == "list":
            languages = self._book.settings.languages
            return {"ok": True, "messages": [
                {
                    "id": ticket.id, "kind": ticket.standing, "title": title_of(ticket, languages),
                    "ready": all(self._shelf.holds(item) for item in versions(ticket, languages)),
                }
                for ticket, _ in self._book.standing.all()
            ]}  # fmt: skip
        if asked.get("do") == "stop":
            count = self._book.stop_here(now)
            log.warning("somebody at the device stopped what was started there (%d)", count)
            return {"ok": True, "stopped": count}
        name, times, volume = str(asked.get("name", "")), int(asked.get("times", 1)), int(asked.get("volume", 100))
        ticket = self._book.start_here(name, now, self._shelf.holds, times=times, volume=volume)
        log.warning("somebody at the device started “%s” (%s)", ticket.items[0].title, ticket.id)
        return {"ok": True, "airing": ticket.id, "title": ticket.items[0].title}


def ask(home: Path, what: dict[str, Any]) -> dict[str, Any]:
    """What the player in `home` answers. Raises Conflict where none runs, Forbidden, NotFound with its reason."""
    try:
        with _reachable(home) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_TALK_SECONDS)
            try:
                line.connect(address)
            except (FileNotFoundError, ConnectionRefusedError):  # the disk took no socket
                line.connect(_without_file(home))
            if _user_of(line) not in {0, home.stat().st_uid}:
                raise ConnectionRefusedError("somebody else listens")
            line.sendall(json.dumps(what).encode() + b"\n")
            answer: dict[str, Any] = json.loads(_line(line))
    except PermissionError as error:
        raise Forbidden(
            N_("Only the user that the station runs as, or root, may do this in “%(home)s”."), home=str(home)
        ) from error
    except (OSError, ValueError) as error:
        raise Conflict(
            N_("No station runs in “%(home)s”, so nothing can sound. Start it with “loa station run”."), home=str(home)
        ) from error
    if not answer.get("ok"):
        raise NotFound(N_("%(why)s"), why=str(answer.get("error", "?"))[:500])
    return answer


def _listen(home: Path) -> socket.socket:
    with _reachable(home) as address:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            try:
                with suppress(FileNotFoundError):
                    os.unlink(address)  # noqa: PTH108 - a path through an open folder; the home is locked: it is dead
                listener.bind(address)
                os.chmod(address, 0o600)  # noqa: PTH101 - as above
            except OSError as error:
                if error.errno not in {*FULL, errno.EACCES, errno.EPERM}:
                    raise
                listener.bind(_without_file(home))
            listener.listen(4)
            listener.settimeout(_LISTEN_SECONDS)
        except OSError:
            listener.close()
            raise
    return listener


def _without_file(home: Path) -> str:
    """A name that no file system knows (unix(7)), for a home that can't be written."""
    return "\0loa-station-" + hashlib.sha256(bytes(home.resolve())).hexdigest()[:32]


def _user_of(connection: socket.socket) -> int:
    """Who is at the other end, as the kernel says."""
    given = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(given)[1])


@contextmanager
def _reachable(home: Path) -> Iterator[str]:
    """The socket's address through the open folder, for a path of its own may be longer than a socket's can be."""
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)


def _line(connection: socket.socket) -> bytes:
    content = bytearray()
    while b"\n" not in content and len(content) < _MAX_BYTES:
        piece = connection.recv(_MAX_BYTES)
        if not piece:
            break
        content += piece
    return bytes(content)
