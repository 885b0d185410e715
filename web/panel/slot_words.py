"""When slots and reserved times are, in words, with the names of the parts of the day they refer to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from core.clock import zone as known_zone
from scheduler.models import DayPart, Reservation, Slot
from web.panel import rrule_words


@dataclass(frozen=True)
class _Said:
    """What the sentence is made of (`rrule_words.when_in_words`)."""

    starts: str
    zone: str
    rrule: str | None
    until: str | None
    exdates: Sequence[str] = ()
    rdates: Sequence[str] = ()
    days: dict[str, Any] = field(default_factory=dict)
    daypart: str | None = None
    daypart_name: str = ""
    offset_s: int = 0


def of_slots(reading: Session, slots: Sequence[Slot], now: datetime) -> dict[str, str]:
    """The sentence for each slot, by id: “every day 17:00, except Sunday, until 30/11/2026”. One query at most."""
    codes = {slot.daypart for slot in slots if slot.daypart}
    rows = reading.exec(select(DayPart).where(col(DayPart.code).in_(codes))).all() if codes else ()
    own = {(part.unit_id, part.code): part.name for part in rows}
    any_ = {part.code: part.name for part in rows}
    return {
        slot.id: _sentence(
            _Said(
                slot.starts, slot.zone, slot.rrule, slot.until, slot.exdates, slot.rdates, slot.days or {},
                slot.daypart, own.get((slot.unit_id, slot.daypart or "")) or any_.get(slot.daypart or "", ""),
                slot.offset_s,
            ),
            now,
        )
        for slot in slots
    }  # fmt: skip


def of_reservation(row: Reservation, now: datetime) -> str:
    """The sentence for a time that is kept free."""
    return _sentence(_Said(row.starts, row.zone, row.rrule, row.until), now)


def _sentence(said: _Said, now: datetime) -> str:
    words = rrule_words.when_in_words(said, today=now.astimezone(known_zone(said.zone)).date())
    return words[:1].upper() + words[1:]
