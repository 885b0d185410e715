"""What stations say they played, and holding it against what was planned."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple, get_args

from sqlalchemy import Row, delete, insert, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.allowed import LIMITS
from core.wire import Outcome, Report
from registry.models import Station
from registry.stations import Place
from scheduler import audience, standing_then, starting, troubles
from scheduler.models import Airing, AiringOutcome, PlayReport, Trouble

# Played to within this much of the planned length counts as whole: codecs pad and cut a little.
TOLERANCE_S = 1.0
_FEW = 0.02
NOBODY_SAID = "offline"
_CHUNK = 400
_OUTCOMES = frozenset(get_args(Outcome))
_MOST_SECONDS = 172_800  # as the wire has it
_MOST_REASON = 16
Key = tuple[str, str]  # airing and station


@dataclass
class Verdict:
    """`accepted` are kept (or were already); `refused` pairs an id with why it never will be."""

    accepted: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def accept(session: Session, place: Place, reports: Sequence[Report], now: datetime) -> Verdict:
    """Keep a station's reports. The same id again counts once; one about an airing not for it is refused.

    An airing of a place where the station stood when it was signed is one for it.
    """
    return accept_all(session, [(place, reports)], now)[0]


def accept_all(session: Session, calls: Sequence[tuple[Place, Sequence[Report]]], now: datetime) -> list[Verdict]:
    """Keep what several stations report, with queries whose number does not grow with theirs; a verdict for each."""
    starting.enter(session, calls, now)
    every = [report for _, reports in calls for report in reports]
    known: dict[str, str] = {}
    airings: dict[str, _Airing] = {}
    for start in range(0, len(every), _CHUNK):
        ids = [report.id for report in every[start : start + _CHUNK]]
        query = select(PlayReport.id, PlayReport.station_id).where(col(PlayReport.id).in_(ids))
        known.update(session.exec(query).all())
    about = sorted({report.airing for report in every})
    for start in range(0, len(about), _CHUNK):
        found = columns(*(col(each) for each in _OF_AN_AIRING))
        for row in session.execute(found.where(col(Airing.id).in_(about[start : start + _CHUNK]))):
            airings[row.id] = _Airing(*row)
    late: dict[str, set[str]] = {}
    rows: list[dict[str, Any]] = []
    before = standing_then.Before(session, calls, airings)
    verdicts = [_sorted_out(place, reports, known, airings, before, rows, late, now) for place, reports in calls]
    if rows:
        session.execute(insert(PlayReport.__table__), rows)  # type: ignore[attr-defined]
    _settle(session, [(airings[airing_id], station_ids) for airing_id, station_ids in late.items()], now)
    return verdicts


class _Airing(NamedTuple):
    """What accounting needs of an airing: its signed ticket, the largest part, is left where it lies."""

    id: str
    audience: list[str]
    items: list[dict[str, Any]]
    reconciled_at: datetime | None
    starts_at: datetime
    withdrawn_at: datetime | None
    created_at: datetime

    @property
    def counts(self) -> bool:
        """Whether every station owes an outcome: not where it was withdrawn, or replaced, before it began."""
        return self.withdrawn_at is None or self.withdrawn_at > self.starts_at


_OF_AN_AIRING = (
    Airing.id, Airing.audience, Airing.items, Airing.reconciled_at, Airing.starts_at, Airing.withdrawn_at,
    Airing.created_at,
)  # fmt: skip
_OF_ONE_THAT_IS_OVER = Airing.ends_at, Airing.state, Airing.kind, Airing.reason


def _sorted_out(
    place: Place,
    reports: Sequence[Report],
    known: dict[str, str],
    airings: Mapping[str, _Airing],
    before: standing_then.Before,
    rows: list[dict[str, Any]],
    late: dict[str, set[str]],
    now: datetime,
) -> Verdict:
    """The verdict on one station's reports. What is new goes into `rows`; what corrects an outcome into `late`."""
    verdict = Verdict()
    names = set(place.names)
    for report in reports:
        airing = airings.get(report.airing)
        if known.get(report.id) == place.station.id:
            verdict.accepted.append(report.id)
            continue
        if report.id in known:
            verdict.refused.append((report.id, "id_taken"))
            continue
        if airing is None or (names.isdisjoint(airing.audience) and not before.was_for(place, airing)):
            verdict.refused.append((report.id, "unknown_airing"))
            continue
        if report.item >= max(len(airing.items), 1):
            verdict.refused.append((report.id, "unknown_item"))
            continue
        known[report.id] = place.station.id
        rows.append(
            {
                "id": report.id, "station_id": place.station.id, "airing_id": airing.id, "item": report.item,
                "outcome": report.outcome, "reason": _reason(report), "started_at": report.started_at,
                "ended_at": report.ended_at, "seconds": report.seconds, "volume": report.volume,
                "peak_db": report.peak_db, "heard": report.heard, "heard_db": report.heard_db, "received_at": now,
            }
        )  # fmt: skip
        verdict.accepted.append(report.id)
        if airing.reconciled_at is not None and (airing.counts or report.seconds > 0):
            late.setdefault(airing.id, set()).add(place.station.id)
    return verdict


def _reason(report: Report) -> str | None:
    """Why, as precisely as the station said it: of a limit the wire has one reason for all."""
    return report.limit if report.limit in LIMITS else report.reason


def any_to_reconcile(session: Session, now: datetime, grace: timedelta) -> bool:
    """Whether `reconcile` would find something: a look that takes no lock."""
    return session.exec(_to_reconcile(now, grace).limit(1)).first() is not None


def _to_reconcile(now: datetime, grace: timedelta) -> SelectOfScalar[str]:
    """Ids only: one row that can't be read must not hide the others."""
    aside = select(Trouble.subject).where(
        Trouble.kind == "airing", col(Trouble.cleared_at).is_(None), col(Trouble.seen_at) > now - troubles.AGAIN
    )
    signed = col(Airing.state).in_(("over", "withdrawn")) & (col(Airing.ticket) != "")
    return (
        select(Airing.id)
        .where(
            signed | (col(Airing.state) == "failed"),
            col(Airing.reconciled_at).is_(None),
            col(Airing.ends_at) < now - grace,
            col(Airing.id).not_in(aside),
        )
        .order_by(col(Airing.ends_at))
    )


def reconcile(session: Session, now: datetime, grace: timedelta, limit: int = 50) -> int:
    """Account for airings that are over: each station played, partly played, or missed and why. Returns how many.

    What was never signed was missed by all. An airing that can't be accounted for is set aside, and the others are.
    """
    over = session.exec(_to_reconcile(now, grace).limit(limit)).all()
    if not over:
        return 0
    aside = troubles.subjects(session, "airing")
    try:
        with session.begin_nested():
            _account(session, over, now)
    except troubles.PASSING:
        raise
    except Exception:  # noqa: BLE001 - one of them: each for itself then
        _account_singly(session, over, now)
        return len(over)
    if aside.intersection(over):
        troubles.clear(session, "airing", aside.intersection(over), now)
    return len(over)


def _account_singly(session: Session, airing_ids: Iterable[str], now: datetime) -> None:
    aside = troubles.subjects(session, "airing")
    for airing_id in airing_ids:
        try:
            with session.begin_nested():
                _account(session, [airing_id], now)
            if airing_id in aside:
                troubles.clear(session, "airing", [airing_id], now)
        except troubles.PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must be accounted for
            unit_id = session.exec(select(Airing.unit_id).where(Airing.id == airing_id)).one()
            troubles.report(session, "airing", airing_id, troubles.describe(error), now, unit_id)


def _account(session: Session, airing_ids: Sequence[str], now: datetime) -> None:
    """Settle airings that are over, in a number of queries that does not grow with theirs."""
    found = columns(*(col(each) for each in (*_OF_AN_AIRING, *_OF_ONE_THAT_IS_OVER)))
    airings = session.execute(found.where(col(Airing.id).in_(airing_ids)).order_by(col(Airing.id))).all()
    parts = [_Airing(*airing[: len(_OF_AN_AIRING)]) for airing in airings]
    behind = audience.stations_behind(session, {name for part in parts if part.counts for name in part.audience})
    stood = standing_then.Expected(session, behind, [part for part in parts if part.counts])
    in_service = _in_service(session, stood.stations)
    owed: list[tuple[_Airing, set[str]]] = []
    said: dict[str, set[str]] = {}
    counts = {part.id: part.counts for part in parts}
    heard = columns(col(PlayReport.airing_id), col(PlayReport.station_id), col(PlayReport.seconds))
    for airing_id, station_id, seconds in session.execute(heard.where(col(PlayReport.airing_id).in_(airing_ids))):
        # Where it does not count, a station that had not heard of that may have played it all the same.
        if counts[airing_id] or seconds > 0:
            said.setdefault(airing_id, set()).add(station_id)
    for airing, part in zip(airings, parts, strict=True):
        expected = stood.at(part) if part.counts else set()
        there = {each for each in expected if each in in_service and in_service[each] < airing.ends_at}
        if part.counts and airing.state == "failed":
            _all_missed(session, airing, there, now)
        else:
            owed.append((part, there | said.get(part.id, set())))
    _settle(session, owed, now)
    session.execute(update(Airing).where(col(Airing.id).in_(airing_ids)).values(reconciled_at=now))


def _in_service(session: Session, station_ids: Collection[str]) -> dict[str, datetime]:
    """Since when those of these stations that are in service have been."""
    query = select(Station.id, Station.enrolled_at).where(col(Station.token_hash).is_not(None))
    ordered, found = sorted(station_ids), {}
    for start in range(0, len(ordered), _CHUNK):
        some = query.where(col(Station.id).in_(ordered[start : start + _CHUNK]))
        found.update({station: since for station, since in session.exec(some).all() if since})
    return found


def _all_missed(session: Session, airing: Row[Any], stations: Iterable[str], now: datetime) -> None:
    """No station was handed it: for the same reason everywhere."""
    planned = sum(float(item["seconds"]) for item in airing.items) or (
        (airing.ends_at - airing.starts_at).total_seconds() if airing.kind != "emergency" else 0.0
    )
    rows = [
        {
            "airing_id": airing.id, "station_id": station_id, "outcome": "missed",
            "reason": (airing.reason or "not_ready")[:_MOST_REASON], "planned_seconds": planned,
            "played_seconds": 0.0, "updated_at": now,
        }
        for station_id in sorted(stations)
    ]  # fmt: skip
    session.execute(delete(AiringOutcome).where(col(AiringOutcome.airing_id) == airing.id))
    if rows:
        session.execute(insert(AiringOutcome), rows)


def _settle(session: Session, owed: Sequence[tuple[_Airing, set[str]]], now: datetime) -> None:
    """Write or correct the outcomes of airings at these stations, in a number of queries that grows with neither."""
    for start in range(0, len(owed), _CHUNK):
        _settle_some(session, owed[start : start + _CHUNK], now)


def _settle_some(session: Session, owed: Sequence[tuple[_Airing, set[str]]], now: datetime) -> None:
    airings = {airing.id: airing for airing, _ in owed}
    said: dict[Key, list[_Said]] = {(airing.id, each): [] for airing, chosen in owed for each in sorted(chosen)}
    stations = sorted({station for _, station in said})
    # Of an airing for thousands, the reports of those who now spoke late are enough.
    few = len(stations) <= _CHUNK
    wanted = (PlayReport.item, PlayReport.outcome, PlayReport.reason, PlayReport.seconds, PlayReport.id)
    query = columns(col(PlayReport.airing_id), col(PlayReport.station_id), *(col(each) for each in wanted)).where(
        col(PlayReport.airing_id).in_(airings)
    )
    there = columns(col(AiringOutcome.airing_id), col(AiringOutcome.station_id)).where(
        col(AiringOutcome.airing_id).in_(airings)
    )
    if few:
        query = query.where(col(PlayReport.station_id).in_(stations))
        there = there.where(col(AiringOutcome.station_id).in_(stations))
    for airing_id, station_id, *row in session.execute(
        query.order_by(col(PlayReport.started_at), col(PlayReport.item))
    ):
        if (airing_id, station_id) not in said:
            continue
        report = _Said(*row)
        if _makes_sense(report, len(airings[airing_id].items)):
            said[airing_id, station_id].append(report)
        else:
            unit_id = session.exec(select(Station.unit_id).where(Station.id == station_id)).first()
            troubles.report(session, "report", report.id, f"{station_id}: {report}", now, unit_id)
    known = {(airing_id, station_id) for airing_id, station_id in session.execute(there)}
    planned = {each.id: sum(float(item["seconds"]) for item in each.items) for each in airings.values()}
    new: list[dict[str, Any]] = []
    corrected: list[dict[str, Any]] = []
    for key, reports in said.items():
        airing_id, station_id = key
        outcome, reason, played = judge(reports, len(airings[airing_id].items), planned[airing_id])
        values = {
            "airing_id": airing_id, "station_id": station_id, "outcome": outcome, "reason": reason,
            "played_seconds": round(played, 3), "updated_at": now,
        }  # fmt: skip
        if key in known:
            corrected.append(values)
        else:
            new.append(values | {"planned_seconds": planned[airing_id]})
    if new:
        session.execute(insert(AiringOutcome.__table__), new)  # type: ignore[attr-defined]
    if corrected:
        session.execute(update(AiringOutcome), corrected)


class _Said(NamedTuple):
    """What judging needs of a report."""

    item: int
    outcome: str
    reason: str | None
    seconds: float
    id: str = ""


def _makes_sense(report: _Said, items: int) -> bool:
    """Whether a stored report can be counted: what comes in is checked, what somebody wrote into the table is not."""
    numbers = isinstance(report.seconds, int | float) and isinstance(report.item, int)
    return (
        numbers
        and report.outcome in _OUTCOMES
        and isfinite(report.seconds)
        and 0 <= report.seconds <= _MOST_SECONDS
        and 0 <= report.item < max(items, 1)
    )


def judge(reports: Sequence[PlayReport | _Said], items: int, planned: float) -> tuple[str, str | None, float]:
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
