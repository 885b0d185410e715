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
from loa.fleet.seeding import units
from loa.installation import prepare
from playlists.models import Bulletin, BulletinVersion, Programme, ProgrammeItem
from registry import people
from registry.models import Person
from scheduler.models import Slot, SlotTarget

__all__ = ["clip", "installation", "timetable", "units"]


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


def timetable(database: Database, communes: int, now: datetime, *, first: int = 0) -> None:
    """Two slots a day for each commune from the `first` (14 a week), each with its own programme of four bulletins."""
    with database.read() as session:
        admin = session.exec(select(Person.id)).one()
    clips, bulletins, versions, programmes, items, slots, targets = [], [], [], [], [], [], []
    for number in range(first, first + communes):
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
