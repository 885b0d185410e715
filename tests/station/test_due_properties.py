"""The station's decision under whatever may happen: a virtual player in virtual time."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from station_lab import ticket
from test_due import T0, item

from core.wire import StationSettings
from station.due import OnAir, Progress, Situation, due, is_emergency
from station.hours import is_quiet

TICK = 0.5
END = 240


@dataclass
class World:
    """A player as simple as can be: it does at once what `due` says, and records what sounded."""

    tickets: tuple
    audio_from: dict
    arrives: dict
    withdrawn_at: dict
    quiet: list
    jumps: dict
    off: tuple[int, int]
    progress: dict = field(default_factory=dict)
    done: dict = field(default_factory=dict)
    begun: dict = field(default_factory=dict)
    on: tuple | None = None  # key, wall time at which it began here, offset at which it began
    sounded: dict = field(default_factory=dict)  # key -> intervals of content
    violations: list = field(default_factory=list)

    def now(self, real):
        return T0 + timedelta(seconds=real + sum(by for at, by in self.jumps.items() if real >= at))

    def run(self):
        for step in range(int(END / TICK)):
            real = step * TICK
            if self.off[0] <= real < self.off[0] + self.off[1]:
                self.cut(real, "power")
                continue
            self.step(real)

    def situation(self, real):
        now = self.now(real)
        known = tuple(one for one in self.tickets if self.arrives[one.id] <= real)
        return Situation(
            tickets=known,
            settings=StationSettings(quiet_hours=self.quiet),
            names=frozenset({"unit:79.123"}),
            obstacle_of=lambda it: None if self.audio_from[it.title] <= real else "no_audio",
            awake_since=T0,
            withdrawn={name for name, at in self.withdrawn_at.items() if at <= real},
            done=set(self.done),
            progress=self.progress,
            begun_by=self.begun,
            on_air=OnAir(self.on[0], now + timedelta(seconds=self.left(real))) if self.on else None,
        )

    def left(self, real):
        key, at, offset = self.on
        return self.item(key).seconds - offset - (real - at)

    def item(self, key):
        return next(one for one in self.tickets if one.id == key[0]).items[key[1]]

    def step(self, real):
        if self.on and self.left(real) <= 0:
            key = self.on[0]
            self.cut(real, None)
            self.report(key, "played")
        view = self.situation(real)
        now = self.now(real)
        decision = due(view, now)
        assert due(view, now) == decision
        for key, reason in decision.obstacles.items():
            self.progress[key] = replace(self.progress.get(key, Progress()), obstacle=reason)
        for fate in decision.fates:
            self.report(fate.key, fate.outcome)
        sound = decision.sound
        self.check(view, decision, now)
        if self.on and (sound is None or sound.key != self.on[0]):
            self.cut(real, "preempted")
        if sound is not None and self.on is None:
            late = max(0.0, (now - sound.begins_at).total_seconds()) if sound.catch_up else 0.0
            self.on = (sound.key, real, sound.offset + late)
            before = self.progress.get(sound.key, Progress())
            self.progress[sound.key] = replace(before, started_at=before.started_at or now)
            if sound.ticket.occurrence:
                self.begun.setdefault((sound.ticket.occurrence, sound.key[1]), sound.ticket.id)

    def cut(self, real, reason):
        if self.on is None:
            return
        key, at, offset = self.on
        self.on = None
        position = min(offset + real - at, self.item(key).seconds)
        self.sounded.setdefault(key, []).append((offset, position))
        before = self.progress[key]
        self.progress[key] = replace(
            before, position=position, sounded=before.sounded + position - offset, obstacle=reason or before.obstacle
        )

    def report(self, key, outcome):
        if key in self.done:
            self.violations.append(f"{key} reported twice")
        if self.on and self.on[0] == key:
            self.violations.append(f"{key} reported while on air")
        self.done[key] = outcome

    def check(self, view, decision, now):
        sound = decision.sound
        if sound is None:
            chosen_is_emergency = False
        else:
            chosen_is_emergency = is_emergency(sound.ticket)
            if not chosen_is_emergency and is_quiet(view.settings, now):
                self.violations.append("sounds in quiet hours")
            if sound.ticket.id in view.withdrawn:
                self.violations.append("sounds though withdrawn")
            if sound.key in view.done:
                self.violations.append("sounds though done")
        fates = {fate.key for fate in decision.fates}
        for one in view.tickets:
            for index, it in enumerate(one.items):
                key = (one.id, index)
                open_now = key not in view.done and key not in fates and one.id not in view.withdrawn
                running_out = self.on is not None and self.on[0] == key
                begun = view.progress.get(key, Progress()).started_at is not None
                ready = (
                    view.obstacle_of(it) is None and one.starts_at + timedelta(seconds=it.at) <= now <= one.not_after
                )
                can = is_emergency(one) and open_now and ready and not begun and not running_out
                if can and one.occurrence is None and not chosen_is_emergency:
                    self.violations.append(f"{key} is an emergency and does not sound")


@st.composite
def worlds(draw):
    tickets = []
    for number in range(draw(st.integers(1, 4))):
        items, at = [], 0.0
        for index in range(draw(st.integers(1, 3))):
            at += draw(st.sampled_from([0.0, 0.0, 7.0]))
            seconds = float(draw(st.integers(1, 25)))
            items.append(item(at=at, seconds=seconds, seed=number * 10 + index, title=f"{number}/{index}"))
            at += seconds
        urgent = draw(st.booleans()) and number > 0
        start = T0 + timedelta(seconds=draw(st.integers(0, 80)))
        tickets.append(
            ticket(
                f"air_{number}",
                start,
                *items,
                kind="emergency" if urgent else "programme",
                priority="emergency" if urgent else draw(st.sampled_from(["ordinary", "priority"])),
                late=draw(st.sampled_from(["join", "play", "skip"])),
                not_after=start + timedelta(seconds=at + draw(st.integers(0, 30))),
                occurrence=draw(st.sampled_from([None, None, "slot_1@1"])),
                issued_at=T0 + timedelta(seconds=draw(st.integers(-60, 60))),
            )
        )
    titles = [it.title for one in tickets for it in one.items]
    seconds = st.integers(0, 100)
    names = [one.id for one in tickets]
    return World(
        tickets=tuple(tickets),
        audio_from={title: draw(st.sampled_from([0, 0, 0, 20, 500])) for title in titles},
        arrives={name: draw(st.sampled_from([0, 0, 15, 60])) for name in names},
        withdrawn_at=draw(st.dictionaries(st.sampled_from(names), seconds, max_size=1)),
        quiet=draw(st.sampled_from([[], [], [("17:01", "17:02")], [("16:00", "17:01")]])),
        jumps=draw(st.dictionaries(seconds, st.sampled_from([-30, -5, -0.5, 0.5, 5, 30]), max_size=2)),
        off=(draw(seconds), draw(st.sampled_from([0, 0, 5, 40]))),
    )


@settings(max_examples=120, deadline=None)
@given(worlds())
def test_whatever_happens_each_item_is_accounted_for_once_and_none_sounds_twice(world):
    world.run()
    assert world.violations == []
    everything = {(one.id, index) for one in world.tickets for index in range(len(one.items))}
    assert set(world.done) == everything
    for key, intervals in world.sounded.items():
        assert all(0 <= first <= last <= world.item(key).seconds for first, last in intervals)
        for (_, earlier), (later, _) in pairwise(intervals):
            assert earlier <= later, f"{key} said the same words again: {intervals}"
    occurrences = {}
    for key, intervals in world.sounded.items():
        one = next(one for one in world.tickets if one.id == key[0])
        if one.occurrence and any(last > first for first, last in intervals):
            occurrences.setdefault((one.occurrence, key[1]), set()).add(key[0])
    assert all(len(airings) == 1 for airings in occurrences.values())


@settings(max_examples=50, deadline=None)
@given(worlds())
def test_played_means_that_something_sounded(world):
    world.run()
    for key, outcome in world.done.items():
        one = next(one for one in world.tickets if one.id == key[0])
        if outcome == "partial":
            assert world.sounded[key]
        if outcome == "missed":
            assert sum(last - first for first, last in world.sounded.get(key, [])) == 0
        if outcome == "played" and one.occurrence is None:
            assert world.sounded[key]
