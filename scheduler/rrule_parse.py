"""RFC 5545 recurrence rules as text, and what they say once read."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from core.errors import N_, InvalidInput

_MAX_LENGTH = 2_000
_MAX_DIGITS = 9
_SHOWN = 40
_NUMBER = re.compile(rf"[+-]?[0-9]{{1,{_MAX_DIGITS}}}")
_WEEKDAY = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_WEEKDAY_NUMBERS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
_MAX_NTH = 53
_PARTS = frozenset(
    {
        *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"),
        *("BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"),
    }
)


class Frequency(IntEnum):
    """From the longest period to the shortest, so that `<` reads as "longer than"."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5


@dataclass(frozen=True)
class Rule:
    """One RRULE. An empty tuple means that the part was not given; lists are sorted and without repeats.

    `until` is aware when the text had a Z or an offset, else naive and meant in the zone of the start. `weekdays`
    counts from 0 for Monday; `nth_weekdays` are pairs (n, weekday), n negative from the end.
    """

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    nth_weekdays: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def parse_rule(text: str) -> Rule:
    """Read an RRULE of RFC 5545 section 3.3.10, with or without `RRULE:`, in capitals or not.

    Beyond the RFC's grammar, ISO dates with hyphens are understood in UNTIL, and spaces around values. Combinations the
    RFC rules out but whose sense is plain (BYMONTHDAY in a weekly rule) narrow the rule, as in dateutil. Raises
    InvalidInput that names the part at fault: a rule that is too long, unknown, doubled or malformed parts, values out
    of range, COUNT beside UNTIL, an nth weekday in a rule that is neither monthly nor yearly, FREQ=SECONDLY.
    """
    if len(text) > _MAX_LENGTH:
        raise _bad(N_("The repetition rule is longer than %(limit)s characters."), limit=_MAX_LENGTH)
    parts = _split(text)
    if "FREQ" not in parts:
        raise _bad(N_("The repetition rule must say how often, for example FREQ=DAILY."))
    weekdays, nth_weekdays = _weekdays(parts.get("BYDAY"))
    rule = Rule(
        frequency=_frequency(parts["FREQ"]),
        interval=_at_least_one(parts, "INTERVAL") or 1,
        count=_at_least_one(parts, "COUNT"),
        until=_until(parts.get("UNTIL")),
        months=_numbers(parts, "BYMONTH", 1, 12),
        month_days=_numbers(parts, "BYMONTHDAY", -31, 31),
        year_days=_numbers(parts, "BYYEARDAY", -366, 366),
        weeks=_numbers(parts, "BYWEEKNO", -53, 53),
        weekdays=weekdays,
        nth_weekdays=nth_weekdays,
        hours=_numbers(parts, "BYHOUR", 0, 23),
        minutes=_numbers(parts, "BYMINUTE", 0, 59),
        seconds=_numbers(parts, "BYSECOND", 0, 59),
        positions=_numbers(parts, "BYSETPOS", -366, 366),
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    if rule.count is not None and rule.until is not None:
        raise _bad(N_("A repetition rule ends by COUNT or by UNTIL, not by both."))
    if nth_weekdays and rule.frequency > Frequency.MONTHLY:
        raise _bad(
            N_("“BYDAY=%(value)s”: a numbered weekday such as 1MO needs FREQ=MONTHLY or FREQ=YEARLY."),
            value=parts["BYDAY"][:_SHOWN],
        )
    return rule


def _bad(message: str, **params: Any) -> InvalidInput:
    return InvalidInput(message, code="bad_rrule", **params)


def _split(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").removesuffix(";").split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in _PARTS:
            raise _bad(N_("“%(part)s” is not a part of a repetition rule."), part=part[:_SHOWN])
        if not equals or not value:
            raise _bad(N_("The part %(name)s of the repetition rule has no value."), name=name)
        if name in parts:
            raise _bad(N_("The repetition rule has the part %(name)s twice."), name=name)
        parts[name] = value
    return parts


def _frequency(value: str) -> Frequency:
    if value == "SECONDLY":
        raise _bad(N_("FREQ=SECONDLY is not offered: nothing that sounds is shorter than a second."))
    try:
        return Frequency[value]
    except KeyError:
        raise _bad(
            N_("“FREQ=%(value)s” is unknown. Use one of: %(known)s."),
            value=value[:_SHOWN],
            known=", ".join(known.name for known in reversed(Frequency)),
        ) from None


def _at_least_one(parts: dict[str, str], name: str) -> int | None:
    if name not in parts:
        return None
    value = parts[name]
    if not _NUMBER.fullmatch(value) or int(value) < 1:
        raise _bad(
            N_("“%(name)s=%(value)s”: a whole number from 1 on is needed, of at most %(digits)s digits."),
            name=name,
            value=value[:_SHOWN],
            digits=_MAX_DIGITS,
        )
    return int(value)


def _numbers(parts: dict[str, str], name: str, lowest: int, highest: int) -> tuple[int, ...]:
    """The numbers of a list; where `lowest` is negative they may count from the end, and 0 means nothing."""
    if name not in parts:
        return ()
    numbers = set()
    for item in parts[name].split(","):
        number = int(item) if _NUMBER.fullmatch(item.strip()) else None
        if number is None or not lowest <= number <= highest or (lowest < 0 and number == 0):
            raise _bad(
                N_("“%(value)s” is not possible in %(name)s, which takes %(range)s."),
                name=name,
                value=item.strip()[:_SHOWN],
                range=f"1…{highest}, -1…{lowest}" if lowest < 0 else f"{lowest}…{highest}",
            )
        numbers.add(number)
    return tuple(sorted(numbers))


def _weekdays(value: str | None) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    plain, nth = set(), set()
    for item in value.split(",") if value else ():
        found = _WEEKDAY.fullmatch(item.strip())
        number = int(found[1]) if found and found[1] else None
        if found is None or number == 0 or abs(number or 0) > _MAX_NTH:
            raise _bad(
                N_("“%(value)s” is not a weekday for BYDAY. Write MO, TU, WE, TH, FR, SA, SU, or 1MO, -1FR."),
                value=item.strip()[:_SHOWN],
            )
        if number is None:
            plain.add(_WEEKDAY_NUMBERS[found[2]])
        else:
            nth.add((number, _WEEKDAY_NUMBERS[found[2]]))
    return tuple(sorted(plain)), tuple(sorted(nth))


def _week_start(value: str) -> int:
    if value not in _WEEKDAY_NUMBERS:
        raise _bad(
            N_("“WKST=%(value)s”: the first day of the week is one of MO, TU, WE, TH, FR, SA, SU."),
            value=value[:_SHOWN],
        )
    return _WEEKDAY_NUMBERS[value]


def _until(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise _bad(
            N_("“UNTIL=%(value)s” is not a time. Write 20261231T170000, or 20261231T100000Z for UTC."),
            value=value[:_SHOWN],
        ) from None
