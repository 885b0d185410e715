"""The worker: a handful of in-memory jobs that nudge; everything that must last is in the tables.

Killed at any instant and started again, it loses nothing and does nothing twice: clips are claimed by
compare-and-set and their claims run out, airings are checked against what they were decided on, reports
are settled once. A second worker shares the work in the same way.
"""

import logging
import os
import secrets
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import or_, update
from sqlmodel import col, select

from audio import clips, rendering, uploads
from audio.models import Clip
from audio.store import MediaStore
from core import changes
from core.clock import utc_now
from core.database import Database
from core.errors import Busy
from core.settings import Settings
from core.signing import Signer
from registry import throttle
from registry.models import StationState
from scheduler import backup, emergencies, jobs, planning, reports
from scheduler.models import Airing

log = logging.getLogger(__name__)
FULL_ROLL_EVERY = timedelta(seconds=60)
_NOTED_EVERY = timedelta(seconds=10)
_LEFTOVER_SECONDS = 3600
_UPLOADS_KEPT = timedelta(days=2)
_BACKUP_LEASE = timedelta(minutes=10)
_MAX_BACKOFF = timedelta(seconds=30)


class Worker:
    """The jobs and what they share. `start` runs them on their beats; each can also be called once with a `now`."""

    def __init__(
        self, database: Database, settings: Settings, signer: Signer, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.database, self.settings, self.signer, self.clock = database, settings, signer, clock
        self.holder = f"{socket.gethostname()[:60]}/{os.getpid()}/{secrets.token_hex(4)}"
        self._seen = 0
        self._rolled_at: datetime | None = None
        self._noted: dict[str, datetime] = {}
        self._failures: dict[str, int] = {}
        self._rest_until: dict[str, datetime] = {}
        self._scheduler: BackgroundScheduler | None = None

    # -- the beats ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Release what a killed predecessor on this machine held, then begin all jobs."""
        self.release_the_dead()
        MediaStore(self.settings.media).sweep(_LEFTOVER_SECONDS)
        lanes = self.settings.render_lanes
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(8), "render": ThreadPoolExecutor(lanes + 1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        # A long render skips beats of its job; that is what it should do, not news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        beats: tuple[tuple[str, float, Callable[[datetime], object]], ...] = (
            ("alarms", 0.5, self.issue_alarms),
            ("roll", 0.25, self.roll),
            ("dispatch", 1, self.dispatch),
            ("reconcile", 5, self.reconcile),
            ("silence", 15, self.notice_silence),
            ("backup", 60, self.back_up),
            ("prune", 3600, self.prune),
        )
        for name, seconds, step in beats:
            scheduler.add_job(self.run, "interval", seconds=seconds, args=(name, step), id=name)
        for lane in range(lanes):
            name = f"render-{lane}"
            scheduler.add_job(self.run, "interval", seconds=0.25, args=(name, self.render), id=name, executor="render")
        scheduler.add_job(
            self.run,
            "interval",
            seconds=0.1,
            args=("render-urgent", self.render_urgent),
            id="urgent",
            executor="render",
        )
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Begin nothing new; what is being rendered is given back by its claim running out, or by the next start."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    def run(self, name: str, step: Callable[[datetime], object]) -> bool:
        """Do one beat of a job: whatever it raises is logged and kept, and the job rests a while before the next."""
        now = self.clock()
        if now < self._rest_until.get(name, now):
            return False
        try:
            step(now)
        except Exception as error:
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            self._rest_until[name] = now + min(timedelta(seconds=0.5 * 2 ** min(failures, 10)), _MAX_BACKOFF)
            log.exception("job %s failed (%d in a row)", name, failures)
            self._note(name, now, f"{type(error).__name__}: {error}")
            return False
        recovered = self._failures.pop(name, 0)
        if recovered or now - self._noted.get(name, now - _NOTED_EVERY) >= _NOTED_EVERY:
            self._noted[name] = now
            self._note(name, now, "")
        return True

    def _note(self, name: str, now: datetime, error: str) -> None:
        try:
            with self.database.write() as session:
                if error:
                    jobs.went_wrong(session, name, error, now)
                else:
                    jobs.went_well(session, name, now)
        except Exception:
            log.warning("could not note how job %s went", name, exc_info=True)

    # -- the jobs ----------------------------------------------------------------------------------

    def release_the_dead(self) -> None:
        """Give back clips claimed by a process of this machine that is no more."""
        host = self.holder.split("/")[0]
        with self.database.write() as session:
            holders = session.exec(select(Clip.claimed_by).where(Clip.state == "rendering").distinct()).all()
            for holder in holders:
                if holder and holder.split("/")[0] == host and not _alive(holder):
                    clips.release(session, holder)

    def roll(self, now: datetime) -> int:
        """Follow the timetable's changes; every minute look at all of it, which also moves the horizon."""
        with self.database.read() as session:
            feed = changes.since(session, self._seen)
            names = [name for row in feed if row.topic == "timetable" for name in row.audience]
            slots = planning.affected_slots(session, names) if names else set()
        full = slots is None or self._rolled_at is None or now - self._rolled_at >= FULL_ROLL_EVERY
        written = 0
        if full:
            written = planning.roll(self.database, self.settings, self.signer, now)
            self._rolled_at = now
        elif slots:
            written = planning.roll(self.database, self.settings, self.signer, now, slots)
        if feed:
            self._seen = feed[-1].seq or self._seen
        return written

    def render(self, now: datetime) -> int:
        """Make the clips that are due first, one after the other, until none waits."""
        return self._render(now, urgent_only=False)

    def render_urgent(self, now: datetime) -> int:
        """The lane kept free for emergencies."""
        return self._render(now, urgent_only=True)

    def _render(self, now: datetime, *, urgent_only: bool) -> int:
        done = 0
        while True:
            if not self._anything_waiting(now, urgent_only=urgent_only):
                return done
            with self.database.write() as session:
                clip = clips.claim_next(session, self.holder, now, urgent_only=urgent_only)
            if clip is None:
                return done
            rendering.render_claimed(self.database, self.settings, clip.id, self.holder, self.clock)
            done += 1
            now = self.clock()
            self.issue_alarms(now)
            with self.database.write() as session:
                changes.announce(session, "timetable", [f"clip:{clip.id}"], now)

    def _anything_waiting(self, now: datetime, *, urgent_only: bool) -> bool:
        """A look without a lock, so that an idle worker writes nothing."""
        due = or_(col(Clip.claimed_until).is_(None), col(Clip.claimed_until) <= now)
        query = select(Clip.id).where(col(Clip.state).in_(("queued", "rendering")), due)
        if urgent_only:
            query = query.where(col(Clip.urgent).is_(True))
        with self.database.read() as session:
            return session.exec(query.limit(1)).first() is not None

    def issue_alarms(self, now: datetime) -> int:
        """Sign emergencies whose audio has become ready."""
        with self.database.read() as session:
            waiting = session.exec(
                select(Airing.id).where(Airing.state == "planned", Airing.kind == "emergency").limit(1)
            ).first()
        if waiting is None:
            return 0
        with self.database.write() as session:
            return emergencies.issue_ready(session, self.signer, now)

    def dispatch(self, now: datetime) -> int:
        """Mark what is on air and what is over. Stations need none of this: they hold their plans."""
        steps = (
            (("issued",), Airing.starts_at, "on_air", ""),
            (("issued", "on_air"), Airing.ends_at, "over", ""),
            (("planned",), Airing.ends_at, "failed", "not_ready"),
        )
        changed = 0
        with self.database.read() as session:
            due = session.exec(
                select(Airing.id)
                .where(
                    ((col(Airing.state) == "issued") & (col(Airing.starts_at) <= now))
                    | (col(Airing.state).in_(("on_air", "planned")) & (col(Airing.ends_at) <= now))
                )
                .limit(1)
            ).first()
        if due is None:
            return 0
        with self.database.write() as session:
            for before, instant, after, reason in steps:
                values = {"state": after} | ({"reason": reason} if reason else {})
                result = session.execute(
                    update(Airing).where(col(Airing.state).in_(before), col(instant) <= now).values(**values)
                )
                changed += result.rowcount  # type: ignore[attr-defined]
        return changed

    def reconcile(self, now: datetime) -> int:
        """Hold reports against the plan for airings that are over."""
        grace = timedelta(seconds=self.settings.report_grace_seconds)
        with self.database.read() as session:
            if not reports.any_to_reconcile(session, now, grace):
                return 0
        with self.database.write() as session:
            return reports.reconcile(session, now, grace)

    def notice_silence(self, now: datetime) -> int:
        """Mark stations that have not been heard for a while, once each."""
        limit = now - timedelta(seconds=self.settings.silent_after_seconds)
        newly_silent = col(StationState.heard_at) < limit, col(StationState.silent_since).is_(None)
        with self.database.read() as session:
            if session.exec(select(StationState.station_id).where(*newly_silent).limit(1)).first() is None:
                return 0
        with self.database.write() as session:
            result = session.execute(
                update(StationState).where(*newly_silent).values(silent_since=StationState.heard_at)
            )
            return int(result.rowcount)  # type: ignore[attr-defined]

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

    def prune(self, now: datetime) -> None:
        """Drop rows that only mattered for a while, and uploads that nobody will render."""
        with self.database.write() as session:
            changes.prune(session, now)
            throttle.prune(session, now)
            unfinished = select(Clip.upload).where(col(Clip.state).in_(("queued", "rendering")))
            waiting = {name for name in session.exec(unfinished).all() if name}
        uploads.sweep(self.settings.uploads, waiting, _UPLOADS_KEPT.total_seconds(), now.timestamp())


def _alive(holder: str) -> bool:
    try:
        pid = int(holder.split("/")[1])
        os.kill(pid, 0)
    except (IndexError, ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
