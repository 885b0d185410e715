"""Emergencies that wait until another person confirms them: kept, shown, decided, run out."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from alerts.pending_models import PendingAlarm
from core import audit
from core.clock import format_instant
from core.database import Database
from core.errors import N_, Conflict, NotFound
from core.ids import new_id
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from scheduler.alarms import Alarm, Said
from scheduler.beats import Beat

WAITING = "waiting"
_MOST_REASON = 300
_MOST_TITLE = 120
_SHOWN_FOR = timedelta(hours=1)


def add(session: Session, actor: Actor, unit: Unit, alarm: Alarm, now: datetime, expires_at: datetime) -> PendingAlarm:
    """Keep an emergency that was checked before, until somebody decides about it or it runs out."""
    title = alarm.title or alarm.text or next((each.text for each in alarm.said if each.text), "")
    found = PendingAlarm(
        id=new_id("pa"), unit_id=unit.id, alarm=_stored(alarm), title=title[:_MOST_TITLE], asked_by=actor.id,
        asked_at=now, expires_at=expires_at,
    )  # fmt: skip
    session.add(found)
    session.flush()
    audit.record(
        session, actor=actor.username, action="emergency.ask", subject=found.id, unit_id=unit.id, now=now,
        title=found.title, audience=list(alarm.audience), source=alarm.source, times=alarm.times,
    )  # fmt: skip
    return found


def _stored(alarm: Alarm) -> dict[str, Any]:
    until = format_instant(alarm.until) if alarm.until else None
    return {**asdict(alarm), "until": until, "audience": list(alarm.audience)}


def alarm_of(found: PendingAlarm) -> Alarm:
    """What was asked for."""
    kept = dict(found.alarm)
    kept["said"] = tuple(Said(**each) for each in kept.get("said") or ())
    kept["until"] = datetime.fromisoformat(kept["until"]) if kept.get("until") else None
    kept["also_replaces"] = tuple(kept.get("also_replaces") or ())
    return Alarm(**kept)


def find(session: Session, actor: Actor, pending_id: str) -> tuple[PendingAlarm, Unit]:
    """One of a unit that the actor may see. Raises NotFound."""
    found = session.get(PendingAlarm, pending_id)
    unit = session.get(Unit, found.unit_id) if found else None
    if found is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return found, unit


def state(found: PendingAlarm, now: datetime) -> str:
    """`waiting`, `confirmed`, `declined` or `expired`."""
    return "expired" if found.state == WAITING and found.expires_at <= now else found.state


def still_waits(found: PendingAlarm, now: datetime) -> None:
    """Raises Conflict for one about which somebody has decided, or that has run out."""
    how = state(found, now)
    if how == "expired":
        raise Conflict(N_("This emergency waited too long to be confirmed. It must be raised anew."))
    if how != WAITING:
        raise Conflict(N_("Somebody has decided about this emergency already."))


def decide(
    session: Session, found: PendingAlarm, how: str, actor: Actor, now: datetime, *, reason: str = "",
    emergency: str | None = None,
) -> None:  # fmt: skip
    """Note what became of one that waits."""
    found.state, found.decided_by, found.decided_at = how, actor.id, now
    found.reason, found.emergency_id = " ".join(reason.split())[:_MOST_REASON], emergency
    session.add(found)
    session.flush()
    action = {"confirmed": "emergency.confirm", "declined": "emergency.decline"}[how]
    audit.record(
        session, actor=actor.username, action=action, subject=found.id, unit_id=found.unit_id, now=now,
        emergency=emergency, reason=found.reason,
    )  # fmt: skip


Row = tuple[PendingAlarm, Unit, Person | None]


def waiting_for(session: Session, actor: Actor, now: datetime, *, limit: int = 20) -> Sequence[Row]:
    """Those that wait where the actor may raise an emergency, the oldest first: with unit and who asked."""
    return _rows(session, actor, (col(PendingAlarm.state) == WAITING) & (col(PendingAlarm.expires_at) > now), limit)


def lately(session: Session, actor: Actor, now: datetime, *, limit: int = 20) -> Sequence[Row]:
    """Those of the last hour that were declined or ran out, and so never sounded."""
    since = col(PendingAlarm.expires_at) > now - _SHOWN_FOR
    over = (col(PendingAlarm.state) == WAITING) & (col(PendingAlarm.expires_at) <= now)
    return _rows(session, actor, since & (col(PendingAlarm.state).in_(("declined", "expired")) | over), limit)


def _rows(session: Session, actor: Actor, which: Any, limit: int) -> Sequence[Row]:
    query = (
        select(PendingAlarm, Unit, Person)
        .join(Unit, col(Unit.id) == PendingAlarm.unit_id)
        .join(Person, col(Person.id) == PendingAlarm.asked_by, isouter=True)
        .where(which, actor.within(Permission.ALARM, col(Unit.path)))
        .order_by(col(PendingAlarm.id))
        .limit(limit)
    )
    return [(found, unit, person) for found, unit, person in session.exec(query).all()]


def expire(database: Database, now: datetime) -> int:
    """Enter into the audit log what waited too long; returns how many."""
    over = (col(PendingAlarm.state) == WAITING) & (col(PendingAlarm.expires_at) <= now)
    with database.read() as session:
        if session.exec(select(PendingAlarm.id).where(over).limit(1)).first() is None:
            return 0
    with database.write() as session:
        rows = session.exec(select(PendingAlarm).where(over)).all()
        for found in rows:
            found.state = "expired"
            session.add(found)
            audit.record(
                session, actor="system", action="emergency.expire", subject=found.id, unit_id=found.unit_id, now=now
            )
        return len(rows)


def beats(database: Database) -> list[Beat]:
    """What the worker does for those that wait."""
    return [Beat("pending-alarms", 20, lambda now: expire(database, now))]
