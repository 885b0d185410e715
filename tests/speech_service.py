"""A speech service of our own on loopback: answers as translate.google.com does, well or badly as a test wants it."""

import base64
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
import soundfile


class SpeechService(ThreadingHTTPServer):
    """Answers as translate.google.com's batchexecute does; `behave` changes how."""

    daemon_threads = True

    def __init__(self, mp3: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mp3 = mp3
        self.behave: Any = "well"
        self.asked: list[list[Any]] = []
        self.stop = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        """A client that was cut off is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: SpeechService
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.server.asked.append([self.path])
        self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        rpc = json.loads(urllib.parse.parse_qs(body)["f.req"][0])
        asked = json.loads(rpc[0][0][1])
        self.server.asked.append([self.path, *asked])
        seconds = 1 if self.server.behave == "short" else max(1, round(len(asked[0]) * 0.06))
        sound = base64.b64encode(self.server.mp3 * seconds).decode()
        rows = json.dumps(
            [["wrb.fr", "jQ1olc", json.dumps([sound]), None, None, None, "generic"]], separators=(",", ":")
        )
        answer = f')]}}\'\n\n{len(rows)}\n{rows}\n25\n[["e",4,null,null,{len(rows)}]]\n'.encode()
        getattr(self, f"_{self.server.behave}")(answer)

    def _send(self, answer: bytes, status: int = 200, kind: str = "application/json; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _well(self, answer: bytes) -> None:
        self._send(answer)

    def _short(self, answer: bytes) -> None:
        self._send(answer)

    def _hang(self, answer: bytes) -> None:
        self.server.stop.wait(30)
        self.close_connection = True

    def _drip(self, answer: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        for byte in answer:
            self.wfile.write(bytes([byte]))
            if self.server.stop.wait(0.1):
                break

    def _drip_headers(self, answer: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000:
            self.wfile.write(bytes([byte]))
            if self.server.stop.wait(0.1):
                break
        self.close_connection = True

    def _too_many(self, answer: bytes) -> None:
        self._send(b"<html>unusual traffic</html>", 429, "text/html")

    def _error(self, answer: bytes) -> None:
        self._send(b"", 503)

    def _html(self, answer: bytes) -> None:
        self._send(b"<!doctype html><title>Before you continue</title>" * 50, kind="text/html")

    def _half(self, answer: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: len(answer) // 2])
        self.close_connection = True

    def _cut_short(self, answer: bytes) -> None:
        self._send(answer[: len(answer) // 2])

    def _no_sound(self, answer: bytes) -> None:
        self._send(b')]}\'\n\n[["wrb.fr","jQ1olc",null,null,null,[3],"generic"]]\n')

    def _noise(self, answer: bytes) -> None:
        sound = base64.b64encode(bytes(range(256)) * 40).decode()
        self._send(f'[["wrb.fr","jQ1olc","[\\"{sound}\\"]",null]]'.encode())

    def _redirect(self, answer: bytes) -> None:
        self.send_response(302)
        self.send_header("Location", self.server.url + "/sorry")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _second_fails(self, answer: bytes) -> None:
        if len(self.server.asked) == 1:
            self._send(answer)
        else:
            self._too_many(answer)


@pytest.fixture(scope="session")
def short_mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One second of a voice-like tone at 24 kHz, as the speech service sends it."""
    time = np.arange(24_000) / 24_000
    tone = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 9)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    soundfile.write(path, (tone * 0.2).astype("f4"), 24_000, format="MP3")
    return path.read_bytes()


@pytest.fixture
def service(short_mp3: bytes) -> Iterator[SpeechService]:
    server = SpeechService(short_mp3)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    thread.join()
    server.server_close()
