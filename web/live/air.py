"""One live talk in this process: its encoder, its tape of frames, who listens, and its recording on the disk."""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from audio.chime import chime
from audio.live.speech import Speech
from audio.loudness import Samples
from core.errors import LoaError
from core.files import check_room
from scheduler.live_models import LiveTalk
from web.radio import frames
from web.radio.listener import Listener
from web.radio.tape import Tape

log = logging.getLogger(__name__)
BURST_SECONDS = 0.6
_KEPT_BYTES = 4 * 8_000
_KEPT_FRAMES = 400  # ten seconds, for the radio of the places
_RADIO_SECONDS = 1.2  # a beat of the radio, and a little
_ROOM_IS_CHECKED_EVERY = 1 << 20
_MOST_REST = 1_000
_BEFORE_CHIME_SECONDS = 0.7


class LiveTape(Tape):
    """The stream of a talk, in pieces as they are made."""

    def __init__(self, key: str, speech: Speech) -> None:
        super().__init__(BURST_SECONDS, _KEPT_BYTES)
        self._key, self._speech, self._rest = key, speech, b""
        self._frames = deque[bytes](maxlen=_KEPT_FRAMES)
        self._count = 0
        self.begun = threading.Event()  # there is something to send

    @property
    def id(self) -> str:
        """The key of the talk."""
        return self._key

    def make(self, monotonic: float, wall: datetime) -> None:
        """Add what has been encoded since the last time."""
        del monotonic, wall  # the encoder is fed by the clock
        self._rest += self._speech.take()
        found = frames.split(self._rest)
        if not found and len(self._rest) > _MOST_REST:  # what an encoder that died left behind is no whole frame
            self._rest = self._rest[frames.next_head(self._rest) :]
            found = frames.split(self._rest)
        data = b"".join(found)
        self._rest = self._rest[len(data) :]
        if data:
            self._frames.extend(found)
            self._count += len(found)
            self._append(data, "")
            self.begun.set()

    def follow(self, place: int, count: int) -> tuple[list[bytes], int]:
        """At most `count` frames from the frame number `place` on, and the number of the one behind them.

        Who asks for what is not there any more, or comes new (−1), begins a little before the newest.
        """
        oldest = self._count - len(self._frames)
        if not oldest <= place <= self._count:
            place = max(oldest, self._count - round(_RADIO_SECONDS / frames.SECONDS))
        found = list(islice(self._frames, place - oldest, place - oldest + count))
        return found, place + len(found)

    def close(self) -> None:
        """Let go of the encoder."""
        self._speech.stop()


class Air:
    """A talk that is on air here. The room's lock guards it."""

    def __init__(self, talk: LiveTalk, key: str, sound: Path, reserve_bytes: int, now: float) -> None:
        """`sound` is where it is recorded; `now` on the monotonic clock."""
        self.talk_id, self.key, self.rate, self.limit_s = talk.id, key, talk.rate, talk.limit_s
        again = talk.heard_at is not None  # this process was begun anew in the middle of it
        self.speech = Speech(talk.rate, _lead(talk.rate) if talk.chime and not again else None)
        self.tape = LiveTape(key, self.speech)
        self.listeners: set[Listener] = set()
        self.first_at: float | None = None  # when something of it came here first
        self.last_at = now
        self.before_s = talk.seconds  # what came before this process began
        self.noted_at = now
        self.reason = ""  # why it ends, as soon as it does
        self.is_told = False  # the tables know that it has ended
        self._samples = 0
        self._sound, self._reserve = sound, reserve_bytes
        self._file: int | None = None
        self._room_at = 0
        self.is_recorded = True
        self._writing = threading.Lock()
        self.speech.start()

    @property
    def seconds(self) -> float:
        """How much sound has come of it."""
        return self.before_s + self._samples / self.rate

    @property
    def next(self) -> int:
        """The place of the sample that is expected."""
        return self.speech.flow.next or 0

    def put(self, at: int, pcm: bytes, now: float) -> None:
        """Take a piece of the speaker's sound."""
        fresh = self.speech.put(at, pcm)
        if self.first_at is None:
            self.first_at = now
        self.last_at = now
        self._samples += len(fresh) // 2
        self._record(fresh)

    def _record(self, pcm: bytes) -> None:
        """Keep it on the disk. Where that takes nothing, the talk goes on without a recording of the rest."""
        if not pcm or not self.is_recorded:
            return
        try:
            with self._writing:
                if self._file is None:
                    self._sound.parent.mkdir(parents=True, exist_ok=True)
                    self._file = os.open(self._sound, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                if self._samples * 2 >= self._room_at:
                    self._room_at = self._samples * 2 + _ROOM_IS_CHECKED_EVERY
                    check_room(self._sound.parent, self._reserve)
                os.write(self._file, pcm)
        except (OSError, LoaError) as error:
            self.is_recorded = False
            log.warning("the talk %s is not recorded any further: %s", self.talk_id, error)

    def finish(self, reason: str) -> None:
        """Nothing more comes: what is under way goes out, then it is over. The first reason counts."""
        self.reason = self.reason or reason
        self.speech.finish()

    def everybody(self) -> Iterator[Listener]:
        """Who listens, as of now."""
        return iter(list(self.listeners))

    def close(self) -> None:
        """Let go of everything."""
        self.tape.close()
        with self._writing:
            if self._file is not None:
                os.close(self._file)
                self._file = None
        self.is_recorded = False


def _lead(rate: int) -> Samples:
    """The chime, which sounds while the speaker is counted in; the first stations are there when it begins."""
    return np.concatenate([np.zeros(round(_BEFORE_CHIME_SECONDS * rate), np.float32), chime(rate)])
