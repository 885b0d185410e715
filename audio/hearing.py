"""What a station will hear: loudness, true peak and length of our own encoded files, measured on the decoded sound."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from audio import ffmpeg
from audio.deadline import Deadline
from audio.loudness import HopMeter, Samples
from audio.truepeak import TruePeak
from core.errors import N_, EngineFailed

_BLOCK = 65_536


@dataclass(frozen=True)
class Measured:
    lufs: float
    true_peak_db: float
    seconds: float

    def louder(self, db: float) -> "Measured":
        """The same sound, played that much louder."""
        return Measured(self.lufs + db, self.true_peak_db + db, self.seconds)


class Listener:
    """Measures sound that comes in blocks: loudness (BS.1770-4) and true peak (four-fold)."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._loudness = HopMeter(rate)
        self._peak = TruePeak()

    def feed(self, block: Samples) -> None:
        self._peak.feed(block)
        self._loudness.feed(block)

    def finish(self) -> Measured:
        return Measured(self._loudness.finish(), self._peak.finish(), self._loudness.samples / self._rate)


def _measured(blocks: Iterable[Samples], rate: Callable[[], int]) -> Measured:
    """`rate` is asked after the first block has come. Nothing at all reads as -inf."""
    listener: Listener | None = None
    for block in blocks:
        listener = listener or Listener(rate())
        listener.feed(block)
    return listener.finish() if listener else Measured(-math.inf, -math.inf, 0.0)


def encode_mp3(
    blocks: Iterable[Samples], rate: int, path: Path, deadline: Deadline, highest_hz: float = math.inf
) -> Measured:
    """Encode into `path`, then decode it with libsndfile, as stations do (that costs a quarter of starting ffmpeg).

    Raises as `ffmpeg.encode`, and EngineFailed for a file that can't be decoded.
    """
    ffmpeg.encode(blocks, rate, {"mp3": path}, deadline, highest_hz)
    try:
        with soundfile.SoundFile(path) as file:
            return _measured(_read(file, deadline), lambda: int(file.samplerate))
    except soundfile.LibsndfileError as error:
        raise EngineFailed(N_("The encoded sound can't be decoded again.")) from error


def _read(file: soundfile.SoundFile, deadline: Deadline) -> Iterator[Samples]:
    while len(block := file.read(_BLOCK, dtype="float32")):
        deadline.check()
        yield block


def encode_opus(
    blocks: Iterable[Samples], rate: int, path: Path, deadline: Deadline, highest_hz: float = math.inf
) -> Measured:
    """Encode into `path`, decoded and measured while it is written. Raises as `ffmpeg.encode`."""
    with ffmpeg.encode_and_hear(blocks, rate, path, deadline, highest_hz) as decoding:
        return _measured(decoding.blocks(), lambda: decoding.rate)
