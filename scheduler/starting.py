"""Emergencies that somebody started at a station itself, entered when the station tells of them.

Until then the server knows nothing of them. They stand among the emergencies from then on, as raised by `local`, each
for the one station, with what it reported.
"""

import base64
import binascii
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from sqlmodel import Session, col, select

from core import audit
from core.ids import new_id
from core.standing import is_started_here, started
from core.wire import Report, StartedHere, Ticket
from registry import former_places
from registry.stations import Place
from scheduler import issuing
from scheduler.models import Airing, Emergency
from scheduler.prepared_models import PreparedMessage, PreparedVersion

log = logging.getLogger(__name__)

LOCAL = "local"
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)


def enter(session: Session, calls: Sequence[tuple[Place, Sequence[Report]]], now: datetime) -> int:
    """Enter what these reports tell of and nobody knows yet; returns how many. Call before they are kept."""
    told: dict[str, tuple[Place, StartedHere, int]] = {}
    for place, reports in calls:
        for report in reports:
            if report.started_here is not None and is_started_here(report.airing):
                most = max(report.item, told[report.airing][2] if report.airing in told else 0)
                told[report.airing] = (place, report.started_here, most)
    if not told:
        return 0
    known = set(session.exec(select(Airing.id).where(col(Airing.id).in_(sorted(told)))).all())
    entered = 0
    for airing_id in sorted(told.keys() - known):
        place, how, most = told[airing_id]
        message = session.get(PreparedMessage, how.message)
        if message is None or not message.ticket or not _stood_by(session, message, place):
            continue  # the report is refused as one of an unknown airing
        try:
            ticket = started(_read(message.ticket), airing_id, how)
        except (ValueError, ValidationError, KeyError, binascii.Error):
            log.exception("%s can't be read", message.id)
            continue
        _enter(session, place, message, ticket, how, most, now)
        entered += 1
    session.flush()
    return entered


def _stood_by(session: Session, message: PreparedMessage, place: Place) -> bool:
    """Whether the message is one for the station, where it stands or where it stood before."""
    name = f"unit:{message.unit_id}"
    if name in place.names:
        return True
    rows = former_places.since(session, message.approved_at, [place.station.id])
    return any(name in row.names for row in rows)


def _enter(
    session: Session, place: Place, message: PreparedMessage, ticket: Ticket, how: StartedHere, most: int, now: datetime
) -> None:
    # A station without a clock may have told any time.
    begun = how.started_at if _EARLIEST < how.started_at < now + _AHEAD else now
    ends_at = begun + (ticket.ends_at - ticket.starts_at)
    items = [item.model_dump() for item in ticket.items]
    items += [items[-1]] * (most + 1 - len(items))  # the message had more languages then
    clip_id = session.exec(
        select(PreparedVersion.clip_id)
        .where(PreparedVersion.message_id == message.id)
        .order_by(col(PreparedVersion.position))
    ).first()
    audience = [f"station:{place.station.id}"]
    emergency = Emergency(
        id=new_id("em"), unit_id=place.unit.id, text="", clip_id=clip_id or "", audience=audience, times=how.times,
        volume=how.volume, raised_by=LOCAL, raised_at=begun, source=LOCAL, title=message.title, about=message.kind,
    )  # fmt: skip
    session.add(emergency)
    session.flush()
    # Without a ticket, so that it is held out to nobody; and accounted for by each report as it comes.
    airing = Airing(
        id=ticket.id, unit_id=place.unit.id, emergency_id=emergency.id, kind="emergency", priority="emergency",
        title=message.title, state="on_air" if ends_at > now else "over", starts_at=begun, ends_at=ends_at,
        not_after=ends_at + timedelta(hours=1), late="play", volume=how.volume, audience=audience, items=items,
        approved_by=message.approved_name, issued_at=begun, reconciled_at=now, created_at=now,
    )  # fmt: skip
    session.add(airing)
    session.flush()
    issuing.address(session, [airing])
    audit.record(
        session, actor=place.station.id, action="emergency.started_here", subject=emergency.id,
        unit_id=place.unit.id, now=now, message=message.id, times=how.times,
    )  # fmt: skip


def _read(jws: str) -> Ticket:
    """What one of our own tickets says."""
    payload = jws.split(".")[1]
    return Ticket.model_validate(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
