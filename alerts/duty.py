"""What the worker does for the alerts floor: its jobs and their beats."""

from alerts import board_reports, drills_duty, live_duty, pending, sources_duty
from core.database import Database
from core.settings import Settings
from core.signing import Signer
from scheduler.beats import Beat


def beats(database: Database, settings: Settings, signer: Signer, holder: str) -> list[Beat]:
    """The jobs of this floor. Nothing is asked of anybody before they first beat."""
    return [
        *live_duty.beats(database, settings, holder),
        *drills_duty.beats(database, settings, signer, holder),
        *board_reports.beats(database),
        *pending.beats(database),
        *sources_duty.beats(database, settings, signer, holder),
    ]
