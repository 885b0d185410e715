"""Proof of sound: what a microphone makes of it, near and far, late, in noise, and with the amplifier off."""

import wave
from pathlib import Path

import numpy as np
import pytest
from station_lab import RATE, noise, write_wav

from core.errors import InvalidInput
from station.ear import Ear
from station.likeness import SLOT_SECONDS, compare, decibels
from station.microphone import Envelope, WavMicrophone, parse_microphone

HEAR_RATE = 16_000


def speech(seconds: float, seed: int) -> np.ndarray:
    """Noise in syllables and pauses, as speech has them: about four a second, one breath in ten silent."""
    generator = np.random.default_rng(seed)
    sound = noise(seconds, seed).astype(float)
    steps = np.arange(0, len(sound), RATE // 8)
    loud = generator.uniform(0.05, 1.0, len(steps)) * (generator.uniform(size=len(steps)) > 0.1)
    return (sound * np.interp(np.arange(len(sound)), steps, loud)).astype(np.int16)


def through_air(sound: np.ndarray, *, delay: float, gain: float, noise_rms: float, seed: int = 99) -> np.ndarray:
    """At 16 kHz, later, quieter, with an echo, band-limited as by a cheap microphone, and with the noise of the place."""
    picked = sound[:: RATE // HEAR_RATE].astype(float) * gain
    picked = np.convolve(picked, [0.5, 0.5], "same")
    late = np.concatenate([np.zeros(round(delay * HEAR_RATE)), picked, np.zeros(HEAR_RATE)])
    echo = np.concatenate([np.zeros(round(0.12 * HEAR_RATE)), late])[: len(late)] * 0.4
    place = np.random.default_rng(seed).standard_normal(len(late)) * noise_rms
    return np.clip(late + echo + place, -32768, 32767).astype(np.int16)


def ear() -> Ear:
    return Ear(WavMicrophone.__new__(WavMicrophone))


def judged(played: np.ndarray, heard: np.ndarray | None, at: float = 1_000.0, early: float = 0.0):
    """What the ear makes of it: both are handed over in blocks, as outputs and microphones do."""
    made = ear()
    for first in range(0, len(played), 960):
        made.went_out(at + first / RATE, played[first : first + 960].tobytes(), RATE)
    if heard is not None:
        whole = heard if early else np.concatenate([np.zeros(HEAR_RATE, np.int16), heard])
        for first in range(0, len(whole), 800):
            made._heard.add(at - (early or 1) + first / HEAR_RATE, whole[first : first + 800].tobytes(), HEAR_RATE)
    return made.judge(at, at + len(played) / RATE)


@pytest.mark.parametrize("delay", [0.0, 0.13, 0.5, 0.95])
@pytest.mark.parametrize("seconds", [4, 12, 40])
def test_what_comes_out_of_the_loudspeaker_is_heard_however_late(delay: float, seconds: int):
    sound = speech(seconds, seed=3)
    found = judged(sound, through_air(sound, delay=delay, gain=0.2, noise_rms=60))
    assert found is not None
    assert (found.heard, found.alike > 0.8) == ("yes", True)


def test_it_is_heard_through_noise_as_loud_as_itself():
    sound = speech(20, seed=4)
    level = float(np.sqrt(np.mean((sound * 0.2) ** 2)))
    found = judged(sound, through_air(sound, delay=0.4, gain=0.2, noise_rms=level))
    assert found is not None
    assert found.heard == "yes"


def test_an_amplifier_that_is_off_is_not_heard():
    sound = speech(12, seed=5)
    found = judged(sound, through_air(sound, delay=0.2, gain=0.0, noise_rms=3))
    assert found is not None
    assert (found.heard, found.heard_db < -66) == ("no", True)


def test_people_talking_on_the_square_are_not_the_broadcast():
    verdicts = []
    for seed in range(20):
        sound, others = speech(20, seed=100 + seed), speech(24, seed=500 + seed)
        found = judged(sound, through_air(others, delay=0.3, gain=0.2, noise_rms=60), early=1.5)
        assert found is not None
        verdicts.append(found.heard)
    assert "yes" not in verdicts
    assert verdicts.count("no") > 12


def test_people_who_talk_into_a_broadcast_do_not_hide_it():
    sound, others = speech(30, seed=6), speech(30, seed=7)
    mixed = (sound * 0.2 + others * 0.1).astype(np.int16)
    found = judged(sound, through_air(mixed, delay=0.6, gain=1.0, noise_rms=60))
    assert found is not None
    assert found.heard == "yes"


def test_too_short_or_not_listened_to_is_no_verdict():
    assert judged(speech(2, seed=1), through_air(speech(2, seed=1), delay=0, gain=1, noise_rms=1)) is None
    assert judged(speech(10, seed=1), None) is None


def test_what_was_played_too_softly_is_no_proof_of_anything():
    sound = (speech(10, seed=1) * 0.002).astype(np.int16)
    found = judged(sound, through_air(sound, delay=0, gain=1, noise_rms=50))
    assert found is not None
    assert found.heard == "unsure"


def test_levels_are_right_and_do_not_pile_up():
    envelope = Envelope(SLOT_SECONDS, 100)
    tone = (np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE) * 16384).astype(np.int16)
    for second in range(20):
        envelope.add(second * 1.0, tone.tobytes(), RATE)
    assert len(envelope._sums) == 100
    assert envelope.levels(1.0, 2.0) == [None] * len(envelope.levels(1.0, 2.0))
    assert all(level == pytest.approx(16384 / 2**0.5, rel=0.02) for level in envelope.levels(18.0, 19.5))
    assert decibels(32768.0) == 0
    assert decibels(0.0) == -120


def test_nothing_to_compare_is_no_verdict():
    assert compare([], []) is None
    assert compare([100.0] * 200, [None] * 200) is None


def test_a_file_is_heard_from_the_instant_at_which_sound_begins(tmp_path: Path):
    file = tmp_path / "heard.wav"
    write_wav(file, noise(1.0, 1))
    microphone = parse_microphone(f"wav:{file}")
    taken: list[tuple[float, bytes, int]] = []
    microphone.open(lambda at, pcm, rate: taken.append((at, pcm, rate)))
    microphone.feed(None)
    assert taken == []
    import time

    since = time.monotonic() - 1.5
    microphone.feed(since)
    assert taken[0][0] == since
    sound = b"".join(pcm for _, pcm, _ in taken)
    with wave.open(str(file)) as original:
        assert sound[: 2 * RATE] == original.readframes(RATE)
    assert set(sound[2 * RATE :]) == {0}  # silence after its end
    microphone.close()


@pytest.mark.parametrize("spec", ["", "wav:", "wav:/nowhere.wav", " "])
def test_what_is_no_microphone_is_refused(spec: str):
    with pytest.raises(InvalidInput):
        parse_microphone(spec)


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path):
    (tmp_path / "x.wav").write_bytes(b"RIFFxxxxWAVE")
    with pytest.raises(InvalidInput):
        parse_microphone(f"wav:{tmp_path / 'x.wav'}")
