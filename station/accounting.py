"""Accounting: what a stretch of sound comes to, and the report of an item, made once. Pure."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from core.allowed import LIMITS
from core.wire import Outcome, Reason, Report
from station.due import WHOLE_SECONDS, Key, Obstacle, Progress, is_whole

_MOSTLY = 0.9
_NOTHING_DB = -80.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """One uninterrupted stretch of an item, now over. All lengths in seconds of its sound.

    It entered at `offset`, `out` went out and `dropped` was left out to stay in step; `wanted` is where the item ends.
    `ran_out` means that it came to its own end, `failed` that decoding broke off.
    """

    started: datetime
    offset: float
    wanted: float
    out: float
    dropped: float = 0.0
    ran_out: bool = False
    failed: bool = False
    peak_db: float | None = None

    @property
    def position(self) -> float:
        """Where in the item it ended."""
        return self.offset + self.dropped + self.out


def progress_after(before: Progress, stretch: Stretch, reason: Obstacle | None) -> Progress:
    """How far the item has come with this stretch; `reason` is what holds it now, if anything does."""
    first = before.started_at or stretch.started
    louder = louder_of(before.peak_db, stretch.peak_db)
    return Progress(first, stretch.position, before.sounded + stretch.out, reason, louder)


def is_cut(stretch: Stretch) -> bool:
    """Whether enough is missing at its end that the item may be continued."""
    return not stretch.failed and not stretch.ran_out and stretch.wanted - stretch.position > WHOLE_SECONDS


def verdict(
    before: Progress, stretch: Stretch, *, silent: bool, live_share: float = 1.0
) -> tuple[Outcome, Reason | None] | None:
    """What an item that is over comes to; None if parts are missing, for a reason that must be looked for elsewhere.

    `silent` says that nothing could be heard although it ran. Of a relay, `live_share` (0 to 1) was the broadcaster's
    own sound: where a tenth and more was not, it is no more than partial; where nothing was, and nothing sounded in
    its stead, it is missed.
    """
    sounded = before.sounded + stretch.out
    if silent:
        return "missed", "player_error"
    if stretch.failed:
        return ("partial" if sounded > 0 else "missed"), "bad_audio"
    if live_share < _MOSTLY:
        return ("missed" if stretch.peak_db is None or stretch.peak_db <= _NOTHING_DB else "partial"), "relay_down"
    return ("played", None) if is_whole(sounded, stretch.wanted) else None


def report_of(
    key: Key, before: Progress, stretch: Stretch, outcome: Outcome, reason: Obstacle | None, volume: int
) -> Report:
    """The one report of an item that is over."""
    return new_report(
        key, outcome, reason, before.started_at or stretch.started, stretch.started + timedelta(seconds=stretch.out),
        seconds=before.sounded + stretch.out, volume=volume, peak_db=louder_of(before.peak_db, stretch.peak_db),
    )  # fmt: skip


def louder_of(*peaks_db: float | None) -> float | None:
    """The highest of some peaks in dBFS, over all stretches of an item; None where nothing went out."""
    return max((one for one in peaks_db if one is not None), default=None)


def new_report(
    key: Key, outcome: Outcome, reason: Obstacle | None, started_at: datetime, ended_at: datetime,
    *, seconds: float = 0.0, volume: int = 0, peak_db: float | None = None,
) -> Report:  # fmt: skip
    """A report with a name of its own, made once. For every limit the reason is that of quiet hours."""
    limit = reason if reason in LIMITS else None
    return Report(
        id=str(uuid.uuid4()), airing=key[0], item=key[1], outcome=outcome,
        reason="quiet_hours" if limit else cast("Reason | None", reason), limit=limit,
        started_at=started_at, ended_at=ended_at, seconds=round(seconds, 3), volume=volume, peak_db=peak_db,
    )  # fmt: skip
