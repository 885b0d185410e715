"""The clock is set right while an item waits, or sounds: it sounds once, on its instant, and is accounted for once."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from station_lab import CODE, STATION, ticket

from core.clock import utc_now
from core.wire import Item, PlanDocument, StationSettings
from station.book import Book
from station.clock import Anchor, StationClock, seconds_of
from station.enrolment import enrol
from station.identity import Home
from station.mixing import Mixer
from station.player import Player
from station.shelf import Shelf
from station.store import Store

NOW = utc_now().replace(microsecond=0)
RATE = 48_000
BLOCK = 960


class Plain:
    """An output without a device: a sample handed over leaves 50 ms later. Its time is made up."""

    fault = None

    def __init__(self, time):
        self.time = time

    def rate_for(self, native):
        return RATE

    def soonest(self):
        return self.time[0] + 0.07

    def rest(self): ...
    def finish(self, voice, name): ...
    def close(self): ...


class Stage:
    """A player whose time is made up, with a clock that can be moved. By `frequency` the host's crystal lags behind."""

    def __init__(self, server, clips, folder: Path, late, frequency=0.0):
        identity = enrol(server.url, CODE, Home(folder / "home"))
        self.time = [1000.0]
        wall = seconds_of(NOW)
        known = Anchor(boot_id="this", from_boot=wall - 1000.0, from_wall=0.0, noted=wall, frequency=frequency)
        self.clock = StationClock(
            monotonic=lambda: self.time[0], wall=lambda: wall + self.time[0] - 1000.0, boot="this",
            boot_clock=lambda: self.time[0], anchor=known,
        )  # fmt: skip
        self.store = Store(folder / "station.db")
        self.book = Book(self.store, identity, NOW)
        self.mixer = Mixer(self.clock)
        clip = clips.make(server, 1.0)
        (folder / "audio").mkdir()
        (folder / "audio" / f"{clip.opus.sha256}.opus").write_bytes(server.media[f"{clip.opus.sha256}.opus"])
        shelf = Shelf(folder / "audio")
        self.start = NOW + timedelta(seconds=2)
        one = ticket(
            "air_1", self.start, Item(at=0, seconds=1.0, clip=clip), late=late, audience=[f"station:{STATION}"]
        )
        plan = PlanDocument(
            station=STATION, issued_at=NOW - timedelta(hours=1), until=NOW + timedelta(days=7),
            settings=StationSettings(volume=100, codec="opus"), airings=[server.signer.sign(one)],
        )  # fmt: skip
        self.book.take_plan(plan, '"1"', NOW)
        self.player = Player(self.book, shelf, self.clock, self.mixer, Plain(self.time))
        self.begun = []  # for each voice: the instant of its first sample, as it was then
        self.heard = 0.0

    def runs(self, seconds):
        for _ in range(round(seconds / 0.02)):
            self.time[0] += 0.02
            self.player.tick()
            voice = self.mixer.current()
            if voice is not None:
                voice.wait_for(0.1, 10)
            at = self.time[0] + 0.05
            self.heard += sum(len(each.pcm) / 2 / RATE for each in self.mixer.segments(at, BLOCK / RATE))
            voice = self.mixer.current()
            if voice is not None and all(voice is not known for known, _ in self.begun):
                self.begun.append((voice, self.clock.instant(voice.started)))


@pytest.fixture
def stage(server, clips, tmp_path, request):
    late, frequency = request.param if isinstance(request.param, tuple) else (request.param, 0.0)
    made = Stage(server, clips, tmp_path, late, frequency)
    with closing(made.store):
        yield made
        made.player.stop()


@pytest.mark.parametrize("stage", ["join", "play", "skip"], indirect=True)
@pytest.mark.parametrize("step", [0.3, -0.6, -5.0])
def test_an_item_that_waits_for_its_instant_begins_on_it_on_the_clock_as_it_is_then(stage, step):
    stage.runs(1.5)
    assert stage.mixer.waiting() is not None
    stage.clock.shift(step)
    stage.runs(8.0)
    ((_, began),) = stage.begun
    assert abs((began - stage.start).total_seconds()) < 0.005
    assert len(stage.store.outbox(10)) == 1
    assert '"outcome":"played"' in stage.store.outbox(1)[0]
    assert stage.heard == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("stage", ["join", "play", "skip"], indirect=True)
@pytest.mark.parametrize("step", [0.5, -0.5, -5.0, 30.0])
def test_what_sounds_goes_on_whole_and_sounds_once_when_the_clock_steps(stage, step):
    stage.runs(2.5)
    assert stage.player.playing() == ("air_1", 0)
    stage.clock.shift(step)
    stage.runs(9.0)
    assert len(stage.begun) == 1
    assert len(stage.store.outbox(10)) == 1
    assert '"outcome":"played"' in stage.store.outbox(1)[0]
    assert stage.heard == pytest.approx(1.0, abs=0.05)


CRYSTALS = [-2e-4, -1.4e-6, -1e-7, 0.0, 1e-7, 1.4e-6, 2e-4]


@pytest.mark.parametrize("stage", [("join", frequency) for frequency in CRYSTALS], indirect=True)
@pytest.mark.parametrize("held_up", [2.2, 2.3, 2.345678])
def test_what_is_entered_late_sounds_whatever_the_crystal_is_like(stage, held_up):
    """A second of the clock is not quite one of the crystal: an item must not seem to begin a hair after its instant."""
    stage.time[0] += held_up  # as after a power cut, in the middle of it
    stage.runs(3.0)
    ((_, began),) = stage.begun
    missed = (began - stage.start).total_seconds()
    assert 0.2 < missed < 0.5
    assert stage.heard == pytest.approx(1.0 - missed, abs=0.05)
    assert len(stage.store.outbox(10)) == 1
    assert '"outcome":"played"' in stage.store.outbox(1)[0]  # less than half a second of it is missing
