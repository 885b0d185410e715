"""What a station will hear: loudness, true peak and length of our own encoded files, measured on the decoded sound."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio import ffmpeg
from audio.deadline import Deadline
from audio.filters import frequencies, k_weighting
from audio.loudness import HOP_SECONDS, Samples, integrated_of_hops
from audio.truepeak import TruePeak
from core.errors import N_, EngineFailed

_BLOCK = 65_536


@dataclass(frozen=True)
class Measured:
    lufs: float
    true_peak_db: float
    seconds: float


class Listener:
    """Measures sound that comes in blocks: loudness (BS.1770-4) and true peak (four-fold).

    The K weighting is applied to the spectrum of each 100 ms for itself. Against the recursive filter that is within
    0.1 LU for sound without content below 60 Hz, as ours is, and costs a third of the exact meter.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._hop = round(rate * HOP_SECONDS)
        response = np.abs(k_weighting(rate, frequencies(self._hop))) ** 2 / self._hop
        response[1 : (self._hop + 1) // 2] *= 2  # a real signal's negative frequencies
        self._weights = response.astype(np.float32)
        self._energy: list[NDArray[np.float32]] = []
        self._rest: Samples = np.zeros(0, np.float32)
        self._samples = 0
        self._peak = TruePeak()

    def feed(self, block: Samples) -> None:
        self._peak.feed(block)
        self._samples += len(block)
        joined = np.concatenate([self._rest, block])
        whole = len(joined) // self._hop * self._hop
        self._keep(joined[:whole].reshape(-1, self._hop))
        self._rest = joined[whole:]

    def _keep(self, hops: NDArray[np.float32]) -> None:
        spectrum = np.fft.rfft(hops, axis=1)
        self._energy.append((np.square(spectrum.real) + np.square(spectrum.imag)) @ self._weights)

    def finish(self) -> Measured:
        short = np.zeros((1, self._hop), np.float32)
        short[0, : len(self._rest)] = self._rest
        self._keep(short)
        energy = np.concatenate(self._energy).astype(np.float64)
        lufs = integrated_of_hops(energy, self._samples, self._hop)
        return Measured(lufs, self._peak.finish(), self._samples / self._rate)


def _measured(blocks: Iterable[Samples], rate: Callable[[], int]) -> Measured:
    """`rate` is asked after the first block has come. Nothing at all reads as -inf."""
    listener: Listener | None = None
    for block in blocks:
        listener = listener or Listener(rate())
        listener.feed(block)
    return listener.finish() if listener else Measured(-math.inf, -math.inf, 0.0)


def encode_mp3(blocks: Iterable[Samples], rate: int, path: Path, deadline: Deadline) -> Measured:
    """Encode into `path`, then decode it with libsndfile, as stations do (that costs a quarter of starting ffmpeg).

    Raises as `ffmpeg.encode`, and EngineFailed for a file that can't be decoded.
    """
    ffmpeg.encode(blocks, rate, {"mp3": path}, deadline)
    try:
        with soundfile.SoundFile(path) as file:
            return _measured(_read(file, deadline), lambda: int(file.samplerate))
    except soundfile.LibsndfileError as error:
        raise EngineFailed(N_("The encoded sound can't be decoded again.")) from error


def _read(file: soundfile.SoundFile, deadline: Deadline) -> Iterator[Samples]:
    while len(block := file.read(_BLOCK, dtype="float32")):
        deadline.check()
        yield block


def encode_opus(blocks: Iterable[Samples], rate: int, path: Path, deadline: Deadline) -> Measured:
    """Encode into `path`, decoded and measured while it is written. Raises as `ffmpeg.encode`."""
    with ffmpeg.encode_and_hear(blocks, rate, path, deadline) as decoding:
        return _measured(decoding.blocks(), lambda: decoding.rate)
