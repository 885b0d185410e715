# ruff: noqa: ARG001 - every act takes the state and what was found
"""What phrases about times do to what was understood so far. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from web.panel.air_choices import Choice
from web.panel.when_vocabulary import MONTHS, NTH, NUMBERS, WEEKDAYS

WEEK = 7
_NOON = 12
_SHORT_YEAR = 100
_CENTURY = 2_000
_LATE_HOUR = 11  # "9 giờ tối" is 21:00
_LUNAR_DEFAULT = ("1", "15")


@dataclass
class State:
    """What the words have said so far. `mode` tells what the next day or date is: said, left out, an end, a start."""

    today: date
    choice: Choice = field(default_factory=lambda: Choice(mode="time"))
    mode: str = ""
    repeats: bool = False
    soon: bool = False
    some: bool = False
    out: set[int] = field(default_factory=set)
    half: str = ""
    count_next: bool = False

    def put(self, **changes: object) -> None:
        self.choice, self.some = replace(self.choice, **changes), True  # type: ignore[arg-type]


def worth(text: str) -> int:
    return int(text) if text.isdecimal() else NUMBERS[text]


def soon(state: State, found: re.Match[str]) -> None:
    state.soon = True


def clock(state: State, found: re.Match[str]) -> bool | None:
    hour, minute = int(found["hour"]), found["minute"] or found["after"]
    if found["half"]:
        minute = "30"
    if hour > 23 or (minute and int(minute) > 59):  # noqa: PLR2004 - a clock
        return False
    if found["before"]:  # 5 giờ kém 15
        hour, minute = (hour - 1) % 24, str(60 - int(found["before"]))
    half = found["part"] or found["ampm"] or state.half
    hour = _of_half(hour, half.replace(".", "")) if half else hour
    clock = f"{hour:02d}:{int(minute or 0):02d}"
    if clock not in state.choice.times:
        state.put(times=(*state.choice.times, clock))
    state.half = ""
    state.mode = ""
    return None


def _of_half(hour: int, half: str) -> int:
    if half in {"chieu", "toi", "dem", "pm", "afternoon", "evening", "night"} and 1 <= hour <= _LATE_HOUR:
        return hour + _NOON
    if half == "trua" and hour <= 2:  # noqa: PLR2004 - one or two in the afternoon
        return hour + _NOON
    return 0 if half in {"am", "sang", "dem"} and hour == _NOON else hour


def half(state: State, found: re.Match[str]) -> bool | None:
    if state.choice.times:
        return False
    state.half = found[1]
    return None


def every_n(state: State, found: re.Match[str]) -> None:
    number, unit = worth(found["n"]), found["unit"]
    state.repeats = True
    if unit in {"tuan", "week", "weeks"}:
        state.put(every="week", interval=number)
    else:
        state.put(every="day", interval=number)


def every(state: State, found: re.Match[str]) -> None:
    state.repeats, state.some = True, True
    unit = found["unit"]
    if unit in {"tuan", "week", "weekly"}:
        state.put(every="week")
    elif unit in {"thang", "month", "monthly"} and state.choice.every != "nth":
        state.put(every="month")
    state.mode = ""


def working(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    _days(state, (0, 1, 2, 3, 4))


def weekend(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    _days(state, (5, 6))


def _days(state: State, days: Sequence[int]) -> None:
    if state.mode == "except":
        state.out |= set(days)
        state.repeats, state.some = True, True
        return
    state.put(every="week", days=tuple(sorted({*state.choice.days, *days})))


def span(state: State, found: re.Match[str]) -> None:
    first, last = WEEKDAYS[found["first"]], WEEKDAYS[found["last"]]
    state.repeats = True
    _days(state, [day % WEEK for day in range(first, last + 1 if last >= first else last + WEEK + 1)])


def numbered_range(state: State, found: re.Match[str]) -> bool | None:
    """thứ 2-6."""
    first, last = int(found["a"]), int(found["b"])
    if last <= first:
        return False
    state.repeats = True
    _days(state, range(first - 2, last - 1))
    return None


def day(state: State, found: re.Match[str]) -> None:
    _days(state, [WEEKDAYS[found["day"]]])
    if found["plural"] or found["each"]:
        state.repeats = True


def list_of_days(state: State, found: re.Match[str]) -> None:
    """thứ 2, 4, 6."""
    numbers = [int(each) for each in re.findall(r"\d", found[0])]
    state.repeats = True
    _days(state, [number - 2 for number in numbers if number in range(2, WEEK + 1)])


def nth(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(every="nth", nth=NTH[found["nth"]], nth_day=WEEKDAYS[found["day"]])


def month_day(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    days = [int(each) for each in re.findall(r"\d+", found["days"]) if 1 <= int(each) <= 31]  # noqa: PLR2004
    state.put(every="month", month_days=tuple(dict.fromkeys([*state.choice.month_days, *days])))


def last_day(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(every="month", month_days=(*state.choice.month_days, -1))


def lunar(state: State, found: re.Match[str]) -> bool | None:
    day = worth(found["n"])
    if not 1 <= day <= 30:  # noqa: PLR2004 - days of a lunar month
        return False
    state.repeats = True
    name = str(day) + (f"/{found['month']}" if found["month"] else "")
    state.put(lunar=tuple(dict.fromkeys([*state.choice.lunar, name])))
    return None


def full_moon(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(lunar=tuple(dict.fromkeys([*state.choice.lunar, "15"])))


def lunar_days(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(lunar=_LUNAR_DEFAULT)


def holidays(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(holidays="skip" if state.mode == "except" else "only")


def count(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(count=worth(found["n"]))


def for_days(state: State, found: re.Match[str]) -> None:
    """Trong 5 ngày, for two weeks: so many days in a row from the first on."""
    state.repeats, state.count_next = True, True
    days = worth(found["n"]) * (WEEK if found["unit"] in {"tuan", "week", "weeks"} else 1)
    state.put(count=days)


def mode(name: str) -> Callable[[State, re.Match[str]], None]:
    def act(state: State, found: re.Match[str]) -> None:
        state.mode = name

    return act


def day_named(state: State, found: re.Match[str]) -> bool | None:
    groups = found.groupdict()
    if groups.get("name"):
        month = next(at for at, each in enumerate(MONTHS, 1) if each.startswith(groups["name"][:3]))
    else:
        month = int(groups["month"])
    year = int(groups["year"]) if groups.get("year") else None
    if year is not None and year < _SHORT_YEAR:
        year += _CENTURY
    try:
        day = date(year or state.today.year, month, int(groups["day"]))
        if year is None and day < state.today:
            day = day.replace(year=day.year + 1)
    except ValueError:
        return False
    dated(state, day)
    return None


def dated(state: State, day: date) -> None:
    if state.mode == "until":
        state.repeats = True
        state.put(until=day)
        state.mode = ""
    elif state.mode == "except":
        state.put(skip=(*state.choice.skip, day))
    else:
        state.repeats = state.repeats or state.mode == "from"
        state.put(first=day)
        state.mode = ""


def away(days: int) -> Callable[[State, re.Match[str]], None]:
    return lambda state, _: dated(state, state.today + timedelta(days=days))


def end_of(state: State, found: re.Match[str]) -> None:
    """hết tháng 12, hết năm, hết tuần này."""
    today, month = state.today, found["month"]
    if named := found.groupdict().get("name"):
        month = str(next(at for at, each in enumerate(MONTHS, 1) if each.startswith(named[:3])))
    if found["unit"] in {"tuan", "week"}:
        day = today + timedelta(days=6 - today.weekday())
    elif found["unit"] in {"nam", "year"}:
        day = date(today.year, 12, 31)
    else:
        number = int(month) if month and 1 <= int(month) <= 12 else today.month  # noqa: PLR2004
        year = today.year + (1 if number < today.month else 0)
        day = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
    state.mode = "until"
    dated(state, day)


def next_week_day(state: State, found: re.Match[str]) -> None:
    """thứ bảy này, thứ hai tuần sau, next Monday: a single day."""
    wanted = WEEKDAYS[found["day"]]
    monday = state.today - timedelta(days=state.today.weekday())
    this = monday + timedelta(days=wanted)
    which = found["which"]
    if which == "tuan sau" or this < state.today or (which == "next" and this == state.today):
        this += timedelta(days=WEEK)
    dated(state, this)


def every_second(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(every="day", interval=2)


def every_other(state: State, found: re.Match[str]) -> None:
    state.repeats = True
    state.put(every="week" if found["unit"] == "week" else "day", interval=2)
