"""Quiet hours: pure arithmetic on local clock time."""

from datetime import datetime, time, timedelta, timezone, tzinfo

from core.clock import zone
from core.errors import InvalidInput
from core.wire import StationSettings

_VIETNAM = timezone(timedelta(hours=7))  # no summer time since 1975: right even where the zone data is missing
_DAY = 24 * 3600


def _seconds_of_day(text: str) -> int:
    """Seconds since midnight of `HH:MM` or `HH:MM:SS`; 24:00 is the end of the day. Raises ValueError."""
    if text == "24:00":
        return _DAY
    value = time.fromisoformat(text)
    return value.hour * 3600 + value.minute * 60 + value.second


def _zone(settings: StationSettings) -> tzinfo:
    try:
        return zone(settings.zone)
    except InvalidInput:
        return _VIETNAM


def is_quiet(settings: StationSettings, now: datetime) -> bool:
    """Whether `now` lies in one of the quiet intervals [from, to) of the station's zone.

    An interval may cross midnight; one whose ends are equal is empty. An interval that can't be read counts
    as quiet all day: a loudspeaker that is wrongly silent is found by its reports, one at 3:15 by the village.
    """
    if not settings.quiet_hours:
        return False
    local = now.astimezone(_zone(settings))
    at = local.hour * 3600 + local.minute * 60 + local.second
    for first, last in settings.quiet_hours:
        try:
            begin, end = _seconds_of_day(first), _seconds_of_day(last)
        except ValueError:
            return True
        if begin <= end:
            if begin <= at < end:
                return True
        elif at >= begin or at < end:
            return True
    return False
