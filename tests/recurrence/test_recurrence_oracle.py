"""dateutil's rrule is the oracle, wherever it follows the standard."""

from datetime import UTC, datetime, timedelta

from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.recurrence import first_occurrence, occurrences, recurrence

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
EARLIEST, LATEST = datetime.fromisoformat("2015-01-01"), datetime.fromisoformat("2023-12-31")
STARTS = st.datetimes(EARLIEST, LATEST).map(lambda moment: moment.replace(microsecond=0))


def numbers(low: int, high: int, most: int = 4):
    values = st.integers(low, high).map(lambda number: number or high) if low < 0 else st.integers(low, high)
    return st.lists(values, min_size=1, max_size=most).map(lambda found: ",".join(map(str, found)))


def weekdays(frequency: str):
    plain = st.lists(st.sampled_from(DAYS), min_size=1, max_size=5)
    if frequency not in {"MONTHLY", "YEARLY"}:
        return plain.map(",".join)
    highest = 5 if frequency == "MONTHLY" else 53
    nth = st.tuples(st.integers(-highest, highest).map(lambda number: number or 1), st.sampled_from(DAYS))
    numbered = st.lists(nth.map(lambda pair: f"{pair[0]:+d}{pair[1]}"), min_size=1, max_size=4)
    # dateutil takes "MO,1TU" as both at once, which no day can meet; the standard means either. So not mixed here.
    return st.one_of(plain, numbered).map(",".join)


@st.composite
def rules(draw) -> str:
    frequency = draw(st.sampled_from(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")))
    parts = {"FREQ": frequency}
    chosen = draw(st.sets(st.sampled_from(tuple(optional(frequency))), max_size=5))
    for name in sorted(chosen):
        parts[name] = draw(optional(frequency, in_months="BYMONTH" in chosen)[name])
    ending = draw(st.sampled_from(("", "", "COUNT", "UNTIL")))
    if ending == "COUNT":
        parts["COUNT"] = str(draw(st.integers(1, 3_000)))
    elif ending == "UNTIL":
        parts["UNTIL"] = draw(STARTS).strftime("%Y%m%dT%H%M%S")
    return ";".join(f"{name}={value}" for name, value in parts.items())


def optional(frequency: str, *, in_months: bool = False):
    return {
        "INTERVAL": st.one_of(st.integers(2, 20), st.integers(2, 3_000)).map(str),
        "BYMONTH": numbers(1, 12),
        "BYMONTHDAY": numbers(-31, 31),
        "BYYEARDAY": numbers(-366, 366, 12),
        "BYWEEKNO": numbers(-51, 51, 8),
        # An eighth Monday of a December breaks dateutil.
        "BYDAY": weekdays("MONTHLY" if in_months and frequency == "YEARLY" else frequency),
        "BYHOUR": numbers(0, 23),
        "BYMINUTE": numbers(0, 59),
        "BYSECOND": numbers(0, 59, 2),
        # In an hour or a minute with fewer times than that dateutil looks at each one until the year 9999.
        "BYSETPOS": numbers(-1, 1) if frequency in {"HOURLY", "MINUTELY"} else numbers(-6, 6),
        "WKST": st.sampled_from(DAYS),
    }


def by_dateutil(rule: str, starts: datetime, start: datetime, end: datetime) -> list[datetime]:
    try:
        found = []
        for moment in rrulestr(rule, dtstart=starts):
            if moment >= end:
                break
            if moment >= start:
                found.append(moment)
    except ValueError as error:
        # That is how dateutil says "never" for an hourly or minutely rule.
        if "empty" not in str(error):
            raise
        return []
    return found


def by_us(rule: str, starts: datetime, start: datetime, end: datetime) -> list[datetime]:
    repeating = recurrence(starts.isoformat(), "UTC", rule)
    window = (start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
    return [instant.replace(tzinfo=None) for instant in occurrences(repeating, *window)]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule=rules(), starts=STARTS, age=st.floats(-0.1, 1), length=st.floats(0.001, 1))
def test_a_rule_gives_what_dateutil_gives_in_any_window(dateutil_ends, rule, starts, age, length):
    longest = timedelta(days=3 if "MINUTELY" in rule else 90 if "HOURLY" in rule else 1_100)
    start = starts + age * longest
    end = start + length * longest
    assert by_us(rule, starts, start, end) == by_dateutil(rule, starts, start, end)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule=rules(), starts=STARTS)
def test_the_first_occurrence_is_the_first_that_dateutil_finds(dateutil_ends, rule, starts):
    try:
        expected = next(iter(rrulestr(rule, dtstart=starts)), None)
    except ValueError:
        expected = None
    found = first_occurrence(recurrence(starts.isoformat(), "UTC", rule))
    if expected is None:
        assert found is None or found.year >= dateutil_ends
    else:
        assert found == expected.replace(tzinfo=UTC)
