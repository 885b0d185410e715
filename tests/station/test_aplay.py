"""Sound through a pipe to `aplay`: on its instant, with a card that fails, hangs, is unplugged and comes back."""

import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from station_lab import eventually

from core.errors import EngineFailed, InvalidInput
from station import pipes
from station.aplay import Aplay
from station.mixing import Mixer
from station.outputs import open_output, parse_output
from station.pipes import PipeOutput
from station.voice import ToneSource, Voice

pytestmark = pytest.mark.realtime

RATE = 48_000
# What stands in aplay's place: the same arguments, the same buffer that is filled before the card starts, a card that
# takes samples at its own rate. It keeps what it played and when the first sample left.
STAND_IN = """#!{python}
import json, os, sys, time
given = dict(one.removeprefix("--").partition("=")[::2] for one in sys.argv[1:])
assert (given["format"], given["channels"], given["file-type"]) == ("S16_LE", "1", "raw"), given
faults = json.load(open({faults!r}))
if faults.get("absent"):
    sys.exit("aplay: main:831: audio open error: No such file or directory")
rate = int(given["rate"])
buffer, period = (round(int(given[name]) * rate / 1e6) for name in ("buffer-time", "period-time"))
print("Its setup is:\\n  buffer_size  : %d\\n  period_size  : %d" % (buffer, period), file=sys.stderr, flush=True)
true_rate, start, taken, kept, starts = rate * (1 + faults.get("ppm", 0) * 1e-6), None, 0, bytearray(), []
def read():
    chunk = b""
    while len(chunk) < period * 2 and (piece := os.read(0, period * 2 - len(chunk))):
        chunk += piece
    return chunk
while chunk := read():
    frames, now = len(chunk) // 2, time.monotonic()
    if (start is None and taken + frames > buffer) or (start is not None and (now - start) * true_rate > taken):
        start = now - (taken / true_rate if start else 0)  # at the beginning, and when it has run dry
        starts.append((taken if len(starts) else 0, start))
    if start is not None:
        time.sleep(max(0.0, start + (taken + frames - buffer) / true_rate - time.monotonic()))
    taken += frames
    kept += chunk
    if faults.get("unplugged_after") and taken > faults["unplugged_after"] * rate:
        sys.exit("aplay: pcm_write:2061: write error: No such device")
    if faults.get("hangs_after") and taken > faults["hangs_after"] * rate:
        time.sleep(60)
open({played!r}, "wb").write(kept)
json.dump({{"starts": starts, "rate": true_rate}}, open({played!r} + ".json", "w"))
"""


class Card:
    """A sound card with its `aplay`; `faults` holds what the next start of it does wrong."""

    def __init__(self, folder: Path):
        self.program, self.faults, self.played = folder / "aplay", folder / "faults.json", folder / "played.raw"
        self.has()
        self.program.write_text(
            STAND_IN.format(python=sys.executable, faults=str(self.faults), played=str(self.played))
        )
        self.program.chmod(0o755)

    def has(self, **faults: object):
        self.faults.write_text(json.dumps(faults))

    def open(self, device: str | None, rate: int):
        return Aplay(device, rate, program=str(self.program))

    def first_sound(self):
        """When the first sample that is not silence left (monotonic), all samples, and when the card began (again)."""
        told = json.loads(self.played.with_suffix(".raw.json").read_text())
        samples = np.frombuffer(self.played.read_bytes(), np.int16)
        first = int(np.argmax(samples != 0)) - 1
        start = [start for index, start in told["starts"] if index <= first][-1]
        return start + first / told["rate"], samples, [start + index / told["rate"] for index, start in told["starts"]]


@pytest.fixture
def card(tmp_path):
    return Card(tmp_path)


def tone(mixer, begins, seconds=0.5):
    voice = Voice(
        ToneSource(seconds, RATE), name="t", begins=begins, seconds=seconds, volume=100, catch_up=False, rate=RATE
    )
    voice.wait_ready(10)
    mixer.schedule(voice)
    return voice


def test_a_tone_leaves_the_card_at_its_instant(card):
    """On a machine so busy that the card runs dry around the tone, it is tried again: there it can't be on time."""
    card.has(ppm=150)
    for _ in range(8):
        mixer = Mixer()
        output = PipeOutput(mixer, "plughw:1,0", start=card.open)
        assert output.rate_for(RATE) == RATE
        time.sleep(1.0)  # silence, as before every airing
        begins = max(output.soonest(), time.monotonic() + 1.5)
        voice = tone(mixer, begins)
        eventually(lambda: voice.ended)  # noqa: B023
        output.close()
        voice.close()
        assert output.fault is None
        left, samples, dry_at = card.first_sound()
        if not any(begins - 1 < at < begins + 0.1 for at in dry_at):
            break
    assert abs(left - begins) < 0.02, f"{1000 * (left - begins):.1f} ms"
    assert (samples != 0).sum() == pytest.approx(0.5 * RATE, rel=0.05)


@pytest.mark.parametrize("faults", [{"absent": True}, {"unplugged_after": 0.3}, {"hangs_after": 0.3}])
def test_a_card_that_is_gone_is_told_the_timetable_runs_on_and_it_is_taken_again(card, faults, monkeypatch):
    monkeypatch.setattr(pipes, "_RETRY_SECONDS", 0.5)
    monkeypatch.setattr(pipes, "_STALL_SECONDS", 0.5)
    card.has(**faults)
    mixer = Mixer()
    output = PipeOutput(mixer, None, start=card.open)
    output.rate_for(RATE)
    voice = tone(mixer, output.soonest(), 2.0)
    eventually(lambda: output.fault == "no sound card")
    began = time.monotonic()
    eventually(lambda: voice.ended)
    assert time.monotonic() - began < 20
    voice.close()
    card.has()
    eventually(lambda: output.fault is None)
    output.close()


def test_without_aplay_there_is_a_clear_word():
    with pytest.raises(EngineFailed, match="aplay"):
        Aplay(None, RATE, program="/nowhere/aplay")


def test_in_silence_what_should_sound_goes_by_in_its_time():
    mixer = Mixer()
    output = PipeOutput(mixer, None, silent=True)
    output.rate_for(RATE)
    begins = output.soonest() + 2.0
    voice = tone(mixer, begins, 0.3)
    eventually(lambda: voice.ended)
    assert voice.started == pytest.approx(begins, abs=0.001)
    assert output.fault is None
    voice.close()
    output.close()


def test_devices_of_alsa_are_named():
    assert parse_output("aplay") == ("aplay", None)
    assert parse_output("aplay:plughw:CARD=Device,DEV=0") == ("aplay", "plughw:CARD=Device,DEV=0")
    for odd in ("aplay:", "aplay:-D x", "aplay:a b", "aplay:" + "x" * 81):
        with pytest.raises(InvalidInput):
            parse_output(odd)


def test_the_card_is_played_through_aplay_where_miniaudio_is_not_installed(monkeypatch):
    monkeypatch.setattr("station.outputs.has_miniaudio", lambda: False)
    monkeypatch.setattr("station.outputs.has_aplay", lambda: True)
    assert isinstance(open_output(("device", None), Mixer(), "st"), PipeOutput)
    assert isinstance(open_output(("null", None), Mixer(), "st"), PipeOutput)
    monkeypatch.setattr("station.outputs.has_aplay", lambda: False)
    with pytest.raises(EngineFailed, match="alsa-utils"):
        open_output(("device", None), Mixer(), "st")


@pytest.mark.skipif(shutil.which("aplay") is None, reason="needs Debian's package “alsa-utils”")
def test_the_real_aplay_takes_our_arguments_and_reports_its_buffer():
    """ALSA's null device takes everything at once: so it can't be held on time, but must be fed no faster than that."""
    mixer = Mixer()
    cards = []

    def start(device, rate):
        cards.append(Aplay(device, rate))
        return cards[-1]

    output = PipeOutput(mixer, "null", start=start)
    output.rate_for(RATE)
    voice = tone(mixer, output.soonest(), 2.0)
    began = time.monotonic()
    eventually(lambda: voice.ended)
    assert time.monotonic() - began > 0.5
    assert output.fault is None
    output.close()
    (card,) = cards
    assert card._told.keys() >= {"buffer_size", "period_size"}, card.last_words
    assert not card.is_running()
    voice.close()
