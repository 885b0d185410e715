"""The reports that people are asked for: what was said at a unit and below, month by month, and how well.

Read from what is added up as reports come in (`scheduler.heard`, `scheduler.month_figures`), so that it stays quick
however many reports there are. Minutes are minutes at a loudspeaker: two stations that play the same minute are two.
A bulletin counts once in whatever it is counted, however often and wherever it was heard.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, case, func
from sqlalchemy import select as columns
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from core.errors import N_, InvalidInput
from core.hints import unindexed
from registry.models import Station, Unit
from registry.rights import under, within
from scheduler import audience, public_log
from scheduler.models import Airing, PlayReport
from scheduler.statistics_models import HeardBulletin, MonthFigure, StationMonth

MAX_MONTHS = 24
MAX_STATIONS = 500
MAX_ALARMS = 100
_MOST_LOOKED_AT = 20_000
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_ID = 23  # characters of a unit's id, which paths are made of
_TOLD = 0.95


@dataclass
class Row:
    """What comes under one heading. Seconds planned and played; bulletins that were heard."""

    code: str
    name: str = ""
    bulletins: int = 0
    planned: float = 0.0
    played: float = 0.0

    @property
    def share(self) -> float | None:
        """Played of planned, 0 to 1; None where nothing was planned."""
        return self.played / self.planned if self.planned else None


@dataclass(frozen=True)
class Kept:
    """How a station kept its timetable: airings by what became of them, seconds planned and played."""

    station: Station
    unit: Unit
    played: int
    partial: int
    missed: int
    planned: float
    played_seconds: float

    @property
    def share(self) -> float | None:
        return self.played_seconds / self.planned if self.planned else None


@dataclass(frozen=True)
class Alarm:
    """An emergency: at how many stations there, how many played it, and seconds until the first and until 95 % did."""

    title: str
    unit: str
    at: datetime
    stations: int
    heard: int
    first: float | None
    most: float | None


@dataclass
class Report:
    """The whole report; `below` are the units directly below, each with what is below it in turn."""

    unit: Unit
    months: list[str]
    whole: Row
    by_month: list[Row] = field(default_factory=list)
    by_field: list[Row] = field(default_factory=list)
    by_priority: list[Row] = field(default_factory=list)
    by_language: list[Row] = field(default_factory=list)
    below: list[Row] = field(default_factory=list)
    stations: list[Kept] = field(default_factory=list)
    stations_in_all: int = 0
    alarms: list[Alarm] = field(default_factory=list)


def months_between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last` (`2026-11`), both counted in. Raises InvalidInput."""
    ends = []
    for name in (first, last):
        known = _MONTH.fullmatch(name)
        if known is None:
            raise InvalidInput(N_("Write a month like 2026-11."), fields={"from" if name is first else "to": "form"})
        ends.append(int(known[1]) * 12 + int(known[2]) - 1)
    if not 0 <= ends[1] - ends[0] < MAX_MONTHS:
        raise InvalidInput(
            N_("A report covers 1 to %(limit)s months, the first one first."), fields={"to": "range"}, limit=MAX_MONTHS
        )
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(ends[0], ends[1] + 1)]


def report(
    session: Session, unit: Unit, months: list[str], start: datetime, end: datetime, most_stations: int = MAX_STATIONS
) -> Report:
    """The report of a unit, which the actor has been let see, over `months`: those between the instants given.

    It names at most `most_stations` stations, the least reliable ones, of which only id, name and unit's name are read.
    """
    here = within([unit.path], col(Unit.path))
    told = Report(unit, months, Row(unit.id, unit.name))
    told.by_month = [Row(month) for month in months]
    _figures(session, told, here)
    _bulletins(session, told, here)
    _below(session, told, here)
    _stations(session, told, most_stations)
    told.alarms = _alarms(session, unit, start, end)
    for rows in (told.by_field, told.by_priority, told.by_language):
        rows.sort(key=lambda row: (-row.planned, -row.bulletins, row.code))
    return told


def _rows(known: list[Row], code: str) -> Row:
    for row in known:
        if row.code == code:
            return row
    known.append(Row(code))
    return known[-1]


def _figures(session: Session, told: Report, here: ColumnElement[bool]) -> None:
    query = (
        columns(
            col(MonthFigure.month), col(MonthFigure.field), col(MonthFigure.priority), col(MonthFigure.language),
            func.sum(MonthFigure.planned_seconds), func.sum(MonthFigure.played_seconds),
        )
        .join_from(MonthFigure, Unit, col(Unit.id) == col(MonthFigure.unit_id))
        .where(col(MonthFigure.month).in_(told.months), here)
        .group_by(col(MonthFigure.month), col(MonthFigure.field), col(MonthFigure.priority), col(MonthFigure.language))
    )  # fmt: skip
    for month, subject, priority, language, planned, played in session.execute(query):
        for row in _headings(told, month, subject, priority, language):
            row.planned += planned
            row.played += played


def _headings(told: Report, month: str, subject: str, priority: str, language: str) -> Iterable[Row]:
    yield told.whole
    yield _rows(told.by_month, month)
    yield _rows(told.by_field, subject)
    yield _rows(told.by_priority, priority)
    yield _rows(told.by_language, language)


def _bulletins(session: Session, told: Report, here: ColumnElement[bool]) -> None:
    """Count each bulletin once under each heading."""
    query = (
        columns(
            col(HeardBulletin.bulletin_id), col(HeardBulletin.month), col(HeardBulletin.field),
            col(HeardBulletin.priority), col(HeardBulletin.language),
        )
        .join_from(HeardBulletin, Unit, col(Unit.id) == col(HeardBulletin.unit_id))
        .where(col(HeardBulletin.month).in_(told.months), here)
        .distinct()
    )  # fmt: skip
    seen: set[tuple[int, str]] = set()
    for bulletin, month, subject, priority, language in session.execute(query):
        for row in _headings(told, month, subject, priority, language):
            if (id(row), bulletin) not in seen:
                seen.add((id(row), bulletin))
                row.bulletins += 1


def _below(session: Session, told: Report, here: ColumnElement[bool]) -> None:
    """The units directly below, found by the piece of the path that follows the unit's own."""
    child = func.substr(Unit.path, len(told.unit.path) + 1, _ID)
    children = columns(col(Unit.id), col(Unit.name)).where(col(Unit.parent_id) == told.unit.id).order_by(col(Unit.name))
    found = {identity: Row(identity, name) for identity, name in session.execute(children)}
    sums = (
        columns(child, func.sum(MonthFigure.planned_seconds), func.sum(MonthFigure.played_seconds))
        .join_from(MonthFigure, Unit, col(Unit.id) == col(MonthFigure.unit_id))
        .where(col(MonthFigure.month).in_(told.months), here)
        .group_by(child)
    )
    for identity, planned, played in session.execute(sums):
        if identity in found:
            found[identity].planned, found[identity].played = planned, played
    counts = (
        columns(child, func.count(func.distinct(HeardBulletin.bulletin_id)))
        .join_from(HeardBulletin, Unit, col(Unit.id) == col(HeardBulletin.unit_id))
        .where(col(HeardBulletin.month).in_(told.months), here)
        .group_by(child)
    )
    for identity, count in session.execute(counts):
        if identity in found:
            found[identity].bulletins = count
    told.below = list(found.values())


def _stations(session: Session, told: Report, most: int) -> None:
    """Stations in service or with figures, the least reliable first; how many there are is counted beside them."""
    planned, heard = func.sum(StationMonth.planned_seconds), func.sum(StationMonth.played_seconds)
    sums = (
        columns(
            col(StationMonth.station_id).label("id"), func.sum(StationMonth.played).label("played"),
            func.sum(StationMonth.partial).label("partial"), func.sum(StationMonth.missed).label("missed"),
            planned.label("planned"), heard.label("heard"),
        )
        .join_from(Unit, Station, col(Station.unit_id) == col(Unit.id))
        .join(StationMonth, col(StationMonth.station_id) == col(Station.id))
        .where(col(StationMonth.month).in_(told.months), under([told.unit.path], col(Unit.path)))
        .group_by(col(StationMonth.station_id))
        .subquery()
    )  # fmt: skip
    query = (
        columns(Station, Unit, sums, func.count().over())
        .join_from(sums, Station, col(Station.id) == sums.c.id)
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .options(load_only(col(Station.name)), load_only(col(Unit.name)))  # type: ignore[arg-type]
    )
    share = case((sums.c.planned > 0, sums.c.heard / sums.c.planned), else_=1.0)
    worst = query.order_by(share, sums.c.missed.desc(), col(Station.name), col(Station.id)).limit(most)
    for station, unit, _, played, partial, missed, seconds, sounded, many in session.execute(worst):
        told.stations.append(Kept(station, unit, played, partial, missed, seconds or 0.0, sounded or 0.0))
        told.stations_in_all = many


def _alarms(session: Session, unit: Unit, start: datetime, end: datetime) -> list[Alarm]:
    """Emergencies for stations there, the newest first: when each station began to play, counted from the issue."""
    emergencies = select(Airing.id).where(
        Airing.kind == "emergency", col(Airing.not_after) >= start,  # what the index on the kind goes by
        col(Airing.ticket) != "", unindexed(col(Airing.starts_at)) >= start, unindexed(col(Airing.starts_at)) < end,
    )  # fmt: skip
    rows = session.exec(
        select(Airing, Unit.name)
        .join(Unit, col(Unit.id) == Airing.unit_id)
        .where(col(Airing.id).in_(emergencies.limit(_MOST_LOOKED_AT)), public_log.visible(unit))
        .order_by(col(Airing.starts_at).desc(), col(Airing.id))
        .limit(MAX_ALARMS)
    ).all()
    here = within([unit.path], col(Unit.path))
    query = (
        columns(col(PlayReport.airing_id), col(PlayReport.station_id), func.min(PlayReport.started_at))
        .join(Station, col(Station.id) == PlayReport.station_id)
        .join(Unit, col(Unit.id) == col(Station.unit_id))
        .where(
            col(PlayReport.airing_id).in_([airing.id for airing, _ in rows]), col(PlayReport.seconds) > 0, here,
        )
        .group_by(col(PlayReport.airing_id), col(PlayReport.station_id))
    )  # fmt: skip
    began: dict[str, list[datetime]] = {}
    for airing_id, _, at in session.execute(query):
        began.setdefault(airing_id, []).append(at)
    in_service = here & col(Station.token_hash).is_not(None)
    counts = {names: audience.count(session, names, in_service) for names in {tuple(row.audience) for row, _ in rows}}
    return [
        _alarm(airing, home, counts[tuple(airing.audience)], sorted(began.get(airing.id, []))) for airing, home in rows
    ]


def _alarm(airing: Airing, home: str, stations: int, began: list[datetime]) -> Alarm:
    """`most` is None until 95 % of the stations have played it."""
    seconds = [max(0.0, (at - airing.starts_at).total_seconds()) for at in began]
    needed = -(-stations * round(_TOLD * 100) // 100)
    return Alarm(
        airing.title, home, airing.starts_at, stations, len(began), seconds[0] if seconds else None,
        seconds[needed - 1] if 0 < needed <= len(seconds) else None,
    )  # fmt: skip


def named(rows: Iterable[Row], name: Callable[[str], str]) -> None:
    """Give rows the names that people know their codes by."""
    for row in rows:
        row.name = name(row.code)
