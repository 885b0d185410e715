"""When a slot sounds, all things considered: its rule, its day part, and the single occurrences that differ.

An occurrence is known by the instant its rule gives it (`at`), wherever it has been moved to: so what sounded already
is not planned again when a day part moves or an exception is made. Pure, but for `load`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge
from operator import attrgetter
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core.clock import zone
from registry.models import Unit
from scheduler.dayparts import Window, read_windows, window_of
from scheduler.models import DayPart, Slot, SlotException
from scheduler.recurrence import Recurrence, occurrences, recurrence

_CHUNK = 500
_REACH = timedelta(days=2)  # a window may begin on another day in UTC, and the day of a rule's instant has 26 hours
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Occurrence:
    """One time that a slot sounds: `at` names it, `starts_at` is when; at most `most_seconds` (None: no bound)."""

    at: datetime
    starts_at: datetime
    programme_id: str
    most_seconds: float | None = None
    exception: SlotException | None = None

    def lifted(self, slot: Slot) -> list[str]:
        """The limits of the place that it may break: those of its slot, and those lifted for this one alone."""
        own = self.exception.lifted if self.exception is not None else []
        return sorted({*slot.lifted, *own}) if own else slot.lifted


def length(seconds: float, occurrence: Occurrence) -> timedelta:
    """How long an occurrence of a programme of `seconds` takes, at least one second."""
    most = occurrence.most_seconds
    return timedelta(seconds=max(seconds if most is None else min(seconds, most), 1.0))


@dataclass(frozen=True)
class Series:
    """A slot's rule with all that changes it. `windows` are those of its day part, or None where it has none."""

    rule: Recurrence
    zone: ZoneInfo
    programme_id: str
    windows: tuple[Window, ...] | None = None
    offset_s: int = 0
    most_seconds: float | None = None
    exceptions: Mapping[datetime, SlotException] = field(default_factory=dict)


def occurring(series: Series, start: datetime, end: datetime) -> Iterator[Occurrence]:
    """Yield, by start, the occurrences with start <= starts_at < end (both aware). Lazy; never reads a clock.

    In a day part a slot sounds once a day.
    """
    moved = sorted(_moved(series, start, end), key=attrgetter("starts_at"))
    return merge(_by_rule(series, start, end), moved, key=attrgetter("starts_at"))


def named(series: Series, at: datetime) -> Occurrence | None:
    """The occurrence that the rule puts at `at`, as it stands now; None if there is none or it is skipped."""
    if next(occurrences(series.rule, at, at + _TICK), None) is None:
        return None
    exception = series.exceptions.get(at)
    if exception is not None and exception.skip:
        return None
    usual = _usual(series, at)
    if usual is None:
        return None
    return usual if exception is None else _excepted(usual, exception)


def _by_rule(series: Series, start: datetime, end: datetime) -> Iterator[Occurrence]:
    reach = _REACH if series.windows is not None else timedelta(0)
    last_day = None
    for at in occurrences(series.rule, start - reach, end + reach):
        if series.windows is not None:
            day = at.astimezone(series.zone).date()
            if day == last_day:
                continue
            last_day = day
        exception = series.exceptions.get(at)
        if exception is not None and (exception.skip or exception.starts_at is not None):
            continue
        usual = _usual(series, at)
        if usual is not None and start <= usual.starts_at < end:
            yield usual if exception is None else _excepted(usual, exception)


def _moved(series: Series, start: datetime, end: datetime) -> Iterator[Occurrence]:
    for at, exception in series.exceptions.items():
        if exception.starts_at is not None and start <= exception.starts_at < end:
            found = named(series, at)
            if found is not None:
                yield found


def _usual(series: Series, at: datetime) -> Occurrence | None:
    if series.windows is None:
        return Occurrence(at, at, series.programme_id, series.most_seconds)
    day = at.astimezone(series.zone).date()
    window = window_of(series.windows, day)
    if window is None:
        return None
    starts_at = window.begins(day, series.offset_s).replace(tzinfo=series.zone).astimezone(at.tzinfo)
    room = float(window.end - window.begin - series.offset_s)
    most = room if series.most_seconds is None else min(room, series.most_seconds)
    return Occurrence(at, starts_at, series.programme_id, most) if most > 0 else None


def _excepted(usual: Occurrence, exception: SlotException) -> Occurrence:
    return Occurrence(
        usual.at,
        exception.starts_at or usual.starts_at,
        exception.programme_id or usual.programme_id,
        usual.most_seconds if exception.max_seconds is None else exception.max_seconds,
        exception,
    )


@dataclass
class Book:
    """What the series of some slots need, read once; each is put together when it is asked for."""

    exceptions: dict[str, dict[datetime, SlotException]] = field(default_factory=dict)
    windows: dict[str, list[dict[str, object]] | None] = field(default_factory=dict)  # by slot

    def of(self, slot: Slot) -> Series:
        """Raises InvalidInput for a slot whose rule or day part can't be read: a row somebody damaged."""
        rule = recurrence(
            slot.starts, slot.zone, slot.rrule, exdates=slot.exdates, rdates=slot.rdates, until=slot.until,
            days=slot.days,
        )  # fmt: skip
        windows = read_windows(self.windows.get(slot.id) or []) if slot.daypart else None
        return Series(
            rule, zone(slot.zone), slot.programme_id, windows, slot.offset_s, slot.max_seconds,
            self.exceptions.get(slot.id, {}),
        )  # fmt: skip


def load(session: Session, slots: Sequence[Slot]) -> Book:
    """Read the exceptions and day parts of these slots; two or three queries per 500."""
    book = Book()
    ids = [slot.id for slot in slots]
    for start in range(0, len(ids), _CHUNK):
        query = select(SlotException).where(col(SlotException.slot_id).in_(ids[start : start + _CHUNK]))
        for row in session.exec(query).all():
            book.exceptions.setdefault(row.slot_id, {})[row.occurrence_at] = row
    referring = [slot for slot in slots if slot.daypart]
    if referring:
        book.windows = _windows(session, referring)
    return book


def _windows(session: Session, slots: Iterable[Slot]) -> dict[str, list[dict[str, object]] | None]:
    paths = dict(session.exec(select(Unit.id, Unit.path)).all())
    parts = {(part.unit_id, part.code): part.windows for part in session.exec(select(DayPart)).all()}
    found: dict[str, list[dict[str, object]] | None] = {}
    for slot in slots:
        chain = reversed(paths[slot.unit_id].strip("/").split("/"))
        held = (parts.get((unit, slot.daypart or "")) for unit in chain)
        found[slot.id] = next((windows for windows in held if windows is not None), None)
    return found


def one(session: Session, slot: Slot) -> Series:
    """The series of one slot."""
    return load(session, [slot]).of(slot)
