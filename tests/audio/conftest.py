"""Installations, sounds and a speech service of our own for the tests of audio."""

import base64
import json
import threading
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from sqlmodel import SQLModel

import audio.models  # noqa: F401 - fills the metadata
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from core.database import Database, connect
from core.settings import Settings, load
from registry.models import Unit

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BULLETIN = (
    "Kính mời bà con thôn Đoài ra nhà văn hóa họp vào tối nay. Nội dung: bàn về đường nước, "
    "việc tiêm phòng cho trâu bò, và lịch thu gom rác.\n\nĐề nghị bà con đến đông đủ, đúng giờ!"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(tmp_path / "home", gtts_enabled=False)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = connect(settings)
    SQLModel.metadata.create_all(database.engine)
    with database.write() as session:
        for number in ("1", "2"):
            session.add(Unit(id=f"un_{number}", code=number, name=number, path=f"/un_{number}/", created_at=NOW))
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def speech() -> tuple[np.ndarray, int]:
    """About 13 s of real Vietnamese speech, as espeak-ng gives it."""
    engine = EspeakEngine()
    voice = next(v for v in engine.voices(Deadline(20)) if v.language == "vi")
    spoken = engine.speak([BULLETIN], voice, Deadline(20))
    return np.concatenate(spoken.phrases), spoken.rate


@pytest.fixture(scope="session")
def speech_wav(speech: tuple[np.ndarray, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "speech.wav"
    soundfile.write(path, speech[0] * 0.5, speech[1])
    return path


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
        self.server.asked.append([self.path, *json.loads(rpc[0][0][1])])
        sound = base64.b64encode(self.server.mp3).decode()
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


PIPER = """
import math, struct, types
class Chunk:
    sample_rate, sample_width, sample_channels = 22050, 2, 1
    def __init__(self, text):
        count = 22050 // 15 * max(8, len(text))
        self.audio_int16_bytes = b"".join(
            struct.pack("<h", int(9000 * math.sin(i / 20) * abs(math.sin(i / 2000)))) for i in range(count))
class PiperVoice:
    def __init__(self, path):
        with open(str(path) + ".json") as file: self.path = path
        with open(path, "rb") as file: behave = file.read()
        if behave == b"damaged": raise RuntimeError("INVALID_PROTOBUF")
        self.config, self.behave = types.SimpleNamespace(sample_rate=22050), behave
    @staticmethod
    def load(model_path, config_path=None, use_cuda=False): return PiperVoice(model_path)
    def synthesize(self, text, syn_config=None):
        assert "[[" not in text
        if self.behave == b"hangs": import time; time.sleep(60)
        if self.behave == b"crashes": import os; os.abort()
        yield from (Chunk(part) for part in text.split(". "))
"""


@pytest.fixture
def piper_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one voice, and a package `piper` with the interface of piper-tts 1.8 that sings instead of reading."""
    (tmp_path / "packages" / "piper").mkdir(parents=True)
    (tmp_path / "packages" / "piper" / "__init__.py").write_text(PIPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "vi_VN-thu-medium.onnx").write_bytes(b"well")
    facts = {"language": {"code": "vi_VN", "family": "vi", "country_english": "Vietnam"}, "espeak": {"voice": "vi"}}
    (folder / "vi_VN-thu-medium.onnx.json").write_text(json.dumps(facts))
    return folder


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
