"""Moving what is on the timetable to another day or hour: one occurrence, this and the following, or all.

A slot that repeats is moved as its rule can say it: its hour always, its weekday where the rule repeats by the week.
Single occurrences that differ go along. Every move leaves a step that can be undone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core.clock import zone as known_zone
from core.errors import N_, Conflict, InvalidInput, LoaError, NotFound
from registry.rights import Actor, Permission
from scheduler import editing, series, slots, undoing
from scheduler.editing import Change, Rules
from scheduler.models import Slot, SlotException
from scheduler.recurrence import local_instant
from scheduler.series import Series, named
from scheduler.undo_models import TimetableStep
from scheduler.wishes import Wish

SCOPES = ("one", "following", "all")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DATE = len("2026-11-23")
_IN_FORM = N_("Its rule can't be moved like this. Change the rule in the form of the slot, or move only this one.")
_DAYPART = N_("Its time comes from a part of the day. Move only this one, or change the slot.")
_DAYS = N_("Its rule doesn't repeat by the week, so only its hour can be moved. Move only this one to another day.")


@dataclass(frozen=True)
class Target:
    """Where something is dragged to: local day and time in the slot's zone."""

    day: date
    hour: int
    minute: int

    @property
    def local(self) -> str:
        return f"{self.day.isoformat()}T{self.hour:02d}:{self.minute:02d}"


def scopes(slot: Slot) -> tuple[str, ...]:
    """What a move of one of its occurrences may be about; the first is what is safest."""
    return SCOPES if slot.rrule else SCOPES[:1]


def move(
    session: Session, actor: Actor, slot_id: str, at: datetime, target: Target, scope: str, rules: Rules, now: datetime
) -> TimetableStep:
    """Move the occurrence that the slot's rule puts at `at` (and, by `scope`, others) to `target`.

    Raises as `editing.change_one` and `editing.edit` do, and InvalidInput for what the rule can't say.
    """
    slot, unit = slots.find(session, actor, slot_id)
    actor.require(Permission.SCHEDULE, unit)
    if scope not in scopes(slot):
        raise InvalidInput(N_("Say what is to be moved: only this one, this and the following, or all."),
                           fields={"scope": "form"})  # fmt: skip
    before = undoing.standing(session, [slot.id])
    held = series.one(session, slot)
    made: list[str] = []
    if scope == "one":
        _one(session, actor, slot, held, at, target, rules, now)
    else:
        goes_on = _many(session, actor, slot, held, at, target, scope, rules, now)
        made = [goes_on.id] if goes_on.id != slot.id else []
    return undoing.keep(session, actor, unit, "move", before, now, made)


def looked_at(
    session: Session, actor: Actor, slot_id: str, at: datetime, target: Target, rules: Rules, now: datetime
) -> dict[str, LoaError | None]:
    """What each scope of the move would meet: an error, or None where it can be done. Nothing of it stays.

    `session` is one that writes: the very move is made and taken back, so that what is told here is what will happen.
    """
    slot, _ = slots.find(session, actor, slot_id)
    found: dict[str, LoaError | None] = {}
    for scope in scopes(slot):
        trial = session.begin_nested()
        try:
            move(session, actor, slot_id, at, target, scope, rules, now)
        except NotFound:
            raise
        except LoaError as error:
            found[scope] = error
        else:
            found[scope] = None
        finally:
            trial.rollback()
            session.expire_all()
    return found


def _one(
    session: Session, actor: Actor, slot: Slot, held: Series, at: datetime, target: Target, rules: Rules, now: datetime
) -> None:
    """Only the hour of this one changes: what else was said of it stays."""
    row = held.exceptions.get(at)
    usual = named(replace(held, exceptions={}), at)
    if usual is None:
        raise NotFound(N_("This slot has no occurrence then."))
    back = local_instant(target.local, held.zone).replace(second=0) == usual.starts_at.replace(second=0)
    plain = row is not None and row.programme_id is None and row.max_seconds is None and not row.lifted
    if back and plain:
        editing.restore_one(session, actor, slot.id, at, rules, now)
        return
    change = Change(
        starts=None if back else target.local,
        programme=row.programme_id if row else None,
        max_minutes=row.max_seconds / 60 if row and row.max_seconds else None,
        reason=row.reason if row else "",
        lift=row.lifted_reason if row else "",
    )
    editing.change_one(session, actor, slot.id, at, change, rules, now)


def _many(
    session: Session, actor: Actor, slot: Slot, held: Series, at: datetime, target: Target, scope: str, rules: Rules,
    now: datetime,
) -> Slot:  # fmt: skip
    start = at if scope == "following" else None
    if scope == "all":
        present = named(held, at)
        if present is None:
            raise NotFound(N_("This slot has no occurrence then."))
        if now < present.starts_at <= now + rules.freeze and not rules.bypass.strip():
            raise Conflict(
                N_("It starts within %(minutes)s minutes and is frozen. Give a reason to change it all the same."),
                code="frozen", minutes=round(rules.freeze.total_seconds() / 60),
            )  # fmt: skip
    shift = Shift(at.astimezone(held.zone), target)
    wish = moved(slot, shift)
    kept = [row for row in held.exceptions.values() if start is None or row.occurrence_at >= start]
    goes_on = editing.edit(session, actor, slot.id, wish, rules, now, scope=scope, start=start)
    _take_along(session, goes_on, kept, shift, held.zone)
    return goes_on


@dataclass(frozen=True)
class Shift:
    """How far a rule's local time is moved, told from one of its occurrences (`source`, local and aware)."""

    source: datetime
    target: Target

    @property
    def days(self) -> int:
        return (self.target.day - self.source.date()).days

    def local(self, moment: datetime) -> datetime:
        """A naive local time of the rule, moved: where it stood at the source's hour (and weekday, if that changes)."""
        if moment.time().replace(second=0, microsecond=0) != self.source.time().replace(second=0, microsecond=0):
            return moment
        if self.days and moment.weekday() != self.source.weekday():
            return moment.replace(hour=self.target.hour, minute=self.target.minute)
        return (moment + timedelta(days=self.days)).replace(hour=self.target.hour, minute=self.target.minute)


def moved(slot: Slot, shift: Shift) -> Wish:
    """The slot as a wish, with its rule moved. Pure. Raises InvalidInput for a rule that can't be moved like this."""
    if slot.daypart:
        raise InvalidInput(_DAYPART, code="daypart")
    said = (slot.rrule or "").upper().removeprefix("RRULE:").split(";")
    parts = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in said if part.strip())}
    if parts.get("FREQ") not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"} or parts.keys() & _UNMOVABLE:
        raise InvalidInput(_IN_FORM, code="rule")
    begins = _naive(slot.starts)
    if shift.days:
        if parts["FREQ"] != "WEEKLY":
            raise InvalidInput(_DAYS, code="days")
        parts["BYDAY"] = _days_moved(parts.get("BYDAY") or WEEKDAYS[begins.weekday()], shift)
        if begins.weekday() == shift.source.weekday():
            begins += timedelta(days=shift.days)
    if "UNTIL" in parts:
        parts["UNTIL"] = parts["UNTIL"].replace("-", "")[:8]  # the whole of its last day
    starts = begins.replace(hour=shift.target.hour, minute=shift.target.minute)
    zone = known_zone(slot.zone)
    return replace(
        wish_of(slot),
        starts=starts.isoformat(),
        rrule=";".join(f"{name}={value}" for name, value in parts.items()),
        exdates=_dates_moved(slot.exdates, shift, zone),
        rdates=_dates_moved(slot.rdates, shift, zone),
        until=_last_day(slot, zone),
    )


# COUNT would begin anew for what goes on under another name; hours in the rule are not those of its start.
_UNMOVABLE = {"COUNT", "BYHOUR", "BYMINUTE", "BYSECOND"}


def _days_moved(days: str, shift: Shift) -> str:
    """The weekdays of a weekly rule with the one of the source replaced by the target's, Monday first."""
    named_days = {each.strip() for each in days.split(",")}
    source, goal = WEEKDAYS[shift.source.weekday()], WEEKDAYS[shift.target.day.weekday()]
    if source not in named_days:
        raise InvalidInput(_IN_FORM, code="rule")
    if goal in named_days:
        raise InvalidInput(N_("It sounds on that weekday already. Move only this one."), code="days")
    wanted = (named_days - {source}) | {goal}
    return ",".join(each for each in WEEKDAYS if each in wanted)


def _dates_moved(dates: Iterable[str], shift: Shift, zone: ZoneInfo) -> list[str]:
    found = []
    for text in dates:
        if len(text.strip()) <= _DATE:
            day = date.fromisoformat(text.strip())
            on_it = not shift.days or day.weekday() == shift.source.weekday()
            found.append((day + timedelta(days=shift.days) if on_it else day).isoformat())
        else:
            local = local_instant(text, zone).astimezone(zone).replace(tzinfo=None)
            found.append(shift.local(local).isoformat())
    return found


def _last_day(slot: Slot, zone: ZoneInfo) -> str | None:
    """The whole last local day, so that a later hour on it still counts."""
    if not slot.until or len(slot.until.strip()) <= _DATE:
        return slot.until
    return local_instant(slot.until, zone).astimezone(zone).date().isoformat()


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def wish_of(slot: Slot) -> Wish:
    """What somebody would wish to get this slot. Pure."""
    return Wish(
        programme=slot.programme_id, starts=slot.starts, audience=list(slot.audience), zone=slot.zone, rrule=slot.rrule,
        exdates=list(slot.exdates), until=slot.until, volume=slot.volume, late=slot.late, rdates=list(slot.rdates),
        days=slot.days, daypart=slot.daypart, after_minutes=slot.offset_s // 60,
        max_minutes=slot.max_seconds / 60 if slot.max_seconds else None, short=slot.short,
        lift=slot.lifted_reason or None,
    )  # fmt: skip


def _take_along(session: Session, goes_on: Slot, kept: Iterable[SlotException], shift: Shift, zone: ZoneInfo) -> None:
    """Single occurrences that differ keep doing so under the name that the moved rule gives them."""
    plain = replace(series.one(session, goes_on), exceptions={})
    renamed = []
    for row in kept:
        local = row.occurrence_at.astimezone(zone).replace(tzinfo=None)
        name = shift.local(local).replace(tzinfo=zone).astimezone(UTC)
        if named(plain, name) is not None:
            renamed.append(row.model_dump() | {"slot_id": goes_on.id, "occurrence_at": name})
            session.delete(row)
    session.flush()  # one may take the name that another leaves
    session.add_all(SlotException(**each) for each in renamed)
    session.flush()
