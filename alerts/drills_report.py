"""The report of a drill: what was found at every station, the figures of it, and what changed since the one before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import delete, func, insert
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from alerts import drills_checks
from alerts.drills_checks import Found, Played, Told
from alerts.drills_models import DrillCheck, DrillRun
from core.errors import N_
from core.settings import Settings
from registry import stations
from registry.models import StationState
from registry.stations import Place
from scheduler import audience, emergencies, keys, prepared
from scheduler.models import Acknowledgement, Airing, PlayReport

_CHUNK = 400
_SHARE = 0.95
NO_AUDIO = N_("Its audio could not be made.")
_SOUNDED = ("played", "partial")


@dataclass(frozen=True)
class Figures:
    """How it went.

    `first_s`, `median_s` and `most_s` are seconds from the beginning to the first sample (of a silent drill: to the
    output); `most_s` until 95 % of the stations in service sounded, None where fewer did.
    """

    stations: int = 0
    not_in_service: int = 0
    told: int = 0
    sounded: int = 0
    whole: int = 0
    quiet: int = 0
    repair: int = 0
    heard: int = 0
    not_heard: int = 0
    first_s: float | None = None
    median_s: float | None = None
    most_s: float | None = None


@dataclass(frozen=True)
class Compared:
    """A drill against the one before: its figures, and the stations whose verdict changed (at most `MOST`)."""

    before: DrillRun
    figures: Figures
    worse: Sequence[DrillCheck]
    mended: Sequence[DrillCheck]


MOST = 200


def figures_of(run: DrillRun) -> Figures:
    """The figures that were kept with a report."""
    known = {each.name for each in fields(Figures)}
    return Figures(**{name: value for name, value in run.figures.items() if name in known})


def keep(session: Session, run: DrillRun, settings: Settings, now: datetime) -> bool:
    """Draw up the report and keep it; anew if stations had something to add since. False where there was nothing."""
    airings = airings_of(session, run)
    if run.state == "reported" and run.reported_at is not None and not _news(session, airings, run.reported_at):
        run.reported_at = now
        session.add(run)
        return False
    rows, out_of_service = checks(session, run, airings, settings, now)
    run.airings = [each.id for each in airings]
    run.figures = asdict(summed(rows, out_of_service))
    run.state, run.reported_at = "reported", now
    if not any(each.ticket for each in airings):
        run.state = "failed"
        run.why = run.why or NO_AUDIO
    session.execute(delete(DrillCheck).where(col(DrillCheck.run_id) == run.id))
    for start in range(0, len(rows), _CHUNK):
        values = [each.model_dump() for each in rows[start : start + _CHUNK]]
        session.execute(insert(DrillCheck.__table__), values)  # type: ignore[attr-defined]
    session.add(run)
    return True


def airings_of(session: Session, run: DrillRun) -> list[Airing]:
    """What went on air for a drill."""
    if run.emergency_id:
        return emergencies.airings_of(session, [run.emergency_id])[run.emergency_id]
    return list(session.exec(select(Airing).where(col(Airing.id).in_(run.airings))).all())


def checks(
    session: Session, run: DrillRun, airings: Sequence[Airing], settings: Settings, now: datetime
) -> tuple[list[DrillCheck], int]:
    """What is known by now of every station in service that the drill is for, by name; and how many are not in it."""
    begun = run.begun_at or run.planned_at
    ids = sorted(audience.station_ids(session, run.audience))
    places = [
        each for start in range(0, len(ids), _CHUNK) for each in stations.places(session, ids[start : start + _CHUNK])
    ]
    serving = {each.station.id: each for each in places if each.station.token_hash is not None}
    told = _told(session, airings, serving, now)
    kid = keys.signer(settings).kid
    rows = []
    for identity, place in serving.items():
        found = drills_checks.judged(told[identity], run.kind, begun, kid, now)
        rows.append(_row(run.id, place, found))
    return sorted(rows, key=lambda row: (row.name, row.station_id)), len(places) - len(serving)


def summed(rows: Sequence[DrillCheck], not_in_service: int) -> Figures:
    """The figures of these checks."""
    sounded = sorted(row.sounded_s for row in rows if row.sounded_s is not None and row.outcome in _SOUNDED)
    enough = ceil(len(rows) * _SHARE)
    return Figures(
        stations=len(rows), not_in_service=not_in_service,
        told=sum(row.told_s is not None or row.outcome != "" for row in rows), sounded=len(sounded),
        whole=sum(row.outcome == "played" for row in rows), quiet=sum(row.verdict == "quiet" for row in rows),
        repair=sum(row.verdict == "repair" for row in rows), heard=sum(row.heard == "yes" for row in rows),
        not_heard=sum(row.heard == "no" for row in rows), first_s=sounded[0] if sounded else None,
        median_s=sounded[(len(sounded) - 1) // 2] if sounded else None,
        most_s=sounded[enough - 1] if sounded and 0 < enough <= len(sounded) else None,
    )  # fmt: skip


def compared(session: Session, run: DrillRun) -> Compared | None:
    """The drill against the last one of the same kind before it: of the same schedule, or of the same unit."""
    same = DrillRun.plan_id == run.plan_id if run.plan_id else DrillRun.unit_id == run.unit_id
    before = session.exec(
        select(DrillRun)
        .where(DrillRun.kind == run.kind, DrillRun.state == "reported", same, col(DrillRun.planned_at) < run.planned_at)
        .order_by(col(DrillRun.planned_at).desc())
        .limit(1)
    ).first()
    if before is None:
        return None
    bad_now, bad_then = _bad(session, run.id), _bad(session, before.id)
    checked_now, checked_then = _checked(session, run.id), _checked(session, before.id)
    worse = sorted((bad_now & checked_then) - bad_then)[:MOST]
    mended = sorted((bad_then & checked_now) - bad_now)[:MOST]
    return Compared(before, figures_of(before), _rows(session, run.id, worse), _rows(session, run.id, mended))


def found_in(session: Session, run_id: str, *, verdict: str | None = None, limit: int = 10_000) -> list[DrillCheck]:
    """What was kept of the stations of a drill, what needs a hand first, then by name; at most `limit`."""
    query = select(DrillCheck).where(DrillCheck.run_id == run_id)
    if verdict:
        query = query.where(DrillCheck.verdict == verdict)
    bad_first = col(DrillCheck.verdict) != "repair"
    return list(
        session.exec(query.order_by(bad_first, col(DrillCheck.name), col(DrillCheck.station_id)).limit(limit)).all()
    )


def found_after(
    session: Session, run_id: str, station_id: str, *, verdict: str | None = None, limit: int = 100
) -> list[DrillCheck]:
    """The same by the stations' ids, after the one named: page by page."""
    query = select(DrillCheck).where(DrillCheck.run_id == run_id, col(DrillCheck.station_id) > station_id)
    if verdict:
        query = query.where(DrillCheck.verdict == verdict)
    return list(session.exec(query.order_by(col(DrillCheck.station_id)).limit(limit)).all())


def _told(session: Session, airings: Sequence[Airing], serving: Mapping[str, Place], now: datetime) -> dict[str, Told]:
    subjects = [each.id for each in airings]
    told_at: dict[str, datetime] = {}
    for subject, station, at in _rows_of(session, Acknowledgement, subjects):
        del subject
        told_at[station] = min(at, told_at.get(station, at))
    played: dict[str, list[tuple[str, int, Played]]] = {}
    said = columns(PlayReport).where(col(PlayReport.airing_id).in_(subjects))
    for report in session.execute(said).scalars():
        one = Played(report.outcome, report.reason, report.started_at, report.peak_db, report.heard, report.heard_db)
        played.setdefault(report.station_id, []).append((report.airing_id, report.item, one))
    items = {each.id: len(each.items) for each in airings}
    wanted = prepared.held(session, now)
    found = {}
    states = _states(session, list(serving))
    for identity, place in serving.items():
        mine = sorted(played.get(identity, ()), key=lambda each: (each[0], each[1]))
        state = states.get(identity)
        names = set(place.names)
        standing = {message for name, several in wanted.items() if name in names for message, _ in several}
        found[identity] = Told(
            acknowledged_at=told_at.get(identity), played=[each for _, _, each in mine],
            items=items.get(mine[0][0], 1) if mine else 1, heard_at=state.heard_at if state else None,
            faults=(state.faults or ()) if state else (), keys=state.keys.split() if state and state.keys else None,
            standing=state.standing if state else None, wanted_standing=standing,
            ready_until=state.ready_until if state else None, free_bytes=state.free_bytes if state else None,
            temperature_c=state.temperature_c if state else None,
        )  # fmt: skip
    return found


def _rows_of(session: Session, table: type[Acknowledgement], subjects: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    query = columns(table.subject, table.station_id, table.at).where(col(table.subject).in_(subjects))  # type: ignore[call-overload]
    return map(tuple, session.execute(query))


def _states(session: Session, ids: Sequence[str]) -> dict[str, StationState]:
    found: dict[str, StationState] = {}
    for start in range(0, len(ids), _CHUNK):
        chunk = col(StationState.station_id).in_(ids[start : start + _CHUNK])
        found |= {row.station_id: row for row in session.exec(select(StationState).where(chunk)).all()}
    return found


def _row(run_id: str, place: Place, found: Found) -> DrillCheck:
    return DrillCheck(
        run_id=run_id, station_id=place.station.id, name=place.station.name, unit_id=place.unit.id,
        unit_name=place.unit.name, verdict=found.verdict, findings=list(found.findings), outcome=found.outcome,
        reason=found.reason, told_s=found.told_s, sounded_s=found.sounded_s, peak_db=found.peak_db, heard=found.heard,
        heard_db=found.heard_db,
    )  # fmt: skip


def _news(session: Session, airings: Sequence[Airing], since: datetime) -> bool:
    ids = [each.id for each in airings]
    later = select(func.count()).select_from(PlayReport).where(col(PlayReport.airing_id).in_(ids))
    return session.exec(later.where(col(PlayReport.received_at) > since)).one() > 0


def _bad(session: Session, run_id: str) -> set[str]:
    return set(
        session.exec(
            select(DrillCheck.station_id).where(DrillCheck.run_id == run_id, DrillCheck.verdict == "repair")
        ).all()
    )


def _checked(session: Session, run_id: str) -> set[str]:
    return set(session.exec(select(DrillCheck.station_id).where(DrillCheck.run_id == run_id)).all())


def _rows(session: Session, run_id: str, ids: Sequence[str]) -> list[DrillCheck]:
    query = select(DrillCheck).where(DrillCheck.run_id == run_id, col(DrillCheck.station_id).in_(ids))
    return list(session.exec(query.order_by(col(DrillCheck.name), col(DrillCheck.station_id))).all())
