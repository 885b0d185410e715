"""The stream of one place, made by hand at instants of the test's choosing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from radio_lab import RATE, chirp, decoded, place_of

from audio import ffmpeg as encoder
from audio.deadline import Deadline
from core.allowed import Allowed
from core.clock import zone
from core.errors import NotFound
from scheduler.broadcast import Script, Sound, Spot
from scheduler.claims import Claim, Piece
from web.radio.channel import BURST_SECONDS, Channel
from web.radio.frames import SECONDS

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
SOUNDS = {"a": chirp(4.0, 1), "b": chirp(4.0, 2), "alarm": chirp(3.0, 3)}
OPEN = Allowed(zone("Asia/Ho_Chi_Minh"))
OPENED: list[Channel] = []


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sounds")
    found = {}
    for name, sound in SOUNDS.items():
        targets = {"mp3": folder / f"{name}.mp3", "opus": folder / f"{name}.opus"}
        encoder.encode([sound], RATE, targets, Deadline(30))  # type: ignore[arg-type]
        found[name] = targets["mp3"]
    return found


def claim(name: str, at: float, seconds: float = 4.0, **more: object) -> Claim:
    """An airing of one sound, `at` seconds after NOW."""
    starts = NOW + timedelta(seconds=at)
    facts = {"emergency": False, "priority": "ordinary", "late": "join", "issued_at": LONG_AGO, **more}
    return Claim(
        id=f"air_{name}",
        starts_at=starts,
        not_after=starts + timedelta(minutes=10),
        pieces=(Piece(0.0, seconds, name),),
        **facts,
    )  # type: ignore[arg-type]


def script(*claims: Claim) -> Script:
    sounds = {(each.id, 0): Sound(each.id, each.pieces[0].sound, again=False) for each in claims}
    return Script({each.id: each for each in claims}, sounds, OPEN, frozenset())


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Whatever channels a test has made let go of their files."""
    yield
    while OPENED:
        OPENED.pop().close()


class Stand:
    """A channel with clocks that the test moves."""

    def __init__(self, files: dict[str, Path], *claims: Claim) -> None:
        def path_of(name: str) -> Path:
            if name not in files:
                raise NotFound
            return files[name]

        self.mono, self.wall = 1_000.0, NOW
        self.channel = Channel(Spot("un_a", "Xã A", (), ("unit:un_a",)), path_of, self.mono, self.wall)
        OPENED.append(self.channel)
        self.channel.follow(script(*claims))
        self.said: list[tuple[float, str]] = []
        self._taken = 0
        self.stream = b""

    def on(self, seconds: float, step: float = 1.0) -> None:
        """Let so much time go by, with a beat every `step`."""
        until = self.mono + seconds
        while self.mono < until - 1e-9:
            beat = min(step, until - self.mono)
            self.mono += beat
            self.wall += timedelta(seconds=beat)
            self.make()

    def make(self) -> None:
        self.channel.make(self.mono, self.wall)
        for piece in self.channel.pieces:
            if piece.number >= self._taken:
                self.stream += piece.data
                self.said.append((self.mono - 1_000.0, piece.title))
                self._taken = piece.number + 1

    def heard(self, name: str) -> tuple[float, float]:
        """When a sound began, in seconds after NOW by the stream's own time, and how well it is heard."""
        at, likeness = place_of(SOUNDS[name], decoded(self.stream))
        return at - BURST_SECONDS, likeness


def test_a_sound_begins_at_its_instant_within_half_a_frame(files: dict[str, Path]):
    stand = Stand(files, claim("a", 5.3), claim("b", 11.71))
    stand.on(17)
    for name, planned in (("a", 5.3), ("b", 11.71)):
        at, likeness = stand.heard(name)
        assert at == pytest.approx(planned, abs=0.016), name  # half a frame and what the search may err
        assert likeness > 0.95, name


def test_the_stream_has_neither_gap_nor_surplus_after_days(files: dict[str, Path]):
    stand = Stand(files, claim("a", 30))
    total = 0
    for _ in range(3_000):
        stand.mono += 97.3 / 20
        stand.wall += timedelta(seconds=97.3 / 20)
        stand.channel.make(stand.mono, stand.wall)
        total += len(stand.channel.pieces[-1].data)
    gone = 3_000 * 97.3 / 20 + BURST_SECONDS
    assert total / 8_000 == pytest.approx(gone, abs=2 * SECONDS)
    assert len(stand.channel.pieces) <= 12 / (97.3 / 20) + 1


def test_somebody_who_comes_in_the_middle_of_a_sound_hears_its_middle(files: dict[str, Path]):
    stand = Stand(files, claim("a", -2.0, 4.0))
    stand.on(3)
    heard = decoded(stand.stream)
    at, likeness = place_of(SOUNDS["a"][int(1.5 * RATE) :], heard)
    assert likeness > 0.95
    assert at - BURST_SECONDS == pytest.approx(-0.5, abs=0.016)


def test_a_process_that_stood_still_goes_on_with_the_present_and_does_not_catch_up_for_a_minute(files: dict[str, Path]):
    stand = Stand(files, claim("a", 70.0))
    stand.on(2)
    before = len(stand.stream)
    stand.mono += 60
    stand.wall += timedelta(seconds=60)
    stand.make()
    assert (len(stand.stream) - before) / 8_000 < BURST_SECONDS + 1.5
    assert stand.channel.pieces[-1].title == ""
    stand.on(14)
    assert stand.heard("a")[1] > 0.95


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0, 0.7])
def test_when_the_clock_on_the_wall_is_set_the_stream_goes_on_at_its_pace_and_keeps_to_the_new_time(
    files: dict[str, Path], jump: float
):
    stand = Stand(files, claim("a", 8.0 + jump))
    stand.on(3)
    before = len(stand.stream)
    stand.wall += timedelta(seconds=jump)
    stand.on(12)
    assert (len(stand.stream) - before) / 8_000 == pytest.approx(12, abs=0.1)
    at, likeness = stand.heard("a")
    assert likeness > 0.95
    assert at == pytest.approx(8.0, abs=0.05)


def test_an_emergency_that_becomes_known_late_is_heard_from_its_first_word_and_what_it_cut_goes_on_behind_it(
    files: dict[str, Path],
):
    ordinary = claim("a", 0.0, 4.0)
    stand = Stand(files, ordinary)
    stand.on(1)
    raised = NOW + timedelta(seconds=0.4)
    alarm = claim("alarm", 0.4, 3.0, emergency=True, priority="emergency", late="play", issued_at=raised)
    stand.channel.follow(script(ordinary, alarm))
    stand.on(7)
    at, likeness = stand.heard("alarm")
    assert likeness > 0.95
    assert at == pytest.approx(1.0, abs=0.03)
    assert [title for _, title in stand.said][-1] == ""


def test_what_is_withdrawn_is_silent_from_the_next_piece_on(files: dict[str, Path]):
    stand = Stand(files, claim("a", 0.0))
    stand.on(2)
    before = len(stand.stream)
    stand.channel.follow(script(claim("a", 0.0, withdrawn_at=stand.wall)))
    stand.on(3)
    assert np.abs(decoded(stand.stream[before:])[3 * 1_152 :]).max() < 1e-4


def test_a_file_that_is_not_there_is_silence_and_what_follows_is_heard(files: dict[str, Path]):
    (broken := files["a"].parent / "broken.mp3").write_bytes(b"torn")
    stand = Stand({**files, "torn": broken}, claim("torn", 0.0, 2.0), claim("missing", 2.0, 2.0), claim("b", 5.0))
    stand.on(10)
    assert not decoded(stand.stream[: int(7.5 * 8_000)]).any()
    assert stand.heard("b") == pytest.approx((5.0, 1.0), abs=0.05)


def test_titles_say_what_sounds_and_nothing_in_silence(files: dict[str, Path]):
    stand = Stand(files, claim("a", 2.5))
    stand.on(9)
    titles = {round(at): title for at, title in stand.said}
    assert titles[1] == titles[2] == titles[8] == titles[9] == ""
    assert titles[3] == titles[6] == "air_a"


def test_who_comes_gets_the_last_seconds_at_once(files: dict[str, Path]):
    stand = Stand(files)
    stand.on(20)
    first = stand.channel.recent
    burst = [piece for piece in stand.channel.pieces if piece.number >= first]
    assert BURST_SECONDS <= sum(len(piece.data) for piece in burst) / 8_000 + 0.1 < BURST_SECONDS + 1.1


def test_quiet_hours_that_can_not_be_read_are_silence_and_not_the_end(files: dict[str, Path]):
    stand = Stand(files)
    unreadable = Allowed(zone("Asia/Ho_Chi_Minh"), quiet_hours=(("late", "early"),))
    found = script(claim("a", 1.0))
    stand.channel.follow(Script(found.claims, found.sounds, unreadable, frozenset()))
    stand.on(6)
    assert not decoded(stand.stream).any()
    stand.channel.follow(script(claim("b", 7.0)))
    stand.on(7)
    assert stand.heard("b")[1] > 0.95
