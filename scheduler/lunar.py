"""Vietnam's lunisolar calendar: âm lịch, reckoned for the meridian of 105° E (UTC+7).

The rules, as Hồ Ngọc Đức and the Chinese standard GB/T 33661-2017 state them: a month begins on the local day of the
new moon; the month that holds the winter solstice is the eleventh; where thirteen months lie between two of those, the
first without a major solar term (the sun passing a multiple of 30°) is a leap month and repeats the number before it.
Vietnam reckons in UTC+7 since 1968 (Decision 121/CP of 1967), China in UTC+8: hence they differ in 1985, 2007, 2030.

New moons after Jean Meeus, Astronomical Algorithms (2nd ed.), chapter 49, good to some seconds; the sun's longitude
after chapter 25, good to 0.01° (a quarter of an hour). Pure.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

VIETNAM_HOURS = 7.0
FIRST_YEAR, LAST_YEAR = 1968, 2199

_MEAN_MONTH = 29.530588861
_ORDINAL_ZERO = 1721424.5  # the Julian date at which day 0 of `date.toordinal` begins
_TERM = math.radians(30)


@dataclass(frozen=True, order=True)
class LunarDate:
    """A day of the lunar calendar; a leap month (`leap`) follows the ordinary one of its number."""

    year: int
    month: int
    leap: bool
    day: int
    days_in_month: int = 30


def lunar_date(day: date, hours: float = VIETNAM_HOURS) -> LunarDate:
    """The lunar date of a local day. `hours` is the meridian's offset from UTC (China: 8).

    Raises ValueError outside 1968 to 2199.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("the lunar calendar is reckoned from 1968 to 2199")
    ordinal = day.toordinal()
    months = _months(day.year + 1, hours)
    if ordinal < months[0].first:
        months = _months(day.year, hours)
    month = months[bisect_right([each.first for each in months], ordinal) - 1]
    return LunarDate(month.year, month.number, month.leap, ordinal - month.first + 1, month.days)


def solar_date(year: int, month: int, day: int, *, leap: bool = False, hours: float = VIETNAM_HOURS) -> date:
    """The day of a lunar date. Raises ValueError when there is no such day (day 30 of a short month, a leap month).

    `year` is the lunar year, named after the solar year in which it begins.
    """
    if FIRST_YEAR <= year < LAST_YEAR:
        for each in (*_months(year, hours), *_months(year + 1, hours)):
            if (each.year, each.number, each.leap) == (year, month, leap) and 1 <= day <= each.days:
                return date.fromordinal(each.first + day - 1)
    raise ValueError("there is no such lunar date")


def new_year(year: int, hours: float = VIETNAM_HOURS) -> date:
    """Tết: the first day of the lunar year that begins in the solar year `year`."""
    return solar_date(year, 1, 1, hours=hours)


@dataclass(frozen=True)
class _Month:
    first: int  # ordinal of its first day
    days: int
    number: int
    leap: bool
    year: int


@lru_cache(maxsize=512)
def _months(year: int, hours: float) -> tuple[_Month, ...]:
    """The months from the eleventh that ends `year - 1`'s reckoning to before the eleventh of `year`.

    That is: from the month of the solstice of December `year - 1` on; its first two belong to the lunar year before.
    """
    begin, end = _eleventh(year - 1, hours), _eleventh(year, hours)
    count = end - begin
    firsts = [_new_moon_day(begin + n, hours) for n in range(count + 1)]
    leap_at = _leap_month(firsts, hours) if count == 13 else count  # noqa: PLR2004 - one more than a year has
    found = []
    for n in range(count):
        number = (n - (n >= leap_at) + 10) % 12 + 1
        leap = n == leap_at
        before = n - (n >= leap_at) < 2  # noqa: PLR2004 - the eleventh and the twelfth
        found.append(_Month(firsts[n], firsts[n + 1] - firsts[n], number, leap, year - 1 if before else year))
    return tuple(found)


def _leap_month(firsts: list[int], hours: float) -> int:
    """Which of thirteen months, counted from 0, is the first in which the sun passes no multiple of 30°."""
    terms = [math.floor(_sun_longitude(_midnight(first, hours)) / _TERM) for first in firsts]
    return next(n for n in range(1, len(firsts) - 1) if terms[n] == terms[n + 1])


def _eleventh(year: int, hours: float) -> int:
    """Number of the new moon that begins the month with December's solstice of `year`.

    The last month that begins with the sun not yet past 270°: the solstice lies in it, on its last day at the latest.
    """
    number = math.floor((date(year, 12, 31).toordinal() - date(2000, 1, 6).toordinal()) / _MEAN_MONTH) + 1
    winter = math.radians(270)
    while _new_moon_day(number, hours) > date(year, 12, 31).toordinal():
        number -= 1
    # On the solstice's own day the sun is past 270° at the midnight that ends it, not at the one that begins it.
    while _sun_longitude(_midnight(_new_moon_day(number, hours), hours)) > winter:
        number -= 1
    return number


def _midnight(ordinal: int, hours: float) -> float:
    """The Julian date (UT) at which the local day begins."""
    return _ORDINAL_ZERO + ordinal - hours / 24


@lru_cache(maxsize=8192)
def _new_moon_day(number: int, hours: float) -> int:
    """Ordinal of the local day on which new moon `number` falls; 0 is that of 6 January 2000."""
    dynamical = _new_moon(number)
    return math.floor(dynamical - _delta_t(dynamical) / 86_400 + hours / 24 - _ORDINAL_ZERO)


# Meeus, table 49.A: coefficient in days, power of the eccentricity E, multiples of M, M', F and Ω.
_TERMS = (
    (-0.40720, 0, 0, 1, 0, 0), (0.17241, 1, 1, 0, 0, 0), (0.01608, 0, 0, 2, 0, 0), (0.01039, 0, 0, 0, 2, 0),
    (0.00739, 1, -1, 1, 0, 0), (-0.00514, 1, 1, 1, 0, 0), (0.00208, 2, 2, 0, 0, 0), (-0.00111, 0, 0, 1, -2, 0),
    (-0.00057, 0, 0, 1, 2, 0), (0.00056, 1, 1, 2, 0, 0), (-0.00042, 0, 0, 3, 0, 0), (0.00042, 1, 1, 0, 2, 0),
    (0.00038, 1, 1, 0, -2, 0), (-0.00024, 1, -1, 2, 0, 0), (-0.00017, 0, 0, 0, 0, 1), (-0.00007, 0, 2, 1, 0, 0),
    (0.00004, 0, 0, 2, -2, 0), (0.00004, 0, 3, 0, 0, 0), (0.00003, 0, 1, 1, -2, 0), (0.00003, 0, 0, 2, 2, 0),
    (-0.00003, 0, 1, 1, 2, 0), (0.00003, 0, -1, 1, 2, 0), (-0.00002, 0, -1, 1, -2, 0), (-0.00002, 0, 1, 3, 0, 0),
    (0.00002, 0, 0, 4, 0, 0),
)  # fmt: skip
# The planets' part: coefficient in days, argument in degrees at k = 0, and per lunation.
_PLANETS = (
    (0.000325, 299.77, 0.107408), (0.000165, 251.88, 0.016321), (0.000164, 251.83, 26.651886),
    (0.000126, 349.42, 36.412478), (0.000110, 84.66, 18.206239), (0.000062, 141.74, 53.303771),
    (0.000060, 207.14, 2.453732), (0.000056, 154.84, 7.306860), (0.000047, 34.52, 27.261239),
    (0.000042, 207.19, 0.121824), (0.000040, 291.34, 1.844379), (0.000037, 161.72, 24.198154),
    (0.000035, 239.56, 25.513099), (0.000023, 331.55, 3.592518),
)  # fmt: skip


def _new_moon(k: int) -> float:
    """The Julian date (dynamical time) of new moon `k`: Meeus, chapter 49."""
    t = k / 1236.85
    found = 2451550.09766 + _MEAN_MONTH * k + t * t * (0.00015437 + t * (-0.000000150 + t * 0.00000000073))
    eccentricity = 1 - t * (0.002516 + t * 0.0000074)
    angles = [
        math.radians(each)
        for each in (
            2.5534 + 29.10535670 * k - t * t * (0.0000014 + t * 0.00000011),
            201.5643 + 385.81693528 * k + t * t * (0.0107582 + t * (0.00001238 - t * 0.000000058)),
            160.7108 + 390.67050284 * k - t * t * (0.0016118 + t * (0.00000227 - t * 0.000000011)),
            124.7746 - 1.56375588 * k + t * t * (0.0020672 + t * 0.00000215),
        )
    ]
    for size, power, *multiples in _TERMS:
        argument = sum(n * angle for n, angle in zip(multiples, angles, strict=True))
        found += size * eccentricity**power * math.sin(argument)
    for n, (size, at_zero, each) in enumerate(_PLANETS):
        argument = at_zero + each * k - (0.009173 * t * t if n == 0 else 0.0)
        found += size * math.sin(math.radians(argument))
    return found


def _sun_longitude(julian: float) -> float:
    """The sun's apparent longitude in radians, 0 to 2π, at a Julian date in UT: Meeus, chapter 25."""
    t = (julian + _delta_t(julian) / 86_400 - 2451545.0) / 36_525
    mean = 280.46646 + t * (36000.76983 + t * 0.0003032)
    anomaly = math.radians(357.52911 + t * (35999.05029 - t * 0.0001537))
    centre = (
        (1.914602 - t * (0.004817 + t * 0.000014)) * math.sin(anomaly)
        + (0.019993 - t * 0.000101) * math.sin(2 * anomaly)
        + 0.000289 * math.sin(3 * anomaly)
    )
    node = math.radians(125.04 - 1934.136 * t)
    return math.radians(mean + centre - 0.00569 - 0.00478 * math.sin(node)) % (2 * math.pi)


def _delta_t(julian: float) -> float:
    """Dynamical minus universal time in seconds: about 40 in 1968, 69 in 2020, then rising slowly.

    Piecewise lines through observed values, and a parabola beyond them: a minute matters only at midnight.
    """
    year = 2000 + (julian - 2451545.0) / 365.25
    known = ((1960, 33.2), (1980, 50.5), (2000, 63.8), (2020, 69.4), (2050, 76.0))
    if year >= known[-1][0]:
        return known[-1][1] + 0.45 * (year - 2050) + 0.003 * (year - 2050) ** 2
    for (y0, v0), (y1, v1) in pairwise(known):
        if year < y1:
            return v0 + (v1 - v0) * (year - y0) / (y1 - y0)
    return known[-1][1]
