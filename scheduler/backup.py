"""Copies of the database, made while everything runs."""

import os
import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from core.files import check_room, full_disk_is_told, put_in_place
from core.settings import Settings

_PART = ".part-"
_NAME = "loa-%Y%m%dT%H%M%SZ.db"
_ANY = f"loa-{'[0-9]' * 8}T{'[0-9]' * 6}Z.db"


def back_up(settings: Settings, now: datetime) -> Path | None:
    """Copy the SQLite database into `HOME/backups` and keep the newest `backups_kept`; None on another database.

    The copy is of one state, whole or absent, and checked before it gets its name. Raises NoSpace when it would take
    from `reserve_mb`.
    """
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        return None
    file = make_url(settings.url).database or ""
    target = settings.backups / now.strftime(_NAME)
    with full_disk_is_told():
        check_room(settings.home, settings.reserve_bytes, Path(file).stat().st_size)
        settings.backups.mkdir(parents=True, exist_ok=True)
        for left in settings.backups.glob(f"{_PART}*"):  # of a process that was killed; copies are made one at a time
            left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=settings.backups, prefix=_PART)
        os.close(handle)
        part = Path(name)
        try:
            source, copy = sqlite3.connect(f"{Path(file).absolute().as_uri()}?mode=rw", uri=True), sqlite3.connect(part)
            try:
                # In one step: a copy in several would begin again with every write of others, and never end.
                # Nobody waits for it, as in WAL mode a reader holds up no writer.
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
                if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                    raise sqlite3.DatabaseError("the copy is damaged")
            finally:
                source.close()
                copy.close()
            put_in_place(part, target)
        finally:
            part.unlink(missing_ok=True)
    for old in existing(settings)[settings.backups_kept :]:
        old.unlink(missing_ok=True)
    return target


def made_at(copy: Path) -> datetime:
    """The instant a backup was made, from its name."""
    return datetime.strptime(copy.name, _NAME).replace(tzinfo=UTC)


def existing(settings: Settings) -> Sequence[Path]:
    """Backups, the newest first."""
    return sorted(settings.backups.glob(_ANY), reverse=True)
