"""Day parts: named times of day in a unit ("sáng", "chiều") that slots refer to, so that one change moves them all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlmodel import Session, col, select

from core import audit, changes
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from registry.models import Unit
from registry.rights import Actor, Permission
from registry.units import clean_name
from scheduler.calendar import holiday_name
from scheduler.models import DayPart, Slot

MAX_WINDOWS = 20
MAX_PARTS = 50
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_HOUR = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_MIDNIGHT = "24:00"


@dataclass(frozen=True)
class Window:
    """From `begin` to `end` (seconds after local midnight) on the days that fit; an empty set fits all.

    `holidays`: True only on public holidays, False only on other days, None on both.
    """

    begin: int
    end: int
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    holidays: bool | None = None

    def fits(self, day: date) -> bool:
        return (
            (not self.months or day.month in self.months)
            and (not self.weekdays or day.weekday() in self.weekdays)
            and (self.holidays is None or (holiday_name(day) != "") == self.holidays)
        )

    def begins(self, day: date, offset_s: int = 0) -> datetime:
        """The local (naive) start on `day`, `offset_s` seconds into the window."""
        return datetime.combine(day, time()) + timedelta(seconds=self.begin + offset_s)


def window_of(windows: Sequence[Window], day: date) -> Window | None:
    """The first window that fits the day; None where there is none: nothing sounds then."""
    return next((window for window in windows if window.fits(day)), None)


def read_windows(wanted: Sequence[Mapping[str, Any]]) -> tuple[Window, ...]:
    """Understand `[{"from": "05:30", "to": "06:00", "months"?: [11, 12], "weekdays"?: ["SA"], "holidays"?: true}, …]`.

    Special cases first, the ordinary window last: the first that fits a day holds. Raises InvalidInput.
    """
    if not 1 <= len(wanted) <= MAX_WINDOWS:
        raise InvalidInput(
            N_("A day part has between 1 and %(limit)s windows."), fields={"windows": "count"}, limit=MAX_WINDOWS
        )
    return tuple(_window(each) for each in wanted)


def _window(wanted: Mapping[str, Any]) -> Window:
    begin, end = _second(wanted.get("from")), _second(wanted.get("to"))
    months, weekdays, holidays = wanted.get("months") or [], wanted.get("weekdays") or [], wanted.get("holidays")
    good = (
        begin < end
        and isinstance(months, list)
        and all(isinstance(month, int) and 1 <= month <= 12 for month in months)  # noqa: PLR2004
        and isinstance(weekdays, list)
        and all(day in WEEKDAYS for day in weekdays)
        and (holidays is None or isinstance(holidays, bool))
    )
    if not good:
        raise InvalidInput(
            N_("A window needs “from” before “to” such as 05:30, months 1 to 12, weekdays MO to SU."),
            fields={"windows": "form"},
        )  # fmt: skip
    return Window(begin, end, frozenset(months), frozenset(WEEKDAYS.index(day) for day in weekdays), holidays)


def _second(text: object) -> int:
    if text == _MIDNIGHT:
        return 86_400
    if not isinstance(text, str) or not _HOUR.fullmatch(text):
        raise InvalidInput(N_("Write times of day like 05:30."), fields={"windows": "form"})
    return int(text[:2]) * 3600 + int(text[3:]) * 60


def put(
    session: Session,
    actor: Actor,
    unit: Unit,
    code: str,
    name: str,
    windows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> DayPart:
    """Say when a day part is in this unit and below. Every slot that refers to it follows from its next airing on.

    Raises InvalidInput.
    """
    actor.require(Permission.SCHEDULE, unit)
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            N_("A code has small letters without accents, digits and hyphens, at most 40 characters."),
            fields={"code": "form"},
        )  # fmt: skip
    read_windows(windows)
    own = entries(session, unit)
    part = next((each for each in own if each.code == code), None)
    if part is None:
        if len(own) >= MAX_PARTS:
            raise Conflict(N_("A unit has at most %(limit)s day parts."), limit=MAX_PARTS)
        part = DayPart(id=new_id("dp"), unit_id=unit.id, code=code, name="", changed_by=actor.id, changed_at=now)
    part.name, part.windows = clean_name(name)[:100], [dict(each) for each in windows]
    part.changed_by, part.changed_at = actor.id, now
    session.add(part)
    session.flush()
    audit.record(
        session, actor=actor.username, action="daypart.put", subject=part.id, unit_id=unit.id, now=now,
        code=code, windows=part.windows,
    )  # fmt: skip
    changes.announce(session, "timetable", [f"daypart:{code}"], now)
    return part


def remove(session: Session, actor: Actor, unit: Unit, code: str, now: datetime) -> None:
    """Drop a unit's own day part; that of the unit above holds again. Raises NotFound; Conflict while slots need it."""
    actor.require(Permission.SCHEDULE, unit)
    part = next((each for each in entries(session, unit) if each.code == code), None)
    if part is None:
        raise NotFound
    session.delete(part)
    session.flush()
    below = (
        select(Slot, Unit)
        .join(Unit, col(Unit.id) == Slot.unit_id)
        .where(Slot.daypart == code, col(Slot.withdrawn_at).is_(None), col(Unit.path).startswith(unit.path))
    )
    if any(code not in held(session, home) for _, home in session.exec(below).all()):
        raise Conflict(N_("Slots refer to this day part. Give them a time of their own first."))
    audit.record(
        session, actor=actor.username, action="daypart.remove", subject=part.id, unit_id=unit.id, now=now, code=code
    )
    changes.announce(session, "timetable", [f"daypart:{code}"], now)


def entries(session: Session, unit: Unit) -> Sequence[DayPart]:
    """The unit's own day parts, by code."""
    return session.exec(select(DayPart).where(DayPart.unit_id == unit.id).order_by(col(DayPart.code))).all()


def held(session: Session, unit: Unit) -> dict[str, DayPart]:
    """The day parts that hold at a unit, by code: the nearest unit's."""
    chain = unit.path.strip("/").split("/")
    rows = session.exec(select(DayPart).where(col(DayPart.unit_id).in_(chain))).all()
    return {row.code: row for row in sorted(rows, key=lambda row: chain.index(row.unit_id))}


def known(session: Session, unit: Unit, code: str) -> DayPart:
    """The day part of this code that holds at the unit. Raises InvalidInput."""
    part = held(session, unit).get(code)
    if part is None:
        raise InvalidInput(N_("There is no day part “%(part)s” here."), fields={"daypart": "unknown"}, part=code[:40])
    return part
