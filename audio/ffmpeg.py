"""The one door to ffmpeg: fixed argument lists, a time limit, bounded output, a clear error.

No file name ever reaches the command line: what strangers hand in is opened here and read through `/dev/fd`, what
comes out lies in a folder of ours. The input's format is forced, never guessed by ffmpeg, and it may open nothing
but files and pipes, so a playlist dressed as a recording can't make it fetch anything.
"""

import functools
import re
import struct
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from audio.deadline import Deadline
from core.errors import N_, EngineFailed, NoSpace
from core.wire import Codec

Samples = NDArray[np.float32]

BLOCK_SAMPLES = 65_536
_RATES = "8000|11025|12000|16000|22050|24000|32000|44100|48000"
_KEPT_LINES = 40
_LINE_BYTES = 400
_DURATION = re.compile(r"Duration: (\d{2,}):(\d{2}):(\d{2}(?:\.\d+)?)")
_ERROR = re.compile(r"\[(?:error|fatal|panic)\]")

_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "level+error")
_TOLD = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")
_LOCAL = ("-protocol_whitelist", "file,pipe")
_BARE = ("-map_metadata", "-1", "-map_chapters", "-1", "-flags", "+bitexact", "-fflags", "+bitexact")
# The protocol fixes rates and bit rates. Opus at effort 8 of 10 takes a sixth less time; on speech nobody hears it.
_CODECS: dict[Codec, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "64k", "-ar", "44100", "-ac", "1", "-id3v2_version", "0", "-f", "mp3"),
    "opus": (
        "-c:a", "libopus", "-b:a", "24k", "-ar", "48000", "-ac", "1", "-compression_level", "8", "-f", "ogg",
    ),
}  # fmt: skip


@functools.cache
def executable() -> str:
    """The ffmpeg that came with imageio-ffmpeg (or `IMAGEIO_FFMPEG_EXE`). Raises EngineFailed when there is none."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EngineFailed(N_("ffmpeg is not installed here: %(why)s"), why=str(error)[:200]) from error


def version(deadline: Deadline) -> str:
    """The first line ffmpeg says of itself."""
    with _child(["-version"], deadline) as child:
        said = child.output.read(_LINE_BYTES).decode("utf-8", "replace").splitlines()
        child.output.close()
    return said[0] if said else ""


class _Child:
    """A running ffmpeg, killed when the deadline passes; keeps the last lines it said and counts its errors."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: Deadline) -> None:
        self._process = process
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
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
        for raw in iter(lambda: self._process.stderr.readline(_LINE_BYTES), b""):  # type: ignore[union-attr]
            line = raw.decode("utf-8", "replace").strip()
            if self.duration_seconds is None and (found := _DURATION.search(line)):
                hours, minutes, seconds = found.groups()
                self.duration_seconds = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            if _ERROR.search(line):
                self.errors += 1
                self.lines.append(line)

    def finish(self) -> int:
        """Wait for the end (the watchdog bounds it); the exit status."""
        status = self._process.wait()
        self._listener.join()
        return status

    def close(self) -> None:
        self._watchdog.cancel()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def why(self) -> str:
        return self.lines[-1][:200] if self.lines else "no reason given"


@contextmanager
def _child(
    arguments: list[str], deadline: Deadline, *, feeds: bool = False, file: IO[bytes] | None = None
) -> Iterator[_Child]:
    deadline.check()
    try:
        process = subprocess.Popen(
            [executable(), *arguments],
            stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(file.fileno(),) if file else (),
        )
    except OSError as error:
        raise EngineFailed(N_("ffmpeg can't be started: %(why)s"), why=str(error)[:200]) from error
    child = _Child(process, deadline)
    try:
        yield child
    finally:
        child.close()
    if child.too_slow:
        deadline.check()
        raise EngineFailed(N_("ffmpeg took too long and was stopped."), code="too_slow")


class Decoding:
    """Mono float samples of the first sound track, block by block, at the source's own rate (48 kHz at most).

    `errors` counts what ffmpeg complained about, `expected_seconds` is what the file's header promises (or None);
    both are complete when the blocks have come to their end. A file that can't be opened gives no blocks.
    """

    def __init__(self, child: _Child) -> None:
        self._child = child
        self.rate = 0
        self.why = ""
        self.errors = 0
        self.expected_seconds: float | None = None

    def blocks(self) -> Iterator[Samples]:
        self.rate = _read_wave_header(self._child.output)
        self.expected_seconds = self._child.duration_seconds
        rest = b""
        while self.rate and (more := self._child.output.read(BLOCK_SAMPLES * 4)):
            data = rest + more
            whole = len(data) // 4 * 4
            rest = data[whole:]
            block = np.frombuffer(data[:whole], "<f4").astype(np.float32)
            yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0) if not np.isfinite(block).all() else block
        self._child.finish()
        self.errors, self.why = self._child.errors, self._child.why()
        self.expected_seconds = self._child.duration_seconds


def _read_wave_header(stream: IO[bytes]) -> int:
    """Read up to the samples; the rate, or 0 when nothing comes."""
    if len(stream.read(12)) < 12:  # noqa: PLR2004 - "RIFF", size, "WAVE"
        return 0
    rate = 0
    while len(head := stream.read(8)) == 8:  # noqa: PLR2004 - name and size of a chunk
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"data":
            return rate
        body = stream.read(min(size + size % 2, 65_536))
        if name == b"fmt ":
            rate = struct.unpack("<I", body[4:8])[0]
    return 0


@contextmanager
def decode(file: IO[bytes], demuxer: str, deadline: Deadline, *, at_most_seconds: float) -> Iterator[Decoding]:
    """Decode an open file as `demuxer` (one of ffmpeg's names, chosen by us from the content).

    Never more than `at_most_seconds` come out, whatever the file claims. Raises EngineFailed when the deadline passes.
    """
    arguments = [
        *_TOLD, *_LOCAL, "-f", demuxer, "-t", f"{at_most_seconds:.3f}", "-i", f"file:/dev/fd/{file.fileno()}",
        "-map", "0:a:0", "-vn", "-sn", "-dn",
        "-af", f"aformat=sample_fmts=flt:channel_layouts=mono:sample_rates={_RATES}",
        "-c:a", "pcm_f32le", "-fflags", "+bitexact", "-f", "wav", "pipe:1",
    ]  # fmt: skip
    with _child(arguments, deadline, file=file) as child:
        yield Decoding(child)


def encode(blocks: Iterable[Samples], rate: int, targets: dict[Codec, Path], deadline: Deadline) -> None:
    """Encode mono samples into every target at once (the encoders run beside each other).

    The same samples give the same bytes. Raises EngineFailed, or NoSpace when the disk is full; then the targets
    hold nothing of use.
    """
    arguments = [*_QUIET, *_LOCAL, "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]
    for codec, path in targets.items():
        arguments += ["-map", "0:a:0", *_CODECS[codec], *_BARE, f"file:{path}"]
    with _child(arguments, deadline, feeds=True) as child:
        try:
            for block in blocks:
                child.input.write(block.astype("<f4", copy=False).tobytes())
            child.input.close()
        except BrokenPipeError:
            pass  # it ended early: its status and words tell why
        status = child.finish()
        if status and not child.too_slow:
            if any("No space left" in line for line in child.lines):
                raise NoSpace(N_("The disk is full or read-only. Make room and try again; nothing was lost."))
            raise EngineFailed(N_("ffmpeg could not encode the sound: %(why)s"), why=child.why())


def to_wave(path: Path, target: Path, deadline: Deadline) -> Path:
    """One of our own MP3 files as 16-bit WAV at `target`. Raises EngineFailed."""
    arguments = [*_QUIET, *_LOCAL, "-f", "mp3", "-i", f"file:{path}", "-c:a", "pcm_s16le", *_BARE, "-f", "wav"]
    with _child([*arguments, f"file:{target}"], deadline) as child:
        child.output.read()
        if child.finish() and not child.too_slow:
            raise EngineFailed(N_("ffmpeg could not encode the sound: %(why)s"), why=child.why())
    return target
