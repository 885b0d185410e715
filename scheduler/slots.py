"""Slots: putting a programme on the timetable, after everything that can be known has been checked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core import audit, changes
from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.quiet import first_quiet
from playlists import programmes, resolving
from playlists.models import Programme
from registry import units
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import audience
from scheduler.clashes import Span, first_overlap, self_overlap
from scheduler.models import Slot, SlotTarget
from scheduler.recurrence import Recurrence, occurrences, recurrence

LATE = ("join", "play", "skip")
# Clashes are looked for as far ahead as this: a rule that has not met another within a year of days won't.
LOOK_AHEAD = timedelta(days=400)
# Enough for one every twenty minutes all that time.
MAX_LOOKED_AT = 30_000
PREVIEWED = 20
_MONTH = timedelta(days=30)
_BYTES_A_SECOND = {"opus": 24_000 / 8, "mp3": 64_000 / 8}


@dataclass(frozen=True)
class Wish:
    """What a person wants on the timetable. `starts` is local time; `until` an instant or a local time or date."""

    programme: str
    starts: str
    audience: Sequence[str]
    zone: str | None = None
    rrule: str | None = None
    exdates: Sequence[str] = ()
    until: str | None = None
    volume: int | None = None
    late: str = "join"


@dataclass(frozen=True)
class Preview:
    """What a wish would do; nothing is saved. `sim_bytes_a_month` is per station, each clip counted once a month."""

    next: list[datetime] = field(default_factory=list)
    seconds: float = 0.0
    clashes: list[dict[str, Any]] = field(default_factory=list)
    limits: list[dict[str, Any]] = field(default_factory=list)
    sim_bytes_a_month: int = 0
    stations: int = 0


@dataclass(frozen=True)
class _Checked:
    programme: Programme
    unit: Unit
    heard: audience.Audience
    rule: Recurrence
    zone: str
    seconds: float
    next: list[datetime]


def preview(session: Session, actor: Actor, wish: Wish, *, default_zone: str, now: datetime) -> Preview:
    """What would happen. Raises InvalidInput or NotFound for what can't be understood at all."""
    checked = _understand(session, actor, wish, default_zone, now)
    held = units.inherited(units.ancestors(session, checked.unit), default_zone)
    times_a_month = sum(1 for _ in islice(occurrences(checked.rule, now, now + _MONTH), MAX_LOOKED_AT))
    return Preview(
        next=checked.next[:PREVIEWED],
        seconds=checked.seconds,
        clashes=_clashes(session, actor, checked, now, leave_out=None),
        limits=_limits_broken(session, checked, default_zone),
        sim_bytes_a_month=round(checked.seconds * _BYTES_A_SECOND[held.codec]) if times_a_month else 0,
        stations=len(audience.station_ids(session, checked.heard.names)),
    )


def create(
    session: Session, actor: Actor, wish: Wish, *, default_zone: str, now: datetime
) -> tuple[Slot, list[datetime]]:
    """Put a programme on the timetable; returns the slot and its next instants.

    Raises InvalidInput (unknown zone, rule that never occurs, start in the past, quiet hours, too long),
    Conflict with `clashes` when a station would have to play two things at once.
    """
    checked = _understand(session, actor, wish, default_zone, now)
    broken = _limits_broken(session, checked, default_zone)
    if broken:
        raise InvalidInput(
            N_("On %(at)s the programme would sound in the quiet hours of “%(unit)s” (%(hours)s)."),
            code="quiet_hours", fields={"starts": "quiet_hours"},
            at=_local(broken[0]["at"], checked.zone), unit=broken[0]["unit"], hours=broken[0]["hours"],
        )  # fmt: skip
    found = _clashes(session, actor, checked, now, leave_out=None)
    if found:
        raise Conflict(
            N_("On %(at)s these stations already play “%(title)s”. Choose another time or other stations."),
            clashes=found, at=_local(found[0]["at"], checked.zone), title=found[0]["title"],
        )  # fmt: skip
    slot = Slot(
        id=new_id("sl"), unit_id=checked.unit.id, programme_id=checked.programme.id, starts=wish.starts,
        zone=checked.zone, rrule=wish.rrule or None, exdates=list(wish.exdates), until=wish.until or None,
        volume=wish.volume, late=wish.late, audience=list(checked.heard.names), created_by=actor.id, created_at=now,
    )  # fmt: skip
    session.add(slot)
    session.flush()
    session.add_all(SlotTarget(slot_id=slot.id, name=name) for name in slot.audience)
    audit.record(
        session, actor=actor.username, action="slot.create", subject=slot.id, unit_id=slot.unit_id, now=now,
        programme=slot.programme_id, starts=slot.starts, zone=slot.zone, rrule=slot.rrule, audience=slot.audience,
    )  # fmt: skip
    changes.announce(session, "timetable", [f"slot:{slot.id}"], now)
    return slot, checked.next[:PREVIEWED]


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


def next_instants(slot: Slot, now: datetime, count: int = 5) -> list[datetime]:
    """The slot's next `count` instants within the next 400 days."""
    rule = recurrence(slot.starts, slot.zone, slot.rrule, exdates=slot.exdates, until=slot.until)
    return list(islice(occurrences(rule, now, now + LOOK_AHEAD), count))


def _understand(session: Session, actor: Actor, wish: Wish, default_zone: str, now: datetime) -> _Checked:
    programme, unit = programmes.find(session, actor, wish.programme)
    actor.require(Permission.SCHEDULE, unit)
    if wish.late not in LATE:
        raise InvalidInput(N_("“late” is join, play or skip."), fields={"late": "unknown"})
    if wish.volume is not None and not 0 <= wish.volume <= 100:  # noqa: PLR2004
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"volume": "range"})
    where = wish.zone or units.inherited(units.ancestors(session, unit), default_zone).zone
    known_zone(where)
    rule = recurrence(wish.starts, where, wish.rrule or None, exdates=wish.exdates, until=wish.until or None)
    heard = audience.read(session, actor, wish.audience, Permission.SCHEDULE)
    coming = list(islice(_coming(rule, now), MAX_LOOKED_AT))
    if not coming:
        once = not wish.rrule
        raise InvalidInput(
            N_("That instant is in the past.") if once else N_("This rule never occurs from now on."),
            code="in_the_past" if once else "never_occurs", fields={"starts" if once else "rrule": "never"},
        )  # fmt: skip
    library = resolving.load(session, [programme.id])
    seconds = resolving.expected_seconds(library, programme.id, coming[0])
    spans = [Span(at, at + timedelta(seconds=seconds), "") for at in coming]
    if len(coming) >= MAX_LOOKED_AT:
        raise InvalidInput(
            N_("This rule occurs too often: more than %(limit)s times within 400 days."),
            code="too_often", fields={"rrule": "too_often"}, limit=MAX_LOOKED_AT,
        )  # fmt: skip
    if self_overlap(spans):
        raise InvalidInput(
            N_("The programme takes %(minutes)s minutes and would not be over when it starts again."),
            code="too_long", fields={"rrule": "too_often"}, minutes=round(seconds / 60, 1),
        )  # fmt: skip
    return _Checked(programme, unit, heard, rule, where, seconds, coming)


def _coming(rule: Recurrence, now: datetime) -> Iterator[datetime]:
    """Instants from now on, near ones first; a far-off single instant is found as well."""
    yield from occurrences(rule, now, now + LOOK_AHEAD)
    yield from islice(occurrences(rule, now + LOOK_AHEAD, now + 10 * LOOK_AHEAD), 10)


def _limits_broken(session: Session, checked: _Checked, default_zone: str) -> list[dict[str, Any]]:
    broken: list[dict[str, Any]] = []
    for unit in {each.id: each for each in checked.heard.units}.values():
        held = units.inherited(units.ancestors(session, unit), default_zone)
        for at in _each_time_of_day(checked.next, known_zone(held.zone)):
            quiet = first_quiet(at, max(checked.seconds, 1.0), held.quiet_hours, known_zone(held.zone))
            if quiet is not None:
                hours = ", ".join(f"{start}–{end}" for start, end in held.quiet_hours)
                broken.append({"limit": "quiet_hours", "unit": unit.name, "at": quiet, "hours": hours})
                break
    return broken


def _each_time_of_day(instants: Sequence[datetime], where: ZoneInfo) -> Iterator[datetime]:
    """The first of these instants at each wall-clock time: hours of quiet are the same every day."""
    seen = set()
    for at in instants:
        local = at.astimezone(where)
        key = (local.time(), local.utcoffset())
        if key not in seen:
            seen.add(key)
            yield at


def _clashes(
    session: Session, actor: Actor, checked: _Checked, now: datetime, leave_out: str | None
) -> list[dict[str, Any]]:
    """What the wish would meet at one station or more: for each other slot the first overlap."""
    related = sorted(audience.related_names(session, checked.heard.names))
    candidates: dict[str, Slot] = {}
    for start in range(0, len(related), 400):
        query = (
            select(Slot)
            .join(SlotTarget, col(SlotTarget.slot_id) == Slot.id)
            .where(col(SlotTarget.name).in_(related[start : start + 400]), col(Slot.withdrawn_at).is_(None))
        )
        candidates.update({slot.id: slot for slot in session.exec(query).all() if slot.id != leave_out})
    library = resolving.load(session, {slot.programme_id for slot in candidates.values()})
    mine = [Span(at, at + timedelta(seconds=max(checked.seconds, 1.0)), "") for at in checked.next]
    own_names = set(checked.heard.names)
    # A unit meets the units above and below it also while no station stands there yet.
    own_line = own_names | audience.units_in_line(session, own_names)
    own_stations = audience.station_ids(session, own_names)
    found = []
    for slot in candidates.values():
        shared = own_line & set(slot.audience) or own_stations & audience.station_ids(session, slot.audience)
        if not shared:
            continue
        seconds = max(resolving.expected_seconds(library, slot.programme_id, now), 1.0)
        rule = recurrence(slot.starts, slot.zone, slot.rrule, exdates=slot.exdates, until=slot.until)
        begin = mine[0].start - timedelta(seconds=seconds)
        theirs = [
            Span(at, at + timedelta(seconds=seconds), slot.id)
            for at in islice(occurrences(rule, begin, mine[-1].end), MAX_LOOKED_AT)
        ]
        pair = first_overlap(mine, theirs)
        if pair is not None:
            home = session.get(Unit, slot.unit_id)
            seen = home is not None and actor.may(Permission.SEE, home)
            title = library.programmes[slot.programme_id].title if seen else (home.name if home else "")
            found.append({"slot": slot.id if seen else None, "title": title, "at": pair[0].start, "until": pair[1].end})
    return sorted(found, key=lambda clash: clash["at"])


def _local(instant: datetime, zone: str) -> str:
    return instant.astimezone(known_zone(zone)).strftime("%d/%m/%Y %H:%M")
