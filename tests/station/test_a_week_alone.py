"""A week without a server, in virtual time: the real book on a real disk, the real decision, power cuts included.

What should sound at each second is worked out here once more, from the rules alone, and compared.
"""

import random
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from station_lab import STATION, ticket

from core.clock import zone
from core.signing import Signer, new_signing_key
from core.wire import AudioFile, ClipFiles, Item, PlanDocument, StationSettings
from loa.rehearsal.memory import Cupboard, Disk
from loa.rehearsal.player import VirtualPlayer
from station.book import Book
from station.clock import Anchor, StationClock, seconds_of
from station.fetching import ready_until
from station.identity import Identity
from station.store import Store

VILLAGE = zone("Asia/Ho_Chi_Minh")
MONDAY = datetime(2026, 11, 23, tzinfo=VILLAGE)
DAYS = 7
SETTINGS = StationSettings(
    volume=60, max_volume=80, quiet_hours=[("22:00", "05:00")], audience=["unit:79.123"], order=[("sl_y", "sl_x")]
)
OFF = timedelta(seconds=90)
KEY = new_signing_key()


def local(day, text):
    hours, minutes = text.split(":")
    return (MONDAY + timedelta(days=day, hours=int(hours), minutes=int(minutes))).astimezone(UTC)


def clip(number):
    name = f"{number:064x}"
    return ClipFiles(mp3=AudioFile(sha256=name, bytes=1000), opus=AudioFile(sha256=name, bytes=1000))


def week():
    """Every day: a long programme with one of priority in it; a loud one; two of priority at once; one in the night."""
    made = []
    for day in range(DAYS):
        for name, at, lengths, more in (
            ("morning", "5:00", [1200, 1200, 600], {}),
            ("notice", "5:30", [600], {"priority": "priority"}),
            ("evening", "17:00", [900, 900], {"volume": 95}),
            ("x", "17:10", [900], {"priority": "priority", "occurrence": "sl_x"}),
            ("y", "17:10", [600], {"priority": "priority", "occurrence": "sl_y", "volume": 40}),
            ("night", "23:00", [600], {}),
        ):
            start, items, offset = local(day, at), [], 0.0
            for index, seconds in enumerate(lengths):
                items.append(Item(at=offset, seconds=seconds, clip=clip(100 * day + 10 * len(made) + index)))
                offset += seconds
            ends = start + timedelta(seconds=offset)
            told = {"late": "join", "not_after": ends, **more}
            if "occurrence" in more:
                told["occurrence"] += f"@{start.isoformat()}"
            made.append(ticket(f"air_{day}_{name}", start, *items, **told))
    alarm = Item(at=0, seconds=120, clip=clip(999_999))
    made.append(ticket("air_2_alarm", local(2, "2:00"), alarm, kind="emergency", priority="emergency", late="play"))
    return made


def should_sound(tickets, at):
    """Airing and item at an instant, from the rules; None for silence."""
    hour = at.astimezone(VILLAGE).hour
    quiet = hour >= 22 or hour < 5
    rank = {"emergency": 0, "priority": 1, "ordinary": 2}
    found = []
    for one in tickets:
        if not one.starts_at <= at < one.ends_at or (quiet and one.kind != "emergency"):
            continue
        index = max(n for n, item in enumerate(one.items) if one.starts_at + timedelta(seconds=item.at) <= at)
        put_behind = (one.occurrence or "").startswith("sl_x") and any(
            (other.occurrence or "").startswith("sl_y") and other.starts_at <= at < other.ends_at for other in tickets
        )
        found.append((rank[one.priority], put_behind, one.starts_at, (one.id, index)))
    return min(found)[-1] if found else None


@dataclass
class Ear:
    """What sounded: key, from, to, volume."""

    book: Book
    heard: list = field(default_factory=list)
    on: tuple | None = None

    def decided(self, situation, decision, now):
        """Every decision is looked at by what comes of it."""

    def began(self, playing):
        self.on = (playing.sound.key, playing.started, self.book.volume_for(playing.sound.ticket))

    def ended(self, playing, stretch):
        key, started, volume = self.on
        self.heard.append((key, started, started + timedelta(seconds=stretch.out), volume))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_station_alone_for_a_week_keeps_timetable_quiet_hours_volume_and_order(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    tickets = week()
    signer = Signer(KEY)
    identity = Identity(
        server="http://127.0.0.1:9", station=STATION, token="x" * 20, name="Loa", unit_path=["79", "79.123"],
        server_keys=[signer.public_jwk],
    )  # fmt: skip
    disk = Disk(files={f"{item.clip.opus.sha256}.opus" for one in tickets for item in one.items})
    begin, end = seconds_of(MONDAY), seconds_of(MONDAY) + DAYS * 86_400
    cuts = sorted(chance.uniform(begin, end) for _ in range(8))
    cuts += [seconds_of(local(chance.randrange(DAYS), at)) + chance.uniform(5, 590) for at in ("5:00", "5:31", "17:12")]
    plan = PlanDocument(
        station=STATION, issued_at=MONDAY - timedelta(hours=1), until=MONDAY + timedelta(days=8), settings=SETTINGS,
        airings=[signer.sign(one) for one in tickets],
    )  # fmt: skip
    with closing(Store(tmp_path / "station.db")) as store:
        Book(store, identity, MONDAY).take_plan(plan, '"tag"', MONDAY)
    heard, off, at = [], [], begin
    for until in [*sorted(cuts), end]:
        at = live(tmp_path, identity, disk, at, until, heard)
        off.append((at, at + OFF.total_seconds()))
        at += OFF.total_seconds()

    with closing(Store(tmp_path / "station.db")) as store:
        reports = [store.report_of(key) for key in store.done()]
        assert store.outbox_size() == sum(len(one.items) for one in tickets) == len(reports)
    assert {(one.outcome, one.reason) for one in reports if one.airing.endswith("_night")} == {
        ("missed", "quiet_hours")
    }
    loudness = {volume for key, _, _, volume in heard if "_evening" in key[0]}
    assert loudness == {80}  # the unit's own limit, not the 95 of the ticket
    assert {volume for key, _, _, volume in heard if key[0].endswith("_y")} == {40}
    assert {volume for key, _, _, volume in heard if "_morning" in key[0]} == {60}
    wrong = []
    for second in range(0, DAYS * 86_400, 7):
        instant = begin + second + 0.5
        if any(start - 1 <= instant <= stop + 2 for start, stop in off):
            continue
        now = MONDAY.astimezone(UTC) + timedelta(seconds=second + 0.5)
        sounds = [key for key, first, last, _ in heard if first <= now < last]
        expected = should_sound(tickets, now)
        if sounds != ([expected] if expected else []):
            wrong.append((now, sounds, expected))
    assert wrong == []
    assert ("air_2_alarm", 0) in {key for key, _, _, _ in heard}  # an emergency passes the quiet hours


def live(folder, identity, disk, at, until, heard):
    """From a start until the power fails; returns when that was, in seconds since 1970."""
    now = [at]
    clock = StationClock(
        monotonic=lambda: now[0] - at, wall=lambda: now[0], boot_clock=lambda: now[0] - at, boot=f"boot {at}",
        battery=True, anchor=Anchor(boot_id="another", from_boot=0.0, from_wall=0.0, noted=at - 60),
    )  # fmt: skip
    with closing(Store(folder / "station.db")) as store:
        book = Book(store, identity, clock.now())
        ear = Ear(book, heard)
        shelf = Cupboard(disk)
        assert ready_until(book, shelf, clock.now()) == MONDAY + timedelta(days=8)
        player = VirtualPlayer(book, shelf, clock, ear)
        while now[0] < until:
            again = at + player.look()
            now[0] = min(max(again, now[0]), until)
        player.power_fails()
    return until
