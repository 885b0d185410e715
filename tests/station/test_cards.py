"""A sound card that is away and comes back, on miniaudio's null device in its place."""

import time

import pytest
from station_lab import eventually

from station import cards
from station.cards import CardOutput
from station.mixing import Mixer
from station.voice import ToneSource, Voice

pytestmark = pytest.mark.realtime

RATE = 48_000


class Socket(CardOutput):
    """A machine whose sound card can be pulled out; the null device is what plays."""

    plugged_in = True

    def _device_on(self, miniaudio, rate, *, null):
        if not null and not self.plugged_in:
            raise miniaudio.MiniaudioError("no device")
        device = super()._device_on(miniaudio, rate, null=True)
        if not null:
            device.backend = "ALSA"
        return device


def tone(mixer, begins, seconds):
    voice = Voice(
        ToneSource(seconds, RATE), name="t", begins=begins, seconds=seconds, volume=100, catch_up=True, rate=RATE
    )
    voice.wait_ready(10)
    mixer.schedule(voice)
    return voice


def test_a_card_that_is_plugged_in_again_is_taken_while_something_sounds(monkeypatch):
    monkeypatch.setattr(cards, "_RETRY_SECONDS", 0.2)
    mixer = Mixer()
    output = Socket(mixer, null=False)
    output.plugged_in = False
    output.rate_for(RATE)
    voice = tone(mixer, output.soonest(), 60.0)
    assert output.fault == "no sound card"
    eventually(lambda: mixer.current() is voice)

    def looked():
        output.rest()
        return output.fault is None

    time.sleep(0.3)
    assert not looked()
    output.plugged_in = True
    eventually(looked)
    out = voice.frames_out
    eventually(lambda: voice.frames_out > out)
    output.close()
    voice.close()


def test_a_card_that_takes_nothing_any_more_is_told_and_the_timetable_runs_on(monkeypatch):
    monkeypatch.setattr(cards, "_STALL_SECONDS", 0.5)
    mixer = Mixer()
    output = Socket(mixer, null=False)
    output.rate_for(RATE)
    voice = tone(mixer, output.soonest(), 60.0)
    eventually(lambda: mixer.current() is voice)
    assert output.fault is None
    output._device.stop()  # pulled out: nobody asks for sound any more

    def looked():
        output.rest()
        return output.fault == "no sound card"

    eventually(looked)
    out = voice.frames_out
    eventually(lambda: voice.frames_out > out)
    output.close()
    voice.close()


def test_the_latency_is_that_of_the_buffer_and_what_lies_behind_the_card():
    mixer = Mixer()
    output = CardOutput(mixer, null=True, latency=0.5)
    output.rate_for(RATE)
    assert output._buffer == pytest.approx(0.02)  # the null device has one period
    assert output.soonest() - time.monotonic() > 0.5
    begins = output.soonest() + 0.5
    voice = tone(mixer, begins, 0.2)
    eventually(lambda: voice.started is not None)
    assert time.monotonic() < begins  # handed over half a second before it is heard
    assert voice.started == pytest.approx(begins, abs=0.001)
    output.close()
    voice.close()
