"""Emergencies: raised by one person, signed as soon as the audio is there, held out to stations until over.

An emergency has an airing for each part of its audience that hears other languages. What it replaces ends in the
transaction in which the last of them is on air: until then the former one goes on, so that nobody hears nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select as columns
from sqlalchemy import update
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.signing import Signer
from core.standing import is_started_here
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from scheduler import alarm_items, alarm_sounds, alarms, audience, issuing, troubles
from scheduler.alarms import MAX_REPEATING_S, MAX_TIMES, Alarm, Said
from scheduler.models import Airing, Emergency

__all__ = ["HOLDS", "MAX_REPEATING_S", "MAX_TIMES", "VOLUME", "Alarm", "Said"]

VOLUME = 100  # as loud as the station's own limit allows
# A station that was away still plays the alarm this long after its end; a drill is soon of no use.
HOLDS = timedelta(hours=1)
DRILL_HOLDS = timedelta(minutes=10)
KINDS = ("emergency", "test")
_MOST_TITLE = 120


def raise_alarm(
    session: Session,
    actor: Actor,
    unit: Unit,
    alarm: Alarm,
    *,
    signer: Signer,
    default_zone: str,
    max_chars: int,
    now: datetime,
    confirmed_by: Actor | None = None,
) -> tuple[Emergency, Airing]:
    """Put an alarm on air: at once when its audio is ready, else the moment it is. The airing is the first of it.

    Raises InvalidInput, NotFound, Forbidden or Conflict before anything is stored.
    """
    actor.require(Permission.ALARM, unit)
    alarm = alarms.checked(alarm_sounds.with_prepared(session, actor, alarm, now), max_chars, now)
    heard = audience.read(session, actor, alarm.audience, Permission.ALARM)
    for former in alarm.replaced:
        _, home, _ = find(session, actor, former)
        actor.require(Permission.ALARM, home)
    parts = alarm_sounds.asked(session, actor, unit, alarm, default_zone, now)
    text = parts[0].text
    title = alarm.title or (text or parts[0].clip.title or "")[:_MOST_TITLE]
    emergency = Emergency(
        id=new_id("em"), unit_id=unit.id, text=text, clip_id=parts[0].clip.id, audience=list(heard.names),
        every_s=alarm.every_s, times=alarm.times, volume=alarm.volume, raised_by=actor.id, raised_at=now, title=title,
        about=alarm.about, signal=alarm.signal, severity=alarm.severity, until=alarm.until, source=alarm.source,
        drill=alarm.drill, said=[each.stored() for each in parts], replaces=list(alarm.replaced),
        confirmed_by=confirmed_by.id if confirmed_by else None,
    )  # fmt: skip
    session.add(emergency)
    session.flush()
    answers = f"{actor.name} · {confirmed_by.name}" if confirmed_by else actor.name
    airings = [
        _planned(emergency, variant, names, answers, now)
        for variant, names in alarm_sounds.shared_out(session, parts, heard.names)
    ]
    session.add_all(airings)
    session.flush()
    issuing.address(session, airings)
    audit.record(
        session, actor=actor.username, action="drill.raise" if alarm.drill else "emergency.raise",
        subject=emergency.id, unit_id=unit.id, now=now, text=text[:500], title=title,
        clip=None if text else parts[0].clip.id, languages=[each.language for each in parts],
        audience=emergency.audience, times=alarm.times, every_s=alarm.every_s, signal=alarm.signal,
        severity=alarm.severity, source=alarm.source, replaces=emergency.replaces,
        confirmed_by=confirmed_by.username if confirmed_by else None,
    )  # fmt: skip
    for airing in airings:
        if not alarm_sounds.unsettled(session, emergency, airing, now):
            _issue(session, emergency, airing, signer, now)
    _end_former(session, emergency, now)
    return emergency, airings[0]


def _planned(emergency: Emergency, variant: str, names: Sequence[str], answers: str, now: datetime) -> Airing:
    drill = emergency.drill
    holds = DRILL_HOLDS if drill else HOLDS
    loud = None if drill else VOLUME
    return Airing(
        id=new_id("air"), unit_id=emergency.unit_id, emergency_id=emergency.id, variant=variant,
        kind="test" if drill else "emergency", priority="priority" if drill else "emergency",
        title=emergency.title, state="planned", reason="rendering", starts_at=now, ends_at=now + HOLDS,
        not_after=now + holds, late="play", volume=loud if emergency.volume is None else emergency.volume,
        audience=list(names), approved_by=answers, severity=None if drill else emergency.severity, created_at=now,
    )  # fmt: skip


def issue_ready(session: Session, signer: Signer, now: datetime) -> int:
    """Sign every raised alarm whose audio has become ready; returns how many. A stopped one stays silent.

    One that can't be put on air has failed, which raises a trouble, and holds up no other.
    """
    waiting = session.exec(
        select(Airing.id).where(Airing.state == "planned", col(Airing.kind).in_(KINDS)).order_by(col(Airing.id))
    ).all()
    settled = 0
    for airing_id in waiting:
        try:
            with session.begin_nested():
                settled += _settle(session, airing_id, signer, now)
        except troubles.PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - what one alarm can't bear must not hold up the others
            _fail(session, airing_id, troubles.describe(error), now)
            settled += 1
    return settled


def _settle(session: Session, airing_id: str, signer: Signer, now: datetime) -> bool:
    airing = session.get_one(Airing, airing_id)
    emergency = session.get(Emergency, airing.emergency_id) if airing.emergency_id else None
    if emergency is None:
        _fail(session, airing_id, "its row or its audio is gone", now)
        return True
    if airing.ends_at <= now:  # a worker that was away for days must not sound old alarms
        _fail(session, airing_id, "its audio was ready too late", now, "not_ready")
        return True
    if alarm_sounds.unsettled(session, emergency, airing, now):
        return False
    _issue(session, emergency, airing, signer, now)
    session.flush()
    _end_former(session, emergency, now)
    return True


def _fail(session: Session, airing_id: str, what: str, now: datetime, reason: str = "audio_failed") -> None:
    """By statements: the row itself may be what can't be read."""
    of_airing = col(Airing.id) == airing_id
    row = session.execute(columns(Airing.emergency_id, Airing.unit_id).where(of_airing)).one()  # type: ignore[call-overload]
    values = {"state": "failed", "reason": reason, "items": []}
    session.execute(update(Airing).where(of_airing).values(**values).execution_options(synchronize_session="fetch"))
    troubles.report(session, "emergency", row.emergency_id or airing_id, what, now, row.unit_id)


def _issue(session: Session, emergency: Emergency, airing: Airing, signer: Signer, now: datetime) -> None:
    """Sign an airing whose audio is settled; one of which nothing can be said has failed."""
    try:
        pieces = alarm_sounds.pieces(session, emergency, airing, now)
    except InvalidInput as error:
        _fail(session, airing.id, str(error), now)
        return
    if not pieces:
        _fail(session, airing.id, alarm_sounds.lost(session, emergency, airing), now)
        return
    laid = alarm_items.rounds(
        pieces, title=airing.title, every_s=emergency.every_s, times=emergency.times, begins_at=now,
        until=emergency.until,
    )  # fmt: skip
    if not laid.items:
        _fail(session, airing.id, "it had run out before its audio was ready", now, "not_ready")
        return
    airing.items, airing.starts_at = laid.items, now
    airing.ends_at = now + timedelta(seconds=laid.seconds)
    holds = airing.ends_at + (DRILL_HOLDS if emergency.drill else HOLDS)
    airing.not_after = max(min(holds, emergency.until), airing.ends_at) if emergency.until else holds
    issuing.sign(airing, audience.outside(session, airing.audience), signer, now)
    session.add(airing)
    changes.announce(session, "now", airing.audience, now)


def _end_former(session: Session, emergency: Emergency, now: datetime) -> None:
    """Stop what this emergency replaces, once all of it is settled and some of it is on air."""
    if not emergency.replaces:
        return
    states = {airing.state for airing in airings_of(session, [emergency.id])[emergency.id]}
    if "planned" in states or "issued" not in states:
        return
    for former in session.exec(select(Emergency).where(col(Emergency.id).in_(emergency.replaces))).all():
        if former.stopped_at is None:
            _stop(session, former, emergency.raised_by, now, "replaced")
            audit.record(
                session, actor="system", action="emergency.replaced", subject=former.id, unit_id=former.unit_id,
                now=now, by=emergency.id,
            )  # fmt: skip


def stop(session: Session, actor: Actor, emergency_id: str, now: datetime) -> Emergency:
    """Silence an alarm everywhere, all its airings; stopping it twice changes nothing."""
    emergency, unit, _ = find(session, actor, emergency_id)
    actor.require(Permission.ALARM, unit)
    if emergency.stopped_at is None:
        _stop(session, emergency, actor.id, now, "stopped")
        audit.record(
            session, actor=actor.username, action="emergency.stop", subject=emergency.id, unit_id=unit.id, now=now
        )
    return emergency


def _stop(session: Session, emergency: Emergency, by: str, now: datetime, reason: str) -> None:
    emergency.stopped_at, emergency.stopped_by = now, by
    session.add(emergency)
    for airing in airings_of(session, [emergency.id])[emergency.id]:
        if airing.state in {"failed", "withdrawn"}:
            continue
        if is_started_here(airing.id):
            airing.ticket = airing.id  # no signature: from now on it is held out as withdrawn
        issuing.withdraw(session, airing, reason, now)
    troubles.clear(session, "emergency", [emergency.id], now)


def find(session: Session, actor: Actor, emergency_id: str) -> tuple[Emergency, Unit, Airing]:
    """An emergency of a unit the actor may see, and its first airing. Raises NotFound."""
    emergency = session.get(Emergency, emergency_id)
    unit = session.get(Unit, emergency.unit_id) if emergency else None
    if emergency is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    of_it = airings_of(session, [emergency.id])[emergency.id]
    if not of_it:
        raise NotFound
    return emergency, unit, of_it[0]


def airings_of(session: Session, emergency_ids: Iterable[str]) -> dict[str, list[Airing]]:
    """The airings of each of these emergencies, the first one first: one for each part that hears other languages."""
    found: dict[str, list[Airing]] = {identity: [] for identity in emergency_ids}
    if not found:
        return found  # an empty list would be looked for in every row
    of_these = select(Airing).where(col(Airing.emergency_id).in_(list(found)))
    for airing in session.exec(of_these.order_by(col(Airing.created_at), col(Airing.id))).all():
        found[airing.emergency_id or ""].append(airing)
    return found


def visible(session: Session, actor: Actor, *, limit: int = 50) -> list[tuple[Emergency, Airing, Unit, Person | None]]:
    """Emergencies the actor may see with their first airing, the newest first, with who raised them."""
    rows = session.exec(
        select(Emergency, Unit, Person)
        .join(Unit, col(Unit.id) == Emergency.unit_id)
        .join(Person, col(Person.id) == Emergency.raised_by, isouter=True)
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Emergency.id).desc())
        .limit(limit)
    ).all()
    by_id = airings_of(session, [emergency.id for emergency, _, _ in rows])
    return [
        (emergency, by_id[emergency.id][0], unit, person) for emergency, unit, person in rows if by_id[emergency.id]
    ]


def stated(*airings: Airing) -> str:
    """When and how an alarm stands, for programs: `preparing`, `on_air`, `over`, `stopped` or `failed`.

    Of several airings of one emergency: `on_air` if one of them is, else `preparing` if one is, and so on.
    """
    words = {"planned": "preparing", "issued": "on_air", "withdrawn": "stopped"}
    states = {words.get(airing.state, airing.state) for airing in airings}
    return next((each for each in ("on_air", "preparing", "over", "stopped") if each in states), "failed")
