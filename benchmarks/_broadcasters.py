"""Broadcasters on loopback that fail on demand: a plain HTTP stream, Debian's icecast2 with a source, an HLS folder.

Each sends noise of known seconds at the pace of the clock, and takes the fault that it is given.
"""

import base64
import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _icecast

LAB = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(LAB))
from relay_lab import FFMPEG, FORMS, RATE, Broadcaster, encoded, noise  # type: ignore[import-not-found]  # noqa: E402

BYTES_A_SECOND = 8_000
SEGMENT_SECONDS = 2
SENT = ("silence", "stall", "gone", "no sound")
HLS = ("silence", "stalled playlist", "gone")
SURVIVED = ("missing segment", "discontinuity", "target too long", "target too short", "numbers begin anew")
_STEP = 0.1


class Sound:
    """An endless MP3 at the pace of the clock; while it has `silence` it goes on, without sound."""

    def __init__(self) -> None:
        self.sound: bytes = encoded(noise(60.0, 3), *FORMS["mp3"])
        self.silence: bytes = encoded(np.zeros(RATE * 30, np.float32), *FORMS["mp3"])

    def send(self, write: Callable[[bytes], object], fault: Callable[[], str], over: threading.Event) -> None:
        """Write until the fault is one that ends the stream, or `over`."""
        at, due = 0, time.monotonic()
        while not over.is_set() and (now := fault()) not in {"gone", "no sound"}:
            content = self.silence if now == "silence" else self.sound
            size = round(BYTES_A_SECOND * _STEP)
            begin = at % (len(content) - size)
            if now != "stall":
                write(content[begin : begin + size])
                at += size
            due += _STEP
            over.wait(max(0.0, due - time.monotonic()))


class Plain:
    """A stream by HTTP. `fault` is one of `SENT`, or empty."""

    name = "http"
    faults = SENT

    def __init__(self, server: Any, sound: Sound) -> None:
        self.fault = ""
        self.url: str = server.url("/plain.mp3")
        self._sound = sound
        server.pages["/plain.mp3"] = self._page

    def _page(self, handler: Any) -> None:
        if self.fault == "gone":
            handler.send_error(503)
            return
        handler.begin("/plain.mp3", **{"Content-Type": "audio/mpeg"})
        if self.fault == "no sound":
            handler.wfile.write(b"<html><body>error</body></html>" * 1_000)
            return
        handler.wfile.write(self._sound.sound[: 3 * BYTES_A_SECOND])
        self._sound.send(handler.wfile.write, lambda: self.fault, handler.server.gone)


class Icecast:
    """Debian's icecast2, with a source of ours that sends to it. `fault` is one of `faults`, or empty."""

    name = "icecast"
    faults = ("silence", "stall", "gone")

    def __init__(self, port: int, sound: Sound) -> None:
        self.fault = ""
        self.url = f"http://127.0.0.1:{port}{_icecast.MOUNT}"
        self._port = port
        self._sound = sound
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._over.is_set():
            if self.fault != "gone":
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 5) as to:
                    secret = base64.b64encode(b"source:x").decode()
                    head = f"SOURCE {_icecast.MOUNT} HTTP/1.0\r\nAuthorization: Basic {secret}\r\n"
                    to.sendall(f"{head}Content-Type: audio/mpeg\r\nice-name: VOV thu\r\n\r\n".encode())
                    if b"200" in to.recv(512):
                        self._sound.send(to.sendall, lambda: self.fault, self._over)
            self._over.wait(0.5)


class Folder:
    """A live HLS folder: five pieces of two seconds, a new one every two. `fault` of `HLS` and `SURVIVED`, or empty."""

    name = "hls"
    faults = HLS + SURVIVED

    def __init__(self, server: Any, folder: Path) -> None:
        self.fault = ""
        self.url: str = server.url("/hls/list.m3u8")
        self._server = server
        self._began = time.monotonic()
        self._offset = 0  # of the numbers
        self._since = 0  # the piece with which the fault begins
        self._frozen: bytes = b""
        self._was = ""
        self._lock = threading.Lock()
        forms = {
            "sound": (noise(60.0, 5), "44100"), "silence": (np.zeros(RATE * 20, np.float32), "44100"),
            "other": (noise(40.0, 6), "32000"),
        }  # fmt: skip
        self._count = {name: self._make(folder / name, name, *what) for name, what in forms.items()}
        server.pages["/hls/list.m3u8"] = self._list

    def _make(self, folder: Path, name: str, sound: Any, rate: str) -> int:
        folder.mkdir(parents=True)
        command = [FFMPEG, "-loglevel", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"]
        command += ["-ar", rate, "-c:a", "aac", "-b:a", "64k", "-f", "segment", "-segment_time", str(SEGMENT_SECONDS)]
        subprocess.run([*command, "-segment_format", "mpegts", "%d.ts"], input=sound.tobytes(), check=True, cwd=folder)
        found = [path for path in folder.glob("*.ts") if path.stat().st_size > 2_000]  # not the tail
        for path in found:
            self._server.pages[f"/hls/{name}/{path.name}"] = path
        return len(found)

    def _list(self, handler: Any) -> None:
        with self._lock:
            newest = int((time.monotonic() - self._began) / SEGMENT_SECONDS)
            if self.fault != self._was:
                self._was, self._since = self.fault, newest
                self._offset = 1_000_000 - self._offset if self.fault == "numbers begin anew" else self._offset
                self._frozen = b""
            if self.fault == "gone":
                handler.send_error(500)
                return
            text = self._frozen or self._written(newest).encode()
            self._frozen = text if self.fault == "stalled playlist" else b""
        handler.begin("/hls/list.m3u8")
        handler.wfile.write(text)

    def _written(self, newest: int) -> str:
        target = {"target too long": 30, "target too short": 1}.get(self.fault, SEGMENT_SECONDS)
        first = max(0, newest - 4)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{target}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first + self._offset}")
        for number in range(first, newest + 1):
            faulty = number >= self._since
            form = "silence" if faulty and self.fault == "silence" else "sound"
            form = "other" if faulty and self.fault == "discontinuity" else form
            if self.fault == "discontinuity" and number == self._since:
                lines.append("#EXT-X-DISCONTINUITY")
            name = "lost" if self.fault == "missing segment" and number == self._since + 1 else form
            lines += [f"#EXTINF:{SEGMENT_SECONDS}.0,", f"/hls/{name}/{number % self._count[form]}.ts"]
        return "\n".join(lines) + "\n"


@contextlib.contextmanager
def on_air() -> Iterator[list[Any]]:
    """A server of ours with the plain stream and the folder, and an icecast2 where there is one."""
    server, sound = Broadcaster(), Sound()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(server.close)
        sources: list[Any] = [Plain(server, sound), Folder(server, Path(folder) / "hls")]
        if _icecast.program() is not None:
            icecast = Icecast(stack.enter_context(_icecast.accepting()), sound)
            stack.callback(icecast.close)
            sources.append(icecast)
        yield sources
