"""What a unit allows of programmes: sessions a day, minutes a session, days of the week, earliest and latest.

Like quiet hours and the maximum volume they are only ever tightened on the way down the tree: a commune may allow less
than its province, never more. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core import allowed
from core.errors import N_, InvalidInput

WEEKDAYS = allowed.WEEKDAYS
MAX_SESSIONS = 1_000
MAX_MINUTES = 1_440.0
Hours = list[tuple[str, str]]
_N = TypeVar("_N", int, float)
_HOUR = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_MIDNIGHT = "24:00"


@dataclass(frozen=True)
class Limits:
    """None, or all seven weekdays, means: no limit. `weekdays` are numbers, Monday is 0; hours are local `HH:MM`."""

    sessions_a_day: int | None = None
    session_minutes: float | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    earliest: str | None = None
    latest: str | None = None

    @property
    def closed_hours(self) -> Hours:
        """The times of day outside `earliest` to `latest`, in the form of quiet hours."""
        return list(allowed.closed_hours(self.earliest, self.latest))

    def written(self) -> dict[str, Any]:
        """As the script API writes them; what is not limited is left out."""
        days = [WEEKDAYS[day] for day in sorted(self.weekdays)]
        wanted = {
            "sessions_a_day": self.sessions_a_day, "session_minutes": self.session_minutes,
            "weekdays": days if len(days) < len(WEEKDAYS) else None, "earliest": self.earliest, "latest": self.latest,
        }  # fmt: skip
        return {name: value for name, value in wanted.items() if value is not None}


def read(wanted: Mapping[str, Any] | None) -> Limits:
    """Read `{"sessions_a_day": 2, "session_minutes": 15, "weekdays": ["MO"], "earliest": "05:00", "latest": …}`.

    What is missing or None is not limited. Raises InvalidInput.
    """
    given = dict(wanted or {})
    sessions, minutes = given.pop("sessions_a_day", None), given.pop("session_minutes", None)
    weekdays, hours = given.pop("weekdays", None), [given.pop(name, None) for name in ("earliest", "latest")]
    good = (
        not given
        and (sessions is None or (_is_number(sessions, int) and 1 <= sessions <= MAX_SESSIONS))
        and (minutes is None or (_is_number(minutes, int | float) and 0 < minutes <= MAX_MINUTES))
        and (weekdays is None or (isinstance(weekdays, list) and all(day in WEEKDAYS for day in weekdays)))
        and all(
            hour is None or hour == _MIDNIGHT or (isinstance(hour, str) and _HOUR.fullmatch(hour)) for hour in hours
        )
        and not (hours[0] and hours[1] and hours[0] >= hours[1])
    )
    if not good:
        raise InvalidInput(
            N_("Limits are sessions a day, minutes a session, weekdays MO to SU, and earliest before latest as 05:00."),
            fields={"limits": "form"},
        )  # fmt: skip
    days = frozenset(range(7)) if weekdays is None else frozenset(WEEKDAYS.index(day) for day in weekdays)
    return Limits(sessions, float(minutes) if minutes is not None else None, days, hours[0], hours[1])


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def tightened(rows: Iterable[Mapping[str, Any] | None]) -> Limits:
    """What holds at the last of these units (root first): of each limit the strictest."""
    held = Limits()
    for row in rows:
        if row:
            own = read(row)
            held = Limits(
                _least(held.sessions_a_day, own.sessions_a_day),
                _least(held.session_minutes, own.session_minutes),
                held.weekdays & own.weekdays,
                max((hour for hour in (held.earliest, own.earliest) if hour), default=None),
                min((hour for hour in (held.latest, own.latest) if hour), default=None),
            )
    return held


def _least(one: _N | None, other: _N | None) -> _N | None:
    return min((each for each in (one, other) if each is not None), default=None)


def joined_hours(rows: Iterable[Sequence[Sequence[str]]]) -> Hours:
    """The quiet hours of all these units together, in the order of the tree, each once."""
    return list(dict.fromkeys((start, end) for row in rows for start, end in row))
