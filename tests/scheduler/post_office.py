"""A mail server and a web server on loopback, which keep what they are handed and can be slow, rude or away."""

import socket
import socketserver
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Mail(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@dataclass
class MailServer:
    """Speaks enough of SMTP for smtplib. `refuses` answers every recipient with 550; `silent_for` seconds before each line."""

    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    refuses: bool = False
    silent_for: float = 0.0

    def __post_init__(self) -> None:  # noqa: C901 - one verb after the other
        office = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line: str) -> None:
                time.sleep(office.silent_for)
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self) -> None:
                sender, recipients = "", []
                try:
                    self.say("220 test ESMTP")
                    while line := self.rfile.readline().decode().strip():
                        verb = line.split()[0].upper()
                        if verb == "EHLO":
                            self.say("250-test\r\n250 SMTPUTF8")
                        elif verb == "MAIL":
                            sender = line.split("<")[1].split(">")[0]
                            self.say("250 ok")
                        elif verb == "RCPT":
                            recipients.append(line.split("<")[1].split(">")[0])
                            self.say("550 nobody here" if office.refuses else "250 ok")
                        elif verb == "DATA":
                            self.say("354 go on")
                            body = b""
                            while (piece := self.rfile.readline()) != b".\r\n":
                                body += piece[1:] if piece.startswith(b"..") else piece
                            office.envelopes.append((sender, recipients))
                            office.messages.append(message_from_bytes(body, policy=policy.default))  # type: ignore[arg-type]
                            self.say("250 kept")
                        elif verb == "QUIT":
                            self.say("221 bye")
                            return
                        else:
                            self.say("250 ok")
                except OSError:
                    return

        self._server = _Mail(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@dataclass
class WebServer:
    """Keeps what is posted. `status` is what it answers, `location` where it sends callers, `drips` a slow answer."""

    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    location: str = ""
    drips: bool = False

    def __post_init__(self) -> None:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                office.posts.append((self.path, dict(self.headers), body))
                if office.drips:
                    try:
                        for _ in range(200):
                            self.wfile.write(b"H")
                            time.sleep(0.05)
                    except OSError:
                        return
                self.send_response(office.status)
                if office.location:
                    self.send_header("Location", office.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/loa?commune=79.1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
