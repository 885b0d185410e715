"""When a bulletin shall sound, as the form has it: choices that people make, and the rules behind them. Pure."""

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from core.errors import N_, InvalidInput
from scheduler.air_asking import Asked, When
from scheduler.recurrence import occurrences, recurrence
from web.panel.repeats import DAYS

Typed = MultiDict[str, str]
MODES = ("soon", "usual", "time", "repeat")
EVERY = ("day", "week", "month", "nth")
NTHS = (1, 2, 3, 4, -1)
MAX_COUNT = 366
MAX_INTERVAL = 99
MAX_TIMES = 6
_CLOCK = re.compile(r"([01]?\d|2[0-3])[:hg.]([0-5]\d)?")
_LUNAR = re.compile(r"(-1|[1-9]|[12]\d|30)(?:/([1-9]|1[0-2]))?")
_LONGEST = timedelta(days=3_660)
_LAST_DAY = -1


@dataclass(frozen=True)
class Choice:
    """What was chosen. `first` is the day, or the first day of a repetition; `days` count from 0 for Monday.

    `part` is the code of a day part that gives the time in the stead of `times`; `join` a slot whose programme shall
    hold the bulletin. `every` with `interval`: so many days or weeks; `skip` are single days left out.
    """

    mode: str = "soon"
    first: date | None = None
    times: tuple[str, ...] = ()
    part: str = ""
    join: str = ""
    every: str = "day"
    interval: int = 1
    days: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    nth: int = 1
    nth_day: int = 0
    lunar: tuple[str, ...] = ()
    holidays: str = ""
    until: date | None = None
    count: int | None = None
    skip: tuple[date, ...] = ()


def rule_of(choice: Choice) -> str | None:
    """The RRULE of a repetition; None for once. Raises InvalidInput for one without days."""
    if choice.mode != "repeat":
        return None
    parts = _frequency(choice)
    if choice.interval > 1 and choice.every in {"day", "week"}:
        parts.insert(1, f"INTERVAL={choice.interval}")
    if choice.count is not None and not _conditional(choice):
        parts.append(f"COUNT={choice.count}")
    return ";".join(parts)


def _frequency(choice: Choice) -> list[str]:
    if choice.every == "week":
        if not choice.days:
            raise InvalidInput(N_("Tick at least one day of the week."), fields={"days": "empty"})
        if len(choice.days) == len(DAYS) and choice.interval == 1:
            return ["FREQ=DAILY"]
        return ["FREQ=WEEKLY", f"BYDAY={','.join(DAYS[day] for day in sorted(set(choice.days)))}"]
    if choice.every == "month":
        if not choice.month_days:
            raise InvalidInput(N_("Name at least one day of the month."), fields={"month_days": "empty"})
        return ["FREQ=MONTHLY", f"BYMONTHDAY={','.join(map(str, sorted(set(choice.month_days))))}"]
    if choice.every == "nth":
        return ["FREQ=MONTHLY", f"BYDAY={choice.nth}{DAYS[choice.nth_day]}"]
    return ["FREQ=DAILY"]


def _conditional(choice: Choice) -> bool:
    """Whether days fall out after the rule has counted them, so that a count has to be reckoned here."""
    return bool(choice.lunar or choice.holidays or choice.skip)


def times_of(choice: Choice, where: ZoneInfo, now: datetime) -> tuple[When, ...]:
    """What is put on the timetable: one for each time of day. Raises InvalidInput beside the field at fault."""
    if choice.mode not in {"time", "repeat", "usual"} or choice.join:
        return ()
    today = now.astimezone(where).date()
    clocks = choice.times or (("00:00",) if choice.part else ())
    if not clocks:
        raise InvalidInput(N_("Say at what time."), fields={"times": "empty"})
    if len(clocks) > MAX_TIMES:
        raise InvalidInput(
            N_("At most %(limit)s times can be given at once."), fields={"times": "count"}, limit=MAX_TIMES
        )
    return tuple(_when(choice, clock, where, now, today) for clock in clocks)


def _when(choice: Choice, clock: str, where: ZoneInfo, now: datetime, today: date) -> When:
    first = choice.first or today
    if choice.first is None and choice.mode == "time":
        # Somebody who says “17:00” at six in the evening means tomorrow.
        passed = datetime.combine(today, datetime.strptime(clock, "%H:%M").time(), where) <= now  # noqa: DTZ007
        first = today + timedelta(days=1) if passed and not choice.part else today
    days: dict[str, object] = {}
    if choice.mode == "repeat":
        if choice.holidays:
            days["holidays"] = choice.holidays
        if choice.lunar:
            days["lunar"] = list(choice.lunar)
    found = When(
        f"{first.isoformat()}T{clock}",
        rule_of(choice),
        choice.until.isoformat() if choice.until and choice.mode == "repeat" else None,
        tuple(day.isoformat() for day in choice.skip) if choice.mode == "repeat" else (),
        days or None,
        choice.part or None,
    )
    if choice.mode == "repeat" and choice.until and choice.until < first:
        raise InvalidInput(N_("The last day lies before the first."), fields={"until": "past"})
    if choice.mode == "repeat" and choice.count is not None and _conditional(choice):
        return replace(found, until=_counted(found, where, choice.count))
    return found


def _counted(when: When, where: ZoneInfo, count: int) -> str | None:
    """The day of the last of `count` airings, where days fall out in between."""
    rule = recurrence(when.starts, where.key, when.rrule, exdates=when.exdates, until=when.until, days=when.days)
    first = datetime.fromisoformat(when.starts).replace(tzinfo=where)
    found = list(islice(occurrences(rule, first, first + _LONGEST), count))
    return found[-1].astimezone(where).date().isoformat() if len(found) == count else when.until


def asked(choice: Choice, audience: Sequence[str], where: ZoneInfo, now: datetime, lift: str = "") -> Asked:
    """The whole request."""
    return Asked(
        tuple(audience), times_of(choice, where, now), soon=choice.mode == "soon",
        join=choice.join or None if choice.mode == "usual" else None, lift=lift,
    )  # fmt: skip


# Between the form and the choice


def of_form(typed: Typed) -> Choice:
    """What the form says. Raises InvalidInput beside the field at fault."""
    mode = typed.get("when", "soon")
    mode = mode if mode in MODES else "soon"
    join, part = "", typed.get("part", "") if mode == "repeat" else ""
    if mode == "usual":
        kind, _, which = typed.get("usual", "").partition(":")
        if not which:
            raise InvalidInput(N_("Choose a part of the day or a programme."), fields={"usual": "empty"})
        which, _, day = which.partition("@")
        join, part = (which, "") if kind == "slot" else ("", which)
        typed = MultiDict(typed)
        typed["usual-date"] = day
    found = Choice(
        mode=mode, first=_first(mode, typed), part=part, join=join,
        times=() if part or join else clocks(typed.get("times-repeat" if mode == "repeat" else "times", "")),
    )  # fmt: skip
    return _repeated(found, typed) if mode == "repeat" else found


def _first(mode: str, typed: Typed) -> date | None:
    return _date({"repeat": "from", "usual": "usual-date"}.get(mode, "date"), typed) if mode != "soon" else None


def _repeated(found: Choice, typed: Typed) -> Choice:
    """The parts of the form that belong to a repetition; of the ways to choose days, only the chosen one."""
    every = typed.get("every", "day")
    skip = [_as_date(text, "skip") for text in _listed(typed.get("skip", ""))]
    return replace(
        found,
        every=every if every in EVERY else "day",
        interval=_number("interval", typed, MAX_INTERVAL) or 1 if every in {"day", "week"} else 1,
        days=tuple(DAYS.index(day) for day in DAYS if day in typed.getlist("days")) if every == "week" else (),
        month_days=_month_days(typed.get("month_days", "")) if every == "month" else (),
        nth=_one_of(typed.get("nth", "1"), NTHS),
        nth_day=DAYS.index(typed["nth_day"]) if typed.get("nth_day") in DAYS else 0,
        lunar=_lunar(typed),
        holidays=typed.get("holidays", "") if typed.get("holidays") in {"skip", "only"} else "",
        until=_date("until", typed),
        count=_number("count", typed, MAX_COUNT),
        skip=tuple(day for day in skip if day is not None),
    )


def to_form(choice: Choice) -> Typed:
    """The fields of the form that say this."""
    suffix = "-repeat" if choice.mode == "repeat" else ""
    form: Typed = MultiDict(
        {
            "when": choice.mode, f"times{suffix}": ", ".join(choice.times), "every": choice.every,
            "date" if choice.mode == "time" else "from": choice.first.isoformat() if choice.first else "",
            "interval": str(choice.interval), "month_days": ", ".join(map(_month_day, choice.month_days)),
            "nth": str(choice.nth), "nth_day": DAYS[choice.nth_day], "holidays": choice.holidays,
            "until": choice.until.isoformat() if choice.until else "", "count": str(choice.count or ""),
            "skip": ", ".join(f"{day:%d/%m/%Y}" for day in choice.skip),
            "lunar-other": ", ".join(each for each in choice.lunar if each not in {"1", "15"}),
            "part": choice.part if choice.mode == "repeat" else "",
        }
    )  # fmt: skip
    if choice.mode == "usual":
        day = f"@{choice.first.isoformat()}" if choice.first else ""
        form["usual"] = f"slot:{choice.join}" if choice.join else f"part:{choice.part}{day}"
    form.setlist("days", [DAYS[day] for day in choice.days])
    form.setlist("lunar", [each for each in choice.lunar if each in {"1", "15"}])
    return form


FIELDS = (
    "when", "times", "times-repeat", "every", "date", "from", "interval", "month_days", "nth", "nth_day", "holidays",
    "until", "count", "skip", "lunar-other", "part", "usual", "days", "lunar",
)  # fmt: skip


def put(typed: Typed, choice: Choice) -> None:
    """Write a choice over what the form says about when; the rest of the form stays."""
    fresh = to_form(choice)
    for name in FIELDS:
        typed.setlist(name, fresh.getlist(name))
    for name in [each for each in FIELDS if not fresh.getlist(each)]:
        typed.poplist(name)


def clocks(text: str) -> tuple[str, ...]:
    """Times of day such as `5:00, 17h30`, each once, as HH:MM. Raises InvalidInput."""
    found = []
    for each in _listed(text):
        match = _CLOCK.fullmatch(each.lower())
        if match is None:
            raise InvalidInput(
                N_("“%(text)s” is not a time of day. Write it like 17:00."), fields={"times": "form"}, text=each[:20]
            )
        found.append(f"{int(match[1]):02d}:{match[2] or '00'}")
    return tuple(dict.fromkeys(found))


def _listed(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"[,;]| và | and ", text) if each.strip()][:100]


def _date(name: str, typed: Mapping[str, str]) -> date | None:
    return _as_date(typed.get(name, ""), name)


def _as_date(text: str, field: str) -> date | None:
    """A day as 2026-11-30 or 30/11/2026; None for nothing."""
    text = text.strip()
    if not text:
        return None
    try:
        if "/" in text:
            day, month, year = (int(part) for part in text.split("/"))
            return date(year, month, day)
        return date.fromisoformat(text[:10])
    except ValueError:
        raise InvalidInput(
            N_("“%(text)s” is not a day. Write it like 30/11/2026."), fields={field: "form"}, text=text[:20]
        ) from None


def _number(name: str, typed: Mapping[str, str], most: int) -> int | None:
    text = typed.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:6]) <= most:
        raise InvalidInput(N_("Give a whole number from 1 to %(most)s."), fields={name: "range"}, most=most)
    return int(text)


def _one_of(text: str, known: Sequence[int]) -> int:
    return next((each for each in known if str(each) == text), known[0])


def _month_days(text: str) -> tuple[int, ...]:
    found = []
    for each in _listed(text):
        number = _LAST_DAY if each.lower() in {"last", "cuối", "cuoi", "-1"} else int(each) if each.isdecimal() else 0
        if number != _LAST_DAY and not 1 <= number <= calendar.monthrange(2024, 1)[1]:
            raise InvalidInput(
                N_("“%(text)s” is not a day of the month. Write 1, 15, or -1 for the last."),
                fields={"month_days": "form"}, text=each[:20],
            )  # fmt: skip
        found.append(number)
    return tuple(dict.fromkeys(found))


def _month_day(day: int) -> str:
    return str(day)


def _lunar(typed: Typed) -> tuple[str, ...]:
    found = [*(each for each in ("1", "15") if each in typed.getlist("lunar")), *_listed(typed.get("lunar-other", ""))]
    for each in found:
        if not _LUNAR.fullmatch(each):
            raise InvalidInput(
                N_("“%(day)s” is not a lunar day. Write 15 for every month's, 23/12 for one of the year."),
                fields={"lunar": "form"}, day=each[:20],
            )  # fmt: skip
    return tuple(dict.fromkeys(found))
