"""Who watches the stations of a rehearsal: what sounded where and when, and whether it was allowed to.

The witness knows the true time, the true state of every link, and what the server has withdrawn when. It decides by its
own reckoning, never by asking the code it watches.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from core.clock import format_instant, zone
from core.quiet import first_quiet, is_quiet
from core.wire import Report, Ticket
from loa.rehearsal.agenda import Agenda
from loa.rehearsal.player import Playing
from station.accounting import Stretch
from station.clock import instant_of
from station.due import SKIP_TOLERANCE, Decision, Key, Situation, is_emergency, starts

if TYPE_CHECKING:
    from loa.rehearsal.receiver import Receiver

# A station that has had its server at hand for so long knows what the server knows: up to a minute until it calls
# again after an outage, and what one call takes.
KNOWS_AFTER = 90.0
CLOCK_IS_WRONG = 120.0  # seconds; more than a week without network at 200 ppm
_NEAR = 0.6
_MOST_KEPT = 1_000


@dataclass(frozen=True)
class Violation:
    """Something that must never happen, with all that is needed to see it again."""

    seed: int
    at: datetime
    station: str
    what: str
    planned: str

    def __str__(self) -> str:
        return f"seed {self.seed}, {format_instant(self.at)}, {self.station}: {self.what}; planned: {self.planned}"


@dataclass
class Log:
    """What one station did. Seconds are true ones; `heard` is by occurrence (or airing) and item."""

    silent_since: float = 0.0
    heard: dict[Key, tuple[str, float]] = field(default_factory=dict)  # airing under which, position reached
    seconds: defaultdict[Key, float] = field(default_factory=lambda: defaultdict(float))
    reports: dict[str, Report] = field(default_factory=dict)
    by_item: dict[Key, Report] = field(default_factory=dict)
    connections: list[list[float]] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)
    lost: float = 0.0  # seconds that sounded and that a power cut took from the record
    lost_of: defaultdict[Key, float] = field(default_factory=lambda: defaultdict(float))


class Witness:
    """Keeps the logs and the violations."""

    def __init__(self, agenda: Agenda, seed: int) -> None:
        self.violations: list[Violation] = []
        self.count = 0
        self.logs: dict[str, Log] = {}
        self.withdrawn_at: dict[str, float] = {}
        self.run_out_at: dict[Key, float] = {}
        self._agenda = agenda
        self._seed = seed

    def of(self, receiver: "Receiver") -> "Watch":
        return Watch(self, receiver, self.log_of(receiver.id))

    def log_of(self, station: str) -> Log:
        return self.logs.setdefault(station, Log())

    def accuse(self, station: str, what: str, planned: str) -> None:
        """Note a violation; of very many only the first are kept."""
        self.count += 1
        if len(self.violations) < _MOST_KEPT:
            self.violations.append(Violation(self._seed, self._agenda.now, station, what, planned))

    def connection(self, receiver: "Receiver", *, there: bool) -> None:
        spans = self.log_of(receiver.id).connections
        if there:
            spans.append([self._agenda.seconds, float("inf")])
        elif spans:
            spans[-1][1] = self._agenda.seconds

    def reported(self, receiver: "Receiver", report: Report) -> None:
        """A station has made its report about an item."""
        log = self.log_of(receiver.id)
        log.reports[report.id] = report
        key = (report.airing, report.item)
        if report.outcome == "refused":
            return
        if key in log.by_item:
            self.accuse(receiver.told(), "an item was reported twice", f"{report.airing} item {report.item}")
        log.by_item[key] = report
        if report.outcome != "played" and report.reason is None:
            self.accuse(receiver.told(), "an item was not played, and no reason is given", str(key))

    def hears(self, withdrawn: Iterable[str], run_out: Mapping[Key, float]) -> None:
        """The server has withdrawn these airings, and says so to whoever asks from now on; these bulletins run out."""
        for airing in withdrawn:
            self.withdrawn_at.setdefault(airing, self._agenda.seconds)
        self.run_out_at.update(run_out)


class Watch:
    """The witness at one station."""

    def __init__(self, witness: Witness, receiver: "Receiver", log: Log) -> None:
        self._witness = witness
        self._receiver = receiver
        self._log = log

    def decided(self, situation: Situation, decision: Decision, now: datetime) -> None:
        """An emergency that could sound does."""
        if decision.sound is not None and is_emergency(decision.sound.ticket):
            return
        for ticket in situation.tickets:
            if is_emergency(ticket) and self._could_sound(situation, decision, ticket, now):
                chosen = decision.sound.key if decision.sound else "nothing"
                self._accuse(f"an emergency could sound, but {chosen} does", ticket)

    def _could_sound(self, situation: Situation, decision: Decision, ticket: Ticket, now: datetime) -> bool:
        if ticket.id in situation.withdrawn or situation.revoked or not ticket.starts_at <= now <= ticket.not_after:
            return False
        if situation.trusted_from is not None and now < situation.trusted_from:
            return False
        fates = {fate.key for fate in decision.fates}
        for index, item in enumerate(ticket.items):
            key = (ticket.id, index)
            begun = situation.progress.get(key)
            if key in situation.done or key in fates or (begun is not None and begun.started_at is not None):
                continue
            if situation.on_air is not None and situation.on_air.key == key:
                continue
            if starts(ticket, item) <= now and situation.obstacle_of(item) is None:
                return True
        return False

    def began(self, playing: Playing) -> None:
        sound, ticket = playing.sound, playing.sound.ticket
        at = self._witness._agenda.seconds  # noqa: SLF001 - one thing in two classes
        if at < self._log.silent_since - 1e-3:
            self._accuse("two things at once", ticket)
        if sound.key in self._log.by_item:
            self._accuse("an item sounds that was reported already", ticket)
        name, reached = self._log.heard.get(_same(ticket, sound.key), (ticket.id, 0.0))
        if name != ticket.id:
            self._accuse(f"an occurrence sounds again that was heard under {name}", ticket)
        elif playing.offset < reached - self._log.lost_of[sound.key] - _NEAR:
            self._accuse(f"the same words again: from {playing.offset:.1f} s, heard up to {reached:.1f} s", ticket)
        self._check_time(playing)
        self._check_lateness(playing)

    def _check_time(self, playing: Playing) -> None:
        ticket = playing.sound.ticket
        error = self._receiver.error_seconds()
        true = self._witness._agenda.seconds  # noqa: SLF001
        if true > ticket.not_after.timestamp() + abs(min(error, 0.0)) + _NEAR:
            self._accuse("it sounds after it was to be over for good", ticket)
        run_out = self._witness.run_out_at.get(playing.sound.key)
        if run_out is not None and true > run_out + abs(min(error, 0.0)) + _NEAR:
            self._accuse("a bulletin sounds that has run out", ticket)
        if is_emergency(ticket):
            return
        settings = self._receiver.book.settings
        if abs(error) > CLOCK_IS_WRONG:
            self._accuse(f"it sounds at a wrong hour: the station's clock is off by {error:.0f} s", ticket)
        elif is_quiet(instant_of(true), settings.quiet_hours, zone(settings.zone)) and is_quiet(
            instant_of(true + error), settings.quiet_hours, zone(settings.zone)
        ):
            self._accuse("it sounds in quiet hours", ticket)

    def _check_lateness(self, playing: Playing) -> None:
        """The late policy, by the station's own clock."""
        sound, ticket = playing.sound, playing.sound.ticket
        late = (playing.started - starts(ticket, sound.item)).total_seconds()
        if late < -_NEAR:
            self._accuse(f"it sounds {-late:.1f} s before its instant", ticket)
        if ticket.late == "skip" and not is_emergency(ticket):
            if late > SKIP_TOLERANCE.total_seconds() + _NEAR or playing.offset > 0:
                self._accuse(f"skipped if late, and sounds {late:.1f} s late from {playing.offset:.1f} s", ticket)
        elif ticket.late == "join" and not is_emergency(ticket):
            if abs(playing.offset - max(late, playing.before.position)) > _NEAR:
                self._accuse(f"joined if late, and {late:.1f} s late it begins at {playing.offset:.1f} s", ticket)
        elif abs(playing.offset - playing.before.position) > _NEAR:
            self._accuse(f"played whole if late, and it begins at {playing.offset:.1f} s", ticket)

    def ended(self, playing: Playing, stretch: Stretch) -> None:
        ticket, key = playing.sound.ticket, playing.sound.key
        agenda = self._witness._agenda  # noqa: SLF001
        began, self._log.silent_since = agenda.seconds - stretch.out, agenda.seconds
        self._log.heard[_same(ticket, key)] = (ticket.id, stretch.position)
        self._log.seconds[key] += stretch.out
        withdrawn = self._witness.withdrawn_at.get(ticket.id)
        if withdrawn is not None and self._knew(withdrawn, agenda.seconds - _NEAR):
            self._accuse(f"it sounds though it was withdrawn {agenda.seconds - withdrawn:.0f} s before its end", ticket)
        if agenda.seconds > self._log.stopped.get(ticket.id, agenda.seconds) + _NEAR:
            self._accuse("it sounds though somebody had stopped it", ticket)
        settings = self._receiver.book.settings
        error = abs(self._receiver.error_seconds()) + _NEAR
        if not is_emergency(ticket) and stretch.out > 2 * error:
            inner = first_quiet(
                instant_of(began + error), stretch.out - 2 * error, settings.quiet_hours, zone(settings.zone)
            )
            if inner is not None:
                self._accuse(f"it goes on into quiet hours, {format_instant(inner)}", ticket)

    def loses(self, seconds: float) -> None:
        """A power cut took the record of so many seconds that sounded."""
        self._log.lost += seconds
        if seconds:
            last = next(reversed(self._log.seconds))
            self._log.lost_of[last] += seconds

    def stops(self, airing: str) -> None:
        self._log.stopped.setdefault(airing, self._witness._agenda.seconds)  # noqa: SLF001

    def _knew(self, since: float, now: float) -> bool:
        """Whether the station had its server at hand for long enough between two instants to know."""
        return any(min(end, now) - max(begin, since) > KNOWS_AFTER for begin, end in self._log.connections)

    def _accuse(self, what: str, ticket: Ticket) -> None:
        self._witness.accuse(self._receiver.told(), what, described(ticket))


def described(ticket: Ticket) -> str:
    """A ticket in a line."""
    items = ", ".join(f"{item.at:g}+{item.seconds:g} s" for item in ticket.items)
    return f"{ticket.id} {ticket.priority} late={ticket.late} {format_instant(ticket.starts_at)} [{items}]"


def _same(ticket: Ticket, key: Key) -> Key:
    """What may be heard once only: the occurrence's item, under whatever airing."""
    return (ticket.occurrence or ticket.id, key[1])
