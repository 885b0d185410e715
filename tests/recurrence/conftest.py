from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import dateutil.rrule
import pytest

from scheduler.recurrence import occurrences, recurrence

ORACLE_ENDS = 2030


@pytest.fixture(scope="module")
def dateutil_ends() -> Iterator[int]:
    """dateutil looks for a rule's next occurrence up to the year 9999: here it stops early, with nothing lost."""
    names = {name: getattr(dateutil.rrule.datetime, name) for name in ("date", "datetime", "time", "timedelta")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dateutil.rrule, "datetime", SimpleNamespace(**names, MAXYEAR=ORACLE_ENDS))
        yield ORACLE_ENDS


@pytest.fixture
def local_times() -> Callable[..., list[str]]:
    """The occurrences of a rule between two local times, as local times with their offset."""

    def found(starts: str, zone: str, rrule: str | None, start: str, end: str, **more) -> list[str]:
        rule = recurrence(starts, zone, rrule, **more)
        window = [datetime.fromisoformat(text).replace(tzinfo=rule.zone).astimezone(UTC) for text in (start, end)]
        return [instant.astimezone(rule.zone).isoformat(timespec="minutes") for instant in occurrences(rule, *window)]

    return found
