"""Script API: slots and airings."""

from datetime import datetime

from flask import Blueprint, Response, request
from sqlmodel import Session

from registry import units
from registry.models import Unit
from scheduler import audience, lists, slots
from scheduler.models import Airing, Slot
from web.access import actor, for_scripts
from web.api.bodies import AiringAnswer, PreviewAnswer, SlotAnswer, SlotBody
from web.api.reading import answer, body, cursor, instant_argument, listed, page_size
from web.app import house
from web.failures import instants_written


def register(blueprint: Blueprint) -> None:
    for method, path, view in (
        ("POST", "/slots", create_slot),
        ("POST", "/slots/preview", preview_slot),
        ("GET", "/slots", list_slots),
        ("POST", "/slots/<identity>/withdraw", withdraw_slot),
        ("GET", "/airings", list_airings),
    ):
        blueprint.add_url_rule(path, view_func=view, methods=[method], endpoint=view.__name__)


def _wish(wanted: SlotBody) -> slots.Wish:
    return slots.Wish(
        programme=wanted.programme, starts=wanted.starts, audience=wanted.audience, zone=wanted.zone or None,
        rrule=wanted.rrule or None, exdates=wanted.exdates, until=wanted.until or None, volume=wanted.volume,
        late=wanted.late,
    )  # fmt: skip


def _slot(session: Session, slot: Slot, unit: Unit, coming: list[datetime]) -> SlotAnswer:
    outside = audience.outside(session, slot.audience)
    return SlotAnswer(
        id=slot.id, unit=unit.code, programme=slot.programme_id, starts=slot.starts, zone=slot.zone, rrule=slot.rrule,
        audience=[outside.get(name, name) for name in slot.audience], next=coming,
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
        items = [_slot(session, slot, unit, slots.next_instants(slot, here.clock())) for slot, unit, _ in rows[:limit]]
    return listed(items, items[-1].id if len(rows) > limit else None)


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
        items = [_airing(airing, unit, outside) for airing, unit in rows[:limit]]
    return listed(items, lists.position(items[-1].starts_at, items[-1].id) if len(rows) > limit else None)


def _airing(airing: Airing, unit: Unit, outside: dict[str, str]) -> AiringAnswer:
    return AiringAnswer(
        id=airing.id, unit=unit.code, kind=airing.kind, priority=airing.priority, title=airing.title,
        state=airing.state, reason=airing.reason, starts_at=airing.starts_at, ends_at=airing.ends_at, late=airing.late,
        volume=airing.volume, audience=[outside.get(name, name) for name in airing.audience], items=airing.items,
        approved_by=airing.approved_by, slot=airing.slot_id, emergency=airing.emergency_id,
    )  # fmt: skip
