"""The server of a rehearsal: the real planner, board, reports, alarms and commands on a real database.

What the web process and the worker do on their beats happens here when there is something to do: after each change a
roll of the slots it touches, then the news to the stations whose document is another.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlmodel import Session

from audio import queue
from audio.rendered import Rendered
from core import changes
from core.database import Database
from core.settings import Settings
from core.signing import Signer
from core.wire import Accepted, AudioFile, ClipFiles, RefusedReport, ReportBatch
from loa.rehearsal.agenda import Agenda
from loa.rehearsal.board import Board, Outside
from loa.rehearsal.post import Answer, Call, Letter, News
from loa.rehearsal.province import sound
from loa.rehearsal.wishes import Wishes
from registry.stations import Place
from scheduler import commands, reports
from scheduler.worker import Worker
from station.due import Key

FULL_ROLL_EVERY = timedelta(days=1)
_ROLL_AFTER = 0.3
_BEAT = 3_600.0
_SECONDS_A_CHARACTER = 0.075


class Killed(BaseException):
    """The worker is no more: nothing it would have done after this is done."""


class PerilousDatabase(Database):
    """The real database; when `fuse` is lit, the process dies before its so-manyeth commit."""

    fuse: int | None = None

    @contextmanager
    def write(self, *, urgent: bool = False) -> Iterator[Session]:
        with super().write(urgent=urgent) as session:
            yield session
            if self.fuse is not None:
                self.fuse -= 1
                if self.fuse < 0:
                    raise Killed


class _Diligent(Worker):
    """The real worker, which looks every quarter of a second; its looks that would find nothing are left out."""

    def roll(self, now: datetime) -> int:
        if self._looked_at is not None:
            self._looked_at = now
        return super().roll(now)


class Headquarters:
    """The server. `inspect` is told of every state the planner has left, before the stations hear of it."""

    def __init__(
        self, agenda: Agenda, wishes: Wishes, settings: Settings, database: PerilousDatabase, signer: Signer,
        inspect: Callable[["Headquarters"], dict[Key, float]],
    ) -> None:  # fmt: skip
        self.agenda, self.wishes, self.settings = agenda, wishes, settings
        self.database, self.signer = database, signer
        self.inspect = inspect
        self.web_is_up, self.worker_is_up = True, True
        self.worker = self._hired()
        self.board = Board(settings.zone)
        self.places: dict[str, Place] = {}
        self.news: list[News] = []
        self._outside = Outside()
        self._chance = wishes.chance("headquarters")
        self._is_due: set[str] = set()

    def _hired(self) -> Worker:
        return _Diligent(
            self.database, self.settings, self.signer, lambda: self.agenda.now, full_roll_every=FULL_ROLL_EVERY
        )

    # -- the worker --------------------------------------------------------------------------------

    def soon(self) -> None:
        """Something was changed: let the worker look, then the stations know."""
        self._once("roll", _ROLL_AFTER, self.roll)

    def roll(self) -> None:
        """Alarms, the timetable's changes, what is on air and over; then the news."""
        if self.worker_is_up:
            now = self.agenda.now
            try:
                self.worker.issue_alarms(now)
                self.worker.dispatch(now)
                self.worker.roll(now)
            except Killed:
                self.kill_worker()
        self.publish()

    def beat(self) -> None:
        """What the worker does every few seconds, in greater steps: it changes nothing that stations see."""
        self.account()
        self.agenda.after(_BEAT, self.beat)

    def account(self) -> None:
        """Mark what is over, and hold reports against it."""
        if self.worker_is_up:
            now = self.agenda.now
            self.worker.dispatch(now)
            while self.worker.reconcile(now):
                pass

    def kill_worker(self) -> None:
        """The worker's process is gone; the supervisor starts it again after some minutes."""
        self.database.fuse = None
        self.worker_is_up = False
        self.agenda.after(self._chance.uniform(60, 900), self.restart_worker)

    def restart_worker(self) -> None:
        self.worker, self.worker_is_up = self._hired(), True
        self.worker.release_the_dead()
        self.render()
        self.roll()

    def render_soon(self) -> None:
        """Something waits to be spoken."""
        self._once("render", self._chance.uniform(2, 20), self.render)

    def render(self) -> None:
        """Make the clips that wait: the real queue, and a voice that takes no time and makes no sound."""
        if not self.worker_is_up:
            return
        now = self.agenda.now
        while True:
            with self.database.write() as session:
                clip = queue.claim_next(session, self.worker.holder, now)
                if clip is None:
                    break
                made = sound(clip.content_key, round(4 + _SECONDS_A_CHARACTER * len(clip.text), 3))
                files = ClipFiles(
                    mp3=AudioFile(sha256=made["mp3_sha256"], bytes=made["mp3_bytes"]),
                    opus=AudioFile(sha256=made["opus_sha256"], bytes=made["opus_bytes"]),
                )
                done = Rendered(files, made["seconds"], -16.0, -1.5, "rehearsal", degraded=False)
                queue.finish(session, clip.id, self.worker.holder, done, now)
                changes.announce(session, "timetable", [f"clip:{clip.id}"], now)
        self.soon()

    # -- the web process ---------------------------------------------------------------------------

    def web_goes(self) -> None:
        self.web_is_up = False
        self.news.append(News(self.agenda.seconds, is_up=False, seq=self.board.seq))

    def web_comes(self) -> None:
        """It starts with nothing in memory."""
        self.web_is_up = True
        self.board = Board(self.settings.zone)
        self.publish()

    def publish(self) -> None:
        """Bring the board up to date and let the stations know whose document is another."""
        if not self.web_is_up:
            return
        with self.database.read() as session:
            self.board.catch_up(session, self.agenda.now)
        if self.board.places:
            self.places.update(self.board.places)
            self.board.places.clear()
        run_out = self.inspect(self)
        self.news.append(self._outside.news(self.agenda.seconds, self.board, run_out))

    @property
    def by_name(self) -> dict[str, list[str]]:
        """The stations in service by the names they answer to."""
        found: dict[str, list[str]] = {}
        for station, names in self.board.names.items():
            for name in names:
                found.setdefault(name, []).append(station)
        return found

    def letter(self, until: float, answers: Sequence[Answer]) -> Letter:
        """What has become new up to `until`."""
        news, self.news = self.news, []
        return Letter(until, tuple(news), tuple(answers))

    # -- what comes in -----------------------------------------------------------------------------

    def take(self, calls: Sequence[Call]) -> list[Answer]:
        """Take what stations have called in, in one transaction; nobody takes it while the web process is away."""
        if not calls or not self.web_is_up:
            return [Answer(call.station, None) for call in calls]
        now = self.agenda.now
        batches = [
            (self.places[call.station], ReportBatch.model_validate_json(call.reports).reports)
            for call in calls
            if call.reports
        ]
        with self.database.write() as session:
            verdicts = reports.accept_all(session, batches, now)
            commands.acknowledge_all(session, [(call.station, call.acknowledged) for call in calls], now)
        answers = {call.station: "" for call in calls}
        for (place, _), verdict in zip(batches, verdicts, strict=True):
            refused = [RefusedReport(id=identity, code=code) for identity, code in verdict.refused]
            answer = Accepted(accepted=verdict.accepted, refused=refused)
            answers[place.station.id] = answer.model_dump_json()
        return [Answer(station, body) for station, body in answers.items()]

    def _once(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        if name in self._is_due:
            return
        self._is_due.add(name)

        def then() -> None:
            self._is_due.discard(name)
            act()

        self.agenda.after(seconds, then)


def key_from(wishes: Wishes) -> bytes:
    """A signing key (JWK) that comes from the seed, so that a rehearsal's documents repeat to the byte."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = wishes.chance("key").randbytes(32)
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    d, x = (base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (secret, public))
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "d": d, "x": x, "use": "sig", "kid": "rehearsal"}).encode()
