"""Slots: putting a programme on the timetable, after everything that can be known has been checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from playlists import libraries
from playlists.models import Programme
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience, checks, series, simdata
from scheduler.models import Slot, SlotTarget
from scheduler.series import occurring
from scheduler.wishes import LATE, LOOK_AHEAD, MAX_LOOKED_AT, SHORT, Understood, Wish, understand

__all__ = [
    "LATE",
    "PREVIEWED",
    "SHORT",
    "Preview",
    "Wish",
    "create",
    "find",
    "next_instants",
    "next_instants_of",
    "preview",
    "visible",
    "withdraw",
]

PREVIEWED = 20
_MAX_REASON = 500


@dataclass(frozen=True)
class Preview:
    """What a wish would do; nothing is saved. `sim_bytes_a_month` is per station, each clip counted once a month."""

    next: list[datetime] = field(default_factory=list)
    seconds: float = 0.0
    clashes: list[dict[str, Any]] = field(default_factory=list)
    limits: list[dict[str, Any]] = field(default_factory=list)
    sim_bytes_a_month: int = 0
    stations: int = 0


def preview(
    session: Session,
    actor: Actor,
    wish: Wish,
    *,
    default_zone: str,
    now: datetime,
    leave_out: frozenset[str] = frozenset(),
) -> Preview:
    """What would happen, were the slots in `leave_out` (those that the wish changes) not there.

    Raises InvalidInput or NotFound for what can't be understood at all.
    """
    wanted = understand(session, actor, wish, default_zone, now)
    beside = checks.neighbours(session, wanted, leave_out)
    return Preview(
        next=[each.starts_at for each in wanted.coming[:PREVIEWED]],
        seconds=wanted.seconds,
        clashes=checks.clashes(session, actor, wanted, beside),
        limits=checks.limits_broken(session, wanted, beside, default_zone),
        sim_bytes_a_month=_sim_bytes(session, wanted, default_zone, now),
        stations=len(audience.station_ids(session, wanted.heard.names)),
    )


def _sim_bytes(session: Session, wanted: Understood, default_zone: str, now: datetime) -> int:
    """What a month of the wish takes at one station; where codecs differ, at the one that takes most."""
    library = libraries.load(session, [wanted.programme.id])
    codecs = {units.inherited(units.ancestors(session, unit), default_zone).codec for unit in wanted.heard.units}
    return max(
        (simdata.of_wish(library, wanted.series, now, codec, MAX_LOOKED_AT) for codec in sorted(codecs)), default=0
    )


def create(
    session: Session, actor: Actor, wish: Wish, *, default_zone: str, now: datetime
) -> tuple[Slot, list[datetime]]:
    """Put a programme on the timetable; returns the slot and its next instants.

    Raises InvalidInput (unknown zone, rule that never occurs, start in the past, a limit broken, too long),
    Conflict with `clashes` when a station would have to play two things at once and no rule says which goes first.
    """
    wanted = understand(session, actor, wish, default_zone, now)
    beside = checks.neighbours(session, wanted)
    lifted = may_break(session, actor, wish, wanted, beside, default_zone)
    refuse_clashes(session, actor, wanted, beside)
    slot = Slot(
        id=new_id("sl"), unit_id=wanted.unit.id, programme_id=wanted.programme.id, starts=wish.starts, zone=wanted.zone,
        created_by=actor.id, created_at=now,
    )  # fmt: skip
    write(session, actor, slot, wish, wanted, lifted)
    audit.record(
        session, actor=actor.username, action="slot.create", subject=slot.id, unit_id=slot.unit_id, now=now,
        **detail(slot),
    )  # fmt: skip
    return slot, [each.starts_at for each in wanted.coming[:PREVIEWED]]


def may_break(
    session: Session,
    actor: Actor,
    wish: Wish,
    wanted: Understood,
    beside: checks.Neighbours,
    default_zone: str,
    *,
    already: Sequence[str] = (),
) -> list[str]:
    """The limits that the wish breaks with a reason, by somebody who may; empty where it breaks none.

    Those lifted `already` count for nothing. Raises InvalidInput for one broken without a reason, Forbidden for one who
    doesn't administer the place.
    """
    every = checks.limits_broken(session, wanted, beside, default_zone)
    broken = [each for each in every if each["limit"] not in already]
    if not broken:
        return []
    if not (wish.lift or "").strip():
        first = broken[0]
        raise InvalidInput(
            _BROKEN[first["limit"]], code=first["limit"], fields={"starts": first["limit"]},
            at=checks.local(first["at"], wanted.zone), unit=first["unit"], hours=_in_words(first),
        )  # fmt: skip
    for unit in wanted.heard.units:
        if not actor.may(Permission.ADMINISTER, unit):
            raise Forbidden(N_("Only who administers “%(unit)s” may break its limits."), unit=unit.name)
    return sorted({each["limit"] for each in broken})


_BROKEN = {
    "quiet_hours": N_("On %(at)s the programme would sound in the quiet hours of “%(unit)s” (%(hours)s)."),
    "hours": N_("On %(at)s the programme would sound outside the hours that “%(unit)s” allows (%(hours)s)."),
    "weekdays": N_("On %(at)s the programme would sound on a day that “%(unit)s” does not allow (only %(hours)s)."),
    "session_minutes": N_("On %(at)s a session would last longer than “%(unit)s” allows (%(hours)s minutes)."),
    "sessions_a_day": N_("On %(at)s there would be more sessions a day than “%(unit)s” allows (%(hours)s)."),
}


_DAYS = {
    "MO": N_("Monday"), "TU": N_("Tuesday"), "WE": N_("Wednesday"), "TH": N_("Thursday"), "FR": N_("Friday"),
    "SA": N_("Saturday"), "SU": N_("Sunday"),
}  # fmt: skip


def _in_words(broken: Mapping[str, Any]) -> str | tuple[str, ...]:
    """What holds there: figures, or the names of days as messages."""
    if broken["limit"] != "weekdays":
        return str(broken["hours"])
    return tuple(_DAYS[day] for day in _DAYS if day in broken["hours"]) or (N_("none"),)


def refuse_clashes(session: Session, actor: Actor, wanted: Understood, beside: checks.Neighbours) -> None:
    """Raises Conflict with all clashes when one of them can't be resolved."""
    found = checks.clashes(session, actor, wanted, beside)
    hopeless = [clash for clash in found if clash["resolution"] is None]
    if hopeless and hopeless[0].get("reserved"):
        first = hopeless[0]
        raise Conflict(
            N_("From %(at)s until %(until)s the time is reserved by “%(unit)s” for “%(title)s”. Choose another time."),
            code="reserved", clashes=found, at=checks.local(first["at"], wanted.zone),
            until=checks.local(first["until"], wanted.zone), unit=first["unit"], title=first["title"],
        )  # fmt: skip
    if hopeless:
        raise Conflict(
            N_("On %(at)s these stations already play “%(title)s”. Choose another time or other stations."),
            clashes=found, at=checks.local(hopeless[0]["at"], wanted.zone), title=hopeless[0]["title"],
        )  # fmt: skip


def write(session: Session, actor: Actor, slot: Slot, wish: Wish, wanted: Understood, lifted: list[str]) -> None:
    """Put what was wished into a slot and its targets, and tell the planner."""
    slot.programme_id, slot.starts, slot.zone = wanted.programme.id, wish.starts, wanted.zone
    slot.rrule, slot.exdates, slot.rdates = wish.rrule or None, list(wish.exdates), list(wish.rdates)
    slot.until, slot.days = wish.until or None, dict(wish.days) if wish.days else None
    slot.daypart, slot.offset_s = wish.daypart or None, wish.after_minutes * 60
    slot.max_seconds, slot.short = wish.max_minutes * 60 if wish.max_minutes else None, wish.short
    slot.volume, slot.late, slot.audience = wish.volume, wish.late, list(wanted.heard.names)
    slot.lifted = lifted
    slot.lifted_by = actor.id if lifted else None
    slot.lifted_reason = " ".join((wish.lift or "").split())[:_MAX_REASON] if lifted else ""
    session.add(slot)
    session.flush()
    session.execute(delete(SlotTarget).where(col(SlotTarget.slot_id) == slot.id))
    session.add_all(SlotTarget(slot_id=slot.id, name=name) for name in slot.audience)
    changes.announce(session, "timetable", [f"slot:{slot.id}"], slot.created_at)


def detail(slot: Slot) -> dict[str, Any]:
    """What the audit log keeps of a slot."""
    kept = {
        "programme": slot.programme_id, "starts": slot.starts, "zone": slot.zone, "rrule": slot.rrule,
        "audience": slot.audience, "days": slot.days, "daypart": slot.daypart, "lifted": slot.lifted,
        "reason": slot.lifted_reason,
    }  # fmt: skip
    return {name: value for name, value in kept.items() if value or name == "rrule"}


def withdraw(session: Session, actor: Actor, slot_id: str, now: datetime) -> Slot:
    """Take a slot off the timetable; its airings that are not over are withdrawn with the next roll."""
    slot, unit = find(session, actor, slot_id)
    actor.require(Permission.SCHEDULE, unit)
    if slot.withdrawn_at is None:
        slot.withdrawn_at = now
        session.add(slot)
        audit.record(session, actor=actor.username, action="slot.withdraw", subject=slot.id, unit_id=unit.id, now=now)
        changes.announce(session, "timetable", [f"slot:{slot.id}"], now)
    return slot


def find(session: Session, actor: Actor, slot_id: str) -> tuple[Slot, Unit]:
    """A slot the actor may see, with its unit. Raises NotFound."""
    slot = session.get(Slot, slot_id)
    unit = session.get(Unit, slot.unit_id) if slot else None
    if slot is None or unit is None or not actor.may(Permission.SEE, unit):
        raise NotFound
    return slot, unit


def visible(
    session: Session, actor: Actor, *, before: str = "zz", limit: int = 200
) -> list[tuple[Slot, Unit, Programme]]:
    """Slots on the timetable that the actor may see, the newest first, older than id `before`."""
    rows = session.exec(
        select(Slot, Unit, Programme)
        .join(Unit, col(Unit.id) == Slot.unit_id)
        .join(Programme, col(Programme.id) == Slot.programme_id)
        .where(actor.within(Permission.SEE, col(Unit.path)), col(Slot.withdrawn_at).is_(None), col(Slot.id) < before)
        .order_by(col(Slot.id).desc())
        .limit(limit)
    ).all()
    return [(slot, unit, programme) for slot, unit, programme in rows]


def next_instants_of(session: Session, rows: Sequence[Slot], now: datetime, count: int = 5) -> list[list[datetime]]:
    """The same of many slots, in the order of `rows`; the queries don't grow with them."""
    book = series.load(session, rows)
    return [
        [each.starts_at for each in islice(occurring(book.of(slot), now, now + LOOK_AHEAD), count)] for slot in rows
    ]


def next_instants(session: Session, slot: Slot, now: datetime, count: int = 5) -> list[datetime]:
    """The slot's next `count` instants within the next 400 days."""
    coming = occurring(series.one(session, slot), now, now + LOOK_AHEAD)
    return [each.starts_at for each in islice(coming, count)]
