"""Script API: slots and airings."""

from datetime import datetime, timedelta

from flask import Blueprint, Response, request
from sqlmodel import Session

from registry import units
from registry.models import Unit
from scheduler import audience, editing, lists, readiness, slots
from scheduler.models import Airing, Slot, SlotException
from web.access import actor, for_scripts
from web.api.bodies import AiringAnswer, ReadyAnswer, ReasonBody
from web.api.reading import answer, body, cursor, instant_argument, listed, page_size
from web.api.timetable_bodies import (
    OccurrenceAnswer,
    OccurrenceBody,
    PreviewAnswer,
    RestoreBody,
    SlotAnswer,
    SlotBody,
    SlotEdit,
)
from web.app import house
from web.failures import instants_written


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/slots", create_slot),
        ("POST", "/slots/preview", preview_slot),
        ("GET", "/slots", list_slots),
        ("GET", "/slots/<identity>", show_slot),
        ("PUT", "/slots/<identity>", edit_slot),
        ("POST", "/slots/<identity>/withdraw", withdraw_slot),
        ("POST", "/slots/<identity>/hurry", hurry_slot),
        ("GET", "/slots/<identity>/occurrences", list_occurrences),
        ("POST", "/slots/<identity>/occurrences", change_occurrence),
        ("POST", "/slots/<identity>/occurrences/restore", restore_occurrence),
        ("GET", "/airings", list_airings),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _wish(wanted: SlotBody) -> slots.Wish:
    return slots.Wish(
        programme=wanted.programme, starts=wanted.starts, audience=wanted.audience, zone=wanted.zone or None,
        rrule=wanted.rrule or None, exdates=wanted.exdates, until=wanted.until or None, volume=wanted.volume,
        late=wanted.late, rdates=wanted.rdates, days=wanted.days.model_dump(exclude_none=True) if wanted.days else None,
        daypart=wanted.daypart or None, after_minutes=wanted.after_minutes, max_minutes=wanted.max_minutes,
        short=wanted.short, lift=wanted.lift,
    )  # fmt: skip


def _slot(session: Session, slot: Slot, unit: Unit, coming: list[datetime]) -> SlotAnswer:
    outside = audience.outside(session, slot.audience)
    return SlotAnswer(
        id=slot.id, unit=unit.code, programme=slot.programme_id, starts=slot.starts, zone=slot.zone, rrule=slot.rrule,
        audience=[outside.get(name, name) for name in slot.audience], next=coming, days=slot.days, daypart=slot.daypart,
        max_minutes=slot.max_seconds / 60 if slot.max_seconds else None, lifted=slot.lifted, follows=slot.follows,
    )  # fmt: skip


@for_scripts
def create_slot() -> Response:
    """Put a programme on the timetable; 409 with what it would meet at a station."""
    here, wish = house(), _wish(body(SlotBody))
    with here.database.write() as session:
        slot, coming = slots.create(session, actor(), wish, default_zone=here.settings.zone, now=here.clock())
        _, unit = slots.find(session, actor(), slot.id)
        return answer(_slot(session, slot, unit, coming), 201)


@for_scripts
def preview_slot() -> Response:
    """What a slot would do; nothing is saved."""
    here, wish = house(), _wish(body(SlotBody))
    with here.database.read() as session:
        seen = slots.preview(session, actor(), wish, default_zone=here.settings.zone, now=here.clock())
    return answer(
        PreviewAnswer(
            next=seen.next, seconds=round(seen.seconds, 3), clashes=instants_written(seen.clashes),
            limits=instants_written(seen.limits), sim_bytes_a_month=seen.sim_bytes_a_month, stations=seen.stations,
        )
    )  # fmt: skip


@for_scripts
def list_slots() -> Response:
    """The slots on the timetable that the caller sees, the newest first."""
    here, limit = house(), page_size()
    with here.database.read() as session:
        rows = slots.visible(session, actor(), before=cursor("zz"), limit=limit + 1)
        coming = slots.next_instants_of(session, [slot for slot, *_ in rows[:limit]], here.clock())
        items = [
            _slot(session, slot, unit, instants) for (slot, unit, _), instants in zip(rows[:limit], coming, strict=True)
        ]
    return listed(items, items[-1].id if len(rows) > limit else None)


def _rules(bypass: str | None) -> editing.Rules:
    settings = house().settings
    return editing.Rules(settings.zone, timedelta(minutes=settings.freeze_minutes), bypass or "")


def _shown(session: Session, slot: Slot) -> SlotAnswer:
    _, unit = slots.find(session, actor(), slot.id)
    coming = slots.next_instants(session, slot, house().clock()) if slot.withdrawn_at is None else []
    return _slot(session, slot, unit, coming)


@for_scripts
def show_slot(identity: str) -> Response:
    """One slot."""
    with house().database.read() as session:
        return answer(_shown(session, slots.find(session, actor(), identity)[0]))


@for_scripts
def edit_slot(identity: str) -> Response:
    """Change all occurrences still to come, or those from one on; a slot that has sounded goes on under a new id."""
    here, wanted = house(), body(SlotEdit)
    with here.database.write() as session:
        slot, _ = slots.find(session, actor(), identity)
        start = editing.instant_of(slot, wanted.start) if wanted.start else None
        changed = editing.edit(
            session, actor(), identity, _wish(wanted), _rules(wanted.bypass), here.clock(), scope=wanted.scope,
            start=start,
        )  # fmt: skip
        return answer(_shown(session, changed))


@for_scripts
def hurry_slot(identity: str) -> Response:
    """Let what changed hold at once, also for what is frozen, for a reason that is kept."""
    here, wanted = house(), body(ReasonBody)
    with here.database.write() as session:
        return answer(_shown(session, editing.hurry(session, actor(), identity, wanted.reason, here.clock())))


def _occurrence(row: SlotException) -> OccurrenceAnswer:
    return OccurrenceAnswer(
        slot=row.slot_id, at=row.occurrence_at, skip=row.skip, starts_at=row.starts_at, programme=row.programme_id,
        max_minutes=row.max_seconds / 60 if row.max_seconds else None, reason=row.reason, lifted=row.lifted,
        lifted_reason=row.lifted_reason,
    )  # fmt: skip


@for_scripts
def list_occurrences(identity: str) -> Response:
    """The single occurrences of a slot that are not as its rule says."""
    with house().database.read() as session:
        slot, _ = slots.find(session, actor(), identity)
        return listed([_occurrence(row) for row in editing.exceptions(session, slot)], None)


@for_scripts
def change_occurrence(identity: str) -> Response:
    """Skip, move, shorten or replace one occurrence."""
    here, wanted = house(), body(OccurrenceBody)
    change = editing.Change(
        skip=wanted.skip, starts=wanted.starts or None, programme=wanted.programme or None,
        max_minutes=wanted.max_minutes, reason=wanted.reason, lift=wanted.lift,
    )  # fmt: skip
    with here.database.write() as session:
        slot, _ = slots.find(session, actor(), identity)
        at = editing.instant_of(slot, wanted.at)
        row = editing.change_one(session, actor(), identity, at, change, _rules(wanted.bypass), here.clock())
        return answer(_occurrence(row))


@for_scripts
def restore_occurrence(identity: str) -> Response:
    """Let one occurrence be as the rule says again."""
    here, wanted = house(), body(RestoreBody)
    with here.database.write() as session:
        slot, _ = slots.find(session, actor(), identity)
        at = editing.instant_of(slot, wanted.at)
        editing.restore_one(session, actor(), identity, at, _rules(wanted.bypass), here.clock())
        return answer(_shown(session, slot))


@for_scripts
def withdraw_slot(identity: str) -> Response:
    """Take a slot off the timetable."""
    here = house()
    with here.database.write() as session:
        slot = slots.withdraw(session, actor(), identity, here.clock())
        _, unit = slots.find(session, actor(), slot.id)
        return answer(_slot(session, slot, unit, []))


@for_scripts
def list_airings() -> Response:
    """Airings that start within [from, to), of a unit and those below it, by start."""
    here, limit = house(), page_size()
    start = instant_argument("from", here.settings.zone)
    end = instant_argument("to", here.settings.zone, end=True)
    with here.database.read() as session:
        within = units.find(session, actor(), request.args["unit"]) if request.args.get("unit") else None
        rows = lists.airings(session, actor(), within, start, end, after=cursor(""), limit=limit + 1)
        outside = audience.outside(session, {name for airing, _ in rows for name in airing.audience})
        ready = readiness.of(
            session, actor(), [airing for airing, _ in rows[:limit]], here.room.board.plans, here.clock(),
            here.settings.silent_after_seconds,
        )  # fmt: skip
        items = [_airing(airing, unit, outside, ready.get(airing.id)) for airing, unit in rows[:limit]]
    return listed(items, lists.position(items[-1].starts_at, items[-1].id) if len(rows) > limit else None)


def _airing(airing: Airing, unit: Unit, outside: dict[str, str], ready: readiness.Readiness | None) -> AiringAnswer:
    told = ready and ReadyAnswer(stations=ready.stations, ready=ready.ready, not_ready=ready.missing)
    return AiringAnswer(
        id=airing.id, unit=unit.code, kind=airing.kind, priority=airing.priority, title=airing.title,
        state=airing.state, reason=airing.reason, starts_at=airing.starts_at, ends_at=airing.ends_at, late=airing.late,
        volume=airing.volume, audience=[outside.get(name, name) for name in airing.audience], items=airing.items,
        approved_by=airing.approved_by, slot=airing.slot_id, emergency=airing.emergency_id,
        ready=told,
    )  # fmt: skip
