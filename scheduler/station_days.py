"""What one station played of what it should have, hour by hour over the last day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from scheduler.models import Airing, AiringOutcome

HOURS = 24


@dataclass(frozen=True)
class Hour:
    """`hour` is the local hour of the day, 0 to 23; minutes planned and played of what began in it."""

    hour: int
    planned: float
    played: float


@dataclass(frozen=True)
class Day:
    """The last 24 whole hours, the oldest first; minutes in all."""

    hours: Sequence[Hour]
    planned: float
    played: float

    @property
    def most(self) -> float:
        """The fullest hour, for the height of a chart; at least one minute."""
        return max(1.0, *(max(each.planned, each.played) for each in self.hours))


def last_day(session: Session, station_id: str, now: datetime, zone: ZoneInfo) -> Day:
    """From the accounts of airings that are over; what has not been accounted for yet is not in it."""
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(hours=HOURS)
    query = (
        select(Airing.starts_at, AiringOutcome.planned_seconds, AiringOutcome.played_seconds)
        .join(AiringOutcome, col(AiringOutcome.airing_id) == Airing.id)
        .where(AiringOutcome.station_id == station_id, col(Airing.starts_at) >= start, col(Airing.starts_at) < end)
    )
    planned, played = [0.0] * HOURS, [0.0] * HOURS
    for at, wanted, sounded in session.exec(query).all():
        hour = int((at - start) / timedelta(hours=1))
        planned[hour] += wanted / 60
        played[hour] += sounded / 60
    hours = [Hour((start + timedelta(hours=at)).astimezone(zone).hour, planned[at], played[at]) for at in range(HOURS)]
    return Day(hours, sum(planned), sum(played))
