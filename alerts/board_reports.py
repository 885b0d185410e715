"""What is kept of an emergency: written some time after its end, and corrected while reports still come in.

1. An emergency has ended when the last of its airings has, by itself or by order. `GRACE` later its lines are copied,
   one for each station, with names as they are then: whatever is moved, merged or cleared away afterwards, they stay.
2. For `LATE` from the end on, what stations tell late (they were off line, and played it when they were back) corrects
   their lines and the figures. Then the report is final.

Each step is one transaction, and doing it twice changes nothing: a worker that is killed goes on where it was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, literal, union, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from alerts import board, board_lines
from alerts.board_lines import Asked
from alerts.board_models import EmergencyLine, EmergencyReport
from core.database import Database
from core.wire import AS_WITHDRAWN
from scheduler.beats import Beat
from scheduler.models import Acknowledgement, Airing, Emergency, PlayReport

LATE = timedelta(days=1)
EVERY_SECONDS = 15.0
_A_ROUND = 5
_CHUNK = 400
_LIVE = ("planned", "issued", "on_air")
# What was being written while one looked last.
_SLACK = timedelta(seconds=10)
_TOLD = ("state", "reason", "acknowledged_at", "first_at", "seconds", "heard")


def keep(database: Database, now: datetime) -> int:
    """Write the reports that are due, and correct those that are not final; returns how many were touched."""
    with database.read() as session:
        due, open_ = list(session.exec(_due(now)).all()), _to_revise(session, now)
    done = 0
    for emergency_id in due:
        with database.write() as session:
            done += write(session, emergency_id, now)
    for emergency_id in open_:
        with database.write() as session:
            done += revise(session, emergency_id, now)
    return done


def _due(now: datetime) -> Any:
    """Ids of emergencies that ended a while ago and have no report, the oldest first."""
    reported = select(EmergencyReport.emergency_id)
    running = select(Airing.emergency_id).where(col(Airing.emergency_id).is_not(None), col(Airing.state).in_(_LIVE))
    ended = func.max(func.coalesce(Airing.withdrawn_at, Airing.ends_at))
    return (
        select(Emergency.id)
        .join(Airing, col(Airing.emergency_id) == Emergency.id)
        .where(col(Emergency.id).not_in(reported), col(Emergency.id).not_in(running))
        .group_by(col(Emergency.id))
        .having(ended <= now - board.GRACE)
        .order_by(col(Emergency.id))
        .limit(_A_ROUND)
    )


def write(session: Session, emergency_id: str, now: datetime) -> bool:
    """Keep how an emergency went; False where that was done, or it has not ended."""
    found = board.raised_of(session, [emergency_id])
    if not found or found[0].report is not None or found[0].ended_at is None:
        return False
    raised = found[0]
    asked = board.asked(raised, max(now, raised.ended_at or now), board.SILENT_AFTER)
    report = EmergencyReport(
        emergency_id=emergency_id, unit_id=raised.unit.id, unit_name=raised.unit.name, unit_path=raised.unit.path,
        title=raised.title[:300], text=raised.emergency.text, raised_by=raised.by,
        raised_at=raised.emergency.raised_at, issued_at=raised.issued_at, ended_at=raised.ended_at or now,
        state=raised.state, written_at=now, seen_at=now - _SLACK,
    )  # fmt: skip
    session.add(report)
    session.flush()
    lines = board_lines.live(session, asked)
    query = columns(*lines.c, literal(emergency_id).label("emergency_id"))
    session.execute(insert(EmergencyLine).from_select([*(each.name for each in lines.c), "emergency_id"], query))
    _count(session, raised, report, now)
    return True


def _to_revise(session: Session, now: datetime) -> list[str]:
    """Ids of emergencies whose report is not final and of which something was told since, or whose day is over."""
    rows = session.exec(select(EmergencyReport).where(col(EmergencyReport.final).is_(False))).all()
    return [
        row.emergency_id for row in rows
        if now >= row.ended_at + LATE or _told_since(session, row.emergency_id, row.seen_at + _SLACK, limit=1)
    ]  # fmt: skip


def _told_since(session: Session, emergency_id: str, since: datetime, limit: int | None = None) -> list[str]:
    """Ids of stations that reported or acknowledged anything of it at or after `since`."""
    ids = session.exec(select(Airing.id).where(Airing.emergency_id == emergency_id)).all()
    subjects = [*ids, *(f"{AS_WITHDRAWN}{each}" for each in ids)]
    reported = columns(col(PlayReport.station_id)).where(
        col(PlayReport.airing_id).in_(ids), col(PlayReport.received_at) >= since
    )
    noted = columns(col(Acknowledgement.station_id)).where(
        col(Acknowledgement.subject).in_(subjects), col(Acknowledgement.at) >= since
    )
    return list(session.execute(union(reported, noted).limit(limit)).scalars())


def revise(session: Session, emergency_id: str, now: datetime) -> bool:
    """Correct a report with what was told since; after its day it is final. False where there was nothing to do."""
    report = session.get(EmergencyReport, emergency_id)
    if report is None or report.final:
        return False
    raised = board.raised_of(session, [emergency_id])[0]
    told = sorted(_told_since(session, emergency_id, report.seen_at))
    asked = board.asked(raised, now, board.SILENT_AFTER)
    for start in range(0, len(told), _CHUNK):
        _correct(session, emergency_id, asked, told[start : start + _CHUNK])
    report.seen_at = max(report.seen_at, now - _SLACK)
    report.final = now >= report.ended_at + LATE
    _count(session, raised, report, now)
    return True


def _correct(session: Session, emergency_id: str, asked: Asked, station_ids: Sequence[str]) -> None:
    """Write anew what these stations did, under the names that are kept; a station that is new is added."""
    lines = board_lines.live(session, asked, station_ids)
    rows = {row["station_id"]: dict(row) for row in session.execute(columns(*lines.c)).mappings()}
    line = EmergencyLine
    known = set(
        session.exec(
            select(line.station_id).where(line.emergency_id == emergency_id, col(line.station_id).in_(station_ids))
        ).all()
    )
    corrected = [
        {"emergency_id": emergency_id, "station_id": each, **{name: rows[each][name] for name in _TOLD}}
        for each in sorted(rows.keys() & known)
    ]
    new = [{"emergency_id": emergency_id, **rows[each]} for each in sorted(rows.keys() - known)]
    if corrected:
        session.execute(update(line), corrected)
    if new:
        session.execute(insert(line), new)


def _count(session: Session, raised: board.Raised, report: EmergencyReport, now: datetime) -> None:
    session.flush()
    found = board.figures(session, None, raised, board_lines.kept(report.emergency_id))
    report.stations, report.acknowledged, report.sounded = found.stations, found.acknowledged, found.sounded
    report.first_s, report.most_s, report.counts = found.first_s, found.most_s, found.counts
    report.units, report.unreached, report.written_at = found.units, found.unreached, now
    session.add(report)
    session.flush()


def beats(database: Database) -> list[Beat]:
    """The worker's job."""
    return [Beat("emergency_reports", EVERY_SECONDS, lambda now: keep(database, now))]
