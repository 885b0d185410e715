"""What stations say they played, and holding it against what was planned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.wire import Report
from registry.models import Station
from registry.stations import Place
from scheduler import audience
from scheduler.models import Airing, AiringOutcome, PlayReport

# Played to within this much of the planned length counts as whole: codecs pad and cut a little.
TOLERANCE_S = 1.0
_FEW = 0.02
NOBODY_SAID = "offline"
_CHUNK = 400


@dataclass
class Verdict:
    """`accepted` are kept (or were already); `refused` pairs an id with why it never will be."""

    accepted: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def accept(session: Session, place: Place, reports: Sequence[Report], now: datetime) -> Verdict:
    """Keep a station's reports. The same id again counts once; one about an airing not for it is refused."""
    verdict = Verdict()
    known = {
        identity: station_id
        for start in range(0, len(reports), _CHUNK)
        for identity, station_id in session.exec(
            select(PlayReport.id, PlayReport.station_id).where(
                col(PlayReport.id).in_([r.id for r in reports[start : start + _CHUNK]])
            )
        ).all()
    }
    airings = {
        airing.id: airing
        for start in range(0, len(reports), _CHUNK)
        for airing in session.exec(
            select(Airing).where(col(Airing.id).in_({r.airing for r in reports[start : start + _CHUNK]}))
        ).all()
    }
    names = set(place.names)
    late: dict[str, Airing] = {}
    for report in reports:
        airing = airings.get(report.airing)
        if known.get(report.id) == place.station.id:
            verdict.accepted.append(report.id)
            continue
        if report.id in known:
            verdict.refused.append((report.id, "id_taken"))
            continue
        if airing is None or names.isdisjoint(airing.audience):
            verdict.refused.append((report.id, "unknown_airing"))
            continue
        if report.item >= max(len(airing.items), 1):
            verdict.refused.append((report.id, "unknown_item"))
            continue
        known[report.id] = place.station.id
        session.add(
            PlayReport(
                id=report.id, station_id=place.station.id, airing_id=airing.id, item=report.item,
                outcome=report.outcome, reason=report.reason, started_at=report.started_at, ended_at=report.ended_at,
                seconds=report.seconds, volume=report.volume, peak_db=report.peak_db, received_at=now,
            )
        )  # fmt: skip
        verdict.accepted.append(report.id)
        if airing.reconciled_at is not None:
            late[airing.id] = airing
    session.flush()
    for airing in late.values():
        _settle(session, airing, {place.station.id}, now)
    return verdict


def any_to_reconcile(session: Session, now: datetime, grace: timedelta) -> bool:
    """Whether `reconcile` would find something: a look that takes no lock."""
    return session.exec(_to_reconcile(now, grace).limit(1)).first() is not None


def _to_reconcile(now: datetime, grace: timedelta) -> SelectOfScalar[Airing]:
    return (
        select(Airing)
        .where(
            col(Airing.state).in_(("over", "withdrawn")),
            Airing.ticket != "",
            col(Airing.reconciled_at).is_(None),
            col(Airing.ends_at) < now - grace,
        )
        .order_by(col(Airing.ends_at))
    )


def reconcile(session: Session, now: datetime, grace: timedelta, limit: int = 50) -> int:
    """Account for airings that are over: each station played, partly played, or missed and why. Returns how many."""
    over = session.exec(_to_reconcile(now, grace).limit(limit)).all()
    in_service = (
        session.exec(
            select(Station.id, Station.enrolled_at).where(
                col(Station.enrolled_at).is_not(None), col(Station.token_hash).is_not(None)
            )
        ).all()
        if over
        else ()
    )
    for airing in over:
        if airing.state == "over" or (airing.withdrawn_at and airing.withdrawn_at > airing.starts_at):
            expected = audience.station_ids(session, airing.audience)
            there = {station for station, since in in_service if since and since < airing.ends_at}
            said = session.exec(select(PlayReport.station_id).where(PlayReport.airing_id == airing.id)).all()
            _settle(session, airing, expected & there | set(said), now)
        airing.reconciled_at = now
        session.add(airing)
    return len(over)


def _settle(session: Session, airing: Airing, stations: Iterable[str], now: datetime) -> None:
    chosen = sorted(stations)
    by_station: dict[str, list[PlayReport]] = {station: [] for station in chosen}
    query = select(PlayReport).where(PlayReport.airing_id == airing.id)
    for report in session.exec(query.order_by(col(PlayReport.started_at))).all():
        if report.station_id in by_station:
            by_station[report.station_id].append(report)
    planned = sum(float(item["seconds"]) for item in airing.items)
    for station_id, reports in by_station.items():
        outcome, reason, played = judge(reports, len(airing.items), planned)
        row = session.get(AiringOutcome, (airing.id, station_id)) or AiringOutcome(
            airing_id=airing.id,
            station_id=station_id,
            outcome="",
            planned_seconds=planned,
            played_seconds=0,
            updated_at=now,
        )
        row.outcome, row.reason, row.played_seconds, row.updated_at = outcome, reason, round(played, 3), now
        session.add(row)


def judge(reports: Sequence[PlayReport], items: int, planned: float) -> tuple[str, str | None, float]:
    """Outcome, reason and played seconds of one airing at one station. Pure.

    Nothing heard is "missed": with the station's own reason, or `offline` when it has not said anything.
    """
    played = sum(report.seconds for report in reports if report.outcome in {"played", "partial"})
    whole = {report.item for report in reports if report.outcome == "played"}
    reason = next((report.reason for report in reports if report.reason), None)
    if len(whole) == items or (played >= planned * (1 - _FEW) - TOLERANCE_S and played > 0 and not reason):
        return "played", None, played
    if played > 0:
        return "partial", reason or NOBODY_SAID, played
    refused = any(report.outcome == "refused" for report in reports)
    return ("refused" if refused else "missed"), reason or NOBODY_SAID, 0.0
