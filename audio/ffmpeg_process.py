"""A running ffmpeg: killed when its time is over, what it says is bounded, its pipes are always closed."""

import contextlib
import fcntl
import functools
import re
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import imageio_ffmpeg

from audio.deadline import Deadline
from core.errors import N_, EngineFailed, NoSpace

_PIPE_BYTES = 1 << 20  # what Linux allows everybody
_KEPT_LINES = 40
LINE_BYTES = 400
_DURATION = re.compile(r"Duration: (\d{2,}):(\d{2}):(\d{2}(?:\.\d+)?)")
_ERROR = re.compile(r"\[(?:error|fatal|panic)\]")
_SPEAKER = re.compile(r"\[[^\]]*\] ?")  # who says it and how bad it is: nothing for people
# A broken cover picture or video track is no damage to the sound.
_ABOUT_PICTURES = re.compile(
    r"\[(?:mjpeg|png|bmp|gif|webp|tiff|h26[34]|hevc|mpeg[124](?:video)?|vp[89]|av1|libdav1d) @"
)


@functools.cache
def executable() -> str:
    """The ffmpeg that came with imageio-ffmpeg (or `IMAGEIO_FFMPEG_EXE`). Raises EngineFailed when there is none."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EngineFailed(N_("ffmpeg is not installed here: %(why)s"), why=str(error)[:200]) from error


class Child:
    """A running ffmpeg, killed when the deadline passes; keeps the last lines it said and counts its errors."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: Deadline) -> None:
        self._process = process
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._first_line = ""
        self.errors = 0
        self.duration_seconds: float | None = None
        self.too_slow = False
        self._watchdog = threading.Timer(deadline.remaining(), self._time_is_over)
        self._watchdog.daemon = True
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._watchdog.start()
        self._listener.start()

    @property
    def output(self) -> IO[bytes]:
        assert self._process.stdout  # noqa: S101 - always opened as a pipe
        return self._process.stdout

    @property
    def input(self) -> IO[bytes]:
        assert self._process.stdin  # noqa: S101 - only asked for where opened as a pipe
        return self._process.stdin

    def _time_is_over(self) -> None:
        self.too_slow = True
        self._process.kill()

    def _listen(self) -> None:
        assert self._process.stderr  # noqa: S101 - always opened as a pipe
        for raw in iter(lambda: self._process.stderr.readline(LINE_BYTES), b""):  # type: ignore[union-attr]
            line = raw.decode("utf-8", "replace").strip()
            if self.duration_seconds is None and (found := _DURATION.search(line)):
                hours, minutes, seconds = found.groups()
                self.duration_seconds = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            if _ERROR.search(line) and not _ABOUT_PICTURES.search(line):
                self.errors += 1
                self._first_line = self._first_line or line
                self.lines.append(line)

    def finish(self) -> int:
        """Wait for the end (the watchdog bounds it); the exit status."""
        status = self._process.wait()
        self._listener.join()
        return status

    def stop(self) -> None:
        """Kill it; everything that reads or writes its pipes comes to an end."""
        if self._process.poll() is None:
            self._process.kill()

    def close(self) -> None:
        self._watchdog.cancel()
        self.stop()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def judge(self) -> None:
        """Wait for the end. Raises NoSpace or EngineFailed when it did not end well (not when it was too slow)."""
        if not self.finish() or self.too_slow:
            return
        if any("No space left" in line for line in self.lines):
            raise NoSpace(N_("The disk is full or read-only. Make room and try again; nothing was lost."))
        raise EngineFailed(N_("ffmpeg could not encode the sound: %(why)s"), why=self.why())

    def why(self) -> str:
        """What it complained about first: the rest mostly follows from that."""
        return _SPEAKER.sub("", self._first_line)[:200] or "no reason given"


def _widen(*pipes: IO[bytes] | None) -> None:
    """Room for seconds of sound in each pipe, so that ffmpeg never waits for a busy interpreter (Linux only)."""
    command = getattr(fcntl, "F_SETPIPE_SZ", None)
    for pipe in pipes:
        if pipe and command is not None:
            with contextlib.suppress(OSError):  # the system allows no more: it works all the same
                fcntl.fcntl(pipe, command, _PIPE_BYTES)


@contextmanager
def running(
    program: str, arguments: list[str], deadline: Deadline, *, feeds: bool = False, file: IO[bytes] | None = None
) -> Iterator[Child]:
    """Run `program`, feeding it through `child.input` if asked; it may read `file` as `/dev/fd/…`.

    Gone when the block is left, whatever happened in it. Raises EngineFailed when the deadline passed meanwhile.
    """
    deadline.check()
    try:
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(file.fileno(),) if file else (),
        )
    except OSError as error:
        raise EngineFailed(N_("ffmpeg can't be started: %(why)s"), why=str(error)[:200]) from error
    _widen(process.stdin, process.stdout)
    child = Child(process, deadline)
    try:
        yield child
    finally:
        child.close()
    if child.too_slow:
        deadline.check()
        raise EngineFailed(N_("ffmpeg took too long and was stopped."), code="too_slow")
