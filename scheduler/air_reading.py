"""Bringing the picture of the air up to date: what is new since last time, by indexes, once for everybody who looks.

A look reads the feed of changes, the heartbeats and the reports since the one before: a handful of queries, however
many stations there are and whoever asks. The timetable is read when the feed says that it changed, and every half a
minute.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, cast
from sqlalchemy import select as columns
from sqlmodel import Session, col

from core import changes
from core.wire import MAX_AIRING_SECONDS
from registry.models import Station, StationState, Unit
from scheduler import readiness
from scheduler.air_folds import AHEAD
from scheduler.air_now import LINGERS, Air, AirPicture, Heard, Home, Item, Told
from scheduler.models import Airing, PlayReport

# Writers queue up, so what is committed later bears a later instant, but for the clocks of several machines and for who
# had read the clock before queueing: so far before the newest word a look reads again, and now and then further back.
OVERLAP = timedelta(seconds=3)
_FAR_BACK = timedelta(seconds=60)
_ANYWAY = timedelta(seconds=30)
# After a longer rest only what is on air is read again: what came in meanwhile may be a day's.
_TOO_LONG = timedelta(minutes=5)
_CHUNK = 400
_LONGEST = timedelta(seconds=MAX_AIRING_SECONDS)
MOST_AIRINGS = 5_000
Answering = Callable[[Iterable[str]], Iterable[str]]


class AirReader:
    """Follows the tables for one picture."""

    def __init__(self, picture: AirPicture, answering: Answering, plans: Callable[[], Mapping[str, str]]) -> None:
        """`answering` gives the stations behind internal names, `plans` the tags of the plans they get now."""
        self.picture, self._answering, self._plans = picture, answering, plans
        self._seq = -1
        self._heard_at: datetime | None = None
        self._reported_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._scheduled_at: datetime | None = None

    def look(self, session: Session, now: datetime) -> None:
        """Bring the picture up to `now`."""
        topics = self._news(session)
        self.picture.follow_plans(self._plans())
        first = self._scheduled_at is None
        if first or "registry" in topics:
            self._registry(session)
        overdue = self._scheduled_at is None or not timedelta() <= now - self._scheduled_at < _ANYWAY
        overlap = _FAR_BACK if overdue else OVERLAP
        self._heartbeats(session, now, overlap)
        fresh: Sequence[Air] = ()
        if overdue or topics & {"registry", "plan", "now", "timetable"}:
            fresh = self.picture.schedule(self._airings(session, now), self._answering, now)
            self._scheduled_at = now
        self._reports(session, fresh, now, overlap)
        self.picture.tick(now)

    def _news(self, session: Session) -> set[str]:
        if self._seq < 0:
            self._seq = changes.latest(session)
            return {"registry", "plan"}
        rows = changes.since(session, self._seq)
        if rows:
            self._seq = rows[-1].seq or self._seq
        return {row.topic for row in rows}

    def _registry(self, session: Session) -> None:
        units = [
            Home(*row) for row in session.execute(columns(col(Unit.id), col(Unit.name), col(Unit.path), col(Unit.zone)))
        ]
        there = columns(col(Station.id), col(Station.unit_id)).where(col(Station.token_hash).is_not(None))
        self.picture.settle(units, {row.id: row.unit_id for row in session.execute(there)})
        self._heard_at = None

    def _heartbeats(self, session: Session, now: datetime, overlap: timedelta) -> None:
        state = StationState
        query = columns(
            col(state.station_id), col(state.heard_at), col(state.silent_since), col(state.playing),
            col(state.clock_offset_ms), col(state.volume), cast(state.faults, Text), col(state.plan),
            col(state.plan_at), col(state.ready_until),
        )  # fmt: skip
        if self._heard_at is not None:
            query = query.where(col(state.heard_at) >= min(self._heard_at, now) - overlap)
        said = {}
        for station, heard_at, silent, playing, offset, volume, faults, plan, plan_at, ready_until in session.execute(
            query
        ):
            lacks = readiness.lacks_anyhow(offset, volume, faults)
            said[station] = Heard(heard_at, silent is not None, playing, lacks, plan, plan_at, ready_until)
        if said:
            newest = max(each.heard_at for each in said.values())
            self._heard_at = min(now, newest if self._heard_at is None else max(newest, self._heard_at))
        self.picture.hear(said, now)

    def _airings(self, session: Session, now: datetime) -> list[Air]:
        row = Airing
        query = (
            columns(
                col(row.id), col(row.title), col(row.kind), col(row.priority), col(row.unit_id), col(row.state),
                col(row.reason), col(row.starts_at), col(row.ends_at), col(row.issued_at), col(row.audience),
                col(row.items), col(row.emergency_id),
            )
            .where(
                col(row.starts_at) > now - _LONGEST - LINGERS, col(row.starts_at) < now + AHEAD,
                col(row.ends_at) > now - LINGERS,
            )
            .order_by(col(row.starts_at), col(row.id))
            .limit(MOST_AIRINGS)
        )  # fmt: skip
        return [_air(*found) for found in session.execute(query) if not _is_history(found[5], found[7], now)]

    def _reports(self, session: Session, fresh: Sequence[Air], now: datetime, overlap: timedelta) -> None:
        row = PlayReport
        query = columns(
            col(row.id), col(row.airing_id), col(row.station_id), col(row.item), col(row.outcome), col(row.reason),
            col(row.seconds), col(row.received_at),
        )  # fmt: skip
        found: list[Any] = []
        follows = self._looked_at is not None and timedelta() <= now - self._looked_at < _TOO_LONG
        begun = [air.id for air in (fresh if follows else self.picture.airs.values()) if air.starts_at <= now]
        for start in range(0, len(begun), _CHUNK):
            about = query.where(col(row.airing_id).in_(begun[start : start + _CHUNK]))
            found += session.execute(about).all()
        since = self._reported_at
        if follows and since is not None:
            found += session.execute(query.where(col(row.received_at) >= min(since, now) - overlap)).all()
        else:
            since = now - _FAR_BACK
        self._reported_at, self._looked_at = max((since, *(each[7] for each in found))), now
        self.picture.report(((each[0], each[1], each[2], Told(*each[3:7])) for each in found), now)


def _is_history(state: str, starts_at: datetime, now: datetime) -> bool:
    """What was taken off the timetable before its time is not shown any more."""
    return state in {"withdrawn", "failed"} and starts_at > now


def _air(*row: object) -> Air:
    values: list[object] = list(row)
    audience, items = values[10], values[11]
    values[10] = tuple(audience) if isinstance(audience, list) else ()
    at, pieces = 0.0, []
    for item in items if isinstance(items, list) else ():
        at = float(item.get("at", at))
        pieces.append(Item(at, float(item["seconds"]), str(item.get("title", ""))))
        at += float(item["seconds"])
    values[11] = tuple(pieces)
    return Air(*values)  # type: ignore[arg-type]
