"""The one door to ffmpeg: fixed argument lists, a time limit, bounded output, a clear error.

No file name ever reaches the command line: what strangers hand in is opened here and read through `/dev/fd`, what
comes out lies in a folder of ours. The input's format is forced, never guessed by ffmpeg, and it may open nothing
but files and pipes, so a playlist dressed as a recording can't make it fetch anything.
"""

import contextlib
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from audio.deadline import Deadline
from audio.ffmpeg_process import LINE_BYTES, Child, executable, running
from core.errors import N_, EngineFailed
from core.files import full_disk_is_told
from core.wire import Codec

Samples = NDArray[np.float32]

BLOCK_SAMPLES = 65_536
_LOUDEST = 64.0  # 36 dB over full scale: in a file of floats that is damage, not sound
_RATES = "8000|11025|12000|16000|22050|24000|32000|44100|48000"

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


def version(deadline: Deadline) -> str:
    """The first line ffmpeg says of itself."""
    with running(executable(), ["-version"], deadline) as child:
        said = child.output.read(LINE_BYTES).decode("utf-8", "replace").splitlines()
        child.output.close()
    return said[0] if said else ""


class Decoding:
    """Mono float samples of the first sound track, block by block, at the source's own rate (48 kHz at most).

    `errors` counts what ffmpeg complained about, `expected_seconds` is what the file's header promises (or None);
    both are complete when the blocks have come to their end. A file that can't be opened gives no blocks.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self.rate = 0
        self.why = ""
        self.errors = 0
        self.expected_seconds: float | None = None

    def blocks(self) -> Iterator[Samples]:
        self.rate = _read_wave_header(self._child.output)
        self.expected_seconds = self._child.duration_seconds
        rest, garbled = b"", 0
        while self.rate and (more := self._child.output.read(BLOCK_SAMPLES * 4)):
            data = rest + more
            whole = len(data) // 4 * 4
            rest = data[whole:]
            block = np.frombuffer(data[:whole], "<f4").astype(np.float32)
            sound = np.abs(block) <= _LOUDEST  # false for what is no number
            if not sound.all():
                garbled += 1
                block[~sound] = 0
            yield block
        self._child.finish()
        self.errors, self.why = self._child.errors + garbled, self._child.why()
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
    with running(executable(), arguments, deadline, file=file) as child:
        yield Decoding(child)


def _raw_input(rate: int) -> list[str]:
    return [*_QUIET, *_LOCAL, "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]


def _feed(child: Child, blocks: Iterable[Samples]) -> None:
    with contextlib.suppress(BrokenPipeError):  # it ended early: its status and words tell why
        for block in blocks:
            child.input.write(block.astype("<f4", copy=False).tobytes())
        child.input.close()


def encode(blocks: Iterable[Samples], rate: int, targets: dict[Codec, Path], deadline: Deadline) -> None:
    """Encode mono samples into every target at once (the encoders run beside each other).

    The same samples give the same bytes. Raises EngineFailed, or NoSpace when the disk is full; then the targets
    hold nothing of use.
    """
    arguments = _raw_input(rate)
    for codec, path in targets.items():
        arguments += ["-map", "0:a:0", *_CODECS[codec], *_BARE, f"file:{path}"]
    with running(executable(), arguments, deadline, feeds=True) as child:
        _feed(child, blocks)
        child.judge()


class _Helper(threading.Thread):
    """Runs one end of a pipe; an error stops the processes, so that nobody waits for the other end, and is kept."""

    def __init__(self, work: Callable[[], None], stops: Child) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._stops = stops
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by who waits for this thread
            self.error = error
            self._stops.stop()


@contextmanager
def encode_and_hear(blocks: Iterable[Samples], rate: int, path: Path, deadline: Deadline) -> Iterator[Decoding]:
    """Encode mono samples as Opus into `path` while the bytes written there are decoded again, a moment behind.

    The same samples give the same bytes as with `encode`. The caller takes all blocks of the decoding. Errors as with
    `encode`, and whatever `blocks` raises; they come when the block is left.
    """
    encoding = [*_raw_input(rate), "-map", "0:a:0", *_CODECS["opus"], *_BARE, "-flush_packets", "1", "pipe:1"]
    decoding = [*_TOLD, *_LOCAL, "-f", "ogg", "-i", "pipe:0", "-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav"]
    with (
        running(executable(), encoding, deadline, feeds=True) as encoder,
        running(executable(), [*decoding, "pipe:1"], deadline, feeds=True) as decoder,
    ):
        helpers = [
            _Helper(lambda: _feed(encoder, blocks), encoder),
            _Helper(lambda: _keep_and_pass_on(encoder, path, decoder), encoder),
        ]
        try:
            yield Decoding(decoder)
        except BaseException:
            encoder.stop()
            decoder.stop()
            raise
        finally:
            for helper in helpers:
                helper.join()
        for helper in helpers:
            if helper.error:
                raise helper.error
        encoder.judge()


def _keep_and_pass_on(encoder: Child, path: Path, decoder: Child) -> None:
    try:
        with full_disk_is_told(), path.open("wb") as file:
            while piece := encoder.output.read1(BLOCK_SAMPLES):  # type: ignore[attr-defined]
                file.write(piece)
                with contextlib.suppress(BrokenPipeError):  # a decoder that died is noticed by who measures
                    decoder.input.write(piece)
                    decoder.input.flush()
    finally:
        with contextlib.suppress(BrokenPipeError):
            decoder.input.close()


def to_wave(path: Path, target: Path, deadline: Deadline) -> Path:
    """One of our own MP3 files as 16-bit WAV at `target`. Raises EngineFailed."""
    arguments = [*_QUIET, *_LOCAL, "-f", "mp3", "-i", f"file:{path}", "-c:a", "pcm_s16le", *_BARE, "-f", "wav"]
    with running(executable(), [*arguments, f"file:{target}"], deadline) as child:
        child.output.read()
        if child.finish() and not child.too_slow:
            raise EngineFailed(N_("ffmpeg could not encode the sound: %(why)s"), why=child.why())
    return target
