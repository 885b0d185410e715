"""Limits of a place held against programmes: one by one, and as the sessions of a day. Pure.

The rules themselves are in `core.allowed`, for the stations go by them too.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from core import allowed
from core.allowed import Allowed, Limit
from core.quiet import first_quiet
from registry.units import Inherited
from scheduler.clashes import Span


def rules(held: Inherited, zone: ZoneInfo) -> Allowed:
    """What holds at a place, in the form that server and station share."""
    limits = held.limits
    return Allowed(
        zone, tuple(held.quiet_hours), tuple(limits.closed_hours), limits.weekdays, limits.session_minutes,
        limits.sessions_a_day,
    )  # fmt: skip


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """The sessions that these spans make, in order: spans less than five minutes apart are one."""
    return (Span(start, end, "") for start, end in allowed.joined((span.start, span.end) for span in spans))


def broken(held: Inherited, zone: ZoneInfo, span: Span) -> Iterator[tuple[Limit, datetime]]:
    """Each limit that one airing breaks by itself, with the instant: weekdays, session_minutes, quiet_hours, hours."""
    if span.start.astimezone(zone).weekday() not in held.limits.weekdays:
        yield "weekdays", span.start
    seconds = (span.end - span.start).total_seconds()
    minutes = held.limits.session_minutes
    if minutes is not None and seconds > minutes * 60:
        yield "session_minutes", span.start
    quiet = first_quiet(span.start, seconds, held.quiet_hours, zone)
    if quiet is not None:
        yield "quiet_hours", quiet
    closed = first_quiet(span.start, seconds, held.limits.closed_hours, zone)
    if closed is not None:
        yield "hours", closed


def crowded(
    held: Inherited, zone: ZoneInfo, mine: Iterable[Span], others: Iterable[Span]
) -> Iterator[tuple[Limit, datetime]]:
    """The limits `mine` break together with `others`: session_minutes, sessions_a_day; each with the first instant."""
    own, rest = ([(span.start, span.end) for span in spans] for spans in (mine, others))
    yield from allowed.crowding(rules(held, zone), own, rest).items()
