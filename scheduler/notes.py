"""How the worker's jobs went, kept in their rows: a success every few seconds, all of them in one transaction."""

import logging
import threading
from datetime import datetime, timedelta

from core.database import Database
from scheduler import jobs
from scheduler.beats import passed

log = logging.getLogger(__name__)
EVERY = timedelta(seconds=10)


class Notes:
    """Keeps when each job last went well. Safe under threads; what can't be written now is written with the next."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._went_well: dict[str, datetime] = {}
        self._written_at: datetime | None = None

    def went_well(self, name: str, now: datetime, *, again: bool) -> None:
        """Note a success: at once if it is the first, or the first `again` after failures."""
        with self._lock:
            news = again or name not in self._went_well
            self._went_well[name] = now
            if not news and not passed(self._written_at, now, EVERY):
                return
            if news:
                several = {name: now}
            else:  # all in one, so that an idle worker does not write with each job
                several, self._written_at = self._went_well.copy(), now
        self._write(several, None)

    def went_wrong(self, name: str, error: str, now: datetime) -> None:
        """Note a failure at once."""
        with self._lock:
            self._went_well.pop(name, None)
        self._write({}, (name, error, now))

    def _write(self, went_well: dict[str, datetime], went_wrong: tuple[str, str, datetime] | None) -> None:
        try:
            with self._database.write() as session:
                for name, now in sorted(went_well.items()):
                    jobs.went_well(session, name, now)
                if went_wrong is not None:
                    jobs.went_wrong(session, *went_wrong)
        except Exception as trouble:  # noqa: BLE001 - the job itself has been logged
            log.info("could not note how jobs went: %s", trouble)
