"""The bytes that stations count, by station and month: what their SIM cards pay for.

A station tells what the month has come to so far. What it told last stands in its state; when a month is over, or a
station begins to count anew (a new device, a new memory card), what it had come to is put away first.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from core.wire import Heartbeat
from registry.models import StationState, StationTraffic

_CHUNK = 400


class Month(NamedTuple):
    """Bytes received and sent by a station in a month such as `2026-11`."""

    month: str
    received: int
    sent: int


def close_months(session: Session, beats: Mapping[str, Heartbeat]) -> None:
    """Put away what counts had come to that these heartbeats do not carry on. Call before they are kept."""
    counting = sorted(station_id for station_id, beat in beats.items() if beat.month is not None)
    over = []
    for start in range(0, len(counting), _CHUNK):
        state = StationState
        query = select(state.station_id, state.month, state.received_bytes, state.sent_bytes).where(
            col(state.station_id).in_(counting[start : start + _CHUNK]), col(state.month).is_not(None)
        )
        for station_id, month, received, sent in session.exec(query).all():
            beat = beats[station_id]
            goes_on = (beat.received_bytes or 0) >= (received or 0) and (beat.sent_bytes or 0) >= (sent or 0)
            if beat.month != month or not goes_on:
                over.append(
                    {"station_id": station_id, "month": month, "received_bytes": received or 0, "sent_bytes": sent or 0}
                )
    if not over:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(StationTraffic.__table__)  # type: ignore[attr-defined]
    more = {each: getattr(StationTraffic, each) + statement.excluded[each] for each in ("received_bytes", "sent_bytes")}
    session.execute(statement.on_conflict_do_update(index_elements=["station_id", "month"], set_=more), over)


def of(session: Session, station_id: str, months: int = 12) -> list[Month]:
    """The station's newest months, the newest first."""
    rows = session.exec(
        select(StationTraffic)
        .where(StationTraffic.station_id == station_id)
        .order_by(col(StationTraffic.month).desc())
        .limit(months)
    ).all()
    found = {row.month: Month(row.month, row.received_bytes, row.sent_bytes) for row in rows}
    state = session.get(StationState, station_id)
    if state is not None and state.month is not None:
        before = found.get(state.month, Month(state.month, 0, 0))
        received, sent = state.received_bytes or 0, state.sent_bytes or 0
        found[state.month] = Month(state.month, before.received + received, before.sent + sent)
    return [found[month] for month in sorted(found, reverse=True)][:months]
