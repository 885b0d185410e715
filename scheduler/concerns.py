"""What people must be told of: found every few seconds from what stations say, raised once, cleared once.

Something has to stand for a while before anybody is told (`tell_after_seconds`), and to be well for a while before the
all-clear (`CALM`): a station that comes and goes wakes nobody at night. What is over before anybody was told of it is
never told. `scheduler.notices` writes the messages.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, cast, delete, exists, insert
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from core.settings import Settings
from registry.models import Station, StationState
from scheduler import troubles
from scheduler.concern_models import Concern
from scheduler.models import Airing, AiringOutcome, PlayReport

SILENT, FAULT, MUTE, VOLUME, UNHEARD, EVERYBODY = "silent", "fault", "mute", "volume", "unheard", "everybody"
# Told of by the floor above, with `begin` and `end`: a source of alerts that fails, an alert that waits for a person.
SOURCE, WAITING = "source", "alert"
KINDS = (SILENT, FAULT, MUTE, VOLUME, UNHEARD, EVERYBODY, SOURCE, WAITING)
CALM = timedelta(minutes=10)
KEPT = timedelta(days=30)
_LATELY = timedelta(minutes=15)
_A_DAY = timedelta(days=1)
_BY_STATE = (SILENT, FAULT, VOLUME, EVERYBODY)
_CHUNK = 400
_EVERY = "everybody"
Key = tuple[str, str]


@dataclass(frozen=True)
class Cause:
    """What is wrong now: since when, at which unit, and the name people know it by."""

    unit_id: str | None
    name: str
    since: datetime


def look(session: Session, now: datetime) -> int:
    """Raise what is new and clear what is over; how many changed. To be called every few seconds."""
    causes = _of_stations(session, now)
    if troubles.subjects(session, "silence") >= {_EVERY}:
        causes[EVERYBODY, _EVERY] = Cause(None, "", now)
    mute, heard = _by_microphones(session, now)
    causes |= mute
    causes |= _unheard(session, now)
    stored = columns(col(Concern.kind), col(Concern.subject), col(Concern.cleared_at).is_(None))
    stands = {(kind, subject): bool(standing) for kind, subject, standing in session.execute(stored)}
    fresh = {key: cause for key, cause in causes.items() if key not in stands}
    again = [key for key in causes if key[0] != UNHEARD and stands.get(key) is False]
    over = [
        key
        for key, standing in stands.items()
        if standing and key not in causes and (key[0] in _BY_STATE or key in heard)
    ]
    _add(session, fresh, now)
    for row in _rows(session, again):
        _raise_again(row, causes[row.kind, row.subject])
        session.add(row)
    _clear(session, _rows(session, over), now)
    return len(fresh) + len(again) + len(over)


def _rows(session: Session, keys: Sequence[Key]) -> list[Concern]:
    found: list[Concern] = []
    for kind in sorted({kind for kind, _ in keys}):
        subjects = sorted(subject for each, subject in keys if each == kind)
        for start in range(0, len(subjects), _CHUNK):
            chunk = col(Concern.subject).in_(subjects[start : start + _CHUNK])
            found += session.exec(select(Concern).where(Concern.kind == kind, chunk)).all()
    return found


def _add(session: Session, fresh: Mapping[Key, Cause], now: datetime) -> None:
    rows = [
        {
            "kind": kind, "subject": subject, "unit_id": cause.unit_id, "name": cause.name[:200], "since": cause.since,
            # What happened is over when it is known: it is told, and nobody waits for its end.
            "cleared_at": now if kind == UNHEARD else None, "clear_told_at": now if kind == UNHEARD else None,
        }
        for (kind, subject), cause in fresh.items()
    ]  # fmt: skip
    if rows:
        session.execute(insert(Concern.__table__), rows)  # type: ignore[attr-defined]


def _raise_again(row: Concern, cause: Cause) -> None:
    """What came back before its end was told goes on as if it had never been away; else it is new."""
    row.cleared_at = None
    if row.told_at is None or row.clear_told_at is not None:
        row.since, row.told_at, row.clear_told_at = cause.since, None, None
    row.unit_id, row.name = cause.unit_id, cause.name[:200]


def _clear(session: Session, over: Iterable[Concern], now: datetime) -> None:
    rows = list(over)
    subjects = sorted({row.subject for row in rows})
    serving: set[str] = set()
    for start in range(0, len(subjects), _CHUNK):
        query = select(Station.id).where(
            col(Station.id).in_(subjects[start : start + _CHUNK]), col(Station.token_hash).is_not(None)
        )
        serving.update(session.exec(query).all())
    for row in rows:
        row.cleared_at = now
        if row.subject not in serving and row.kind != EVERYBODY:
            row.clear_told_at = now  # taken out of service: nothing is well again
        session.add(row)


def _of_stations(session: Session, now: datetime) -> dict[Key, Cause]:
    """Stations in service that are silent, say that something is wrong with them, or were turned down to nothing."""
    faults = cast(StationState.faults, Text)
    wrong = (
        col(StationState.silent_since).is_not(None)
        | (faults.is_not(None) & faults.not_in(("[]", "null")))
        | (col(StationState.volume) == 0)
    )
    rows = session.execute(
        columns(
            col(Station.id), col(Station.unit_id), col(Station.name), col(StationState.silent_since),
            col(StationState.faults), col(StationState.volume),
        )
        .join(StationState, col(StationState.station_id) == Station.id)
        .where(col(Station.token_hash).is_not(None), wrong)
    ).all()  # fmt: skip
    found: dict[Key, Cause] = {}
    for station, unit, name, silent_since, said, volume in rows:
        if silent_since is not None:
            found[SILENT, station] = Cause(unit, name, silent_since)
            continue
        if said:
            found[FAULT, station] = Cause(unit, name, now)
        if volume == 0:
            found[VOLUME, station] = Cause(unit, name, now)
    # What a station that fell silent said last stands as long as it says nothing else.
    for kind, station in _standing_of_silent(session, {station for kind, station in found if kind == SILENT}):
        cause = found[SILENT, station]
        found.setdefault((kind, station), cause)
    return found


def _standing_of_silent(session: Session, silent: set[str]) -> list[Key]:
    rows = session.exec(
        select(Concern.kind, Concern.subject).where(
            col(Concern.kind).in_((FAULT, VOLUME)), col(Concern.cleared_at).is_(None)
        )
    ).all()
    return [(kind, subject) for kind, subject in rows if subject in silent]


def _by_microphones(session: Session, now: datetime) -> tuple[dict[Key, Cause], set[Key]]:
    """Where sound went out and the microphone heard none of it, by the newest reports; and where it was heard."""
    rows = session.execute(
        columns(
            col(PlayReport.station_id), col(PlayReport.heard), col(PlayReport.started_at), col(Station.unit_id),
            col(Station.name),
        )
        .join(Station, col(Station.id) == PlayReport.station_id)
        .where(
            col(PlayReport.received_at) > now - _LATELY, col(PlayReport.heard).in_(("yes", "no")),
            col(Station.token_hash).is_not(None),
        )
        .order_by(col(PlayReport.started_at))
    ).all()  # fmt: skip
    newest = {station: (heard, started, unit, name) for station, heard, started, unit, name in rows}
    mute = {
        (MUTE, station): Cause(unit, name, started)
        for station, (heard, started, unit, name) in newest.items()
        if heard == "no"
    }
    return mute, {(MUTE, station) for station, (heard, *_) in newest.items() if heard == "yes"}


def _unheard(session: Session, now: datetime) -> dict[Key, Cause]:
    """Airings accounted for lately that no station at all has played."""
    sounded = exists().where(
        col(AiringOutcome.airing_id) == Airing.id, col(AiringOutcome.outcome).in_(("played", "partial"))
    )
    owed = exists().where(col(AiringOutcome.airing_id) == Airing.id)
    rows = session.exec(
        select(Airing.id, Airing.unit_id, Airing.title, Airing.starts_at).where(
            col(Airing.state).in_(("over", "failed")), col(Airing.ends_at) > now - _A_DAY,
            col(Airing.reconciled_at) > now - _LATELY, owed, ~sounded,
        )
    ).all()  # fmt: skip
    return {(UNHEARD, airing): Cause(unit, title, starts_at) for airing, unit, title, starts_at in rows}


def begin(session: Session, kind: str, subject: str, cause: Cause) -> None:
    """Say that something is wrong; saying it again while it stands changes nothing."""
    row = session.get(Concern, (kind, subject))
    if row is None:
        row = Concern(kind=kind, subject=subject, unit_id=cause.unit_id, name=cause.name[:200], since=cause.since)
    elif row.cleared_at is not None:
        _raise_again(row, cause)
    session.add(row)
    session.flush()


def end(session: Session, kind: str, subject: str, now: datetime) -> None:
    """Say that it is over; nothing happens where it never stood."""
    row = session.get(Concern, (kind, subject))
    if row is not None and row.cleared_at is None:
        row.cleared_at = now
        session.add(row)
        session.flush()


def to_tell(session: Session, settings: Settings, now: datetime) -> list[Concern]:
    """Concerns that stand long enough and that nobody was told of yet."""
    patience = timedelta(seconds=settings.tell_after_seconds)
    untold = col(Concern.told_at).is_(None)
    stands = col(Concern.cleared_at).is_(None) & (col(Concern.since) <= now - patience)
    urgent = (col(Concern.kind) == WAITING) & col(Concern.cleared_at).is_(None)
    rows = session.exec(select(Concern).where(untold, stands | urgent | (col(Concern.kind) == UNHEARD))).all()
    return list(rows)


def to_clear(session: Session, now: datetime) -> list[Concern]:
    """Concerns that people were told of and that have been over for a while."""
    return list(
        session.exec(
            select(Concern).where(
                col(Concern.told_at).is_not(None), col(Concern.clear_told_at).is_(None),
                col(Concern.cleared_at) <= now - CALM,
            )
        ).all()
    )  # fmt: skip


def prune(session: Session, now: datetime) -> None:
    """Forget what is over: at once if nobody was told, else a month later."""
    quiet = col(Concern.told_at).is_(None) & (col(Concern.cleared_at) < now - _A_DAY)
    session.execute(delete(Concern).where(quiet | (col(Concern.clear_told_at) < now - KEPT)))
