"""What a silent drill plays: some seconds of almost nothing, other ones each time, so that stations have to fetch them.

The ticket says volume 0. A device that disregards that plays a hiss of -80 dBFS, which nobody hears from a pole.
"""

import hashlib
from pathlib import Path

import numpy as np

from audio import ffmpeg
from audio.deadline import Deadline
from audio.loudness import Samples
from audio.store import MediaStore
from core.wire import ClipFiles, Codec

RATE = 44_100
LEVEL_DB = -80.0
_LEAST_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0


def hiss(seed: str) -> Samples:
    """2 to 3 s of noise at `LEVEL_DB` (RMS), mono at `RATE`: of another length and other samples for each seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    seconds = _LEAST_SECONDS + number % 1_000 / 1_000
    noise = np.random.default_rng(number).standard_normal(round(seconds * RATE)) * 10 ** (LEVEL_DB / 20)
    return noise.astype(np.float32)


def made(store: MediaStore, seed: str) -> tuple[ClipFiles, float]:
    """Its files in the store, and its seconds. Raises EngineFailed or NoSpace."""
    samples = hiss(seed)
    with store.workspace() as folder:
        targets: dict[Codec, Path] = {"mp3": folder / "a.mp3", "opus": folder / "a.opus"}
        ffmpeg.encode([samples], RATE, targets, Deadline(_PATIENCE_SECONDS))
        mp3, opus = store.put(targets["mp3"], "mp3"), store.put(targets["opus"], "opus")
    return ClipFiles(mp3=mp3, opus=opus), round(len(samples) / RATE, 3)
