"""The corrected clock against simulated hosts and links: off, stepping, drifting, jittery, restarted."""

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.clock import StationClock, instant_of
from station.discipline import SLEW, STEP_SECONDS, Course, Measurement, best_of, four_stamp

TRUE = 1_800_000_000.0
HOUR = 3600.0


def lan(chance):
    return 0.001 + chance.expovariate(2000)


def mobile(chance):
    """One way over a mobile link: 50 to 400 ms."""
    return min(0.4, 0.05 + chance.expovariate(8))


class World:
    """True time, and a host whose clocks run `ppm` too fast beside it; its wall clock shows `wall` at the start."""

    def __init__(self, ppm=0.0, wall=TRUE, there=lan, back=lan, seed=1):
        self.seconds = 0.0
        self.wall_steps = 0.0
        self.pace = 1 + ppm * 1e-6
        self.there, self.back = there, back
        self.chance = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self.ticks, self.wall = 500.0, wall
        self.server_ahead = 0.0
        self.boots = 1
        self.clock = self.started()

    def started(self, anchor=None, *, battery=True):
        return StationClock(
            monotonic=lambda: self.ticks, wall=lambda: self.wall + self.wall_steps, boot_clock=lambda: self.ticks,
            boot=f"boot {self.boots}", battery=battery, anchor=anchor,
        )  # fmt: skip

    def passes(self, seconds):
        self.seconds += seconds
        self.ticks += seconds * self.pace
        self.wall += seconds * self.pace

    def exchange(self):
        sent = self.ticks
        self.passes(self.there(self.chance))
        stamp = int((TRUE + self.seconds + self.server_ahead) * 1000) / 1000
        self.passes(self.back(self.chance))
        return four_stamp(sent, stamp, stamp, self.ticks)

    def measure(self):
        return self.clock.take(best_of([self.exchange() for _ in range(5)]))

    def error(self):
        """How far the clock is ahead, in seconds."""
        return (self.clock.now() - instant_of(TRUE + self.seconds)).total_seconds()

    def runs(self, seconds):
        """Measure as the planner does, for so long; the error at each moment before a measurement, and the steps."""
        until, errors, steps = self.seconds + seconds, [], []
        while self.seconds < until:
            self.passes(self.clock.wait_seconds())
            errors.append(self.error())
            steps.append(self.measure())
        return errors, [step for step in steps if step]


@pytest.mark.parametrize("wall", [TRUE, TRUE + 0.5, TRUE - 0.5, TRUE + 3 * HOUR, TRUE - 3 * HOUR, 0.0, 946_684_800.0])
def test_a_host_clock_that_is_off_or_starts_in_1970_changes_nothing(wall):
    world = World(wall=wall)
    assert world.measure() == pytest.approx(TRUE - wall, abs=0.1)
    assert abs(world.error()) < 0.003
    errors, steps = world.runs(2 * HOUR)
    assert max(map(abs, errors)) < 0.005
    assert not steps


def test_steps_of_the_wall_clock_are_not_seen():
    world = World()
    world.measure()
    for step in (-3 * HOUR, 0.7, 1e6, -TRUE):
        world.wall_steps += step
        errors, steps = world.runs(HOUR)
        assert max(map(abs, errors)) < 0.005
        assert not steps


@pytest.mark.parametrize("ppm", [-100, -20, 0, 50, 100])
def test_the_drift_of_the_crystal_is_learnt_and_corrected_between_measurements(ppm):
    world = World(ppm=ppm)
    world.measure()
    world.runs(3 * HOUR)
    assert world.clock.frequency_ppm() == pytest.approx(-ppm, abs=2)
    assert world.clock.wait_seconds() == 1800
    errors, steps = world.runs(9 * HOUR)
    assert max(map(abs, errors)) < 0.005
    assert not steps
    world.passes(24 * HOUR)  # a day without the server
    assert abs(world.error()) < 0.2 < abs(ppm) * 1e-6 * 24 * HOUR or abs(ppm) < 3


@pytest.mark.parametrize("seed", range(6))
def test_over_a_jittery_mobile_link_the_time_is_within_what_the_link_allows(seed):
    world = World(ppm=100 if seed % 2 else -100, there=mobile, back=mobile, seed=seed)
    world.measure()
    assert abs(world.error()) < 0.4
    _, early_steps = world.runs(6 * HOUR)
    errors, steps = world.runs(30 * HOUR)
    assert not early_steps
    assert not steps
    assert max(map(abs, errors)) < 0.025
    assert world.clock.frequency_ppm() == pytest.approx(-100 if seed % 2 else 100, abs=5)


def test_a_way_back_that_is_always_longer_costs_half_the_difference_and_no_drift():
    world = World(ppm=80, there=lambda _: 0.1, back=lambda chance: 0.3 + chance.expovariate(20))
    world.measure()
    world.runs(12 * HOUR)
    assert world.error() == pytest.approx(-0.1, abs=0.03)  # nobody can know better by asking
    assert world.clock.frequency_ppm() == pytest.approx(-80, abs=5)


def test_a_measurement_with_a_long_way_moves_the_clock_little():
    world = World()
    world.measure()
    world.runs(2 * HOUR)
    before = world.clock
    at = world.ticks
    told = Measurement(before.elapsed(at) + 0.39 + before._state.stepped - at, 0.8, at)  # 390 ms, within 400
    assert before.take(told) == 0.0
    world.passes(1000)
    assert abs(world.error()) < 0.01


def test_one_that_contradicts_all_that_is_known_is_asked_again_before_it_is_believed():
    world = World()
    world.measure()
    world.runs(HOUR)
    world.server_ahead = 300.0  # for one moment
    assert world.measure() == 0.0
    assert world.clock.wait_seconds() == 10
    assert abs(world.error()) < 0.005
    world.server_ahead = 0.0
    world.passes(10)
    assert world.measure() == 0.0
    world.passes(600)
    assert abs(world.error()) < 0.005
    world.server_ahead = 300.0  # for good
    assert world.measure() == 0.0
    world.passes(10)
    assert world.measure() == pytest.approx(300, abs=0.01)
    assert world.error() == pytest.approx(300, abs=0.01)


def test_a_fifth_of_a_second_is_slewed_and_the_clock_never_stands_still():
    world = World()
    world.measure()
    world.runs(HOUR)
    world.server_ahead = -0.2
    world.measure()
    world.passes(10)
    assert world.measure() == 0.0
    assert world.error() == pytest.approx(0.0, abs=0.005)
    shown = []
    for _ in range(50):
        shown.append(world.clock.now())
        world.passes(10)
    paces = [(after - before).total_seconds() / 10 for before, after in pairwise(shown)]
    assert all(1 - SLEW - 5e-5 <= pace <= 1 + 5e-5 for pace in paces)
    assert world.error() == pytest.approx(-0.2, abs=0.005)


def test_the_crystals_error_is_kept_over_a_restart_and_a_reboot():
    world = World(ppm=100)
    world.measure()
    world.runs(3 * HOUR)
    anchor = type(world.clock.anchor()).model_validate_json(world.clock.anchor().model_dump_json())
    world.passes(HOUR)  # the station's process is away
    world.clock = world.started(anchor)
    assert abs(world.error()) < 0.01  # 360 ms without what is known of the crystal
    assert world.measure() == 0.0
    world.boots, world.ticks = 2, 3.0
    world.clock = world.started(world.clock.anchor())
    assert world.clock.frequency_ppm() == pytest.approx(-100, abs=3)
    world.measure()
    world.passes(HOUR)
    assert abs(world.error()) < 0.02


def test_a_clock_without_battery_comes_right_at_the_first_measurement():
    world = World(ppm=30)
    world.measure()
    anchor = world.clock.anchor()
    world.boots, world.ticks, world.wall = 2, 3.0, 0.0
    world.clock = world.started(anchor, battery=False)
    assert not world.clock.is_trusted
    world.measure()
    assert world.clock.is_trusted
    assert abs(world.error()) < 0.003


def test_several_exchanges_prove_together_what_none_does_alone():
    quick_there = four_stamp(100.0, 105.01, 105.01, 100.31)  # 10 ms there, 300 ms back; 5 s ahead
    quick_back = four_stamp(101.0, 106.4, 106.4, 101.42)  # 400 ms there, 20 ms back
    together = best_of([quick_there, quick_back])
    assert together.offset == pytest.approx(4.995, abs=0.0002)
    assert together.round_trip == pytest.approx(0.03, abs=0.0002)
    moved_meanwhile = [four_stamp(100.0, 105.0, 105.0, 100.01), four_stamp(101.0, 108.0, 108.0, 101.5)]
    assert best_of(moved_meanwhile) == moved_meanwhile[0]


times = st.floats(-1000, 100_000)


@given(st.floats(-STEP_SECONDS, STEP_SECONDS), st.floats(-5e-4, 4e-4), st.lists(times, min_size=2, max_size=20))
@settings(max_examples=200, deadline=None)
def test_what_is_shown_never_goes_back_and_is_found_again(to_slew, frequency, readings):
    course = Course(50.0, TRUE, frequency, to_slew)
    readings.sort()
    shown = [course.at(reading) for reading in readings]
    assert all(after >= before for before, after in pairwise(shown))
    for reading, time in zip(readings, shown, strict=True):
        assert course.reading_at(time) == pytest.approx(reading, abs=1e-5)
    assert course.at(1e5) == pytest.approx(TRUE + (1e5 - 50) * (1 + frequency) + to_slew, abs=1e-4)


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_whatever_is_measured_the_clock_stays_sound(data):
    world = World(ppm=data.draw(st.floats(-200, 200)))
    for _ in range(data.draw(st.integers(1, 12))):
        world.passes(data.draw(st.floats(0, 1e6)))
        offset, way = data.draw(st.floats(0, 4e9)), data.draw(st.floats(0, 30))
        before = world.clock.elapsed(world.ticks)
        world.clock.take(Measurement(offset, way, world.ticks))
        assert world.clock.elapsed(world.ticks) == pytest.approx(before, abs=1e-4)  # sound goes on where it is
        world.passes(1)
        assert 0.998 < world.clock.elapsed(world.ticks) - before < 1.002
        assert world.clock.monotonic_at(world.clock.now()) == pytest.approx(world.ticks, abs=1e-4)
    assert world.clock.now() + timedelta(seconds=1)
