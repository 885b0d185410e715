"""What should sound at an instant: the station's decision, pure.

The order of things:

1. Of an item that is withdrawn, out of its time, or superseded, say what becomes of it (an outcome, exactly once).
2. Of the rest, those whose instant has come are candidates, unless something holds them back (clock, a limit of the
   unit, no audio, a refused token); what holds them is noted, for it is the reason if they never sound.
3. The highest candidate sounds: emergency over somebody who speaks live over priority over ordinary; of two emergencies
   the graver one, of equally grave ones, and of two who speak, the one issued later; of equals the one that the commune
   put first, then the one that is playing, then the one that was to start first. In a pause of at most `SILENT_PAUSE`
   between two items of an emergency nothing that it
   goes before begins.

Late policies, per item: `join` enters where it would be by now; `play` plays it whole, or resumes it where it was
cut, while now <= not_after, the items behind it moving as far as they must; `skip` begins at its instant
(or `SKIP_TOLERANCE` after it) or not at all. An emergency that has not begun starts at its first word whatever its
policy says, for nobody can understand its second half alone; of repeats of one recording that were missed, only the
last is made up for, and where a ticket counts its rounds, nothing of a former one begins once a later one has. What
only leads in to what was begun already is given up.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.allowed import Allowed, Limit
from core.ordering import Pairs, chosen
from core.standing import SILENT_PAUSE, gravity, is_started_here
from core.wire import Item, Outcome, Reason, StationSettings, Ticket, is_for
from station.hours import allowed, silent_at

Key = tuple[str, int]
Obstacle = Reason | Limit
Rank = tuple[int, int, float]
SKIP_TOLERANCE = timedelta(seconds=2)
WHOLE_SECONDS = 0.5
NEVER = datetime.max.replace(tzinfo=UTC)
_RANKS = {"emergency": 0, "priority": 2, "ordinary": 3}
_LIVE_RANK = 1
_DAYS = 7
# What keeps an airing from sounding whenever it comes; hours and the rest may let it sound a little later.
_REFUSING = frozenset({"weekdays", "session_minutes", "sessions_a_day"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an open item has come. `position` (s) is where it would resume, `sounded` (s) what was heard of it."""

    started_at: datetime | None = None
    position: float = 0.0
    sounded: float = 0.0
    obstacle: Obstacle | None = None
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
    began; `obstacle_of` tells why an item's audio can't be played, or None if it lies here. `trusted_from` is the
    plan's issue time, before which the clock can't be right (`NEVER`: no time of this clock can be trusted);
    `right_since` is when the clock became right, if it was not from the start. `revoked` means that the server refuses
    the token; `waiting` is the item that was handed to the output for an instant very near, hence kept as begun.
    `refused` are the airings that a limit of sessions leaves no room for (`station.sessions`).
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
    right_since: datetime | None = None
    revoked: bool = False
    on_air: OnAir | None = None
    waiting: Key | None = None
    refused: Mapping[str, Limit] = field(default_factory=dict)


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
    reason: Obstacle | None
    same_as: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    sound: Sound | None
    fates: tuple[Fate, ...]
    obstacles: Mapping[Key, Obstacle]
    next_start: datetime | None


def is_emergency(ticket: Ticket) -> bool:
    return "emergency" in {ticket.kind, ticket.priority}


def starts(ticket: Ticket, item: Item) -> datetime:
    return ticket.starts_at + timedelta(seconds=item.at)


def ends(ticket: Ticket, item: Item) -> datetime:
    return ticket.starts_at + timedelta(seconds=item.at + item.seconds)


def is_whole(sounded: float, wanted: float) -> bool:
    """Whether an item of `wanted` seconds counts as played when `sounded` seconds of it were heard.

    `WHOLE_SECONDS` may be missing, but never more than half of it.
    """
    return sounded >= wanted - min(WHOLE_SECONDS, wanted / 2)


def is_over(ticket: Ticket, done: Collection[Key]) -> bool:
    return all((ticket.id, index) in done for index in range(len(ticket.items)))


def due(situation: Situation, now: datetime) -> Decision:
    """Decide for the instant `now`. Reads no clock, changes nothing: the same question has the same answer.

    The item on air gets no fate here: whoever plays it stops it first, and tells how far it came.
    """
    rules = allowed(situation.settings)
    silent = silent_at(rules, now)
    newest = _newest_of_each_occurrence(situation.tickets)
    fates: list[Fate] = []
    obstacles: dict[Key, Obstacle] = {}
    candidates: list[tuple[tuple[object, ...], Sound]] = []
    next_start: datetime | None = None
    pause: Rank | None = None
    for ticket, index, item in _open_items(situation):
        key = (ticket.id, index)
        playing = situation.on_air is not None and situation.on_air.key == key
        if playing and situation.on_air is not None and now >= situation.on_air.until:
            continue
        sound = _sound(situation, ticket, index)
        if not playing:
            if _is_under_way_elsewhere(situation, ticket, index):
                continue
            fate = None if key == situation.waiting else _fate(situation, rules, newest, ticket, index, now)
            if fate:
                fates.append(fate)
                continue
            earliest = sound.begins_at if sound.catch_up else starts(ticket, item)
            if earliest > now:
                next_start = earliest if next_start is None else min(next_start, earliest)
                if _is_pausing(ticket, index, now) and not _held_back(situation, ticket, now, playing=False):
                    pause = min(pause, _rank(ticket)) if pause else _rank(ticket)
                continue
        held = (
            _held_back(situation, ticket, now, playing=playing)
            or _limited(situation, rules, silent, ticket, now, playing=playing)
            or (None if playing else situation.obstacle_of(item))
        )
        if held:
            obstacles[key] = held
            continue
        candidates.append((_order(ticket, index, playing=playing), sound))
    candidates.sort(key=lambda candidate: candidate[0])
    ranked = [sound for _, sound in candidates if pause is None or _rank(sound.ticket) <= pause]
    first = _first(ranked, frozenset(situation.settings.order))
    obstacles.update((other.key, "preempted") for _, other in candidates if first is None or other.key != first.key)
    return Decision(first, tuple(fates), obstacles, next_start)


def default_reason(situation: Situation, ticket: Ticket, item: Item) -> Reason:
    """Why an item began late, or never, when nothing was seen to hold it back."""
    received = situation.received.get(ticket.id)
    if received is not None and received >= starts(ticket, item):
        return "offline"
    if situation.awake_since > starts(ticket, item):
        return "power"
    if situation.right_since is not None and situation.right_since > starts(ticket, item):
        return "clock"
    return "late"


def _open_items(situation: Situation) -> Iterator[tuple[Ticket, int, Item]]:
    for ticket in situation.tickets:
        if not is_for(ticket, situation.names):
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


def _fate(
    situation: Situation, rules: Allowed, newest: Mapping[str, Ticket], ticket: Ticket, index: int, now: datetime
) -> Fate | None:
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
    if situation.trusted_from != NEVER and _is_out_of_time(situation, ticket, index, progress, now):
        heard = progress.obstacle is None and outcome == "partial"
        if heard and is_whole(progress.sounded, ticket.items[index].seconds):
            return Fate(key, "played", None)  # the process was ended between its last sample and its report
        broken = None if is_emergency(ticket) else _limit(situation, rules, ticket, ticket.starts_at, playing=False)
        reason = broken or progress.obstacle or default_reason(situation, ticket, ticket.items[index])
        return Fate(key, "refused" if outcome == "missed" and reason in _REFUSING else outcome, reason)
    return None


def _is_out_of_time(situation: Situation, ticket: Ticket, index: int, progress: Progress, now: datetime) -> bool:
    item = ticket.items[index]
    if item.leads and _is_led_in(situation, ticket, index):
        return True
    if now > ticket.not_after or (item.not_after is not None and now >= item.not_after):
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


def _is_led_in(situation: Situation, ticket: Ticket, index: int) -> bool:
    """Whether something behind an item in its round was begun already."""
    return any(
        (ticket.id, later) in situation.done
        or situation.progress.get((ticket.id, later), Progress()).started_at is not None
        for later in range(index + 1, len(ticket.items))
        if ticket.items[later].round == ticket.items[index].round
    )


def _is_pausing(ticket: Ticket, index: int, now: datetime) -> bool:
    """Whether now is the short pause before this item of an emergency."""
    if index == 0 or not is_emergency(ticket):
        return False
    begins, before = starts(ticket, ticket.items[index]), ends(ticket, ticket.items[index - 1])
    return before <= now < begins and begins - before <= SILENT_PAUSE


def _is_repeated_by_now(ticket: Ticket, index: int, now: datetime) -> bool:
    item = ticket.items[index]
    if item.round is not None:
        behind = ticket.items[index + 1 :]
        return any((later.round or 0) > item.round and starts(ticket, later) <= now for later in behind)
    return any(later.clip == item.clip and starts(ticket, later) <= now for later in ticket.items[index + 1 :])


def _held_back(situation: Situation, ticket: Ticket, now: datetime, *, playing: bool) -> Reason | None:
    if situation.revoked or ticket.id in situation.withdrawn:
        return "withdrawn"
    here = is_started_here(ticket.id)  # by somebody who stands there: no clock is needed for that
    if not playing and not here and situation.trusted_from is not None and now < situation.trusted_from:
        return "clock"  # whether it is quiet now can't be said either
    return None


def _limited(
    situation: Situation, rules: Allowed, silent: Sequence[Limit], ticket: Ticket, now: datetime, *, playing: bool
) -> Limit | None:
    """Which limit of the unit keeps a programme silent now; an emergency passes them all."""
    if is_emergency(ticket):
        return None
    return rules.kept_from(silent, ticket.lifted) or _limit(situation, rules, ticket, now, playing=playing)


def _limit(situation: Situation, rules: Allowed, ticket: Ticket, now: datetime, *, playing: bool) -> Limit | None:
    """The limit of days or sessions that the airing breaks at this station, and was not let break.

    Its day is the one it was planned for; what begins after its planned end must have this day, too.
    """
    if "weekdays" not in ticket.lifted and len(rules.weekdays) < _DAYS:
        moved = not playing and now >= ticket.ends_at
        if not rules.has_day(ticket.starts_at) or (moved and not rules.has_day(now)):
            return "weekdays"
    return situation.refused.get(ticket.id)


def _first(ranked: Sequence[Sound], order: Pairs) -> Sound | None:
    """Of what could sound, in the sequence of the rule, what does: of equals the one that the commune put first."""
    if not ranked:
        return None
    top = ranked[0].ticket
    if is_emergency(top) or top.kind == "live":
        return ranked[0]
    equal = [each for each in ranked if not is_emergency(each.ticket) and each.ticket.priority == top.priority]
    return chosen(equal, lambda each: each.ticket.occurrence, order)


def _rank(ticket: Ticket) -> Rank:
    """What goes before what: by kind and priority, of emergencies the graver, then the later one."""
    if is_emergency(ticket):
        return (0, gravity(ticket.severity), -ticket.issued_at.timestamp())
    if ticket.kind == "live":
        return (_LIVE_RANK, 0, -ticket.issued_at.timestamp())
    return (_RANKS[ticket.priority], 0, 0.0)


def _order(ticket: Ticket, index: int, *, playing: bool) -> tuple[object, ...]:
    return (*_rank(ticket), not playing, ticket.starts_at, ticket.id, index)


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
