"""A broadcaster on loopback: streams and HLS folders of a known sound, with faults on demand."""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

RATE = 44_100
FFMPEG = str(imageio_ffmpeg.get_ffmpeg_exe())
FORMS = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "64k", "-f", "mp3"),
    "aac": ("-c:a", "aac", "-b:a", "64k", "-f", "adts"),
    "ogg": ("-c:a", "libopus", "-b:a", "48k", "-f", "ogg"),
    "ts": ("-c:a", "aac", "-b:a", "64k", "-f", "mpegts"),
}


def noise(seconds: float, seed: int = 1) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Noise of the band of speech, different for each seed, about -20 dB RMS."""
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.standard_normal(round(seconds * RATE)))
    frequencies = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    spectrum[(frequencies < 200) | (frequencies > 4_000)] = 0
    sound = np.fft.irfft(spectrum, round(seconds * RATE))
    return (sound / np.std(sound) * 0.1).astype(np.float32)


def encoded(sound: "np.ndarray[Any, np.dtype[np.float32]]", *options: str) -> bytes:
    command = [FFMPEG, "-loglevel", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0", *options]
    return subprocess.run([*command, "pipe:1"], input=sound.tobytes(), capture_output=True, check=True).stdout


def hls_folder(sound: "np.ndarray[Any, np.dtype[np.float32]]", folder: Path, *options: str) -> Path:
    """Pieces of two seconds and `list.m3u8`, made by ffmpeg."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [FFMPEG, "-loglevel", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"]
    command += ["-c:a", "aac", "-b:a", "64k", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", *options]
    subprocess.run([*command, "list.m3u8"], input=sound.tobytes(), capture_output=True, check=True, cwd=folder)
    return folder


def likeness(heard: "np.ndarray[Any, Any]", sound: "np.ndarray[Any, Any]") -> tuple[float, float]:
    """Where in `sound` (seconds) what was heard begins, and how alike they are there (1 is the same)."""
    heard = heard[RATE // 2 :]  # an encoder's delay lies before the sound
    size = 1 << (len(heard) + len(sound)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(heard, size)), size)
    best = int(np.argmax(correlation[: len(sound)]))
    there = sound[best : best + len(heard)]
    return best / RATE - 0.5, float(np.corrcoef(heard[: len(there)], there)[0, 1])


class Broadcaster(ThreadingHTTPServer):
    """Answers by `pages`: bytes, a file's path, or a function that writes by itself."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, bytes | Path | Callable[[_Handler], None]] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def close(self) -> None:
        self.gone.set()
        self.shutdown()
        self.server_close()
        self._thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    server: Broadcaster

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(path)
        page = self.server.pages.get(path)
        with suppress(OSError):
            if page is None:
                self.send_error(404)
            elif callable(page):
                page(self)
            else:
                self._send(page.read_bytes() if isinstance(page, Path) else page, path)

    def begin(self, path: str, **more: str) -> None:
        self.send_response(200)
        for name, value in {**self.server.headers.get(path, {}), **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, content: bytes, path: str) -> None:
        if wanted := self.headers.get("Range"):
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            self.send_response(206)
            self.end_headers()
            self.wfile.write(content[first : last + 1])
            return
        self.begin(path)
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def live(content: bytes, *, burst: int = 64_000, bytes_a_second: int = 8_000, ends: bool = True) -> Any:
    """A page that sends `burst` bytes at once and the rest at the pace of the sound; then it ends, or only stalls."""

    def page(handler: _Handler) -> None:
        handler.begin(handler.path)
        handler.wfile.write(content[:burst])
        for at in range(burst, len(content), bytes_a_second // 10):
            if handler.server.gone.wait(0.1):
                return
            handler.wfile.write(content[at : at + bytes_a_second // 10])
        if not ends:
            handler.server.gone.wait(60)

    return page


def eventually(question: Callable[[], Any], what: str, seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")
