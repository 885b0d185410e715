"""The player of a rehearsal: does what `due` says, as the real one does, but makes no sound and jumps through time.

Where the real player looks every few tenths of a second, this one works out when time alone can next change the
decision, and looks then. How items are accounted for is the real player's (`station.accounting`).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol

from core import quiet
from core.clock import zone
from core.wire import Item, Reason, StationSettings, Ticket
from loa.rehearsal.memory import Cupboard
from station.accounting import Stretch, is_cut, progress_after, report_of, verdict
from station.book import Book
from station.clock import StationClock
from station.due import (
    SKIP_TOLERANCE,
    Decision,
    Key,
    Obstacle,
    OnAir,
    Progress,
    Situation,
    Sound,
    default_reason,
    due,
    ends,
    starts,
)
from station.player import LEAD, SAVE_EVERY_SECONDS

_PEAK_DB = -3.0  # of whatever sounds
_A_MOMENT = timedelta(milliseconds=1)
_TOGETHER = 0.005  # seconds: the end of an item and the start of the next need one look
_AHEAD = LEAD + timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True)
class Playing:
    """What sounds: since `began` (monotonic, s), from `offset` in the item up to `wanted`."""

    sound: Sound
    began: float
    started: datetime
    offset: float
    wanted: float
    before: Progress

    @property
    def over_at(self) -> float:
        return self.began + self.wanted - self.offset

    def stretch(self, monotonic: float) -> Stretch:
        out = min(max(0.0, monotonic - self.began), self.wanted - self.offset)
        return Stretch(self.started, self.offset, self.wanted, out, ran_out=monotonic >= self.over_at - 1e-6)


class Watcher(Protocol):
    """Whoever wants to know what a station does, as it does it."""

    def decided(self, situation: Situation, decision: Decision, now: datetime) -> None: ...

    def began(self, playing: Playing) -> None: ...

    def ended(self, playing: Playing, stretch: Stretch) -> None: ...


class VirtualPlayer:
    """Plays the book of one station while it has power."""

    def __init__(
        self, book: Book, shelf: Cupboard, clock: StationClock, watcher: Watcher,
        relayed: Callable[[float], float] = lambda _: 1.0,
    ) -> None:  # fmt: skip
        """`relayed` says of how large a share of so many seconds before now a relay could be heard here."""
        self._relayed = relayed
        self._book = book
        self._shelf = shelf
        self._clock = clock
        self._watcher = watcher
        self._on: Playing | None = None

    def playing(self) -> Key | None:
        return self._on.sound.key if self._on else None

    def look(self) -> float:
        """Do what is due; returns the reading of the monotonic clock at which to look again (infinity: when told)."""
        if self._on is not None and self._clock.monotonic() >= self._on.over_at - 1e-6:
            self._end(self._on, None)
        now = self._clock.now()
        trusted = self._clock.is_trusted
        situation = self._book.situation(self._obstacle_of, now, _AHEAD, trusted=trusted, on_air=self._on_air(now))
        if self._on is None and not situation.tickets:
            return self._reading(self._book.next_start_after(now))
        decision = due(situation, now)
        self._watcher.decided(situation, decision, now)
        for key, reason in decision.obstacles.items():
            if key != self.playing():
                self._book.hinder(key, reason)
        for fate in decision.fates:
            self._book.settle(fate, now)
        if self._turn_to(decision, now):
            return self._clock.monotonic()
        coming = self._book.next_start_after(now)
        readings = (self._over_at(), self._reading(next_change(situation, now, self.playing())), self._reading(coming))
        soonest = min(readings)
        return max(each for each in readings if each <= soonest + _TOGETHER)

    def power_fails(self) -> float:
        """Everything in memory is lost; on disk is how far the item had come at the last saving, every few seconds.

        Returns how many seconds that sounded are not on record.
        """
        on, self._on = self._on, None
        if on is None:
            return 0.0
        stretch = on.stretch(self._clock.monotonic())
        saved = math.floor(stretch.out / SAVE_EVERY_SECONDS) * SAVE_EVERY_SECONDS
        if saved:
            kept = replace(stretch, out=saved, ran_out=False)
            self._book.move_on(on.sound.key, progress_after(on.before, kept, None))
        self._watcher.ended(on, stretch)
        return stretch.out - saved

    def _turn_to(self, decision: Decision, now: datetime) -> bool:
        """Follow the decision; True if something changed by that, so that another look is due at once."""
        on, sound = self._on, decision.sound
        if sound is not None and on is not None and sound.key == on.sound.key:
            return False
        if on is not None:
            self._end(on, decision.obstacles.get(on.sound.key, "preempted"))
        failed = sound is not None and not self._start(sound, now)
        return on is not None or failed

    def _start(self, sound: Sound, now: datetime) -> bool:
        """Begin an item; False if its audio can't be decoded, which throws it away."""
        path = self._shelf.find(sound.item)
        relayed = sound.item.relay is not None
        if (path is None and not relayed) or (path is not None and self._shelf.is_rotten(path)):
            if path is not None:
                self._shelf.distrust(path)
            self._book.hinder(sound.key, "bad_audio")
            return False
        before = self._book.progress_of(sound.key)
        late = max(0.0, (now - sound.begins_at).total_seconds()) if sound.catch_up else 0.0
        offset = sound.offset + late
        begun = replace(before, started_at=before.started_at or now, position=offset, obstacle=None)
        self._book.begin(sound.ticket, sound.key[1], begun, now)
        self._on = Playing(sound, self._clock.monotonic(), now, offset, sound.item.seconds, before)
        self._watcher.began(self._on)
        return True

    def _end(self, on: Playing, cut_for: Obstacle | None) -> None:
        """Account for what has ended, as the real player does: done, or to be continued."""
        self._on = None
        now = self._clock.now()
        stretch = on.stretch(self._clock.monotonic())
        key = on.sound.key
        self._watcher.ended(on, stretch)
        if is_cut(stretch):
            self._book.move_on(key, progress_after(on.before, stretch, cut_for or "preempted"))
            return
        share = self._relayed(stretch.out) if on.sound.item.relay is not None else 1.0
        if share > 0 or on.sound.item.fallback is not None:
            stretch = replace(stretch, peak_db=_PEAK_DB)
        outcome, why = verdict(on.before, stretch, silent=False, live_share=share) or (
            "partial",
            self._shortfall(on, now),
        )
        volume = self._book.volume_for(on.sound.ticket)
        self._book.finish(key, report_of(key, on.before, stretch, outcome, why, volume), now)

    def _shortfall(self, on: Playing, now: datetime) -> Obstacle:
        known = self._book.progress_of(on.sound.key).obstacle or on.before.obstacle
        situation = self._book.situation(self._obstacle_of, now, LEAD)
        return known or default_reason(situation, on.sound.ticket, on.sound.item)

    def _obstacle_of(self, item: Item) -> Reason | None:
        """What the real player says: a relay can always begin, whatever becomes of it."""
        return None if item.relay is not None else self._shelf.obstacle_of(item)

    def _on_air(self, now: datetime) -> OnAir | None:
        if self._on is None:
            return None
        return OnAir(self._on.sound.key, now + timedelta(seconds=self._on.over_at - self._clock.monotonic()))

    def _over_at(self) -> float:
        return self._on.over_at if self._on is not None else math.inf

    def _reading(self, instant: datetime | None) -> float:
        return math.inf if instant is None else self._clock.monotonic_at(instant + _A_MOMENT)


def next_change(situation: Situation, now: datetime, playing: Key | None) -> datetime | None:
    """The next instant at which time alone can change what `due` says of these tickets, while `playing` sounds. Pure.

    Rather one too many than one too few: to look in vain costs nothing but time.
    """
    return min((instant for instant in _turns(situation, now, playing) if instant > now), default=None)


def _turns(situation: Situation, now: datetime, playing: Key | None) -> Iterator[datetime]:
    any_open = False
    for ticket in situation.tickets:
        for index in range(len(ticket.items)):
            if (ticket.id, index) not in situation.done:
                any_open = True
                yield from _turns_of(situation, ticket, index, now, playing)
    if any_open:
        if situation.trusted_from is not None:
            yield situation.trusted_from
        yield from _edges(situation.settings, now)


def _turns_of(
    situation: Situation, ticket: Ticket, index: int, now: datetime, playing: Key | None
) -> Iterator[datetime]:
    """When an open item may begin; if it is held up, when it is given up."""
    key, item = (ticket.id, index), ticket.items[index]
    begins = starts(ticket, item)
    if begins > now:
        yield begins
    progress = situation.progress.get(key)
    if progress is not None and progress.position:
        yield begins + timedelta(seconds=progress.position)
    if begins > now or key == playing:
        return
    if ticket.late == "join":
        yield ends(ticket, item)
    elif ticket.late == "skip":
        yield begins + SKIP_TOLERANCE + _A_MOMENT
    yield ticket.not_after + _A_MOMENT
    yield ticket.ends_at  # after that it must have the day it sounds on, too


def _edges(settings: StationSettings, now: datetime) -> Iterable[datetime]:
    """The begins and ends of quiet hours about this day."""
    hours = tuple(edge for pair in settings.quiet_hours for edge in pair)
    if settings.limits is not None and settings.limits.weekdays is not None:
        hours = ("00:00", *hours)
    return _edges_about(settings.zone, hours, now.date()) if hours else ()


@lru_cache(maxsize=1_000)
def _edges_about(zone_name: str, edges: tuple[str, ...], day: date) -> tuple[datetime, ...]:
    where = zone(zone_name)
    midnights = [datetime.combine(day + timedelta(days=days), time(), where) for days in (-1, 0, 1, 2)]
    seconds = [quiet.second_of_day(edge) for edge in edges]
    return tuple((midnight + timedelta(seconds=each)).astimezone(UTC) for midnight in midnights for each in seconds)
