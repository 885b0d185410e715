"""Sound cards whose crystals are wrong, in virtual time: each item on its instant, and in step to its end."""

import array
import math
import random
from pathlib import Path

import numpy as np
import pytest
from station_lab import noise, write_wav

from station.alsa import buffer_seconds
from station.decoding import Decoder
from station.instep import JUMP_SECONDS, Place, SampleClock, stretched
from station.mixing import Mixer
from station.voice import ClipSource, ToneSource, Voice

RATE = 48_000
BLOCK = 960
BUFFERED = 0.04


class Corrected:
    """The corrected clock of a host whose monotonic clock runs `ppm` too fast."""

    def __init__(self, ppm=0.0):
        self.pace = 1 + ppm * 1e-6

    def elapsed(self, monotonic):
        return monotonic / self.pace

    def reading_of(self, elapsed):
        return elapsed * self.pace


class Card:
    """A sound card with three periods of buffer, its crystal `ppm` too fast, asking a little late now and then.

    `ask` gives the monotonic reading of a request and the true time at which the first sample of the answer leaves.
    """

    def __init__(self, ppm=0.0, host=None, lateness=0.0, seed=1, began=1000.0):
        self.rate = RATE * (1 + ppm * 1e-6)
        self.host = host or Corrected()
        self.lateness = lateness
        self.chance = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self.began = began
        self.stalled = 0.0
        self.count = 0

    def ask(self):
        leaves = self.began + self.stalled + self.count * BLOCK / self.rate
        asked = max(self.began, leaves - BUFFERED * RATE / self.rate)
        self.count += 1
        late = self.chance.uniform(0, self.lateness) + (self.lateness if self.chance.random() < 0.01 else 0)
        return self.host.reading_of(asked + late), leaves


@pytest.mark.parametrize("ppm", [200, -200, 0])
@pytest.mark.parametrize("host_ppm", [100, -100])
def test_after_half_an_hour_of_play_the_sound_is_still_on_its_instant(ppm, host_ppm):
    host = Corrected(host_ppm)
    card, clock, place = Card(ppm, host, lateness=0.01), SampleClock(RATE), None
    position, began, worst = 0, 0.0, 0.0
    for _ in range(10):  # silence, while its buffer fills for the first time
        clock.block(card.ask()[0], BLOCK, BUFFERED)
    for _ in range(30 * 60 * 50):
        asked, leaves = card.ask()
        at = clock.block(asked, BLOCK, BUFFERED)
        if place is None:
            place, began = Place(RATE, host.elapsed(at), may_skip=True), leaves
        correction = place.correction(host.elapsed(at), position, BLOCK)
        assert abs(correction) <= 1
        worst = max(worst, abs((leaves - began) - position / RATE))
        position += BLOCK + correction
    assert worst < 0.008, f"{worst * 1000:.1f} ms"


def voice_of(source, begins, seconds=10.0, *, catch_up=False):
    voice = Voice(source, name="v", begins=begins, seconds=seconds, volume=100, catch_up=catch_up, rate=RATE)
    voice.wait_ready(10)
    return voice


@pytest.mark.parametrize("ppm", [200, -200])
def test_the_first_samples_of_two_hundred_airings_leave_on_their_instants(ppm):
    host = Corrected(-ppm / 2)
    card, clock, mixer = Card(ppm, host, lateness=0.01), SampleClock(RATE), Mixer(host)
    errors, at, begins = [], 0.0, 1001.0
    for _ in range(200):
        voice = voice_of(ToneSource(0.06), host.reading_of(begins), 0.06)
        mixer.schedule(voice)
        begun = False
        while not voice.ended:
            asked, leaves = card.ask()
            at = clock.block(asked, BLOCK, BUFFERED)
            block = np.frombuffer(mixer.block(at, BLOCK, RATE), np.int16)
            if block.any() and not begun:
                first = int(np.argmax(block != 0)) - 1  # the tone's own first sample is 0
                errors.append(abs(leaves + first / card.rate - begins))
                begun = True
        voice.close()
        begins += 0.5
    assert len(errors) == 200
    assert sorted(errors)[197] < 0.005


class Counting:
    """Sample n has the value n, in steps that interpolation leaves recognisable."""

    rate = RATE

    def __init__(self, first=0):
        self._next = first

    def read(self, frames):
        values = array.array("h", ((self._next + k) % 32000 for k in range(frames)))
        self._next += frames
        return values.tobytes()

    def close(self): ...


def test_an_item_that_is_joined_enters_at_the_exact_sample():
    for late in (0.0, 0.00031, 0.25, 0.49999):
        mixer = Mixer()
        voice = voice_of(Counting(), begins=100.0, catch_up=True)
        voice.wait_for(0.6, 10)
        mixer.schedule(voice)
        block = np.frombuffer(mixer.block(100.0 + late, BLOCK, RATE), np.int16)
        assert block[0] == round(late * RATE)
        assert list(np.diff(block)) == [1] * (BLOCK - 1)
        voice.close()
    mixer = Mixer()
    voice = voice_of(Counting(), begins=100.0071)
    mixer.schedule(voice)
    block = np.frombuffer(mixer.block(100.0, BLOCK, RATE), np.int16)
    assert not block[:341].any()
    assert list(block[341:345]) == [0, 1, 2, 3]  # 7.1 ms are 340.8 samples
    voice.close()


def test_a_clip_entered_late_sounds_as_if_it_had_sounded_all_along(tmp_path: Path):
    sound = noise(3.0, 7)
    write_wav(tmp_path / "clip.wav", sound)
    source = ClipSource(Decoder(tmp_path / "clip.wav"), 1.0)
    mixer = Mixer()
    voice = voice_of(source, begins=50.0, catch_up=True)  # its second 1.0 was due at 50.0
    mixer.schedule(voice)
    heard = np.frombuffer(mixer.block(50.123456, BLOCK, RATE), np.int16)
    first = RATE + round(0.123456 * RATE)
    assert np.array_equal(heard, sound[first : first + BLOCK])
    voice.close()


@pytest.mark.parametrize("ppm", [150, -150])
def test_a_voice_is_kept_in_step_and_no_sample_is_lost_to_it(ppm):
    """The counting source shows at every block's beginning where in the item it is."""
    card, clock, mixer = Card(ppm), SampleClock(RATE), Mixer()
    voice = voice_of(Counting(), begins=1000.5, seconds=60)
    mixer.schedule(voice)
    seen, last = set(), np.zeros(1, np.int16)
    for _ in range(20 * 50):
        voice.wait_for(0.1, 10)
        asked, leaves = card.ask()
        block = np.frombuffer(mixer.block(clock.block(asked, BLOCK, BUFFERED), BLOCK, RATE), np.int16)
        if voice.started is None or leaves < 1001:
            last = block[-1:]
            continue
        place = round((leaves - 1000.5) * RATE) % 32000
        off = (int(block[0]) - place + 16000) % 32000 - 16000
        assert abs(off) < 0.004 * RATE
        steps = np.diff(np.concatenate([last, block]).astype(int))
        if last[0] < block[-1]:  # the count does not begin anew in it
            seen.update(steps.tolist())
        last = block[-1:]
    assert seen == ({1, 2} if ppm < 0 else {0, 1})  # no tear: a sample gained or lost is one step of 2 or 0
    assert not voice.dropped
    voice.close()


def played(card, seconds, frequency, *, naive):
    """A sine through a card that is out of step; `naive`: samples left out or said twice at once."""
    wave = np.round(16000 * np.sin(2 * np.pi * frequency * np.arange(round((seconds + 1) * RATE)) / RATE))
    pcm, out = wave.astype(np.int16), []
    clock, corrections, position = SampleClock(RATE), 0, 0
    for _ in range(10):
        began = clock.block(card.ask()[0], BLOCK, BUFFERED) + BLOCK / RATE
    place = Place(RATE, began, may_skip=True)
    for _ in range(round(seconds * 50)):
        asked, _ = card.ask()
        correction = place.correction(clock.block(asked, BLOCK, BUFFERED), position, BLOCK)
        piece = pcm[position : position + BLOCK + correction + 1]
        if not correction:
            out.append(piece[:BLOCK])
        elif naive:
            out.append(piece[:BLOCK] if correction > 0 else np.append(piece[: BLOCK - 1], piece[BLOCK - 2]))
        else:
            out.append(np.frombuffer(stretched(piece.tobytes(), BLOCK), np.int16))
        assert len(out[-1]) == BLOCK
        corrections += abs(correction)
        position += BLOCK + correction
    return np.concatenate(out).astype(float), corrections


def beside(signal, frequency, hertz):
    """The strongest line farther than so many Hz from the tone, in dB below it; and the tone's own noise in all."""
    window = np.blackman(len(signal))
    spectrum = np.abs(np.fft.rfft(signal * window)) ** 2
    frequencies = np.fft.rfftfreq(len(signal), 1 / RATE)
    near = np.abs(frequencies - frequency) <= hertz
    return 10 * np.log10(spectrum[~near].sum() / spectrum[near].sum())


@pytest.mark.parametrize("ppm", [200, -200])
@pytest.mark.parametrize("frequency", [440, 1000, 3150])
def test_samples_gained_and_lost_can_not_be_heard(ppm, frequency):
    """Beside the tone's own critical band nothing is louder than the noise of 16 bits would be at a quiet passage."""
    signal, corrections = played(Card(ppm), 20, frequency, naive=False)
    torn, _ = played(Card(ppm), 20, frequency, naive=True)
    assert 100 < corrections < 250  # 200 ppm of 20 s are 192 samples, less what is left to be made up
    band = max(100, frequency * 0.2)
    assert beside(signal, frequency, band) < -70
    assert beside(torn, frequency, band) > beside(signal, frequency, band) + 20
    clean, _ = played(Card(0), 20, frequency, naive=False)
    bend, bend_of_clean = (float(np.abs(np.diff(each, 2)).max()) for each in (signal, clean))
    assert bend <= 1.02 * bend_of_clean + 4  # no click: four samples, rounded by one at most


def test_a_stretched_block_joins_its_neighbours_without_a_seam():
    wave = [round(12000 * math.sin(k / 7)) for k in range(3000)]
    for gained in (-1, 1, 2):
        read = BLOCK + gained
        made = np.frombuffer(stretched(array.array("h", wave[: read + 1]).tobytes(), BLOCK), np.int16)
        assert len(made) == BLOCK
        ideal = np.interp(np.arange(BLOCK) * read / BLOCK, np.arange(3000), wave)
        assert np.abs(made - ideal).max() <= 1
        assert made[0] == wave[0]


@pytest.mark.parametrize("catch_up", [True, False])
def test_after_a_stall_a_joined_item_is_in_its_place_and_one_that_is_played_loses_no_word(catch_up):
    card, clock, mixer = Card(), SampleClock(RATE), Mixer()
    voice = voice_of(Counting(), begins=1000.5, seconds=60, catch_up=catch_up)
    mixer.schedule(voice)
    off = 0.0
    for number in range(200):
        voice.wait_for(0.5, 10)
        if number == 100:
            card.stalled = 0.3
        asked, leaves = card.ask()
        block = np.frombuffer(mixer.block(clock.block(asked, BLOCK, BUFFERED), BLOCK, RATE), np.int16)
        off = ((leaves - 1000.5) * RATE - int(block[-1]) + BLOCK - 1 + 16000) % 32000 - 16000
    voice.close()
    if catch_up:
        assert abs(off) < JUMP_SECONDS * RATE
        assert voice.dropped == pytest.approx(0.3 * RATE, abs=JUMP_SECONDS * RATE)
    else:
        assert abs(off - 0.3 * RATE) < JUMP_SECONDS * RATE
        assert voice.dropped == 0


def test_the_length_of_a_cards_buffer_is_what_the_kernel_tells(tmp_path: Path):
    used, closed = tmp_path / "card1/pcm0p/sub0", tmp_path / "card0/pcm3p/sub0"
    for folder in (used, closed):
        folder.mkdir(parents=True)
    for name in ("status", "hw_params"):
        (closed / name).write_text("closed\n")
    (used / "status").write_text("state: RUNNING\nowner_pid   : 4711\ntrigger_time: 99.1\ndelay       : 2400\n")
    (used / "hw_params").write_text(
        "access: RW_INTERLEAVED\nformat: S16_LE\nsubformat: STD\nchannels: 2\nrate: 44100 (44100/1)\n"
        "period_size: 1024\nbuffer_size: 4096\n"
    )
    assert buffer_seconds({4711, 5}, tmp_path) == 4096 / 44100
    assert buffer_seconds({12}, tmp_path) is None
    (used / "hw_params").write_text("no setup\n")
    assert buffer_seconds({4711}, tmp_path) is None
    assert buffer_seconds({4711}, tmp_path / "nothing") is None


@pytest.mark.parametrize("catch_up", [True, False])
def test_an_answer_that_comes_late_costs_nothing_when_the_card_did_not_run_dry(catch_up):
    """A busy machine: for a tenth of a second nobody answers, and then all requests at once."""
    card, clock, mixer = Card(), SampleClock(RATE), Mixer()
    voice = voice_of(Counting(), begins=1000.5, seconds=60, catch_up=catch_up)
    mixer.schedule(voice)
    held_until = 0.0
    for number in range(400):
        voice.wait_for(0.5, 10)
        asked, leaves = card.ask()
        if number % 50 == 49:
            held_until = asked + 0.1
        block = np.frombuffer(mixer.block(clock.block(max(asked, held_until), BLOCK, BUFFERED), BLOCK, RATE), np.int16)
        if number > 50:
            off = ((leaves - 1000.5) * RATE - int(block[0]) + 16000) % 32000 - 16000
            assert abs(off) < 0.003 * RATE
    assert not voice.dropped
    assert not voice.underruns
    voice.close()


def test_a_joined_item_that_is_ahead_waits_for_its_place():
    mixer = Mixer()
    voice = voice_of(Counting(), begins=100.0, catch_up=True)
    voice.wait_for(0.5, 10)
    mixer.schedule(voice)
    mixer.block(100.0, BLOCK, RATE)
    held = [np.frombuffer(mixer.block(99.95 + 0.02 * k, BLOCK, RATE), np.int16) for k in range(6)]
    assert not held[0].any()  # 70 ms ahead of its place
    place = (99.95 + 0.02 * 5 - 100.0) * RATE
    assert abs(int(held[5][0]) - place) < 0.001 * RATE
    assert not voice.dropped
    voice.close()


def test_on_a_busy_machine_one_prompt_answer_in_ten_seconds_is_enough():
    card, clock, chance = Card(-150), SampleClock(RATE), random.Random(5)  # noqa: S311 - chance that can be repeated
    worst = 0.0
    for number in range(50 * 120):
        asked, leaves = card.ask()
        prompt = number < 10 or number % 500 == 0
        at = clock.block(asked + (0.0 if prompt else chance.uniform(0.01, 0.045)), BLOCK, BUFFERED)
        if number > 10:
            worst = max(worst, abs(at - leaves))
    assert worst < 0.004, f"{worst * 1000:.1f} ms"


def test_a_short_stall_of_the_card_is_found_out_too():
    card, clock = Card(lateness=0.003), SampleClock(RATE)
    off = 0.0
    for number in range(50 * 40):
        if number == 100:
            card.stalled = 0.03  # less than its buffer: nobody is told
        asked, leaves = card.ask()
        off = clock.block(asked, BLOCK, BUFFERED) - leaves
    assert abs(off) < 0.004
