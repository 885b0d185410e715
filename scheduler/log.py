"""What is on air, what comes, and what became of what was planned: reading only, as far as the actor may see.

An airing shows to whom its unit is visible, and to whom it sounds: when one of its targets is a unit at, below or
above one they see, or a station or group of theirs. What single stations did shows only for stations they see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, literal, select

from core.errors import NotFound
from registry.models import GroupMember, Station, StationState, Unit
from registry.rights import Actor, Permission, under
from scheduler import audience
from scheduler.models import Airing, AiringOutcome, AiringTarget, PlayReport
from scheduler.reports import judge

LIMIT = 50
LINES = 12
_LIVE = ("planned", "issued", "on_air")
AWAITED = "awaited"


@dataclass(frozen=True)
class Line:
    """One airing at one station. `outcome` is `awaited` while the station has said nothing yet."""

    station: Station
    unit: Unit
    outcome: str
    reason: str | None
    played_seconds: float


@dataclass
class Entry:
    """One airing with how it went at the stations the actor sees; `lines` may be fewer than `stations`."""

    airing: Airing
    unit: Unit
    planned_seconds: float
    stations: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Sounding:
    """An airing on air now: at how many stations in service that the actor sees, and how many say they play it."""

    airing: Airing
    unit: Unit
    stations: int
    playing: int


def visible(actor: Actor) -> ColumnElement[bool]:
    """SQL condition on `Airing`: the actor may see it."""
    here = under(actor.paths(Permission.SEE), col(Unit.path))
    own_stations = select(Station.id).join(Unit, col(Unit.id) == Station.unit_id).where(here)
    above = sorted({f"unit:{each}" for path in actor.paths(Permission.SEE) for each in path.strip("/").split("/")})
    target = or_(
        col(AiringTarget.name).in_(above),
        col(AiringTarget.name).in_(select(literal("unit:") + col(Unit.id)).where(here)),
        col(AiringTarget.name).in_(
            select(literal("station:") + col(Station.id)).join(Unit, col(Unit.id) == Station.unit_id).where(here)
        ),
        col(AiringTarget.name).in_(
            select(literal("group:") + col(GroupMember.group_id)).where(col(GroupMember.station_id).in_(own_stations))
        ),
    )
    return or_(
        col(Airing.unit_id).in_(select(Unit.id).where(here)),
        col(Airing.id).in_(select(AiringTarget.airing_id).where(target)),
    )


def on_air(session: Session, actor: Actor, now: datetime, limit: int = LIMIT) -> list[Sounding]:
    """What sounds at `now`, the most urgent first."""
    rows = session.exec(
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(
            col(Airing.state).in_(("issued", "on_air")),
            col(Airing.starts_at) <= now,
            col(Airing.ends_at) > now,
            visible(actor),
        )
        .order_by((col(Airing.kind) != "emergency"), col(Airing.starts_at))
        .limit(limit)
    ).all()
    in_service = and_(actor.within(Permission.SEE, col(Unit.path)), col(Station.token_hash).is_not(None))
    audiences = {tuple(airing.audience) for airing, _ in rows}
    here = {names: audience.count(session, names, in_service) for names in audiences}
    said = select(StationState.playing, func.count()).where(col(StationState.playing).in_([a.id for a, _ in rows]))
    playing = dict(
        session.exec(
            said.join(Station, col(Station.id) == StationState.station_id)
            .join(Unit, col(Unit.id) == Station.unit_id)
            .where(actor.within(Permission.SEE, col(Unit.path)))
            .group_by(col(StationState.playing))
        ).all()
    )
    return [
        Sounding(
            airing,
            unit,
            here[tuple(airing.audience)],
            playing.get(airing.id, 0),
        )
        for airing, unit in rows
    ]


def coming(
    session: Session, actor: Actor, now: datetime, until: datetime, limit: int = LIMIT
) -> list[tuple[Airing, Unit]]:
    """Airings that start after `now` and before `until`, in order."""
    rows = session.exec(
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(col(Airing.state).in_(_LIVE), col(Airing.starts_at) > now, col(Airing.starts_at) < until)
        .where(col(Airing.kind) != "emergency", visible(actor))
        .order_by(col(Airing.starts_at), col(Airing.id))
        .limit(limit)
    ).all()
    return [(airing, unit) for airing, unit in rows]


def at_station(session: Session, names: Iterable[str], now: datetime, limit: int = LIMIT) -> Sequence[Airing]:
    """What a station with these internal names plays now and next, in order."""
    return session.exec(
        select(Airing)
        .where(
            col(Airing.id).in_(select(AiringTarget.airing_id).where(col(AiringTarget.name).in_(list(names)))),
            col(Airing.state).in_(_LIVE),
            col(Airing.ends_at) > now,
        )
        .order_by(col(Airing.starts_at))
        .limit(limit)
    ).all()


def by_station(session: Session, station_id: str, limit: int = LIMIT) -> list[tuple[PlayReport, Airing]]:
    """What a station reported last, the newest first."""
    rows = session.exec(
        select(PlayReport, Airing)
        .join(Airing, col(Airing.id) == PlayReport.airing_id)
        .where(PlayReport.station_id == station_id)
        .order_by(col(PlayReport.started_at).desc())
        .limit(limit)
    ).all()
    return [(report, airing) for report, airing in rows]


def entries(
    session: Session,
    actor: Actor,
    *,
    start: datetime,
    end: datetime,
    unit: Unit | None = None,
    after: str = "",
    limit: int = 20,
) -> list[Entry]:
    """Airings with start <= starts_at < end that have begun or failed, in the order of their ids, after the id `after`.

    With `unit`, those that belong to it or to a unit below. Airings withdrawn before they were signed are left out.
    """
    query = (
        select(Airing, Unit)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(
            col(Airing.starts_at) >= start,
            col(Airing.starts_at) < end,
            or_(
                col(Airing.state).in_(("on_air", "over", "failed")),
                (col(Airing.state) == "withdrawn")
                & (col(Airing.withdrawn_at) > col(Airing.starts_at))
                & (col(Airing.ticket) != ""),
            ),
            visible(actor),
        )
    )  # fmt: skip
    if unit is not None:
        query = query.where(col(Unit.path).startswith(unit.path, autoescape=True))
    if after:
        cursor = session.get(Airing, after)
        if cursor is not None:
            query = query.where(
                (col(Airing.starts_at) < cursor.starts_at)
                | ((col(Airing.starts_at) == cursor.starts_at) & (col(Airing.id) < cursor.id))
            )
    rows = session.exec(query.order_by(col(Airing.starts_at).desc(), col(Airing.id).desc()).limit(limit)).all()
    return _told(session, actor, [(airing, unit) for airing, unit in rows], LINES)


def entry(session: Session, actor: Actor, airing_id: str, lines: int = 2_000) -> Entry:
    """One airing with every station of it that the actor sees, up to `lines`. Raises NotFound."""
    row = session.exec(
        select(Airing, Unit).join(Unit, col(Unit.id) == Airing.unit_id).where(Airing.id == airing_id, visible(actor))
    ).first()
    if row is None:
        raise NotFound
    return _told(session, actor, [(row[0], row[1])], lines)[0]


def _stations(session: Session, actor: Actor, airings: Sequence[Airing]) -> dict[str, dict[str, tuple[Station, Unit]]]:
    """For each airing its stations that the actor sees, by id. Airings for the same names share them."""
    behind = audience.stations_behind(session, {name for airing in airings for name in airing.audience})
    ids = sorted(set().union(*behind.values()))
    seen: dict[str, tuple[Station, Unit]] = {}
    for start in range(0, len(ids), 400):
        rows = session.exec(
            select(Station, Unit)
            .join(Unit, col(Unit.id) == Station.unit_id)
            .where(col(Station.id).in_(ids[start : start + 400]))
            .where(actor.within(Permission.SEE, col(Unit.path)))
        ).all()
        seen |= {station.id: (station, unit) for station, unit in rows}
    shared: dict[tuple[str, ...], dict[str, tuple[Station, Unit]]] = {}
    for names in {tuple(airing.audience) for airing in airings}:
        there = sorted(set().union(*(behind.get(name, ()) for name in names)))
        shared[names] = {each: seen[each] for each in there if each in seen}
    return {airing.id: shared[tuple(airing.audience)] for airing in airings}


def _told(session: Session, actor: Actor, rows: Sequence[tuple[Airing, Unit]], lines: int) -> list[Entry]:
    here = _stations(session, actor, [airing for airing, _ in rows])
    ids = [airing.id for airing, _ in rows]
    settled: dict[str, dict[str, AiringOutcome]] = {}
    for outcome in session.exec(select(AiringOutcome).where(col(AiringOutcome.airing_id).in_(ids))).all():
        settled.setdefault(outcome.airing_id, {})[outcome.station_id] = outcome
    said: dict[tuple[str, str], list[PlayReport]] = {}
    open_ids = [airing.id for airing, _ in rows if airing.reconciled_at is None]
    for report in session.exec(select(PlayReport).where(col(PlayReport.airing_id).in_(open_ids))).all():
        said.setdefault((report.airing_id, report.station_id), []).append(report)
    found = []
    for airing, unit in rows:
        one = Entry(airing, unit, sum(float(item["seconds"]) for item in airing.items))
        every = [
            _line(airing, one.planned_seconds, place, settled.get(airing.id, {}), said)
            for place in here[airing.id].values()
        ]
        # Without an outcome: a station that was not in service then, of which nothing was expected.
        every = [line for line in every if line.outcome]
        for line in every:
            one.counts[line.outcome] = one.counts.get(line.outcome, 0) + 1
        every.sort(key=lambda line: (line.outcome == "played", line.unit.name, line.station.name))
        one.stations, one.lines = len(every), every[:lines]
        found.append(one)
    return found


def _line(
    airing: Airing,
    planned: float,
    place: tuple[Station, Unit],
    settled: dict[str, AiringOutcome],
    said: dict[tuple[str, str], list[PlayReport]],
) -> Line:
    station, unit = place
    outcome = settled.get(station.id)
    if outcome is not None:
        return Line(station, unit, outcome.outcome, outcome.reason, outcome.played_seconds)
    if airing.reconciled_at is not None:
        return Line(station, unit, "", None, 0.0)
    reports = said.get((airing.id, station.id))
    if not reports:
        # As when accounts are made: nothing is expected of a station that was not in service yet.
        expected = station.enrolled_at is not None and station.enrolled_at < airing.ends_at
        return Line(station, unit, AWAITED if expected else "", None, 0.0)
    told, reason, seconds = judge(reports, len(airing.items), planned)
    if told == "partial" and len({report.item for report in reports}) < len(airing.items):
        return Line(station, unit, AWAITED, None, seconds)  # the rest of it has not been told yet
    return Line(station, unit, told, reason, seconds)
