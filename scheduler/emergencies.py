"""Emergencies: raised by one person, signed as soon as the audio is there, held out to stations until over."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlmodel import Session, col, select

from audio import clips, lexicon
from audio.models import Clip
from core import audit, changes
from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.signing import Signer
from playlists import bulletins
from registry import units
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from scheduler import audience, issuing
from scheduler.models import Airing, Emergency

log = logging.getLogger(__name__)
MAX_TIMES = 100
MAX_REPEATING_S = 86_400.0
VOLUME = 100  # as loud as the station's own limit allows
# A station that was away still plays the alarm this long after its end.
HOLDS = timedelta(hours=1)
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Alarm:
    """What somebody wants said at once: a text, or a clip that exists."""

    audience: Sequence[str]
    text: str = ""
    clip: str | None = None
    every_s: float = 0.0
    times: int = 1
    volume: int | None = None


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
) -> tuple[Emergency, Airing]:
    """Put an alarm on air: at once when its audio is ready, else the moment it is.

    Raises InvalidInput, NotFound or Forbidden before anything is stored.
    """
    actor.require(Permission.ALARM, unit)
    text = bulletins.text_or_clip(alarm.text, alarm.clip, max_chars)
    if not (1 <= alarm.times <= MAX_TIMES and 0 <= alarm.every_s * max(alarm.times - 1, 1) <= MAX_REPEATING_S):
        raise InvalidInput(
            N_("An emergency is said at most %(times)s times, within a day."),
            fields={"repeat": "range"},
            times=MAX_TIMES,
        )
    if alarm.volume is not None and not 0 <= alarm.volume <= 100:  # noqa: PLR2004
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"volume": "range"})
    heard = audience.read(session, actor, alarm.audience, Permission.ALARM)
    if alarm.clip:
        clip = bulletins.clip_for(session, actor, alarm.clip, unit)
        if clip.state == "failed":
            raise Conflict(N_("The audio of this recording could not be made."))
        clips.hasten(session, clip.id, now, urgent=True)
    else:
        if alarm.times > 1:
            text = f"{_issued_at(session, unit, default_zone, now)} {text}"
        clip = clips.request_speech(
            session,
            unit_id=unit.id,
            text=text,
            language="vi",
            voice=None,
            created_by=actor.id,
            now=now,
            due_at=now,
            urgent=True,
            dictionary=lexicon.relevant(lexicon.held(session, unit), text),
        )
    emergency = Emergency(
        id=new_id("em"), unit_id=unit.id, text=text, clip_id=clip.id, audience=list(heard.names), every_s=alarm.every_s,
        times=alarm.times, volume=alarm.volume, raised_by=actor.id, raised_at=now,
    )  # fmt: skip
    session.add(emergency)
    session.flush()
    airing = Airing(
        id=new_id("air"), unit_id=unit.id, emergency_id=emergency.id, kind="emergency", priority="emergency",
        title=(text or clip.title or "")[:120], state="planned", reason="rendering", starts_at=now,
        ends_at=now + HOLDS, not_after=now + HOLDS, late="play",
        volume=VOLUME if alarm.volume is None else alarm.volume,
        audience=list(heard.names), approved_by=actor.name, created_at=now,
    )  # fmt: skip
    issuing.add(session, [airing])
    audit.record(
        session, actor=actor.username, action="emergency.raise", subject=emergency.id, unit_id=unit.id, now=now,
        text=text[:500], clip=alarm.clip, audience=emergency.audience, times=alarm.times, every_s=alarm.every_s,
    )  # fmt: skip
    if clip.state == "ready":
        _issue(session, emergency, airing, clip, signer, now)
    return emergency, airing


def _issued_at(session: Session, unit: Unit, default_zone: str, now: datetime) -> str:
    """What a repeated message says of itself (Decision 03/2020): when it was issued."""
    where = units.inherited(units.ancestors(session, unit), default_zone).zone
    local = now.astimezone(known_zone(where))
    return f"Thông báo khẩn cấp, phát lúc {local.hour} giờ {local.minute} phút, ngày {local.day} tháng {local.month}."


def issue_ready(session: Session, signer: Signer, now: datetime) -> int:
    """Sign every raised alarm whose audio has become ready; returns how many. A stopped one stays silent."""
    waiting = session.exec(
        select(Airing, Emergency, Clip)
        .join(Emergency, col(Emergency.id) == Airing.emergency_id)
        .join(Clip, col(Clip.id) == Emergency.clip_id)
        .where(Airing.state == "planned", Airing.kind == "emergency", col(Clip.state).in_(("ready", "failed")))
        .order_by(col(Airing.id))
    ).all()
    for airing, emergency, clip in waiting:
        try:
            if clip.state == "failed":
                airing.state, airing.reason = "failed", "audio_failed"
                session.add(airing)
            else:
                _issue(session, emergency, airing, clip, signer, now)
        except ValidationError:  # what the wire does not carry must not hold up the other alarms
            log.exception("emergency %s can't be signed", emergency.id)
            airing.state, airing.reason, airing.items = "failed", "audio_failed", []
            session.add(airing)
    return len(waiting)


def _issue(session: Session, emergency: Emergency, airing: Airing, clip: Clip, signer: Signer, now: datetime) -> None:
    seconds = round(clip.seconds or 0.0, 3)
    step = max(emergency.every_s, seconds + _PAUSE_S)
    files = clips.files(clip).model_dump()
    airing.items = [
        {"at": round(number * step, 3), "seconds": seconds, "title": airing.title, "clip": files}
        for number in range(emergency.times)
        if number * step <= MAX_REPEATING_S  # a long recording is not said as often as wished
    ]
    airing.starts_at = now
    airing.ends_at = now + timedelta(seconds=step * (len(airing.items) - 1) + seconds)
    airing.not_after = airing.ends_at + HOLDS
    issuing.sign(airing, audience.outside(session, airing.audience), signer, now)
    session.add(airing)
    changes.announce(session, "now", airing.audience, now)


def stop(session: Session, actor: Actor, emergency_id: str, now: datetime) -> Emergency:
    """Silence an alarm everywhere; stopping it twice changes nothing."""
    emergency, unit, airing = find(session, actor, emergency_id)
    actor.require(Permission.ALARM, unit)
    if emergency.stopped_at is None:
        emergency.stopped_at, emergency.stopped_by = now, actor.id
        session.add(emergency)
        issuing.withdraw(session, airing, "stopped", now)
        audit.record(
            session, actor=actor.username, action="emergency.stop", subject=emergency.id, unit_id=unit.id, now=now
        )
    return emergency


def find(session: Session, actor: Actor, emergency_id: str) -> tuple[Emergency, Unit, Airing]:
    """An emergency of a unit the actor may see, and its airing. Raises NotFound."""
    emergency = session.get(Emergency, emergency_id)
    unit = session.get(Unit, emergency.unit_id) if emergency else None
    if emergency is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    airing = session.exec(select(Airing).where(Airing.emergency_id == emergency.id)).one()
    return emergency, unit, airing


def visible(session: Session, actor: Actor, *, limit: int = 50) -> list[tuple[Emergency, Airing, Unit, Person | None]]:
    """Emergencies the actor may see, the newest first, with who raised them."""
    rows = session.exec(
        select(Emergency, Airing, Unit, Person)
        .join(Airing, col(Airing.emergency_id) == Emergency.id)
        .join(Unit, col(Unit.id) == Emergency.unit_id)
        .join(Person, col(Person.id) == Emergency.raised_by, isouter=True)
        .where(actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(Emergency.id).desc())
        .limit(limit)
    ).all()
    return [(emergency, airing, unit, person) for emergency, airing, unit, person in rows]


def stated(airing: Airing) -> str:
    """When and how an alarm stands, for programs: `preparing`, `on_air`, `over`, `stopped` or `failed`."""
    return {"planned": "preparing", "issued": "on_air", "withdrawn": "stopped"}.get(airing.state, airing.state)
