"""Installations and sounds for the tests of audio."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from speech_service import service, short_mp3  # noqa: F401 - fixtures
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
