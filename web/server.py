"""The WSGI server: gevent, so that ten thousand stations can wait in one process.

The caller has patched the standard library (`gevent.monkey.patch_all`) before importing anything else.
"""

import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Callable

from flask import Flask
from gevent import signal_handler
from gevent.pywsgi import WSGIHandler, WSGIServer

from web.app import House

log = logging.getLogger(__name__)
_BACKLOG = 4_096
_STOP_SECONDS = 3
MAX_WAITERS = 40_000


class _Handler(WSGIHandler):  # type: ignore[misc]
    """Writes its access log only when somebody wants all the details."""

    def log_request(self) -> None:
        log.debug("%s", self.format_request())


class _Server(WSGIServer):  # type: ignore[misc]
    """Sends each piece of an answer at once: a head that waits for its body costs the caller 40 ms."""

    def handle(self, connection: socket.socket, address: object) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle(connection, address)


def serve(app: Flask, host: str, port: int, ready: Callable[[int], None] = lambda _port: None) -> None:
    """Answer requests until SIGTERM or SIGINT. `ready` gets the port once it is listening (0: any free one)."""
    _allow_many_files()
    house: House = app.extensions["loa"]
    server = _Server((host, port), app, backlog=_BACKLOG, handler_class=_Handler, log=None, error_log=log)
    server.start()
    house.room.open()

    def stop() -> None:
        server.stop_accepting()
        house.room.close()
        server.stop(timeout=_STOP_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal_handler(number, stop)
    ready(server.server_port)
    server._stop_event.wait()  # noqa: SLF001 - what serve_forever waits for
    house.database.dispose()


def _allow_many_files() -> None:
    """Each waiting station is an open file: take as many as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_WAITERS if hard == resource.RLIM_INFINITY else min(hard, MAX_WAITERS)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
