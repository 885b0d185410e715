"""The station's own count of sessions: which airings of a day have no room among them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from core.allowed import COUNTED, Limit, Wanted, counted, without_room
from core.wire import StationSettings, Ticket, is_for
from station.due import Key, Progress
from station.hours import allowed

_ANEW = timedelta(hours=6)


def refused(
    settings: StationSettings,
    tickets: Iterable[Ticket],
    names: Collection[str],
    begun: Collection[str],
    withdrawn: Collection[str],
    now: datetime,
) -> Mapping[str, Limit]:
    """By airing, the limit of sessions a day or minutes a session that leaves no room for it.

    `tickets` are those of the days around `now`, also what is over; `begun` names the airings that have sounded. An
    occurrence counts once, as what sounded of it or as its newest airing; what was withdrawn before it began does not.
    Emergencies and tests neither count nor are refused. Pure.
    """
    rules = allowed(settings)
    if not rules.counts_sessions:
        return {}
    mine, wanted = set(names), []
    for ticket in tickets:
        if {"emergency", "test"} & {ticket.kind, ticket.priority} or not is_for(ticket, mine):
            continue
        if ticket.id not in withdrawn or ticket.id in begun:
            wanted.append(_wanted(ticket, begun=ticket.id in begun))
    return without_room(rules, counted(wanted, now))


def _wanted(ticket: Ticket, *, begun: bool) -> Wanted:
    return Wanted(
        ticket.id, ticket.starts_at, ticket.ends_at, ticket.since or ticket.issued_at, ticket.occurrence,
        frozenset(ticket.lifted), begun=begun, issued_at=ticket.issued_at,
    )  # fmt: skip


def needed_since(settings: StationSettings, now: datetime) -> datetime:
    """Since when an airing must have been over to be forgotten: where sessions are counted, those of the day count."""
    return now - COUNTED if allowed(settings).counts_sessions else now


class Room:
    """Remembers what was counted until something changes, for it is asked at every look. Not thread-safe."""

    def __init__(self) -> None:
        self._known: tuple[datetime, Mapping[str, Limit]] | None = None

    def forget(self) -> None:
        """What was counted holds no more: the plan, what was withdrawn, or what has begun has changed."""
        self._known = None

    def refused(
        self, settings: StationSettings, tickets: Mapping[str, Ticket], names: Collection[str],
        progress: Mapping[Key, Progress], begun: Mapping[Key, str], withdrawn: Collection[str], now: datetime,
    ) -> Mapping[str, Limit]:  # fmt: skip
        """As `refused` has it; `begun` names, by occurrence and item, the airing under which it first began."""
        if not allowed(settings).counts_sessions:
            return {}
        if self._known is None or abs(now - self._known[0]) > _ANEW:
            under_way = {key[0] for key, each in progress.items() if each.started_at is not None}
            sounded = under_way.union(begun.values())
            self._known = now, refused(settings, tickets.values(), names, sounded, withdrawn, now)
        return self._known[1]
