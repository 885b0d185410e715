"""WAV files in place of a loudspeaker: what would have sounded."""

import logging
import re
import threading
import time
import wave
from contextlib import suppress
from pathlib import Path

from core.errors import N_, InvalidInput, LoaError, NoSpace
from core.files import full_disk_is_told, put_in_place
from station.decoding import BYTES_A_SAMPLE
from station.mixing import BLOCK_SECONDS, Mixer
from station.voice import Voice

log = logging.getLogger(__name__)

_WAV_AHEAD = 0.1
_PATIENCE_SECONDS = 5.0  # with a decoder that lags, before there is silence in the file


class WaveOutput:
    """Writes what would have sounded: one file per stretch of an item, 16-bit mono at the clip's own rate.

    It behaves like a device with a buffer of `_WAV_AHEAD`: blocks are handed over that long before they would sound.
    A file can't run dry: if the process is held up for longer, the blocks that fell due meanwhile follow at once, and
    they are as long as the corrected clock has it: so a sample's index is its instant.
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
        pace = self._mixer.pace
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
            at = pace.reading_of(pace.elapsed(at) + BLOCK_SECONDS)

    def _write(self, voice: Voice, pcm: bytes) -> None:
        with self._lock:
            if voice not in self._files:
                self._count += 1
                path = self._folder / f"{self._prefix}{self._count}.part"
                writer = wave.open(str(path), "wb")  # noqa: SIM115 - closed by finish
                writer.setparams((1, BYTES_A_SAMPLE, voice.rate, 0, "NONE", ""))
                self._files[voice] = (writer, path)
            self._files[voice][0].writeframesraw(pcm)


def _safe(name: str) -> str:
    return re.sub(r"[^\w.:+-]", "_", name, flags=re.ASCII)[:200]
