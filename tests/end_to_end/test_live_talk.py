"""A live talk, whole: a microphone in a browser or a script, the server's processes, a station that writes WAV files."""

import os
import signal
import statistics
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from chromium import launched
from loopback import Network, eventually
from playwright.sync_api import expect
from test_browser import PATIENCE_MS, Person

from audio.deadline import Deadline
from audio.ffmpeg import decode

pytestmark = pytest.mark.realtime

RATE = 24_000
HEARD_RATE = 48_000
TENTH = RATE // 10
Samples = Any


def jumping(seconds: float, rate: int, seed: int = 1) -> Samples:
    """Tones up to 8 kHz that jump about, in words of most of a second: no part resembles another."""
    random = np.random.default_rng(seed)
    pitch = np.repeat(random.uniform(200, 8_000, int(seconds * 12) + 1), rate // 12)[: int(seconds * rate)]
    words = (np.arange(len(pitch)) / rate % 1.0) < 0.8
    return (0.3 * words * np.sin(np.cumsum(pitch) * 2 * np.pi / rate)).astype(np.float32)


def place_of(needle: Samples, hay: Samples) -> tuple[int, float]:
    """The sample of `hay` at which the needle lies, and how well it fits there (1: the same)."""
    size = 1 << (len(hay) + len(needle)).bit_length()
    product = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)[: len(hay)]
    at = int(np.argmax(np.abs(product[: max(1, len(hay) - len(needle) + 1)])))
    part = hay[at : at + len(needle)]
    return at, float(abs(product[at]) / (np.linalg.norm(part) * np.linalg.norm(needle) + 1e-9))


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    return np.interp(np.arange(int(len(samples) * wanted / rate)) * rate / wanted, np.arange(len(samples)), samples)


def pcm(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()


class Loudspeaker:
    """A station whose sound is kept in files."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.folder = folder / "heard"
        network.api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79.101"}, 201)
        made = network.api.call("POST", "/stations", {"name": "Cụm 1", "unit": "79.101"}, 201)
        home = folder / "station"
        network.processes.loa(
            "station", "enrol", "--server", network.address, "--code", made["enrolment_code"], "--home", home
        )
        network.processes.start("station", "station", "run", "--home", home, "--output", f"wav:{self.folder}")
        self.network, self.id = network, made["id"]
        eventually(self.is_heard, "the station is heard of", 180)

    def is_heard(self) -> bool:
        rows = self.network.api.call("GET", "/stations")["items"]
        return any(row["id"] == self.id and row["online"] for row in rows)

    def stretches(self, airing: str) -> list[tuple[float, Samples]]:
        """What sounded of an airing: when its first sample left, and the samples."""
        found = []
        for file in sorted(self.folder.glob(f"{airing}-0-*.wav")):
            begun = datetime.fromisoformat(file.stem.split("-0-", 1)[1].replace("_", ":")).timestamp()
            with wave.open(str(file)) as kept:
                assert kept.getframerate() == HEARD_RATE
                found.append((begun, np.frombuffer(kept.readframes(kept.getnframes()), "<i2") / 32_768))
        return found

    def reports(self, airing: str) -> list[dict[str, Any]]:
        path = "/reports?unit=79.101&from=2020-01-01&to=2099-01-01"
        return [row for row in self.network.api.call("GET", path)["items"] if row["airing"] == airing]


class Speaker:
    """Speaks by script as the page does: one call at a time, made again until it is answered."""

    def __init__(self, network: Network, **wish: Any) -> None:
        self.network = network
        self._headers = dict(network.api._headers)
        self._pool = urllib3.PoolManager(timeout=10, retries=False)
        body = {"unit": "79.101", "for": ["unit:79.101"], "title": "Họp dân", "minutes": 10, **wish}
        self.talk = network.api.call("POST", "/live", body, 201)
        self.words: list[tuple[float, Samples]] = []  # when each was spoken, and what
        self.answers: list[dict[str, Any]] = []
        self._place, self._quiet = 0, threading.Event()
        self._pending = b""
        self._thread: threading.Thread | None = None

    @property
    def airing(self) -> str:
        return str(self.talk["airing"])

    def standing(self) -> dict[str, Any]:
        found: dict[str, Any] = self.network.api.call("GET", f"/live/{self.talk['id']}")
        return found

    def speak(self) -> None:
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def fall_silent(self) -> None:
        self._quiet.set()
        assert self._thread is not None
        self._thread.join(60)

    def _speak(self) -> None:
        begun = time.monotonic()
        for number in range(6_000):
            if self._quiet.wait(max(0.0, begun + number * 0.1 - time.monotonic())):
                return
            tick = number % 40
            if tick == 0:
                word = jumping(0.8, RATE, seed=number)
                self.words.append((time.time(), word))
            sound = word[tick * TENTH : (tick + 1) * TENTH] if tick < 8 else np.zeros(TENTH)
            self._pending = (self._pending + pcm(sound))[-5 * RATE * 2 :]
            self._place += TENTH
            self._send()

    def _send(self) -> None:
        at = self._place - len(self._pending) // 2
        path = f"{self.network.address}/api/v1/live/{self.talk['id']}/sound?at={at}"
        with suppress(urllib3.exceptions.HTTPError):
            answer = self._pool.request("POST", path, body=self._pending, headers=self._headers)
            if answer.status == 200:
                self.answers.append(answer.json())
                self._pending = b""


@pytest.fixture
def loudspeaker(network: Network, tmp_path: Path) -> Loudspeaker:
    return Loudspeaker(network, tmp_path)


def late_by(speaker: Speaker, loudspeaker: Loudspeaker) -> list[float]:
    """How late each word was heard that was heard: from the instant its first sample was spoken, in seconds."""
    found = []
    for begun, heard in loudspeaker.stretches(speaker.airing):
        for spoken_at, word in speaker.words:
            after = heard[max(0, int((spoken_at - begun) * HEARD_RATE)) :]
            if len(after) < 4 * HEARD_RATE:
                continue
            at, fits = place_of(resampled(word, RATE, HEARD_RATE), after[: 20 * HEARD_RATE])
            if fits > 0.5:
                found.append(at / HEARD_RATE + max(begun - spoken_at, 0.0))
    return found


@pytest.mark.timeout(900)
def test_a_script_speaks_and_is_heard_soon_through_a_killed_server_and_an_emergency_until_its_network_is_gone(
    network: Network, loudspeaker: Loudspeaker
) -> None:
    speaker = Speaker(network)
    speaker.speak()
    eventually(lambda: len(speaker.answers) > 20 and speaker.answers[-1]["hearing"] == 1, "the station listens", 180)
    first = len(speaker.words)
    eventually(lambda: len(speaker.words) >= first + 4, "it is spoken for a while", 180)

    # The web process dies in the middle of it.
    assert network.server is not None
    web = next(pid for pid in children(network.server.pid) if "web" in command(pid))
    os.kill(web, signal.SIGKILL)
    before = len(speaker.answers)
    eventually(lambda: len(speaker.answers) > before + 5, "another web process takes the sound", 180)
    eventually(lambda: speaker.answers[-1]["hearing"] == 1, "the station listens again", 180)
    assert speaker.answers[-1]["state"] == "on_air"

    # An emergency goes over it, and the talk is heard again afterwards.
    pieces = len(loudspeaker.stretches(speaker.airing))
    body = {"unit": "79.101", "for": ["unit:79.101"], "text": "Lũ đang lên."}
    alarm = network.api.call("POST", "/emergencies", body, 201)
    eventually(lambda: loudspeaker.reports(alarm["airing"]), "the emergency was played", 240)
    assert len(loudspeaker.stretches(speaker.airing)) > pieces, "the talk was cut for it"
    eventually(lambda: speaker.answers[-1]["hearing"] == 1, "the talk is heard again", 180)
    again = len(speaker.words)
    eventually(lambda: len(speaker.words) >= again + 2, "it is spoken for a while", 180)

    speaker.fall_silent()
    eventually(lambda: speaker.standing()["state"] == "over", "it ends by itself", 120)
    assert speaker.standing()["reason"] == "lost"
    (report,) = eventually(lambda: loudspeaker.reports(speaker.airing), "the station reports", 180)
    assert report["outcome"] in {"played", "partial"}
    assert report["seconds"] > 10
    late = late_by(speaker, loudspeaker)
    assert len(late) >= 3
    assert statistics.median(late) < 3.0, late
    clip = eventually(lambda: speaker.standing()["clip"], "the recording is filed", 180)
    ready = eventually(lambda: _ready(network, clip), "it is rendered", 240)
    assert ready["seconds"] > 10


def _ready(network: Network, clip: str) -> Any:
    found = network.api.call("GET", f"/clips/{clip}")
    assert found["state"] != "failed", found
    return found if found["state"] == "ready" else None


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


@pytest.fixture
def page(network: Network, tmp_path: Path) -> Iterator[Person]:
    """The administrator, at a browser whose microphone hears a known sound over and over."""
    sound = tmp_path / "known.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, HEARD_RATE, 0, "NONE", ""))
        file.writeframes(pcm(jumping(20.0, HEARD_RATE)))
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with launched(*fake, f"--use-file-for-fake-audio-capture={sound}") as running:
        person = Person(running, network.address, 360, 740)
        person.sign_in("admin", network.password)
        yield person
        person.leave()


@pytest.mark.timeout(900)
def test_an_official_speaks_into_a_phone_and_the_loudspeaker_sounds_it(
    network: Network, loudspeaker: Loudspeaker, page: Person, tmp_path: Path
) -> None:
    here = page.page
    here.goto(f"{network.address}/live")
    here.get_by_role("button", name="1. Thử micrô").click()
    eventually(
        lambda: here.locator("form [data-meter]").get_attribute("data-word") in {"good", "loud"}, "it hears", 120
    )
    assert here.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    here.get_by_label("Xã Tân Hòa", exact=True).check()
    here.get_by_role("textbox", name="Nội dung").fill("Họp dân")
    shot(here, tmp_path, "form")
    here.get_by_role("button", name="2. Nói ra loa").click()
    expect(here.locator(".on-air-sign")).to_be_visible(timeout=PATIENCE_MS)
    eventually(lambda: here.locator("[data-hearing]").inner_text() == "1", "the station listens", 180)
    shot(here, tmp_path, "air")
    assert here.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    spoken = here.locator("[data-elapsed]")
    eventually(lambda: int(spoken.inner_text().split(":")[-1]) >= 15, "it is spoken for a while", 240)
    here.get_by_role("button", name="DỪNG").click()
    expect(here.get_by_role("heading", name="Buổi nói trực tiếp đã kết thúc")).to_be_visible(timeout=PATIENCE_MS)
    shot(here, tmp_path, "over")

    talk = network.api.call("GET", "/live")["items"][0]
    assert (talk["state"], talk["reason"], talk["title"]) == ("over", "stopped", "Họp dân")
    eventually(lambda: loudspeaker.reports(talk["airing"]), "the station reports", 180)
    heard = np.concatenate([samples for _, samples in loudspeaker.stretches(talk["airing"])])
    known = np.tile(jumping(20.0, HEARD_RATE), 2)
    fits = [place_of(known[second * HEARD_RATE :][: round(0.8 * HEARD_RATE)], heard)[1] for second in range(20)]
    assert sum(fit > 0.6 for fit in fits) >= 4, fits
    loud = np.abs(heard) > 0.01
    assert 0.02 < np.sqrt(np.mean(heard[loud] ** 2)) < 0.4
    assert np.abs(heard).max() < 0.95
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    hertz = np.fft.rfftfreq(len(heard), 1 / HEARD_RATE)
    assert spectrum[(hertz > 5_000) & (hertz < 9_000)].sum() > 0.05 * spectrum.sum(), "it is no telephone"

    clip = eventually(lambda: network.api.call("GET", f"/live/{talk['id']}")["clip"], "the recording is filed", 180)
    ready = eventually(lambda: _ready(network, clip), "it is rendered", 240)
    content = network.api.media(ready["clip"]["mp3"]["sha256"], "mp3")
    kept = tmp_path / "kept.mp3"
    kept.write_bytes(content)
    with kept.open("rb") as opened, decode(opened, "mp3", Deadline(60), at_most_seconds=60) as decoding:
        recorded = np.concatenate(list(decoding.blocks()))
    known = resampled(known, HEARD_RATE, 44_100)
    fits = [place_of(known[second * 44_100 :][:35_000], recorded)[1] for second in range(20)]
    assert sum(fit > 0.6 for fit in fits) >= 4, fits
    assert page.faults == []


def shot(page: Any, folder: Path, name: str) -> None:
    """A picture for who looks into a failure."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)
