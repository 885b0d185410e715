"""The first page: what sounds, what comes, what waits for the person who looks, and which stations need a hand.

Which of it stands first depends on what they may do. Whatever grows is cut off, with how much more there is.
"""

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template
from sqlmodel import Session, col, select

from playlists import desk, feedback, offer_lists
from playlists.models import Bulletin
from registry import devices, health
from registry.models import Station, Unit
from registry.rights import Actor, Permission
from scheduler import rotation, troubles
from web.access import actor, for_browsers
from web.app import house
from web.panel import on_air

SHOWN = 6  # rows of each list
_ORDERS = {
    "approver": ("waiting", "air", "offers", "own", "feedback", "aside", "stations", "devices", "keys"),
    "technician": ("devices", "aside", "stations", "keys", "air", "offers", "own", "waiting", "feedback"),
    "writer": ("own", "offers", "air", "feedback", "waiting", "aside", "stations", "devices", "keys"),
}


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/", view_func=today)


@for_browsers
def today() -> str:
    here, who = house(), actor()
    now = here.clock()
    with here.database.read() as reading:
        found = {**_waiting(reading, who), **_stations(reading, who, now)}
        steps = _first_steps(reading, who)
        return render_template(
            "panel/today.html", now=now, sections=_ORDERS[_kind(who)], part=on_air.drawn(short=True), first_steps=steps,
            more=lambda rows, count: max(0, count - len(rows)), **found,
        )  # fmt: skip


def _kind(who: Actor) -> str:
    """What somebody is here for: who approves reads first what waits, who looks after stations sees these first."""
    if who.may_somewhere(Permission.APPROVE):
        return "approver"
    if who.may_somewhere(Permission.OPERATE) and not who.may_somewhere(Permission.WRITE):
        return "technician"
    return "writer"


def _waiting(reading: Session, who: Actor) -> dict[str, Any]:
    """What waits for a person's word."""
    approves, writes = who.may_somewhere(Permission.APPROVE), who.may_somewhere(Permission.WRITE)
    waiting = desk.to_approve(reading, who, SHOWN) if approves else []
    own = desk.unfinished(reading, who, SHOWN + 1)
    return {
        "waiting": waiting,
        "waiting_count": desk.count_to_approve(reading, who, 100) if len(waiting) == SHOWN else len(waiting),
        "own": sorted(own[:SHOWN], key=lambda row: row[2].state != "rejected"), "own_more": len(own) > SHOWN,
        "offers": offer_lists.waiting(reading, who) if writes or approves else 0,
        "feedback": feedback.waiting(reading, who) if writes else 0,
    }  # fmt: skip


def _stations(reading: Session, who: Actor, now: datetime) -> dict[str, Any]:
    """What needs somebody's hand. Keys and what was set aside are for those who can do something about it."""
    silent_after = house().settings.silent_after_seconds
    technical = who.may_somewhere(Permission.OPERATE) or who.may_somewhere(Permission.ADMINISTER)
    troubled = health.troubled(reading, who, now, silent_after, SHOWN)
    aside = troubles.visible(reading, who, limit=SHOWN + 1) if who.may_somewhere(Permission.WRITE) or technical else []
    return {
        "knocking": devices.waiting(reading, who),
        "behind": rotation.behind(reading, who, now, SHOWN) if technical else (0, []),
        "troubled": troubled,
        "troubled_count": (
            health.count_troubled(reading, who, now, silent_after) if len(troubled) == SHOWN else len(troubled)
        ),
        "set_aside": [(trouble, unit, troubles.SENTENCES[trouble.kind]) for trouble, unit in aside[:SHOWN]],
        "aside_more": len(aside) > SHOWN, "technical": technical,
    }  # fmt: skip


def _first_steps(reading: Session, who: Actor) -> str:
    """Which first steps to teach: `system` in an empty installation, `writer`, `nobody` for who has no role yet."""
    if not who.may_somewhere(Permission.SEE):
        return "nobody"
    within = who.within(Permission.SEE, col(Unit.path))
    stations = select(Station.id).join(Unit, col(Unit.id) == Station.unit_id).where(within).limit(1)
    if who.may_somewhere(Permission.ADMINISTER) and reading.exec(stations).first() is None:
        return "system"
    bulletins = select(Bulletin.id).join(Unit, col(Unit.id) == Bulletin.unit_id).where(within).limit(1)
    if who.may_somewhere(Permission.WRITE) and reading.exec(bulletins).first() is None:
        return "writer"
    return ""
