"""What should sound at an instant: the station's decision, pure.

The order of things:

1. Of an item that is withdrawn, out of its time, or superseded, say what becomes of it (an outcome, exactly once).
2. Of the rest, those whose instant has come are candidates, unless something holds them back (clock, quiet
   hours, no audio, a refused token); what holds them is noted, for it is the reason if they never sound.
3. The highest candidate sounds: emergency over priority over ordinary; of two emergencies the one issued later;
   of equals the one that is playing, then the one that was to start first.

Late policies, per item: `join` enters where it would be by now; `play` plays it whole, or resumes it where it was
cut, while now <= not_after, the items behind it moving as far as they must; `skip` begins at its instant
(or `SKIP_TOLERANCE` after it) or not at all. An emergency that has not begun starts at its first word whatever its
policy says, for nobody can understand its second half alone; of repeats of one recording that were missed, only the
last is made up for.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.wire import Item, Outcome, Reason, StationSettings, Ticket, is_for
from station.hours import is_quiet

Key = tuple[str, int]
SKIP_TOLERANCE = timedelta(seconds=2)
_RANKS = {"emergency": 0, "priority": 1, "ordinary": 2}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an open item has come. `position` (s) is where it would resume, `sounded` (s) what was heard of it."""

    started_at: datetime | None = None
    position: float = 0.0
    sounded: float = 0.0
    obstacle: Reason | None = None
    peak_db: float | None = None


@dataclass(frozen=True, slots=True)
class OnAir:
    """The item that sounds now, and the instant at which it runs out by itself."""

    key: Key
    until: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision depends on, besides the instant.

    `done` holds items already reported; `begun_by` names, for an occurrence's item, the airing under which it first
    began; `obstacle_of` tells why an item's audio can't be played, or None if it lies here; `trusted_from` is the
    plan's issue time, before which the clock can't be right; `revoked` means that the server refuses the token;
    `waiting` is the item that was handed to the output for an instant very near, hence kept as begun.
    """

    tickets: tuple[Ticket, ...]
    settings: StationSettings
    names: frozenset[str]
    obstacle_of: Callable[[Item], Reason | None]
    awake_since: datetime
    withdrawn: Collection[str] = frozenset()
    done: Collection[Key] = frozenset()
    progress: Mapping[Key, Progress] = field(default_factory=dict)
    begun_by: Mapping[tuple[str, int], str] = field(default_factory=dict)
    received: Mapping[str, datetime] = field(default_factory=dict)
    trusted_from: datetime | None = None
    revoked: bool = False
    on_air: OnAir | None = None
    waiting: Key | None = None


@dataclass(frozen=True, slots=True)
class Sound:
    """`key` should sound, its second `offset` at `begins_at`; if that has passed, `catch_up` enters later in it."""

    key: Key
    ticket: Ticket
    item: Item
    begins_at: datetime
    offset: float
    catch_up: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an item that will not sound (again); heard under another airing, that is `same_as`."""

    key: Key
    outcome: Outcome
    reason: Reason | None
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    sound: Sound | None
    fates: tuple[Fate, ...]
    obstacles: Mapping[Key, Reason]
    next_start: datetime | None


def is_emergency(ticket: Ticket) -> bool:
    return "emergency" in {ticket.kind, ticket.priority}


def starts(ticket: Ticket, item: Item) -> datetime:
    return ticket.starts_at + timedelta(seconds=item.at)


def ends(ticket: Ticket, item: Item) -> datetime:
    return ticket.starts_at + timedelta(seconds=item.at + item.seconds)


def is_over(ticket: Ticket, done: Collection[Key]) -> bool:
    return all((ticket.id, index) in done for index in range(len(ticket.items)))


def due(situation: Situation, now: datetime) -> Decision:
    """Decide for the instant `now`. Reads no clock, changes nothing: the same question has the same answer.

    The item on air gets no fate here: whoever plays it stops it first, and tells how far it came.
    """
    quiet = is_quiet(situation.settings, now)
    newest = _newest_of_each_occurrence(situation.tickets)
    fates: list[Fate] = []
    obstacles: dict[Key, Reason] = {}
    candidates: list[tuple[tuple[object, ...], Sound]] = []
    next_start: datetime | None = None
    for ticket, index, item in _open_items(situation):
        key = (ticket.id, index)
        playing = situation.on_air is not None and situation.on_air.key == key
        if playing and situation.on_air is not None and now >= situation.on_air.until:
            continue
        sound = _sound(situation, ticket, index)
        if not playing:
            if _is_under_way_elsewhere(situation, ticket, index):
                continue
            fate = None if key == situation.waiting else _fate(situation, newest, ticket, index, now)
            if fate:
                fates.append(fate)
                continue
            earliest = sound.begins_at if sound.catch_up else starts(ticket, item)
            if earliest > now:
                next_start = earliest if next_start is None else min(next_start, earliest)
                continue
        held = _held_back(situation, ticket, item, now, quiet=quiet, playing=playing)
        if held:
            obstacles[key] = held
            continue
        candidates.append((_order(ticket, index, playing=playing), sound))
    candidates.sort(key=lambda candidate: candidate[0])
    for _, other in candidates[1:]:
        obstacles[other.key] = "preempted"
    return Decision(candidates[0][1] if candidates else None, tuple(fates), obstacles, next_start)


def default_reason(situation: Situation, ticket: Ticket, item: Item) -> Reason:
    """Why an item began late, or never, when nothing was seen to hold it back."""
    received = situation.received.get(ticket.id)
    if received is not None and received >= starts(ticket, item):
        return "offline"
    if situation.awake_since > starts(ticket, item):
        return "power"
    return "late"


def _open_items(situation: Situation) -> Iterator[tuple[Ticket, int, Item]]:
    for ticket in situation.tickets:
        if not is_for(ticket, set(situation.names)):
            continue
        for index, item in enumerate(ticket.items):
            if (ticket.id, index) not in situation.done:
                yield ticket, index, item


def _newest_of_each_occurrence(tickets: tuple[Ticket, ...]) -> dict[str, Ticket]:
    newest: dict[str, Ticket] = {}
    for ticket in tickets:
        if ticket.occurrence is not None:
            other = newest.get(ticket.occurrence)
            if other is None or (other.issued_at, other.id) < (ticket.issued_at, ticket.id):
                newest[ticket.occurrence] = ticket
    return newest


def _begun_elsewhere(situation: Situation, ticket: Ticket, index: int) -> str | None:
    if ticket.occurrence is None:
        return None
    airing = situation.begun_by.get((ticket.occurrence, index))
    return airing if airing != ticket.id else None


def _is_under_way_elsewhere(situation: Situation, ticket: Ticket, index: int) -> bool:
    airing = _begun_elsewhere(situation, ticket, index)
    if airing is None or (airing, index) in situation.done or airing in situation.withdrawn:
        return False
    return any(other.id == airing for other in situation.tickets)


def _fate(situation: Situation, newest: Mapping[str, Ticket], ticket: Ticket, index: int, now: datetime) -> Fate | None:
    key = (ticket.id, index)
    progress = situation.progress.get(key, Progress())
    outcome: Outcome = "partial" if progress.sounded > 0 else "missed"
    if ticket.id in situation.withdrawn:
        return Fate(key, outcome, "withdrawn")
    elsewhere = _begun_elsewhere(situation, ticket, index)
    if elsewhere is not None:
        return Fate(key, "played", None, same_as=elsewhere)
    superseded = ticket.occurrence is not None and newest[ticket.occurrence].id != ticket.id
    if superseded and progress.started_at is None:
        return Fate(key, "missed", "withdrawn")
    if _is_out_of_time(ticket, index, progress, now):
        reason = progress.obstacle or default_reason(situation, ticket, ticket.items[index])
        return Fate(key, outcome, reason)
    return None


def _is_out_of_time(ticket: Ticket, index: int, progress: Progress, now: datetime) -> bool:
    item = ticket.items[index]
    if now > ticket.not_after:
        return True
    if is_emergency(ticket):
        if _is_repeated_by_now(ticket, index, now):
            return True
        if progress.started_at is None:
            return False
    if ticket.late == "join":
        return now >= ends(ticket, item)
    if ticket.late == "skip":
        return progress.started_at is not None or now > starts(ticket, item) + SKIP_TOLERANCE
    return progress.position >= item.seconds


def _is_repeated_by_now(ticket: Ticket, index: int, now: datetime) -> bool:
    item = ticket.items[index]
    return any(later.clip == item.clip and starts(ticket, later) <= now for later in ticket.items[index + 1 :])


def _held_back(
    situation: Situation, ticket: Ticket, item: Item, now: datetime, *, quiet: bool, playing: bool
) -> Reason | None:
    if situation.revoked or ticket.id in situation.withdrawn:
        return "withdrawn"
    if quiet and not is_emergency(ticket):
        return "quiet_hours"
    if playing:
        return None
    if situation.trusted_from is not None and now < situation.trusted_from:
        return "clock"
    return situation.obstacle_of(item)


def _order(ticket: Ticket, index: int, *, playing: bool) -> tuple[object, ...]:
    emergency = is_emergency(ticket)
    rank = 0 if emergency else _RANKS[ticket.priority]
    newest_first = -ticket.issued_at.timestamp() if emergency else 0.0
    return (rank, newest_first, not playing, ticket.starts_at, ticket.id, index)


def _sound(situation: Situation, ticket: Ticket, index: int) -> Sound:
    item = ticket.items[index]
    progress = situation.progress.get((ticket.id, index), Progress())
    begins = starts(ticket, item)
    begun = progress.started_at is not None
    if ticket.late == "join" and (begun or not is_emergency(ticket)):
        # Not before the place where it was cut, lest a clock that was set back say the same words again.
        begins += timedelta(seconds=progress.position)
        return Sound((ticket.id, index), ticket, item, begins, progress.position, catch_up=True)
    offset = progress.position if begun else 0.0
    return Sound((ticket.id, index), ticket, item, begins, offset, catch_up=False)
