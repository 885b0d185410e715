"""Slots that want an instant without having an airing for it, and why they have none: reading and pure rules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlmodel import Session, col, select

from core.errors import LoaError
from playlists import libraries, resolving
from scheduler import series
from scheduler.calendar import holiday_name, lunar_label
from scheduler.models import Slot, SlotException, SlotTarget
from scheduler.recurrence import occurrences
from scheduler.series import Occurrence, Series, length, named, occurring

MAX_SLOTS = 400  # that a place has or had lately
MAX_OCCURRENCES = 2_000  # of one slot within a week: every few minutes
# What was taken off the timetable longer ago than this explains nothing any more.
_REMEMBERED = timedelta(days=31)
_TICK = timedelta(microseconds=1)
_LONGEST = timedelta(days=1)  # a session takes at most 1,440 minutes


@dataclass(frozen=True)
class Want:
    """An occurrence of a slot that sounds (`code` is "computed"), or that would if it were not for `code`.

    `skipped`, `moved` (an exception says so), `excluded` (a date taken out), `holiday`, `no_holiday`, `lunar` (its
    condition on days), `no_window` (its day part has none that day), `ended`, `slot_withdrawn`.
    """

    slot: Slot
    code: str
    occurrence: Occurrence
    ends_at: datetime
    exception: SlotException | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Slots:
    """The slots of a place with all that their occurrences need, read once."""

    rows: list[Slot] = field(default_factory=list)
    library: libraries.Library = field(default_factory=libraries.Library)
    series: dict[str, Series] = field(default_factory=dict)

    def seconds(self, occurrence: Occurrence) -> float:
        return resolving.expected_seconds(self.library, occurrence.programme_id, occurrence.starts_at)

    def ends(self, occurrence: Occurrence) -> datetime:
        return occurrence.starts_at + length(self.seconds(occurrence), occurrence)

    def between(self, slot: Slot, start: datetime, end: datetime) -> Iterator[Occurrence]:
        """The occurrences of one slot that start within [start, end), by start; none before the slot was made."""
        if slot.id in self.series:
            start = max(start, slot.created_at)
            yield from islice(occurring(self.series[slot.id], start, end), MAX_OCCURRENCES)


def load(session: Session, names: Iterable[str], around: datetime) -> Slots:
    """The slots for any of these internal names, with those withdrawn within a month before `around`."""
    wanted = sorted(names)
    found: dict[str, Slot] = {}
    for start in range(0, len(wanted), MAX_SLOTS):
        query = (
            select(Slot)
            .join(SlotTarget, col(SlotTarget.slot_id) == Slot.id)
            .where(col(SlotTarget.name).in_(wanted[start : start + MAX_SLOTS]))
            .where(col(Slot.withdrawn_at).is_(None) | (col(Slot.withdrawn_at) > around - _REMEMBERED))
            .order_by(col(Slot.withdrawn_at).is_not(None), col(Slot.id).desc())
            .limit(MAX_SLOTS)
        )
        found.update({slot.id: slot for slot in session.exec(query).all()})
    held = Slots(sorted(found.values(), key=lambda slot: slot.id))
    book = series.load(session, held.rows)
    for slot in held.rows:
        try:
            held.series[slot.id] = book.of(slot)
        except LoaError:  # a damaged row explains nothing; `doctor` and the worker's log name it
            continue
    programmes = {slot.programme_id for slot in held.rows}
    programmes |= {e.programme_id for s in held.series.values() for e in s.exceptions.values() if e.programme_id}
    held.library = libraries.load(session, programmes)
    return held


def at_instant(held: Slots, at: datetime) -> list[Want]:
    """Every slot's occurrence that covers `at`, or would but for one thing; one for each slot."""
    return [want for slot in held.rows if slot.created_at <= at and (want := _want(held, slot, at)) is not None]


def _want(held: Slots, slot: Slot, at: datetime) -> Want | None:
    present = held.series.get(slot.id)
    if present is None:
        return None
    found = _covering(held, present, at)
    if found is not None:
        return Want(slot, "slot_withdrawn" if slot.withdrawn_at else "computed", found, held.ends(found))
    if slot.withdrawn_at is not None:
        return None
    return next(_but_for_one_thing(held, slot, present, at), None)


def _but_for_one_thing(held: Slots, slot: Slot, present: Series, at: datetime) -> Iterator[Want]:
    for instant, exception in present.exceptions.items():
        found = usual(present, instant)
        if found is not None and found.starts_at <= at < held.ends(found):
            if exception.skip:
                yield Want(slot, "skipped", found, held.ends(found), exception)
            elif exception.starts_at is not None:
                yield Want(slot, "moved", found, held.ends(found), exception, {"to": exception.starts_at})
    rule = present.rule
    if rule.excluded or rule.excluded_days:
        yield from _without(
            held, slot, replace(present, rule=replace(rule, excluded=frozenset(), excluded_days=frozenset())), at,
            "excluded",
        )  # fmt: skip
    if rule.days is not None:
        day = at.astimezone(present.zone).date()
        holiday = holiday_name(day)
        code = "lunar"
        if rule.days.holidays and (holiday != "") != (rule.days.holidays == "only"):
            code = "holiday" if holiday else "no_holiday"
        detail = {"holiday": holiday, "lunar": lunar_label(day)}
        yield from _without(held, slot, replace(present, rule=replace(rule, days=None)), at, code, detail)
    if present.windows is not None:
        yield from _no_window(held, slot, present, at)
    if rule.until is not None and rule.until < at and not _goes_on(held, slot):
        yield from _without(held, slot, replace(present, rule=replace(rule, until=None)), at, "ended")


def usual(present: Series, at: datetime) -> Occurrence | None:
    """The occurrence that the rule puts at `at`, as it would be without an exception."""
    others = {instant: row for instant, row in present.exceptions.items() if instant != at}
    return named(replace(present, exceptions=others), at)


def _without(
    held: Slots, slot: Slot, changed: Series, at: datetime, code: str, detail: Mapping[str, Any] | None = None
) -> Iterator[Want]:
    found = _covering(held, changed, at)
    if found is not None:
        yield Want(slot, code, found, held.ends(found), detail=detail or {})


def _no_window(held: Slots, slot: Slot, present: Series, at: datetime) -> Iterator[Want]:
    """The rule gives this day, but the day part has no window on it; on other days it has one at this time."""
    local = at.astimezone(present.zone)
    day, wall = local.date(), local.replace(tzinfo=None)
    midnight = datetime.combine(day, datetime.min.time(), present.zone).astimezone(UTC)
    given = next(occurrences(present.rule, midnight, midnight + timedelta(days=1)), None)
    if given is None or any(window.fits(day) for window in present.windows or ()):
        return
    for window in present.windows or ():
        begins = window.begins(day, present.offset_s)
        ends = window.begins(day) + timedelta(seconds=window.end - window.begin)
        if begins <= wall < ends:
            start = begins.replace(tzinfo=present.zone).astimezone(UTC)
            meant = Occurrence(given, start, present.programme_id, present.most_seconds)
            yield Want(slot, "no_window", meant, held.ends(meant), detail={"daypart": slot.daypart})
            return


def _goes_on(held: Slots, slot: Slot) -> bool:
    return any(other.follows == slot.id for other in held.rows)


def _covering(held: Slots, wanted: Series, at: datetime) -> Occurrence | None:
    """The occurrence that sounds at `at`. Those of one slot never overlap, so the last that began is the one."""
    longest = _LONGEST if wanted.most_seconds is None else timedelta(seconds=wanted.most_seconds)
    often = timedelta(seconds=max(resolving.expected_seconds(held.library, wanted.programme_id, at), 1.0))
    reach = _LONGEST if wanted.exceptions else min(longest, often + timedelta(minutes=1))
    for each in islice(occurring(wanted, at - reach, at + _TICK), MAX_OCCURRENCES):
        if each.starts_at <= at < held.ends(each):
            return each
    return None
