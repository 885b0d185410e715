"""Text → ready clip, against the bare cost of the same two ffmpeg encodes in the same run.

The bare cost is one ffmpeg process that encodes the same assembled sound into both files with the options of the
mastering door. Run: python benchmarks/speech.py
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from audio import ffmpeg
from audio.assembly import assemble
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from audio.engines.roster import Roster
from audio.reading import spoken
from audio.rendered import SpeechJob
from audio.rendering import render
from audio.store import MediaStore
from core.settings import load

WORDS = 200
ROUNDS = 5
SENTENCES = (
    "Ủy ban nhân dân xã thông báo đến toàn thể bà con lịch tiêm phòng cho đàn trâu bò.",
    "Từ 7h30 ngày 25/11/2026, đề nghị các hộ đưa gia súc đến nhà văn hóa thôn.",
    "Mỗi hộ nhớ mang theo sổ theo dõi và căn cước công dân.",
    "Mọi thắc mắc xin liên hệ cán bộ thú y, số điện thoại 0912 345 678.",
)


def bulletin(words: int) -> str:
    """A Vietnamese bulletin of exactly so many words."""
    text: list[str] = []
    while len(text) < words:
        text += SENTENCES[len(text) % len(SENTENCES)].split()
    return " ".join(text[:words]) + "."


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), ffmpeg.BLOCK_SAMPLES):
        yield samples[start : start + ffmpeg.BLOCK_SAMPLES]


def run() -> dict[str, float]:
    """Figures in seconds; `ratio` is text → ready over the bare encodes, medians of interleaved rounds."""
    text, engines = bulletin(WORDS), Roster([EspeakEngine()])
    speech = engines.speak(spoken(text), "vi", "", Deadline(60))
    sound, rate = assemble(speech.spoken, speech.phrases), speech.spoken.rate
    bare, ready = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = load(folder / "home", gtts_enabled=False)
        for number in range(ROUNDS):
            started = time.perf_counter()
            ffmpeg.encode(_blocks(sound), rate, {"mp3": folder / "a.mp3", "opus": folder / "a.opus"}, Deadline(60))
            bare.append(time.perf_counter() - started)
            store, started = MediaStore(folder / f"media{number}"), time.perf_counter()
            rendered = render(SpeechJob(text), settings, store, engines)
            ready.append(time.perf_counter() - started)
    return {
        "words": WORDS,
        "audio_seconds": round(rendered.seconds, 1),
        "bare_encodes_seconds": round(median(bare), 3),
        "text_to_ready_seconds": round(median(ready), 3),
        "ratio": round(median(ready) / median(bare), 2),
        "lufs": round(rendered.lufs, 2),
        "true_peak_db": round(rendered.true_peak_db, 2),
    }


if __name__ == "__main__":
    figures = run()
    for figure, value in figures.items():
        print(f"{figure:24} {value}")
    print(json.dumps(figures))
