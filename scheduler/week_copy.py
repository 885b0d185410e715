"""Copying a week: what a unit has on its timetable in one week, once more in another, as single airings.

What stands in the other week already is left out, and so is what would meet something else or break a limit: each with
its reason. All of it is one step, which can be undone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from core import audit
from core.clock import format_instant
from core.clock import zone as known_zone
from core.errors import N_, InvalidInput, LoaError
from playlists import libraries, resolving
from playlists.libraries import Library
from registry.models import Unit
from registry.rights import Actor, Permission
from scheduler import series, slots, undoing
from scheduler.models import Slot
from scheduler.series import Occurrence, Series, length, occurring
from scheduler.undo_models import TimetableStep
from scheduler.wishes import Wish

MAX_LINES = 100
MAX_SLOTS = 400
_WEEK = timedelta(days=7)
NEW, THERE, PAST, REFUSED = "new", "there", "past", "refused"


@dataclass
class Line:
    """One airing of the week that is copied. `becomes` is where it would begin; `state` what becomes of it.

    `new`, `there` already, `past` (the instant has gone by), or `refused` for `error`.
    """

    key: str
    slot: Slot
    title: str
    programme_id: str
    starts_at: datetime
    becomes: datetime
    seconds: float
    most_seconds: float | None
    state: str = NEW
    error: LoaError | None = None
    made: str | None = None


@dataclass
class Copy:
    """What a copy did, or would do; `cut` says that there was more than may be copied at once."""

    lines: list[Line] = field(default_factory=list)
    cut: bool = False
    step: TimetableStep | None = None

    @property
    def made(self) -> list[Line]:
        return [line for line in self.lines if line.made]


@dataclass(frozen=True)
class Weeks:
    """The first local day of the week that is copied, and of the one it is copied to."""

    source: date
    target: date


def preview(
    session: Session, actor: Actor, unit: Unit, weeks: Weeks, default_zone: str, now: datetime
) -> Copy:  # fmt: skip
    """What copying everything would do. `session` is one that writes: it is done and taken back."""
    trial = session.begin_nested()
    try:
        found = _copied(session, actor, unit, weeks, None, default_zone, now)
        session.expunge_all()  # what was made for trial is forgotten with the rollback
    finally:
        trial.rollback()
    return found


def copy(
    session: Session, actor: Actor, unit: Unit, weeks: Weeks, chosen: Collection[str], default_zone: str, now: datetime
) -> Copy:
    """Copy the `chosen` lines (their keys). Raises InvalidInput when nothing of it can be copied."""
    found = _copied(session, actor, unit, weeks, chosen, default_zone, now)
    made = [line.made for line in found.lines if line.made]
    if not made:
        raise InvalidInput(N_("Nothing of it can be copied into that week."), fields={"line": "empty"})
    found.step = undoing.keep(session, actor, unit, "copy", {}, now, made)
    audit.record(
        session, actor=actor.username, action="week.copy", subject=unit.id, unit_id=unit.id, now=now,
        source=weeks.source.isoformat(), target=weeks.target.isoformat(), slots=made,
    )  # fmt: skip
    return found


def _copied(
    session: Session, actor: Actor, unit: Unit, weeks: Weeks, chosen: Collection[str] | None, default_zone: str,
    now: datetime,
) -> Copy:  # fmt: skip
    actor.require(Permission.SCHEDULE, unit)
    if weeks.source == weeks.target:
        raise InvalidInput(N_("Choose another week than the one that is copied."), fields={"to": "same"})
    found = _lines(session, unit, weeks)
    for line in found.lines:
        if line.state != NEW or (chosen is not None and line.key not in chosen):
            continue
        if line.becomes <= now:
            line.state = PAST
            continue
        trial = session.begin_nested()
        try:
            line.made = slots.create(session, actor, once(line), default_zone=default_zone, now=now)[0].id
        except LoaError as error:
            trial.rollback()
            line.state, line.error = REFUSED, error
        else:
            trial.commit()
    return found


def once(line: Line) -> Wish:
    """The copy of a line: a slot that sounds one time."""
    slot, zone = line.slot, known_zone(line.slot.zone)
    return Wish(
        programme=line.programme_id, starts=_wall(line.becomes, zone).isoformat(), audience=list(slot.audience),
        zone=slot.zone, volume=slot.volume, late=slot.late,
        max_minutes=line.most_seconds / 60 if line.most_seconds else None,
        short=slot.short if line.most_seconds else "end",
    )  # fmt: skip


def _lines(session: Session, unit: Unit, weeks: Weeks) -> Copy:
    query = select(Slot).where(Slot.unit_id == unit.id, col(Slot.withdrawn_at).is_(None)).order_by(col(Slot.id).desc())
    rows = session.exec(query.limit(MAX_SLOTS)).all()
    book = series.load(session, rows)
    every = [(slot, _series(book, slot)) for slot in rows]
    held = [(slot, found) for slot, found in every if found is not None]
    there = {
        _same(slot, each.programme_id, each.starts_at)
        for slot, one in held for each in _week(slot, one, weeks.target)
    }  # fmt: skip
    found = [(slot, one, each) for slot, one in held for each in _week(slot, one, weeks.source)]
    found.sort(key=lambda each: (each[2].starts_at, each[0].id))
    wanted = {each.programme_id for _, _, each in found[:MAX_LINES]}
    library = libraries.load(session, wanted)
    lines = [_line(library, slot, one, each, weeks) for slot, one, each in found[:MAX_LINES]]
    for line in lines:
        if _same(line.slot, line.programme_id, line.becomes) in there:
            line.state = THERE
    return Copy(lines, cut=len(found) > MAX_LINES)


def _series(book: series.Book, slot: Slot) -> Series | None:
    try:
        return book.of(slot)
    except LoaError:  # a damaged row can't be copied; `doctor` names it
        return None


def _week(slot: Slot, held: Series, first: date) -> Sequence[Occurrence]:
    start, end = (datetime.combine(day, time(), held.zone).astimezone(UTC) for day in (first, first + _WEEK))
    return list(islice(occurring(held, max(start, slot.created_at), end), MAX_LINES + 1))


def _same(slot: Slot, programme_id: str, starts_at: datetime) -> tuple[str, datetime, tuple[str, ...]]:
    return programme_id, starts_at, tuple(slot.audience)


def _line(library: Library, slot: Slot, held: Series, each: Occurrence, weeks: Weeks) -> Line:
    seconds = resolving.expected_seconds(library, each.programme_id, each.starts_at)
    wall = _wall(each.starts_at, held.zone) + (weeks.target - weeks.source)
    return Line(
        f"{slot.id}@{format_instant(each.at)}", slot, library.programmes[each.programme_id].title, each.programme_id,
        each.starts_at, wall.replace(tzinfo=held.zone).astimezone(UTC), length(seconds, each).total_seconds(),
        each.most_seconds,
    )  # fmt: skip


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
