"""Text → ready clip, and mastering alone, against the bare cost of the two encodes of the same sound.

Bare is one ffmpeg process that reads the assembled sound from a file and encodes it into both files, its two encoders
beside each other: once at the effort that the mastering door asks of them, once at their usual effort. Mastering is
analysis, limiting, both encodes and the proof on the decoded files; text → ready adds reading, espeak-ng, chime and
pauses, and the store. `two at once` is the time of two clips in two lanes against one after the other.
Run: python -m benchmarks speech
"""

import itertools
import tempfile
import threading
from pathlib import Path
from statistics import median
from typing import Any

from audio.assembly import assemble
from audio.deadline import Deadline
from audio.engines.espeak import EspeakEngine
from audio.engines.roster import Roster
from audio.mastering import InMemory, master
from audio.reading import spoken
from audio.rendered import Rendered, SpeechJob
from audio.rendering import render
from audio.store import MediaStore
from benchmarks._audio import WORDS_A_MINUTE, bulletin, interleaved, one_command, ratios, raw
from core.settings import load

MINUTES = (1, 5)
ROUNDS = 5
LANES = 2


def _length(minutes: int, engines: Roster, folder: Path) -> dict[str, Any]:
    text, settings = bulletin(WORDS_A_MINUTE * minutes), load(folder / "home", gtts_enabled=False)
    speech = engines.speak(spoken(text, "vi"), "vi", "", Deadline(60))
    sound, rate = assemble(speech.spoken, speech.phrases), speech.spoken.rate
    (folder / "sound.f32").write_bytes(sound.astype("<f4").tobytes())
    source = raw(folder / "sound.f32", rate)
    rendered: list[Rendered] = []
    stores = (MediaStore(folder / f"media{minutes}-{number}") for number in itertools.count())

    def in_lanes(count: int) -> None:
        lanes = [
            threading.Thread(target=lambda lane=lane: master(InMemory(sound, rate), lane, Deadline(120)))  # type: ignore[misc]
            for lane in _folders(folder, count)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()

    costs = interleaved(
        {
            "bare": lambda: one_command(source, folder),
            "usual": lambda: one_command(source, folder, usual_effort=True),
            "mastering": lambda: in_lanes(1),
            "text → ready": lambda: rendered.append(render(SpeechJob(text), settings, next(stores), engines)),
            "two": lambda: in_lanes(LANES),
        },
        ROUNDS,
    )
    seconds = {name: [clock for clock, _ in each] for name, each in costs.items()}
    return {
        "audio seconds": round(rendered[0].seconds, 1),
        "bare encodes, processor seconds": round(min(used for _, used in costs["bare"]), 3),
        "bare encodes at usual effort, processor seconds": round(min(used for _, used in costs["usual"]), 3),
        "mastering": ratios(costs["mastering"], costs["bare"]),
        "mastering, to usual effort": ratios(costs["mastering"], costs["usual"]),
        "text → ready": ratios(costs["text → ready"], costs["bare"]),
        "text → ready, to usual effort": ratios(costs["text → ready"], costs["usual"]),
        "two at once over two in turn": round(
            median(two / (2 * one) for one, two in zip(seconds["mastering"], seconds["two"], strict=True)), 2
        ),
        "lufs": round(rendered[0].lufs, 2),
        "true peak db": round(rendered[0].true_peak_db, 2),
    }


def _folders(folder: Path, count: int) -> list[Path]:
    lanes = [folder / f"lane{number}" for number in range(count)]
    for lane in lanes:
        lane.mkdir(exist_ok=True)
    return lanes


def run() -> dict[str, Any]:
    """Medians of interleaved rounds."""
    engines = Roster([EspeakEngine()])
    with tempfile.TemporaryDirectory() as name:
        return {f"{minutes} min": _length(minutes, engines, Path(name)) for minutes in MINUTES}
