"""A live talk at a station: what it plays of it, how long it waits, and when it goes back to the programme."""

import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.deadline import Deadline
from audio.ffmpeg import encode_stream
from core.clock import utc_now
from core.outside import Outside
from core.wire import Item, StationSettings, Ticket
from station.accounting import Stretch
from station.decoding import BYTES_A_SAMPLE
from station.due import Progress, Situation, due
from station.live import DOWN_SECONDS, START_SECONDS, LiveSource, LiveStream, Talks, verdict
from station.relaying import RATE
from station.voice import Voice

NOW = utc_now()
CHUNK = RATE // 10
SECOND = timedelta(seconds=1)


class Tower:
    """A server that sends MP3 for a while and then says that the talk is over."""

    def __init__(self, sound: bytes) -> None:
        tower = self
        self.sound, self.is_over, self.breaks, self.calls = sound, False, 0, 0
        self.going_on = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tower.calls += 1
                self.send_response(410 if tower.is_over else 503 if tower.breaks else 200)
                tower.breaks = max(0, tower.breaks - 1)
                self.end_headers()
                if not tower.is_over:
                    self.wfile.write(tower.sound)
                    self.wfile.flush()
                    tower.going_on.wait(30)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def end(self) -> None:
        """The talk is over: the stream ends, and who asks again is told so."""
        self.is_over = True
        self.going_on.set()

    def close(self) -> None:
        self.going_on.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def sound() -> bytes:
    """Two seconds of a tone, encoded as a talk is."""
    wave = (0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * 24_000) / 24_000)).astype(np.float32)
    with encode_stream(iter([wave]), 24_000, Deadline(60), live=True) as pieces:
        return b"".join(pieces)


@pytest.fixture
def tower(sound: bytes):
    made = Tower(sound)
    yield made
    made.close()


class FakeClock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Stream:
    """A stream of which a test says what has come; waiting takes the time of a fake clock."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.held, self.over = clock, 0.0, threading.Event()
        self.quiet = False
        self.url = "here"

    def held_seconds(self) -> float:
        return self.held

    def wait(self, seconds: float, patience: float) -> bool:
        if self.held >= seconds - 1e-9 or self.over.is_set():
            return True
        self.clock.at += patience
        return False

    def take(self, frames: int, _patience: float) -> bytes:
        if self.held < frames / RATE - 1e-9:
            return b""
        self.held -= frames / RATE
        return (b"\0\0" if self.quiet else b"\x10\x10") * frames

    def take_now(self, frames: int) -> bytes:
        there = min(frames, round(self.held * RATE))
        self.held -= there / RATE
        return b"\x10\x10" * there

    def close(self) -> None:
        self.held = 0.0


def source_of(stream: Stream) -> tuple[LiveSource, list[object]]:
    down: list[object] = []
    return LiveSource(stream, down.append, clock=stream.clock), down  # type: ignore[arg-type]


def test_it_sounds_as_soon_as_a_little_of_it_has_come() -> None:
    stream = Stream(FakeClock())
    source, _ = source_of(stream)
    stream.held = START_SECONDS + 0.01
    assert len(source.read(CHUNK)) == CHUNK * BYTES_A_SAMPLE
    assert stream.clock.at == 0


def test_when_it_is_over_what_lies_here_still_sounds() -> None:
    stream = Stream(FakeClock())
    source, down = source_of(stream)
    stream.held = 0.25
    stream.over.set()
    heard = [source.read(CHUNK) for _ in range(4)]
    assert [len(each) // BYTES_A_SAMPLE for each in heard] == [CHUNK, CHUNK, CHUNK // 2, 0]
    assert source.is_over
    assert not down


def test_a_stream_that_breaks_off_is_given_up_after_a_while_and_kept_in_case_it_comes_back() -> None:
    stream = Stream(FakeClock())
    source, down = source_of(stream)
    assert source.read(CHUNK) == b""
    assert source.is_down
    assert DOWN_SECONDS <= stream.clock.at < DOWN_SECONDS + 1
    source.close()
    assert down == [stream]


def test_what_a_stall_has_delayed_is_caught_up_with_in_the_pauses() -> None:
    stream = Stream(FakeClock())
    source, _ = source_of(stream)
    stream.held = START_SECONDS
    source.read(CHUNK)
    stream.held = 2.0
    source.read(CHUNK)
    assert stream.held == pytest.approx(1.9), "words are all said"
    stream.quiet = True
    source.read(CHUNK)
    assert stream.held < 0.4, "pauses are left out"


@pytest.mark.timeout(120)
def test_a_real_stream_is_heard_and_its_end_is_told_from_a_broken_connection(tower: Tower) -> None:
    tower.breaks = 1
    talks = Talks(Outside(["127.0.0.1"]), tower.url)
    source = talks.source("/api/v1/live/key.mp3", 60)
    first = source.read(CHUNK)
    assert len(first) == CHUNK * BYTES_A_SAMPLE
    assert tower.calls == 2, "a refused connection is tried again at once"
    tower.end()
    rest = b""
    while piece := source.read(CHUNK):
        rest += piece
    assert source.is_over
    heard = (len(first) + len(rest)) / BYTES_A_SAMPLE / RATE
    assert 1.8 < heard < 2.3
    source.close()
    talks.close()


@pytest.mark.timeout(120)
def test_a_talk_that_broke_off_is_taken_up_again_when_it_is_back(tower: Tower) -> None:
    talks = Talks(Outside(["127.0.0.1"]), tower.url)
    path = "/api/v1/live/key.mp3"
    source = talks.source(path, 60)
    assert source.read(CHUNK)
    source.is_down = True  # as after seconds of nothing
    source.close()
    deadline = time.monotonic() + 60
    while talks.is_down(path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not talks.is_down(path), "enough of it has come again"
    again = talks.source(path, 60)
    assert again.read(CHUNK)
    talks.close()


def test_what_comes_late_is_said_all_the_same() -> None:
    class Slow:
        rate = RATE

        def __init__(self) -> None:
            self.given = threading.Semaphore(0)

        def read(self, frames: int) -> bytes:
            return b"\x10\x10" * frames if self.given.acquire(timeout=10) else b""

        def close(self) -> None:
            self.given.release()

    slow = Slow()
    voice = Voice(
        slow, name="talk", begins=0.0, seconds=2.0, volume=100, catch_up=False, rate=RATE, live_ahead=0.3
    )  # fmt: skip
    assert set(voice.read(CHUNK)) == {0}, "nothing has come yet"
    slow.given.release()
    voice.wait_ready(0.0)
    deadline = time.monotonic() + 30
    while voice.frames_out < CHUNK and time.monotonic() < deadline:
        voice.read(CHUNK)
    assert (voice.frames_out, voice.dropped) == (CHUNK, 0)
    slow.given.release()
    voice.close()


def ticket(kind: str, priority: str, name: str, *, issued: int = 0) -> Ticket:
    return Ticket(
        id=name, kind=kind, priority=priority, starts_at=NOW, ends_at=NOW + 600 * SECOND, late="join",  # type: ignore[arg-type]
        audience=["unit:79"], items=[Item(at=0, seconds=600, relay="/live.mp3")], approved_by="x",
        issued_at=NOW + issued * SECOND, not_after=NOW + 660 * SECOND,
    )  # fmt: skip


def chosen(*tickets: Ticket, after: float = 5, quiet: bool = False) -> str | None:
    settings = StationSettings(zone="UTC", quiet_hours=[("00:00", "23:59")] if quiet else [])
    situation = Situation(tickets, settings, frozenset({"unit:79"}), lambda _item: None, NOW)
    sound = due(situation, NOW + after * SECOND).sound
    return sound.ticket.id if sound else None


@given(st.permutations(["talk", "priority", "ordinary"]))
def test_who_speaks_goes_over_every_programme_whichever_began_first(order: list[str]) -> None:
    made = {
        "talk": ticket("live", "priority", "talk", issued=1), "priority": ticket("programme", "priority", "priority"),
        "ordinary": ticket("programme", "ordinary", "ordinary"),
    }  # fmt: skip
    assert chosen(*(made[each] for each in order)) == "talk"


def test_an_emergency_goes_over_who_speaks_and_the_later_one_over_an_emergency_that_is_spoken() -> None:
    talk, alarm = ticket("live", "priority", "talk", issued=2), ticket("emergency", "emergency", "alarm", issued=1)
    assert chosen(talk, alarm) == "alarm"
    spoken = ticket("live", "emergency", "spoken", issued=2)
    assert chosen(talk, alarm, spoken) == "spoken"
    assert chosen(spoken, ticket("emergency", "emergency", "later", issued=3)) == "later"


def test_who_speaks_keeps_the_quiet_hours_unless_it_is_an_emergency() -> None:
    assert chosen(ticket("live", "priority", "talk"), quiet=True) is None
    assert chosen(ticket("live", "emergency", "talk"), quiet=True) == "talk"


@pytest.mark.parametrize(
    ("sounded", "elapsed", "said"),
    [
        (58.0, 60.0, ("played", None)), (30.0, 60.0, ("partial", None)), (0.0, 60.0, ("missed", "relay_down")),
        (600.0, 900.0, ("played", None)),
    ],
)  # fmt: skip
def test_a_station_says_how_much_of_a_talk_was_heard(
    sounded: float, elapsed: float, said: tuple[str, str | None]
) -> None:
    stretch = Stretch(NOW, 0.0, 600.0, sounded, ran_out=True)
    assert verdict(Progress(), stretch, elapsed, silent=False) == said
    assert verdict(Progress(), stretch, elapsed, silent=True) == ("missed", "player_error")


def test_a_stream_keeps_only_the_newest(tower: Tower) -> None:
    stream = LiveStream(Outside(["127.0.0.1"]), tower.url)
    assert stream.wait(1.5, 60)
    stream.keep_newest(0.5)
    assert stream.held_seconds() <= 0.7
    stream.close()
