"""When a slot sounds: RFC 5545 recurrence on the wall clock of a zone. Pure; no clock is read.

A rule repeats local times. A local time that a change of clocks leaves out is meant with the offset before the change,
so it sounds later by the gap's length; one that comes twice sounds the first time (RFC 5545, section 3.3.5). What then
falls on the same instant sounds once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from heapq import heappop, heappush, merge
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import zone as time_zone
from core.errors import N_, InvalidInput
from scheduler.calendar import Days, read_days
from scheduler.rrule_parse import Rule, parse_rule
from scheduler.rrule_walk import Walk

__all__ = ["Recurrence", "Rule", "first_occurrence", "local_instant", "occurrences", "parse_rule", "recurrence"]

_MAX_DATES = 1_000
_MAX_TEXT = 40
_DATE_LENGTH = len("2026-11-23")
# Zones have left out or repeated up to a whole day (Apia 2011, Manila 1844).
_LARGEST_CHANGE = timedelta(hours=26)
_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WALL = _EPOCH.replace(tzinfo=None)
# The Gregorian calendar repeats after 400 years: what has not happened by then is not a timetable.
_CALENDAR_CYCLE = timedelta(days=146_097)
# Far enough from the ends of `datetime` that no offset leads out of it.
_EARLIEST = datetime(1, 1, 5, tzinfo=UTC)
_LATEST = datetime(9999, 12, 27, tzinfo=UTC)


@dataclass(frozen=True)
class Recurrence:
    """A start on the wall clock of `zone` and how it repeats; without a rule, the start itself is the occurrence.

    `starts` and `rdates` are naive and local. With a rule, `starts` is an occurrence only if the rule meets it.
    `excluded` are instants, `excluded_days` whole local days; `days` is a condition on local days, of rule and `rdates`
    alike. Nothing is later than the instant `until`.
    """

    starts: datetime
    zone: ZoneInfo
    rule: Rule | None = None
    rdates: tuple[datetime, ...] = ()
    excluded: frozenset[datetime] = field(default=frozenset())
    excluded_days: frozenset[date] = field(default=frozenset())
    until: datetime | None = None
    days: Days | None = None

    @cached_property
    def walk(self) -> Walk | None:
        return Walk(self.rule, self.starts) if self.rule else None


def recurrence(
    starts: str,
    zone: str,
    rrule: str | None = None,
    exdates: Iterable[str] = (),
    rdates: Iterable[str] = (),
    until: str | None = None,
    days: Mapping[str, Any] | None = None,
) -> Recurrence:
    """Read what people and scripts send; raises InvalidInput that says which part is wrong.

    Times are local in `zone` ("2026-11-23T05:00", with seconds or without; fractions of a second are dropped), or carry
    an offset or Z. A date alone means: in `starts`, midnight; in `exdates`, every occurrence of that day; in `rdates`,
    that day at the time of `starts`; in `until`, that whole day. `until` is inclusive, and also ends `rdates`. At most
    1,000 dates of each kind. `days` as `calendar.read_days` takes it.
    """
    tz = time_zone(zone)
    local = _local(starts, tz)
    excluded, excluded_days = set(), set()
    for text in _bounded(exdates):
        if _is_date(text):
            excluded_days.add(_local(text, tz).date())
        else:
            excluded.add(_instant(_local(text, tz), tz))
    extra = (
        datetime.combine(_local(text, tz).date(), local.time()) if _is_date(text) else _local(text, tz)
        for text in _bounded(rdates)
    )
    return Recurrence(
        starts=local,
        zone=tz,
        rule=parse_rule(rrule) if rrule and rrule.strip() else None,
        rdates=tuple(sorted(set(extra))),
        excluded=frozenset(excluded),
        excluded_days=frozenset(excluded_days),
        until=_last_instant(until, tz) if until else None,
        days=read_days(days),
    )


def local_instant(text: str, zone: ZoneInfo) -> datetime:
    """The aware UTC instant of an instant with its offset, of a local time in `zone`, or of a date (its midnight).

    Raises InvalidInput.
    """
    return _instant(_read(text, zone), zone)


def occurrences(rule: Recurrence, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield, in order and each once, the UTC instants of `rule` with start <= instant < end (both aware). Lazy.

    The clock is never read, so the preview page, the worker and the tests agree. The age of the rule does not matter:
    the work is bounded by the days of the window. Raises ValueError for a naive bound.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise ValueError("naive datetime")
    start = max(start.astimezone(UTC), _EARLIEST) if start > _EARLIEST else _EARLIEST
    end = min(end, _LATEST).astimezone(UTC)
    if rule.until is not None:
        end = min(end, rule.until + _TICK)
    if start >= end:
        return iter(())
    return _without_excluded(rule, _merged(rule, start, end))


def first_occurrence(rule: Recurrence) -> datetime | None:
    """The first instant of `rule`, or None if it never occurs.

    "Never" is said after 400 years, when the calendar repeats; the work is bounded by that number of days.
    """
    earliest = min(rule.starts, *rule.rdates) if rule.rdates else rule.starts
    latest = max(rule.starts, *rule.rdates) if rule.rdates else rule.starts
    start = earliest.replace(tzinfo=UTC)
    start = start - _LARGEST_CHANGE if start > _EARLIEST + _LARGEST_CHANGE else _EARLIEST
    last = latest.replace(tzinfo=UTC)
    end = last + _CALENDAR_CYCLE if last < _LATEST - _CALENDAR_CYCLE else _LATEST
    return next(occurrences(rule, start, end), None)


# From wall clock to instants


def _merged(rule: Recurrence, start: datetime, end: datetime) -> Iterator[datetime]:
    if rule.walk is None:
        by_rule: Iterator[datetime] = iter([_instant(rule.starts, rule.zone)])
    else:
        by_rule = _by_rule(rule, rule.walk, start, end)
    if not rule.rdates and rule.walk is not None:
        return by_rule
    extra = sorted(_instant(wall, rule.zone) for wall in rule.rdates)
    return (instant for instant in merge(by_rule, extra) if start <= instant < end)


def _without_excluded(rule: Recurrence, instants: Iterator[datetime]) -> Iterator[datetime]:
    last = None
    for instant in instants:
        if instant == last:
            continue
        last = instant
        if instant in rule.excluded:
            continue
        if rule.excluded_days and instant.astimezone(rule.zone).date() in rule.excluded_days:
            continue
        if rule.days is not None and not rule.days.allow(instant.astimezone(rule.zone).date()):
            continue
        yield instant


def _by_rule(rule: Recurrence, walk: Walk, start: datetime, end: datetime) -> Iterator[datetime]:
    if rule.rule is not None and rule.rule.until is not None:
        end = min(end, _aware(rule.rule.until, rule.zone) + _TICK)
        if start >= end:
            return
    for instant in _in_order(walk.between(*_walls(rule.zone, start, end)), rule.zone):
        if instant >= end:
            return
        if instant >= start:
            yield instant


def _walls(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Wall-clock bounds, never too narrow, of the instants with start <= instant < end.

    Only where the clocks changed shortly before does the wall clock reach further: after a gap, to times that it left
    out; in a repeated hour, to times whose first coming is already past.
    """
    first, last = _wall(start, zone), _wall(end, zone)
    if _wall(start - _LARGEST_CHANGE, zone) + _LARGEST_CHANGE != first:
        first -= _LARGEST_CHANGE
    if _wall(end - _LARGEST_CHANGE, zone) + _LARGEST_CHANGE != last:
        last += _LARGEST_CHANGE
    return first, last


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    offset = instant.astimezone(zone).utcoffset() or timedelta(0)
    return _EPOCH_WALL + (instant - _EPOCH) + offset


def _in_order(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    """The instants of ascending wall-clock times, ascending: what a gap moved waits for the times it moved past.

    Where the offset is the same a day and more ahead it is not asked for again until then; sums and differences of
    datetimes are several times quicker than `replace` and `astimezone`.
    """
    moved: list[datetime] = []
    steady_until, zero = _EARLIEST.replace(tzinfo=None) - _LARGEST_CHANGE, _EPOCH_WALL
    for wall in walls:
        if wall > steady_until:
            offset = zone.utcoffset(wall) or timedelta(0)
            zero = _EPOCH_WALL + offset
            # Twice as far: what still lies in a gap has the offset of the time before it.
            if zone.utcoffset(wall + 2 * _LARGEST_CHANGE) == offset:
                steady_until = wall + _LARGEST_CHANGE
            elif (zone.utcoffset(wall.replace(fold=1)) or timedelta(0)) > offset:
                # In a gap the offset before the change (fold 0) is the smaller one (PEP 495).
                heappush(moved, _EPOCH + (wall - zero))
                continue
        instant = _EPOCH + (wall - zero)
        while moved and moved[0] <= instant:
            yield heappop(moved)
        yield instant
    while moved:
        yield heappop(moved)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def _aware(moment: datetime, zone: ZoneInfo) -> datetime:
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)


# From text


def _is_date(text: str) -> bool:
    return len(text.strip()) <= _DATE_LENGTH


def _read(text: str, zone: ZoneInfo) -> datetime:
    """The local time in `zone`, naive, exact."""
    try:
        moment = datetime.fromisoformat(text.strip())
        local = moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment
        if not _EARLIEST < local.replace(tzinfo=UTC) < _LATEST:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise InvalidInput(
            N_("“%(text)s” is not a local time. Write it like 2026-11-23T05:00."),
            code="bad_time",
            text=text[:_MAX_TEXT],
        ) from None
    return local


def _local(text: str, zone: ZoneInfo) -> datetime:
    return _read(text, zone).replace(microsecond=0)


def _last_instant(text: str, zone: ZoneInfo) -> datetime:
    local = _read(text, zone)
    return _instant(datetime.combine(local.date(), time.max) if _is_date(text) else local, zone)


def _bounded(dates: Iterable[str]) -> list[str]:
    listed = list(dates)
    if len(listed) > _MAX_DATES:
        raise InvalidInput(N_("More than %(limit)s single dates are listed for one slot."), limit=_MAX_DATES)
    return listed
