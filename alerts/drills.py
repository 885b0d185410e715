"""Drills: what is practised, when, and who answers for it by name.

A *spoken* drill is raised as an alarm that says of itself that it is a test. A *silent* one wakes every station with a
signed ticket that goes all the way to its output, at volume 0. Whoever sets up a drill answers for it for a year;
then somebody has to say anew that they do, or it ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, pairwise

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from alerts.drills_models import KINDS, SILENT, SPOKEN, DrillPlan, DrillRun
from core import audit
from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from playlists import sources
from registry import units
from registry.models import Person, Unit
from registry.rights import Actor, Permission
from scheduler import audience, sessions, troubles
from scheduler.recurrence import Recurrence, occurrences, recurrence

MONTHLY = "FREQ=MONTHLY;BYDAY=1SA"
ANSWERED_FOR = timedelta(days=365)
ASKED_BEFORE = timedelta(days=30)
SIGNALS = ("chime", "none")  # a siren would come before the word that this is a test
MAX_NOTE = 400
MAX_SAID = 10
_AHEAD = timedelta(days=800)
_LOOKED_AT = 24
_LEAST = {SPOKEN: timedelta(days=6), SILENT: timedelta(hours=23)}
_RIGHTS = {SPOKEN: (Permission.ALARM,), SILENT: (Permission.OPERATE, Permission.ALARM)}
_LOUDEST = 100
_MOST_NAME = 120


@dataclass(frozen=True)
class Content:
    """What is practised: the kind, for whom, what is said between the sentences, recordings for other languages."""

    kind: str
    audience: Sequence[str]
    name: str = ""
    note: str = ""
    said: Sequence[tuple[str, str]] = field(default_factory=tuple)  # language, clip
    signal: str = "chime"
    volume: int | None = None


def right_for(actor: Actor, kind: str, unit: Unit) -> Permission:
    """The right by which the actor may hold such a drill there, or the one that they would need.

    A spoken drill takes the right to raise alarms; a silent one that, or that of whoever looks after stations. Raises
    InvalidInput for an unknown kind.
    """
    if kind not in KINDS:
        raise InvalidInput(N_("A drill is spoken or silent."), fields={"kind": "unknown"})
    return next((each for each in _RIGHTS[kind] if actor.may(each, unit)), _RIGHTS[kind][0])


def set_up(
    session: Session, actor: Actor, unit: Unit, content: Content, *, starts: str, rrule: str | None, default_zone: str,
    now: datetime,
) -> DrillPlan:  # fmt: skip
    """Put a drill on a schedule: `starts` is local time at the unit. The actor answers for it from now on.

    Raises InvalidInput, NotFound or Forbidden; also where a spoken drill would fall into hours that are to be quiet.
    """
    names = _checked(session, actor, unit, content)
    zone = units.inherited(units.ancestors(session, unit), default_zone).zone
    rule = recurrence(starts, zone, rrule)
    coming = list(islice(occurrences(rule, now, now + _AHEAD), _LOOKED_AT))
    if not coming:
        raise InvalidInput(N_("This drill never comes: its time is over."), fields={"starts": "past"})
    least = _LEAST[content.kind]
    if any(after - before < least for before, after in pairwise(coming)):
        raise InvalidInput(
            N_("A spoken drill comes once a week at most, a silent one once a day."), fields={"rrule": "often"}
        )
    if content.kind == SPOKEN:
        _check_hours(session, names, coming, default_zone)
    plan = DrillPlan(
        id=new_id("dp"), unit_id=unit.id, kind=content.kind, name=_named(content, unit), audience=list(names),
        note=_note(content), said=_said(content), signal=content.signal, volume=content.volume, starts=starts,
        zone=zone, rrule=rrule or None, next_at=coming[0], answered_by=actor.id, answered_at=now,
        renew_by=now + ANSWERED_FOR, created_at=now,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    audit.record(
        session, actor=actor.username, action="drill.set_up", subject=plan.id, unit_id=unit.id, now=now,
        kind=plan.kind, audience=plan.audience, starts=starts, rrule=plan.rrule, zone=zone,
    )  # fmt: skip
    return plan


def renew(session: Session, actor: Actor, plan_id: str, now: datetime) -> DrillPlan:
    """The actor answers for it for another year, whoever did before. Raises Conflict for one that was ended."""
    plan, unit = find_plan(session, actor, plan_id)
    actor.require(right_for(actor, plan.kind, unit), unit)
    if plan.ended_at is not None:
        raise Conflict(N_("This drill was ended. Set up a new one."))
    plan.answered_by, plan.answered_at, plan.renew_by = actor.id, now, now + ANSWERED_FOR
    plan.next_at = next_after(plan, now)
    session.add(plan)
    troubles.clear(session, "drill_plan", [plan.id], now)
    audit.record(session, actor=actor.username, action="drill.renew", subject=plan.id, unit_id=unit.id, now=now)
    return plan


def end(session: Session, actor: Actor, plan_id: str, now: datetime) -> DrillPlan:
    """End a drill for good; ending it twice changes nothing. What was found stays."""
    plan, unit = find_plan(session, actor, plan_id)
    actor.require(right_for(actor, plan.kind, unit), unit)
    if plan.ended_at is None:
        plan.ended_at, plan.ended_by, plan.next_at = now, actor.id, None
        session.add(plan)
        troubles.clear(session, "drill_plan", [plan.id], now)
        audit.record(session, actor=actor.username, action="drill.end", subject=plan.id, unit_id=unit.id, now=now)
    return plan


def order(
    session: Session, actor: Actor, unit: Unit, content: Content, now: datetime, *, default_zone: str
) -> DrillRun:
    """Drill at once. The worker begins it within seconds; a spoken one only where it is not quiet now."""
    names = _checked(session, actor, unit, content)
    if content.kind == SPOKEN:
        _check_hours(session, names, [now], default_zone)
    going_on = select(DrillRun.id).where(DrillRun.unit_id == unit.id, col(DrillRun.state).in_(("preparing", "running")))
    if session.exec(going_on.limit(1)).first() is not None:
        raise Conflict(N_("A drill is going on here. Wait for its report."))
    run = DrillRun(
        id=new_id("dr"), unit_id=unit.id, kind=content.kind, name=_named(content, unit), audience=list(names),
        note=_note(content), said=_said(content), signal=content.signal, volume=content.volume, ordered_by=actor.id,
        planned_at=now,
    )  # fmt: skip
    session.add(run)
    session.flush()
    audit.record(
        session, actor=actor.username, action="drill.order", subject=run.id, unit_id=unit.id, now=now, kind=run.kind,
        audience=run.audience,
    )  # fmt: skip
    return run


def next_after(plan: DrillPlan, after: datetime) -> datetime | None:
    """The first instant of a plan later than `after`; None if there is none within two years."""
    rule: Recurrence = recurrence(plan.starts, plan.zone, plan.rrule)
    return next(occurrences(rule, after + timedelta(seconds=1), after + _AHEAD), None)


def find_plan(session: Session, actor: Actor, plan_id: str) -> tuple[DrillPlan, Unit]:
    """A plan of a unit that the actor sees. Raises NotFound."""
    plan = session.get(DrillPlan, plan_id)
    unit = session.get(Unit, plan.unit_id) if plan else None
    if plan is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return plan, unit


def find_run(session: Session, actor: Actor, run_id: str) -> tuple[DrillRun, Unit]:
    """A drill of a unit that the actor sees. Raises NotFound."""
    run = session.get(DrillRun, run_id)
    unit = session.get(Unit, run.unit_id) if run else None
    if run is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return run, unit


def plans(session: Session, actor: Actor, *, limit: int = 200) -> list[tuple[DrillPlan, Unit, Person | None]]:
    """The plans that stand, of units that the actor sees, the next one first; with who answers for each."""
    person = aliased(Person)
    rows = session.exec(
        select(DrillPlan, Unit, person)
        .join(Unit, col(Unit.id) == DrillPlan.unit_id)
        .join(person, col(person.id) == DrillPlan.answered_by, isouter=True)
        .where(col(DrillPlan.ended_at).is_(None), actor.within(Permission.SEE, col(Unit.path)))
        .order_by(col(DrillPlan.next_at).is_(None), col(DrillPlan.next_at), col(DrillPlan.id))
        .limit(limit)
    ).all()
    return [(plan, unit, who) for plan, unit, who in rows]


def runs(session: Session, actor: Actor, *, limit: int = 50, before: str = "") -> list[tuple[DrillRun, Unit]]:
    """Drills of units that the actor sees, the newest first; with `before` those older than the one of this id."""
    query = (
        select(DrillRun, Unit)
        .join(Unit, col(Unit.id) == DrillRun.unit_id)
        .where(actor.within(Permission.SEE, col(Unit.path)))
    )
    if before:
        query = query.where(col(DrillRun.id) < before)
    return [(run, unit) for run, unit in session.exec(query.order_by(col(DrillRun.id).desc()).limit(limit)).all()]


def _checked(session: Session, actor: Actor, unit: Unit, content: Content) -> tuple[str, ...]:
    """The internal names of those it is for. Raises InvalidInput, NotFound or Forbidden."""
    needed = right_for(actor, content.kind, unit)
    actor.require(needed, unit)
    if len(content.note.strip()) > MAX_NOTE:
        raise InvalidInput(
            N_("What is said has at most %(limit)s characters."), fields={"note": "long"}, limit=MAX_NOTE
        )
    if content.signal not in SIGNALS:
        raise InvalidInput(
            N_("A drill begins with a chime or with nothing: a siren would frighten people."),
            fields={"signal": "unknown"},
        )
    if content.volume is not None and not 0 <= content.volume <= _LOUDEST:
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"volume": "range"})
    if len(content.said) > MAX_SAID or len({language for language, _ in content.said} | {"vi"}) <= len(content.said):
        raise InvalidInput(N_("A language is there twice."), fields={"said": "twice"})
    for language, clip in content.said:
        sources.known_language(language)
        sources.clip_for(session, actor, clip, unit)
    return audience.read(session, actor, content.audience, needed).names


def _check_hours(session: Session, names: Sequence[str], coming: Sequence[datetime], default_zone: str) -> None:
    for unit in audience.known(session, names).units:
        held = units.inherited(units.ancestors(session, unit), default_zone)
        rules = sessions.rules(held, known_zone(held.zone))
        if not all(rules.lets_begin(at, ()) for at in coming):
            raise InvalidInput(
                N_("At this time the loudspeakers of “%(unit)s” have to be quiet. Choose another time."),
                fields={"starts": "quiet"}, unit=unit.name,
            )  # fmt: skip


def _named(content: Content, unit: Unit) -> str:
    return units.clean_name(content.name)[:_MOST_NAME] if content.name.strip() else unit.name[:_MOST_NAME]


def _note(content: Content) -> str:
    return " ".join(content.note.split()) if content.kind == SPOKEN else ""


def _said(content: Content) -> list[dict[str, str]]:
    return [{"language": language.lower(), "clip": clip} for language, clip in content.said]
