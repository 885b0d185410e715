"""A clock that can't have counted through a power cut is not played by: no wrong hours after a night without power."""

from datetime import timedelta

import pytest
from station_lab import ticket
from test_due import T0, after, item, situation

from station.clock import Anchor, StationClock, instant_of, seconds_of
from station.due import NEVER, default_reason, due

DAY = 86_400.0
THEN = seconds_of(T0)


def rebooted(wall: float, *, battery: bool, from_wall: float = 0.0, boot: str = "second") -> StationClock:
    anchor = Anchor(boot_id="first", from_boot=THEN - 100, from_wall=from_wall, noted=THEN)
    return StationClock(
        monotonic=lambda: 0.0, wall=lambda: wall, boot_clock=lambda: 150.0, boot=boot, battery=battery, anchor=anchor
    )


def test_a_clock_with_a_battery_carries_the_time_through_a_power_cut():
    clock = rebooted(THEN + DAY, battery=True)
    assert clock.is_trusted
    assert clock.now() == T0 + timedelta(days=1)


def test_a_clock_seven_hours_off_is_right_all_the_same():
    clock = rebooted(THEN + DAY + 7 * 3600, battery=True, from_wall=-7 * 3600.0)
    assert clock.is_trusted
    assert clock.now() == T0 + timedelta(days=1)


@pytest.mark.parametrize(
    ("wall", "battery", "from_wall"),
    [
        (0.0, False, 0.0),  # no battery: 1970
        (THEN - 600, False, 0.0),  # no battery: the last hour that was written down
        (THEN + 60, False, 0.0),  # the same, looking possible
        (946_684_800.0, True, 0.0),  # an empty battery: 2000
        (946_684_800.0, True, THEN - 946_684_800.0 + 30),  # the same as last time, looking possible
        (THEN - 60, True, 0.0),  # earlier than what was known
    ],
)
def test_a_clock_that_did_not_count_is_not_trusted_until_the_server_has_said_the_time(wall, battery, from_wall):
    clock = rebooted(wall, battery=battery, from_wall=from_wall)
    assert not clock.is_trusted
    clock.shift(5.0)
    assert clock.is_trusted


def test_within_the_same_boot_no_battery_is_needed():
    clock = rebooted(0.0, battery=False, boot="first")
    assert clock.is_trusted
    assert clock.now() == instant_of(THEN + 50)


def test_by_a_clock_that_is_not_trusted_nothing_sounds_and_nothing_is_given_up():
    decision = due(situation(ticket("air_1", T0, item()), trusted_from=NEVER), after(1))
    assert (decision.sound, decision.fates, decision.obstacles) == (None, (), {("air_1", 0): "clock"})
    assert due(situation(ticket("air_1", T0, item()), trusted_from=NEVER), after(9999)).fates == ()


def test_what_passed_while_the_clock_was_wrong_was_missed_for_the_clock():
    one = ticket("air_1", T0, item())
    view = situation(one, right_since=after(90))
    assert default_reason(view, one, one.items[0]) == "clock"
    (fate,) = due(view, after(100)).fates
    assert (fate.outcome, fate.reason) == ("missed", "clock")
