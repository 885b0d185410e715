"""Whether anything on the board of an emergency can have changed: a few counts, far cheaper than the board itself."""

from sqlalchemy import func
from sqlmodel import Session, col, select

from alerts.board_models import EmergencyReport
from core.wire import AS_WITHDRAWN
from registry.models import StationState
from scheduler.models import Acknowledgement, Airing, PlayReport
from scheduler.sound_models import FirstSound


def mark(session: Session, emergency_id: str) -> tuple[object, ...]:
    """Equal marks mean that its board shows the same, but for what time alone changes."""
    airings = session.exec(
        select(Airing.id, Airing.state).where(Airing.emergency_id == emergency_id).order_by(col(Airing.id))
    ).all()
    ids = [airing for airing, _ in airings]
    subjects = [*ids, *(f"{AS_WITHDRAWN}{each}" for each in ids)]
    counted = (
        (Acknowledgement, col(Acknowledgement.subject).in_(subjects)),
        (FirstSound, col(FirstSound.airing_id).in_(ids)),
        (PlayReport, col(PlayReport.airing_id).in_(ids)),
        (StationState, col(StationState.playing).in_(ids)),
    )
    numbers = [session.exec(select(func.count()).select_from(table).where(which)).one() for table, which in counted]
    written = session.exec(
        select(EmergencyReport.written_at).where(EmergencyReport.emergency_id == emergency_id)
    ).first()
    return (*airings, *numbers, written)
