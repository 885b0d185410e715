"""Script API: emergencies, and those that wait for another person to confirm them."""

from datetime import datetime

from flask import Blueprint, Response
from sqlmodel import Session

from alerts import pending, raising
from alerts.pending_models import PendingAlarm
from alerts.raising import Proof, Raised
from core.errors import N_, InvalidInput
from registry import units
from registry.models import Person, Unit
from scheduler import alarm_sounds, emergencies
from scheduler.alarms import Alarm, Said
from scheduler.models import Emergency
from web.access import actor, for_scripts
from web.api.alarm_bodies import EmergencyAnswer, EmergencyBody, PendingAlarmAnswer
from web.api.bodies import ReasonBody
from web.api.reading import answer, body, listed, local_or_instant
from web.app import house


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/emergencies", create_emergency),
        ("GET", "/pending", list_pending),
        ("GET", "/pending/<identity>", show_pending),
        ("POST", "/pending/<identity>/confirm", confirm_emergency),
        ("POST", "/pending/<identity>/decline", decline_emergency),
        ("POST", "/emergencies/<identity>/stop", stop_emergency),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


@for_scripts
def create_emergency() -> Response:
    """Raise an alarm: on air as soon as its audio is there, over everything else; 202 where another person confirms."""
    here, wanted = house(), body(EmergencyBody)
    with here.database.write(urgent=True) as session:
        unit = units.find(session, actor(), wanted.unit)
        done = raising.ask(
            session, actor(), unit, _alarm(wanted), proof=Proof(wanted.second_factor), signer=here.signer,
            settings=here.settings, now=here.clock(),
        )  # fmt: skip
        if isinstance(done, Raised):
            made: EmergencyAnswer | PendingAlarmAnswer = _shown(session, done.emergency)
            status = 201
        else:
            made, status = _waiting(session, done.pending, unit, here.clock()), 202
    here.room.catch_up()
    return answer(made, status)


def _alarm(wanted: EmergencyBody) -> Alarm:
    if wanted.prepared and (wanted.text or wanted.clip or wanted.said):
        raise InvalidInput(N_("Give either a prepared message or something else to say."), fields={"prepared": "twice"})
    replaced = [wanted.replaces] if isinstance(wanted.replaces, str) else wanted.replaces or []
    until = local_or_instant(wanted.until, house().settings.zone, end=True) if wanted.until else None
    return Alarm(
        audience=wanted.audience, text=wanted.text or "", clip=wanted.clip or None, volume=wanted.volume,
        every_s=wanted.repeat.every_s if wanted.repeat else 0.0, times=wanted.repeat.times if wanted.repeat else 1,
        said=[Said(each.language, each.text or "", each.clip or None) for each in wanted.said], title=wanted.title,
        about=wanted.about, signal=wanted.signal, severity=wanted.severity, until=until,
        source=f"{alarm_sounds.PREPARED}{wanted.prepared}" if wanted.prepared else "person",
        replaces=replaced[0] if replaced else None, also_replaces=replaced[1:],
    )  # fmt: skip


def _shown(session: Session, emergency: Emergency) -> EmergencyAnswer:
    airings = emergencies.airings_of(session, [emergency.id])[emergency.id]
    return EmergencyAnswer(
        id=emergency.id, airing=airings[0].id, state=emergencies.stated(*airings),
        airings=[airing.id for airing in airings],
    )  # fmt: skip


def _waiting(session: Session, found: PendingAlarm, unit: Unit, now: datetime) -> PendingAlarmAnswer:
    person = session.get(Person, found.asked_by)
    return PendingAlarmAnswer(
        id=found.id, state=pending.state(found, now), unit=unit.code, title=found.title,
        asked_by=person.username if person else found.asked_by, asked_at=found.asked_at, expires_at=found.expires_at,
        emergency=found.emergency_id, reason=found.reason,
    )  # fmt: skip


@for_scripts
def stop_emergency(identity: str) -> Response:
    """Silence an alarm everywhere."""
    here = house()
    with here.database.write(urgent=True) as session:
        made = _shown(session, emergencies.stop(session, actor(), identity, here.clock()))
    here.room.catch_up()
    return answer(made)


@for_scripts
def list_pending() -> Response:
    """The emergencies that wait until somebody confirms them, where the caller may raise one."""
    now = house().clock()
    with house().database.read() as session:
        rows = pending.waiting_for(session, actor(), now)
        made = [_waiting(session, found, unit, now) for found, unit, _ in rows]
    return listed(made, None)


@for_scripts
def show_pending(identity: str) -> Response:
    """What became of one that waited."""
    with house().database.read() as session:
        found, unit = pending.find(session, actor(), identity)
        made = _waiting(session, found, unit, house().clock())
    return answer(made)


@for_scripts
def confirm_emergency(identity: str) -> Response:
    """Put an emergency on air that another person asked for."""
    here = house()
    with here.database.write(urgent=True) as session:
        done = raising.confirm(
            session, actor(), identity, signer=here.signer, settings=here.settings, now=here.clock()
        )  # fmt: skip
        made = _shown(session, done.emergency)
    here.room.catch_up()
    return answer(made, 201)


@for_scripts
def decline_emergency(identity: str) -> Response:
    """Turn down an emergency that waits."""
    here, wanted = house(), body(ReasonBody)
    with here.database.write(urgent=True) as session:
        found = raising.decline(session, actor(), identity, wanted.reason, here.clock())
        made = _waiting(session, found, session.get_one(Unit, found.unit_id), here.clock())
    return answer(made)
