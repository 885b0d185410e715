"""An emergency in the village, and short ways for its stations to say what becomes of it there."""

import uuid
from datetime import datetime, timedelta

from sqlmodel import select
from village import Village

from alerts import board
from alerts.board import Board, Line
from audio.models import Clip
from core.wire import Heartbeat, Report
from registry import stations
from scheduler import dispatching, emergencies, hearing, reports
from scheduler.models import Airing, Emergency

MESSAGE_SECONDS = 20.0


class Alarm:
    """An emergency of `rounds` rounds for a unit, on air from the village's present instant."""

    def __init__(self, village: Village, code: str = "79.1", *, rounds: int = 1, every_s: float = 60.0) -> None:
        self.village = village
        airing_id = village.alarm(code)
        self._sign()
        self._shape(airing_id, rounds, every_s)
        with village.database.read() as session:
            self.airing = session.get_one(Airing, airing_id)
        assert self.airing.state == "issued"
        assert self.airing.emergency_id is not None
        self.id = self.airing.emergency_id
        self.pressed_at = village.clock()

    def _sign(self) -> None:
        """What it consists of has been rendered: its signal, and lines that are said before it."""
        with self.village.database.read() as session:
            queued = session.exec(select(Clip.id).where(Clip.state == "queued")).all()
        for clip in queued:
            self.village.finish_clip(clip, MESSAGE_SECONDS)
        with self.village.database.write() as session:
            emergencies.issue_ready(session, self.village.signer, self.village.clock())

    def _shape(self, airing_id: str, rounds: int, every_s: float) -> None:
        """The message alone, said so often: whatever signal goes before it has tests of its own."""
        with self.village.database.write() as session:
            airing = session.get_one(Airing, airing_id)
            one = airing.items[-1]
            airing.items = [{**one, "at": number * every_s} for number in range(rounds)]
            airing.ends_at = airing.starts_at + timedelta(seconds=(rounds - 1) * every_s + one["seconds"])
            airing.not_after = airing.ends_at + emergencies.HOLDS
            session.add(airing)

    def at(self, seconds: float) -> datetime:
        """The instant so many seconds after the press; the village's clock stands there from now on."""
        self.village.clock.at = self.pressed_at + timedelta(seconds=seconds)
        return self.village.clock.at

    def beats(self, *who: str, seconds: float, **said) -> None:
        """These stations send a heartbeat so many seconds after the press."""
        now = self.at(seconds)
        with self.village.database.write() as session:
            hearing.take(session, [(self.village.cast.stations[each], Heartbeat(**said)) for each in who], now)

    def has_it(self, *who: str, seconds: float = 1.0) -> None:
        self.beats(*who, seconds=seconds, acknowledged=[self.airing.id], withdrawn=[])

    def begins(self, *who: str, seconds: float, told_after: float = 0.3, item: int = 0) -> None:
        """It begins to sound there, which they tell a moment later."""
        self.beats(
            *who, seconds=seconds + told_after, playing=self.airing.id, item=item,
            playing_since=self.pressed_at + timedelta(seconds=seconds),
        )  # fmt: skip

    def reports(
        self, who: str, outcome: str = "played", *, seconds: float = 30.0, began: float = 2.0, item: int = 0,
        played: float | None = None, reason: str | None = None, **more,
    ) -> None:  # fmt: skip
        """A station reports, so many seconds after the press, what became of an item that began at `began`."""
        now = self.at(seconds)
        length = played if played is not None else MESSAGE_SECONDS if outcome == "played" else 0.0
        start = self.pressed_at + timedelta(seconds=began)
        report = Report(
            id=str(uuid.uuid4()), airing=self.airing.id, item=item, outcome=outcome, reason=reason, started_at=start,
            ended_at=start + timedelta(seconds=length), seconds=length, volume=80, **more,
        )  # fmt: skip
        with self.village.database.write() as session:
            place = stations.place(session, self.village.cast.stations[who])
            assert reports.accept(session, place, [report], now).accepted

    def stop(self, seconds: float) -> None:
        now = self.at(seconds)
        with self.village.database.write() as session:
            emergencies.stop(session, self.village.actor("root"), self.id, now)

    def dispatch(self, seconds: float) -> datetime:
        """The worker brings the states of airings up to the clock."""
        now = self.at(seconds)
        with self.village.database.write() as session:
            dispatching.dispatch(session, now)
        return now

    def board(self, seconds: float | None = None, by: str = "root", **more) -> Board:
        now = self.village.clock() if seconds is None else self.at(seconds)
        with self.village.database.read() as session:
            return board.board(session, self.village.actor(by), self.id, now, **more)

    def line(self, who: str, seconds: float | None = None) -> Line:
        lines = self.board(seconds).lines
        return next(each for each in lines if each.station_id == self.village.cast.stations[who])

    def emergency(self) -> Emergency:
        with self.village.database.read() as session:
            return session.exec(select(Emergency).where(Emergency.id == self.id)).one()
