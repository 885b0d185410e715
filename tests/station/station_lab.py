"""A server on loopback that follows the station protocol, and can be slow, wrong and away; clips made by the real ffmpeg."""

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from core.clock import format_instant, parse_instant, utc_now
from core.signing import Signer, new_signing_key
from core.wire import AudioFile, ClipFiles, Item, PlanDocument, StationSettings, Ticket

STATION = "st_test"
TOKEN = "secret-token"
CODE = "ABCD-1234"
RATE = 48_000


class FakeServer:
    """The station's side of CONTRACT.md, in memory; `stop` and `start` keep its port and its data."""

    def __init__(self) -> None:
        self.key = new_signing_key()
        self.signer = Signer(self.key)
        self.media: dict[str, bytes] = {}
        self.settings = StationSettings(volume=100, codec="opus", audience=[], spread_s=0)
        self.airings: dict[str, str] = {}
        self.issued_at = utc_now() - timedelta(hours=1)
        self.interrupts: list[str] = []
        self.withdrawn: list[str] = []
        self.commands: list[dict[str, Any]] = []
        self.seq = 1
        self.broker: dict[str, Any] | None = None
        self.reports: dict[str, dict[str, Any]] = {}
        self.report_calls: list[list[str]] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.requests: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.now_answered_at: list[float] = []
        self.revoked = False
        self.too_many = False
        self.cut_media_after: int | None = None
        self.media_bytes_per_second: int | None = None
        self.bytes_sent: Counter[str] = Counter()
        self.corrupt_media = 0
        self.ignore_reports_once = False
        self.clock_ahead = timedelta()
        self.unused_codes = {CODE}
        self.changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        fake = self

        class Handler(_Handler):
            server_state = fake

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self.up = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Break every connection and listen no more."""
        self.up = False
        with self.changed:
            self.changed.notify_all()
        assert self._server is not None
        assert self._thread is not None
        self._server.shutdown()
        self._server.break_connections()
        self._server.server_close()
        self._thread.join(5)

    def change(self, **values: Any) -> None:
        """Set attributes and let `/now` answer."""
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.seq += 1
            self.changed.notify_all()

    def plan(self, *tickets: Ticket, keep: bool = False) -> None:
        signed = {ticket.id: self.signer.sign(ticket) for ticket in tickets}
        self.change(airings={**self.airings, **signed} if keep else signed)

    def plan_body(self) -> bytes:
        plan = PlanDocument(
            station=STATION, issued_at=self.issued_at, until=self.issued_at + timedelta(days=8),
            settings=self.settings, airings=list(self.airings.values()),
        )  # fmt: skip
        return plan.model_dump_json().encode()

    def plan_etag(self) -> str:
        return f'"{hashlib.sha256(self.plan_body()).hexdigest()[:24]}"'

    def now_body(self) -> bytes:
        document = {
            "seq": self.seq, "plan": self.plan_etag(), "interrupts": self.interrupts,
            "withdrawn": self.withdrawn, "commands": self.commands, "unheard_of": {"field": 1},
        }  # fmt: skip
        return json.dumps(document).encode()

    def add_media(self, content: bytes, codec: str) -> AudioFile:
        name = hashlib.sha256(content).hexdigest()
        self.media[f"{name}.{codec}"] = content
        return AudioFile(sha256=name, bytes=len(content))

    def reports_of(self, airing: str) -> list[dict[str, Any]]:
        return [report for report in list(self.reports.values()) if report["airing"] == airing]

    def report(self, airing: str, item: int = 0, seconds: float = 45) -> dict[str, Any]:
        """The one report about an item, once it is there."""
        found = eventually(lambda: [one for one in self.reports_of(airing) if one["item"] == item], seconds)
        assert len(found) == 1
        return found[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self.open: set[Any] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        for request in list(self.open):
            with suppress(OSError):
                request.shutdown(2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_state: FakeServer

    def log_message(self, *_: Any) -> None: ...

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        if status not in {204, 304}:
            self.wfile.write(body)

    def _error(self, status: int, code: str) -> None:
        self._answer(status, json.dumps({"error": {"code": code, "message": f"It is {code}."}}).encode())

    def _allowed(self) -> bool:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" or self.server_state.revoked:
            self._error(401, "not_signed_in")
            return False
        return True

    def do_POST(self) -> None:
        fake = self.server_state
        fake.requests[self.path] += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/v1/enrol":
            if fake.too_many:
                return self._error(429, "too_many")
            if body["code"] not in fake.unused_codes:
                return self._error(403, "forbidden")
            fake.unused_codes.discard(body["code"])
            enrolled = {
                "station": STATION, "token": TOKEN, "name": "Loa thôn Đông", "unit_path": ["79", "79.123"],
                "server_keys": [fake.signer.public_jwk],
            }  # fmt: skip
            return self._answer(201, json.dumps(enrolled).encode())
        if not self._allowed():
            return None
        if self.path == "/api/v1/reports":
            ids = [report["id"] for report in body["reports"]]
            assert len(ids) <= 500
            fake.report_calls.append(ids)
            for report in body["reports"]:
                fake.reports.setdefault(report["id"], report)
            with fake.changed:
                fake.changed.notify_all()
            if fake.ignore_reports_once:
                fake.ignore_reports_once = False
                self.close_connection = True
                return None
            return self._answer(200, json.dumps({"accepted": ids}).encode())
        if self.path == "/api/v1/heartbeat":
            fake.heartbeats.append({**body, "_at": time.monotonic()})
            return self._answer(204)
        return self._error(404, "not_found")

    def do_GET(self) -> None:
        fake = self.server_state
        if not self._allowed():
            return None
        fake.requests[self.path] += 1
        known = self.headers.get("If-None-Match")
        if self.path == "/api/v1/time":
            at = format_instant(utc_now() + fake.clock_ahead)
            return self._answer(200, json.dumps({"received_at": at, "sent_at": at}).encode())
        if self.path == "/api/v1/plan":
            if known == fake.plan_etag():
                return self._answer(304, headers={"ETag": fake.plan_etag()})
            assert "gzip" in self.headers["Accept-Encoding"]
            headers = {"ETag": fake.plan_etag(), "Content-Encoding": "gzip"}
            return self._answer(200, gzip.compress(fake.plan_body()), headers)
        if self.path == "/api/v1/now":
            return self._now(known)
        if self.path == "/api/v1/broker" and fake.broker is not None:
            return self._answer(200, json.dumps(fake.broker).encode())
        found = re.fullmatch(r"/api/v1/media/([0-9a-f]{64}\.(?:mp3|opus))", self.path)
        if found and found[1] in fake.media:
            return self._media(found[1])
        return self._error(404, "not_found")

    def _now(self, known: str | None) -> None:
        fake = self.server_state
        wait = re.search(r"wait=(\d+)", self.headers.get("Prefer", ""))
        with fake.changed:
            body = fake.now_body()
            etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
            if known == etag and wait:
                fake.changed.wait_for(lambda: fake.now_body() != body or not fake.up or fake.revoked, int(wait[1]))
                body = fake.now_body()
                etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        if fake.revoked:
            return self._error(401, "not_signed_in")
        if known == etag:
            return self._answer(304, headers={"ETag": etag})
        fake.now_answered_at.append(time.time())
        return self._answer(200, body, {"ETag": etag})

    def _media(self, name: str) -> None:
        fake = self.server_state
        content = fake.media[name]
        if fake.corrupt_media > 0:
            fake.corrupt_media -= 1
            content = bytes(len(content))
        asked = self.headers.get("Range")
        first = 0
        status = 200
        headers = {}
        if asked:
            fake.ranges.append(asked)
            first = int(asked.removeprefix("bytes=").split("-")[0])
            status = 206
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(content) - first)}.items():
            self.send_header(header, value)
        self.end_headers()
        rest = content[first:]
        if fake.cut_media_after is not None:
            rest, fake.cut_media_after = rest[: fake.cut_media_after], None
            self.close_connection = True
        step = len(rest) if not fake.media_bytes_per_second else max(1, fake.media_bytes_per_second // 20)
        for at in range(0, len(rest), max(1, step)):
            self.wfile.write(rest[at : at + step])
            fake.bytes_sent[name] += len(rest[at : at + step])
            if fake.media_bytes_per_second:
                time.sleep(1 / 20)


def eventually(question: Callable[[], Any], seconds: float = 120) -> Any:
    """The first true answer; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@cache
def start_up_seconds() -> float:
    """How long a station's program takes here and now until it could do anything."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import loa.__main__, station.runner"], check=True, timeout=240)
    return time.monotonic() - began


def noise(seconds: float, seed: int) -> np.ndarray[Any, Any]:
    """Speech-band noise, different for each seed: correlates with itself at one place only."""
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.standard_normal(round(seconds * RATE)))
    frequencies = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    spectrum[(frequencies < 200) | (frequencies > 5000)] = 0
    signal = np.fft.irfft(spectrum, round(seconds * RATE))
    return (signal / np.abs(signal).max() * 0.5 * 32767).astype(np.int16)


def write_wav(path: Path, pcm: np.ndarray[Any, Any]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())


def encode(source: Path, target: Path) -> bytes:
    """The contract's codecs, by the real encoder."""
    codec = (
        ["-c:a", "libopus", "-b:a", "24k", "-ar", "48000"]
        if target.suffix == ".opus"
        else ["-c:a", "libmp3lame", "-b:a", "64k", "-ar", "44100"]
    )
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-i", str(source), "-ac", "1", *codec]
    subprocess.run([*command, str(target)], check=True, timeout=240)
    return target.read_bytes()


class Clips:
    """Clips of given lengths, encoded once a session; `sound(clip)` is what they were made of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[float, int], tuple[bytes, bytes]] = {}
        self._sounds: dict[str, np.ndarray[Any, Any]] = {}

    def make(self, server: FakeServer, seconds: float, seed: int = 1) -> ClipFiles:
        if (seconds, seed) not in self._made:
            source = self._folder / f"{seconds}-{seed}.wav"
            write_wav(source, noise(seconds, seed))
            self._made[seconds, seed] = (
                encode(source, source.with_suffix(".mp3")), encode(source, source.with_suffix(".opus"))
            )  # fmt: skip
        mp3, opus = self._made[seconds, seed]
        clip = ClipFiles(mp3=server.add_media(mp3, "mp3"), opus=server.add_media(opus, "opus"))
        self._sounds[clip.opus.sha256] = noise(seconds, seed)
        return clip

    def sound(self, clip: ClipFiles) -> np.ndarray[Any, Any]:
        return self._sounds[clip.opus.sha256]


def ticket(name: str, starts_at: datetime, *items: Item, **changes: Any) -> Ticket:
    """A programme for this station's commune, unless `changes` say otherwise."""
    ends_at = starts_at + timedelta(seconds=max(item.at + item.seconds for item in items))
    values: dict[str, Any] = {
        "id": name, "kind": "programme", "priority": "ordinary", "starts_at": starts_at, "ends_at": ends_at,
        "late": "join", "audience": ["unit:79.123"], "items": list(items), "approved_by": "Chủ tịch xã",
        "issued_at": starts_at - timedelta(hours=1), "not_after": ends_at + timedelta(hours=1),
    }  # fmt: skip
    return Ticket(**{**values, **changes})


class Player:
    """`loa station run` as a process of its own, writing WAV files."""

    def __init__(self, home: Path, output: str) -> None:
        self.home = home
        self.output = output
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log = self.home.parent / "station.log"
        environment = {**os.environ, "PYTHONWARNINGS": "default::ResourceWarning"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "loa", "station", "run", "--home", str(self.home), "--output", self.output],
                stdout=log, stderr=log, env=environment,
            )  # fmt: skip

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


def enrol(server: FakeServer, home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loa", "station", "enrol", "--server", server.url, "--code", CODE, "--home", str(home), *options],
        capture_output=True, text=True, timeout=360, check=False,
    )  # fmt: skip


class Heard:
    """One WAV file: which item, from which instant, and its samples."""

    def __init__(self, path: Path) -> None:
        found = re.fullmatch(r"(.+)-(\d+)-(\d{4}-.+Z)\.wav", path.name)
        assert found, path.name
        self.airing, self.item, self.at = found[1], int(found[2]), parse_instant(found[3])
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            self.rate = file.getframerate()
            self.samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def end(self) -> datetime:
        return self.at + timedelta(seconds=self.seconds)

    def began(self, sound: np.ndarray[Any, Any]) -> tuple[datetime, float]:
        """The instant at which `sound`'s first sample went out (or would have), and how alike the two are (1 = the same)."""
        assert self.rate == RATE
        size = 1 << (len(self.samples) + len(sound) - 1).bit_length()
        mine, other = self.samples.astype(float), sound.astype(float)
        product = np.fft.irfft(np.fft.rfft(mine, size) * np.conj(np.fft.rfft(other, size)), size)
        place = int(np.argmax(product))
        lag = place - size if place > size // 2 else place
        first, last = max(0, lag), min(len(mine), lag + len(other))
        a, b = mine[first:last], other[first - lag : last - lag]
        alike = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9))
        return self.at + timedelta(seconds=lag / RATE), alike


def heard(player: Player, airing: str | None = None) -> list[Heard]:
    """What the station wrote, in order of time."""
    folder = Path(player.output.removeprefix("wav:"))
    found = [Heard(path) for path in folder.glob("*.wav") if not path.name.startswith(".")]
    return sorted((one for one in found if airing in {None, one.airing}), key=lambda one: one.at)


def milliseconds(difference: timedelta) -> float:
    return difference.total_seconds() * 1000
