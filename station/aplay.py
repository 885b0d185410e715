"""The one door to `aplay` (alsa-utils): a sound card fed through a pipe, for machines without miniaudio."""

import fcntl
import logging
import os
import re
import shutil
import struct
import subprocess
import termios
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, cast

from core.errors import N_, EngineFailed
from station.decoding import BYTES_A_SAMPLE

log = logging.getLogger(__name__)

PERIOD_SECONDS = 0.02
BUFFER_SECONDS = 0.2  # its length does no harm to punctuality, being known; an emergency waits for it
_END_SECONDS = 1.0
_MOST_LINES = 200
_MOST_FRAMES = 1 << 20
_SETUP = re.compile(r"^\s*(buffer_size|period_size)\s*:\s*(\d{1,9})\s*$")


@dataclass(frozen=True, slots=True)
class Setup:
    """What the sound card settled on, in frames."""

    buffer: int
    period: int


class Aplay:
    """One running `aplay`. Nothing here waits, except `close`, at most four times `_END_SECONDS`."""

    def __init__(self, device: str | None, rate: int, program: str = "aplay") -> None:
        """Play 16-bit mono at `rate` on ALSA's `device`, or its default one. Raises EngineFailed if it can't start."""
        self.rate = rate
        self._setup = Setup(round(BUFFER_SECONDS * rate), round(PERIOD_SECONDS * rate))
        self._told: dict[str, int] = {}
        self.last_words = ""
        command = [
            program, "--verbose", "--file-type=raw", "--format=S16_LE", "--channels=1", f"--rate={rate}",
            f"--buffer-time={round(BUFFER_SECONDS * 1e6)}", f"--period-time={round(PERIOD_SECONDS * 1e6)}",
        ]  # fmt: skip
        if device is not None:
            command.append(f"--device={device}")
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0,
                env={**os.environ, "LC_ALL": "C"}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise EngineFailed(N_("aplay can't be started (%(why)s)."), why=str(error.strerror)) from error
        stdin, stderr = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stderr)
        self._pipe = stdin.fileno()
        os.set_blocking(self._pipe, False)
        self._listener = threading.Thread(target=self._listen, args=(stderr,), name="aplay", daemon=True)
        self._listener.start()

    @property
    def setup(self) -> Setup:
        """As `aplay` reports it; what was asked for, until it has."""
        return self._setup

    def is_running(self) -> bool:
        return self._process.poll() is None

    def backlog(self) -> int:
        """Frames that lie in the pipe: handed over, and not yet taken by `aplay`."""
        answer = fcntl.ioctl(self._pipe, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0]) // BYTES_A_SAMPLE

    def write(self, pcm: bytes) -> bool:
        """Hand over PCM at once; False if it ended, or the pipe is full, which it is not while the backlog is small."""
        try:
            return os.write(self._pipe, pcm) == len(pcm)
        except (BlockingIOError, BrokenPipeError):
            return False

    def close(self) -> None:
        """Let it play what it has, and end; if it does not, end it. May be called twice."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                end()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
                break
        self._listener.join(_END_SECONDS)

    def _listen(self, stream: IO[bytes]) -> None:
        """Read what it says, so that it never waits for us: its setup, then its complaints."""
        with suppress(OSError, ValueError), stream:
            for count, line in enumerate(iter(lambda: stream.readline(1000), b"")):
                text = line.decode("utf-8", "replace").strip()
                found = _SETUP.match(text)
                if found:
                    self._told[found[1]] = int(found[2])
                    self._take_setup()
                elif text:
                    self.last_words = text
                    if "run!!!" in text and count < _MOST_LINES:
                        log.warning("aplay: %s", text)

    def _take_setup(self) -> None:
        buffer, period = self._told.get("buffer_size", 0), self._told.get("period_size", 0)
        if 0 < period <= buffer <= _MOST_FRAMES:
            self._setup = Setup(buffer, period)


def has_aplay(program: str = "aplay") -> bool:
    return shutil.which(program) is not None
