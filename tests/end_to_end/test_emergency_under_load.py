"""An emergency is on air before the ordinary work that was there first, and waits for no better voice that hangs."""

import io
import socket
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from emergency_lab import SIXTY_WORDS, commune
from loopback import Processes, eventually

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(900)]

_UPLOADS = 20
_SECONDS = 90
_RATE = 16_000


@pytest.fixture
def hanging_voice(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service of the better voices takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        usual = Processes.environment

        def environment(self: Processes, **extra: str) -> dict[str, str]:
            more = {"LOA_GTTS_ENABLED": "true", "LOA_GTTS_URL": address, "LOA_GTTS_TIMEOUT_SECONDS": "100"}
            return usual(self, **(more | extra))

        monkeypatch.setattr(Processes, "environment", environment)
        yield address


def recording(seconds: float) -> bytes:
    file, sound = io.BytesIO(), np.random.default_rng(7).standard_normal(round(seconds * _RATE)) * 3_000
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, _RATE, 0, "NONE", ""))
        target.writeframes(sound.astype("<i2").tobytes())
    return file.getvalue()


def test_a_typed_emergency_sounds_while_twenty_recordings_wait_and_the_better_voice_hangs(
    hanging_voice: str, network: Any, tmp_path: Path
) -> None:
    here = commune(network, tmp_path, 2)
    bulletin = {"unit": "51", "title": "Tin", "text": "Mời bà con họp thôn.", "field": "general"}
    ordinary = network.api.call("POST", "/bulletins", bulletin, 201)["clip"]
    content = recording(_SECONDS)
    with urllib3.PoolManager(timeout=120, retries=False) as pool:
        for number in range(_UPLOADS):
            answer = pool.request(
                "POST", f"{network.address}/api/v1/clips", headers=network.api._headers,
                fields={"file": ("a.wav", content + bytes(2 * number)), "unit": "51"},
            )  # fmt: skip
            assert answer.status == 202, answer.data
    emergency, airing = here.raise_alarm(text=SIXTY_WORDS)
    clip = here.clip_of(emergency)
    made = eventually(
        lambda: (found := network.api.call("GET", f"/clips/{clip}"))["state"] == "ready" and found, "ready"
    )
    here.sounds_everywhere(airing)
    waiting = "SELECT count(*) FROM clip WHERE kind = 'recording' AND state IN ('queued', 'rendering')"
    assert here.table(waiting)[0][0] >= _UPLOADS // 2
    assert made["spoken_by"].startswith("espeak:")
    assert network.api.call("GET", f"/clips/{ordinary}")["state"] != "ready", f"{hanging_voice} hangs, so it can't be"
    here.stop(emergency)
