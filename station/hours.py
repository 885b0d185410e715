"""The station's own quiet hours: the shared rule, with what a loudspeaker does when it can't read them."""

from datetime import datetime, timedelta, timezone, tzinfo

from core import quiet
from core.clock import zone
from core.errors import InvalidInput
from core.wire import StationSettings

_VIETNAM = timezone(timedelta(hours=7))  # no summer time since 1975: right even where the zone data is missing


def _zone(settings: StationSettings) -> tzinfo:
    try:
        return zone(settings.zone)
    except InvalidInput:
        return _VIETNAM


def is_quiet(settings: StationSettings, now: datetime) -> bool:
    """Whether `now` lies in the quiet hours of the station's zone.

    Hours that can't be read count as quiet all day: a loudspeaker that is wrongly silent is found by its reports,
    one at 3:15 by the village.
    """
    try:
        return quiet.is_quiet(now, settings.quiet_hours, _zone(settings))
    except ValueError:
        return True
