"""Three years of a province in a database: what its panel has to find its way through.

300 communes of five hamlets, 5,100 stations, 100,000 bulletins, a million reports with their airings and outcomes, sums
by month, feedback, people, the audit log; and the coming week, planned by the real planner.
"""

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text, update
from sqlmodel import SQLModel, select

from audio.models import Clip
from benchmarks import _province
from core.audit import AuditEntry
from core.database import Database
from core.settings import Settings
from playlists.feedback_models import Feedback
from playlists.models import Bulletin, BulletinVersion
from registry.models import Grant, Person, Station, StationState, Unit
from scheduler import keys, planning
from scheduler.models import Airing, AiringOutcome, AiringTarget, PlayReport
from scheduler.statistics_models import HeardBulletin, MonthFigure, StationMonth

COMMUNES = 300
STATIONS_EACH = 17
ITEMS = 4
FIELDS = ("general", "health", "agriculture", "security")
_ROWS_AT_ONCE = 20_000
_MONTHS = 13
Row = dict[str, Any]


def fill(settings: Settings, database: Database, now: datetime, *, bulletins: int, reports: int) -> dict[str, int]:
    """Put it all there; returns how many rows of each kind. Takes minutes."""
    _province.units(database, COMMUNES, STATIONS_EACH, now - timedelta(days=1_100))
    _province.timetable(database, COMMUNES, now - timedelta(days=1_000))
    with database.read() as session:
        admin = session.exec(select(Person.id)).one()
    made = {
        "hamlets": _put(database, Unit, _hamlets(now)),
        "people": _people(database, now),
        "station states": _states(database, now),
        "bulletins": _bulletins(database, admin, bulletins, now),
        "audit entries": _put(database, AuditEntry, _audit(admin, bulletins, now)),
        "feedback": _put(database, Feedback, _feedback(now)),
        "month figures": _put(database, MonthFigure, _month_figures(now)),
        "station months": _put(database, StationMonth, _station_months(now)),
    }
    made |= _history(database, reports, now)
    made["heard"] = _put(database, HeardBulletin, _heard(now))
    made["airings of the week"] = planning.roll(database, settings, keys.signer(settings), now)
    with database.write() as session:
        session.execute(text("ANALYZE"))
    return made


def _put(database: Database, model: type[SQLModel], rows: Iterable[Row]) -> int:
    count = 0
    source = iter(rows)
    while some := list(itertools.islice(source, _ROWS_AT_ONCE)):
        with database.write() as session:
            session.execute(insert(model), some)
        count += len(some)
    return count


def _hamlets(now: datetime) -> Iterator[Row]:
    for number in range(COMMUNES):
        for hamlet in range(5):
            identity = f"un_{number:05}_{hamlet}"
            yield {
                "id": identity, "code": f"79.{number}.{hamlet}", "name": f"Thôn {hamlet + 1}",
                "parent_id": f"un_{number:05}", "path": f"/un_p/un_{number:05}/{identity}/", "created_at": now,
            }  # fmt: skip


def _people(database: Database, now: datetime) -> int:
    rows, grants = list[Row](), list[Row]()
    wanted: list[tuple[str, str, tuple[str, ...]]] = [("editor", "un_p", ("writer", "approver", "operator"))]
    for number in range(COMMUNES):
        wanted += [(f"{role}{number}", f"un_{number:05}", (role,)) for role in ("writer", "approver", "operator")]
    for name, unit, roles in wanted:
        rows.append(
            {
                "id": f"pe_{name}", "username": name, "name": name.title(), "password_hash": "", "language": "vi",
                "active": True, "session_version": 1, "created_at": now,
            }
        )  # fmt: skip
        grants += [
            {"id": f"gr_{name}{role}", "person_id": f"pe_{name}", "unit_id": unit, "role": role} for role in roles
        ]
    _put(database, Person, rows)
    _put(database, Grant, grants)
    return len(rows)


def _states(database: Database, now: datetime) -> int:
    places = [
        {
            "id": f"st_{number:05}_{each:03}",
            "lat": 18 + number // 20 * 0.05 + each * 0.002,
            "lon": 105 + number % 20 * 0.05,
        }
        for number in range(COMMUNES)
        for each in range(STATIONS_EACH)
    ]
    with database.write() as session:
        for place in places:
            session.execute(
                update(Station)
                .where(Station.id == place["id"])  # type: ignore[arg-type]
                .values(latitude=place["lat"], longitude=place["lon"])
            )
    rows = []
    for number, place in enumerate(places):
        silent = number % 50 == 0
        heard = now - timedelta(hours=7 if silent else 0, seconds=number % 60)
        rows.append(
            {
                "station_id": place["id"], "heard_at": heard, "silent_since": heard if silent else None, "volume": 70,
                "clock_offset_ms": 3.0, "free_bytes": 4e9, "temperature_c": 41.5, "uptime_s": 1e6,
                "software": "loa-station 0.1", "ready_until": now + timedelta(days=7), "plan_at": now,
                "month": f"{now:%Y-%m}", "received_bytes": 3 * 10**8, "sent_bytes": 10**7,
            }
        )  # fmt: skip
    return _put(database, StationState, rows)


def _bulletins(database: Database, admin: str, bulletins: int, now: datetime) -> int:
    """So many bulletins over three years, the newest hundreds of them in every state; a clip and a version for each."""
    clips, rows, versions = [], [], []
    for number in range(bulletins):
        unit, key = f"un_{number % COMMUNES:05}", f"z{number:07}"
        written = now - timedelta(days=1_000) * ((bulletins - number) / bulletins)
        age = bulletins - number
        state = (
            "submitted"
            if age % 450 == 0
            else "draft"
            if age % 200 == 0
            else "rejected"
            if age % 333 == 0
            else "approved"
        )
        clips.append(_province.clip(f"cl_{key}", unit, 60.0, written))
        rows.append(
            {
                "id": f"bu_{key}", "unit_id": unit, "latest": 1, "approved": 1 if state == "approved" else None,
                "created_by": admin, "created_at": written,
            }
        )  # fmt: skip
        decided = state in {"approved", "rejected"}
        versions.append(
            {
                "id": f"bv_{key}", "bulletin_id": f"bu_{key}", "number": 1, "state": state,
                "title": f"Thông báo số {number}", "text": "Kính mời bà con ra nhà văn hóa họp. " * 12,
                "clip_id": f"cl_{key}", "language": "vi", "field": FIELDS[number % 4], "priority": "ordinary",
                "written_by": f"pe_writer{number % COMMUNES}", "written_at": written,
                "submitted_by": f"pe_writer{number % COMMUNES}" if state != "draft" else None,
                "submitted_at": written if state != "draft" else None,
                "decided_by": f"pe_approver{number % COMMUNES}" if decided else None,
                "decided_at": written if decided else None, "reason": "Thiếu giờ họp" if state == "rejected" else "",
            }
        )  # fmt: skip
    _put(database, Clip, clips)
    _put(database, Bulletin, rows)
    return _put(database, BulletinVersion, versions)


def _history(database: Database, reports: int, now: datetime) -> dict[str, int]:
    """Airings of the days before, each heard by the commune's stations, until there are so many reports."""
    days = math.ceil(reports / (COMMUNES * 2 * STATIONS_EACH * ITEMS))
    return {
        "airings": _put(database, Airing, (airing for airing, _ in _airings(days, now))),
        "audiences": _put(
            database,
            AiringTarget,
            ({"airing_id": one["id"], "name": one["audience"][0]} for one, _ in _airings(days, now)),
        ),
        "reports": _put(database, PlayReport, itertools.islice(_reports(days, now), reports)),
        "outcomes": _put(database, AiringOutcome, _outcomes(days, now)),
    }  # fmt: skip


def _files(clip: str) -> dict[str, Row]:
    name = hashlib.sha256(clip.encode()).hexdigest()
    return {"mp3": {"sha256": name, "bytes": 8_000}, "opus": {"sha256": name, "bytes": 3_000}}


def _airings(days: int, now: datetime) -> Iterator[tuple[Row, int]]:
    for day in range(days, 0, -1):
        for part, hour in (("a", 22.5), ("b", 10)):  # 5:30 and 17:00 in Vietnam
            at = (now - timedelta(days=day)).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)
            for number in range(COMMUNES):
                unit = f"un_{number:05}"
                items = [
                    {
                        "at": 62.0 * each, "seconds": 60.0 + each, "title": f"Tin {each}",
                        "clip": _files(f"cl_{number:05}{part}{each}"), "bulletin": f"bu_{number:05}{part}{each}",
                    }
                    for each in range(ITEMS)
                ]  # fmt: skip
                yield {
                    "id": f"ai_{day:04}{part}{number:05}", "unit_id": unit, "slot_id": f"sl_{number:05}{part}",
                    "occurrence_at": at, "variant": "", "kind": "programme", "priority": "ordinary",
                    "title": "Bản tin", "state": "over", "starts_at": at, "ends_at": at + timedelta(seconds=250),
                    "not_after": at + timedelta(seconds=250), "late": "join", "audience": [f"unit:{unit}"],
                    "items": items, "ticket": "", "issued_at": at, "reconciled_at": at + timedelta(hours=1),
                    "created_at": at - timedelta(days=2),
                }, number  # fmt: skip


def _reports(days: int, now: datetime) -> Iterator[Row]:
    for airing, number in _airings(days, now):
        for each in range(STATIONS_EACH):
            for item in range(ITEMS):
                at = airing["starts_at"] + timedelta(seconds=62 * item)
                yield {
                    "id": f"{airing['id']}{each:02}{item}", "station_id": f"st_{number:05}_{each:03}",
                    "airing_id": airing["id"], "item": item, "outcome": "played", "reason": None, "started_at": at,
                    "ended_at": at + timedelta(seconds=60), "seconds": 60.0, "volume": 70, "peak_db": -3.0,
                    "received_at": at + timedelta(seconds=70),
                }  # fmt: skip


def _outcomes(days: int, now: datetime) -> Iterator[Row]:
    for airing, number in _airings(days, now):
        for each in range(STATIONS_EACH):
            missed = (number + each) % 40 == 0
            yield {
                "airing_id": airing["id"], "station_id": f"st_{number:05}_{each:03}",
                "outcome": "missed" if missed else "played", "reason": "offline" if missed else None,
                "planned_seconds": 246.0, "played_seconds": 0.0 if missed else 246.0, "updated_at": airing["ends_at"],
            }  # fmt: skip


def _months(now: datetime) -> list[str]:
    first = now.year * 12 + now.month - 1
    return [f"{(first - back) // 12}-{(first - back) % 12 + 1:02}" for back in range(_MONTHS)]


def _month_figures(now: datetime) -> Iterator[Row]:
    for number, month, field in itertools.product(range(COMMUNES), _months(now), FIELDS):
        yield {
            "unit_id": f"un_{number:05}", "month": month, "field": field, "priority": "ordinary", "language": "vi",
            "planned_seconds": 125_000.0, "played_seconds": 121_000.0,
        }  # fmt: skip


def _station_months(now: datetime) -> Iterator[Row]:
    for number, each, month in itertools.product(range(COMMUNES), range(STATIONS_EACH), _months(now)):
        yield {
            "station_id": f"st_{number:05}_{each:03}", "month": month, "played": 58, "partial": 1, "missed": 1,
            "planned_seconds": 14_760.0, "played_seconds": 14_400.0,
        }  # fmt: skip


def _heard(now: datetime) -> Iterator[Row]:
    for number, month, (part, each) in itertools.product(
        range(COMMUNES), _months(now), itertools.product("ab", range(ITEMS))
    ):
        key = f"{number:05}{part}{each}"
        yield {
            "unit_id": f"un_{number:05}", "month": month, "bulletin_id": f"bu_{key}", "language": "vi",
            "version_id": f"bv_{key}", "field": "general", "priority": "ordinary", "seconds": 60.0,
            "sha256": hashlib.sha256(f"cl_{key}".encode()).hexdigest(), "airing_id": f"ai_0001{part}{number:05}",
            "first_at": now - timedelta(days=20), "last_at": now - timedelta(days=1),
        }  # fmt: skip


def _audit(admin: str, bulletins: int, now: datetime) -> Iterator[Row]:
    """Acts of three years. Their digests chain nothing: pages show them, `loa audit verify` would not pass them."""
    for number in range(2 * bulletins):
        yield {
            "number": number + 10, "at": now - timedelta(days=1_000) * (1 - number / (2 * bulletins)),
            "actor": admin if number % 7 else "worker", "action": ("bulletin.create", "bulletin.approve")[number % 2],
            "subject": f"bu_z{number // 2:07}", "unit_id": f"un_{number // 2 % COMMUNES:05}",
            "detail": {"title": f"Thông báo số {number // 2}"}, "previous": "0" * 64, "digest": f"{number:064x}",
        }  # fmt: skip


def _feedback(now: datetime) -> Iterator[Row]:
    for number in range(3_000):
        yield {
            "id": f"fb_{number:05}", "number": f"{number:06}", "code_hash": "", "unit_id": f"un_{number % COMMUNES:05}",
            "kind": "noise", "place": "Loa đầu thôn", "text": "Loa to quá vào buổi sáng.", "contact": "",
            "language": "vi", "state": "open" if number % 5 == 0 else "answered", "answer": "Đã giảm âm lượng.",
            "created_at": now - timedelta(hours=number),
        }  # fmt: skip
