"""Text → ready clip, and mastering alone, against the bare cost of the same two ffmpeg encodes in the same run.

The bare cost is one ffmpeg process that encodes the same assembled sound into both files with the options of the
mastering door. Run: python benchmarks/speech.py
"""

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

from audio import ffmpeg
from audio.assembly import assemble
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from audio.engines.roster import Roster
from audio.mastering import InMemory, master
from audio.reading import spoken
from audio.rendered import SpeechJob
from audio.rendering import render
from audio.store import MediaStore
from core.settings import load
from core.wire import Codec

WORDS_A_MINUTE = 140
MINUTES = (1, 5)
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


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processors."""
    started, used = time.perf_counter(), _cpu_seconds()
    work()
    return time.perf_counter() - started, _cpu_seconds() - used


def _length(minutes: int, engines: Roster, folder: Path) -> dict[str, float]:
    text, settings = bulletin(WORDS_A_MINUTE * minutes), load(folder / "home", gtts_enabled=False)
    speech = engines.speak(spoken(text, "vi"), "vi", "", Deadline(60))
    sound, rate = assemble(speech.spoken, speech.phrases), speech.spoken.rate
    targets: dict[Codec, Path] = {"mp3": folder / "a.mp3", "opus": folder / "a.opus"}
    bare, mastered, ready, rendered = [], [], [], []
    for number in range(ROUNDS):
        store = MediaStore(folder / f"media{minutes}-{number}")
        bare.append(_measured(lambda: ffmpeg.encode(_blocks(sound), rate, targets, Deadline(60))))
        mastered.append(_measured(lambda: master(InMemory(sound, rate), folder, Deadline(60))))
        ready.append(
            _measured(lambda store=store: rendered.append(render(SpeechJob(text), settings, store, engines)))  # type: ignore[misc]
        )
    bare_s, mastered_s, ready_s = (median(each[0] for each in all_) for all_ in (bare, mastered, ready))
    return {
        "audio_seconds": round(rendered[0].seconds, 1),
        "bare_encodes_seconds": round(bare_s, 3),
        "mastering_seconds": round(mastered_s, 3),
        "mastering_ratio": round(mastered_s / bare_s, 2),
        "mastering_cpu_ratio": round(median(each[1] for each in mastered) / median(each[1] for each in bare), 2),
        "text_to_ready_seconds": round(ready_s, 3),
        "ratio": round(ready_s / bare_s, 2),
        "lufs": round(rendered[0].lufs, 2),
        "true_peak_db": round(rendered[0].true_peak_db, 2),
    }


def run() -> dict[str, dict[str, float]]:
    """Medians of interleaved rounds; `ratio` is text → ready over the bare encodes, by the clock."""
    engines = Roster([EspeakEngine()])
    with tempfile.TemporaryDirectory() as name:
        return {f"{minutes} min": _length(minutes, engines, Path(name)) for minutes in MINUTES}


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
