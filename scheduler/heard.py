"""What was heard where: bulletins, by the unit of the station that played them, kept up from what stations report.

A bulletin counts as heard in a unit when one of its stations says that it played at least half of it. Reports are taken
in the order in which they came in, a bounded number at a time. Taking one again changes nothing, and the order of
reports does not matter: a late one counts when it comes, for the month in which it sounded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, func
from sqlalchemy import select as columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from core.clock import zone as known_zone
from core.database import Database
from playlists.models import BulletinVersion
from registry import former_places, units
from registry.former_models import FormerPlace
from registry.models import Station
from scheduler.models import Airing, PlayReport
from scheduler.statistics_models import HeardBulletin, RollUp

NAME = "heard"
# A report is committed a moment after the instant it bears: what came in of late is looked at again.
OVERLAP = timedelta(minutes=5)
AT_ONCE = 20_000
_ROUNDS = 25
_SELDOM = timedelta(minutes=10)  # where nothing comes in, the mark moves on as often
_CHUNK = 400
_HEARD = ("played", "partial")
_WAS_APPROVED = ("approved", "superseded", "withdrawn")
_HALF = 0.5
_KEY = ("unit_id", "month", "bulletin_id", "language")
_LEFT, _HOME = former_places.home_then(col(PlayReport.started_at))  # where the station stood when it sounded


@dataclass(frozen=True)
class _Played:
    """What stations of one unit said of one item of an airing."""

    airing_id: str
    item: int
    unit_id: str
    seconds: float
    first_at: datetime
    last_at: datetime


def keep_up(database: Database, default_zone: str, now: datetime) -> int:
    """Take in what was reported since the last time; how many rows were written. Goes on where it was killed."""
    with database.read() as session:
        mark = session.get(RollUp, NAME)
    since = min(mark.upto, now) - OVERLAP if mark else None
    written = 0
    for _ in range(_ROUNDS):
        with database.read() as session:
            until = _end_of_piece(session, since)
            rows = _rows(session, since, until, default_zone)
        if rows or until is not None or mark is None or now - mark.upto > _SELDOM:
            with database.write() as session:
                _store(session, rows)
                # Where the piece was cut, the next begins there, after the overlap that is taken off again.
                session.merge(RollUp(name=NAME, upto=now if until is None else min(until + OVERLAP, now)))
        written += len(rows)
        since = until
        if until is None:
            break
    return written


def _end_of_piece(session: Session, since: datetime | None) -> datetime | None:
    """The instant at which the next `AT_ONCE` reports end; None when there are no more than that."""
    query = select(PlayReport.received_at).order_by(col(PlayReport.received_at)).offset(AT_ONCE).limit(1)
    if since is not None:
        query = query.where(col(PlayReport.received_at) >= since)
    end = session.exec(query).first()
    # So many within one instant: beyond any batch there can be, but a loop must get on.
    return end if end is None or since is None or end > since else since + timedelta(milliseconds=1)


def _rows(session: Session, since: datetime | None, until: datetime | None, default_zone: str) -> list[dict[str, Any]]:
    played = _played(session, since, until)
    airings = _airings(session, {each.airing_id for each in played})
    bulletins = {
        str(item["bulletin"]) for row in airings.values() for item in row.items if item.get("bulletin")
    }  # fmt: skip
    versions = _versions(session, bulletins)
    zones = zones_of(session, {each.unit_id for each in played}, default_zone)
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for each in sorted(played, key=lambda one: one.last_at):
        airing = airings.get(each.airing_id)
        item = airing.items[each.item] if airing is not None and each.item < len(airing.items) else {}
        if airing is None or not item.get("bulletin") or each.seconds < _HALF * float(item["seconds"]):
            continue
        version = _sounded(versions.get(str(item["bulletin"]), ()), airing.issued_at or airing.starts_at)
        if version is None:
            continue
        row = _row(each, item, version, zones[each.unit_id])
        key = tuple(str(row[name]) for name in _KEY)
        if key in found:
            row["first_at"] = min(row["first_at"], found[key]["first_at"])
        found[key] = row
    return list(found.values())


def _row(each: _Played, item: Mapping[str, Any], version: BulletinVersion, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "unit_id": each.unit_id, "month": each.first_at.astimezone(zone).strftime("%Y-%m"),
        "bulletin_id": version.bulletin_id, "language": str(item.get("language") or version.language)[:12],
        "version_id": version.id, "field": version.field, "priority": version.priority,
        "seconds": float(item["seconds"]),
        "sha256": str(((item.get("clip") or {}).get("mp3") or {}).get("sha256", "")), "airing_id": each.airing_id,
        "first_at": each.first_at, "last_at": each.last_at,
    }  # fmt: skip


def _played(session: Session, since: datetime | None, until: datetime | None) -> list[_Played]:
    at = col(PlayReport.received_at)
    query = (
        columns(
            col(PlayReport.airing_id), col(PlayReport.item), _HOME, func.max(PlayReport.seconds),
            func.min(PlayReport.started_at), func.max(PlayReport.started_at),
        )
        .join(Station, col(Station.id) == PlayReport.station_id)
        .outerjoin(FormerPlace, _LEFT)
        .where(col(PlayReport.outcome).in_(_HEARD), col(PlayReport.seconds) > 0)
        .group_by(col(PlayReport.airing_id), col(PlayReport.item), _HOME)
    )  # fmt: skip
    if since is not None:
        query = query.where(at >= since)
    if until is not None:
        query = query.where(at < until)
    return [_Played(*row) for row in session.execute(query)]


def _airings(session: Session, ids: Iterable[str]) -> dict[str, Any]:
    wanted = columns(col(Airing.id), col(Airing.items), col(Airing.issued_at), col(Airing.starts_at))
    found: dict[str, Any] = {}
    for chunk in _chunks(ids):
        query = wanted.where(col(Airing.id).in_(chunk), col(Airing.kind) == "programme")
        found.update((row.id, row) for row in session.execute(query))
    return found


def _versions(session: Session, bulletin_ids: Iterable[str]) -> dict[str, list[BulletinVersion]]:
    found: dict[str, list[BulletinVersion]] = {}
    for chunk in _chunks(bulletin_ids):
        lean = defer(BulletinVersion.text)  # type: ignore[arg-type]
        query = select(BulletinVersion).options(lean).where(
            col(BulletinVersion.bulletin_id).in_(chunk), col(BulletinVersion.state).in_(_WAS_APPROVED),
            col(BulletinVersion.decided_at).is_not(None),
        )  # fmt: skip
        for version in session.exec(query).all():
            found.setdefault(version.bulletin_id, []).append(version)
    return found


def _sounded(versions: Sequence[BulletinVersion], at: datetime) -> BulletinVersion | None:
    """The version that had been approved last when the airing was signed."""
    then = [each for each in versions if each.decided_at is not None and each.decided_at <= at]
    return max(then, key=lambda each: (each.state != "withdrawn", each.number), default=None)


def zones_of(session: Session, unit_ids: Iterable[str], default: str) -> dict[str, ZoneInfo]:
    """The zone that holds at each of these units."""
    wanted = set(unit_ids)
    there = units.with_those_above(session, wanted)
    found = {}
    for identity in wanted:
        chain = [there[each] for each in there[identity].path.strip("/").split("/")]
        found[identity] = known_zone(next((unit.zone for unit in reversed(chain) if unit.zone), default))
    return found


def _store(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add what is new; of what is known keep the first time, and of the last time all the rest."""
    if not rows:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    table = HeardBulletin.__table__  # type: ignore[attr-defined]
    adding = insert(table)
    new, now = adding.excluded, table.c
    later = new.last_at >= now.last_at
    kept = {
        name: case((later, new[name]), else_=now[name])
        for name in ("version_id", "field", "priority", "seconds", "sha256", "airing_id", "last_at")
    }
    kept["first_at"] = case((new.first_at < now.first_at, new.first_at), else_=now.first_at)
    session.execute(adding.on_conflict_do_update(index_elements=list(_KEY), set_=kept), list(rows))


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(set(values))
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
