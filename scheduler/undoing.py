"""Undoing a change of the timetable: the touched slots become exactly what they were, unless that is too late.

A step keeps the slots it touched as they stood before, with their single occurrences. A slot that the step made is
taken off the timetable. Too late is: somebody changed them since; what differs has begun, or begins within the frozen
minutes; something else stands there now.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, SQLModel, col, select

from core import audit, changes
from core.database import UtcDateTime
from core.errors import N_, Conflict, NotFound
from core.ids import new_id
from playlists import libraries, resolving
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, checks, series, slots
from scheduler.editing import Rules
from scheduler.models import Slot, SlotException, SlotTarget
from scheduler.series import Series, length, occurring
from scheduler.undo_models import TimetableStep
from scheduler.wishes import LOOK_AHEAD, MAX_LOOKED_AT, Understood

Before = dict[str, Any]
OPEN = timedelta(hours=24)
MAX_STEPS = 100  # that are looked at to see which can be undone
_GONE = N_("It has been changed again since, so it can't be undone any more.")
_BEGUN = N_("It has begun already, so it can't be undone any more.")
_SOON = N_("It starts within %(minutes)s minutes and is frozen, so it can't be undone any more.")


def standing(session: Session, slot_ids: Iterable[str]) -> Before:
    """The slots as they stand, with their single occurrences; None for ids that no slot has."""
    session.flush()
    wanted = sorted(set(slot_ids))
    found: Before = dict.fromkeys(wanted)
    for start in range(0, len(wanted), 400):
        chunk = wanted[start : start + 400]
        for slot in session.exec(select(Slot).where(col(Slot.id).in_(chunk))).all():
            found[slot.id] = {"slot": _packed(slot), "exceptions": []}
        query = select(SlotException).where(col(SlotException.slot_id).in_(chunk))
        for row in session.exec(query.order_by(col(SlotException.occurrence_at))).all():
            found[row.slot_id]["exceptions"].append(_packed(row))
    return found


def keep(
    session: Session, actor: Actor, unit: Unit, kind: str, before: Before, now: datetime, made: Iterable[str] = ()
) -> TimetableStep:
    """Remember a step that was just made: what stood before, and which slots it `made`."""
    whole = before | dict.fromkeys(made)
    step = TimetableStep(
        id=new_id("ts"), unit_id=unit.id, person_id=actor.id, kind=kind, before=whole,
        after=_digest(standing(session, whole)), made_at=now,
    )  # fmt: skip
    session.add(step)
    session.flush()
    return step


def find(session: Session, actor: Actor, step_id: str) -> tuple[TimetableStep, Unit]:
    """A step of the actor's own. Raises NotFound."""
    step = session.get(TimetableStep, step_id)
    unit = session.get(Unit, step.unit_id) if step else None
    if step is None or unit is None or step.person_id != actor.id or not actor.may(Permission.SEE, unit):
        raise NotFound
    return step, unit


def is_open(step: TimetableStep, now: datetime) -> bool:
    """Whether undoing may still be offered."""
    return step.undone_at is None and now < step.made_at + OPEN


def undo(session: Session, actor: Actor, step_id: str, rules: Rules, now: datetime) -> TimetableStep:
    """Let everything the step touched be as it was. Raises NotFound, Forbidden, Conflict, InvalidInput."""
    step, unit = find(session, actor, step_id)
    actor.require(Permission.SCHEDULE, unit)
    present = standing(session, step.before)
    if not is_open(step, now) or _digest(present) != step.after:
        raise Conflict(_GONE, code="changed")
    _in_time(session, step, present, rules, now)
    for slot_id, was in step.before.items():
        _restore(session, slot_id, was, now)
    session.flush()
    for slot_id, was in step.before.items():
        if was is not None:
            _still_fits(session, actor, session.get_one(Slot, slot_id), rules, now)
    step.undone_at = now
    session.add(step)
    audit.record(
        session, actor=actor.username, action="slot.undo", subject=step.id, unit_id=unit.id, now=now,
        slots=sorted(step.before), kind=step.kind,
    )  # fmt: skip
    changes.announce(session, "timetable", [f"slot:{each}" for each in step.before], now)
    return step


def _in_time(session: Session, step: TimetableStep, present: Before, rules: Rules, now: datetime) -> None:
    """Raises Conflict where the two states differ in what has begun since, or is about to."""
    until = now + rules.freeze
    was, stands = (_starts(session, each, step.made_at, until) for each in (step.before, present))
    differing = sorted(was ^ stands)
    if differing and differing[0][0] <= now:
        raise Conflict(_BEGUN, code="begun")
    if differing:
        raise Conflict(_SOON, code="frozen", minutes=round(rules.freeze.total_seconds() / 60))


def _starts(session: Session, state: Mapping[str, Any], start: datetime, end: datetime) -> set[tuple[Any, ...]]:
    """What sounds of these slots within (start, end]: when, which programme, where, how long at most."""
    rows = {each["slot"]["id"]: _slot(each) for each in state.values() if each is not None}
    book = series.load(session, list(rows.values()))
    found: set[tuple[Any, ...]] = set()
    for slot_id, slot in rows.items():
        if slot.withdrawn_at is not None:
            continue
        held = [SlotException(**_read(SlotException, row)) for row in state[slot_id]["exceptions"]]
        book.exceptions[slot_id] = {row.occurrence_at: row for row in held}
        tick = timedelta(microseconds=1)
        for each in islice(occurring(book.of(slot), start + tick, end + tick), MAX_LOOKED_AT):
            found.add((each.starts_at, each.programme_id, tuple(slot.audience), each.most_seconds or 0.0))
    return found


def _slot(state: Mapping[str, Any]) -> Slot:
    return Slot(**_read(Slot, state["slot"]))


def _restore(session: Session, slot_id: str, was: Mapping[str, Any] | None, now: datetime) -> None:
    slot = session.get_one(Slot, slot_id)
    if was is None:
        slot.withdrawn_at = slot.withdrawn_at or now
        session.add(slot)
        return
    for name, value in _read(Slot, was["slot"]).items():
        setattr(slot, name, value)
    session.add(slot)
    ids = [row["id"] for row in was["exceptions"]]
    rows = session.exec(
        select(SlotException).where((col(SlotException.slot_id) == slot_id) | col(SlotException.id).in_(ids))
    ).all()
    for row in rows:
        session.delete(row)
    for target in session.exec(select(SlotTarget).where(SlotTarget.slot_id == slot_id)).all():
        session.delete(target)
    session.flush()  # what is put back has the names of what is taken away
    session.add_all(SlotException(**_read(SlotException, row)) for row in was["exceptions"])
    session.add_all(SlotTarget(slot_id=slot_id, name=name) for name in slot.audience)


def _still_fits(session: Session, actor: Actor, slot: Slot, rules: Rules, now: datetime) -> None:
    """Raises Conflict or InvalidInput where something was put there meanwhile, or a limit does not allow it now."""
    if slot.withdrawn_at is not None:
        return
    wanted = understood(session, slot, series.one(session, slot), now)
    if wanted is None:
        return
    beside = checks.neighbours(session, wanted, frozenset({slot.id}))
    slots.may_break(
        session, actor, slots.Wish(slot.programme_id, slot.starts, []), wanted, beside, rules.default_zone,
        already=slot.lifted,
    )  # fmt: skip
    slots.refuse_clashes(session, actor, wanted, beside)


def understood(session: Session, slot: Slot, held: Series, now: datetime) -> Understood | None:
    """A slot that is on the timetable as a wish that was understood; None where nothing of it is to come."""
    coming = list(islice(occurring(held, now, now + LOOK_AHEAD), MAX_LOOKED_AT))
    # What breaks a limit by somebody's leave was decided one by one.
    coming = [each for each in coming if each.exception is None or not each.exception.lifted]
    if not coming:
        return None
    library = libraries.load(session, [slot.programme_id])
    home = session.get_one(Unit, slot.unit_id)
    seconds = resolving.expected_seconds(library, slot.programme_id, coming[0].starts_at)
    return Understood(
        library.programmes[slot.programme_id], home, audience.known(session, slot.audience), replace(held), slot.zone,
        length(seconds, coming[0]).total_seconds(), resolving.expected_priority(library, slot.programme_id), coming,
    )  # fmt: skip


def _digest(state: Before) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _packed(row: SQLModel) -> dict[str, Any]:
    return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in row.model_dump().items()}


def _read(model: type[SQLModel], kept: Mapping[str, Any]) -> dict[str, Any]:
    instants = {each.name for each in model.__table__.columns if isinstance(each.type, UtcDateTime)}  # type: ignore[attr-defined]
    return {name: datetime.fromisoformat(v) if v and name in instants else v for name, v in kept.items()}


def prune(session: Session, now: datetime) -> None:
    """Drop steps that nobody can undo any more."""
    session.execute(delete(TimetableStep).where(col(TimetableStep.made_at) < now - 2 * OPEN))
