"""The player: asks `due` what should sound now and a moment ahead, and makes the output do it."""

import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.clock import format_instant
from core.errors import EngineFailed
from core.wire import Item, Outcome, Reason
from station.accounting import new_report
from station.book import Book
from station.clock import StationClock
from station.decoding import BadAudio, Decoder
from station.due import Key, OnAir, Progress, Situation, Sound, default_reason, due
from station.mixing import Mixer
from station.outputs import Output
from station.shelf import Shelf
from station.voice import ClipSource, Source, ToneSource, Voice

log = logging.getLogger(__name__)

LEAD = timedelta(seconds=0.75)
TICK_SECONDS = 0.02
_PLAYING_SECONDS = 0.1
_IDLE_SECONDS = 0.5
_READY_SECONDS = 0.5
_WHOLE_SECONDS = 0.5
_SAVE_EVERY_SECONDS = 5.0
_TONE_SECONDS = 3.0
_RETRY_SECONDS = 1.0
_NOT_BEGUN = Progress()


@dataclass(slots=True)
class Playing:
    """A voice and what it is: of an airing's item, or (`sound` None) the test tone."""

    voice: Voice
    sound: Sound | None
    offset: float = 0.0
    wanted: float = 0.0
    before: Progress = _NOT_BEGUN
    cut_for: Reason | None = None
    saved_at: float = 0.0

    @property
    def key(self) -> Key | None:
        return self.sound.key if self.sound else None


class Player:
    """One thread calls `tick`; the others may ask `playing` and `test_tone`."""

    def __init__(self, book: Book, shelf: Shelf, clock: StationClock, mixer: Mixer, output: Output) -> None:
        self._book = book
        self._shelf = shelf
        self._clock = clock
        self._mixer = mixer
        self._output = output
        self._now_on: Playing | None = None
        self._next: Playing | None = None
        self._retry_at: dict[Key, float] = {}
        self._tones: deque[int] = deque(maxlen=3)
        self.wake = threading.Event()
        book.listeners.append(self.wake)

    def playing(self) -> Key | None:
        """Airing and item that sound now."""
        on = self._now_on
        return on.key if on else None

    def fault(self) -> str | None:
        return self._output.fault

    def test_tone(self, volume: int) -> None:
        """Sound the test tone as soon as nothing else does."""
        self._tones.append(volume)
        self.wake.set()

    def run_once(self, stopping: threading.Event) -> None:
        """One look, and the wait for the next; returns early when the book changes."""
        seconds = self.tick()
        if not stopping.is_set():
            self.wake.wait(seconds)
            self.wake.clear()

    def tick(self) -> float:
        """Look at the present and a moment ahead; returns in how many seconds to look again at the latest."""
        self._output.rest()
        self._reap()
        now = self._clock.now()
        ahead = LEAD + timedelta(seconds=_IDLE_SECONDS)
        situation = self._with_voices(self._book.situation(self._obstacle_of, now, ahead))
        decision = due(situation, now)
        for key, reason in decision.obstacles.items():
            if key != self.playing():
                self._book.hinder(key, reason)
        for fate in decision.fates:
            self._book.settle(fate, now)
        self._turn_to(decision.sound, decision.obstacles.get(self.playing() or ("", 0)), situation)
        self._prepare(self._with_voices(situation), now, decision.next_start)
        self._sound_tone(situation)
        self._keep_on()
        return self._next_look(now)

    def stop(self) -> None:
        """Bring what sounds to silence, keep how far it came, and let go of the output."""
        waiting = self._mixer.schedule(None)
        if self._next is not None and waiting is self._next.voice:
            self._cancel_next()
        on = self._now_on
        if on is not None:
            on.cut_for = on.cut_for or "power"
            self._mixer.cut()
            for _ in range(25):
                if on.voice.ended:
                    break
                threading.Event().wait(TICK_SECONDS)
            on.voice.ended = True
        self._reap()
        self._output.close()

    # what has ended, what has begun
    def _reap(self) -> None:
        if self._next is not None and self._next.voice.started is not None:
            former, self._now_on, self._next = self._now_on, self._next, None
            if former is not None:
                self._end(former)
        if self._now_on is not None and self._now_on.voice.ended:
            former, self._now_on = self._now_on, None
            self._end(former)

    def _end(self, playing: Playing) -> None:
        """Account for a voice that has ended: done, or to be continued."""
        voice, sound = playing.voice, playing.sound
        voice.close()
        started = self._clock.instant(voice.started if voice.started is not None else self._clock.monotonic())
        name = f"{sound.key[0]}-{sound.key[1]}" if sound else "test_tone-0"
        if sound is not None:
            self._account(playing, sound, started)
        self._output.finish(voice, f"{name}-{format_instant(started)}")

    def _account(self, playing: Playing, sound: Sound, started: datetime) -> None:
        voice, before = playing.voice, playing.before
        sounded = before.sounded + voice.seconds_out()
        position = playing.offset + voice.seconds_dropped() + voice.seconds_out()
        first = before.started_at or started
        now = self._clock.now()
        if voice.failed:
            path = self._shelf.find(sound.item)
            if path is not None:
                self._shelf.distrust(path)
        if not voice.failed and not voice.ran_out and playing.wanted - position > _WHOLE_SECONDS:
            reason = playing.cut_for or "preempted"
            log.info("%s item %d: cut at %.1f s (%s)", *sound.key, position, reason)
            self._book.move_on(sound.key, Progress(first, position, sounded, reason, _louder(before, voice)))
            return
        outcome, why = self._verdict(playing, sound, sounded)
        log.info("%s item %d: %s %s", *sound.key, outcome, why or "")
        report = new_report(
            sound.key, outcome, why, first, started + timedelta(seconds=voice.seconds_out()),
            seconds=sounded, volume=voice.volume, peak_db=_louder(before, voice),
        )  # fmt: skip
        self._book.finish(sound.key, report, now)

    def _verdict(self, playing: Playing, sound: Sound, sounded: float) -> tuple[Outcome, Reason | None]:
        if self._output.fault:
            return "missed", "player_error"
        if playing.voice.failed:
            return ("partial" if sounded > 0 else "missed"), "bad_audio"
        if sounded >= playing.wanted - _WHOLE_SECONDS:
            return "played", None
        known = self._book.progress_of(sound.key).obstacle or playing.before.obstacle
        situation = self._book.situation(self._obstacle_of, self._clock.now(), LEAD)
        return "partial", known or default_reason(situation, sound.ticket, sound.item)

    # what should sound
    def _on_air(self) -> OnAir | None:
        on = self._now_on
        if on is None or on.key is None:
            return None
        return OnAir(on.key, self._clock.now() + timedelta(seconds=on.voice.seconds_left()))

    def _with_voices(self, situation: Situation) -> Situation:
        return replace(situation, on_air=self._on_air(), waiting=self._next.key if self._next else None)

    def _turn_to(self, sound: Sound | None, held: Reason | None, situation: Situation) -> None:
        """Make the output follow the decision for this moment."""
        on = self._now_on
        if sound is not None and ((on and on.key == sound.key) or (self._next and self._next.key == sound.key)):
            held = None if on and on.key == sound.key else held
        elif sound is not None and self._start(sound):
            pass
        elif held != "preempted" and on is not None and on.sound is not None and self._is_stopped(on.sound, situation):
            self._mixer.cut()
        if on is not None and on.sound is not None:
            on.voice.volume = self._book.volume_for(on.sound.ticket)
            on.cut_for = held or on.cut_for

    def _is_stopped(self, sound: Sound, situation: Situation) -> bool:
        """Whether what sounds must not go on, as against having come to its own end this very moment."""
        on = situation.on_air
        return on is None or on.key != sound.key or self._clock.now() < on.until

    def _prepare(self, situation: Situation, now: datetime, next_start: datetime | None) -> None:
        """Have the item that begins within `LEAD` decoded and waiting, or take back one that shall not begin."""
        waiting = self._next
        if waiting is not None and waiting.sound is not None:
            begins = max(now, self._clock.instant(waiting.voice.begins))
            chosen = due(situation, begins).sound
            if (chosen is None or chosen.key != waiting.key) and self._mixer.schedule(None) is waiting.voice:
                self._cancel_next()
        if self._next is not None or next_start is None or next_start > now + LEAD:
            return
        later = due(situation, next_start)
        on = self._now_on
        if later.sound is None or (on is not None and later.sound.key == on.key) or later.sound.begins_at < now:
            return
        if on is not None and on.key is not None:
            on.cut_for = later.obstacles.get(on.key, "preempted")
        self._start(later.sound)

    def _start(self, sound: Sound) -> bool:
        """Hand an item to the output, for its instant or as soon as possible. False if it can't be played."""
        path = self._shelf.find(sound.item)
        if path is None or self._retry_at.get(sound.key, 0.0) > self._clock.monotonic():
            return False
        try:
            decoder = Decoder(path)
        except BadAudio:
            log.exception("%s item %d can't be decoded", *sound.key)
            self._shelf.distrust(path)
            self._book.hinder(sound.key, "bad_audio")
            self._book.wake()
            return False
        loop = sound.item.clip is None
        try:
            playing = self._voice_for(sound, decoder, loop=loop)
        except BaseException as error:
            decoder.close()
            if isinstance(error, EngineFailed):
                log.exception("%s item %d can't be played", *sound.key)
                self._book.hinder(sound.key, "player_error")
                self._retry_at[sound.key] = self._clock.monotonic() + _RETRY_SECONDS
                return False
            raise
        self._replace_next(playing)
        return True

    def _voice_for(self, sound: Sound, decoder: Decoder, *, loop: bool) -> Playing:
        rate = self._output.rate_for(decoder.rate)
        before = self._book.progress_of(sound.key)
        length = sound.item.seconds if loop else min(sound.item.seconds, decoder.frames / decoder.rate)
        begins, offset = self._clock.monotonic_at(sound.begins_at), sound.offset
        soonest = self._output.soonest()
        if begins < soonest:
            if sound.catch_up:
                offset += soonest - begins
            begins = soonest
        source = ClipSource(decoder, offset, loop=loop)
        voice = Voice(
            source, name=f"{sound.key[0]}-{sound.key[1]}", begins=begins, seconds=max(0.0, length - offset),
            volume=self._book.volume_for(sound.ticket), catch_up=sound.catch_up, rate=rate,
        )  # fmt: skip
        playing = Playing(voice, sound, offset, length, before)
        voice.wait_ready(_READY_SECONDS)
        started_at = before.started_at or self._clock.instant(begins)
        self._book.begin(
            sound.ticket,
            sound.key[1],
            replace(before, started_at=started_at, position=offset, obstacle=None),
            self._clock.now(),
        )
        return playing

    def _replace_next(self, playing: Playing) -> None:
        replaced = self._mixer.schedule(playing.voice)
        if self._next is not None:
            if replaced is self._next.voice:
                self._cancel_next()
            else:  # it began at this very moment
                self._reap()
        self._next = playing

    def _cancel_next(self) -> None:
        waiting, self._next = self._next, None
        if waiting is not None:
            waiting.voice.close()
            if waiting.sound is not None:
                self._book.unbegin(waiting.sound.ticket, waiting.sound.key[1], waiting.before)

    def _sound_tone(self, situation: Situation) -> None:
        if not self._tones or self._now_on is not None or self._next is not None or situation.revoked:
            return
        volume = self._tones.popleft()
        source: Source = ToneSource(_TONE_SECONDS)
        with suppress(EngineFailed):
            rate = self._output.rate_for(source.rate)
            voice = Voice(
                source, name="test tone", begins=self._output.soonest(), seconds=_TONE_SECONDS, volume=volume,
                catch_up=False, rate=rate,
            )  # fmt: skip
            self._replace_next(Playing(voice, None))

    def _keep_on(self) -> None:
        """Keep, every few seconds, how far the item on air has come."""
        on = self._now_on
        if on is None or on.sound is None or on.voice.started is None:
            return
        at = self._clock.monotonic()
        on.saved_at = on.saved_at or at
        if at - on.saved_at >= _SAVE_EVERY_SECONDS:
            on.saved_at = at
            out = on.voice.seconds_out()
            first = on.before.started_at or self._clock.instant(on.voice.started)
            position = on.offset + on.voice.seconds_dropped() + out
            sounded = on.before.sounded + out
            louder = _louder(on.before, on.voice)
            self._book.move_on(on.sound.key, Progress(first, position, sounded, None, louder))

    def _next_look(self, now: datetime) -> float:
        if self._next is not None or (self._now_on is not None and self._now_on.voice.seconds_left() < 1):
            return TICK_SECONDS
        most = _IDLE_SECONDS if self._now_on is None else _PLAYING_SECONDS
        start = self._book.next_start_after(now)
        if start is not None:
            until = (start - LEAD - now).total_seconds()
            most = min(most, max(TICK_SECONDS, until))
        return most

    def _obstacle_of(self, item: Item) -> Reason | None:
        return self._shelf.obstacle_of(item)


def _louder(before: Progress, voice: Voice) -> float | None:
    """The peak, in dBFS, over all stretches of an item."""
    return max((one for one in (before.peak_db, voice.peak_db()) if one is not None), default=None)
