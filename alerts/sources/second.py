"""Messages that a second person must confirm before they are on air (`alerts.pending`): what became of them."""

from datetime import datetime

from sqlmodel import Session, col, select

from alerts import pending
from alerts.cap.remarks import Remark
from alerts.pending_models import PendingAlarm
from alerts.sources import attention, stored
from alerts.sources.models import CapAlert
from core.errors import N_

ASKED = "asked"
_NOT_CONFIRMED = Remark("not_confirmed", N_("The second person did not confirm it."))
_ASKED_NOTE = N_("A second person must confirm it on the page of emergencies.")


def ask_for(row: CapAlert, ids: list[str]) -> None:
    """Note that these pending emergencies wait for a second person."""
    row.state = ASKED
    row.notes = [*row.notes, *stored.notes([Remark(ASKED, _ASKED_NOTE, {"pending": " ".join(ids)})])]


def pending_of(session: Session, row: CapAlert) -> list[PendingAlarm]:
    """What waits, or waited, for a second person, of the last time one was asked."""
    ids: list[str] = next(
        (each["params"]["pending"].split() for each in reversed(row.notes) if each["code"] == ASKED), []
    )
    return list(session.exec(select(PendingAlarm).where(col(PendingAlarm.id).in_(ids)).order_by(PendingAlarm.id)).all())


def follow(session: Session, row: CapAlert, now: datetime) -> bool:
    """Bring a message after what the second person did; True when that is decided."""
    found = pending_of(session, row)
    states = {pending.state(each, now) for each in found}
    if pending.WAITING in states:
        return False
    confirmed = [each.emergency_id for each in found if each.emergency_id]
    if confirmed:
        row.state, row.emergencies, row.ends = "on_air", [*row.emergencies, *confirmed], []
    else:
        row.state = "waiting"
        row.notes = [*row.notes, *stored.notes([_NOT_CONFIRMED])]
        attention.need(session, row, now)
    session.add(row)
    return True


def call_off(session: Session, row: CapAlert, now: datetime) -> None:
    """A message no longer stands: nobody may confirm it any more."""
    for each in pending_of(session, row):
        if each.state == pending.WAITING:
            each.state, each.decided_at, each.reason = "declined", now, "CAP"
            session.add(each)
