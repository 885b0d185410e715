"""A station keeps all limits of its unit by itself: across restarts, without its server, with plans of older servers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from station_lab import STATION, ticket

from core.signing import Signer, new_signing_key
from core.wire import AudioFile, ClipFiles, Item, NowDocument, PlanDocument, StationSettings, Ticket, UnitLimits
from station.accounting import new_report
from station.book import Book
from station.due import OnAir, Progress, due, is_emergency
from station.identity import Identity
from station.store import Store

DAY = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)  # the midnight before Tuesday, 24 November, in Vietnam
TWO_A_DAY = StationSettings(limits=UnitLimits(sessions_a_day=2))
KEY = new_signing_key()
SIGNER = Signer(KEY)


def at(hour: float, day: int = 0) -> datetime:
    return DAY + timedelta(days=day, hours=hour)


def programme(name: str, hour: float, *, day: int = 0, minutes: float = 10, **more) -> Ticket:
    files = AudioFile(sha256=f"{abs(hash((name, day))):064x}"[:64], bytes=9)
    item = Item(at=0, seconds=minutes * 60, clip=ClipFiles(mp3=files, opus=files), title=name)
    given = {"occurrence": f"{name}@{day}", "since": DAY - timedelta(days=30), "issued_at": DAY - timedelta(days=1)}
    return ticket(f"{name}_{day}", at(hour, day), item, **{**given, **more})


@dataclass
class Life:
    """A station that lives through instants: begins what is due, ends it at its end, and may be switched off."""

    path: Path
    heard: list[str] = field(default_factory=list)
    on: tuple[Ticket, datetime] | None = None

    def __post_init__(self) -> None:
        self.start(DAY)

    def start(self, now: datetime) -> None:
        self.store = Store(self.path)
        who = Identity(
            station=STATION,
            token="t",
            name="x",
            unit_path=["79.123"],
            server="http://x",
            server_keys=[SIGNER.public_jwk],
        )
        self.book = Book(self.store, who, now)

    def restart(self, now: datetime) -> None:
        self.store.close()
        self.on = None
        self.start(now)

    def take(self, *tickets: Ticket, settings: StationSettings, now: datetime = DAY) -> None:
        plan = PlanDocument(
            station=STATION, issued_at=DAY - timedelta(hours=1), until=DAY + timedelta(days=9), settings=settings,
            airings=[SIGNER.sign(each) for each in tickets],
        )  # fmt: skip
        self.book.take_plan(plan, f'"{now}"', now)

    def until(self, end: datetime, start: datetime, minutes: float = 5) -> None:
        now = start
        while now <= end:
            self.step(now)
            now += timedelta(minutes=minutes)

    def step(self, now: datetime) -> None:
        if self.on is not None and now >= self.on[1]:
            one, ends = self.on
            self.on = None
            self.book.finish((one.id, 0), new_report((one.id, 0), "played", None, one.starts_at, ends, seconds=9), now)
        on_air = OnAir((self.on[0].id, 0), self.on[1]) if self.on else None
        decision = due(self.book.situation(lambda _: None, now, timedelta(seconds=1), on_air=on_air), now)
        for key, reason in decision.obstacles.items():
            self.book.hinder(key, reason)
        for fate in decision.fates:
            self.book.settle(fate, now)
        sound = decision.sound
        if sound is not None and (self.on is None or self.on[0].id != sound.ticket.id):
            self.on = (
                sound.ticket,
                sound.ticket.ends_at if not is_emergency(sound.ticket) else now + timedelta(minutes=1),
            )
            self.book.begin(sound.ticket, 0, Progress(now), now)
            self.heard.append(sound.ticket.id)
        self.book.tidy(now)

    def reports(self) -> dict[str, tuple[str, str | None, str | None]]:
        told = [json.loads(text) for text in self.store.outbox(1_000)]
        return {each["airing"]: (each["outcome"], each["reason"], each["limit"]) for each in told}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path / "station.db")
    yield made
    made.store.close()


def test_no_more_sessions_sound_in_a_day_than_the_unit_allows_and_the_report_says_so(life):
    day = [programme("sang", 5), programme("trua", 11), programme("chieu", 17)]
    life.take(*day, settings=TWO_A_DAY)
    life.until(at(20), at(4))
    assert life.heard == ["sang_0", "trua_0"]
    assert life.reports()["chieu_0"] == ("refused", "quiet_hours", "sessions_a_day")


def test_what_was_on_the_timetable_first_has_its_room_also_when_it_comes_later_in_the_day(life):
    late = {"since": DAY - timedelta(days=1)}
    life.take(programme("sang", 5, **late), programme("trua", 11), programme("chieu", 17), settings=TWO_A_DAY)
    life.until(at(20), at(4))
    assert life.heard == ["trua_0", "chieu_0"]


def test_sessions_are_still_counted_after_a_restart_in_the_middle_of_the_day(life):
    day = [programme("sang", 5), programme("trua", 11), programme("chieu", 17)]
    life.take(*day[:2], settings=TWO_A_DAY)
    life.until(at(14), at(4))
    life.restart(at(14.5))
    # The plan that comes now names only what is still to come, and what it names was there before all others.
    life.take(programme("chieu", 17, since=DAY - timedelta(days=90)), settings=TWO_A_DAY, now=at(15))
    life.until(at(20), at(15))
    assert life.heard == ["sang_0", "trua_0"]
    assert life.reports()["chieu_0"] == ("refused", "quiet_hours", "sessions_a_day")


def test_a_week_without_the_server_every_day_has_its_own_count(life):
    week = [
        programme(name, hour, day=day) for day in range(7) for name, hour in (("sang", 5), ("trua", 11), ("chieu", 17))
    ]
    life.take(*week, settings=TWO_A_DAY)
    for day in range(7):
        life.until(at(20, day), at(4, day))
        life.restart(at(21, day))
    assert life.heard == [f"{name}_{day}" for day in range(7) for name in ("sang", "trua")]
    refused = {name for name, told in life.reports().items() if told == ("refused", "quiet_hours", "sessions_a_day")}
    assert refused == {f"chieu_{day}" for day in range(7)}


def test_on_days_that_are_not_allowed_only_emergencies_and_what_a_person_lifted_sound(life):
    workdays = StationSettings(limits=UnitLimits(weekdays=["MO", "TU", "WE", "TH", "FR"]))
    lifted = programme("mit_tinh", 9, day=4, lifted=["weekdays"])
    alarm = programme("lu", 10, day=4, kind="emergency", priority="emergency", occurrence=None)
    life.take(programme("sang", 5, day=3), programme("sang", 5, day=4), lifted, settings=workdays)
    life.book.take_now(NowDocument(seq=1, plan="", interrupts=[SIGNER.sign(alarm)]), at(9, 4))
    life.until(at(20, 3), at(4, 3))
    life.until(at(20, 4), at(4, 4))
    assert life.heard == ["sang_3", "mit_tinh_4", "lu_4"]
    assert life.reports()["sang_4"] == ("refused", "quiet_hours", "weekdays")


def test_a_session_does_not_grow_longer_than_the_unit_allows(life):
    short = StationSettings(limits=UnitLimits(session_minutes=15))
    own = [
        programme("tin", 17),
        programme("them", 17 + 10 / 60),
        programme("sau", 17.5),
        programme("dai", 19, minutes=20),
    ]
    life.take(*own, settings=short)
    life.until(at(20), at(16))
    assert life.heard == ["tin_0", "sau_0"]
    assert life.reports()["them_0"] == ("refused", "quiet_hours", "session_minutes")
    assert life.reports()["dai_0"] == ("refused", "quiet_hours", "session_minutes")


def test_a_plan_of_an_older_server_is_kept_to_as_before(life):
    """Stored without `limits`: quiet hours hold, and lifting one kind of hours lifts them all."""
    older = StationSettings(quiet_hours=[("22:00", "05:00"), ("19:00", "24:00")])
    life.take(*(programme(f"p{n}", 6 + n) for n in range(5)), programme("toi", 19.5), settings=older)
    fact = json.loads(life.store.fact("settings"))
    del fact["limits"], fact["order"]
    life.store.keep_fact("settings", json.dumps(fact))
    life.restart(at(1))
    life.take(
        *(programme(f"p{n}", 6 + n) for n in range(5)), programme("toi", 19.5),
        programme("mo", 20, lifted=["hours"]), settings=StationSettings(**fact), now=at(1),
    )  # fmt: skip
    life.until(at(21), at(4))
    assert life.heard == [*(f"p{n}_0" for n in range(5)), "mo_0"]
    assert life.reports()["toi_0"] == ("missed", "quiet_hours", "quiet_hours")


def test_earliest_and_latest_are_told_apart_from_quiet_hours(life):
    told = StationSettings(
        quiet_hours=[("22:00", "05:00"), ("00:00", "06:00"), ("20:00", "24:00")],
        limits=UnitLimits(earliest="06:00", latest="20:00"),
    )
    dark = programme("khuya", 22.5, lifted=["hours"])
    life.take(programme("som", 5.5), programme("toi", 20.5, lifted=["hours"]), dark, settings=told)
    life.until(at(23.5), at(4))
    assert life.heard == ["toi_0"]
    assert life.reports()["som_0"] == ("missed", "quiet_hours", "hours")
    assert life.reports()["khuya_0"] == ("missed", "quiet_hours", "quiet_hours")


def test_what_was_withdrawn_before_it_began_leaves_its_room_to_others(life):
    life.take(programme("sang", 5), programme("trua", 11), programme("chieu", 17), settings=TWO_A_DAY)
    life.book.take_now(NowDocument(seq=1, plan="", withdrawn=["sang_0"]), at(4))
    life.until(at(20), at(4))
    assert life.heard == ["trua_0", "chieu_0"]


def test_the_order_that_the_commune_decided_comes_with_the_plan_and_outlives_a_restart(life):
    own = programme("xa", 17, priority="priority", minutes=20)
    above = programme("tinh", 17 - 5 / 60, priority="priority", minutes=20)
    life.take(above, own, settings=StationSettings(order=[("xa", "tinh")]))
    life.restart(at(1))
    life.until(at(17.5), at(16))
    assert life.heard[:2] == ["tinh_0", "xa_0"]  # it began first, and gave way at five o'clock
