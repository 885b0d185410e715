"""The usual times to sound: the next parts of the day, and programmes of the unit that a bulletin can be put into."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask_babel import gettext
from sqlmodel import Session, col, select

from playlists.models import Programme
from registry.models import Unit
from registry.rights import Actor
from scheduler import dayparts, slots
from scheduler.dayparts import window_of
from scheduler.models import DayPart, Slot
from web.panel import labels, rrule_words, slot_words, times
from web.panel.air_choices import Choice
from web.panel.repeats import DAYS

_DAYS_AHEAD = 8
_OF_EACH = 2
_MOST = 12


@dataclass(frozen=True)
class Usual:
    """One choice: its value in the form, and its words."""

    value: str
    title: str
    note: str
    joins: bool = False


def part_names(reading: Session, unit: Unit) -> list[tuple[str, str]]:
    """Codes and names of the day parts that hold at the unit, by code."""
    return [(code, part.name) for code, part in sorted(dayparts.held(reading, unit).items())]


def offered(reading: Session, unit: Unit, now: datetime, freeze: timedelta) -> list[Usual]:
    """What can be chosen now: the next two days of each part of the day, by time; then programmes that go on."""
    found: list[tuple[datetime, Usual]] = []
    for code, part in dayparts.held(reading, unit).items():
        for at, ends in _next(reading, unit, part, now, freeze)[:_OF_EACH]:
            day = labels.label("day", DAYS[at.weekday()])
            note = f"{at:%H:%M}–{ends} · {day} {at:%d/%m}"
            found.append((at, Usual(f"part:{code}@{at.date().isoformat()}", part.name, note)))
    return [usual for _, usual in sorted(found, key=lambda row: row[0])] + _programmes(reading, unit, now)


def _next(reading: Session, unit: Unit, part: DayPart, now: datetime, freeze: timedelta) -> list[tuple[datetime, str]]:
    """The next beginnings of a part of the day, local, with the hour it ends."""
    where = times.zone_of(reading, unit)
    windows, local = dayparts.read_windows(part.windows), now.astimezone(where)
    found = []
    for ahead in range(_DAYS_AHEAD):
        day = local.date() + timedelta(days=ahead)
        window = window_of(windows, day)
        if window is None:
            continue
        begins = window.begins(day).replace(tzinfo=where)
        if begins > local + freeze:
            found.append((begins, f"{window.end // 3600:02d}:{window.end % 3600 // 60:02d}"))
    return found


def _programmes(reading: Session, unit: Unit, now: datetime) -> list[Usual]:
    """Programmes with more than one bulletin, or with “the newest” and the like, that sound again and again."""
    rows = reading.exec(
        select(Slot, Programme)
        .join(Programme, col(Programme.id) == Slot.programme_id)
        .where(Slot.unit_id == unit.id, col(Slot.withdrawn_at).is_(None), col(Slot.rrule).is_not(None))
        .order_by(col(Slot.id).desc())
        .limit(_MOST)
    ).all()
    coming = slots.next_instants_of(reading, [slot for slot, _ in rows], now, 1)
    said = slot_words.of_slots(reading, [slot for slot, _ in rows], now)
    return [
        Usual(f"slot:{slot.id}", programme.title, said[slot.id], joins=True)
        for (slot, programme), instants in zip(rows, coming, strict=True)
        if instants
    ]


def dated(reading: Session, unit: Unit, choice: Choice, now: datetime, freeze: timedelta) -> Choice:
    """A choice of a part of the day, with the next day on which it is where none was said."""
    if choice.mode != "usual" or choice.join or choice.first is not None:
        return choice
    part = dayparts.held(reading, unit).get(choice.part)
    ahead = _next(reading, unit, part, now, freeze) if part else []
    return replace(choice, first=ahead[0][0].date()) if ahead else choice


def joining(reading: Session, actor: Actor, slot_id: str) -> str:
    """The sentence for a bulletin that is put into the programme of a slot."""
    slot, _ = slots.find(reading, actor, slot_id)
    programme = reading.get_one(Programme, slot.programme_id)
    return str(gettext(
        "within “%(title)s”: %(when)s, until the bulletin is withdrawn or runs out",
        title=programme.title, when=rrule_words.when_in_words(slot),
    ))  # fmt: skip
