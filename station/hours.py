"""The hours at which the station is silent: the shared rule, with what a loudspeaker does when it can't read them."""

from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from core.allowed import EVERY_DAY, WEEKDAYS, Allowed, Hours, Limit, closed_hours
from core.clock import zone
from core.errors import InvalidInput
from core.wire import StationSettings, UnitLimits

_VIETNAM = timezone(timedelta(hours=7))  # no summer time since 1975: right even where the zone data is missing


def allowed(settings: StationSettings) -> Allowed:
    """What the station's unit allows, from the settings of its plan; with those of an older server, hours only."""
    return _allowed(settings.zone, tuple(settings.quiet_hours), settings.limits and _key(settings.limits))


_Key = tuple[tuple[str, ...] | None, str | None, str | None, int | None, float | None]


def _key(limits: UnitLimits) -> _Key:
    days = None if limits.weekdays is None else tuple(limits.weekdays)
    return days, limits.earliest, limits.latest, limits.sessions_a_day, limits.session_minutes


@lru_cache(maxsize=256)
def _allowed(zone_name: str, quiet: Hours, limits: _Key | None) -> Allowed:
    where = _zone(zone_name)
    if limits is None:
        return Allowed(where, quiet, told_apart=False)
    days, earliest, latest, sessions, minutes = limits
    closed = closed_hours(earliest, latest)
    rest = list(reversed(quiet))
    for pair in closed:
        if pair in rest:
            rest.remove(pair)
    weekdays = EVERY_DAY if days is None else frozenset(WEEKDAYS.index(day) for day in days if day in WEEKDAYS)
    return Allowed(where, tuple(reversed(rest)), closed, weekdays, minutes, sessions)


def _zone(name: str) -> tzinfo:
    try:
        return zone(name)
    except InvalidInput:
        return _VIETNAM


def silent_at(rules: Allowed, now: datetime) -> tuple[Limit, ...]:
    """Which hours are kept silent at `now`.

    Hours that can't be read count as quiet all day: a loudspeaker that is wrongly silent is found by its reports,
    one at 3:15 by the village.
    """
    try:
        return rules.silent_at(now)
    except ValueError:
        return ("quiet_hours",)


def is_quiet(settings: StationSettings, now: datetime) -> bool:
    """Whether only emergencies sound at `now`, on the clock of the station's zone."""
    return bool(silent_at(allowed(settings), now))
