"""Who listens, how many may, and what becomes of those who don't keep up."""

import socket
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from radio_lab import without_titles
from village import FakeClock, Village

from core.database import Database
from core.errors import Busy, TooMany
from core.settings import Settings
from registry import units
from registry.models import Person, Unit
from scheduler import broadcast
from scheduler.broadcast import Spot
from web.radio import frames
from web.radio.channel import Channel
from web.radio.listener import META_EVERY, STUCK_SECONDS, Listener, prepare, titled
from web.radio.room import RadioRoom

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SPOT = Spot("un_a", "Xã A", (), ("unit:un_a",))


class Stage:
    """A channel of silence with a clock of the test's, and its listeners on socket pairs."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.channel = Channel(SPOT, lambda _: Path("/nothing"), self.now, NOW)
        self.channel.make(self.now, NOW)
        self.ends: list[socket.socket] = []

    def listener(self, *, titles: bool = False) -> tuple[Listener, socket.socket, bytes]:
        ours, theirs = socket.socketpair()
        self.ends += [ours, theirs]
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        prepare(ours)
        listener = Listener(self.channel, "x", self.now, titles=titles, public=True)
        first = listener.begin()
        listener.take(ours, self.now)
        theirs.setblocking(False)
        return listener, theirs, first

    def beat(self, *listeners: Listener, seconds: float = 1.0, title: str | None = None) -> list[bool]:
        self.now += seconds
        self.channel.make(self.now, NOW + timedelta(seconds=self.now - 1_000))
        if title is not None:
            self.channel.pieces[-1].title = title
        return [each.send(self.now) for each in listeners]


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    for end in made.ends:
        end.close()


def everything(end: socket.socket) -> bytes:
    found = b""
    while True:
        try:
            piece = end.recv(65_536)
        except BlockingIOError:
            return found
        if not piece:
            return found
        found += piece


def test_who_reads_gets_every_byte_once_and_in_order(stage: Stage):
    listener, end, got = stage.listener()
    for _ in range(30):
        assert stage.beat(listener) == [True]
        got += everything(end)
    found = frames.split(got)
    assert b"".join(found) == got
    assert len(found) * frames.SECONDS == pytest.approx(33, abs=0.1)
    assert listener.jumps == 0


def test_who_does_not_read_takes_no_memory_jumps_forward_on_waking_and_hears_whole_frames(stage: Stage):
    listener, end, got = stage.listener()
    reader, other, _ = stage.listener()
    for _ in range(15):
        stage.beat(listener, reader)
        everything(other)
    held = []
    tracemalloc.start()
    try:
        for _ in range(3):
            for _ in range(100):
                listener._moved_at = stage.now  # as if it took a byte now and then: it is slow, not stuck
                assert stage.beat(listener) == [True]
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(held[1:]) - held[0] < 10_000
    for _ in range(10):
        got += everything(end)
        assert stage.beat(listener) == [True]
    got += everything(end)
    assert listener.jumps >= 1
    found = frames.split(got)
    assert b"".join(found) == got
    assert len(got) < 400_000  # of 2.6 MB that were made meanwhile


def test_who_takes_nothing_for_twenty_seconds_is_let_go_and_nobody_else(stage: Stage):
    stuck, _, _ = stage.listener()
    reader, other, _ = stage.listener()
    gone_at = None
    for second in range(90):
        kept, well = stage.beat(stuck, reader)
        everything(other)
        assert well
        if not kept:
            gone_at = second
            break
    assert gone_at is not None
    assert gone_at >= STUCK_SECONDS


def test_who_hung_up_is_let_go(stage: Stage):
    listener, end, _ = stage.listener()
    end.close()
    assert stage.beat(listener) == [False]


def test_titles_come_at_their_places_once_each_and_the_sound_is_the_same_without_them(stage: Stage):
    listener, end, got = stage.listener(titles=True)
    plain, other, sound = stage.listener()
    for second in range(24):
        title = "" if second < 5 else "Thông báo: 'Họp'; tối nay" if second < 12 else "Tiêm chủng 💉"
        stage.beat(listener, plain, title=title)
        got += everything(end)
        sound += everything(other)
    found, titles = without_titles(got, META_EVERY)
    assert sound.startswith(found)
    assert len(found) > 150_000
    assert [at for at, _ in titles] == [META_EVERY * (n + 1) for n in range(len(titles))]
    said = [words.decode() for _, words in titles if words]
    assert said == ["StreamTitle='';", "StreamTitle='Thông báo: 'Họp’; tối nay';", "StreamTitle='Tiêm chủng 💉';"]


@pytest.mark.parametrize("title", ["", "x" * 15, "ệ" * 3_000, "💉" * 3_000, "'; StreamUrl='http://x';"])
def test_a_title_of_any_length_is_a_block_that_players_can_read(title: str):
    block = titled(title)
    assert len(block) == 1 + block[0] * 16
    words = block[1:].rstrip(b"\0").decode()
    assert words.startswith("StreamTitle='")
    assert words.count("';") == 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def room(database: Database, settings: Settings, clock: FakeClock) -> Iterator[RadioRoom]:
    made = RadioRoom(
        database, settings.model_copy(update={"radio_listeners": 5, "radio_listeners_per_address": 3}), clock
    )
    yield made
    made.close()


def spot(village: Village, name: str) -> Spot:
    with village.database.read() as session:
        return broadcast.spot(session, name)


def test_so_many_listen_from_one_address_and_altogether_and_places_become_free_again(room: RadioRoom, village: Village):
    here, there = spot(village, "79.1"), spot(village, "79.2")
    first = [room.join(here, "10.0.0.1", titles=False, public=True) for _ in range(3)]
    with pytest.raises(TooMany):
        room.join(there, "10.0.0.1", titles=False, public=True)
    room.join(there, "10.0.0.2", titles=True, public=True)
    room.join(there, "10.0.0.3", titles=True, public=True)
    with pytest.raises(Busy):
        room.join(there, "10.0.0.4", titles=True, public=True)
    assert (room.listening, room.channels, room.listening_to(here.id)) == (5, 2, 3)
    for _ in range(2):
        room.leave(first[0])
    assert (room.listening, room.listening_to(here.id)) == (4, 2)
    room.join(there, "10.0.0.4", titles=True, public=True)


def test_a_place_that_can_not_be_read_takes_nobodys_place(room: RadioRoom, village: Village):
    here = spot(village, "79.1")
    village.database.dispose()
    (village.settings.home / "loa.db").write_bytes(b"no database")
    for _ in range(10):
        with pytest.raises(Exception, match="database"):
            room.join(here, "10.0.0.1", titles=False, public=True)
    assert room.listening == 0


def test_who_listens_without_leave_is_cut_off_when_the_place_is_closed_to_them(room: RadioRoom, village: Village):
    open_radio(village, True)
    here = spot(village, "79.1")
    stranger = room.join(here, "10.0.0.1", titles=False, public=True)
    member = room.join(here, "10.0.0.2", titles=False, public=False)
    open_radio(village, False)
    assert stranger.over.wait(10)
    assert not member.over.is_set()


def test_who_lost_the_right_to_see_the_place_is_cut_off_too(room: RadioRoom, village: Village):
    cast = village.cast
    here = spot(village, "79.1")
    viewer = room.join(here, "10.0.0.1", titles=False, public=False, person=cast.people["viewer"])
    writer = room.join(here, "10.0.0.2", titles=False, public=False, person=cast.people["writer"])
    with village.database.write() as session:
        person = session.get_one(Person, cast.people["viewer"])
        person.active = False
        session.add(person)
    open_radio(village, None)  # something that makes the room look again
    assert viewer.over.wait(10)
    assert not writer.over.is_set()


def open_radio(village: Village, public: bool | None, unit: str = "commune_a") -> None:
    with village.database.write() as session:
        here = session.get_one(Unit, village.cast.units[unit])
        units.open_radio(session, village.actor("root"), here, public, village.clock())


def test_closing_lets_everybody_go_and_nobody_in(room: RadioRoom, village: Village):
    here = spot(village, "79.1")
    listener = room.join(here, "10.0.0.1", titles=False, public=True)
    room.close()
    assert listener.over.is_set()
    assert room.listening == 0
    with pytest.raises(Busy):
        room.join(here, "10.0.0.1", titles=False, public=True)


def test_a_beat_that_fails_is_logged_and_the_next_one_sends_again(
    room: RadioRoom, village: Village, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    failures = iter([OSError("no more"), ValueError("broken")])
    right = RadioRoom._everybody

    def everybody(self: RadioRoom) -> list[Listener]:
        if (error := next(failures, None)) is not None:
            raise error
        return right(self)

    monkeypatch.setattr(RadioRoom, "_everybody", everybody)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        listener = room.join(spot(village, "79.1"), "10.0.0.1", titles=False, public=True)
        prepare(ours)
        listener.begin()
        room.hand_over(listener, ours)
        theirs.settimeout(10)
        assert frames.is_head(theirs.recv(1_000))
    assert [record.levelname for record in caplog.records].count("ERROR") == 2
