"""The timetable: its slots with their next instants, one slot, and taking it off."""

from flask import Blueprint, render_template, request, url_for
from sqlmodel import Session
from werkzeug.wrappers import Response

from core.clock import zone as known_zone
from core.errors import N_
from playlists import programmes
from registry import naming
from registry.models import Group, Station, Unit
from registry.rights import Permission
from scheduler import slots
from scheduler.models import Slot
from web.access import actor, for_browsers
from web.app import house
from web.panel import forms, repeats

PAGE = 25


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/slots", endpoint="slots", view_func=listed)
    blueprint.add_url_rule("/slots/<identity>", endpoint="slot", view_func=detail)
    blueprint.add_url_rule("/slots/<identity>/withdraw", endpoint="slot_withdraw", view_func=withdraw, methods=["POST"])


@for_browsers
def listed() -> str:
    now = house().clock()
    with house().database.read() as reading:
        rows = slots.visible(reading, actor(), before=request.args.get("before") or "zz", limit=PAGE + 1)
        return render_template(
            "panel/slots.html",
            rows=[
                (slot, unit, programme, known_zone(slot.zone), slots.next_instants(slot, now, 3))
                for slot, unit, programme in rows[:PAGE]
            ],
            more=rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            repeat_of=repeats.choice_of,
            may_make=actor().may_somewhere(Permission.SCHEDULE),
        )


@for_browsers
def detail(identity: str) -> str:
    with house().database.read() as reading:
        slot, unit = slots.find(reading, actor(), identity)
        programme, _ = programmes.find(reading, actor(), slot.programme_id)
        return render_template(
            "panel/slot.html",
            slot=slot,
            unit=unit,
            programme=programme,
            zone=known_zone(slot.zone),
            instants=slots.next_instants(slot, house().clock(), 10) if slot.withdrawn_at is None else [],
            places=_places(reading, slot),
            names=naming.by_id(reading, [slot.created_by]),
            repeat_of=repeats.choice_of,
            may_withdraw=actor().may(Permission.SCHEDULE, unit) and slot.withdrawn_at is None,
        )


def _places(reading: Session, slot: Slot) -> list[str]:
    """What the slot is for, by name."""
    found: list[str] = []
    for name in slot.audience:
        kind, _, identity = name.partition(":")
        place = (
            reading.get(Unit, identity)
            if kind == "unit"
            else (reading.get(Group, identity) if kind == "group" else reading.get(Station, identity))
        )
        if place is not None:
            found.append(place.name)
    return found


@for_browsers
def withdraw(identity: str) -> Response:
    def act() -> None:
        with house().database.write() as writing:
            slots.withdraw(writing, actor(), identity, house().clock())

    return forms.acted(
        act, N_("The slot is off the timetable. Stations drop it with their next look."), url_for("panel.slots")
    )
