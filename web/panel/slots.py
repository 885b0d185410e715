"""The timetable: its slots with their next instants, one slot with its occurrences, and taking it off."""

from flask import Blueprint, render_template, request, url_for
from sqlmodel import Session
from werkzeug.wrappers import Response

from core.clock import zone as known_zone
from core.errors import N_
from playlists import programmes
from registry import naming
from registry.models import Group, Station, Unit
from registry.rights import Permission
from scheduler import dayparts, editing, slots
from scheduler.models import Slot
from web.access import actor, for_browsers
from web.app import house
from web.panel import calendar_words, forms, occurrences, slot_words

PAGE = 25


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/slots", endpoint="slots", view_func=listed)
    blueprint.add_url_rule("/slots/<identity>", endpoint="slot", view_func=detail)
    blueprint.add_url_rule("/slots/<identity>/withdraw", endpoint="slot_withdraw", view_func=withdraw, methods=["POST"])
    blueprint.add_url_rule("/slots/<identity>/hurry", endpoint="slot_hurry", view_func=hurry, methods=["POST"])


@for_browsers
def listed() -> str:
    now = house().clock()
    with house().database.read() as reading:
        rows = slots.visible(reading, actor(), before=request.args.get("before") or "zz", limit=PAGE + 1)
        coming = slots.next_instants_of(reading, [slot for slot, *_ in rows[:PAGE]], now, 3)
        return render_template(
            "panel/slots.html",
            rows=[
                (slot, unit, programme, known_zone(slot.zone), instants)
                for (slot, unit, programme), instants in zip(rows[:PAGE], coming, strict=True)
            ],
            more=rows[PAGE - 1][0].id if len(rows) > PAGE else None,
            said=slot_words.of_slots(reading, [slot for slot, *_ in rows[:PAGE]], now),
            may_make=actor().may_somewhere(Permission.SCHEDULE),
        )


@for_browsers
def detail(identity: str) -> str:
    now = house().clock()
    with house().database.read() as reading:
        slot, unit = slots.find(reading, actor(), identity)
        coming = occurrences.coming(reading, slot, now) if slot.withdrawn_at is None else []
        programme, _ = programmes.find(reading, actor(), slot.programme_id)
        return render_template(
            "panel/slot.html",
            slot=slot,
            unit=unit,
            programme=programme,
            zone=known_zone(slot.zone),
            coming=coming,
            freeze=house().settings.freeze_minutes,
            said=slot_words.of_slots(reading, [slot], now)[slot.id],
            daypart=_daypart(reading, unit, slot),
            of_day=calendar_words.of_day,
            places=_places(reading, slot),
            names=naming.by_id(reading, [slot.created_by, slot.lifted_by or ""]),
            may_change=actor().may(Permission.SCHEDULE, unit) and slot.withdrawn_at is None,
        )


def _daypart(reading: Session, unit: Unit, slot: Slot) -> str:
    """The name of the slot's day part; its code where it is gone."""
    part = dayparts.held(reading, unit).get(slot.daypart) if slot.daypart else None
    return part.name if part else slot.daypart or ""


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


@for_browsers
def hurry(identity: str) -> Response:
    """Let what was changed hold at once, also for what is frozen."""

    def act() -> None:
        with house().database.write() as writing:
            editing.hurry(writing, actor(), identity, forms.text("reason"), house().clock())

    return forms.acted(
        act, N_("The change holds at once. Stations hear of it with their next look."),
        url_for("panel.slot", identity=identity),
    )  # fmt: skip
