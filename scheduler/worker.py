"""The worker: a handful of in-memory jobs that nudge; everything that must last is in the tables.

Killed at any instant and started again, or started twice, it loses nothing and does nothing twice: clips are claimed
by compare-and-set, airings checked against what they were decided on, reports settled once.
"""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from audio import queue, rendering
from audio.store import MediaStore
from core import changes
from core.clock import utc_now
from core.database import Database
from core.errors import Busy
from core.files import check_room
from core.outside import Outside
from core.settings import Settings
from core.signing import Signer
from core.stirrings import Stirrings
from scheduler import (
    affected,
    backup,
    catching_up,
    commands,
    concerns,
    deciding,
    dispatching,
    heard,
    housekeeping,
    improving,
    in_line,
    jobs,
    lost_audio,
    month_figures,
    notices,
    planning,
    prepared,
    relay_checks,
    reports,
    rotation,
    signals,
    silence,
    troubles,
    urgency,
)
from scheduler.attention import attentive
from scheduler.beats import Beat, Every, Rests, SteadyZone, passed
from scheduler.foresight import Foresight
from scheduler.notes import Notes
from scheduler.urgency import Urgency

log = logging.getLogger(__name__)
FULL_ROLL_EVERY = timedelta(seconds=60)
_WHOLE = 15  # times as seldom: a look at everything, in case a change was not announced
_PAGE = 1_000
_LEFTOVER_SECONDS = 6 * 3600
_BACKUP_LEASE = timedelta(minutes=10)
_SHORTEST_BEAT = 0.02
_WHOLE_SET_EVERY = timedelta(minutes=5)
_LOOK_AT_BROKEN = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Worker:
    """The jobs and what they share. `start` runs them on their beats; each can also be called once with a `now`.

    `tempo` is how many seconds of `clock` pass in a real one, where time is virtual: the beats keep step with it.
    One with `only_urgent` does what emergencies need and nothing else, so that nothing else holds it up; beside it
    others are told to `stand_back`: they take up what it has left for a moment.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        signer: Signer,
        clock: Callable[[], datetime] = utc_now,
        *,
        full_roll_every: timedelta = FULL_ROLL_EVERY,
        tempo: float = 1.0,
        only_urgent: bool = False,
        stand_back: timedelta = timedelta(0),
    ) -> None:
        self.database, self.settings, self.signer, self.clock = database, settings, signer, clock
        self._full_roll_every, self._tempo = full_roll_every, tempo
        self._only_urgent, self._stand_back = only_urgent, stand_back
        self.holder = f"{socket.gethostname()[:60]}/{os.getpid()}/{secrets.token_hex(4)}"
        self._urgency = Urgency(database, signer, self.holder)
        self._seen = 0
        self._rolled_at: datetime | None = None
        self._nearly_at: datetime | None = None
        self._prepared_at: datetime | None = None
        self._outside = Outside(settings.outside_hosts)
        self._looked_at: datetime | None = None
        self._rest_of_rolls = _WHOLE * full_roll_every
        self._foresight = Foresight()
        self._is_behind = False
        self._next_dispatch: datetime | None = None  # asked for when it matters
        self._next_claim: datetime | None = None
        self._left_until: datetime | None = None  # urgent clips wait that are left to somebody else so long
        self._more: list[Beat] = []
        self._notes = Notes(database)
        self._rests = Rests()
        self._scheduler: BackgroundScheduler | None = None
        self._stirrings: Stirrings | None = None

    # -- the beats ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Release what a killed predecessor on this machine held, then begin all jobs."""
        self.release_the_dead()
        if not self._only_urgent:
            MediaStore(self.settings.media).sweep(_LEFTOVER_SECONDS)
        self._stirrings = Stirrings(self.database)
        lanes = urgency.LANES + (0 if self._only_urgent else self.settings.render_lanes)
        scheduler = BackgroundScheduler(
            timezone=SteadyZone(),
            executors={"default": ThreadPoolExecutor(8), "render": ThreadPoolExecutor(lanes)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        # A long render skips beats of its job; that is what it should do, not news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        for beat in self.beats(self._stirrings.mark):
            every = max(beat.seconds / self._tempo, _SHORTEST_BEAT)
            scheduler.add_job(self.run, Every(every), args=(beat.name, beat.step), id=beat.name, executor=beat.executor)
        scheduler.start()
        self._scheduler = scheduler

    def beats(self, mark: Callable[[], object]) -> list[Beat]:
        """The jobs and how often they beat. Those that beat most mostly do no more than ask for the database's mark."""
        if self._only_urgent:
            return self._urgent_beats(mark)
        roll = attentive(self.roll, mark, self._must_roll)
        dispatch = attentive(self.dispatch, mark, self._must_dispatch)
        lanes = [
            Beat(f"render-{lane}", 0.25, attentive(self.render, mark, self._must_render), "render")
            for lane in range(self.settings.render_lanes)
        ]
        return [
            *self._urgent_beats(mark),
            Beat("roll", 0.25, roll),
            Beat("dispatch", 1, dispatch),
            Beat("reconcile", 5, self.reconcile),
            Beat("silence", 15, self.watch),
            Beat("backup", 60, self.back_up),
            Beat("prune", 300, self.prune),
            Beat("improve", 60, self.improve),
            Beat("keys", 30, self.change_keys),
            Beat("notify", 5, self.notify),
            Beat("prepared", 5, self.keep_prepared),
            Beat("relays", 20, self.check_relays),
            Beat("heard", 20, partial(heard.keep_up, self.database, self.settings.zone)),
            Beat("in-line", 60, partial(in_line.keep_up, self.database)),
            Beat("months", 300, partial(month_figures.keep_up, self.database, self.settings.zone)),
            *lanes,
            *self._more,
        ]

    def _urgent_beats(self, mark: Callable[[], object]) -> list[Beat]:
        every, must = 0.5 if self._stand_back else 0.1, self._must_render_urgent
        names = ["render-urgent", *(f"render-urgent-{lane}" for lane in range(1, urgency.LANES))]
        return [
            # While an alarm waits, time alone may bring it on air: nothing waits for its signal for long.
            Beat("alarms", 0.5, attentive(self.issue_alarms, mark, lambda _: self._urgency.alarms_wait)),
            Beat("rescue", 0.5, attentive(self._urgency.rescue, mark, lambda _: self._urgency.others_render)),
            *(Beat(name, every, attentive(self.render_urgent, mark, must), "render") for name in names),
        ]

    def also(self, beats: Iterable[Beat]) -> None:
        """Let jobs of the floors above beat too; to be said before the start."""
        self._more.extend(beats)

    def stop(self) -> None:
        """Begin nothing new; what is being rendered is given back by its claim running out, or by the next start."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
        if self._stirrings is not None:
            self._stirrings.close()

    def run(self, name: str, step: Callable[[datetime], object]) -> bool:
        """Do one beat of a job: whatever it raises is logged and kept, and the job rests a while before the next."""
        now = self.clock()
        if self._rests.resting(name, now):
            return False
        try:
            step(now)
        except Busy as error:  # nothing could be noted either
            self._rests.failed(name, error, now)
            return False
        except Exception as error:  # noqa: BLE001 - it is logged, and a loop must not end
            self._rests.failed(name, error, now)
            self._notes.went_wrong(name, f"{type(error).__name__}: {error}", now)
            return False
        self._notes.went_well(name, now, again=bool(self._rests.went_well(name, now)))
        return True

    # -- the jobs ----------------------------------------------------------------------------------

    def release_the_dead(self) -> None:
        """Give back clips and jobs claimed by a process of this machine that is no more."""
        self._urgency.release_the_dead(self.clock())

    def roll(self, now: datetime) -> int:
        """Follow the timetable's changes; every minute see to what is nearly due, and to what time alone has changed.

        Such as the horizon, which moves on. To be sure, all of it is looked at now and then: every quarter of an hour,
        and in a timetable so large that it takes long, as often as leaves the worker nineteen twentieths of its time.
        """
        first = self._rolled_at is None  # a full look sees what the feed has told so far
        if self._looked_at is not None and now < self._looked_at:
            self._foresight.forget()  # what was foreseen by a clock that ran ahead
        with self.database.read() as session:
            seen = changes.latest(session) if first else self._seen
            feed = changes.since(session, seen, _PAGE)
            slots = affected.affected_slots(session, affected.concerned(feed))
            nearly = passed(self._nearly_at, now, self._full_roll_every)
            if nearly and slots is not None:
                slots = slots | planning.nearly_due(session, now)
            looked_at = self._looked_at or catching_up.last_planned(session)
            broken = troubles.subjects(session, "slot") if nearly else set()
        if looked_at is not None and now - looked_at > deciding.LOOK_BACK:
            catching_up.catch_up(self.database, looked_at, now)
        if broken:
            catching_up.catch_up(self.database, now - _LOOK_AT_BROKEN, now, broken)
        full = slots is None or passed(self._rolled_at, now, self._rest_of_rolls)
        written = 0
        if full:
            begun = time.monotonic()
            self._foresight.forget()
            written = self._plan(now, None)
            self._rolled_at = now
            took = timedelta(seconds=time.monotonic() - begun)
            self._rest_of_rolls = max(_WHOLE * self._full_roll_every, 20 * took)
        elif slots:
            written = self._plan(now, slots)
        if nearly and not full:
            written += self._plan(now, None)
        if nearly or full:
            self._nearly_at = now
        self._seen = (feed[-1].seq if feed else None) or seen
        self._is_behind = len(feed) == _PAGE
        self._looked_at = now
        return written

    def _plan(self, now: datetime, slot_ids: Collection[str] | None) -> int:
        return planning.roll(self.database, self.settings, self.signer, now, slot_ids, self._foresight)

    def _must_roll(self, now: datetime) -> bool:
        """Whether there is something to look at though nobody has committed anything."""
        return self._is_behind or passed(self._nearly_at, now, self._full_roll_every)

    def render(self, now: datetime) -> int:
        """Make the clips that are due first, one after the other, until none waits."""
        return self._render(now, urgent_only=False)

    def render_urgent(self, now: datetime) -> int:
        """The lane kept free for emergencies."""
        return self._render(now, urgent_only=True)

    def _render(self, now: datetime, *, urgent_only: bool) -> int:
        done, self._next_claim = 0, None
        while True:
            if not self._anything_waiting(now, urgent_only=urgent_only):
                return done
            if not urgent_only:  # what is kept free is for emergencies, reports and the timetable
                check_room(self.settings.media, self.settings.reserve_bytes)
            with self.database.write(urgent=urgent_only) as session:
                clip = queue.claim_next(session, self.holder, now, urgent_only=urgent_only, stand_back=self._stand_back)
            if clip is None:
                return done
            rendering.render_claimed(self.database, self.settings, clip.id, self.holder, self.clock)
            done += 1
            now = self.clock()
            if clip.urgent:
                self._urgency.sign(now, now)
            with self.database.write() as session:
                changes.announce(session, "timetable", [f"clip:{clip.id}"], now)

    def _must_render(self, now: datetime) -> bool:
        """Whether a rest or a claim of a clip has run out, which nobody commits."""
        soonest = self._next_claim  # other lanes may forget it meanwhile
        if soonest is None:
            with self.database.read() as session:
                soonest = self._next_claim = queue.next_over(session, now) or _NEVER
        return now >= soonest

    def _must_render_urgent(self, now: datetime) -> bool:
        return self._must_render(now) or (self._left_until is not None and now >= self._left_until)

    def _anything_waiting(self, now: datetime, *, urgent_only: bool) -> bool:
        """A look without a lock, so that an idle worker writes nothing."""
        with self.database.read() as session:
            mine = queue.anything_waits(session, now, urgent_only=urgent_only, stand_back=self._stand_back)
            if urgent_only:
                left = not mine and queue.anything_waits(session, now, urgent_only=True)
                self._left_until = now + self._stand_back if left else None
        return mine

    def issue_alarms(self, now: datetime) -> int:
        """Sign emergencies whose audio has become ready."""
        return self._urgency.sign(now, now - self._stand_back)

    def dispatch(self, now: datetime) -> int:
        """Mark what is on air and what is over, and set aside orders that make no sense."""
        with self.database.read() as session:
            due, nonsense = dispatching.anything_due(session, now), commands.any_nonsense(session, now)
        self._next_dispatch = None
        if not due and not nonsense:
            return 0
        with self.database.write() as session:
            return dispatching.dispatch(session, now) + commands.set_aside_nonsense(session, now)

    def _must_dispatch(self, now: datetime) -> bool:
        if self._next_dispatch is None:
            with self.database.read() as session:
                self._next_dispatch = dispatching.next_due(session, now) or _NEVER
        return now >= self._next_dispatch

    def reconcile(self, now: datetime) -> int:
        """Hold reports against the plan for airings that are over."""
        grace = timedelta(seconds=self.settings.report_grace_seconds)
        with self.database.read() as session:
            if not reports.any_to_reconcile(session, now, grace):
                return 0
        with self.database.write() as session:
            return reports.reconcile(session, now, grace)

    def watch(self, now: datetime) -> int:
        """Mark stations that have fallen silent, and tell of audio that is needed and could not be made."""
        found = self.notice_silence(now)
        with self.database.write() as session:
            concerns.look(session, now)
            notices.write(session, self.settings, now)
        return found + lost_audio.tell(self.database, now)

    def notice_silence(self, now: datetime) -> int:
        """Mark stations that have not been heard for a while, once each; how many."""
        with self.database.write() as session:
            silence.look(session, self.settings.silent_after_seconds, now)
            return silence.notice(session, self.settings.silent_after_seconds, now)

    def back_up(self, now: datetime) -> bool:
        """Copy the database when the newest copy is older than `backup_hours`; one worker at a time."""
        every = timedelta(hours=self.settings.backup_hours)
        newest = next(iter(backup.existing(self.settings)), None)
        if not every or (newest and now - backup.made_at(newest) < every):
            return False
        try:
            with self.database.write() as session:
                if not jobs.claim(session, "backup", self.holder, now, _BACKUP_LEASE):
                    return False
        except Busy:
            return False
        return backup.back_up(self.settings, now) is not None

    def improve(self, now: datetime) -> int:
        """Let bulletins that a substitute voice spoke be spoken by their first choice, now that it answers again."""
        return improving.improve(self.database, self.settings, now).begun

    def notify(self, now: datetime) -> int:
        """Send what waits in the outbox; how many messages went out."""
        with self.database.read() as session:
            waits = notices.any_due(session, now)
        return notices.send_due(self.database, self.settings, self.holder, now) if waits else 0

    def change_keys(self, now: datetime) -> str:
        """Bring plans after the keys in the home folder, and a change of key a step further if its time has come."""
        rotation.follow(self.database, self.settings, now)
        return rotation.advance(self.database, self.settings, now)

    def check_relays(self, now: datetime) -> int:
        """Listen to the relays that begin soon; how many were."""
        return relay_checks.check(self.database, self._outside, now)

    def keep_prepared(self, now: datetime) -> int:
        """Sign the prepared messages that are not signed, or not for long enough."""
        whole = passed(self._prepared_at, now, _WHOLE_SET_EVERY)  # also what can't be seen cheaply
        with self.database.read() as session:
            if not whole and not prepared.any_to_renew(session, str(self.signer.public_jwk["kid"]), now):
                return 0
        self._prepared_at = now
        with self.database.write() as session:
            if whole:
                signals.ensure(session, now)
            return prepared.renew(session, self.signer, now)

    def prune(self, now: datetime) -> bool:
        """Once an hour: drop what nothing needs any more, from the tables and from the disk."""
        return housekeeping.keep_house(self.database, self.settings, self.holder, now) is not None
