"""The WSGI server: gevent, so that ten thousand stations can wait in one process.

The caller has patched the standard library (`gevent.monkey.patch_all`) before importing anything else.
"""

import _socket
import contextlib
import errno
import gc
import io
import logging
import resource
import signal
import socket
from collections.abc import Callable
from typing import Any

import gevent
from flask import Flask
from gevent import signal_handler
from gevent import socket as green
from gevent.pywsgi import Input, WSGIHandler, WSGIServer

from core.errors import LoaError
from web.app import House
from web.front.connections import Front
from web.front.desk import Desk
from web.front.quick import Quick
from web.intake import Intake, Share
from web.radio.listener import CONNECTION, ENDLESS

log = logging.getLogger(__name__)
_BACKLOG = 4_096
_STOP_SECONDS = 3
MAX_WAITERS = 40_000
_LENGTH = b"content-length"
_NO_FILES_LEFT = frozenset({errno.EMFILE, errno.ENFILE})


class _Begun(io.RawIOBase):
    """A connection of which some was read already. `peeking`: what is not here yet is not waited for."""

    def __init__(self, begun: bytes, connection: Any) -> None:
        super().__init__()
        self.begun, self.peeking, self._connection = begun, False, connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self.begun:
            size = min(len(self.begun), len(buffer))
            buffer[:size], self.begun = self.begun[:size], self.begun[size:]
            return size
        return None if self.peeking else int(self._connection.recv_into(buffer))


class _Handler(WSGIHandler):  # type: ignore[misc]
    """Writes its access log only when somebody wants all the details; reads large bodies fairly.

    It answers one request; what rests until the next belongs to the front.
    """

    def handle(self) -> None:
        connection = self.socket
        try:
            answer = self.handle_one_request()
            if answer is True:
                raw = self.rfile.raw
                raw.peeking = True
                begun = bytes(self.rfile.peek(1)) + raw.begun
                self.server.rests(connection, self.client_address, begun)
                return
            with contextlib.suppress(OSError):
                if answer is not None:
                    self.status, said = answer
                    connection.sendall(said)
                # What came and was not read would make the system break the connection before the answer is read.
                connection.setblocking(False)
                connection.recv(16_384)
        finally:
            connection.close()

    def log_request(self) -> None:
        log.debug("%s", self.format_request())

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        source = environ["wsgi.input"]
        if isinstance(source, Input):  # and not the bare socket of an upgraded connection
            self.wsgi_input = environ["wsgi.input"] = Intake(source, self, self.server.share)
        environ[CONNECTION] = self.socket
        return environ

    def finalize_headers(self) -> None:
        """Endless streams go out as they are: many players of Internet radio know no chunks."""
        endless = bool(self.environ.get(ENDLESS))
        if endless:
            self.request_version = "HTTP/1.0"
        super().finalize_headers()
        if self.close_connection and self.request_version != "HTTP/1.0":
            # Else callers that asked for it themselves would send their next request on this connection all the same.
            self.response_headers[:] = [each for each in self.response_headers if each[0].lower() != b"connection"]
            self.response_headers.append((b"Connection", b"close"))
        if endless:  # what answers HEAD has no length either
            self.response_headers[:] = [each for each in self.response_headers if each[0].lower() != _LENGTH]


class _Server(WSGIServer):  # type: ignore[misc]
    """Connections come to the front first; the whole application gets what the front leaves to it.

    Each piece of an answer is sent at once: a head that waits for its body costs the caller 40 ms.
    """

    def __init__(self, *arguments: Any, most: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.share = Share()
        self.front = Front(self.take_over, most)

    def do_read(self) -> tuple[Any, Any] | None:
        """Accept one connection, as a bare socket that never blocks."""
        try:
            number, address = self.socket._accept()  # noqa: SLF001 - as the class above does
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in _NO_FILES_LEFT and self.front.make_room():
                return None  # the next look comes at once: somebody still knocks
            raise
        connection = _socket.socket(self.socket.family, self.socket.type, self.socket.proto, fileno=number)
        connection.setblocking(False)
        return connection, address

    def do_handle(self, connection: Any, address: Any) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.front.arrived(connection, address)

    def take_over(self, connection: Any, address: Any, begun: bytes) -> None:
        """Answer with the whole application, in a greenlet of its own."""
        self.front.elsewhere += 1
        gevent.spawn(self._answer, connection, address, begun)

    def _answer(self, bare: Any, address: Any, begun: bytes) -> None:
        try:
            connection = green.socket(bare.family, bare.type, bare.proto, fileno=bare.detach())
            file = io.BufferedReader(_Begun(begun, connection), max(len(begun), io.DEFAULT_BUFFER_SIZE))
            _Handler(connection, address, self, rfile=file).handle()
        finally:
            self.front.elsewhere -= 1

    def rests(self, connection: Any, address: Any, begun: bytes) -> None:
        """A connection whose request has been answered; `begun` is what was read of the next."""
        bare = _socket.socket(connection.family, connection.type, connection.proto, fileno=connection.detach())
        bare.setblocking(False)
        self.front.arrived(bare, address, begun)


def serve(app: Flask, host: str, port: int, ready: Callable[[int], None] = lambda _port: None) -> None:
    """Answer requests until SIGTERM or SIGINT. `ready` gets the port once it is listening (0: any free one)."""
    most = _allow_many_files()
    house: House = app.extensions["loa"]
    server = _Server((host, port), app, most=most, backlog=_BACKLOG, handler_class=_Handler, log=None, error_log=log)
    desk = Desk(house.database, house.clock, server.front.is_handing_out)
    elsewhere = house.settings.media_url or house.settings.media_accel_path
    store = None if elsewhere else house.store
    quick = Quick(server.front, house.room, desk, store, house.settings.trusted_hosts, house.clock)
    house.room.listeners.append(server.front.news)
    desk.open()
    server.front.open(quick)
    with contextlib.suppress(LoaError):  # else the first callers would each ask the tables; who follows tries again
        house.room.catch_up()
    # The picture of a province is a million objects that stay: no page shall wait while they are walked for garbage.
    gc.collect()
    gc.freeze()
    house.room.open()
    server.start()

    def stop() -> None:
        server.stop_accepting()
        desk.close()
        house.room.close()
        server.front.close()
        house.progress.close()
        house.events.close()
        house.radio.close()
        house.live.close()
        server.stop(timeout=_STOP_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal_handler(number, stop)
    ready(server.server_port)
    server._stop_event.wait()  # noqa: SLF001 - what serve_forever waits for
    house.database.dispose()


def _allow_many_files() -> int:
    """Each waiting station is an open file: take as many as the system lets us; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_WAITERS if hard == resource.RLIM_INFINITY else min(hard, MAX_WAITERS)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
