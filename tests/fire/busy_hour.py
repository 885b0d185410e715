"""A busy hour: some thirty slots, new ones, edits and withdrawals, alarms raised and stopped, reports and heartbeats."""

from datetime import datetime, timedelta

from battle import Battle
from ledger import faults
from posts import Post
from village import NOW
from village import ZONE as LOCAL

from core.errors import LoaError
from core.wire import Ticket
from registry import stations
from scheduler import commands, emergencies
from scheduler.now import NowBoard

LASTS = timedelta(hours=1)
_EVERY = 90.0  # seconds between the starts of slots of the one commune and the other
_LATE = ("join", "play", "skip")
_BEAT = timedelta(seconds=60)
_DAYS_LATE = (None, None, None, None, timedelta(hours=2), timedelta(days=7))


class BusyHour:
    """What people and stations do within the hour that begins at NOW; moved on together with the clock."""

    def __init__(self, battle: Battle, *, slots: int = 30, acts: int = 45, grain: float = 10.0) -> None:
        self._grain = grain
        self.battle, self.village, self.chance = battle, battle.village, battle.chance
        self.slots: list[str] = []
        self.bulletins: list[str] = []
        self.alarms: list[str] = []
        self.firm: list[str] = []  # slots that nobody touches: they must be signed in time
        self.refused = 0
        self._number = 0
        self._verifier, self._known = self.village.verifier, dict[str, Ticket]()
        self.board = NowBoard(self.village.settings.zone)
        with self.village.database.read() as session:
            places = stations.places(session)
        self.posts = [
            Post(place, self.chance, tells_at=NOW + later if later else None)
            for place, later in zip(sorted(places, key=lambda each: each.station.id), _DAYS_LATE, strict=True)
        ]
        for number in range(slots):
            at = NOW + timedelta(seconds=300 + _EVERY / 2 * number * 2 * 3_200 / (_EVERY * slots))
            self._new_slot(at, "commune_a" if number % 2 else "commune_b", firm=number % 4 < 2)
        self._acts = sorted(
            (NOW + LASTS * self.chance.uniform(0.02, 0.9), self.chance.choice(self._deeds())) for _ in range(acts)
        )
        self._beat_at = NOW

    def _deeds(self) -> list[str]:
        return [
            "raise", "raise", "raise", "stop", "late_slot", "late_slot", "withdraw_slot", "rewrite", "withdraw_bulletin", "order",
        ]  # fmt: skip

    # -- what people do ----------------------------------------------------------------------------

    def _new_slot(self, at: datetime, unit: str, *, firm: bool = False) -> None:
        self._number += 1
        made = self.village.bulletin(
            unit,
            text=f"Tin số {self._number}: mời bà con ra nhà văn hóa.",
            seconds=20.0 if self.chance.random() < 0.6 else None,
        )
        code = {"commune_a": "unit:79.1", "commune_b": "unit:79.2"}[unit]
        late = _LATE[self._number % 3]
        programme = self.village.programme(made, unit=unit)
        slot = self.village.slot(
            programme, at.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M:%S"), "FREQ=DAILY;COUNT=2", [code], late=late
        )
        self.slots.append(slot)
        if firm:
            self.firm.append(slot)
        else:
            self.bulletins.append(made)

    def late_slot(self) -> None:
        at = self.battle.now + timedelta(seconds=self.chance.uniform(1, 900))
        self._new_slot(at, self.chance.choice(("commune_a", "commune_b")))

    def withdraw_slot(self) -> None:
        touched = [each for each in self.slots if each not in self.firm]
        if touched:
            slot = self.chance.choice(touched)
            self.slots.remove(slot)
            self.village.withdraw_slot(slot)

    def rewrite(self) -> None:
        if self.bulletins:
            self._number += 1
            self.village.rewrite(self.chance.choice(self.bulletins), f"Tin sửa lần {self._number}.", seconds=None)

    def withdraw_bulletin(self) -> None:
        if self.bulletins:
            self.village.withdraw_bulletin(self.bulletins.pop(self.chance.randrange(len(self.bulletins))))

    def order(self) -> None:
        with self.village.database.write() as session:
            post = self.chance.choice(self.posts)
            commands.give(
                session, self.village.actor("root"), post.id, "volume", self.chance.randrange(100), self.battle.now
            )

    def raise_alarm(self) -> None:
        self._number += 1
        alarm = emergencies.Alarm(
            signal="none",
            audience=("unit:79.1",),
            text=f"Nước lũ đang lên nhanh, tin {self._number}.",
            times=self.chance.choice((1, 3)),
            every_s=40.0,
        )
        with self.village.database.write() as session:
            emergency, _ = emergencies.raise_alarm(
                session, self.village.actor("root"), self.village.unit("commune_a"), alarm, signer=self.village.signer,
                default_zone=self.village.settings.zone, max_chars=1_000, now=self.battle.now,
            )  # fmt: skip
        self.alarms.append(emergency.id)

    def stop(self) -> None:
        if self.alarms:
            with self.village.database.write() as session:
                emergencies.stop(session, self.village.actor("root"), self.chance.choice(self.alarms), self.battle.now)

    # -- time --------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Move the clock, in steps of `grain` seconds at most; people act, stations listen, play and report."""
        left = seconds
        while left > 0:
            self.battle.advance(seconds=min(left, self._grain))
            left -= self._grain
            self.look()

    def look(self) -> None:
        """Everybody does what is due now."""
        now = self.battle.now
        while self._acts and self._acts[0][0] <= now:
            deed = self._acts.pop(0)[1]
            try:
                getattr(self, {"raise": "raise_alarm"}.get(deed, deed))()
            except LoaError:  # two slots at the same time, say: people are told so
                self.refused += 1
        with self.village.database.read() as session:
            self.board.catch_up(session, now)
        for post in self.posts:
            post.hear(self.board, self._verifier, self._known, self.village.settings.zone, now)
            post.live(now)
        if now - self._beat_at >= _BEAT:
            self._beat_at = now
            self.call(now)

    def call(self, now: datetime) -> None:
        """All stations send a heartbeat, and what they have to report."""
        with self.village.database.write() as session:
            for post in self.posts:
                post.call(session, now)

    def settle(self, until: datetime) -> None:
        """Let the rest of it run its course; a week later the last reports come in."""
        while self.battle.now < until:
            self.battle.advance(seconds=120)
            self.look()
            if self.battle.now.minute % 15 < 2:
                self.battle.rounds()
        self.battle.rounds(("reconcile",), times=3)
        self.battle.set(NOW + timedelta(days=7))
        with self.village.database.write() as session:
            for post in self.posts:
                post.tell(session, self.battle.now)
        self.battle.rounds(times=3)

    def faults(self) -> list[str]:
        with self.village.database.read() as session:
            return faults(session, self.posts, NOW, NOW + LASTS, self.battle.living)
