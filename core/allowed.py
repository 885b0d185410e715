"""What a place allows of programmes: the rules that server and station share. Pure. Emergencies are never asked.

A *session* is what sounds without a break to speak of: programmes less than five minutes apart are one, as planned.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, get_args

from core.ordering import slot_of
from core.quiet import is_quiet

Limit = Literal["quiet_hours", "hours", "weekdays", "session_minutes", "sessions_a_day"]
LIMITS: tuple[str, ...] = get_args(Limit)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
EVERY_DAY = frozenset(range(7))
# A shorter pause between two programmes is still the same session for whoever has to listen.
BREAK = timedelta(minutes=5)
_NEAR = timedelta(days=2)
# How far around an instant airings are counted: its day, whose sessions may have begun the day before.
COUNTED = timedelta(days=2)
_MIDNIGHT = "24:00"
Hours = tuple[tuple[str, str], ...]
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What holds at a place. None: no limit. `weekdays` are numbers, Monday is 0; hours are local `HH:MM`.

    `told_apart` is False where quiet hours and the hours outside earliest to latest come as one list: there, lifting
    one lifts the other.
    """

    zone: tzinfo
    quiet_hours: Hours = ()
    closed_hours: Hours = ()
    weekdays: frozenset[int] = EVERY_DAY
    session_minutes: float | None = None
    sessions_a_day: int | None = None
    told_apart: bool = True

    @property
    def counts_sessions(self) -> bool:
        return self.session_minutes is not None or self.sessions_a_day is not None

    def silent_at(self, now: datetime) -> tuple[Limit, ...]:
        """Which hours are kept silent at `now`. Raises ValueError for hours that can't be read."""
        quiet: tuple[Limit, ...] = ("quiet_hours",) if is_quiet(now, self.quiet_hours, self.zone) else ()
        closed: tuple[Limit, ...] = ("hours",) if is_quiet(now, self.closed_hours, self.zone) else ()
        return quiet + closed

    def kept_from(self, silent: Sequence[Limit], lifted: Iterable[str]) -> Limit | None:
        """Which of the `silent` hours keeps a programme from sounding that may break what was `lifted` for it."""
        let = set(lifted)
        if not self.told_apart and let & {"quiet_hours", "hours"}:
            return None
        return next((each for each in silent if each not in let), None)

    def lets_begin(self, start: datetime, lifted: Collection[str]) -> bool:
        """Whether a programme may begin at `start`, by the day and the hour. Hours that can't be read let it."""
        if "weekdays" not in lifted and not self.has_day(start):
            return False
        try:
            return self.kept_from(self.silent_at(start), lifted) is None
        except ValueError:
            return True

    def has_day(self, instant: datetime) -> bool:
        """Whether the local day of `instant` is one for programmes."""
        return instant.astimezone(self.zone).weekday() in self.weekdays


def closed_hours(earliest: str | None, latest: str | None) -> Hours:
    """The times of day outside `earliest` to `latest`, in the form of quiet hours."""
    before = (("00:00", earliest),) if earliest and earliest != "00:00" else ()
    after = ((latest, _MIDNIGHT),) if latest and latest != _MIDNIGHT else ()
    return before + after


def joined(spans: Iterable[Stretch]) -> Iterator[Stretch]:
    """The sessions that these spans make, in order: spans less than five minutes apart are one."""
    current: Stretch | None = None
    for start, end in sorted(spans):
        if current is not None and start - current[1] < BREAK:
            current = current[0], max(current[1], end)
        else:
            if current is not None:
                yield current
            current = start, end
    if current is not None:
        yield current


def crowding(allowed: Allowed, mine: Iterable[Stretch], others: Iterable[Stretch]) -> dict[Limit, datetime]:
    """Which limits `mine` break together with `others`, session_minutes before sessions_a_day; where first."""
    minutes, sessions = allowed.session_minutes, allowed.sessions_a_day
    if not allowed.counts_sessions:
        return {}
    own = sorted(set(mine))
    long: list[datetime] = []
    many: list[datetime] = []
    days: dict[date, int] = {}
    for first, last in joined([*own, *others]):
        day = first.astimezone(allowed.zone).date()
        days[day] = days.get(day, 0) + 1
        touched = [start for start, end in own if start < last and first < end]
        if touched and minutes is not None and (last - first).total_seconds() > minutes * 60:
            long.append(touched[0])
        if touched and sessions is not None and days[day] > sessions:
            many.append(touched[0])
    if sessions is not None:
        over = {day for day, count in days.items() if count > sessions}
        many += [start for start, _ in own if start.astimezone(allowed.zone).date() in over] if over else []
    found: dict[Limit, datetime] = {}
    if long:
        found["session_minutes"] = min(long)
    if many:
        found["sessions_a_day"] = min(many)
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """An airing that wants room among the sessions of its day.

    `since` is when it was put on the timetable, `occurrence` what it realises (`slot@instant`); it may break what is
    `lifted`. What has `begun` to sound has its room.
    """

    id: str
    start: datetime
    end: datetime
    since: datetime
    occurrence: str | None = None
    lifted: frozenset[str] = frozenset()
    begun: bool = False
    issued_at: datetime | None = None


def counted(wanted: Iterable[Wanted], now: datetime) -> list[Wanted]:
    """Those of the days around `now`; of several airings of an occurrence what sounded of it, else the newest."""
    found: dict[str, Wanted] = {}
    for each in wanted:
        if abs(each.start - now) <= COUNTED:
            other = found.get(each.occurrence or each.id)
            if other is None or _rank(other) < _rank(each):
                found[each.occurrence or each.id] = each
    return list(found.values())


def _rank(each: Wanted) -> tuple[bool, datetime, str]:
    return each.begun, each.issued_at or each.since, each.id


def without_room(allowed: Allowed, wanted: Iterable[Wanted]) -> Mapping[str, Limit]:
    """Which of these have no room among the sessions, and which limit keeps it from them.

    First come, first served, as they were put on the timetable; but what sounds or has sounded all the same has its
    room before all. What may not begin for its day or hour takes no room from anybody.
    """
    if not allowed.counts_sessions:
        return {}
    queue = sorted(wanted, key=lambda each: (each.since, each.start, slot_of(each.occurrence), each.id))
    first: set[str] = set()
    while True:
        refused = _served(allowed, queue, first)
        sounded = {each.id for each in queue if each.begun and each.id in refused}
        if not sounded:
            return refused
        first |= sounded


def _served(allowed: Allowed, queue: Sequence[Wanted], first: Collection[str]) -> dict[str, Limit]:
    """One after the other, those in `first` before the others and whatever they break."""
    refused: dict[str, Limit] = {}
    taken = [(each.start, each.end) for each in queue if each.id in first]
    for each in queue:
        if each.id in first:
            continue
        near = [other for other in taken if abs(other[0] - each.start) < _NEAR]
        found = crowding(allowed, [(each.start, each.end)], near)
        broken = next((limit for limit in found if limit not in each.lifted), None)
        if broken is not None:
            refused[each.id] = broken
        elif each.begun or allowed.lets_begin(each.start, each.lifted):
            taken.append((each.start, each.end))
    return refused
