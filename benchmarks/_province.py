"""A whole province in a database, put there quickly: units, stations with tokens, clips, programmes, slots."""

import hashlib
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert
from sqlmodel import select

from audio.models import Clip
from core.clock import utc_now
from core.database import Database
from core.settings import Settings, load
from loa.installation import prepare
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem
from registry import people
from registry.models import Person, Station, Unit
from registry.secrets import digest
from scheduler.models import Slot, SlotTarget


def installation(home: Path) -> tuple[Settings, Database, str]:
    """An empty installation and its administrator's API token."""
    settings = load(home, gtts_enabled=False)
    database = prepare(settings)
    now = utc_now()
    with database.write() as session:
        people.first_administrator(session, "admin", now)
    with database.write() as session:
        token = people.new_token(session, "admin", "benchmark", now)
    return settings, database, token


def units(database: Database, communes: int, stations_each: int, now: datetime) -> list[str]:
    """One province with communes and stations in service; returns the stations' tokens."""
    rows = [{"id": "un_p", "code": "79", "name": "Tỉnh", "parent_id": None, "path": "/un_p/", "created_at": now}]
    stations, tokens = [], []
    for number in range(communes):
        unit = f"un_{number:05}"
        rows.append(
            {
                "id": unit, "code": f"79.{number}", "name": f"Xã {number}", "parent_id": "un_p",
                "path": f"/un_p/{unit}/", "created_at": now,
            }
        )  # fmt: skip
        for each in range(stations_each):
            token = f"sta_{number}_{each}"
            tokens.append(token)
            stations.append(
                {
                    "id": f"st_{number:05}_{each:03}", "unit_id": unit, "name": f"Loa {number}.{each}",
                    "languages": ["vi"], "volume": 70, "token_hash": digest(token), "enrolled_at": now, "serial": "",
                    "model": "", "created_at": now,
                }
            )  # fmt: skip
    with database.write() as session:
        session.execute(insert(Unit), rows)
        session.execute(insert(Station), stations)
    return tokens


def clip(identity: str, unit: str, seconds: float, now: datetime) -> dict[str, object]:
    """A row for a clip that is ready; its files are named but not there."""
    name = hashlib.sha256(identity.encode()).hexdigest()
    return {
        "id": identity, "unit_id": unit, "kind": "speech", "state": "ready", "text": "x", "language": "vi",
        "content_key": name, "urgent": False, "progress": 100, "attempts": 1, "error": "", "error_message": "",
        "error_params": {}, "seconds": seconds, "lufs": -16.0, "true_peak_db": -3.0, "mp3_sha256": name,
        "mp3_bytes": 8_000, "opus_sha256": name, "opus_bytes": 3_000, "created_by": "x", "created_at": now,
        "spoken_by": "", "degraded": False, "title": "",
    }  # fmt: skip


def timetable(database: Database, communes: int, now: datetime) -> None:
    """Two slots a day for each commune (14 a week), each with its own programme of four bulletins."""
    with database.read() as session:
        admin = session.exec(select(Person.id)).one()
    clips, bulletins, versions, programmes, items, slots, targets = [], [], [], [], [], [], []
    for number in range(communes):
        unit = f"un_{number:05}"
        for part, starts in (("a", "2026-01-05T05:30"), ("b", "2026-01-05T17:00")):
            programme = f"pr_{number:05}{part}"
            programmes.append(
                {"id": programme, "unit_id": unit, "title": "Bản tin", "created_by": admin, "created_at": now}
            )
            for position in range(4):
                key = f"{number:05}{part}{position}"
                clips.append(clip(f"cl_{key}", unit, 60.0 + position, now))
                bulletins.append(
                    {
                        "id": f"bu_{key}", "unit_id": unit, "latest": 1, "approved": 1, "created_by": admin,
                        "created_at": now,
                    }
                )  # fmt: skip
                versions.append(
                    {
                        "id": f"bv_{key}", "bulletin_id": f"bu_{key}", "number": 1, "state": "approved",
                        "title": f"Tin {position}", "text": "x", "clip_id": f"cl_{key}", "language": "vi",
                        "field": "general", "priority": "ordinary", "written_by": admin, "written_at": now,
                        "decided_by": admin, "decided_at": now, "reason": "",
                    }
                )  # fmt: skip
                items.append(
                    {
                        "id": f"pi_{key}", "programme_id": programme, "position": position, "kind": "bulletin",
                        "bulletin_id": f"bu_{key}", "count": 1,
                    }
                )  # fmt: skip
            slots.append(
                {
                    "id": f"sl_{number:05}{part}", "unit_id": unit, "programme_id": programme, "starts": starts,
                    "zone": "Asia/Ho_Chi_Minh", "rrule": "FREQ=DAILY", "exdates": [], "late": "join",
                    "audience": [f"unit:{unit}"], "created_by": admin, "created_at": now,
                }
            )  # fmt: skip
            targets.append({"slot_id": f"sl_{number:05}{part}", "name": f"unit:{unit}"})
    with database.write() as session:
        for model, rows in (
            (Clip, clips), (Bulletin, bulletins), (BulletinVersion, versions), (Programme, programmes),
            (ProgrammeItem, items), (Slot, slots), (SlotTarget, targets),
        ):  # fmt: skip
            session.execute(insert(model), rows)
