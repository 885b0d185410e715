"""Raising an emergency by the unit's rule for confirming it: at once, with a code, or when another person confirms."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from alerts import alarm_rules, pending
from alerts.pending_models import PendingAlarm
from core.errors import N_, Conflict, Forbidden, NotFound
from core.settings import Settings
from core.signing import Signer
from registry import second_factor
from registry.models import Person, Unit
from registry.rights import Actor, Permission, actor_for
from scheduler import alarm_sounds, alarms, audience, emergencies
from scheduler.alarms import Alarm
from scheduler.models import Airing, Emergency

WAITS = timedelta(minutes=15)


@dataclass(frozen=True)
class Proof:
    """What a person gives besides their word: a code of their telephone, or a recovery code."""

    code: str = ""


@dataclass(frozen=True)
class Raised:
    """The emergency is raised; `airing` is its first."""

    emergency: Emergency
    airing: Airing


@dataclass(frozen=True)
class Waiting:
    """Another person must confirm it; its audio is made meanwhile."""

    pending: PendingAlarm


def rule_for(session: Session, actor: Actor, unit: Unit, alarm: Alarm) -> str:
    """How this emergency must be confirmed. Raises as `audience.read` does for whom it is for."""
    actor.require(Permission.ALARM, unit)
    heard = audience.read(session, actor, alarm.audience, Permission.ALARM)
    return alarm_rules.strictest(session, [unit, *heard.units])


def ready(session: Session, actor: Actor, unit: Unit, alarm: Alarm, *, settings: Settings, now: datetime) -> Alarm:
    """Check an emergency that nobody has confirmed yet and let its audio be made meanwhile; the alarm as it would be.

    Raises as `emergencies.raise_alarm` does. Nothing is raised.
    """
    actor.require(Permission.ALARM, unit)
    full = alarms.checked(alarm_sounds.with_prepared(session, actor, alarm, now), settings.max_text_chars, now)
    audience.read(session, actor, full.audience, Permission.ALARM)
    for former in full.replaced:
        _, home, _ = emergencies.find(session, actor, former)
        actor.require(Permission.ALARM, home)
    alarm_sounds.ahead(session, actor, unit, full, settings.zone, now)
    return full


def ask(
    session: Session,
    actor: Actor,
    unit: Unit,
    alarm: Alarm,
    *,
    proof: Proof,
    signer: Signer,
    settings: Settings,
    now: datetime,
) -> Raised | Waiting:
    """Raise an emergency as its unit's rule has it, or let it wait for another person.

    Raises as `emergencies.raise_alarm` does, and InvalidInput for a code that is missing or wrong.
    """
    rule = rule_for(session, actor, unit, alarm)
    if rule == "second_person":
        full = ready(session, actor, unit, alarm, settings=settings, now=now)
        return Waiting(pending.add(session, actor, unit, full, now, now + WAITS))
    if rule == "second_factor":
        second_factor.check(session, actor.id, proof.code, now)
    return Raised(
        *emergencies.raise_alarm(
            session, actor, unit, alarm, signer=signer, default_zone=settings.zone,
            max_chars=settings.max_text_chars, now=now,
        )
    )  # fmt: skip


def confirm(
    session: Session, actor: Actor, pending_id: str, *, signer: Signer, settings: Settings, now: datetime
) -> Raised:
    """Put a waiting emergency on air: both answer for it.

    Raises NotFound; Forbidden for the person who asked, and for one who may not raise it; Conflict for one that waits
    no longer, or that the person who asked may not raise any more.
    """
    found, unit = pending.find(session, actor, pending_id)
    actor.require(Permission.ALARM, unit)
    if actor.id == found.asked_by:
        raise Forbidden(N_("Another person must confirm this emergency, not the one who asked for it."))
    pending.still_waits(found, now)
    alarm = pending.alarm_of(found)
    audience.read(session, actor, alarm.audience, Permission.ALARM)
    person = session.get(Person, found.asked_by)
    if person is None or not person.active:
        raise Conflict(N_("Whoever asked for this emergency has no account any more."))
    try:
        emergency, airing = emergencies.raise_alarm(
            session, actor_for(session, person), unit, alarm, signer=signer, default_zone=settings.zone,
            max_chars=settings.max_text_chars, now=now, confirmed_by=actor,
        )  # fmt: skip
    except (Forbidden, NotFound) as error:
        raise Conflict(N_("Whoever asked for this emergency may not raise it any more.")) from error
    pending.decide(session, found, "confirmed", actor, now, emergency=emergency.id)
    return Raised(emergency, airing)


def decline(session: Session, actor: Actor, pending_id: str, reason: str, now: datetime) -> PendingAlarm:
    """Turn a waiting emergency down; who asked for it may take it back so. Raises NotFound, Forbidden or Conflict."""
    found, unit = pending.find(session, actor, pending_id)
    actor.require(Permission.ALARM, unit)
    pending.still_waits(found, now)
    pending.decide(session, found, "declined", actor, now, reason=reason)
    return found
