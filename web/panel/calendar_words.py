"""What stands beside a date: its weekday, its day of the lunar calendar, and the holiday it is."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext

from core.errors import N_
from scheduler.calendar import holiday_name
from scheduler.lunar import lunar_date
from web.panel import labels
from web.panel.repeats import DAYS


def of_day(instant: datetime, zone: ZoneInfo) -> str:
    """Weekday, lunar date and holiday of an instant, in the language of this request: “Monday · lunar 15/10 · …”."""
    day = instant.astimezone(zone).date()
    parts = (labels.label("day", DAYS[day.weekday()]), lunar(day), holiday_name(day))
    return " · ".join(part for part in parts if part)


def lunar(day: date) -> str:
    """The lunar day and month; empty outside the years that are reckoned."""
    try:
        found = lunar_date(day)
    except ValueError:
        return ""
    if found.leap:
        return str(gettext("lunar %(day)s of the leap month", day=f"{found.day}/{found.month}"))
    return str(gettext("lunar %(day)s", day=f"{found.day}/{found.month}"))


def lunar_wish(day: str) -> str:
    """A lunar day as a slot names it, in words: the 1st, the 15th, the last of the month, or a day of the year."""
    named = {
        "1": gettext("the 1st lunar day"),
        "15": gettext("the 15th lunar day"),
        "-1": gettext("the last lunar day"),
    }
    return str(named.get(str(day)) or gettext("lunar %(day)s", day=day))


def lunar_words(day: date) -> str:
    """The lunar day as people say it: “mùng 5 tháng 10”, “rằm tháng Giêng”; empty outside the years reckoned."""
    try:
        found = lunar_date(day)
    except ValueError:
        return ""
    month = gettext(_LUNAR_MONTHS[found.month - 1])
    if found.leap:
        month = gettext("leap %(month)s", month=month)
    if found.day == 1:
        return str(gettext("1st of %(month)s", month=month))
    if found.day == _FULL_MOON:
        return str(gettext("full moon of %(month)s", month=month))
    if found.day <= _FIRST_TEN:
        return str(gettext("lunar day %(day)s of %(month)s", day=found.day, month=month))
    return str(gettext("day %(day)s of %(month)s", day=found.day, month=month))


def is_kept(day: date) -> bool:
    """Whether it is a lunar day that people keep: the first of the month, or the full moon."""
    try:
        return lunar_date(day).day in {1, _FULL_MOON}
    except ValueError:
        return False


_FULL_MOON = 15
_FIRST_TEN = 10
_LUNAR_MONTHS = (
    N_("lunar month 1"), N_("lunar month 2"), N_("lunar month 3"), N_("lunar month 4"), N_("lunar month 5"),
    N_("lunar month 6"), N_("lunar month 7"), N_("lunar month 8"), N_("lunar month 9"), N_("lunar month 10"),
    N_("lunar month 11"), N_("lunar month 12"),
)  # fmt: skip
