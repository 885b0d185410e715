from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InvalidInput
from scheduler import rrule_walk
from scheduler.recurrence import first_occurrence, occurrences, recurrence
from scheduler.rrule_parse import Frequency, parse_rule

HANOI = "Asia/Ho_Chi_Minh"


def days(rrule: str, starts: str = "2026-01-01T05:00", years: int = 1) -> list[str]:
    rule = recurrence(starts, "UTC", rrule)
    begin = rule.starts.replace(tzinfo=UTC)
    return [found.date().isoformat() for found in occurrences(rule, begin, begin + timedelta(days=366 * years))]


def test_a_rule_is_read_with_its_prefix_in_small_letters_and_with_spaces():
    rule = parse_rule(" rrule:freq=monthly; byday=-1fr , MO;wkst=su; ")
    assert rule.frequency is Frequency.MONTHLY
    assert (rule.weekdays, rule.nth_weekdays, rule.week_start) == ((0,), ((-1, 4),), 6)


@pytest.mark.parametrize(("text", "at_fault"), [
    ("", "not a part"),
    ("BYDAY=MO", "FREQ=DAILY"),
    ("FREQ=SECONDLY", "SECONDLY"),
    ("FREQ=FORTNIGHTLY", "FORTNIGHTLY"),
    ("FREQ=DAILY;FREQ=DAILY", "FREQ twice"),
    ("FREQ=DAILY;COLOUR=RED", "COLOUR=RED"),
    ("FREQ=DAILY;COUNT", "COUNT"),
    ("FREQ=DAILY;COUNT=0", "COUNT=0"),
    ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1"),
    ("FREQ=DAILY;INTERVAL=12345678901", "INTERVAL=12345678901"),
    ("FREQ=DAILY;INTERVAL=٣", "INTERVAL"),
    ("FREQ=DAILY;BYHOUR=24", "24"),
    ("FREQ=DAILY;BYSECOND=60", "60"),
    ("FREQ=DAILY;BYHOUR=5,,6", "BYHOUR"),
    ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
    ("FREQ=MONTHLY;BYMONTHDAY=32", "32"),
    ("FREQ=YEARLY;BYYEARDAY=367", "367"),
    ("FREQ=YEARLY;BYWEEKNO=-54", "-54"),
    ("FREQ=MONTHLY;BYDAY=0MO", "0MO"),
    ("FREQ=MONTHLY;BYDAY=54MO", "54MO"),
    ("FREQ=WEEKLY;BYDAY=1MO", "1MO"),
    ("FREQ=WEEKLY;BYDAY=THỨ HAI", "THỨ HAI"),
    ("FREQ=WEEKLY;WKST=XX", "XX"),
    ("FREQ=DAILY;UNTIL=tomorrow", "TOMORROW"),
    ("FREQ=DAILY;UNTIL=20261301", "20261301"),
    ("FREQ=DAILY;COUNT=3;UNTIL=20271231T000000Z", "COUNT"),
    ("FREQ=DAILY;BYSECOND=" + "1," * 1_500 + "1", "2000 characters"),
])  # fmt: skip
def test_a_bad_rule_is_refused_with_the_part_at_fault(text, at_fault):
    with pytest.raises(InvalidInput) as refused:
        parse_rule(text)
    assert at_fault in str(refused.value)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(("starts", "zone", "more"), [
    ("tomorrow", HANOI, {}),
    ("2026-02-30T05:00", HANOI, {}),
    ("9999-12-31T23:00", HANOI, {}),
    ("0001-01-01T00:00Z", "America/New_York", {}),
    ("2026-11-23T05:00", "Asia/Saigon City", {}),
    ("2026-11-23T05:00", HANOI, {"exdates": ["x"]}),
    ("2026-11-23T05:00", HANOI, {"rdates": ["2026-11-23T25:00"]}),
    ("2026-11-23T05:00", HANOI, {"until": "never"}),
    ("2026-11-23T05:00", HANOI, {"exdates": ["2026-11-23"] * 1_001}),
])  # fmt: skip
def test_bad_times_zones_and_lists_are_refused(starts, zone, more):
    with pytest.raises(InvalidInput):
        recurrence(starts, zone, "FREQ=DAILY", **more)


def test_numbered_and_plain_weekdays_together_mean_either():
    assert days("FREQ=MONTHLY;BYDAY=1MO,TU;BYMONTH=2") == [
        "2026-02-02",
        "2026-02-03",
        "2026-02-10",
        "2026-02-17",
        "2026-02-24",
    ]


def test_the_start_is_an_occurrence_only_if_the_rule_meets_it():
    assert days("FREQ=WEEKLY;BYDAY=MO;COUNT=2") == ["2026-01-05", "2026-01-12"]


def test_month_ends_are_left_out_where_there_are_none_and_counted_from_the_end():
    assert days("FREQ=MONTHLY;COUNT=4", "2026-01-31T05:00") == ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]
    assert days("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3") == ["2026-01-31", "2026-02-28", "2026-03-31"]


@pytest.mark.parametrize("week_start", ["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
def test_week_numbers_follow_the_definition_whatever_day_a_week_starts_with(week_start):
    """28 years hold every shape of a year; for weeks from Monday Python's ISO calendar says the same."""
    first = ("MO", "TU", "WE", "TH", "FR", "SA", "SU").index(week_start)
    begin, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    numbered = []
    for day in (begin + timedelta(days=number) for number in range((end - begin).days)):
        deciding = day - timedelta(days=(day.weekday() - first) % 7) + timedelta(days=3)
        week = (deciding.timetuple().tm_yday - 1) // 7 + 1
        still_to_come = (deciding.replace(month=12, day=31) - deciding).days // 7
        assert first != 0 or week == day.isocalendar().week
        numbered.append((day, week, -still_to_come - 1))
    for weeks in ((53,), (1,), (52, 53), (-1,), (-53,), (-52,), (1, -1), (20,)):
        rule = f"FREQ=YEARLY;BYWEEKNO={','.join(map(str, weeks))};WKST={week_start}"
        expected = [day for day, number, from_end in numbered if number in weeks or from_end in weeks]
        assert list(occurrences(recurrence("2000-01-01T00:00", "UTC", rule), begin, end)) == expected


@pytest.mark.parametrize("rrule", [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MINUTELY;INTERVAL=7;BYDAY=MO;BYHOUR=5;BYMINUTE=1",
    "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=5",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=6",
    "FREQ=DAILY;INTERVAL=7;BYDAY=SU",
    "FREQ=DAILY;BYSETPOS=2",
    "FREQ=MINUTELY;BYSETPOS=2",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=40",
    "FREQ=MONTHLY;BYDAY=6MO",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
    "FREQ=DAILY;UNTIL=20200101T000000Z",
])  # fmt: skip
def test_a_rule_that_never_occurs_is_known_after_a_bounded_search(rrule, monkeypatch):
    looked_at = []
    days_of_year = rrule_walk.Walk._days_of_year

    def counting(self, year, new_year):
        looked_at.append(year)
        return days_of_year(self, year, new_year)

    monkeypatch.setattr(rrule_walk.Walk, "_days_of_year", counting)
    assert first_occurrence(recurrence("2026-01-05T05:00", HANOI, rrule)) is None
    assert len(looked_at) <= 403


def test_dates_that_are_all_taken_out_leave_nothing():
    rule = recurrence("2026-01-05T05:00", HANOI, "FREQ=DAILY;COUNT=2", exdates=["2026-01-05", "2026-01-06T05:00"])
    assert first_occurrence(rule) is None


def test_a_rare_day_is_found():
    found = first_occurrence(recurrence("2026-01-05T05:00", "UTC", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"))
    assert found == datetime(2044, 2, 29, 5, tzinfo=UTC)


@pytest.mark.parametrize("rrule", [
    "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TH", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=HOURLY;INTERVAL=5",
    "FREQ=DAILY;INTERVAL=3;UNTIL=20300101T000000Z",
])  # fmt: skip
def test_no_day_before_the_window_is_looked_at_however_old_the_rule(rrule, monkeypatch):
    ordinals = []
    days_of_rule = rrule_walk.Walk._days

    def recording(self, first, last):
        for ordinal in days_of_rule(self, first, last):
            ordinals.append(ordinal)
            yield ordinal

    monkeypatch.setattr(rrule_walk.Walk, "_days", recording)
    start = datetime(2026, 11, 16, tzinfo=UTC)
    assert list(occurrences(recurrence("1990-01-01T05:00", "UTC", rrule), start, start + timedelta(days=30)))
    assert min(ordinals) >= start.replace(day=1).toordinal()


def test_a_count_of_plain_parts_is_taken_by_years_not_by_days(monkeypatch):
    ordinals = []
    days_of_rule = rrule_walk.Walk._days

    def recording(self, first, last):
        for ordinal in days_of_rule(self, first, last):
            ordinals.append(ordinal)
            yield ordinal

    monkeypatch.setattr(rrule_walk.Walk, "_days", recording)
    rule = recurrence("1990-01-01T05:00", "UTC", "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=5000")
    start = datetime(2021, 10, 1, tzinfo=UTC)
    found = list(occurrences(rule, start, start + timedelta(days=365)))
    # Three a week from a Monday on: the 5,000th is the second of the week after 1,666 whole ones.
    assert found[-1] == datetime(1990, 1, 1, 5, tzinfo=UTC) + timedelta(weeks=1_666, days=2)
    assert len(ordinals) < 40
