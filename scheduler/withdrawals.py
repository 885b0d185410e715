"""Who knows that something was withdrawn: airings taken off the air, and the stations that have taken note of it.

Reading only. The stations of an airing are counted in the database, however many they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import ColumnElement, Subquery, and_, func, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from core.errors import NotFound
from core.wire import AS_WITHDRAWN
from registry.models import GroupMember, Station, Unit
from registry.rights import Actor, Permission, within
from scheduler import blame, log
from scheduler.models import Acknowledgement, Airing

KEPT = timedelta(days=7)
PAGE = 100
Shown = Literal["all", "missing", "known"]
SHOWN: tuple[str, ...] = get_args(Shown)
# A newer version took its place: nothing was taken from anybody's ears.
_NOT_SHOWN = ("replaced",)


@dataclass(frozen=True)
class Withdrawal:
    """An airing that was withdrawn. Of its `stations` that the actor sees, `known` have taken note of that.

    After `not_after` no station can play it any more, whether it knows or not.
    """

    airing: Airing
    unit: Unit
    stations: int
    known: int
    by: str = ""

    @property
    def missing(self) -> int:
        return self.stations - self.known


@dataclass(frozen=True)
class Line:
    """A station of the airing; `at` is when it took note, None while it has not."""

    station: Station
    unit: Unit
    at: datetime | None


def recent(session: Session, actor: Actor, now: datetime, *, after: str = "", limit: int = 20) -> list[Withdrawal]:
    """What was withdrawn within the last days after stations had it, the latest first, beyond the airing `after`."""
    query = (
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(
            Airing.state == "withdrawn", Airing.ticket != "", col(Airing.reason).not_in(_NOT_SHOWN),
            col(Airing.withdrawn_at) >= now - KEPT, log.visible(actor),
        )
        .order_by(col(Airing.withdrawn_at).desc(), col(Airing.id).desc())
        .limit(limit)
    )  # fmt: skip
    last = session.get(Airing, after) if after else None
    if last is not None and last.withdrawn_at is not None:
        earlier = and_(col(Airing.withdrawn_at) == last.withdrawn_at, col(Airing.id) < last.id)
        query = query.where((col(Airing.withdrawn_at) < last.withdrawn_at) | earlier)
    return [_counted(session, actor, airing, unit) for airing, unit in session.exec(query).all()]


def one(session: Session, actor: Actor, airing_id: str) -> Withdrawal:
    """One withdrawn airing. Raises NotFound."""
    row = session.exec(
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(Airing.id == airing_id, Airing.state == "withdrawn", Airing.ticket != "", log.visible(actor))
    ).first()
    if row is None:
        raise NotFound
    by = blame.of_withdrawal(session, row[0]) if actor.may(Permission.SEE, row[1]) else ""
    return _counted(session, actor, row[0], row[1], by)


def lines(
    session: Session, actor: Actor, airing: Airing, *, shown: str = "all", page: int = 1, limit: int = PAGE
) -> list[Line]:
    """The stations of a withdrawn airing, those first that have not taken note; `page` counts from 1. One query."""
    noted = _noted(airing)
    query = (
        columns(Station, Unit, noted.c.at)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .outerjoin(noted, noted.c.station_id == Station.id)
        .where(_theirs(session, actor, airing))
        .order_by(noted.c.at.is_not(None), col(Unit.path), col(Station.name), col(Station.id))
        .limit(limit)
        .offset((max(page, 1) - 1) * limit)
    )
    if shown == "missing":
        query = query.where(noted.c.at.is_(None))
    elif shown == "known":
        query = query.where(noted.c.at.is_not(None))
    return [Line(station, unit, at) for station, unit, at in session.execute(query).all()]


def _counted(session: Session, actor: Actor, airing: Airing, unit: Unit, by: str = "") -> Withdrawal:
    noted = _noted(airing)
    query = (
        columns(func.count(), func.count(noted.c.at))
        .select_from(Station)
        .join(Unit, col(Unit.id) == Station.unit_id)
        .outerjoin(noted, noted.c.station_id == Station.id)
        .where(_theirs(session, actor, airing))
    )
    stations, known = session.execute(query).one()
    return Withdrawal(airing, unit, stations, known, by)


def _noted(airing: Airing) -> Subquery:
    """The stations that have it as withdrawn, and since when.

    Of a programme a station takes note only then; of an emergency it does so as well when it first hears of it.
    """
    subjects = [f"{AS_WITHDRAWN}{airing.id}"] + ([airing.id] if airing.kind != "emergency" else [])
    said = columns(col(Acknowledgement.station_id), func.min(col(Acknowledgement.at)).label("at"))
    return said.where(col(Acknowledgement.subject).in_(subjects)).group_by(col(Acknowledgement.station_id)).subquery()


def _theirs(session: Session, actor: Actor, airing: Airing) -> ColumnElement[bool]:
    """SQL condition on `Station` and `Unit`: it was for this station, which was in service, and the actor sees it."""
    names: dict[str, list[str]] = {"unit": [], "group": [], "station": []}
    for name in airing.audience:
        kind, _, identity = name.partition(":")
        names[kind].append(identity)
    paths: Sequence[str] = session.exec(select(Unit.path).where(col(Unit.id).in_(names["unit"]))).all()
    members = select(GroupMember.station_id).where(col(GroupMember.group_id).in_(names["group"]))
    aimed_at = or_(
        within(paths, col(Unit.path)), col(Station.id).in_(names["station"]), col(Station.id).in_(members)
    )  # fmt: skip
    return and_(
        aimed_at, actor.within(Permission.SEE, col(Unit.path)), col(Station.token_hash).is_not(None),
        col(Station.enrolled_at).is_(None) | (col(Station.enrolled_at) <= airing.withdrawn_at),
    )  # fmt: skip
