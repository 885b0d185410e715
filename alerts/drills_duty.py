"""What the worker does for drills."""

from alerts import drills_running
from core.database import Database
from core.settings import Settings
from core.signing import Signer
from scheduler.beats import Beat


def beats(database: Database, settings: Settings, signer: Signer, holder: str) -> list[Beat]:
    """The job that begins drills, closes them, and draws up their reports."""
    return [
        Beat(
            "drills", drills_running.EVERY_SECONDS,
            lambda now: drills_running.tend(database, settings, signer, holder, now),
        )
    ]  # fmt: skip
