"""A relayed broadcast at the station: its stream, decoded as it comes, and what sounds in its stead when it fails.

The stream is MP3 or Ogg: what the station's decoder reads from a pipe. One thread brings the bytes, one decodes; the
voice reads from what lies ready, and never waits longer than its own store of sound lasts.
"""

import audioop
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from core.errors import LoaError
from core.outside import Limits, Opened, Outside
from core.steadiness import Steadiness
from core.wire import Item, Ticket
from station.decoding import BYTES_A_SAMPLE, BadAudio, Decoder, StreamDecoder
from station.due import Key
from station.entering import entered

log = logging.getLogger(__name__)

RATE = 48_000
BUFFER_SECONDS = 3.0
_MOST_SECONDS = 30.0
_PATIENCE_SECONDS = 1.0  # the voice holds 2 s: it is not heard that a chunk came so late
_CHUNK_SECONDS = 0.1
_FADE_SECONDS = 0.05
_FIRST_WAIT_SECONDS = 1.0
_MOST_WAIT_SECONDS = 15.0
_STREAM = Limits(connect_seconds=8.0, idle_seconds=10.0, seconds=None)
_FULL_SCALE = 32_768
_OK = 200
_MOST_STREAMS = 3
_BEFORE = timedelta(seconds=12)
_UNWANTED_SECONDS = 20.0


class RelayStream:
    """Keeps a stream coming until it is closed; holds the newest of it as 16-bit mono PCM at `RATE`."""

    limits = _STREAM
    most_seconds = _MOST_SECONDS

    def __init__(self, outside: Outside, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        self._outside = outside
        self._clock = clock
        self._changed = threading.Condition()
        self._held: deque[bytes] = deque()
        self._bytes = 0
        self._steadiness = Steadiness(clock())
        self._closing = threading.Event()
        self._opened: Opened | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def is_sounding(self) -> bool:
        with self._changed:
            return self._steadiness.state(self._clock()) == "sounding"

    def held_seconds(self) -> float:
        with self._changed:
            return self._bytes / (RATE * BYTES_A_SAMPLE)

    def keep_newest(self, seconds: float) -> None:
        """Let go of what is older than the newest `seconds`: what is relayed shall be live."""
        with self._changed:
            self._shorten(seconds)

    def take(self, frames: int, patience: float) -> bytes:
        """The next `frames`, waiting for them at most `patience` seconds; nothing when they don't come."""
        wanted = frames * BYTES_A_SAMPLE
        with self._changed:
            if not self._changed.wait_for(lambda: self._bytes >= wanted or self._closing.is_set(), timeout=patience):
                return b""
            if self._bytes < wanted:
                return b""
            taken = bytearray()
            while len(taken) < wanted:
                taken += self._held.popleft()
            if len(taken) > wanted:
                self._held.appendleft(bytes(taken[wanted:]))
                del taken[wanted:]
            self._bytes -= wanted
            return bytes(taken)

    def refused(self, status: int) -> LoaError:
        """Why there is no stream, where the answer has another status than 200."""
        return BadAudio(f"status {status}")

    def close(self) -> None:
        """End it; its threads come to their end by themselves."""
        self._closing.set()
        opened = self._opened
        if opened is not None:
            opened.halt()
        with self._changed:
            self._changed.notify_all()

    def _shorten(self, seconds: float) -> None:
        most = round(seconds * RATE) * BYTES_A_SAMPLE
        while self._held and self._bytes - len(self._held[0]) >= most:
            self._bytes -= len(self._held.popleft())

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            began = self._clock()
            try:
                self._pull()
                log.info("%s has ended", self.url)
            except LoaError as error:
                log.warning("%s: %s", self.url, error)
            except Exception:
                log.exception("%s broke off", self.url)
            failures = 1 if self._clock() - began > _MOST_WAIT_SECONDS * 2 else failures + 1
            self._closing.wait(min(_MOST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 8)))

    def _pull(self) -> None:
        with self._outside.open(self.url, limits=self.limits) as opened:
            if opened.status != _OK:
                raise self.refused(opened.status)
            self._opened = opened
            reading, writing = os.pipe()
            decoding = threading.Thread(target=self._decode, args=(reading, opened), name="relay sound", daemon=True)
            decoding.start()
            try:
                with suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=0) as pipe:
                    for piece in entered(opened.pieces()):
                        if self._closing.is_set():
                            return
                        pipe.write(piece)
            finally:
                self._opened = None
                opened.halt()
                decoding.join(5)

    def _decode(self, reading: int, opened: Opened) -> None:
        """Take sound out of the pipe until it is at its end; then nothing more has to be brought."""
        state = None
        try:
            decoder = StreamDecoder(reading)
            try:
                while not self._closing.is_set() and (pcm := decoder.read(round(_CHUNK_SECONDS * decoder.rate))):
                    if decoder.rate != RATE:
                        pcm, state = audioop.ratecv(pcm, BYTES_A_SAMPLE, 1, decoder.rate, RATE, state)
                    self._keep(pcm)
            finally:
                decoder.close()
        except LoaError as error:
            log.warning("%s: %s", self.url, error)
        finally:
            opened.halt()

    def _keep(self, pcm: bytes) -> None:
        level = 20 * math.log10(max(audioop.rms(pcm, BYTES_A_SAMPLE), 0.03) / _FULL_SCALE)
        with self._changed:
            self._steadiness.note(len(pcm) / (RATE * BYTES_A_SAMPLE), level, self._clock())
            self._held.append(pcm)
            self._bytes += len(pcm)
            self._shorten(self.most_seconds)
            self._changed.notify_all()


class RelaySource:
    """What a voice reads of a relay: the stream while it sounds; else the fallback over and over, or silence.

    `live_frames` counts what was the relay itself, at `rate`, of `frames` in all.
    """

    rate = RATE

    def __init__(self, stream: RelayStream, fallback: Decoder | None) -> None:
        self._stream = stream
        self._fallback = fallback
        self._resampler: object = None
        self._is_live = False
        self.is_closed = False
        self.live_frames = 0
        self.frames = 0

    def read(self, frames: int) -> bytes:
        """Always as many frames as asked for."""
        pcm = self._live(frames)
        if pcm:
            self.live_frames += frames
        else:
            pcm = self._instead(frames)
        self.frames += frames
        return pcm

    def live_share(self) -> float:
        """How much of what was read was the relay itself, 0 to 1."""
        return self.live_frames / self.frames if self.frames else 0.0

    def close(self) -> None:
        self.is_closed = True
        self._stream.close()
        if self._fallback is not None:
            self._fallback.close()

    def _live(self, frames: int) -> bytes:
        if not self._is_live:
            if not self._stream.is_sounding() or self._stream.held_seconds() < BUFFER_SECONDS:
                return b""
            self._stream.keep_newest(BUFFER_SECONDS)
            pcm = _faded(self._stream.take(frames, _PATIENCE_SECONDS))
            self._is_live = bool(pcm)
            return pcm
        pcm = self._stream.take(frames, _PATIENCE_SECONDS) if self._stream.is_sounding() else b""
        self._is_live = bool(pcm)
        return pcm

    def _instead(self, frames: int) -> bytes:
        wanted = frames * BYTES_A_SAMPLE
        pcm = b""
        while self._fallback is not None and len(pcm) < wanted:
            missing = (wanted - len(pcm)) // BYTES_A_SAMPLE
            piece = self._fallback.read(max(1, round(missing * self._fallback.rate / RATE)))
            if not piece:
                self._fallback.seek(0)
                piece = self._fallback.read(max(1, round(missing * self._fallback.rate / RATE)))
                if not piece:
                    break
            if self._fallback.rate != RATE:
                piece, self._resampler = audioop.ratecv(
                    piece, BYTES_A_SAMPLE, 1, self._fallback.rate, RATE, self._resampler  # type: ignore[arg-type]
                )  # fmt: skip
            pcm += piece
        return pcm[:wanted] + bytes(max(0, wanted - len(pcm)))


class Relays:
    """The streams of relays that begin soon: opened a little before, so that they sound at their instant."""

    def __init__(self, outside: Outside, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outside = outside
        self._clock = clock
        self._lock = threading.Lock()
        self._ready: dict[Key, tuple[RelayStream, float]] = {}
        self._taken: dict[Key, RelaySource] = {}

    def warm(self, soon: Mapping[Key, str]) -> None:
        """Open the streams (`key` to address) of what begins within seconds; close those that nobody took."""
        at = self._clock()
        with self._lock:
            self._taken = {key: source for key, source in self._taken.items() if not source.is_closed}
            wanted = [(key, url) for key, url in soon.items() if key not in self._taken]
            for key, url in wanted[:_MOST_STREAMS]:
                stream = self._ready[key][0] if key in self._ready else RelayStream(self._outside, url)
                self._ready[key] = stream, at
            over = [key for key, (_, wanted_at) in self._ready.items() if at - wanted_at > _UNWANTED_SECONDS]
            for key in over:
                self._ready.pop(key)[0].close()

    def source(self, key: Key, url: str, fallback: Decoder | None) -> "RelaySource":
        """What a voice reads of this item from now on."""
        with self._lock:
            stream, _ = self._ready.pop(key, (None, 0.0))
            taken = self._taken[key] = RelaySource(stream or RelayStream(self._outside, url), fallback)
        return taken

    def close(self) -> None:
        with self._lock:
            for stream, _ in self._ready.values():
                stream.close()
            self._ready.clear()


def soon_relayed(ahead: Iterable[tuple[datetime, Ticket, Item]], now: datetime) -> dict[Key, str]:
    """Of items still to be played, with their instants: the relays that begin within seconds, or should be on air."""
    return {
        (ticket.id, ticket.items.index(item)): item.relay
        for begins, ticket, item in ahead
        if item.relay is not None
        and ticket.kind != "live"  # the player opens that by itself
        and begins - _BEFORE <= now < begins + timedelta(seconds=item.seconds)
    }


def _faded(pcm: bytes) -> bytes:
    """`pcm` with its beginning brought up from silence in steps of a millisecond, so that it enters without a click."""
    if not pcm:
        return pcm
    step = RATE // 1000 * BYTES_A_SAMPLE
    steps = round(_FADE_SECONDS * 1000)
    pieces = [audioop.mul(pcm[n * step : (n + 1) * step], BYTES_A_SAMPLE, n / steps) for n in range(steps)]
    return b"".join(pieces) + pcm[steps * step :]
