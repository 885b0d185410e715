"""What a microphone at the station hears: a capture device, or a WAV file in its place to check the way with.

It is on only while something sounds or is about to: nobody on the square is listened to.
"""

import audioop
import logging
import threading
import time
import wave
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from core.errors import N_, EngineFailed, InvalidInput
from station.cards import load_miniaudio
from station.decoding import BYTES_A_SAMPLE

log = logging.getLogger(__name__)
RATE = 16_000
_BLOCK_MS = 50
_DEFAULT = "default"
Take = Callable[[float, bytes, int], None]


class Source(Protocol):
    """Gives what is heard to `take(at, pcm, rate)`: 16-bit mono PCM, its first sample heard at the monotonic `at`."""

    def open(self, take: Take) -> None:
        """Begin. Raises EngineFailed when there is no such microphone."""

    def feed(self, since: float | None) -> None:
        """Called several times a second; what sounds began at the monotonic `since`, None for nothing."""

    def close(self) -> None: ...


def parse_microphone(text: str) -> "Source":
    """`default`, a part of a capture device's name, or `wav:FILE`. Raises InvalidInput."""
    kind, _, file = text.partition(":")
    if kind == "wav":
        if not file or not Path(file).is_file():
            raise InvalidInput(N_("“%(file)s” is no WAV file to listen to."), file=file[:80])
        return WavMicrophone(Path(file))
    if not text.strip():
        raise InvalidInput(N_("Name a microphone: default, a part of its name, or wav:FILE."))
    return DeviceMicrophone(text)


class WavMicrophone:
    """Hears a file: its first sample at the instant at which what sounds began, silence after its end."""

    def __init__(self, path: Path) -> None:
        try:
            with wave.open(str(path)) as file:
                if file.getsampwidth() != BYTES_A_SAMPLE or file.getnchannels() != 1:
                    raise InvalidInput(N_("“%(file)s” must be 16-bit mono."), file=path.name)
                self._rate = file.getframerate()
                self._pcm = file.readframes(file.getnframes())
        except (OSError, EOFError, wave.Error) as error:
            raise InvalidInput(N_("“%(file)s” is no WAV file to listen to."), file=path.name) from error
        self._take: Take | None = None
        self._since: float | None = None
        self._given = 0

    def open(self, take: Take) -> None:
        self._take = take

    def feed(self, since: float | None) -> None:
        if since is None or self._take is None:
            return
        if since != self._since:
            self._since, self._given = since, 0
        until = int((time.monotonic() - since) * self._rate)
        block = self._rate * _BLOCK_MS // 1000
        while self._given + block <= until:
            first = self._given * BYTES_A_SAMPLE
            pcm = self._pcm[first : first + block * BYTES_A_SAMPLE].ljust(block * BYTES_A_SAMPLE, b"\0")
            self._take(since + self._given / self._rate, pcm, self._rate)
            self._given += block

    def close(self) -> None:
        self._take = None


class DeviceMicrophone:
    """A capture device of miniaudio's, by a part of its name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._device: Any = None

    def open(self, take: Take) -> None:
        miniaudio = load_miniaudio()
        try:
            identity = None if self._name == _DEFAULT else self._find(miniaudio)
            device = miniaudio.CaptureDevice(
                input_format=miniaudio.SampleFormat.SIGNED16, nchannels=1, sample_rate=RATE,
                buffersize_msec=_BLOCK_MS, device_id=identity, app_name="loa",
            )  # fmt: skip
            if device.backend.lower() == "null":  # which would hear silence where there is no microphone at all
                device.close()
                raise EngineFailed(N_("There is no microphone."))
            listener = _listener(take)
            next(listener)
            device.start(listener)
        except miniaudio.MiniaudioError as error:
            raise EngineFailed(N_("The microphone can't be opened (%(why)s)."), why=str(error)) from error
        self._device = device

    def _find(self, miniaudio: Any) -> Any:
        for each in miniaudio.Devices().get_captures():
            if self._name.lower() in each["name"].lower():
                return each["id"]
        raise EngineFailed(N_("There is no microphone called “%(name)s”."), name=self._name[:80])

    def feed(self, since: float | None) -> None:
        """It hears by itself."""

    def close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()


def _listener(take: Take) -> Generator[None, bytes, None]:
    while True:
        data = yield
        pcm = bytes(data)
        with suppress(Exception):  # an error in the device's callback would end its hearing for good
            take(time.monotonic() - len(pcm) / BYTES_A_SAMPLE / RATE, pcm, RATE)


class Envelope:
    """Levels in slots of the monotonic clock, of the last minute or so. Thread-safe."""

    def __init__(self, slot_seconds: float, most: int) -> None:
        self._slot, self._most = slot_seconds, most
        self._lock = threading.Lock()
        self._sums: dict[int, tuple[float, int]] = {}

    def add(self, at: float, pcm: bytes, rate: int) -> None:
        """Sound that begins at the monotonic `at`."""
        step = max(1, round(rate * self._slot / 5)) * BYTES_A_SAMPLE  # a piece lies in one slot, but for its edges
        with self._lock:
            for first in range(0, len(pcm) - BYTES_A_SAMPLE + 1, step):
                piece = pcm[first : first + step]
                count = len(piece) // BYTES_A_SAMPLE
                slot = int((at + (first // BYTES_A_SAMPLE + count / 2) / rate) / self._slot)
                squares, frames = self._sums.get(slot, (0.0, 0))
                level = audioop.rms(piece[: count * BYTES_A_SAMPLE], BYTES_A_SAMPLE)
                self._sums[slot] = squares + float(level) ** 2 * count, frames + count
            while len(self._sums) > self._most:
                del self._sums[min(self._sums)]

    def levels(self, begin: float, end: float) -> list[float | None]:
        """The RMS of each slot from `begin` to `end`, None where nothing was added."""
        with self._lock:
            found: list[float | None] = []
            for slot in range(int(begin / self._slot), int(end / self._slot) + 1):
                squares, frames = self._sums.get(slot, (0.0, 0))
                found.append((squares / frames) ** 0.5 if frames else None)
            return found
