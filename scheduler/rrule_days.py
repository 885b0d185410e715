"""Which days of a year the BY… parts of a rule let through. Arithmetic on the calendar only, no times of day.

A year is known by whether it is a leap year and by the weekday of its 1 January (ISO weeks also look at its two
neighbours), so a table made once serves every like year and every slot with the same parts.
"""

from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate, pairwise

_MONTH_LENGTHS = {
    False: (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31),
    True: (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31),
}
# Week 1 holds the year's first Thursday (ISO 8601): a week's fourth day decides, whatever day it starts with.
_DECIDING_DAY = 3


@dataclass(frozen=True)
class DayFilter:
    """The parts that choose days; an empty tuple lets every day through.

    `nth_in_year`: nth weekdays are counted in the whole year, else in each month.
    """

    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    nth_weekdays: tuple[tuple[int, int], ...] = ()
    nth_in_year: bool = False
    week_start: int = 0

    @property
    def lets_all_through(self) -> bool:
        return not (
            self.months or self.month_days or self.year_days or self.weeks or self.weekdays or self.nth_weekdays
        )


@dataclass(frozen=True)
class _YearShape:
    leap: bool
    first_weekday: int
    leap_before: bool = False
    leap_after: bool = False

    @property
    def length(self) -> int:
        return 365 + self.leap


def month_starts(*, leap: bool) -> tuple[int, ...]:
    """Offsets of the first day of each month from 1 January, and as a thirteenth the length of the year."""
    return _MONTH_STARTS[leap]


_MONTH_STARTS = {leap: (0, *accumulate(lengths)) for leap, lengths in _MONTH_LENGTHS.items()}


def matching_days(days: DayFilter, year: int) -> Sequence[int]:
    """Offsets from 1 January of the days of `year` (1–9999) that pass, ascending."""
    leap = isleap(year)
    if days.lets_all_through:
        return range(365 + leap)
    first_weekday = date(year, 1, 1).weekday()
    if days.weeks:
        return _table(days, _YearShape(leap, first_weekday, isleap(year - 1), isleap(year + 1)))
    return _table(days, _YearShape(leap, first_weekday))


@lru_cache(maxsize=2048)
def _table(days: DayFilter, shape: _YearShape) -> tuple[int, ...]:
    allowed = set(_days_by_month(days, shape))
    if days.year_days:
        allowed &= {day - 1 if day > 0 else shape.length + day for day in days.year_days}
    if days.weekdays or days.nth_weekdays:
        # RFC 5545: the entries of BYDAY are a union, numbered or not.
        wanted = {(weekday - shape.first_weekday) % 7 for weekday in days.weekdays}
        nth = set(_nth_weekdays(days, shape))
        allowed = {offset for offset in allowed if offset % 7 in wanted or offset in nth}
    if days.weeks:
        allowed = {offset for offset in allowed if _in_weeks(days, shape, offset)}
    return tuple(sorted(allowed))


def _days_by_month(days: DayFilter, shape: _YearShape) -> Iterator[int]:
    for month, (first, length) in enumerate(
        zip(_MONTH_STARTS[shape.leap][:12], _MONTH_LENGTHS[shape.leap], strict=True), 1
    ):
        if days.months and month not in days.months:
            continue
        if not days.month_days:
            yield from range(first, first + length)
            continue
        for day in days.month_days:
            if abs(day) <= length:
                yield first + (day - 1 if day > 0 else length + day)


def _nth_weekdays(days: DayFilter, shape: _YearShape) -> Iterator[int]:
    starts = _MONTH_STARTS[shape.leap]
    spans = [(0, shape.length)] if days.nth_in_year else list(pairwise(starts))
    for first, end in spans:
        for nth, weekday in days.nth_weekdays:
            if nth > 0:
                offset = first + (weekday - shape.first_weekday - first) % 7 + 7 * (nth - 1)
            else:
                offset = end - 1 - (shape.first_weekday + end - 1 - weekday) % 7 + 7 * (nth + 1)
            if first <= offset < end:
                yield offset


def _in_weeks(days: DayFilter, shape: _YearShape, offset: int) -> bool:
    """Whether the day lies in one of the wanted weeks, counted from either end of the year that owns its week."""
    deciding = offset - (shape.first_weekday + offset - days.week_start) % 7 + _DECIDING_DAY
    length, first_weekday = shape.length, shape.first_weekday
    if deciding < 0:
        length = 365 + shape.leap_before
        deciding += length
        first_weekday -= length
    elif deciding >= length:
        deciding -= length
        first_weekday += length
        length = 365 + shape.leap_after
    week = deciding // 7 + 1
    first_deciding = (days.week_start + _DECIDING_DAY - first_weekday) % 7
    weeks = (length - 1 - first_deciding) // 7 + 1
    return week in days.weeks or week - weeks - 1 in days.weeks
