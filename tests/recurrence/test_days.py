"""Conditions on days: holidays and the lunar calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import InvalidInput
from scheduler.calendar import holiday_name, holidays_between, lunar_label, read_days
from scheduler.recurrence import first_occurrence, occurrences, recurrence

HANOI = "Asia/Ho_Chi_Minh"


def found(days, rrule="FREQ=DAILY", start="2026-01-01T05:00", until=date(2027, 1, 1), **more) -> list[date]:
    rule = recurrence(start, HANOI, rrule, days=days, **more)
    begin = datetime(2025, 12, 31, 17, tzinfo=UTC)
    end = datetime.combine(until, datetime.min.time(), UTC)
    return [(instant + timedelta(hours=7)).date() for instant in occurrences(rule, begin, end)]


def test_only_the_first_and_the_fifteenth_of_the_lunar_month():
    days = found({"lunar": ["1", "15"]}, until=date(2026, 4, 1))
    assert days == [
        date(2026, 1, 3), date(2026, 1, 19), date(2026, 2, 2), date(2026, 2, 17), date(2026, 3, 3), date(2026, 3, 19)
    ]  # fmt: skip


def test_a_day_of_the_lunar_year_comes_once_a_year_and_not_again_in_the_leap_month():
    assert found({"lunar": ["10/3"]}, until=date(2027, 12, 31)) == [date(2026, 4, 26), date(2027, 4, 16)]
    # 2025 has a leap sixth month.
    assert found({"lunar": ["1/6"]}, start="2025-01-01T05:00", until=date(2026, 1, 1)) == []
    rule = recurrence("2025-01-01T05:00", HANOI, "FREQ=DAILY", days={"lunar": ["1/6"]})
    year = list(occurrences(rule, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)))
    assert [(each + timedelta(hours=7)).date() for each in year] == [date(2025, 6, 25)]


def test_the_last_day_of_the_lunar_year_be_it_the_29th_or_the_30th():
    eves = found({"lunar": ["-1/12"]}, until=date(2030, 3, 1))
    assert eves == [date(2026, 2, 16), date(2027, 2, 5), date(2028, 1, 25), date(2029, 2, 12), date(2030, 2, 1)]


def test_not_on_holidays_and_only_on_holidays_part_the_year():
    without, only = found({"holidays": "skip"}), found({"holidays": "only"})
    assert sorted([*without, *only]) == found(None)
    assert date(2026, 2, 17) in only
    assert date(2026, 4, 27) in only  # in lieu of a Sunday
    assert date(2026, 9, 2) not in without


def test_the_condition_holds_for_single_dates_too_and_for_a_slot_without_a_rule():
    assert found({"holidays": "skip"}, rrule=None, start="2026-09-02T05:00") == []
    assert found({"holidays": "skip"}, rrule=None, start="2026-09-03T05:00", rdates=["2026-04-30"]) == [
        date(2026, 9, 3)
    ]


def test_the_local_day_decides_not_the_day_in_utc():
    """05:00 in Hà Nội is still the day before in UTC."""
    assert found({"holidays": "only"}, rrule=None, start="2026-09-01T05:00") == [date(2026, 9, 1)]
    assert found({"holidays": "only"}, rrule=None, start="2026-09-03T05:00") == []


def test_a_condition_that_no_day_meets_never_occurs():
    rule = recurrence("2026-01-01T05:00", HANOI, "FREQ=YEARLY;COUNT=30", days={"lunar": ["30/1"], "holidays": "only"})
    assert first_occurrence(rule) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"holidays": "sometimes"}, {"lunar": ["31"]}, {"lunar": ["0"]}, {"lunar": ["15/13"]}, {"lunar": "15"},
        {"lunar": [None]}, {"lunar": [1.5]}, {"lunar": ["1"] * 61}, {"lunar": 7},
    ],
)  # fmt: skip
def test_a_condition_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidInput):
        read_days(wrong)


def test_no_condition_is_none():
    assert read_days(None) is None
    assert read_days({}) is None
    assert read_days({"holidays": None, "lunar": []}) is None


def test_calendars_are_labelled_as_they_are_printed():
    assert [lunar_label(date(2026, 11, day)) for day in (8, 9, 23)] == ["30", "1/10", "15"]
    assert lunar_label(date(2025, 7, 25)) == "1/6N"
    assert lunar_label(date(1900, 1, 1)) == ""
    assert holiday_name(date(2026, 9, 2)) == "Quốc khánh"
    assert list(holidays_between(date(2025, 12, 31), date(2026, 1, 1))) == [date(2026, 1, 1)]
