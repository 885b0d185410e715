"""The player: asks `due` what should sound now and a moment ahead, and makes the output do it."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from core.clock import format_instant
from core.errors import EngineFailed
from core.wire import Item, Reason, Ticket
from station.accounting import Stretch, is_cut, progress_after, report_of, verdict
from station.book import Book
from station.clock import StationClock
from station.decoding import BadAudio, Decoder
from station.due import Key, Obstacle, OnAir, Situation, Sound, default_reason, due
from station.ear import Ear
from station.live import AHEAD_SECONDS as LIVE_AHEAD_SECONDS
from station.live import LiveSource, Talks
from station.live import verdict as live_verdict
from station.mixing import Mixer
from station.outputs import Output
from station.playing import Playing
from station.relaying import RATE as RELAY_RATE
from station.relaying import Relays, RelaySource
from station.shelf import Shelf
from station.voice import ClipSource, Source, ToneSource, Voice

log = logging.getLogger(__name__)

LEAD = timedelta(seconds=0.75)
TICK_SECONDS = 0.02
_PLAYING_SECONDS = 0.1
_IDLE_SECONDS = 0.5
_READY_SECONDS = 0.5
SAVE_EVERY_SECONDS = 5.0
_TONE_SECONDS = 3.0
_RETRY_SECONDS = 1.0
_MISTIMED_SECONDS = 0.005
_ROUNDING = timedelta(milliseconds=1)


class Player:
    """One thread calls `tick`; the others may ask `playing` and `test_tone`."""

    def __init__(
        self, book: Book, shelf: Shelf, clock: StationClock, mixer: Mixer, output: Output, relays: Relays | None = None,
        talks: Talks | None = None,
    ) -> None:  # fmt: skip
        """`relays` brings other broadcasters' streams (without it only their fallbacks sound), `talks` live ones."""
        self._relays, self._talks = relays, talks
        self._book = book
        self._shelf = shelf
        self._clock = clock
        self._mixer = mixer
        self._output = output
        self._now_on: Playing | None = None
        self._next: Playing | None = None
        self._retry_at: dict[Key, float] = {}
        self._tones: deque[int] = deque(maxlen=3)
        self.ear: Ear | None = None  # where a microphone hears what goes out
        self.on_begun: Callable[[Ticket], None] = lambda _ticket: None  # told of each item as it begins to sound
        self.wake = threading.Event()
        book.listeners.append(self.wake)

    def playing(self) -> Key | None:
        """Airing and item that sound now."""
        on = self._now_on
        return on.key if on else None

    def playing_since(self) -> datetime | None:
        """When the first sample of the item that sounds now left, by the corrected clock."""
        on = self._now_on
        if on is None or on.sound is None or on.voice.started is None:
            return None
        return on.before.started_at or self._clock.instant(on.voice.started)

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
        if self._now_on is not None and self._now_on.sound is not None:  # also when the clock was set back meanwhile
            ahead = max(ahead, self._now_on.sound.ticket.starts_at - now)
        trusted = self._clock.is_trusted
        situation = self._with_voices(self._book.situation(self._obstacle_of, now, ahead, trusted=trusted))
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
            if self._now_on.sound is not None:
                self.on_begun(self._now_on.sound.ticket)
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
        stretch = playing.stretch(started)
        now = self._clock.now()
        if playing.live is not None and self._account_live(playing, playing.live, sound, stretch):
            return
        if stretch.failed:
            path = self._shelf.find(sound.item)
            if path is not None:
                self._shelf.distrust(path)
        if is_cut(stretch):
            reason = playing.cut_for or "preempted"
            log.info("%s item %d: cut at %.1f s (%s)", *sound.key, stretch.position, reason)
            self._book.move_on(sound.key, progress_after(playing.before, stretch, reason))
            return
        silent = self._output.fault is not None
        share = playing.relay.live_share() if playing.relay else 1.0
        outcome, why = verdict(playing.before, stretch, silent=silent, live_share=share) or (
            "partial",
            self._shortfall(playing, sound),
        )
        log.info("%s item %d: %s %s", *sound.key, outcome, why or "")
        report = report_of(sound.key, playing.before, stretch, outcome, why, playing.voice.volume)
        if self.ear is not None and playing.voice.started is not None:
            begun = playing.voice.started
            alike = self.ear.judge(begun, begun + stretch.out)
            if alike is not None:
                log.info("%s item %d: heard: %s (%.0f dB, %.2f)", *sound.key, alike.heard, alike.heard_db, alike.alike)
                report = report.model_copy(update={"heard": alike.heard, "heard_db": round(alike.heard_db, 1)})
        self._book.finish(sound.key, report, now)

    def _account_live(self, playing: Playing, live: LiveSource, sound: Sound, stretch: Stretch) -> bool:
        """Account for a talk that has ended, or whose stream broke off; False where it was cut for something else."""
        if live.is_down:
            log.info("%s item %d: its stream broke off at %.1f s", *sound.key, stretch.position)
            self._book.move_on(sound.key, progress_after(playing.before, stretch, "relay_down"))
            return True
        if not (live.is_over or stretch.ran_out):
            return False
        elapsed = (stretch.started - sound.ticket.starts_at).total_seconds() + stretch.out
        silent = self._output.fault is not None
        outcome, why = live_verdict(playing.before, stretch, elapsed, silent=silent)
        reason = why or (self._shortfall(playing, sound) if outcome == "partial" else None)
        log.info("%s item %d: %s %s", *sound.key, outcome, reason or "")
        report = report_of(sound.key, playing.before, stretch, outcome, reason, playing.voice.volume)
        self._book.finish(sound.key, report, self._clock.now())
        return True

    def _shortfall(self, playing: Playing, sound: Sound) -> Obstacle:
        """Why parts of an item are missing that came to its own end."""
        known = self._book.progress_of(sound.key).obstacle or playing.before.obstacle
        situation = self._book.situation(self._obstacle_of, self._clock.now(), LEAD)
        return known or default_reason(situation, sound.ticket, sound.item)

    # what should sound
    def _on_air(self) -> OnAir | None:
        on = self._now_on
        if on is None or on.key is None:
            return None
        return OnAir(on.key, self._clock.now() + timedelta(seconds=on.voice.seconds_left()))

    def _with_voices(self, situation: Situation) -> Situation:
        return replace(situation, on_air=self._on_air(), waiting=self._next.key if self._next else None)

    def _turn_to(self, sound: Sound | None, held: Obstacle | None, situation: Situation) -> None:
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
            # A moment later: instants are rounded, and it must not seem to come a hair after its own beginning.
            begins = max(now, self._clock.instant(waiting.voice.begins)) + _ROUNDING
            chosen = due(situation, begins).sound
            anew = chosen is None or chosen.key != waiting.key or self._is_mistimed(waiting, waiting.sound)
            if anew and self._mixer.schedule(None) is waiting.voice:
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

    def _is_mistimed(self, waiting: Playing, sound: Sound) -> bool:
        """Whether the clock has stepped since it was handed over, and it can still begin at its instant."""
        begins = self._clock.monotonic_at(sound.begins_at)
        return abs(begins - waiting.voice.begins) > _MISTIMED_SECONDS and begins > self._output.soonest()

    def _start(self, sound: Sound) -> bool:
        """Hand an item to the output, for its instant or as soon as possible. False if it can't be played."""
        path = self._shelf.find(sound.item)
        relayed = sound.item.relay is not None and self._relays is not None
        if (path is None and not relayed) or self._retry_at.get(sound.key, 0.0) > self._clock.monotonic():
            return False
        decoder: Decoder | None = None
        if path is not None:
            try:
                decoder = Decoder(path)
            except BadAudio:
                log.exception("%s item %d can't be decoded", *sound.key)
                self._shelf.distrust(path)
                self._book.hinder(sound.key, "bad_audio")
                self._book.wake()
                return False
        try:
            playing = self._voice_for(sound, decoder)
        except BaseException as error:
            if decoder is not None:
                decoder.close()
            if isinstance(error, EngineFailed):
                log.exception("%s item %d can't be played", *sound.key)
                self._book.hinder(sound.key, "player_error")
                self._retry_at[sound.key] = self._clock.monotonic() + _RETRY_SECONDS
                return False
            raise
        self._replace_next(playing)
        return True

    def _voice_for(self, sound: Sound, decoder: Decoder | None) -> Playing:
        """The voice of an item: of its clip, of a relay, or of a relay's fallback over and over."""
        rate = self._output.rate_for(decoder.rate if decoder and sound.item.relay is None else RELAY_RATE)
        before = self._book.progress_of(sound.key)
        length = sound.item.seconds
        if decoder is not None and sound.item.clip is not None:
            length = min(length, decoder.frames / decoder.rate)
        begins, offset = self._clock.monotonic_at(sound.begins_at), sound.offset
        soonest = self._output.soonest()
        if begins < soonest:
            if sound.catch_up:  # in seconds of the corrected time, as the decision reckons them
                offset += max(0.0, (self._clock.instant(soonest) - sound.begins_at).total_seconds())
            begins = soonest
        source = self._source_of(sound, decoder, offset)
        live = source if isinstance(source, LiveSource) else None
        voice = Voice(
            source, name=f"{sound.key[0]}-{sound.key[1]}", begins=begins, seconds=max(0.0, length - offset),
            volume=self._book.volume_for(sound.ticket), catch_up=sound.catch_up and not live, rate=rate,
            live_ahead=LIVE_AHEAD_SECONDS if live else None,
        )  # fmt: skip
        relay = source if isinstance(source, RelaySource) else None
        playing = Playing(voice, sound, offset, length, before, relay=relay, live=live)
        if live is None:
            voice.wait_ready(_READY_SECONDS)
        started_at = before.started_at or self._clock.instant(begins)
        self._book.begin(
            sound.ticket,
            sound.key[1],
            replace(before, started_at=started_at, position=offset, obstacle=None),
            self._clock.now(),
        )
        return playing

    def _source_of(self, sound: Sound, decoder: Decoder | None, offset: float) -> RelaySource | ClipSource | LiveSource:
        if sound.item.relay is not None and sound.ticket.kind == "live" and self._talks is not None:
            return self._talks.source(sound.item.relay, sound.item.seconds - offset)
        if sound.item.relay is not None and self._relays is not None:
            return self._relays.source(sound.key, sound.item.relay, decoder)
        if decoder is None:
            raise EngineFailed("there is nothing to play")
        return ClipSource(decoder, offset, loop=sound.item.clip is None)

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
        stretch = on.stretch(self._clock.instant(on.voice.started))
        self._book.pulse(on.sound.key, progress_after(on.before, stretch, None))
        on.saved_at = on.saved_at or at
        if at - on.saved_at >= SAVE_EVERY_SECONDS:
            on.saved_at = at
            self._book.move_on(on.sound.key, progress_after(on.before, stretch, None))

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
        if item.relay is not None and self._talks is not None and self._talks.is_down(item.relay):
            return "relay_down"
        if item.relay is not None and self._relays is not None:
            return None
        return self._shelf.obstacle_of(item)
