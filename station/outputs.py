"""Where the sound goes: a sound card, miniaudio's null device, or WAV files. One clock each, all fed by the mixer."""

import logging
import re
import sys
import threading
import time
import wave
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from core.errors import N_, EngineFailed, InvalidInput, LoaError, NoSpace
from core.files import full_disk_is_told, put_in_place
from station.decoding import BYTES_A_SAMPLE
from station.mixing import Mixer
from station.voice import Voice

log = logging.getLogger(__name__)

BLOCK_SECONDS = 0.02
_PERIODS = 3
_WAV_AHEAD = 0.1
_PATIENCE_SECONDS = 5.0  # with a decoder that lags, before there is silence in the file
_WAKE_SECONDS = 0.3
_STALL_SECONDS = 3.0
_REST_SECONDS = 20.0
_RE_ANCHOR_SECONDS = 0.05
_TRACKING = 0.02


class Output(Protocol):
    """A place where the mixer's voices go, each sample at its instant of the monotonic clock.

    `fault` says why nothing can be heard although it runs, or is None.
    """

    fault: str | None

    def rate_for(self, native: int) -> int:
        """The rate at which a voice of this native rate must be delivered; wakes the output if it sleeps."""

    def soonest(self) -> float:
        """The first instant (monotonic) at which a sample handed over now can leave."""

    def rest(self) -> None:
        """Called now and then: look after the device, and let it sleep when there has been nothing for long."""

    def finish(self, voice: Voice, name: str) -> None:
        """`voice` has ended; `name` tells airing, item and start."""

    def close(self) -> None: ...


def parse_output(text: str) -> tuple[str, Path | None]:
    """`device`, `null` or `wav:FOLDER`. Raises InvalidInput."""
    kind, _, folder = text.partition(":")
    if kind in {"device", "null"} and not folder:
        return kind, None
    if kind == "wav" and folder:
        return kind, Path(folder)
    raise InvalidInput(N_("“%(output)s” is no output. Use device, null or wav:FOLDER."), output=text[:80])


def open_output(spec: tuple[str, Path | None], mixer: Mixer, owner: str) -> Output:
    """The output that `parse_output` described; `owner` keeps apart the unfinished files of stations in one folder."""
    kind, folder = spec
    if folder is not None:
        return WavOutput(mixer, folder, owner)
    return DeviceOutput(mixer, null=kind == "null")


class WavOutput:
    """Writes what would have sounded: one file per stretch of an item, 16-bit mono at the clip's own rate.

    It behaves like a device with a buffer of `_WAV_AHEAD`: blocks are handed over that long before they would sound.
    A file can't run dry: if the process is held up for longer, the blocks that fell due meanwhile follow at once, so a
    sample's index is its instant.
    """

    fault: str | None = None

    def __init__(self, mixer: Mixer, folder: Path, owner: str) -> None:
        self._mixer = mixer
        self._folder = folder
        self._prefix = f".{_safe(owner)}-"
        try:
            with full_disk_is_told():
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(
                N_("“%(folder)s” can't be used for WAV files: %(why)s."), folder=str(folder), why=str(error.strerror)
            ) from error
        for leftover in folder.glob(f"{self._prefix}*.part"):
            leftover.unlink(missing_ok=True)
        self._files: dict[Voice, tuple[wave.Wave_write, Path]] = {}
        self._lock = threading.Lock()
        self._count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wav", daemon=True)
        self._thread.start()

    def rate_for(self, native: int) -> int:
        return native

    def soonest(self) -> float:
        return time.monotonic() + _WAV_AHEAD + BLOCK_SECONDS

    def rest(self) -> None:
        if not self._thread.is_alive() and not self._stop.is_set():
            log.error("the WAV writer had died; it is started again")
            self._thread = threading.Thread(target=self._run, name="wav", daemon=True)
            self._thread.start()

    def finish(self, voice: Voice, name: str) -> None:
        with self._lock:
            writer, path = self._files.pop(voice, (None, None))
        if writer is None or path is None:
            return
        try:
            with full_disk_is_told():
                writer.close()
            put_in_place(path, self._folder / f"{_safe(name)}.wav")
        except (OSError, LoaError):
            log.exception("%s could not be kept", path)
            path.unlink(missing_ok=True)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        with self._lock:
            for writer, path in self._files.values():
                with suppress(OSError):
                    writer.close()
                path.unlink(missing_ok=True)
            self._files.clear()

    def _run(self) -> None:
        at = time.monotonic() + _WAV_AHEAD
        while not self._stop.is_set():
            now = time.monotonic()
            waiting = self._mixer.waiting()
            if self._mixer.current() is None and (waiting is None or waiting.begins > now + 3 * _WAV_AHEAD):
                self._stop.wait(BLOCK_SECONDS if waiting else 2 * BLOCK_SECONDS)
                at = max(at, time.monotonic() + _WAV_AHEAD)
                continue
            if at - _WAV_AHEAD > now:
                self._stop.wait(at - _WAV_AHEAD - now)
                continue
            sounding = self._mixer.current()
            if sounding is not None:
                sounding.wait_for(BLOCK_SECONDS, _PATIENCE_SECONDS)
            try:
                for segment in self._mixer.segments(at, BLOCK_SECONDS):
                    self._write(segment.voice, segment.pcm)
            except (OSError, NoSpace, wave.Error):
                log.exception("a WAV file can't be written")
            at += BLOCK_SECONDS

    def _write(self, voice: Voice, pcm: bytes) -> None:
        with self._lock:
            if voice not in self._files:
                self._count += 1
                path = self._folder / f"{self._prefix}{self._count}.part"
                writer = wave.open(str(path), "wb")  # noqa: SIM115 - closed by finish
                writer.setparams((1, BYTES_A_SAMPLE, voice.rate, 0, "NONE", ""))
                self._files[voice] = (writer, path)
            self._files[voice][0].writeframesraw(pcm)


class DeviceOutput:
    """miniaudio's playback: the default sound card, or its null device (also in place of a card that is missing).

    The device is opened when something is about to play, with silence before it, so that an amplifier that sleeps
    does not swallow the first word; it is closed after `_REST_SECONDS` of nothing.
    """

    def __init__(self, mixer: Mixer, *, null: bool) -> None:
        self._mixer = mixer
        self._null = null
        self._lock = threading.RLock()
        self._device: Any = None
        self._rate = 0
        self._awake_from = 0.0
        self._heard_at = 0.0
        self._used_at = 0.0
        self.fault: str | None = None

    def rate_for(self, native: int) -> int:
        with self._lock:
            self._used_at = time.monotonic()
            idle = self._mixer.current() is None and self._mixer.waiting() is None
            if self._device is None or (idle and (self._rate != native or self.fault)):
                self._shut()
                self._open(native)
            return self._rate

    def soonest(self) -> float:
        return max(time.monotonic() + (_PERIODS + 1) * BLOCK_SECONDS, self._awake_from)

    def rest(self) -> None:
        with self._lock:
            now = time.monotonic()
            if self._mixer.current() is not None or self._mixer.waiting() is not None:
                self._used_at = now
                if self._device is not None and now - self._heard_at > _STALL_SECONDS:
                    log.error("the sound card takes nothing any more")
                    self._shut()
                    self._open(self._rate, null=True)
            elif self._device is not None and now - self._used_at > _REST_SECONDS:
                self._shut()

    def finish(self, voice: Voice, name: str) -> None:
        """Nothing is kept of what has sounded."""

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _open(self, rate: int, *, null: bool = False) -> None:
        miniaudio = load_miniaudio()
        fault = "no sound card" if null else None
        try:
            device = self._device_on(miniaudio, rate, null=null or self._null)
            if not self._null and not null and device.backend.lower() == "null":
                fault = "no sound card"
        except miniaudio.MiniaudioError as error:
            log.error("the sound card can't be opened (%s); the timetable runs on in silence", error)  # noqa: TRY400
            fault = "no sound card"
            device = self._device_on(miniaudio, rate, null=True)
        self._rate = rate
        frames = self._frames(rate)
        next(frames)
        now = time.monotonic()
        self._heard_at, self._used_at = now, now
        try:
            device.start(frames)
        except miniaudio.MiniaudioError as error:
            device.close()
            raise EngineFailed(N_("The sound card can't be started (%(why)s)."), why=str(error)) from error
        self._device, self.fault = device, fault
        self._awake_from = now if self._null or fault else now + _WAKE_SECONDS

    def _device_on(self, miniaudio: ModuleType, rate: int, *, null: bool) -> Any:
        return miniaudio.PlaybackDevice(
            output_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=rate,
            buffersize_msec=round(BLOCK_SECONDS * 1000),
            callback_periods=_PERIODS,
            backends=[miniaudio.Backend.NULL] if null else None,
            app_name="loa",
        )

    def _shut(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _frames(self, rate: int) -> Generator[bytes, int, None]:
        """Deliver what the device asks for; its samples' instants follow the monotonic clock slowly, without jitter."""
        wanted = yield b""
        latency = (_PERIODS - 1) * BLOCK_SECONDS
        at = time.monotonic() + latency
        while True:
            self._heard_at = time.monotonic()
            error = self._heard_at + latency - at
            at += error if abs(error) > _RE_ANCHOR_SECONDS else error * _TRACKING
            wanted = yield self._block(at, wanted, rate)
            at += wanted / rate

    def _block(self, at: float, frames: int, rate: int) -> bytes:
        block = bytearray(frames * BYTES_A_SAMPLE)
        try:
            for segment in self._mixer.segments(at, frames / rate):
                first = round((segment.at - at) * rate) * BYTES_A_SAMPLE
                pcm = segment.pcm[: len(block) - first]
                block[first : first + len(pcm)] = pcm
        except Exception:  # an error in the device's callback would end its sound for good
            log.exception("a block of sound was lost")
        return bytes(block)


def load_miniaudio() -> ModuleType:
    """Import miniaudio without numpy, which it takes if it is there, for 20 MB and no use of ours."""
    with _without_numpy():
        import miniaudio  # only stations with a device pay for it

    module: ModuleType = miniaudio
    return module


class _without_numpy:  # noqa: N801 - reads as a statement
    def __enter__(self) -> None:
        self._absent = "numpy" not in sys.modules
        if self._absent:
            sys.modules["numpy"] = None  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        if self._absent:
            del sys.modules["numpy"]


def _safe(name: str) -> str:
    return re.sub(r"[^\w.:+-]", "_", name, flags=re.ASCII)[:200]
