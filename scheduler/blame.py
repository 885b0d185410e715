"""Who did it: the person behind a withdrawal, from the audit log. Whoever asks has been let see the thing itself."""

from datetime import timedelta

from sqlmodel import Session, col, select

from core.audit import AuditEntry
from registry import naming
from scheduler.models import Airing

_ACTS = {
    "slot_withdrawn": ("slot.withdraw",),
    "slot_changed": ("slot.edit", "slot.occurrence", "slot.restore", "daypart.put", "daypart.remove"),
    "bulletin_withdrawn": ("bulletin.withdraw",),
    "stopped": ("emergency.stop",),
}
# The worker withdraws within seconds of the act; after an outage, with its first roll.
_BEFORE = timedelta(days=1)


def of_withdrawal(session: Session, airing: Airing) -> str:
    """Who had an airing withdrawn, by name; empty where no act of a person explains it."""
    subjects = [airing.slot_id, airing.emergency_id, *(item.get("bulletin") for item in airing.items)]
    when = airing.withdrawn_at
    if when is None or airing.reason not in _ACTS:
        return ""
    acts = _ACTS[airing.reason]
    query = select(AuditEntry).where(
        col(AuditEntry.action).in_(acts), col(AuditEntry.at) <= when, col(AuditEntry.at) >= when - _BEFORE
    )
    named = [each for each in subjects if each]
    # A day part has no slot's name; its change is that of the units above the slot, and the last one counts.
    query = query.where(col(AuditEntry.subject).in_(named) | col(AuditEntry.action).startswith("daypart."))
    return _name(session, session.exec(query.order_by(col(AuditEntry.number).desc()).limit(1)).first())


def of_slot(session: Session, slot_id: str, action: str) -> str:
    """Who did this to a slot last, by name; empty where nobody did."""
    query = select(AuditEntry).where(AuditEntry.subject == slot_id, AuditEntry.action == action)
    return _name(session, session.exec(query.order_by(col(AuditEntry.number).desc()).limit(1)).first())


def _name(session: Session, entry: AuditEntry | None) -> str:
    if entry is None:
        return ""
    return naming.by_username(session, [entry.actor]).get(entry.actor, entry.actor)
