"""Where stations stood before they moved: noted when they leave, asked when something is about that time."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, update
from sqlmodel import Session, col, select

from core import changes
from core.ids import new_id
from registry.former_models import FormerPlace
from registry.models import Station
from registry.stations import Place

# What was signed for a place sounds at the latest so long after: plans reach eight days ahead.
ANSWERED = timedelta(days=9)
_CHUNK = 400


def leave(session: Session, places: Sequence[Place], now: datetime) -> None:
    """Note that these stations stand where they stand until now. Call before they are moved."""
    ids = [place.station.id for place in places]
    last: dict[str, datetime] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(FormerPlace.station_id, func.max(FormerPlace.until))
        chosen = query.where(col(FormerPlace.station_id).in_(ids[start : start + _CHUNK]))
        last.update(session.exec(chosen.group_by(col(FormerPlace.station_id))).all())
    for place in places:
        station = place.station
        names = [name for name in place.names if name != f"station:{station.id}"]
        since = last.get(station.id, station.created_at)
        if since < now:
            session.add(
                FormerPlace(
                    id=new_id("fp"), station_id=station.id, unit_id=station.unit_id, names=names, since=since, until=now
                )
            )  # fmt: skip
    session.flush()


def since(session: Session, earliest: datetime, station_ids: Collection[str] | None = None) -> list[FormerPlace]:
    """Places that stations (None: any) have left after `earliest`, by when they left."""
    query = select(FormerPlace).where(col(FormerPlace.until) > earliest).order_by(col(FormerPlace.until))
    if station_ids is None:
        return list(session.exec(query).all())
    ordered = sorted(station_ids)
    found: list[FormerPlace] = []
    for start in range(0, len(ordered), _CHUNK):
        found += session.exec(query.where(col(FormerPlace.station_id).in_(ordered[start : start + _CHUNK]))).all()
    return found


def at(rows: Iterable[FormerPlace], instant: datetime) -> FormerPlace | None:
    """Of one station's rows the place where it stood then; None when that is where it stands now."""
    return next((row for row in rows if row.since <= instant < row.until), None)


def home_then(instant: ColumnElement[datetime] | object) -> tuple[ColumnElement[bool], ColumnElement[str]]:
    """For a query over `Station`: the condition of an outer join with `FormerPlace`, and the unit it stood in then."""
    left = and_(
        col(FormerPlace.station_id) == col(Station.id), col(FormerPlace.since) <= instant,
        col(FormerPlace.until) > instant,
    )  # fmt: skip
    return left, func.coalesce(FormerPlace.unit_id, Station.unit_id)


def forget_names(session: Session, now: datetime) -> None:
    """Stations answer no longer to names they had so long ago that nothing signed for those can sound any more."""
    past = (col(FormerPlace.answers), col(FormerPlace.until) < now - ANSWERED)
    stations = session.exec(select(FormerPlace.station_id).where(*past).distinct()).all()
    if stations:
        session.execute(update(FormerPlace).where(*past).values(answers=False))
        changes.announce(session, "registry", [f"station:{each}" for each in stations], now)
