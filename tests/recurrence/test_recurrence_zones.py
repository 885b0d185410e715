from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.recurrence import first_occurrence, occurrences, recurrence

NEW_YORK, PARIS, LORD_HOWE, APIA = "America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia"
NAIVE_2005 = datetime(2005, 1, 1)  # noqa: DTZ001 - wall-clock times are naive


def test_a_time_that_the_clocks_skip_sounds_later_by_the_gap(local_times):
    found = local_times("2026-03-01T02:30", NEW_YORK, "FREQ=DAILY", "2026-03-07", "2026-03-10")
    assert found == ["2026-03-07T02:30-05:00", "2026-03-08T03:30-04:00", "2026-03-09T02:30-04:00"]


def test_a_half_hour_gap_moves_by_half_an_hour(local_times):
    found = local_times("2026-10-01T02:15", LORD_HOWE, "FREQ=DAILY", "2026-10-03", "2026-10-06")
    assert found == ["2026-10-03T02:15+10:30", "2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"]


def test_a_doubled_hour_sounds_once_the_first_time(local_times):
    found = local_times("2026-10-01T02:30", PARIS, "FREQ=DAILY", "2026-10-24", "2026-10-27")
    assert found == ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_the_day_that_apia_skipped_sounds_once_with_the_next(local_times):
    found = local_times("2011-12-01T05:00", APIA, "FREQ=DAILY", "2011-12-28", "2012-01-02")
    assert found == [f"{day}T05:00{offset}" for day, offset in (
        ("2011-12-28", "-10:00"), ("2011-12-29", "-10:00"), ("2011-12-31", "+14:00"), ("2012-01-01", "+14:00"),
    )]  # fmt: skip


def test_a_gap_that_ends_on_utc_itself_is_a_gap(local_times):
    rule = "FREQ=MINUTELY;INTERVAL=30"
    found = local_times("2026-03-28T00:00", "Atlantic/Azores", rule, "2026-03-28T23:30", "2026-03-29T02:00")
    assert found == ["2026-03-28T23:30-01:00", "2026-03-29T01:00+00:00", "2026-03-29T01:30+00:00"]


def test_a_weekly_slot_on_the_skipped_day_is_not_lost(local_times):
    found = local_times("2011-12-02T05:00", APIA, "FREQ=WEEKLY", "2011-12-22", "2012-01-08")
    assert found == ["2011-12-23T05:00-10:00", "2011-12-31T05:00+14:00", "2012-01-06T05:00+14:00"]


def test_times_moved_out_of_a_gap_stay_in_order_and_come_once(local_times):
    rule = "FREQ=MINUTELY;INTERVAL=30"
    found = local_times("2026-03-29T00:00", PARIS, rule, "2026-03-29T01:00", "2026-03-29T04:30")
    assert found == [f"2026-03-29T{at}" for at in (
        "01:00+01:00", "01:30+01:00", "03:00+02:00", "03:30+02:00", "04:00+02:00",
    )]  # fmt: skip


def test_windows_that_begin_or_end_in_a_change_of_clocks_lose_and_double_nothing():
    for zone, around in (
        (NEW_YORK, "2026-03-08"),
        (PARIS, "2026-10-25"),
        (LORD_HOWE, "2026-04-05"),
        (APIA, "2011-12-31"),
    ):
        rule = recurrence("2011-01-01T00:10", zone, "FREQ=HOURLY;BYMINUTE=10,40")
        middle = datetime.fromisoformat(around).replace(tzinfo=UTC)
        bounds = [middle + timedelta(minutes=15 * step) for step in range(-200, 200)]
        whole = list(occurrences(rule, bounds[0], bounds[-1]))
        pieces = [found for one, two in pairwise(bounds) for found in occurrences(rule, one, two)]
        assert pieces == whole
        assert all(one < two for one, two in pairwise(whole))


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(
        (
            NEW_YORK,
            PARIS,
            LORD_HOWE,
            APIA,
            "Africa/Casablanca",
            "Atlantic/Azores",
            "Asia/Ho_Chi_Minh",
            "America/Sao_Paulo",
        )
    ),
    start=st.datetimes(NAIVE_2005, NAIVE_2005.replace(year=2027), timezones=st.just(UTC)),
    minutes=st.integers(1, 60_000),
)
def test_every_wall_time_in_the_window_and_no_other_has_its_instant(zone, start, minutes):
    tz, begin = ZoneInfo(zone), start.replace(tzinfo=None)
    end = start + timedelta(minutes=minutes)
    first = NAIVE_2005 - timedelta(days=31, minutes=-20)
    step_length = timedelta(minutes=20)
    steps = (begin - timedelta(days=3) - first) // step_length
    walls = (first + step_length * step for step in range(steps, steps + (minutes + 6 * 1440) // 20 + 2))
    expected = sorted({wall.replace(tzinfo=tz).astimezone(UTC) for wall in walls})
    rule = recurrence(first.isoformat(), zone, "FREQ=MINUTELY;INTERVAL=20")
    assert list(occurrences(rule, start, end)) == [instant for instant in expected if start <= instant < end]


def test_until_in_utc_ends_a_local_rule_at_that_instant(local_times):
    inclusive = local_times(
        "2026-11-23T05:00", "Asia/Ho_Chi_Minh", "FREQ=DAILY;UNTIL=20261124T220000Z", "2026-11-20", "2027-01-01"
    )
    assert inclusive == ["2026-11-23T05:00+07:00", "2026-11-24T05:00+07:00", "2026-11-25T05:00+07:00"]
    exclusive = local_times(
        "2026-11-23T05:00", "Asia/Ho_Chi_Minh", "FREQ=DAILY;UNTIL=20261124T215959Z", "2026-11-20", "2027-01-01"
    )
    assert exclusive == inclusive[:2]


def test_until_without_a_z_is_local_time(local_times):
    found = local_times(
        "2026-11-23T05:00", "Asia/Ho_Chi_Minh", "FREQ=DAILY;UNTIL=20261125T050000", "2026-11-20", "2027-01-01"
    )
    assert found[-1] == "2026-11-25T05:00+07:00"


def test_single_dates_are_added_and_taken_out(local_times):
    found = local_times(
        "2026-11-23T05:00", "Asia/Ho_Chi_Minh", "FREQ=DAILY;COUNT=5", "2026-11-20", "2027-01-01",
        exdates=["2026-11-24", "2026-11-25T05:00", "2026-11-25T22:00:00Z", "2026-12-24"],
        rdates=["2026-12-24", "2026-12-25T17:00", "2026-11-23T05:00"],
    )  # fmt: skip
    assert found == ["2026-11-23T05:00+07:00", "2026-11-27T05:00+07:00", "2026-12-25T17:00+07:00"]


def test_the_until_of_a_slot_is_inclusive_and_a_date_means_the_whole_day(local_times):
    window = ("2026-11-20", "2027-01-01")
    assert len(local_times("2026-11-23T05:00", "Asia/Ho_Chi_Minh", "FREQ=DAILY", *window, until="2026-11-25")) == 3
    assert (
        len(local_times("2026-11-23T05:00", "Asia/Ho_Chi_Minh", "FREQ=DAILY", *window, until="2026-11-25T04:59")) == 2
    )
    assert local_times("2026-11-23T05:00", "Asia/Ho_Chi_Minh", None, *window, until="2026-11-22") == []


def test_without_a_rule_the_start_is_the_only_occurrence(local_times):
    assert local_times("2026-11-23T05:00:30", "Asia/Ho_Chi_Minh", None, "2026-11-20", "2027-01-01") == [
        "2026-11-23T05:00+07:00"
    ]
    assert local_times("2026-11-23T05:00", "Asia/Ho_Chi_Minh", None, "2026-11-24", "2027-01-01") == []


def test_a_window_that_is_empty_or_far_away_gives_nothing_and_fails_nowhere():
    rule = recurrence("2026-11-23T05:00", NEW_YORK, "FREQ=DAILY;INTERVAL=999999999")
    low, high = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert list(occurrences(rule, low, high)) == [first_occurrence(rule)]
    assert list(occurrences(rule, high, low)) == []
    with pytest.raises(ValueError, match="naive"):
        occurrences(rule, NAIVE_2005, high)
