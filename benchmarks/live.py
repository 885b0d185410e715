"""From mouth to loudspeaker: how late each word of a live talk is heard, by a script over HTTP, at several stations.

Each word is noise of its own, found again in the WAV files of the stations by cross-correlation. Its delay is from the
instant at which its first sample was spoken (a tenth of a second before it could be sent) to the instant at which that
sample leaves the station, by the clock of this one machine.
"""

import os
import statistics
import sys
import tempfile
import time
import wave
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import urllib3

from benchmarks._valley import Valley, until, valley

STATIONS = 5
SECONDS = 60
RATE = 24_000
HEARD_RATE = 48_000
TENTH = RATE // 10
_EVERY = 40  # tenths of a second from word to word
_WORD = 8
_SURE = 0.5


def run() -> dict[str, Any]:
    """The delays, and what the web process takes for it."""
    stations = int(os.environ.get("BENCH_LIVE_STATIONS", STATIONS))
    seconds = int(os.environ.get("BENCH_LIVE_SECONDS", SECONDS))
    with tempfile.TemporaryDirectory() as folder:
        heard = Path(folder) / "heard"
        with valley(Path(folder) / "valley", stations, communes=1, output=f"wav:{heard}") as here:
            pressed = time.time()
            talk = here.call("POST", "/live", {"unit": "79", "for": ["unit:79"], "minutes": 10, "chime": False})
            until(lambda: here.call("GET", f"/live/{talk['id']}")["hearing"] >= stations, "all listen")
            first = time.time()
            before = _cpu(here)
            words = _speak(here, talk["id"], seconds)
            spent = _cpu(here) - before
            here.call("POST", f"/live/{talk['id']}/end")
            until(lambda: len(list(heard.glob(f"{talk['airing']}-0-*.wav"))) >= stations, "all have ended")
            here.wait_until_quiet()
        delays = [each for file in heard.glob(f"{talk['airing']}-0-*.wav") for each in _delays(file, words)]
    return {
        "stations": stations,
        "words": len(words),
        "words heard, of all at all stations (%)": round(100 * len(delays) / (len(words) * stations), 1),
        "all stations listen after (s)": round(first - pressed, 2),
        "delay, median (s)": round(statistics.median(delays), 2),
        "delay, 95 % (s)": round(float(np.percentile(delays, 95)), 2),
        "delay, most (s)": round(max(delays), 2),
        "processor time of the server for each second spoken (ms)": round(spent / seconds * 1000, 1),
    }


def _speak(here: Valley, talk: str, seconds: int) -> list[tuple[float, Any]]:
    """Speak for so long, in step with the clock; each word with the instant of its first sample."""
    pool = urllib3.PoolManager(timeout=30, retries=False)
    headers = {"Authorization": f"Bearer {here.token}"}
    random = np.random.default_rng(7)
    words: list[tuple[float, Any]] = []
    begun = time.time()
    for number in range(seconds * 10):
        time.sleep(max(0.0, begun + (number + 1) * 0.1 - time.time()))
        tick = number % _EVERY
        if tick == 0:
            words.append((begun + number * 0.1, _word(random)))
        sound = words[-1][1][tick * TENTH : (tick + 1) * TENTH] if tick < _WORD else np.zeros(TENTH)
        body = (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()
        answer = pool.request(
            "POST", f"{here.address}/live/{talk}/sound?at={number * TENTH}", body=body, headers=headers
        )  # fmt: skip
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {answer.data[:300]!r}")
    return words


def _word(random: np.random.Generator) -> Any:
    """Noise between 300 and 4,000 Hz, as loud as speech."""
    spectrum = np.fft.rfft(random.normal(0, 1, _WORD * TENTH))
    hertz = np.fft.rfftfreq(_WORD * TENTH, 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 4_000)] = 0
    sound = np.fft.irfft(spectrum)
    return 0.1 * sound / np.sqrt(np.mean(sound**2))


def _delays(file: Path, words: list[tuple[float, Any]]) -> list[float]:
    """How late each word was heard of those that are in the file."""
    begun = datetime.fromisoformat(file.stem.split("-0-", 1)[1].replace("_", ":")).timestamp()
    with wave.open(str(file)) as kept:
        heard = np.frombuffer(kept.readframes(kept.getnframes()), "<i2") / 32_768
    found = []
    for spoken_at, word in words:
        start = max(0, int((spoken_at - begun) * HEARD_RATE))
        part = heard[start : start + 12 * HEARD_RATE]
        needle = np.interp(np.arange(len(word) * 2) / 2, np.arange(len(word)), word)
        if len(part) < len(needle):
            continue
        size = 1 << (len(part) + len(needle)).bit_length()
        product = np.fft.irfft(np.fft.rfft(part, size) * np.conj(np.fft.rfft(needle, size)), size)
        at = int(np.argmax(np.abs(product[: len(part) - len(needle) + 1])))
        there = part[at : at + len(needle)]
        if abs(product[at]) > _SURE * np.linalg.norm(there) * np.linalg.norm(needle):
            found.append(begun + (start + at) / HEARD_RATE - spoken_at)
    return found


def _cpu(here: Valley) -> float:
    """Processor seconds of the web process and its encoders so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for child in Path(f"/proc/{here.server.pid}/task/{here.server.pid}/children").read_text().split():
        if "web" not in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            continue
        for pid in (child, *Path(f"/proc/{child}/task/{child}/children").read_text().split()):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


if __name__ == "__main__":
    sys.exit(print(run()))
