"""Turning a decided airing into the signed ticket that stations play."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import Session, col

from core import changes
from core.clock import format_instant
from core.signing import Signer
from core.wire import Item, Ticket
from scheduler.audience import on_tickets
from scheduler.models import Airing, AiringTarget

# How long after its end a ticket may still be played. `join` and `skip` end with the airing; the minute
# covers a clock that is a little off.
NOT_AFTER = {"join": timedelta(minutes=1), "skip": timedelta(minutes=1), "play": timedelta(hours=2)}


@dataclass(slots=True)
class Fresh:
    """An airing that is not in the database yet: the columns of `Airing`, without the weight of its rows."""

    id: str
    unit_id: str
    kind: str
    priority: str
    title: str
    starts_at: datetime
    ends_at: datetime
    not_after: datetime
    late: str
    created_at: datetime
    slot_id: str | None = None
    occurrence_at: datetime | None = None
    variant: str = ""
    emergency_id: str | None = None
    state: str = "planned"
    reason: str = ""
    volume: int | None = None
    audience: list[str] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    approved_by: str = ""
    lifted: list[str] = field(default_factory=list)
    left_out: list[list[str]] = field(default_factory=list)
    content_key: str = ""
    ticket: str = ""
    issued_at: datetime | None = None
    since: datetime | None = None  # when its slot was put on the timetable: for its ticket alone


_COLUMNS = tuple(each.name for each in fields(Fresh) if each.name != "since")


def sign(airing: Airing | Fresh, outside: Mapping[str, str], signer: Signer, now: datetime) -> None:
    """Put the signed ticket into `airing` and mark it issued. `outside` maps internal names to those of the wire."""
    ticket = Ticket(
        id=airing.id,
        kind=airing.kind,
        priority=airing.priority,
        starts_at=airing.starts_at,
        ends_at=airing.ends_at,
        late=airing.late,
        volume=airing.volume,
        audience=on_tickets(airing.audience, outside),
        items=[Item.model_validate(item) for item in airing.items],
        approved_by=airing.approved_by,
        lifted=airing.lifted,
        since=airing.since if isinstance(airing, Fresh) else None,
        issued_at=now,
        not_after=airing.not_after,
        occurrence=f"{airing.slot_id}@{format_instant(airing.occurrence_at)}" if airing.occurrence_at else None,
        severity=airing.severity if isinstance(airing, Airing) else None,
    )
    airing.ticket, airing.issued_at, airing.state, airing.reason = signer.sign(ticket), now, "issued", ""


def add(session: Session, airings: Sequence[Fresh]) -> None:
    """Store new airings with their targets: two statements, however many they are."""
    rows = [{name: getattr(airing, name) for name in _COLUMNS} for airing in airings]
    if rows:
        session.execute(insert(Airing.__table__), rows)  # type: ignore[attr-defined]
    address(session, airings)


def address(session: Session, airings: Sequence[Airing | Fresh]) -> None:
    """Store whom stored airings are for, so that they are found by name."""
    targets = [{"airing_id": airing.id, "name": name} for airing in airings for name in airing.audience]
    if targets:
        session.execute(insert(AiringTarget.__table__), targets)  # type: ignore[attr-defined]


def withdraw(session: Session, airing: Airing, reason: str, now: datetime) -> None:
    """Take an airing off the air: stations that hold its ticket are told and stop at once."""
    _withdraw(session, [airing], reason, now)


def replace(session: Session, airings: Sequence[Airing], now: datetime) -> None:
    """Make way for new airings of the same occurrences: signed ones are withdrawn, those that never left deleted."""
    never_left = [airing.id for airing in airings if not airing.ticket]
    if never_left:
        session.execute(delete(AiringTarget).where(col(AiringTarget.airing_id).in_(never_left)))
        session.execute(delete(Airing).where(col(Airing.id).in_(never_left)))
    _withdraw(session, [airing for airing in airings if airing.ticket], "replaced", now)
    session.flush()


def _withdraw(session: Session, airings: Sequence[Airing], reason: str, now: datetime) -> None:
    for airing in airings:
        airing.state, airing.reason, airing.withdrawn_at = "withdrawn", reason, now
        session.add(airing)
    heard = sorted({name for airing in airings if airing.ticket for name in airing.audience})
    if heard:
        changes.announce(session, "now", heard, now)
        changes.announce(session, "plan", heard, now)
