"""When a job has to look: when something was committed since it last did, or when its time has come."""

from collections.abc import Callable
from datetime import datetime, timedelta

from scheduler.beats import passed

# However quiet it is, a job looks as often as that.
AT_LEAST_EVERY = timedelta(seconds=30)


def attentive(
    step: Callable[[datetime], object],
    mark: Callable[[], object],
    due: Callable[[datetime], bool] = lambda _: False,
    *,
    at_least_every: timedelta = AT_LEAST_EVERY,
) -> Callable[[datetime], object]:
    """`step`, but left out (None) while the mark of the database stays the same and time alone can't bring anything.

    `due` tells whether it can. A step that raises is done again; so is one that a clock ahead of this one had done. Not
    for two threads at once: each of several lanes has its own.
    """
    seen: object = object()
    looked_at: datetime | None = None

    def look(now: datetime) -> object:
        nonlocal seen, looked_at
        present = mark()
        if present == seen and not passed(looked_at, now, at_least_every) and not due(now):
            return None
        found = step(now)
        seen, looked_at = present, now
        return found

    return look
