"""One item on its way to the loudspeaker: decoded ahead by a thread of its own, read by the output's clock."""

import array
import audioop
import logging
import math
import threading
from collections import deque
from typing import Protocol

from core.errors import LoaError
from station.decoding import BYTES_A_SAMPLE, Decoder
from station.instep import Place, is_small, stretched

log = logging.getLogger(__name__)

AHEAD_SECONDS = 2.0
READY_SECONDS = 0.25
FADE_SECONDS = 0.01
_CHUNK_SECONDS = 0.1
_FULL_SCALE = 32768


class Source(Protocol):
    """16-bit mono PCM at `rate`."""

    rate: int

    def read(self, frames: int) -> bytes: ...
    def close(self) -> None: ...


class ClipSource:
    """A clip from frame `offset`; with `loop`, over and over (a fallback for a relay)."""

    def __init__(self, decoder: Decoder, offset: float, *, loop: bool = False) -> None:
        self._decoder = decoder
        self._loop = loop
        self.rate = decoder.rate
        first = round(offset * decoder.rate)
        decoder.seek(first % decoder.frames if loop else first)

    def read(self, frames: int) -> bytes:
        pcm = self._decoder.read(frames)
        if not pcm and self._loop:
            self._decoder.seek(0)
            pcm = self._decoder.read(frames)
        return pcm

    def close(self) -> None:
        self._decoder.close()


class ToneSource:
    """A sine of 1 kHz at −12 dBFS: the test tone."""

    def __init__(self, seconds: float, rate: int = 48_000) -> None:
        self.rate = rate
        self._left = round(seconds * rate)
        period = rate // 1000
        wave = array.array("h", (round(8230 * math.sin(2 * math.pi * k / period)) for k in range(period)))
        self._period = wave.tobytes()

    def read(self, frames: int) -> bytes:
        count = min(frames, self._left)
        self._left -= count
        return (self._period * (count * BYTES_A_SAMPLE // len(self._period) + 1))[: count * BYTES_A_SAMPLE]

    def close(self) -> None:
        self._left = 0


def gain_of(volume: int) -> float:
    """Amplitude for a volume of 0–100: its square, so that 50 is −12 dB, near to half as loud; 100 changes nothing."""
    return (max(0, min(100, volume)) / 100) ** 2


class Voice:
    """The PCM of one item; `frames_out` of it have gone out, since the instant `started` (monotonic)."""

    def __init__(
        self, source: Source, *, name: str, begins: float, seconds: float, volume: int, catch_up: bool, rate: int,
        live_ahead: float | None = None,
    ) -> None:  # fmt: skip
        """`begins` is on the monotonic clock; `seconds` at most are played; `rate` is what the output takes.

        With `live_ahead` somebody speaks now: so many seconds at most are decoded ahead, and what comes late is said
        all the same.
        """
        self._is_live = live_ahead is not None
        self._ahead = AHEAD_SECONDS if live_ahead is None else live_ahead
        self.name = name
        self.begins = begins
        self.catch_up = catch_up
        self.rate = rate
        self.volume = volume
        self.started: float | None = None
        self.in_step: Place | None = None  # set when it begins
        self.ended = False  # all of it went out, or it was cut: nothing comes any more
        self.ran_out = False  # it ended by itself
        self.frames_out = 0
        self.dropped = 0
        self._place = 0  # how many frames were read, or left out, or were due while the decoder lagged
        self.peak = 0
        self.underruns = 0
        self._owed = 0
        self._waits = 0  # frames of silence until it is in its place again
        self.failed = False
        self._source = source
        self._left = max(0, round(seconds * source.rate))
        self._resampler: tuple[int, tuple[tuple[int, int], ...]] | None = None
        self._buffer: deque[bytes] = deque()
        self._buffered = 0
        self._all_read = False
        self._closed = False
        self._room = threading.Condition()
        self._thread = threading.Thread(target=self._feed, name="voice", daemon=True)
        self._thread.start()

    def wait_ready(self, seconds: float) -> None:
        """Wait until enough is decoded to begin, at most `seconds`."""
        with self._room:
            self._room.wait_for(lambda: self._all_read or self._buffered >= READY_SECONDS * self.rate, timeout=seconds)

    def wait_for(self, seconds_of_sound: float, patience_seconds: float) -> None:
        """Wait until so much is decoded, or all there is; for an output that can afford to wait. Nobody waits live."""
        if self._is_live:
            return
        with self._room:
            frames = min(seconds_of_sound, AHEAD_SECONDS / 2) * self.rate
            self._room.wait_for(
                lambda: self._all_read or self._closed or self._buffered >= frames, timeout=patience_seconds
            )

    def read(self, frames: int, elapsed: float = 0.0) -> bytes:
        """The next frames with the volume applied, the first of them leaving at `elapsed`; fewer at the end.

        A decoder that lags leaves silence, and what it brings too late is left out: the rest stays in step. So do
        single samples that `in_step` asks for.
        """
        if self._owed:
            late = len(self._take(self._owed)) // BYTES_A_SAMPLE
            self._owed -= late
            self.dropped += late
        pcm, consumed = self._take_in_step(frames, elapsed)
        pcm = audioop.mul(pcm, BYTES_A_SAMPLE, gain_of(self.volume))
        self.peak = max(self.peak, min(audioop.max(pcm, BYTES_A_SAMPLE), _FULL_SCALE))
        self.frames_out += consumed
        self._place += consumed
        missing = frames - len(pcm) // BYTES_A_SAMPLE
        if missing:
            if self._all_read:
                self.ended = self.ran_out = True
            else:
                self.underruns += 1
                self._owed += 0 if self._is_live else missing
                self._place += missing
                pcm += bytes(missing * BYTES_A_SAMPLE)
        return pcm

    def drop(self, frames: int) -> None:
        """Leave out frames, to enter later in the item."""
        left_out = len(self._take(frames)) // BYTES_A_SAMPLE
        self.dropped += left_out
        self._place += left_out

    def fade_in(self, pcm: bytes) -> bytes:
        """`pcm` with its beginning, at most `FADE_SECONDS`, brought up from silence."""
        samples = array.array("h", pcm)
        length = min(len(samples), round(FADE_SECONDS * self.rate))
        for step in range(length):
            samples[step] = samples[step] * step // length
        return samples.tobytes()

    def fade_out(self, pcm: bytes) -> bytes:
        """`pcm` with its end, at most `FADE_SECONDS`, brought down to silence."""
        samples = array.array("h", pcm)
        length = min(len(samples), round(FADE_SECONDS * self.rate))
        for step in range(length):
            samples[-1 - step] = samples[-1 - step] * step // length
        return samples.tobytes()

    def peak_db(self) -> float | None:
        """Highest sample that went out, in dBFS; None before anything did."""
        if not self.frames_out:
            return None
        return round(20 * math.log10(max(self.peak, 1) / _FULL_SCALE), 2)

    def seconds_out(self) -> float:
        return self.frames_out / self.rate

    def seconds_dropped(self) -> float:
        return self.dropped / self.rate

    def seconds_left(self) -> float:
        """How much is still to come, in seconds; what is not decoded yet counts by its promised length."""
        with self._room:
            unread = 0.0 if self._all_read else self._left / self._source.rate
            return self._buffered / self.rate + unread

    def close(self) -> None:
        """End the feeding and free the decoder. May be called twice."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _take_in_step(self, frames: int, elapsed: float) -> tuple[bytes, int]:
        """The next frames, brought in step, and of how many they were made."""
        kept = self.in_step if not self._waits and not self._is_live else None
        correction = kept.correction(elapsed, self._place, frames) if kept else 0
        if not is_small(correction, frames):
            self.drop(max(0, correction))
            self._waits = max(0, -correction)
            if not self._waits:
                pcm = self.fade_in(self._take(frames))
                return pcm, len(pcm) // BYTES_A_SAMPLE
        if self._waits:
            silence = min(frames, self._waits)
            self._waits -= silence
            pcm = self.fade_in(self._take(frames - silence))
            return bytes(silence * BYTES_A_SAMPLE) + pcm, len(pcm) // BYTES_A_SAMPLE
        wanted = frames + correction
        with self._room:
            if not correction or self._buffered <= wanted:  # at its end there is nothing to be kept in step
                pcm = self._take(frames)
                return pcm, len(pcm) // BYTES_A_SAMPLE
            pcm = self._take(wanted)
            return stretched(pcm + self._buffer[0][:BYTES_A_SAMPLE], frames), wanted

    def _take(self, frames: int) -> bytes:
        wanted = frames * BYTES_A_SAMPLE
        taken = bytearray()
        with self._room:
            while self._buffer and len(taken) < wanted:
                piece = self._buffer.popleft()
                taken += piece
            if len(taken) > wanted:
                self._buffer.appendleft(bytes(taken[wanted:]))
                del taken[wanted:]
            self._buffered -= len(taken) // BYTES_A_SAMPLE
            self._room.notify_all()
        return bytes(taken)

    def _feed(self) -> None:
        """Decode until the end, never more than `AHEAD_SECONDS` (live: less) before what went out."""
        chunk = round(_CHUNK_SECONDS * self._source.rate)
        try:
            while True:
                with self._room:
                    self._room.wait_for(lambda: self._closed or self._buffered < self._ahead * self.rate)
                    if self._closed:
                        return
                pcm = self._source.read(min(chunk, self._left)) if self._left else b""
                if not pcm:
                    return
                self._left -= len(pcm) // BYTES_A_SAMPLE
                if self.rate != self._source.rate:
                    pcm, self._resampler = audioop.ratecv(
                        pcm, BYTES_A_SAMPLE, 1, self._source.rate, self.rate, self._resampler
                    )
                with self._room:
                    self._buffer.append(pcm)
                    self._buffered += len(pcm) // BYTES_A_SAMPLE
                    self._room.notify_all()
        except (LoaError, OSError, audioop.error):
            self.failed = True
            log.exception("%s: decoding broke off", self.name)
        finally:
            self._source.close()
            with self._room:
                self._all_read = True
                self._room.notify_all()
