"""What becomes of the timetable, running emergencies and prepared messages when units merge or stations move.

What is on the timetable goes on sounding at the stations where it sounded: where the former unit was named, the group
of its stations is named instead. Its parts of the day keep their times, under another code where the other unit has
other times by the same one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from core import changes
from core.ids import new_id
from registry.merging import Merger, go_over
from registry.models import Unit
from registry.moving import Moved
from registry.rights import within
from scheduler import carrying_wishes, dayparts
from scheduler.air_models import AirWishRow
from scheduler.concern_models import Concern, Contact, Notice
from scheduler.models import (
    Airing,
    AiringTarget,
    DayPart,
    Emergency,
    Reservation,
    Slot,
    SlotOrder,
    SlotTarget,
    Trouble,
)
from scheduler.prepared_models import PreparedMessage

RULES: Mapping[str, str] = {
    "slot.unit_id": "moves", "slot.audience": "rewritten", "slot_order.unit_id": "moves", "day_part.unit_id": "carried",
    "reservation.unit_id": "moves", "prepared_message.unit_id": "moves", "contact.unit_id": "moves",
    "concern.unit_id": "moves", "trouble.unit_id": "moves",
    "airing.unit_id": "stays", "airing.audience": "carried", "emergency.unit_id": "stays",
    "emergency.audience": "rewritten", "live_talk.unit_id": "stays", "heard_bulletin.unit_id": "stays",
    "month_figure.unit_id": "stays", "timetable_step.unit_id": "stays", "timetable_step.before": "rewritten",
    "air_wish.unit_id": "moves", "air_wish.wanted": "carried", "slot_target.name": "rewritten",
    "airing_target.name": "carried",
}  # fmt: skip
_LIVING = ("issued", "on_air")
_CHUNK = 400
_MAX_CODE = 40
_A_DAY = timedelta(days=1)


def carry(session: Session, merger: Merger) -> None:
    """Carry over what this floor has. Call while the former unit, and its bulletins, still stand where they stood."""
    asked = carrying_wishes.Asked(session, merger)
    _day_parts(session, merger, asked)
    asked.aim()
    _targets(session, merger)
    _signed(session, merger)
    living = col(Slot.withdrawn_at).is_(None)
    go_over(session, merger, col(Slot.unit_id), "slots", living)
    go_over(session, merger, col(Slot.unit_id), "slots_over")
    go_over(session, merger, col(SlotOrder.unit_id), "orders")
    go_over(session, merger, col(Reservation.unit_id), "reservations")
    go_over(session, merger, col(PreparedMessage.unit_id), "prepared")
    go_over(session, merger, col(AirWishRow.unit_id), "air_wishes")
    _contacts(session, merger)
    go_over(session, merger, col(Concern.unit_id), "concerns")
    go_over(session, merger, col(Trouble.unit_id), "troubles")
    for emergency in _running(session, merger.now):
        if not set(merger.both).isdisjoint(emergency.audience):
            emergency.audience = merger.renamed(emergency.audience)
            session.add(emergency)
            merger.count("emergencies", 1)
    session.flush()


def _targets(session: Session, merger: Merger) -> None:
    """Where slots name one of the units, let them name the stations it had."""
    ids = session.exec(select(SlotTarget.slot_id).where(col(SlotTarget.name).in_(merger.both)).distinct()).all()
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        for slot in session.exec(select(Slot).where(col(Slot.id).in_(chunk))).all():
            slot.audience = merger.renamed(slot.audience)
            session.add(slot)
            session.execute(delete(SlotTarget).where(col(SlotTarget.slot_id) == slot.id))
            session.add_all(SlotTarget(slot_id=slot.id, name=name) for name in slot.audience)
            if slot.withdrawn_at is None:
                merger.count("slots_aimed", 1)
    session.flush()


def _signed(session: Session, merger: Merger) -> None:
    """Hand out what is signed already to those it was signed for, and to nobody who has joined them since.

    The tickets stay as they are: their stations go on knowing themselves by the names in them.
    """
    living = (col(Airing.not_after) > merger.now, col(Airing.state).in_(("planned", *_LIVING)))
    named = select(AiringTarget.airing_id).where(col(AiringTarget.name).in_(merger.both))
    ids = session.exec(select(Airing.id).where(col(Airing.id).in_(named), *living)).all()
    kinds = set()
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        query = select(Airing.id, Airing.kind, Airing.audience).where(col(Airing.id).in_(chunk))
        targets = []
        for identity, kind, names in session.exec(query).all():
            audience = merger.renamed(names)
            session.execute(update(Airing).where(col(Airing.id) == identity).values(audience=audience))
            targets += [{"airing_id": identity, "name": name} for name in audience]
            kinds.add(kind)
        session.execute(delete(AiringTarget).where(col(AiringTarget.airing_id).in_(chunk)))
        session.execute(insert(AiringTarget), targets)
    if kinds - {"programme"}:
        changes.announce(session, "now", merger.renamed(merger.both), merger.now)


def _contacts(session: Session, merger: Merger) -> None:
    """Let nobody be told twice: of two contacts with one address the other unit's wants what both wanted."""
    own = {_reached(row): row for row in _told_at(session, merger.target.id) if not row.secret}
    for row in _told_at(session, merger.source.id):
        there = own.get(_reached(row)) if not row.secret else None
        if there is None or (row.person_id and there.person_id and row.person_id != there.person_id):
            row.unit_id = merger.target.id
            session.add(row)
        else:
            there.kinds = sorted({*there.kinds, *row.kinds})
            there.person_id = there.person_id or row.person_id
            session.add(there)
            session.execute(update(Notice).where(col(Notice.contact_id) == row.id).values(contact_id=there.id))
            session.delete(row)
        merger.count("contacts", 1)
    session.flush()


def _told_at(session: Session, unit_id: str) -> Sequence[Contact]:
    return session.exec(select(Contact).where(Contact.unit_id == unit_id)).all()


def _reached(row: Contact) -> tuple[str, str, str]:
    return row.way, row.address.casefold(), row.phone


def _day_parts(session: Session, merger: Merger, asked: carrying_wishes.Asked) -> None:
    """Keep the times that the former unit's slots have, whatever the other unit means by the same code."""
    here, there = dayparts.held(session, merger.source), dayparts.held(session, merger.target)
    taken = set(there) | set(here)
    for code, part in sorted(here.items()):
        own = part.unit_id == merger.source.id
        other = there.get(code)
        slots = _referring(session, merger, code)
        if other is not None and other.windows == part.windows:
            if own:  # both mean the same by it
                session.delete(part)
            continue
        if other is None:
            if own:
                part.unit_id = merger.target.id
                session.add(part)
                merger.count("day_parts", 1)
            elif slots or asked.means(code):
                session.add(_copy(part, code, merger, part.name))
                merger.count("day_parts", 1)
            continue
        if not (own or slots or asked.means(code)):
            continue
        renamed = _free(code, taken)
        taken.add(renamed)
        name = f"{part.name} ({merger.source.name})"[:100]
        if own:
            part.unit_id, part.code, part.name = merger.target.id, renamed, name
            session.add(part)
        else:
            session.add(_copy(part, renamed, merger, name))
        _refer(session, slots, renamed)
        asked.refer(code, slots, renamed)
        merger.count("day_parts", 1)
        merger.clash("day_part", other.name, code, renamed, both=True)
    session.flush()


def _copy(part: DayPart, code: str, merger: Merger, name: str) -> DayPart:
    return DayPart(
        id=new_id("dp"), unit_id=merger.target.id, code=code, name=name, windows=part.windows,
        changed_by=merger.actor.id, changed_at=merger.now,
    )  # fmt: skip


def _free(code: str, taken: set[str]) -> str:
    number = 2
    while (renamed := f"{code[: _MAX_CODE - 4]}-{number}") in taken:
        number += 1
    return renamed


def _referring(session: Session, merger: Merger, code: str) -> list[str]:
    """The slots at or below the former unit that mean its part of the day by this code, not that of a unit below."""
    rows = session.exec(
        select(Slot.id, Unit.path)
        .join(Unit, col(Unit.id) == Slot.unit_id)
        .where(Slot.daypart == code, within([merger.source.path], col(Unit.path)))
    ).all()
    nearer = session.exec(
        select(Unit.path)
        .join(DayPart, col(DayPart.unit_id) == Unit.id)
        .where(DayPart.code == code, within([merger.source.path], col(Unit.path)), col(Unit.id) != merger.source.id)
    ).all()
    return [slot for slot, path in rows if not path.startswith(tuple(nearer))] if nearer else [slot for slot, _ in rows]


def _refer(session: Session, slot_ids: list[str], code: str) -> None:
    for start in range(0, len(slot_ids), _CHUNK):
        chunk = slot_ids[start : start + _CHUNK]
        session.execute(update(Slot).where(col(Slot.id).in_(chunk)).values(daypart=code))


def _alarms(session: Session, now: datetime) -> list[Airing]:
    """Signed airings of emergencies that may still sound."""
    query = select(Airing).where(
        Airing.kind == "emergency", col(Airing.not_after) > now, col(Airing.state).in_(_LIVING),
        col(Airing.ticket) != "",
    )  # fmt: skip
    return list(session.exec(query).all())


def _running(session: Session, now: datetime) -> list[Emergency]:
    """Emergencies that sound, or may sound again."""
    ids = {airing.emergency_id for airing in _alarms(session, now) if airing.emergency_id}
    later = (col(Emergency.until) > now) | (col(Emergency.until).is_(None) & (col(Emergency.raised_at) > now - _A_DAY))
    query = select(Emergency).where(col(Emergency.stopped_at).is_(None), later | col(Emergency.id).in_(ids))
    return list(session.exec(query).all())


def moved(session: Session, move: Moved, now: datetime) -> int:
    """Let emergencies that run where stations have left go on at them, by the name of what moved; how many."""
    touched = [airing for airing in _alarms(session, now) if _left(move, airing.audience)]
    for airing in touched:
        airing.audience = [*airing.audience, move.name]
        session.add(airing)
        session.add(AiringTarget(airing_id=airing.id, name=move.name))
    for emergency in _running(session, now):
        if _left(move, emergency.audience):
            emergency.audience = sorted({*emergency.audience, move.name})
            session.add(emergency)
    session.flush()
    if touched:
        changes.announce(session, "now", [move.name], now)
    return len(touched)


def _left(move: Moved, names: Iterable[str]) -> bool:
    chosen = set(names)
    return not chosen.isdisjoint(move.lost) and chosen.isdisjoint({*move.gained, move.name})


def naming(session: Session, names: Iterable[str], limit: int) -> list[Slot]:
    """Living slots that name one of these, by when they were made: for whoever decides what becomes of them."""
    wanted = sorted(names)
    found: dict[str, Slot] = {}
    for start in range(0, len(wanted), _CHUNK):
        naming_it = select(SlotTarget.slot_id).where(col(SlotTarget.name).in_(wanted[start : start + _CHUNK]))
        query = select(Slot).where(col(Slot.id).in_(naming_it), col(Slot.withdrawn_at).is_(None))
        rows = session.exec(query.order_by(col(Slot.created_at), col(Slot.id)).limit(limit)).all()
        found.update((slot.id, slot) for slot in rows)
    return sorted(found.values(), key=lambda slot: (slot.created_at, slot.id))[:limit]
