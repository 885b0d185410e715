"""A speaker's sound on the server: paced, levelled, encoded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.live.flow import MOST_SECONDS, Flow
from audio.live.levelling import Leveller
from audio.live.speech import Speech
from web.radio import frames

RATE = 24_000
TENTH = RATE // 10


def pcm(samples: np.ndarray) -> bytes:
    return (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()


def tone(seconds: float, peak: float = 0.3, hertz: float = 1_000) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def level_db(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples * samples)) + 1e-9))


def test_what_comes_goes_out_in_order_as_soon_as_the_cushion_is_full():
    flow, sound = Flow(RATE), tone(1.0)
    flow.put(0, pcm(sound[:TENTH]))
    assert not flow.take(TENTH).any()
    flow.put(TENTH, pcm(sound[TENTH:]))
    heard = np.concatenate([flow.take(TENTH) for _ in range(10)])
    assert np.abs(heard - sound).max() < 1e-3


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), min_size=1, max_size=30))
def test_whatever_is_sent_again_or_left_out_no_sample_is_taken_twice_and_memory_is_bounded(calls):
    flow, sound = Flow(RATE), np.arange(30 * TENTH) % 30_000
    fresh = b""
    for first, count in calls:
        part = sound[first * TENTH : (first + count) * TENTH].astype("<i2").tobytes()
        fresh += flow.put(first * TENTH, part)
        assert flow.held_seconds <= MOST_SECONDS + 1e-6
    got = np.frombuffer(fresh, "<i2")
    places = sorted({place for first, count in calls for place in range(first, first + count)})
    assert len(got) <= len(places) * TENTH
    assert flow.next is not None
    assert len(got) + flow.lost == flow.next - calls[0][0] * TENTH


def test_a_gap_is_silence_and_afterwards_it_goes_on_with_what_comes():
    flow, sound = Flow(RATE), tone(0.5)
    flow.put(0, pcm(sound))
    assert level_db(np.concatenate([flow.take(TENTH) for _ in range(5)])) > -20
    assert not np.concatenate([flow.take(TENTH) for _ in range(20)]).any()
    flow.put(len(sound) + 5 * TENTH, pcm(sound))
    assert flow.lost == 5 * TENTH
    assert level_db(flow.take(TENTH)) > -20


def test_after_a_stall_the_delay_is_caught_up_with_in_the_pauses_and_no_word_is_lost():
    flow = Flow(RATE)
    word, pause = tone(0.4), np.zeros(round(0.4 * RATE), np.float32)
    speech = np.concatenate([word, pause] * 12)
    backlog = round(2.0 * RATE)
    flow.put(0, pcm(speech[:backlog]))  # two seconds at once
    heard, sent = [], backlog
    while flow.held_seconds > 0 and len(heard) < 400:
        if sent < len(speech):
            flow.put(sent, pcm(speech[sent : sent + 960]))
            sent += 960
            if sent >= len(speech) - 960:
                assert flow.held_seconds < 0.7
        heard.append(flow.take(960, last=sent >= len(speech)))
    whole = np.concatenate(heard)
    loud = np.abs(whole) > 0.02
    assert loud.sum() == pytest.approx(12 * (np.abs(word) > 0.02).sum(), rel=0.02)
    assert flow.left_out > RATE


@pytest.mark.parametrize("peak", [0.02, 0.1, 0.6])
def test_every_voice_comes_to_the_same_level_and_pauses_stay_quiet(peak: float):
    leveller = Leveller(RATE)
    noise = np.random.default_rng(1).normal(0, 0.0008, RATE).astype(np.float32)
    for _ in range(5):
        spoken = leveller.feed(tone(1.0, peak))
        paused = leveller.feed(noise)
    assert -21 < level_db(spoken[RATE // 2 :]) < -15
    assert level_db(paused) < level_db(noise) + 24.5
    assert leveller.gain_db <= 24


@pytest.mark.timeout(120)
def test_a_talk_becomes_frames_that_stand_for_themselves_and_ends_with_its_last_word():
    speech = Speech(RATE)
    speech.start()
    speech.put(0, pcm(tone(1.5)))
    speech.finish()
    assert speech.over.wait(60)
    made = speech.take()
    found = frames.split(made)
    assert sum(map(len, found)) == len(made)
    assert 1.5 <= len(found) * frames.SECONDS < 4
    assert not any(frames.reaches_back(frame) for frame in found)
    assert speech.flow.held_seconds == 0
