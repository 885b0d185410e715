"""When stations last played something, from their reports: one step in an index each."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlmodel import col

from registry.models import Station
from scheduler.models import PlayReport


def last_sound() -> ColumnElement[Any]:
    """SQL: the start of the last item that `Station` reported as played, at least in part; NULL for none."""
    return (
        select(col(PlayReport.started_at))
        .where(col(PlayReport.station_id) == col(Station.id), col(PlayReport.outcome).in_(("played", "partial")))
        .order_by(col(PlayReport.started_at).desc())
        .limit(1)
        .correlate(Station)
        .scalar_subquery()
    )
