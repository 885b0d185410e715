"""Relays at a station: what sounds of a broadcaster's stream, and what sounds in its stead."""

from datetime import timedelta

import numpy as np
import pytest
from relay_lab import FORMS, Broadcaster, encoded, live, noise
from station_lab import eventually, heard, start_up_seconds, ticket

from core.clock import parse_instant, utc_now
from core.outside import Outside
from core.wire import Item
from station.accounting import Stretch, verdict
from station.decoding import BYTES_A_SAMPLE
from station.due import Progress
from station.relaying import RATE, Relays, RelaySource, RelayStream, soon_relayed

CHUNK = RATE // 10
SOUND = noise(40.0, 3)


@pytest.fixture
def broadcaster():
    server = Broadcaster()
    yield server
    server.close()


@pytest.fixture
def outside():
    return Outside(["127.0.0.1"])


class Stream:
    """A stream of which a test says what has come."""

    def __init__(self):
        self.sounding = True
        self.held = 5.0
        self.closed = False

    def is_sounding(self):
        return self.sounding

    def held_seconds(self):
        return self.held

    def keep_newest(self, seconds):
        self.held = min(self.held, seconds)

    def take(self, frames, patience):
        if self.held < frames / RATE:
            return b""
        self.held -= frames / RATE
        return b"\x10\x10" * frames

    def close(self):
        self.closed = True


def is_live(source):
    before = source.live_frames
    assert len(source.read(CHUNK)) == CHUNK * BYTES_A_SAMPLE
    return source.live_frames > before


def test_a_relay_is_live_only_while_enough_of_it_has_come_and_it_sounds():
    stream = Stream()
    source = RelaySource(stream, None)
    stream.held = 1.0
    assert not is_live(source)
    stream.held = 8.0
    assert is_live(source)
    assert stream.held == pytest.approx(2.9)  # what was older was let go
    while stream.held > 0.15:
        assert is_live(source)
    stream.held = 0.0
    assert not is_live(source)
    stream.held = 2.0
    assert not is_live(source)  # not back for every drop
    stream.held = 3.5
    assert is_live(source)
    stream.sounding = False
    assert not is_live(source)
    assert 0 < source.live_share() < 1
    source.close()
    assert (stream.closed, source.is_closed) == (True, True)


def test_without_a_fallback_there_is_silence_and_it_enters_softly():
    stream = Stream()
    stream.held = 0.0
    source = RelaySource(stream, None)
    assert source.read(CHUNK) == bytes(CHUNK * BYTES_A_SAMPLE)
    stream.held = 4.0
    first = np.frombuffer(source.read(CHUNK), np.int16)
    assert abs(int(first[0])) < 50
    assert first[-1] == 0x1010
    assert np.abs(np.diff(first)).max() < 0x1010 / 20


@pytest.mark.parametrize("form", ["mp3", "ogg"])
def test_a_stream_is_decoded_as_it_comes_and_only_its_newest_is_kept(broadcaster, outside, form):
    broadcaster.pages["/live"] = live(encoded(SOUND, *FORMS[form]), burst=10**9, ends=False)
    stream = RelayStream(outside, broadcaster.url("/live"))
    try:
        eventually(lambda: stream.held_seconds() > 29)
        assert stream.is_sounding()
        assert stream.held_seconds() < 30.2
        stream.keep_newest(3.0)
        assert stream.held_seconds() == pytest.approx(3.0, abs=0.2)
        pcm = np.frombuffer(stream.take(2 * RATE, 1.0), np.int16)
        assert np.sqrt(np.mean(pcm.astype(float) ** 2)) == pytest.approx(0.1 * 32_768, rel=0.25)
    finally:
        stream.close()


@pytest.mark.parametrize("content", [b"", b"<html>" * 5_000, b"\x7fELF" + bytes(50_000)])
def test_what_is_no_sound_is_asked_for_again_and_harms_nothing(broadcaster, outside, content):
    broadcaster.pages["/live"] = content
    stream = RelayStream(outside, broadcaster.url("/live"))
    try:
        eventually(lambda: len(broadcaster.asked) >= 2)
        assert not stream.is_sounding()
        assert stream.take(CHUNK, 0.0) == b""
    finally:
        stream.close()


def test_streams_are_opened_before_their_time_once_and_closed_when_nobody_takes_them(broadcaster, outside):
    broadcaster.pages["/live"] = live(encoded(SOUND, *FORMS["mp3"]), ends=False)
    at = [0.0]
    relays = Relays(outside, clock=lambda: at[0])
    key = ("air_1", 0)
    for at[0] in (0.0, 2.0, 4.0):
        relays.warm({key: broadcaster.url("/live")})
    source = relays.source(key, broadcaster.url("/live"), None)
    relays.warm({key: broadcaster.url("/live")})  # it is on air: no second stream
    eventually(lambda: source.read(CHUNK) and source.live_frames > 0)
    assert len(broadcaster.asked) == 1
    source.close()
    relays.warm({("air_2", 0): broadcaster.url("/live")})
    eventually(lambda: len(broadcaster.asked) == 2)
    at[0] = 60.0
    relays.warm({})
    relays.warm({("air_2", 0): broadcaster.url("/live")})
    eventually(lambda: len(broadcaster.asked) == 3)
    relays.close()


def test_only_relays_that_begin_soon_or_are_due_are_opened():
    now = utc_now()
    relay = Item(at=0, seconds=60, relay="https://radio.example/live")
    told = {}
    for name, begins in (("past", -70), ("due", -30), ("soon", 10), ("later", 40)):
        one = ticket(name, now + timedelta(seconds=begins), relay)
        told |= soon_relayed([(one.starts_at, one, relay)], now)
    assert set(told) == {("due", 0), ("soon", 0)}


@pytest.mark.parametrize(
    ("share", "peak_db", "told"),
    [
        (1.0, -3.0, ("played", None)), (0.95, -3.0, ("played", None)), (0.5, -3.0, ("partial", "relay_down")),
        (0.0, -3.0, ("partial", "relay_down")), (0.0, -90.3, ("missed", "relay_down")), (0.0, None, ("missed", "relay_down")),
    ],
)  # fmt: skip
def test_a_relay_that_was_not_heard_is_told_as_such(share, peak_db, told):
    stretch = Stretch(utc_now(), 0.0, 60.0, 60.0, ran_out=True, peak_db=peak_db)
    assert verdict(Progress(), stretch, silent=False, live_share=share) == told


@pytest.mark.realtime
def test_a_relay_sounds_at_its_instant_and_its_fallback_when_it_breaks_off(server, player, clips, broadcaster):
    content = encoded(SOUND, *FORMS["mp3"])
    broadcaster.pages["/live"] = live(content, burst=64_000)
    gone = live(content[: 64_000 + 8_000 * 14], burst=64_000)
    broadcaster.pages["/breaks"] = gone
    clip = clips.make(server, 2.0)
    start = utc_now() + timedelta(seconds=14 + 3 * max(0.0, start_up_seconds() - 0.5))
    server.plan(
        ticket("air_1", start, Item(at=0, seconds=6, relay=broadcaster.url("/live"))),
        ticket(
            "air_2",
            start + timedelta(seconds=7),
            Item(at=0, seconds=12, relay=broadcaster.url("/breaks"), fallback=clip),
        ),
    )
    player.start()
    eventually(lambda: broadcaster.asked.count("/breaks") >= 1, 90)
    broadcaster.pages["/breaks"] = b""
    first = server.report("air_1", seconds=90)
    assert (first["outcome"], first["seconds"]) == ("played", pytest.approx(6, abs=0.1))
    assert abs((parse_instant(first["started_at"]) - start).total_seconds()) < 0.05
    second = server.report("air_2", seconds=90)
    player.stop()
    (one,) = heard(player, "air_1")
    level = np.sqrt(np.mean((one.samples[RATE : 5 * RATE] / 32_768.0) ** 2))
    assert level == pytest.approx(0.1, rel=0.3)  # the broadcaster's noise, not silence
    assert (second["outcome"], second["reason"]) == ("partial", "relay_down")
    (other,) = heard(player, "air_2")
    seconds = other.samples[: other.seconds.__floor__() * RATE].reshape(-1, RATE)
    assert (np.sqrt(np.mean((seconds / 32_768.0) ** 2, axis=1)) > 0.01).all()  # no second of it was silent
