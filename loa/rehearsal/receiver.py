"""One station of a rehearsal: the real book, decision, clock, orders and reports; power, network and disk are made up.

What its threads would do on their beats happens when there is something to do.
"""

import math
from collections import Counter
from typing import TYPE_CHECKING

from core.clock import format_instant
from core.signing import Verifier
from core.wire import MAX_REPORTS_A_CALL, Accepted, AudioFile, Codec, Report, ReportBatch
from loa.rehearsal.memory import Cupboard, Disk, Memory
from loa.rehearsal.misfortune import Lot, share_outside
from loa.rehearsal.player import VirtualPlayer
from loa.rehearsal.post import Answer, Call
from loa.rehearsal.wishes import START
from station.book import Book
from station.clock import Anchor, StationClock, seconds_of
from station.discipline import four_stamp
from station.fetching import missing
from station.identity import Identity
from station.link import Link
from station.planning import correct
from station.reporting import HEARTBEAT_SECONDS, Reporter
from station.shelf import name_of
from station.waiting import Orders, same_etag

if TYPE_CHECKING:
    from loa.rehearsal.office import Office
    from loa.rehearsal.witness import Witness

_MEASURED_EVERY = 600.0
_HOUR = 3_600.0
_BEAT_BYTES = 330  # of a heartbeat: JSON as `station.reporting.Heart` writes it
_TIME_BYTES = 5 * 80  # of one comparison of clocks: five answers
_NOT_MODIFIED_BYTES = 2
_MOST_PAUSE = 60.0
_ASKED_ANEW_AFTER = 600.0
_LOOK_BEFORE = 300.0  # a start: as often as that at least, the real station has measured
_WAKES_UP_IN = {"none": 0.0, "dead": 946_684_800.0}  # 1970; a battery that ran down: 2000


class Receiver:
    """A station with its lot. `connected` says whether it has power, a network, and a server at the other end."""

    def __init__(
        self, number: int, identity: Identity, lot: Lot, office: "Office", verifier: Verifier,
        witness: "Witness",
    ) -> None:  # fmt: skip
        self.id = identity.station
        self.lot = lot
        self.traffic: Counter[str] = Counter()
        self.connected = False
        self.has_power = False
        self._number = number
        self._identity = identity
        self._office = office
        self._agenda = office.agenda
        self._verifier = verifier
        self._witness = witness
        self._chance = office.wishes.chance("receiver", number)
        self._damage = office.wishes.often("files")
        self._wall_saved: float | None = None
        self.store = Memory(lambda report: witness.reported(self, report))
        self.disk = Disk()
        self._has_network = True
        self._boots = 0
        self._connection = 0
        self._connected_at = 0.0
        self._wake_at = math.inf
        self._link = Link("http://localhost")  # never used: the reporter wants one
        self._fetching: tuple[AudioFile, Codec, bool, float] | None = None
        self._wanted: list[tuple[AudioFile, Codec, bool]] = []
        self._wanted_at = -math.inf
        self._fetch_number = 0
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._calling: tuple[list[Report], tuple[str, ...]] | None = None

    # -- power -------------------------------------------------------------------------------------

    def switch_on(self) -> None:
        """Boot: nothing in memory, a wall clock as good as its battery, the book as it lies on the disk."""
        self.has_power = True
        self._boots += 1
        booted = self._agenda.seconds
        wall = self._wall_at_boot(booted)
        steps = 1.0 + self.lot.drift

        def monotonic() -> float:
            return (self._agenda.seconds - booted) * steps

        kept = self.store.fact("clock")
        self.clock = StationClock(
            monotonic=monotonic, wall=lambda: wall + monotonic(), boot_clock=monotonic, boot=f"boot {self._boots}",
            battery=self.lot.battery in {"good", "dead"}, anchor=Anchor.model_validate_json(kept) if kept else None,
        )  # fmt: skip
        self._booted, self._steps = booted, steps
        self._measured_at = -math.inf
        self.book = Book(self.store, self._identity, self.clock.now(), self._verifier)
        self.shelf = Cupboard(self.disk)
        self._wall_at_start = wall
        self.player = VirtualPlayer(self.book, self.shelf, self.clock, self._witness.of(self), self._relayed)
        self.reporter = Reporter(self.store, self._link)
        self.orders = Orders(
            self.book, self.store, sync=self._measure, stop=self._stop, restart=self._restart, test_tone=lambda _: None
        )
        self._wake_at = math.inf
        self._failures, self._not_before = {}, {}
        self._wanted_at = -math.inf
        self.wake()
        self.connection_changes()

    def _relayed(self, seconds: float) -> float:
        """Of which share of the `seconds` before now a relay could be heard: broadcaster and network were there."""
        now = self._agenda.seconds - seconds_of(START)
        return share_outside((*self._office.broadcaster_away, *self.lot.offline), now - seconds, now)

    def power_fails(self) -> None:
        self._witness.of(self).loses(self.player.power_fails())
        self.has_power = False
        self._wall_saved = math.floor((self._wall_at_start + self.clock.monotonic()) / _HOUR) * _HOUR
        self._wake_at = math.inf
        if self._chance.random() < self._damage and self.disk.files:
            self.disk.rotten.add(self._chance.choice(sorted(self.disk.files)))
        self.connection_changes()

    def _wall_at_boot(self, booted: float) -> float:
        """Seconds since 1970 that the host's clock shows when the power comes back."""
        if self.lot.battery in _WAKES_UP_IN:
            return _WAKES_UP_IN[self.lot.battery]
        if self.lot.battery == "saved" and self._wall_saved is not None:
            return self._wall_saved
        return booted + self.lot.hours_off * _HOUR

    # -- network -----------------------------------------------------------------------------------

    def network(self, *, there: bool) -> None:
        self._has_network = there
        self.connection_changes()

    def connection_changes(self) -> None:
        """Power, network or server came or went."""
        there = self.has_power and self._has_network and self._office.web_is_up
        if there == self.connected:
            return
        self.connected = there
        self._connection += 1
        if there:
            self._connected_at = self._agenda.seconds
            self._agenda.after(self._chance.uniform(0.5, _MOST_PAUSE), self._reach_out, self._connection)
        else:
            self._pause_download()
            self._count_beats()
        self._witness.connection(self, there=there)

    def _count_beats(self) -> None:
        seconds = self._agenda.seconds - self._connected_at
        self.traffic["heartbeats"] += int(seconds / HEARTBEAT_SECONDS) * _BEAT_BYTES
        self.traffic["time"] += int(seconds / _MEASURED_EVERY) * _TIME_BYTES

    def _reach_out(self, connection: int) -> None:
        """The first calls after the connection came back; some have waited up to a minute."""
        if connection != self._connection:
            return
        self._measure()
        self._fetch_plan()
        self._ask_now()
        self._fetch_next()
        if self.store.outbox_size() or self.store.acknowledgements(1):
            self._office.expect(self)
        self.wake()

    def expect_news(self) -> None:
        """The held-open `/now` answers: within a second or two it is here."""
        self._agenda.after(self._chance.uniform(0.05, 1.5), self._hear_news, self._connection)

    def _hear_news(self, connection: int) -> None:
        if connection != self._connection:
            return
        self._ask_now()
        if not same_etag(self._office.plan_tag(self.id), self.book.plan_etag):
            self._fetch_plan()
        self._fetch_next()
        self.wake()

    def _measure(self) -> None:
        """Compare clocks: the way there and back is not equally long, which is the error that stays."""
        if not self.connected:
            return
        true = self._agenda.seconds
        there, back = self._chance.uniform(0.005, 0.05), self._chance.uniform(0.005, 0.05)
        here = self.clock.monotonic()
        measured = four_stamp(here - there - back, true - back, true - back, here)
        correct(self.clock, measured, self.book, self.store)
        self._measured_at = true

    def _fetch_plan(self) -> None:
        if same_etag(self._office.plan_tag(self.id), self.book.plan_etag):
            self.traffic["plans"] += _NOT_MODIFIED_BYTES
        else:
            tag, plan, size = self._office.plan(self.id)
            self.traffic["plans"] += size
            self.book.take_plan(plan, tag, self.clock.now())
        self.book.tidy(self.clock.now())

    def _ask_now(self) -> None:
        document, size = self._office.now_document(self.id)
        self.traffic["now"] += size
        self.book.set_revoked(revoked=False)
        news = self.book.take_now(document, self.clock.now())
        for command in document.commands:
            news |= self.orders.obey(command, self.clock.now())
        if news:
            self._office.expect(self)

    def _stop(self, airing: str | None) -> None:
        playing = self.player.playing()
        target = airing or (playing[0] if playing else None)
        if target:
            self._witness.of(self).stops(target)
            self.book.withdraw(target, self.clock.now())

    def _restart(self) -> None:
        self._agenda.after(3.0, self._begin_again)

    def _begin_again(self) -> None:
        if self.has_power:
            self.power_fails()
            self.switch_on()

    # -- audio -------------------------------------------------------------------------------------

    def _fetch_next(self, *, anew: bool = True) -> None:
        """Begin the next download, if one is due: emergencies first, one at a time, each where it broke off.

        `anew` asks what is missing; else it is what was missing when that was asked last, less what has come since.
        """
        if not self.connected:
            return
        if anew or self._agenda.seconds - self._wanted_at > _ASKED_ANEW_AFTER:
            self._wanted_at = self._agenda.seconds
            urgent, others = missing(self.book, self.shelf, self.clock.now(), self._failures)
            self._wanted = [(*each, True) for each in urgent] + [(*each, False) for each in others]
        if self._fetching is not None:
            if self._fetching[2] or not any(is_urgent for _, _, is_urgent in self._wanted):
                return
            self._pause_download()
        later = math.inf
        for file, codec, is_urgent in self._wanted:
            name = name_of(file, codec)
            if self.shelf.has(file, codec):
                continue
            if self._not_before.get(name, 0.0) > self._agenda.seconds:
                later = min(later, self._not_before[name])
                continue
            have = self.disk.parts.get(name, 0)
            self._fetching = (file, codec, is_urgent, self._agenda.seconds)
            self._fetch_number += 1
            seconds = self._chance.uniform(0.05, 0.5) + (file.bytes - have) / self.lot.bytes_a_second
            self._agenda.after(seconds, self._arrives, self._fetch_number)
            return
        if later < math.inf:
            self._agenda.at(later, self._fetch_next)

    def _pause_download(self) -> None:
        """What came so far stays in the part file."""
        if self._fetching is None:
            return
        file, codec, _, since = self._fetching
        self._fetching = None
        self._fetch_number += 1
        name = name_of(file, codec)
        have = self.disk.parts.get(name, 0)
        came = min(file.bytes - have, int((self._agenda.seconds - since) * self.lot.bytes_a_second))
        self.disk.parts[name] = have + came
        self.traffic["audio"] += came

    def _arrives(self, number: int) -> None:
        if number != self._fetch_number or self._fetching is None:
            return
        file, codec, _, _ = self._fetching
        self._fetching = None
        name = name_of(file, codec)
        self.traffic["audio"] += file.bytes - self.disk.parts.get(name, 0)
        whole = self.shelf.arrived(file, codec, whole=self._chance.random() >= self._damage)
        if whole:
            self._failures.pop(name, None)
        else:
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            self._not_before[name] = self._agenda.seconds + min(_MOST_PAUSE, 0.5 * 2.0 ** (failures - 1))
        self._fetch_next(anew=not whole)
        self.wake()

    # -- playing and telling -----------------------------------------------------------------------

    def wake(self) -> None:
        """Look at once."""
        self._wake(self._agenda.seconds)

    def _wake(self, seconds: float) -> None:
        if seconds < self._wake_at:
            self._wake_at = seconds
            self._agenda.at(seconds, self._look, seconds)

    def _look(self, seconds: float) -> None:
        if seconds != self._wake_at or not self.has_power:
            return
        self._wake_at = math.inf
        # A clock that does not drift is as right as at its last measurement.
        since = self._agenda.seconds - self._measured_at
        if self.lot.drift and self.connected and _MEASURED_EVERY - _LOOK_BEFORE < since < math.inf:
            self._measure()
        again = self.player.look()
        if again < math.inf:
            at = max(self._booted + again / self._steps, self._agenda.seconds)
            early = self.lot.drift and self.connected and at - self._agenda.seconds > _MEASURED_EVERY
            self._wake(at - _LOOK_BEFORE if early else at)
        if self.connected and self.store.outbox_size():
            self._office.expect(self)

    def call(self) -> Call | None:
        """What it calls in now, if it can and has something to say; one call at a time."""
        if not self.connected or self._calling is not None:
            return None
        batch = self.store.waiting(MAX_REPORTS_A_CALL)
        acknowledged = tuple(self.store.acknowledgements(MAX_REPORTS_A_CALL))
        if not batch and not acknowledged:
            return None
        self._calling = batch, acknowledged
        body = ReportBatch.model_construct(reports=batch).model_dump_json() if batch else ""
        self.traffic["reports"] += len(body)
        return Call(self.id, body, acknowledged)

    def hear_answer(self, answer: Answer) -> bool:
        """The server's answer to the last call; False if it was lost, or nobody had taken the call."""
        batch, acknowledged = self._calling or ([], ())
        self._calling = None
        came = self.connected and answer.body is not None and self._chance.random() >= self.lot.lossy
        if came and answer.body is not None:
            self.store.acknowledged(acknowledged)
            if batch:
                self.reporter.take_answer(batch, Accepted.model_validate_json(answer.body))
        if self.store.outbox_size() or self.store.acknowledgements(1):
            self._office.expect(self)
        return came

    def error_seconds(self) -> float:
        """How far its clock is ahead of the true time."""
        return seconds_of(self.clock.now()) - self._agenda.seconds

    def ends(self) -> None:
        """The rehearsal is over: count what was still being counted."""
        if self.connected:
            self._count_beats()

    def told(self) -> str:
        """Its state in a line, for whoever looks into a violation."""
        link = "on line" if self.connected else "off line"
        return f"{self.id}, {link}, clock {self.error_seconds():+.1f} s, {format_instant(self.clock.now())}"
