"""The one door to ffmpeg: fixed argument lists, a time limit, bounded output, a clear error.

No file name ever reaches the command line: what strangers hand in is opened here and read through `/dev/fd`, what
comes out lies in a folder of ours. The input's format is forced, never guessed by ffmpeg, and it may open nothing
but files and pipes, so a playlist dressed as a recording can't make it fetch anything.
"""

import contextlib
import math
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
from audio.mixdown import Mixdown
from core.errors import N_, EngineFailed
from core.files import full_disk_is_told
from core.wire import Codec

Samples = NDArray[np.float32]

BLOCK_SAMPLES = 65_536
_LOUDEST = 64.0  # 36 dB over full scale: in a file of floats that is damage, not sound
# Short frames are put together before they go from thread to thread in ffmpeg: that saves a sixth of a decoding.
_TOGETHER = "asetnsamples=n=24000:p=0"
_RATES = "8000|11025|12000|16000|22050|24000|32000|44100|48000"

_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "level+error")
_TOLD = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")
_LITTLE = ("-max_alloc", str(256 << 20))  # bytes in one piece: tables that a header invents stay bounded
_LOCAL = ("-protocol_whitelist", "file,pipe")
_BARE = ("-map_metadata", "-1", "-map_chapters", "-1", "-flags", "+bitexact", "-fflags", "+bitexact")
# The protocol fixes rates and bit rates. LAME's level 7 leaves out its search for the least audible noise: that halves
# its time; at 64 kbit/s for one channel the noise comes out no louder against what masks it, and peaks overshoot less.
# Opus at effort 8 of 10 takes a little less time; on speech nobody hears it.
CODECS: dict[Codec, tuple[str, ...]] = {
    "mp3": (
        "-c:a", "libmp3lame", "-b:a", "64k", "-ar", "44100", "-ac", "1", "-compression_level", "7",
        "-id3v2_version", "0", "-f", "mp3",
    ),
    "opus": (
        "-c:a", "libopus", "-b:a", "24k", "-ar", "48000", "-ac", "1", "-compression_level", "8", "-f", "ogg",
    ),
}  # fmt: skip

# A voice as it is spoken: no rumble, no peak over −1.5 dBFS with 3 ms of looking ahead; frames without a reservoir, so
# that whoever comes in the middle hears the first.
_VOICE = ("-af", "highpass=f=90,alimiter=limit=0.84:attack=3:release=60:level=0", "-reservoir", "0")

_OPUS_BANDS_HZ = (4_000, 6_000, 8_000, 12_000)  # above the last it codes all there is (RFC 6716, section 2.1.3)


def _options(codec: Codec, highest_hz: float) -> list[str]:
    """How to encode sound with nothing above `highest_hz` (infinite where that is not known).

    Told so, Opus spends its bits, and its time, on no empty bands.
    """
    bands = [band for band in _OPUS_BANDS_HZ if band >= highest_hz] if codec == "opus" else []
    return [*CODECS[codec], *(("-cutoff", str(bands[0])) if bands else ()), *_BARE]


def version(deadline: Deadline) -> str:
    """The first line ffmpeg says of itself."""
    with running(executable(), ["-version"], deadline) as child:
        said = child.output.read(LINE_BYTES).decode("utf-8", "replace").splitlines()
        child.output.close()
    return said[0] if said else ""


class Decoding:
    """Mono float samples of the first sound track, block by block, at the source's own rate (48 kHz at most).

    `errors` counts what ffmpeg complained about, `expected_seconds` is what the file's header promises (or None),
    `cancels` whether the channels do so, and one was taken; all are complete when the blocks have come to their end.
    A file that can't be opened gives no blocks.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self.rate = 0
        self.why = ""
        self.errors = 0
        self.cancels = False
        self.expected_seconds: float | None = None

    def blocks(self) -> Iterator[Samples]:
        self.rate, channels = _read_wave_header(self._child.output)
        self.expected_seconds = self._child.duration_seconds
        garbled, mixdown = 0, Mixdown() if channels == 2 else None  # noqa: PLR2004 - nothing above leaves ffmpeg
        while self.rate:
            data = np.empty(BLOCK_SAMPLES * channels, "<f4")
            # Fills it, but at the end of the stream; half a sample there is dropped.
            read = self._child.output.readinto(data.view(np.uint8).data)  # type: ignore[attr-defined]
            count = read // (data.itemsize * channels) * channels
            if not count:
                break
            block = data[:count].astype(np.float32, copy=False)
            if not (block.max() <= _LOUDEST and block.min() >= -_LOUDEST):  # false for what is no number, too
                garbled += 1
                block[~(np.abs(block) <= _LOUDEST)] = 0
            yield mixdown.feed(block.reshape(-1, 2)) if mixdown else block
        self._child.finish()
        self.errors, self.why = self._child.errors + garbled, self._child.why()
        self.expected_seconds = self._child.duration_seconds
        self.cancels = mixdown is not None and mixdown.cancels


def _read_wave_header(stream: IO[bytes]) -> tuple[int, int]:
    """Read up to the samples; rate and channels, or zeros when nothing comes."""
    if len(stream.read(12)) < 12:  # noqa: PLR2004 - "RIFF", size, "WAVE"
        return 0, 0
    rate, channels = 0, 0
    while len(head := stream.read(8)) == 8:  # noqa: PLR2004 - name and size of a chunk
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"data":
            return rate, channels
        body = stream.read(min(size + size % 2, 65_536))
        if name == b"fmt ":
            channels, rate = struct.unpack("<HI", body[2:8])
    return 0, 0


@contextmanager
def decode(file: IO[bytes], demuxer: str, deadline: Deadline, *, at_most_seconds: float) -> Iterator[Decoding]:
    """Decode an open file as `demuxer` (one of ffmpeg's names, chosen by us from the content).

    Never more than `at_most_seconds` come out, whatever the file claims. Raises EngineFailed when the deadline passes.
    """
    arguments = [
        *_TOLD, *_LOCAL, *_LITTLE, "-f", demuxer, "-t", f"{at_most_seconds:.3f}",
        "-i", f"file:/dev/fd/{file.fileno()}", "-map", "0:a:0", "-vn", "-sn", "-dn",
        "-af", f"aformat=sample_fmts=flt:channel_layouts=mono|stereo:sample_rates={_RATES},{_TOGETHER}",
        "-lfe_mix_level", "1",  # many channels are microphones, not a cinema
        "-c:a", "pcm_f32le", "-fflags", "+bitexact", "-f", "wav", "pipe:1",
    ]  # fmt: skip
    with running(executable(), arguments, deadline, file=file) as child:
        yield Decoding(child)


def _raw_input(rate: int) -> list[str]:
    return [*_QUIET, *_LOCAL, "-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]


def _feed(child: Child, blocks: Iterable[Samples]) -> None:
    with contextlib.suppress(BrokenPipeError):  # it ended early: its status and words tell why
        for block in blocks:
            child.input.write(np.ascontiguousarray(block, "<f4").data)
        child.input.close()


def encode(
    blocks: Iterable[Samples], rate: int, targets: dict[Codec, Path], deadline: Deadline, highest_hz: float = math.inf
) -> None:
    """Encode mono samples into every target at once (the encoders run beside each other).

    There is nothing of worth in them above `highest_hz`. The same samples give the same bytes. Raises EngineFailed, or
    NoSpace when the disk is full; then the targets hold nothing of use.
    """
    arguments = _raw_input(rate)
    for codec, path in targets.items():
        arguments += ["-map", "0:a:0", *_options(codec, highest_hz), f"file:{path}"]
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
def encode_and_hear(
    blocks: Iterable[Samples], rate: int, path: Path, deadline: Deadline, highest_hz: float = math.inf
) -> Iterator[Decoding]:
    """Encode mono samples as Opus into `path` while the bytes written there are decoded again, a moment behind.

    The same samples give the same bytes as with `encode`. The caller takes all blocks of the decoding. Errors as with
    `encode`, and whatever `blocks` raises; they come when the block is left.
    """
    encoding = [*_raw_input(rate), "-map", "0:a:0", *_options("opus", highest_hz), "-flush_packets", "1", "pipe:1"]
    decoding = [*_TOLD, *_LOCAL, "-f", "ogg", "-i", "pipe:0", "-map", "0:a:0", "-af", _TOGETHER]
    decoding += ["-c:a", "pcm_f32le", "-f", "wav"]
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


@contextmanager
def decode_stream(pieces: Iterable[bytes], demuxer: str, rate: int, deadline: Deadline) -> Iterator[Iterator[Samples]]:
    """Mono samples at `rate` of a stream of bytes, as they come, a tenth of a second at most in one block.

    `pieces` is taken by a thread of its own; it must come to its end when the caller has let go of what feeds it.
    Raises EngineFailed when the deadline passes, and whatever `pieces` raises.
    """
    arguments = [
        *_TOLD, *_LOCAL, *_LITTLE, "-probesize", "65536", "-analyzeduration", "2000000",
        "-f", demuxer, "-i", "pipe:0", "-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-ar", str(rate),
        "-ac", "1", "-flush_packets", "1", "-f", "f32le", "pipe:1",
    ]  # fmt: skip
    with running(executable(), arguments, deadline, feeds=True) as child:

        def feed() -> None:
            with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended, and its pipe is closed
                for piece in pieces:
                    child.input.write(piece)
                    child.input.flush()
                child.input.close()

        helper = _Helper(feed, child)

        def blocks() -> Iterator[Samples]:
            rest = b""
            while piece := child.output.read1(rate // 10 * 4):  # type: ignore[attr-defined]
                whole = (rest + piece)[: (len(rest) + len(piece)) // 4 * 4]
                rest = (rest + piece)[len(whole) :]
                if whole:
                    block = np.frombuffer(whole, "<f4").astype(np.float32)
                    block[~(np.abs(block) <= _LOUDEST)] = 0
                    yield block
            if helper.error:
                raise helper.error

        yield blocks()


@contextmanager
def encode_stream(
    blocks: Iterable[Samples], rate: int, deadline: Deadline, *, live: bool = False
) -> Iterator[Iterator[bytes]]:
    """Mono samples at `rate` as MP3 of the protocol's form, a stream without a head, each piece as soon as it is made.

    `blocks` is taken by a thread of its own, and gives a block whenever there is one; it must come to its end when the
    caller lets go. With `live` it is somebody's voice: rumble is taken off, peaks are held, and every frame stands for
    itself. Raises EngineFailed when the deadline passes, and whatever `blocks` raises.
    """
    raw = [*_QUIET, *_LOCAL, "-probesize", "32", "-analyzeduration", "0", "-f", "f32le", "-ar", str(rate), "-ac", "1"]
    out = [*_options("mp3", math.inf), "-write_xing", "0", "-flush_packets", "1", "pipe:1"]
    out = [*_VOICE, *out] if live else out
    with running(executable(), [*raw, "-i", "pipe:0", *out], deadline, feeds=True) as child:

        def feed() -> None:
            with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended, and its pipe is closed
                for block in blocks:
                    child.input.write(np.ascontiguousarray(block, "<f4").data)
                    child.input.flush()
                child.input.close()

        helper = _Helper(feed, child)

        def pieces() -> Iterator[bytes]:
            while piece := child.output.read1(BLOCK_SAMPLES):  # type: ignore[attr-defined]
                yield piece
            if helper.error:
                raise helper.error

        yield pieces()


def to_wave(path: Path, target: Path, deadline: Deadline) -> Path:
    """One of our own MP3 files as 16-bit WAV at `target`. Raises EngineFailed."""
    arguments = [*_QUIET, *_LOCAL, "-f", "mp3", "-i", f"file:{path}", "-c:a", "pcm_s16le", *_BARE, "-f", "wav"]
    with running(executable(), [*arguments, f"file:{target}"], deadline) as child:
        child.output.read()
        if child.finish() and not child.too_slow:
            raise EngineFailed(N_("ffmpeg could not encode the sound: %(why)s"), why=child.why())
    return target


def preview(file: IO[bytes], demuxer: str, target: Path, deadline: Deadline, *, at_most_seconds: float) -> None:
    """The beginning of an open file as a small mono MP3 at `target`, quickly, for listening only.

    Raises EngineFailed.
    """
    arguments = [
        *_QUIET, *_LOCAL, "-f", demuxer, "-t", f"{at_most_seconds:.3f}", "-i", f"file:/dev/fd/{file.fileno()}",
        "-map", "0:a:0", "-vn", "-sn", "-dn", "-threads", "1", "-c:a", "libmp3lame", "-b:a", "48k", "-ar", "24000",
        "-ac", "1", "-compression_level", "9", *_BARE, "-f", "mp3", f"file:{target}",
    ]  # fmt: skip
    with running(executable(), arguments, deadline, file=file) as child:
        child.output.read()
        child.judge()
    if not target.is_file() or not target.stat().st_size:
        raise EngineFailed(N_("ffmpeg could not encode the sound: %(why)s"), why="no sound")


def filtered(samples: Samples, rate: int, chain: str, deadline: Deadline) -> Samples:
    """Mono samples through a chain of ffmpeg's filters (a text of ours, never a stranger's), at the same rate.

    Raises EngineFailed.
    """
    out = ["-af", chain, "-c:a", "pcm_f32le", "-ar", str(rate), "-ac", "1", "-f", "f32le", "pipe:1"]
    with running(executable(), [*_raw_input(rate), *out], deadline, feeds=True) as child:
        blocks = (samples[start : start + BLOCK_SAMPLES] for start in range(0, len(samples), BLOCK_SAMPLES))
        helper = _Helper(lambda: _feed(child, blocks), child)
        heard = child.output.read()
        helper.join()
        if helper.error:
            raise helper.error
        child.judge()
    return np.frombuffer(heard[: len(heard) // 4 * 4], "<f4").astype(np.float32)
