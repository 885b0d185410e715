"""A rule and its start, as wall-clock times: found from any point on without walking through what lies before.

Everything is reduced to two questions: which days (tables by year), and which times of such a day (one list, or a
few that take turns). COUNT is answered by counting whole years and days, not occurrences.
"""

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from functools import cached_property
from itertools import groupby, islice, product
from math import gcd

from scheduler.rrule_days import DayFilter, matching_days, month_starts
from scheduler.rrule_parse import Frequency, Rule

_HOURS, _MINUTES = 24, 1440
_LONGEST_PERIOD = 366
_MAX_KEPT_CYCLE = 1440


class Walk:
    """The wall-clock times of `rule` from `starts` (naive) on, which itself counts only where the rule meets it.

    Equal to `dateutil.rrule`, its choices included: defaults come from `starts`; the first week of a weekly rule with
    BYSETPOS begins at `starts`. The rule's UNTIL is not looked at here: it is an instant, and needs the zone.
    """

    def __init__(self, rule: Rule, starts: datetime) -> None:
        self.rule = rule
        self.starts = starts
        self._first_day = starts.toordinal()
        self._first_week = self._first_day - (starts.weekday() - rule.week_start) % 7
        self._filter = _day_filter(rule, starts)
        self._units = _HOURS if rule.frequency == Frequency.HOURLY else _MINUTES
        # After so many days an hourly or minutely rule comes back to the same times of day.
        self._cycle = rule.interval // gcd(rule.interval, self._units) if rule.frequency > Frequency.DAILY else 1
        self._kept_times: dict[int, tuple[time, ...]] = {}

    def between(self, earliest: datetime, latest: datetime) -> Iterator[datetime]:
        """Yield, in order and lazily, the wall-clock times with earliest <= t <= latest.

        The work is bounded by the days between the two, found or not, plus a step per year of age if there is a COUNT.
        """
        earliest = max(earliest, self.starts)
        if self.rule.count is None:
            return self._unlimited(earliest, latest)
        return islice(self._unlimited(earliest, latest), max(0, self.rule.count - self._count_before(earliest)))

    def _unlimited(self, earliest: datetime, latest: datetime) -> Iterator[datetime]:
        if self._picks_across_days:
            yield from self._picked(earliest, latest)
            return
        if self._never:
            return
        every_day = self._times(self._first_day) if self._cycle == 1 else ()
        for ordinal in self._days(earliest.toordinal(), latest.toordinal()):
            day = date.fromordinal(ordinal)
            for at in every_day or self._times(ordinal):
                wall = datetime.combine(day, at)
                if earliest <= wall <= latest:
                    yield wall

    @property
    def _picks_across_days(self) -> bool:
        return bool(self.rule.positions) and self.rule.frequency < Frequency.DAILY

    def _picked(self, earliest: datetime, latest: datetime) -> Iterator[datetime]:
        """As `_unlimited`, for BYSETPOS in weeks, months and years, whose last one is looked at as a whole."""
        times = self._daily_times
        last_day = latest.toordinal() + _LONGEST_PERIOD
        for _, days in groupby(self._days(self._period_start(earliest.toordinal()), last_day), self._period):
            ordinals = list(days)
            for place in _places(len(ordinals) * len(times), self.rule.positions):
                day, at = divmod(place, len(times))
                wall = datetime.combine(date.fromordinal(ordinals[day]), times[at])
                if wall > latest:
                    return
                if wall >= earliest:
                    yield wall

    def _period(self, ordinal: int) -> int:
        if self.rule.frequency == Frequency.WEEKLY:
            return (ordinal - self._first_week) // 7
        day = date.fromordinal(ordinal)
        return day.year if self.rule.frequency == Frequency.YEARLY else 12 * day.year + day.month

    def _period_start(self, ordinal: int) -> int:
        if self.rule.frequency == Frequency.WEEKLY:
            return max(self._first_day, ordinal - (ordinal - self._first_week) % 7)
        day = date.fromordinal(ordinal)
        first = day.replace(day=1, month=1) if self.rule.frequency == Frequency.YEARLY else day.replace(day=1)
        return first.toordinal()

    # Days

    def _days(self, first: int, last: int) -> Iterator[int]:
        """The ordinals in first <= day <= last of the days that the rule meets, in order."""
        last = min(last, date.max.toordinal())
        year, last_year = self._year_on_grid(date.fromordinal(first).year), date.fromordinal(last).year
        while year <= last_year:
            new_year = date(year, 1, 1).toordinal()
            days = self._days_of_year(year, new_year)
            for place in range(bisect_left(days, first - new_year), bisect_right(days, last - new_year)):
                yield new_year + days[place]
            year = self._year_on_grid(year + 1)

    def _year_on_grid(self, year: int) -> int:
        if self.rule.frequency != Frequency.YEARLY:
            return year
        return year + (self.starts.year - year) % self.rule.interval

    def _days_of_year(self, year: int, new_year: int) -> Sequence[int]:
        """Offsets of the days of `year` that pass the filter and lie in a period of the rule's interval."""
        days, interval = matching_days(self._filter, year), self.rule.interval
        if interval == 1 or self.rule.frequency in {Frequency.YEARLY, Frequency.HOURLY, Frequency.MINUTELY}:
            return days
        if self.rule.frequency == Frequency.MONTHLY:
            return self._days_of_months(days, year)
        if self.rule.frequency == Frequency.WEEKLY:
            shift = new_year - self._first_week
            return [day for day in days if (day + shift) // 7 % interval == 0]
        shift = new_year - self._first_day
        if isinstance(days, range):
            return range(-shift % interval, len(days), interval)
        return [day for day in days if (day + shift) % interval == 0]

    def _days_of_months(self, days: Sequence[int], year: int) -> Sequence[int]:
        interval, starts = self.rule.interval, month_starts(leap=isleap(year))
        first = (12 * (self.starts.year - year) + self.starts.month - 1) % interval
        return [
            day
            for month in range(first, 12, interval)
            for day in days[bisect_left(days, starts[month]) : bisect_left(days, starts[month + 1])]
        ]

    # Times of day

    def _times(self, ordinal: int) -> tuple[time, ...]:
        if self.rule.frequency <= Frequency.DAILY:
            return self._daily_times
        if self._cycle > _MAX_KEPT_CYCLE:
            return self._times_by_interval(ordinal)
        place = ordinal % self._cycle
        if place not in self._kept_times:
            self._kept_times[place] = self._times_by_interval(ordinal)
        return self._kept_times[place]

    @cached_property
    def _daily_times(self) -> tuple[time, ...]:
        rule, starts = self.rule, self.starts
        times = [
            time(hour, minute, second)
            for hour in rule.hours or (starts.hour,)
            for minute in rule.minutes or (starts.minute,)
            for second in rule.seconds or (starts.second,)
        ]
        if rule.positions and rule.frequency == Frequency.DAILY:
            return tuple(times[place] for place in _places(len(times), rule.positions))
        return tuple(times)

    @cached_property
    def _within_unit(self) -> list[tuple[int, int]]:
        """Minute and second of each time in a full hour, or (0, second) in a minute, after BYSETPOS."""
        rule, starts = self.rule, self.starts
        minutes = (rule.minutes or (starts.minute,)) if rule.frequency == Frequency.HOURLY else (0,)
        found = list(product(minutes, rule.seconds or (starts.second,)))
        return [found[place] for place in _places(len(found), rule.positions)] if rule.positions else found

    def _times_by_interval(self, ordinal: int) -> tuple[time, ...]:
        first = (self._first_unit - (ordinal - self._first_day) * self._units) % self.rule.interval
        found: list[time] = []
        for unit in range(first, self._units, self.rule.interval):
            if self._allows(unit):
                hour, minute = divmod(unit * (_MINUTES // self._units), 60)
                found.extend(time(hour, minute + more, second) for more, second in self._within_unit)
        return tuple(found)

    @property
    def _first_unit(self) -> int:
        return (self.starts.hour * 60 + self.starts.minute) * self._units // _MINUTES

    def _allows(self, unit: int) -> bool:
        """Whether BYHOUR and BYMINUTE let this hour or minute of the day through."""
        if self._units == _HOURS:
            return not self.rule.hours or unit in self.rule.hours
        hour, minute = divmod(unit, 60)
        return (not self.rule.hours or hour in self.rule.hours) and (
            not self.rule.minutes or minute in self.rule.minutes
        )

    @cached_property
    def _never(self) -> bool:
        """Whether no day at all can have a time: seen at once, so that nobody looks through centuries."""
        if self.rule.frequency <= Frequency.DAILY:
            return not self._daily_times
        step = gcd(self.rule.interval, self._units)
        reachable = range(self._first_unit % step, self._units, step)
        return not self._within_unit or not any(self._allows(unit) for unit in reachable)

    # COUNT

    def _count_before(self, wall: datetime) -> int:
        """How many times lie in starts <= t < wall; beyond the rule's COUNT it may say less, but no less than COUNT."""
        enough = self.rule.count or 0
        if self._picks_across_days:
            before = (found for found in self._picked(self.starts, wall) if found < wall)
            return sum(1 for _ in islice(before, enough))
        total = self._times_before(wall) - self._times_before(self.starts)
        if self._cycle == 1:
            return total + len(self._times(self._first_day)) * self._count_days(self._first_day, wall.toordinal())
        for ordinal in self._days(self._first_day, wall.toordinal() - 1):
            total += len(self._times(ordinal))
            if total >= enough:
                break
        return total

    def _times_before(self, wall: datetime) -> int:
        """How many times of the day of `wall` are earlier than it; 0 for a day that the rule does not meet."""
        ordinal = wall.toordinal()
        met = next(self._days(ordinal, ordinal), None) is not None
        return bisect_left(self._times(ordinal), wall.time()) if met else 0

    def _count_days(self, first: int, end: int) -> int:
        """How many days with first <= day < end the rule meets, year by year."""
        total, year, last_year = 0, date.fromordinal(first).year, date.fromordinal(end).year
        while (year := self._year_on_grid(year)) <= last_year:
            new_year = date(year, 1, 1).toordinal()
            days = self._days_of_year(year, new_year)
            total += bisect_left(days, end - new_year) - bisect_left(days, first - new_year)
            year += 1
        return total


def _places(length: int, positions: Sequence[int]) -> list[int]:
    """The indices that BYSETPOS names in a set of `length`, ascending; those outside of it are dropped."""
    places = {position - 1 if position > 0 else length + position for position in positions}
    return sorted(place for place in places if 0 <= place < length)


def _day_filter(rule: Rule, starts: datetime) -> DayFilter:
    """The rule's days, with what it leaves open taken from the start (RFC 5545, 3.3.10, as dateutil reads it)."""
    months, month_days, weekdays = rule.months, rule.month_days, rule.weekdays
    if not (rule.weeks or rule.year_days or month_days or weekdays or rule.nth_weekdays):
        if rule.frequency == Frequency.YEARLY:
            months = months or (starts.month,)
        if rule.frequency <= Frequency.MONTHLY:
            month_days = (starts.day,)
        elif rule.frequency == Frequency.WEEKLY:
            weekdays = (starts.weekday(),)
    return DayFilter(
        months=months,
        month_days=month_days,
        year_days=rule.year_days,
        weeks=rule.weeks,
        weekdays=weekdays,
        nth_weekdays=rule.nth_weekdays,
        nth_in_year=rule.frequency == Frequency.YEARLY and not months,
        week_start=rule.week_start if rule.weeks else 0,
    )
