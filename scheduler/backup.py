"""Copies of the database, made while everything runs."""

import os
import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from core.files import full_disk_is_told, put_in_place
from core.settings import Settings

_PAGES = 2_000
_NAME = "loa-%Y%m%dT%H%M%SZ.db"


def back_up(settings: Settings, now: datetime) -> Path | None:
    """Copy the SQLite database into `HOME/backups` and keep the newest `backups_kept`; None on another database.

    The copy is of one state, whole or absent, and checked before it gets its name.
    """
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        return None
    target = settings.backups / now.strftime(_NAME)
    with full_disk_is_told():
        settings.backups.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=settings.backups, prefix=".part-")
        os.close(handle)
        part = Path(name)
        try:
            source, copy = sqlite3.connect(settings.home / "loa.db"), sqlite3.connect(part)
            try:
                source.backup(copy, pages=_PAGES)
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


def existing(settings: Settings) -> Sequence[Path]:
    """Backups, the newest first."""
    return sorted(settings.backups.glob("loa-*.db"), reverse=True)
