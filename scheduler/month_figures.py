"""Month by month: seconds planned and played by field, priority and language, and how each station kept its timetable.

A unit's month is always summed up whole, from the outcomes as they stand. What a late report corrects bears the
instant of its correction (`AiringOutcome.updated_at`): the months and units it touches are summed up anew. A station
that has moved since counts for the unit where it stood then.

Where an airing was played whole, its seconds go to its items by their lengths; where it was played in part, each item
gets what stations reported of it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, insert
from sqlalchemy import select as columns
from sqlmodel import Session, col

from core.database import Database
from playlists.models import Bulletin, BulletinVersion
from registry import former_places
from registry.former_models import FormerPlace
from registry.models import Station
from scheduler.heard import zones_of
from scheduler.models import Airing, AiringOutcome, PlayReport
from scheduler.statistics_models import MonthFigure, RollUp, StationMonth

NAME = "months"
OVERLAP = timedelta(minutes=2)
_SELDOM = timedelta(minutes=30)
_AGAIN = timedelta(days=40)
_CHUNK = 400
_PAGE = 5_000
Subject = tuple[str, str, str]  # field, priority, language
NO_BULLETIN: Subject = ("", "", "")
_NAMES = ("played", "partial", "missed")
# What sounded counts where the station stood when it did; how a station kept its timetable stays with the station.
_LEFT, _HOME = former_places.home_then(col(Airing.starts_at))


@dataclass
class _Sums:
    """What comes together of one month: seconds planned and played by unit and subject, and of each station."""

    figures: dict[tuple[str, Subject], list[float]] = field(default_factory=dict)
    stations: dict[str, dict[str, Any]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)

    def add(self, unit: str, subject: Subject, planned: float, played: float) -> None:
        row = self.figures.setdefault((unit, subject), [0.0, 0.0])
        row[0] += planned
        row[1] += played


def keep_up(database: Database, default_zone: str, now: datetime) -> int:
    """Sum up anew what has changed since the last time; how many months of how many units."""
    with database.read() as session:
        mark = session.get(RollUp, NAME)
        since = _since(mark.upto, now) if mark else None
        touched = _touched(session, since, default_zone)
    for (zone, month), unit_ids in sorted(touched.items(), key=lambda each: (each[0][1], each[0][0].key)):
        with database.read() as session:
            sums = _summed(session, zone, month, unit_ids)
        _store(database, month, unit_ids, sums)
    if touched or mark is None or now - mark.upto > _SELDOM:
        with database.write() as session:
            session.merge(RollUp(name=NAME, upto=now))
    return sum(len(unit_ids) for unit_ids in touched.values())


def _since(upto: datetime, now: datetime) -> datetime:
    """From when on outcomes are looked at: once a day the last weeks, whatever was missed before."""
    last = min(upto, now)
    return now - _AGAIN if last.date() != now.date() else last - OVERLAP


def bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of a month (`2026-11`) by the clock of a zone, and that of the next. Pure."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, following))
    return start, end


def _touched(session: Session, since: datetime | None, default_zone: str) -> dict[tuple[ZoneInfo, str], set[str]]:
    """Which months of which units have an outcome that was written since."""
    query = (
        columns(col(Airing.starts_at), col(Station.unit_id), _HOME)
        .join_from(AiringOutcome, Airing, col(Airing.id) == col(AiringOutcome.airing_id))
        .join(Station, col(Station.id) == col(AiringOutcome.station_id))
        .outerjoin(FormerPlace, _LEFT)
        .where(col(Airing.kind) == "programme")
        .distinct()
    )
    if since is not None:
        query = query.where(col(AiringOutcome.updated_at) >= since)
    days: set[tuple[str, datetime]] = set()
    for starts_at, *homes in session.execute(query.execution_options(yield_per=_PAGE)):
        hour = starts_at.replace(minute=0, second=0, microsecond=0)  # zones differ by hours and more
        days.update((unit_id, hour) for unit_id in homes)
    zones = zones_of(session, {unit_id for unit_id, _ in days}, default_zone)
    found: dict[tuple[ZoneInfo, str], set[str]] = {}
    for unit_id, hour in days:
        month = hour.astimezone(zones[unit_id]).strftime("%Y-%m")
        found.setdefault((zones[unit_id], month), set()).add(unit_id)
    return found


def _summed(session: Session, zone: ZoneInfo, month: str, unit_ids: Collection[str]) -> _Sums:
    start, end = bounds(month, zone)
    inside = (col(Airing.starts_at) >= start, col(Airing.starts_at) < end, col(Airing.kind) == "programme")
    # More units than one query may name: all are read, and those that were not asked for are left out.
    asked, few = sorted(unit_ids), len(unit_ids) <= _CHUNK
    there: list[ColumnElement[bool]] = [_HOME.in_(asked)] if few else []
    standing: list[ColumnElement[bool]] = [col(Station.unit_id).in_(asked)] if few else []
    shares = _shares(session, inside)
    sums = _Sums()
    query = (
        columns(
            col(AiringOutcome.airing_id), _HOME, col(AiringOutcome.outcome),
            func.sum(AiringOutcome.planned_seconds), func.sum(AiringOutcome.played_seconds),
        )
        .join_from(Airing, AiringOutcome, col(AiringOutcome.airing_id) == col(Airing.id))
        .join(Station, col(Station.id) == col(AiringOutcome.station_id))
        .outerjoin(FormerPlace, _LEFT)
        .where(*inside, *there)
        .group_by(col(AiringOutcome.airing_id), _HOME, col(AiringOutcome.outcome))
    )  # fmt: skip
    for airing_id, unit_id, outcome, planned, played in session.execute(query.execution_options(yield_per=_PAGE)):
        if unit_id in unit_ids:
            for subject, share in shares.get(airing_id, _ALL).items():
                sums.add(unit_id, subject, planned * share, played * share if outcome == "played" else 0.0)
    _add_parts(session, sums, unit_ids, (*inside, *there))
    _add_stations(session, sums, unit_ids, (*inside, *standing))
    return sums


_ALL: Mapping[Subject, float] = {NO_BULLETIN: 1.0}


def _shares(session: Session, inside: Collection[ColumnElement[bool]]) -> dict[str, dict[Subject, float]]:
    """For each airing what share of its length each subject has."""
    rows: dict[str, list[tuple[str, str, float]]] = {}
    query = columns(col(Airing.id), col(Airing.items)).where(*inside)
    for airing_id, items in session.execute(query.execution_options(yield_per=_PAGE)):
        rows[airing_id] = [_of_item(item) for item in items]
    subjects = _subjects(session, {name for items in rows.values() for name, _, _ in items if name})
    found = {}
    for airing_id, items in rows.items():
        whole = sum(seconds for _, _, seconds in items)
        shares: dict[Subject, float] = {}
        for name, language, seconds in items:
            subject = _subject(subjects, name, language)
            shares[subject] = shares.get(subject, 0.0) + (seconds / whole if whole else 0.0)
        found[airing_id] = shares or dict(_ALL)
    return found


def _of_item(item: Mapping[str, Any]) -> tuple[str, str, float]:
    return str(item.get("bulletin") or ""), str(item.get("language") or ""), float(item["seconds"])


def _subject(subjects: Mapping[str, Subject], name: str, language: str) -> Subject:
    if name not in subjects:
        return NO_BULLETIN
    subject, priority, own = subjects[name]
    return subject, priority, (language or own)[:12]


def _subjects(session: Session, names: Iterable[str]) -> dict[str, Subject]:
    """Field, priority and language of bulletins, as they were approved last."""
    ordered, found = sorted(names), {}
    for start in range(0, len(ordered), _CHUNK):
        query = (
            columns(
                col(Bulletin.id), col(BulletinVersion.field), col(BulletinVersion.priority),
                col(BulletinVersion.language),
            )
            .join_from(Bulletin, BulletinVersion, col(BulletinVersion.bulletin_id) == col(Bulletin.id))
            .where(
                col(Bulletin.id).in_(ordered[start : start + _CHUNK]),
                col(BulletinVersion.number) == func.coalesce(Bulletin.approved, Bulletin.latest),
            )
        )  # fmt: skip
        found.update({name: (subject, priority, own) for name, subject, priority, own in session.execute(query)})
    return found


def _add_parts(
    session: Session, sums: _Sums, unit_ids: Collection[str], conditions: Collection[ColumnElement[bool]]
) -> None:
    """What was played of airings that were played in part: item by item, as stations reported it."""
    query = (
        columns(col(AiringOutcome.airing_id), _HOME, col(PlayReport.item), func.sum(PlayReport.seconds))
        .join_from(Airing, AiringOutcome, col(AiringOutcome.airing_id) == col(Airing.id))
        .join(Station, col(Station.id) == col(AiringOutcome.station_id))
        .outerjoin(FormerPlace, _LEFT)
        .join(
            PlayReport,
            (col(PlayReport.airing_id) == col(AiringOutcome.airing_id))
            & (col(PlayReport.station_id) == col(AiringOutcome.station_id)),
        )
        .where(*conditions, col(AiringOutcome.outcome) == "partial", col(PlayReport.seconds) > 0)
        .group_by(col(AiringOutcome.airing_id), _HOME, col(PlayReport.item))
    )
    rows = [row for row in session.execute(query) if row[1] in unit_ids]
    ids = sorted({row[0] for row in rows})
    items: dict[str, list[tuple[str, str, float]]] = {}
    for start in range(0, len(ids), _CHUNK):
        found = columns(col(Airing.id), col(Airing.items)).where(col(Airing.id).in_(ids[start : start + _CHUNK]))
        items.update({name: [_of_item(item) for item in each] for name, each in session.execute(found)})
    subjects = _subjects(session, {name for each in items.values() for name, _, _ in each if name})
    for airing_id, unit_id, number, seconds in rows:
        there = items.get(airing_id, [])
        if number < len(there):
            sums.add(unit_id, _subject(subjects, *there[number][:2]), 0.0, float(seconds))


def _add_stations(
    session: Session, sums: _Sums, unit_ids: Collection[str], conditions: Collection[ColumnElement[bool]]
) -> None:
    query = (
        columns(
            col(AiringOutcome.station_id), col(Station.unit_id), col(AiringOutcome.outcome), func.count(),
            func.sum(AiringOutcome.planned_seconds), func.sum(AiringOutcome.played_seconds),
        )
        .join_from(Airing, AiringOutcome, col(AiringOutcome.airing_id) == col(Airing.id))
        .join(Station, col(Station.id) == col(AiringOutcome.station_id))
        .where(*conditions)
        .group_by(col(AiringOutcome.station_id), col(Station.unit_id), col(AiringOutcome.outcome))
    )  # fmt: skip
    for station_id, unit_id, outcome, count, planned, played in session.execute(query):
        if unit_id not in unit_ids:
            continue
        row = sums.stations.setdefault(
            station_id, dict.fromkeys(_NAMES, 0) | {"planned_seconds": 0.0, "played_seconds": 0.0}
        )
        row[outcome if outcome in _NAMES else "missed"] += count
        row["planned_seconds"] += planned
        row["played_seconds"] += played
        sums.homes[station_id] = unit_id


def _store(database: Database, month: str, unit_ids: Collection[str], sums: _Sums) -> None:
    """Put the sums in place of the former ones, in transactions of a bounded number of units."""
    ordered = sorted(unit_ids)
    for start in range(0, len(ordered), _CHUNK):
        chunk = set(ordered[start : start + _CHUNK])
        figures = [
            {
                "unit_id": unit_id, "month": month, "field": subject[0], "priority": subject[1],
                "language": subject[2], "planned_seconds": planned, "played_seconds": played,
            }
            for (unit_id, subject), (planned, played) in sums.figures.items() if unit_id in chunk
        ]  # fmt: skip
        kept = [
            {"station_id": station_id, "month": month, **row}
            for station_id, row in sums.stations.items() if sums.homes[station_id] in chunk
        ]  # fmt: skip
        with database.write() as session:
            here = columns(col(Station.id)).where(col(Station.unit_id).in_(chunk))
            session.execute(
                delete(MonthFigure).where(col(MonthFigure.month) == month, col(MonthFigure.unit_id).in_(chunk))
            )
            session.execute(
                delete(StationMonth).where(col(StationMonth.month) == month, col(StationMonth.station_id).in_(here))
            )
            for table, rows in ((MonthFigure, figures), (StationMonth, kept)):
                if rows:
                    session.execute(insert(table), rows)
