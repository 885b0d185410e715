"""What the worker does for live talks."""

import logging
from datetime import datetime

from core.database import Database
from core.settings import Settings
from scheduler import live_ends
from scheduler.beats import Beat

log = logging.getLogger(__name__)


def beats(database: Database, settings: Settings, holder: str) -> list[Beat]:
    """The jobs for live talks: what follows their end."""

    def follow(now: datetime) -> None:
        with database.read() as session:
            if not live_ends.any_to_tidy(session):
                return
        with database.write() as session:
            live_ends.tidy(session, now)
        live_ends.file_next(database, settings, holder, now)
        live_ends.sweep(settings, now)

    return [Beat("live", live_ends.EVERY_SECONDS, follow)]
