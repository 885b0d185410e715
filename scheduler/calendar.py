"""Which days a slot sounds on, beyond its rule: not on holidays, only on holidays, only on days of the lunar calendar.

Public holidays come from the `holidays` library, which follows each year's government decisions on days in lieu; lunar
days are our own reckoning (`scheduler.lunar`). Pure, but for the library's tables.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from core.errors import N_, InvalidInput
from scheduler.lunar import lunar_date

HOLIDAY_RULES = ("skip", "only")
MAX_LUNAR_DAYS = 60
_LAST = -1
_LUNAR = re.compile(r"(-1|[1-9]|[12]\d|30)(?:/([1-9]|1[0-2]))?")
_COUNTRY, _LANGUAGE = "VN", "vi"


@dataclass(frozen=True)
class LunarDay:
    """A day of each lunar month, or of one; −1 is the last day of the month (29 or 30)."""

    day: int
    month: int | None = None


@dataclass(frozen=True)
class Days:
    """A condition on local days. `holidays` is "", "skip" or "only"; `lunar` lists the lunar days that count."""

    holidays: str = ""
    lunar: tuple[LunarDay, ...] = ()

    def allow(self, day: date) -> bool:
        """Whether a slot with this condition may sound on the local day `day`."""
        if self.holidays and (holiday_name(day) != "") != (self.holidays == "only"):
            return False
        return not self.lunar or _is_one_of(day, self.lunar)


def read_days(wanted: Mapping[str, Any] | None) -> Days | None:
    """Understand `{"holidays": "skip" | "only", "lunar": ["1", "15", "23/12", "-1"]}`; None where nothing is asked.

    A lunar day without a month counts in every month, leap months too; with one, in the ordinary month of that number
    (a custom of the year, such as 10/3, is not kept twice). Raises InvalidInput.
    """
    if not wanted:
        return None
    holidays = wanted.get("holidays") or ""
    lunar = wanted.get("lunar") or []
    if holidays and holidays not in HOLIDAY_RULES:
        raise InvalidInput(N_("“holidays” is skip or only."), fields={"days": "holidays"})
    if not isinstance(lunar, Sequence) or isinstance(lunar, str) or len(lunar) > MAX_LUNAR_DAYS:
        raise InvalidInput(N_("Give lunar days as a list, such as 1, 15 or 23/12."), fields={"days": "lunar"})
    days = Days(holidays, tuple(_lunar_day(each) for each in lunar))
    return days if days != Days() else None


def _lunar_day(text: object) -> LunarDay:
    found = _LUNAR.fullmatch(str(text).strip()) if isinstance(text, str | int) else None
    if found is None:
        raise InvalidInput(
            N_("“%(day)s” is not a lunar day. Write 15 for every month's, 23/12 for one of the year."),
            fields={"days": "lunar"}, day=str(text)[:20],
        )  # fmt: skip
    return LunarDay(int(found[1]), int(found[2]) if found[2] else None)


def _is_one_of(day: date, wanted: Sequence[LunarDay]) -> bool:
    try:
        lunar = lunar_date(day)
    except ValueError:  # outside the years that are reckoned
        return False
    return any(
        (each.day == lunar.day or (each.day == _LAST and lunar.day == lunar.days_in_month))
        and (each.month is None or (each.month == lunar.month and not lunar.leap))
        for each in wanted
    )


def holiday_name(day: date) -> str:
    """The name, in Vietnamese, of the public holiday on `day`; empty on other days. Days in lieu count."""
    return _holidays(day.year).get(day, "")


@lru_cache(maxsize=64)
def _holidays(year: int) -> dict[date, str]:
    from holidays import country_holidays  # a quarter of a second, and only some installations need it

    return dict(country_holidays(_COUNTRY, years=year, language=_LANGUAGE))


def lunar_label(day: date) -> str:
    """A day as Vietnam's calendars print it below the date: `15`; `1/10` on the first of a month, `1/6N` of a leap one.

    Empty outside 1968 to 2199.
    """
    try:
        lunar = lunar_date(day)
    except ValueError:
        return ""
    return f"1/{lunar.month}{'N' if lunar.leap else ''}" if lunar.day == 1 else str(lunar.day)


def holidays_between(first: date, last: date) -> dict[date, str]:
    """The public holidays with first <= day <= last, by day."""
    found: dict[date, str] = {}
    for year in range(first.year, last.year + 1):
        found |= {day: name for day, name in _holidays(year).items() if first <= day <= last}
    return dict(sorted(found.items()))
