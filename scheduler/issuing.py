"""Turning a decided airing into the signed ticket that stations play."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col

from core import changes
from core.clock import format_instant
from core.signing import Signer
from core.wire import Item, Ticket
from scheduler.models import Airing, AiringTarget

# How long after its end a ticket may still be played. `join` and `skip` end with the airing; the minute
# covers a clock that is a little off.
NOT_AFTER = {"join": timedelta(minutes=1), "skip": timedelta(minutes=1), "play": timedelta(hours=2)}


def content_key(airing: Airing) -> str:
    """SHA-256 of everything a listener or a station could notice: equal keys need no new ticket."""
    body = [
        airing.kind, airing.priority, airing.title, format_instant(airing.starts_at), format_instant(airing.ends_at),
        airing.late, airing.volume, airing.audience, airing.items, airing.approved_by,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def sign(airing: Airing, outside: Mapping[str, str], signer: Signer, now: datetime) -> None:
    """Put the signed ticket into `airing` and mark it issued. `outside` maps internal names to those of the wire."""
    ticket = Ticket(
        id=airing.id,
        kind=airing.kind,
        priority=airing.priority,
        starts_at=airing.starts_at,
        ends_at=airing.ends_at,
        late=airing.late,
        volume=airing.volume,
        audience=[outside[name] for name in airing.audience if name in outside],
        items=[Item.model_validate(item) for item in airing.items],
        approved_by=airing.approved_by,
        issued_at=now,
        not_after=airing.not_after,
        occurrence=f"{airing.slot_id}@{format_instant(airing.occurrence_at)}" if airing.occurrence_at else None,
    )
    airing.ticket, airing.issued_at, airing.state, airing.reason = signer.sign(ticket), now, "issued", ""


def add(session: Session, airing: Airing) -> None:
    """Store a new airing with its targets."""
    session.add(airing)
    session.flush()
    session.add_all(AiringTarget(airing_id=airing.id, name=name) for name in airing.audience)


def withdraw(session: Session, airing: Airing, reason: str, now: datetime) -> None:
    """Take an airing off the air: stations that hold its ticket are told and stop at once."""
    was_issued = bool(airing.ticket)
    airing.state, airing.reason, airing.withdrawn_at = "withdrawn", reason, now
    session.add(airing)
    if was_issued:
        changes.announce(session, "now", airing.audience, now)
        changes.announce(session, "plan", airing.audience, now)


def replace(session: Session, airing: Airing, now: datetime) -> None:
    """Make way for a new airing of the same occurrence: a signed one is withdrawn, one that never left is deleted."""
    if airing.ticket:
        withdraw(session, airing, "replaced", now)
    else:
        session.execute(delete(AiringTarget).where(col(AiringTarget.airing_id) == airing.id))
        session.delete(airing)
    session.flush()
