"""When something sounds, in one sentence: “every day 17:00, except Sunday, until 30/11/2026”.

Says everything a rule of RFC 5545, its dates and its conditions on days can hold, part by part, so that different rules
read differently. What people choose most has words of its own. Pure but for the message catalogue.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext

from core.clock import zone as known_zone
from core.errors import N_
from scheduler.recurrence import local_instant
from scheduler.rrule_parse import Frequency, Rule, parse_rule
from web.messages import catalogue

Say = Callable[..., str]
EVERY_DAY = tuple(range(7))
WORKING_DAYS = (0, 1, 2, 3, 4)
_DAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip
_EVERY = {
    Frequency.YEARLY: (N_("every year"), N_("every %(count)s years")),
    Frequency.MONTHLY: (N_("every month"), N_("every %(count)s months")),
    Frequency.WEEKLY: (N_("every week"), N_("every %(count)s weeks")),
    Frequency.DAILY: (N_("every day"), N_("every %(count)s days")),
    Frequency.HOURLY: (N_("every hour"), N_("every %(count)s hours")),
    Frequency.MINUTELY: (N_("every minute"), N_("every %(count)s minutes")),
}
_NTH = {
    1: N_("the first %(day)s of the month"), 2: N_("the second %(day)s of the month"),
    3: N_("the third %(day)s of the month"), 4: N_("the fourth %(day)s of the month"),
    5: N_("the fifth %(day)s of the month"), -1: N_("the last %(day)s of the month"),
}  # fmt: skip
_HOLIDAYS = {"skip": N_("except public holidays"), "only": N_("only on public holidays")}
_LUNAR = {"1": N_("the 1st lunar day"), "15": N_("the 15th lunar day"), "-1": N_("the last lunar day")}
_FEW = 2  # days left out of a week that are named as exceptions
_DATE = len("2026-11-23")


@dataclass(frozen=True)
class Told:
    """What the sentence is made of, read once. `windowed` is the name of the day part that gives the time."""

    starts: datetime
    rule: Rule | None
    until: date | None
    until_time: str
    exdates: tuple[str, ...]
    rdates: tuple[str, ...]
    days: Mapping[str, Any]
    windowed: str
    after_minutes: int


def when_in_words(wish: Any, locale: str | None = None, *, today: date | None = None) -> str:
    """The sentence for a slot, a wish or anything with their columns, in `locale` (None: of this request).

    When it begins is said unless `today` is given and it has begun, and nothing counts from there.
    """
    say = _say(locale)
    if getattr(wish, "soon", False):
        if getattr(wish, "approved", False):
            return say(N_("as soon as can be"))
        return say(N_("as soon as can be, once it is approved"))
    if not wish.starts:
        return ""
    told = _read(wish)
    parts = [_once(told, say)] if told.rule is None else [_every(told.rule, told, say)]
    if told.rule is not None:
        parts += _narrowed(told.rule, say)
        if today is None or told.starts.date() > today or _counts(told.rule):
            parts.append(say(N_("from %(date)s"), date=_day(told.starts.date())))
        if told.until is not None:
            last = _day(told.until) + (f" {told.until_time}" if told.until_time else "")
            parts.append(say(N_("until %(date)s"), date=last))
        parts += _ends(told.rule, say)
    parts += _conditions(told, say)
    return ", ".join(part for part in parts if part)


def days_in_words(days: Iterable[int], say: Say) -> str:
    """Days of the week, in a row: “Monday to Friday”, “Tuesday and Saturday”."""
    chosen = sorted(set(days))
    if tuple(chosen) == WORKING_DAYS:
        return say(N_("Monday to Friday")).replace("Thứ ", "thứ ")
    return _and([_weekday(day, say) for day in chosen], say)


def _say(locale: str | None) -> Say:
    if locale is None:
        return lambda message, **params: str(gettext(message, **params))
    found = catalogue(locale)
    return lambda message, **params: found.gettext(message) % params if params else found.gettext(message)


def _read(wish: Any) -> Told:
    where = known_zone(getattr(wish, "zone", None) or "UTC")
    starts = local_instant(wish.starts, where).astimezone(where)
    until, until_time = None, ""
    if wish.until:
        last = local_instant(wish.until, where).astimezone(where)
        until = last.date()
        until_time = "" if len(wish.until.strip()) <= _DATE else _time(last)
    offset = getattr(wish, "offset_s", 0) or 0
    return Told(
        starts=starts.replace(tzinfo=None), rule=parse_rule(wish.rrule) if wish.rrule else None, until=until,
        until_time=until_time, exdates=_local_dates(wish.exdates, where), rdates=_local_dates(wish.rdates, where)
        if hasattr(wish, "rdates") else (), days=dict(wish.days or {}),
        windowed=(getattr(wish, "daypart_name", "") or wish.daypart or "") if wish.daypart else "",
        after_minutes=getattr(wish, "after_minutes", 0) or offset // 60,
    )  # fmt: skip


def _local_dates(texts: Sequence[str], where: Any) -> tuple[str, ...]:
    found = []
    for text in texts or ():
        local = local_instant(text, where).astimezone(where)
        day = _day(local.date())
        found.append((local, day if len(text.strip()) <= _DATE else f"{_time(local)} {day}"))
    return tuple(word for _, word in sorted(found))


def _once(told: Told, say: Say) -> str:
    if told.rdates:  # several single days, the first of them being the start
        first = f"{_clock(told, say)} {_day(told.starts.date())}"
        return say(N_("on %(days)s"), days=_and([first, *told.rdates], say))
    day = f"{_weekday(told.starts.weekday(), say)} {_day(told.starts.date())}"
    return f"{_clock(told, say)}, {day}"


def _clock(told: Told, say: Say) -> str:
    """The time of day: of the start, or of the day part."""
    if not told.windowed:
        return _time(told.starts)
    if not told.after_minutes:
        return say(N_("in the part of the day “%(part)s”"), part=told.windowed)
    return say(
        N_("%(minutes)s minutes into the part of the day “%(part)s”"), minutes=told.after_minutes, part=told.windowed
    )


def _every(rule: Rule, told: Told, say: Say) -> str:
    """How often, on which days, at what time."""
    weekly = rule.frequency is Frequency.WEEKLY or (rule.frequency is Frequency.DAILY and bool(rule.weekdays))
    if weekly and rule.interval == 1 and not rule.month_days and not rule.positions:
        chosen = rule.weekdays or (told.starts.weekday(),)
        left_out = [day for day in EVERY_DAY if day not in chosen]
        if not left_out:
            return f"{say(_EVERY[Frequency.DAILY][0])} {_times(rule, told, say)}"
        if len(left_out) <= _FEW and tuple(chosen) != WORKING_DAYS:
            every = f"{say(_EVERY[Frequency.DAILY][0])} {_times(rule, told, say)}"
            but = say(N_("except %(days)s"), days=days_in_words(left_out, say))
            return f"{every}, {but}"
        return say(N_("%(days)s every week, %(time)s"), days=days_in_words(chosen, say), time=_times(rule, told, say))
    one, many = _EVERY[rule.frequency]
    every = say(one) if rule.interval == 1 else say(many, count=rule.interval)
    on = _on(rule, told, say)
    if rule.frequency >= Frequency.HOURLY:
        begins = say(N_("counted from %(time)s"), time=_time(told.starts))
        return ", ".join(part for part in (every, on, _hours(rule, say), begins) if part)
    return f"{every} {_times(rule, told, say)}" if not on else f"{every}, {on}, {_times(rule, told, say)}"


def _on(rule: Rule, told: Told, say: Say) -> str:
    """The days a rule picks, in words; empty for what only counts days."""
    found: list[str] = []
    if rule.month_days:
        found.append(_month_days(rule.month_days, say))
    for place, day in rule.nth_weekdays:
        of_year = rule.frequency is Frequency.YEARLY and not rule.months
        found.append(_nth(place, day, say, of_year=of_year))
    if rule.weekdays:
        found.append(say(N_("on %(days)s"), days=days_in_words(rule.weekdays, say)))
    bare = not (found or rule.year_days or rule.weeks)
    if bare and rule.frequency is Frequency.WEEKLY:
        found.append(say(N_("on %(days)s"), days=days_in_words([told.starts.weekday()], say)))
    if bare and rule.frequency is Frequency.MONTHLY:
        found.append(_month_days((told.starts.day,), say))
    if bare and rule.frequency is Frequency.YEARLY:
        found.append(_month_days((told.starts.day,), say))
        if not rule.months:
            found.append(say(N_("in month %(months)s"), months=str(told.starts.month)))
    return ", ".join(found)


def _narrowed(rule: Rule, say: Say) -> list[str]:
    """What else bounds a rule: months, weeks, days of the year, places in the period."""
    found: list[str] = []
    if rule.months:
        found.append(say(N_("in month %(months)s"), months=", ".join(map(str, rule.months))))
    if rule.weeks:
        found.append(say(N_("in the weeks of the year %(weeks)s"), weeks=", ".join(map(str, rule.weeks))))
    if rule.year_days:
        found.append(say(N_("on the days of the year %(days)s"), days=", ".join(map(str, rule.year_days))))
    if rule.positions:
        found.append(
            say(N_("only number %(places)s of these in each period"), places=", ".join(map(str, rule.positions)))
        )
    if rule.week_start and (rule.weeks or (rule.frequency is Frequency.WEEKLY and rule.interval > 1)):
        found.append(say(N_("weeks begin on %(day)s"), day=_weekday(rule.week_start, say)))
    return found


def _ends(rule: Rule, say: Say) -> list[str]:
    if rule.count is not None:
        return [say(N_("%(count)s times in all"), count=rule.count)]
    if rule.until is not None:
        until = rule.until
        mark = " UTC" if until.tzinfo is not None else ""
        midnight = until.hour == until.minute == until.second == 0
        text = _day(until.date()) + ("" if midnight and not mark else f" {_time(until)}{mark}")
        return [say(N_("the rule ends %(date)s"), date=text)]
    return []


def _conditions(told: Told, say: Say) -> list[str]:
    found = []
    lunar = [str(each) for each in told.days.get("lunar") or ()]
    if lunar:
        words = [say(_LUNAR[each]) if each in _LUNAR else say(N_("lunar %(day)s"), day=each) for each in lunar]
        found.append(say(N_("only on %(days)s"), days=_and(words, say)))
    if told.days.get("holidays"):
        found.append(say(_HOLIDAYS[told.days["holidays"]]))
    if told.exdates:
        found.append(say(N_("not on %(days)s"), days=_and(list(told.exdates), say)))
    if told.rdates and told.rule is not None:
        found.append(say(N_("also on %(days)s"), days=_and(list(told.rdates), say)))
    return found


def _counts(rule: Rule) -> bool:
    """Whether the first day makes a difference even when it is past."""
    return rule.count is not None or rule.interval > 1


def _month_days(days: Sequence[int], say: Say) -> str:
    words = []
    for day in sorted(days, key=lambda each: (each < 0, each)):
        if day == -1:
            words.append(say(N_("the last day")))
        elif day < 0:
            words.append(say(N_("day %(number)s from the end"), number=-day))
        else:
            words.append(say(N_("day %(number)s"), number=day))
    return _and(words, say)


def _nth(place: int, day: int, say: Say, *, of_year: bool) -> str:
    name = _weekday(day, say)
    if of_year:
        return say(N_("%(day)s number %(number)s of the year"), day=name, number=place)
    if place in _NTH:
        return say(_NTH[place], day=name)
    return say(N_("%(day)s number %(number)s of the month"), day=name, number=place)


def _times(rule: Rule, told: Told, say: Say) -> str:
    """The times of day of a rule of days, or the day part."""
    if told.windowed:
        return _clock(told, say)
    hours = rule.hours or (told.starts.hour,)
    minutes = rule.minutes or (told.starts.minute,)
    seconds = rule.seconds or (told.starts.second,)
    return _and([_hour(hour, minute, second) for hour in hours for minute in minutes for second in seconds], say)


def _hours(rule: Rule, say: Say) -> str:
    found = []
    if rule.hours:
        found.append(say(N_("in the hours %(hours)s"), hours=", ".join(map(str, rule.hours))))
    if rule.minutes:
        found.append(say(N_("at minute %(minutes)s"), minutes=", ".join(map(str, rule.minutes))))
    if rule.seconds:
        found.append(say(N_("at second %(seconds)s"), seconds=", ".join(map(str, rule.seconds))))
    return ", ".join(found)


def _weekday(day: int, say: Say) -> str:
    """A weekday as it stands within a sentence."""
    name = say(_DAYS[day])
    return name.replace("Thứ ", "thứ ")


def _and(words: Sequence[str], say: Say) -> str:
    if len(words) <= 1:
        return "".join(words)
    return say(N_("%(first)s and %(last)s"), first=", ".join(words[:-1]), last=words[-1])


def _time(at: datetime) -> str:
    return _hour(at.hour, at.minute, at.second)


def _hour(hour: int, minute: int, second: int) -> str:
    return f"{hour:02d}:{minute:02d}:{second:02d}" if second else f"{hour:02d}:{minute:02d}"


def _day(day: date) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year}"
