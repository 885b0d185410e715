"""Reports: one for each item, made once."""

import uuid
from datetime import datetime

from core.wire import Outcome, Reason, Report
from station.due import Key


def new_report(
    key: Key, outcome: Outcome, reason: Reason | None, started_at: datetime, ended_at: datetime,
    *, seconds: float = 0.0, volume: int = 0, peak_db: float | None = None,
) -> Report:  # fmt: skip
    """A report with a name of its own, made once."""
    return Report(
        id=str(uuid.uuid4()), airing=key[0], item=key[1], outcome=outcome, reason=reason,
        started_at=started_at, ended_at=ended_at, seconds=round(seconds, 3), volume=volume, peak_db=peak_db,
    )  # fmt: skip
