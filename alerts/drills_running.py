"""Drills at work: begun at their instant, closed when every station had time to answer.

Nothing is begun twice and nothing is lost when a worker is killed: that a drill is due is noted together with the
instant of the next one, and it goes on air in the transaction that says so.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, select

from alerts import drills, drills_report, drills_sound, drills_words
from alerts.drills_models import SILENT, SPOKEN, DrillPlan, DrillRun
from audio.models import READY, RECORDING, Clip
from audio.store import MediaStore
from core import audit, changes
from core.allowed import LIMITS
from core.database import Database
from core.errors import N_, LoaError
from core.ids import new_id
from core.settings import Settings
from core.signing import Signer
from core.wire import ClipFiles
from registry.models import Person, Unit
from registry.rights import Actor, actor_for, system_actor
from scheduler import audience, emergencies, issuing, jobs, troubles
from scheduler.alarms import Alarm, Said
from scheduler.models import Airing

log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0
# A worker that was away begins no drill that people expected earlier; nobody hears a silent one.
LATEST = {SPOKEN: timedelta(minutes=10), SILENT: timedelta(hours=6)}
# Until then stations that were away still play it; then there is time for their heartbeats and reports.
OPEN = {SPOKEN: timedelta(minutes=10), SILENT: timedelta(minutes=20)}
SETTLING = timedelta(minutes=3)
CORRECTED = timedelta(hours=24)
_AGAIN = timedelta(hours=1)
_LEASE = timedelta(minutes=5)
_MOST_AT_ONCE = 20
_JOB = "drills"
AWAY = N_("The server was away at its time.")
NOBODY = N_("For a year nobody has said that they answer for it.")
NO_RIGHT = N_("Whoever answered for it has no right to it here any more: somebody else has to.")


def tend(database: Database, settings: Settings, signer: Signer, holder: str, now: datetime) -> int:
    """What is due now: begin, close, correct, remind. How many drills were touched; one that fails stops no other."""
    with database.read() as session:
        if not _anything(session, now):
            return 0
    with database.write() as session:
        if not jobs.claim(session, _JOB, holder, now, _LEASE):
            return 0
    try:
        with database.write() as session:
            touched = _due(session, now)
        touched += _begin(database, settings, signer, now)
        touched += _close(database, settings, now)
        return touched
    finally:
        with database.write() as session:
            jobs.release(session, _JOB, holder)


def _anything(session: Session, now: datetime) -> bool:
    """A look that takes no lock: whether `tend` would find something."""
    due = select(DrillPlan.id).where(col(DrillPlan.ended_at).is_(None), col(DrillPlan.next_at) <= now)
    lapsing = select(DrillPlan.id).where(_lapsing(now))
    open_runs = select(DrillRun.id).where(
        (col(DrillRun.state) == "preparing") | ((col(DrillRun.state) == "running") & (col(DrillRun.closes_at) <= now))
    )
    late = select(DrillRun.id).where(_correctable(now))
    return any(session.exec(query.limit(1)).first() is not None for query in (due, open_runs, late)) or bool(
        set(session.exec(lapsing).all()) - troubles.subjects(session, "drill_plan")
    )


def _lapsing(now: datetime) -> ColumnElement[bool]:
    return (
        col(DrillPlan.ended_at).is_(None)
        & col(DrillPlan.next_at).is_not(None)
        & (col(DrillPlan.renew_by) <= now + drills.ASKED_BEFORE)
    )


def _correctable(now: datetime) -> ColumnElement[bool]:
    return (
        (col(DrillRun.state) == "reported")
        & (col(DrillRun.closes_at) > now - CORRECTED)
        & (col(DrillRun.reported_at) <= now - _AGAIN)
    )


def _due(session: Session, now: datetime) -> int:
    """Note the drills whose instant has come, and when each comes next; ask again who answers for them."""
    for plan in session.exec(select(DrillPlan).where(_lapsing(now))).all():
        what = f"{plan.name}: nobody answers for it from {plan.renew_by:%Y-%m-%d} on"
        troubles.report(session, "drill_plan", plan.id, what, now, plan.unit_id)
    due = select(DrillPlan).where(col(DrillPlan.ended_at).is_(None), col(DrillPlan.next_at) <= now)
    count = 0
    for plan in session.exec(due.order_by(col(DrillPlan.next_at)).limit(_MOST_AT_ONCE)).all():
        planned = plan.next_at
        assert planned is not None  # noqa: S101 - asked for in the query
        following = drills.next_after(plan, max(now, planned))
        mine = update(DrillPlan).where(col(DrillPlan.id) == plan.id, col(DrillPlan.next_at) == planned)
        if session.execute(mine.values(next_at=following)).rowcount != 1:  # type: ignore[attr-defined]
            continue
        run = DrillRun(
            id=new_id("dr"), plan_id=plan.id, unit_id=plan.unit_id, kind=plan.kind, name=plan.name,
            audience=plan.audience, note=plan.note, said=plan.said, signal=plan.signal, volume=plan.volume,
            ordered_by=plan.answered_by, planned_at=planned,
        )  # fmt: skip
        session.add(run)
        session.flush()
        if plan.renew_by <= planned:
            _fail(session, run, "missed", NOBODY, now)
        count += 1
    return count


def _begin(database: Database, settings: Settings, signer: Signer, now: datetime) -> int:
    with database.read() as session:
        waiting = session.exec(
            select(DrillRun.id, DrillRun.kind, DrillRun.clip_id)
            .where(DrillRun.state == "preparing").order_by(col(DrillRun.planned_at)).limit(_MOST_AT_ONCE)
        ).all()  # fmt: skip
    for run_id, kind, clip_id in waiting:
        try:
            sound = drills_sound.made(MediaStore(settings.media), run_id) if kind == SILENT and not clip_id else None
            with database.write() as session:
                _start(session, session.get_one(DrillRun, run_id), sound, settings, signer, now)
        except troubles.PASSING:
            raise
        except Exception as error:
            if not isinstance(error, LoaError):
                log.exception("a drill could not begin")
            with database.write() as session:
                why = str(error) if isinstance(error, LoaError) else troubles.describe(error)
                _fail(session, session.get_one(DrillRun, run_id), "failed", why, now)
    return len(waiting)


def _start(
    session: Session, run: DrillRun, sound: tuple[ClipFiles, float] | None, settings: Settings, signer: Signer,
    now: datetime,
) -> None:  # fmt: skip
    if run.state != "preparing":
        return
    if now - run.planned_at > LATEST[run.kind]:
        _fail(session, run, "missed", AWAY, now)
        return
    unit = session.get_one(Unit, run.unit_id)
    actor = _who(session, run)
    if actor is None or not actor.may(drills.right_for(actor, run.kind, unit), unit):
        _fail(session, run, "failed", NO_RIGHT, now)
        return
    start = _start_silent if run.kind == SILENT else _start_spoken
    start(session, run, unit, actor, sound, settings, signer, now)
    run.state, run.begun_at, run.closes_at = "running", now, now + OPEN[run.kind] + SETTLING
    session.add(run)


def _start_spoken(
    session: Session, run: DrillRun, unit: Unit, actor: Actor, _sound: object, settings: Settings, signer: Signer,
    now: datetime,
) -> None:  # fmt: skip
    said = [Said("vi", drills_words.spoken(unit.name, run.note))]
    said += [Said(str(each["language"]), clip=str(each["clip"])) for each in run.said]
    alarm = Alarm(
        audience=run.audience, said=said, title=run.name, about="other", signal=run.signal, severity="minor",
        volume=run.volume, until=now + OPEN[SPOKEN], source=f"drill:{run.id}", drill=True,
    )  # fmt: skip
    emergency, _ = emergencies.raise_alarm(
        session, actor, unit, alarm, signer=signer, default_zone=settings.zone, max_chars=settings.max_text_chars,
        now=now,
    )  # fmt: skip
    run.emergency_id = emergency.id


def _start_silent(
    session: Session, run: DrillRun, unit: Unit, actor: Actor, sound: tuple[ClipFiles, float] | None,
    _settings: Settings, signer: Signer, now: datetime,
) -> None:  # fmt: skip
    """Sign a ticket of kind `test` that goes all the way and is not heard, so no hours keep it from that."""
    assert sound is not None  # noqa: S101 - made by the caller for silent ones
    files, seconds = sound
    names = audience.read(session, actor, run.audience, drills.right_for(actor, run.kind, unit)).names
    clip = Clip(
        id=new_id("cl"), unit_id=unit.id, kind=RECORDING, state=READY, title=run.name, content_key=run.id, progress=100,
        seconds=seconds, mp3_sha256=files.mp3.sha256, mp3_bytes=files.mp3.bytes, opus_sha256=files.opus.sha256,
        opus_bytes=files.opus.bytes, created_by=actor.id, created_at=now, ready_at=now,
    )  # fmt: skip
    session.add(clip)
    session.flush()
    ends = now + timedelta(seconds=seconds)
    airing = Airing(
        id=new_id("air"), unit_id=unit.id, kind="test", priority="ordinary", title=run.name, starts_at=now,
        ends_at=ends, not_after=now + OPEN[SILENT], late="play", volume=0, audience=list(names),
        items=[{"at": 0.0, "seconds": seconds, "title": run.name, "clip": files.model_dump()}],
        approved_by=actor.name, lifted=list(LIMITS), created_at=now,
    )  # fmt: skip
    session.add(airing)
    session.flush()
    issuing.address(session, [airing])
    issuing.sign(airing, audience.outside(session, airing.audience), signer, now)
    session.add(airing)
    changes.announce(session, "now", airing.audience, now)
    run.clip_id, run.airings = clip.id, [airing.id]
    audit.record(
        session, actor=actor.username, action="drill.silent", subject=run.id, unit_id=unit.id, now=now,
        airing=airing.id, audience=airing.audience,
    )  # fmt: skip


def _who(session: Session, run: DrillRun) -> Actor | None:
    """Who answers for the drill, with the rights they have now."""
    if run.ordered_by == system_actor().id:
        return system_actor()
    person = session.get(Person, run.ordered_by)
    return actor_for(session, person) if person is not None else None


def _fail(session: Session, run: DrillRun, state: str, why: str, now: datetime) -> None:
    run.state, run.why, run.reported_at = state, why[:300], now
    session.add(run)
    troubles.report(session, "drill", run.id, f"{run.name}: {why}", now, run.unit_id)


def _close(database: Database, settings: Settings, now: datetime) -> int:
    """Draw up the reports that are due, and those anew to which stations had something to add within a day."""
    with database.read() as session:
        over = session.exec(
            select(DrillRun.id).where(DrillRun.state == "running", col(DrillRun.closes_at) <= now).limit(_MOST_AT_ONCE)
        ).all()
        late = session.exec(select(DrillRun.id).where(_correctable(now)).limit(_MOST_AT_ONCE)).all()
    for run_id in [*over, *late]:
        with database.write() as session:
            run = session.get_one(DrillRun, run_id)
            drills_report.keep(session, run, settings, now)
    return len(over) + len(late)
