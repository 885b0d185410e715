"""The picture of a sound, made while it streams by."""

import tracemalloc

import numpy as np
import pytest

from audio.shapes import MOST_STEPS, Shape


def picture(samples: np.ndarray, block: int) -> bytes:
    shape = Shape()
    for at in range(0, len(samples), block):
        shape.feed(samples[at : at + block])
    return shape.finish()


@pytest.mark.parametrize("length", [1, 15, 16, 12_799, 12_801, 25_600, 25_601, 25_617, 300_007])
@pytest.mark.parametrize("block", [1_000, 7_777, 400_000])
def test_a_click_at_three_quarters_of_a_sound_shows_there_however_it_comes(length, block):
    samples = np.zeros(length, np.float32)
    samples[length * 3 // 4] = -0.5
    seen = picture(samples, block)
    steps = np.frombuffer(seen, np.uint8)
    assert 0 < len(seen) <= MOST_STEPS
    assert list(steps[steps > 0]) == [128]
    assert abs(int(steps.argmax()) / len(steps) - 0.75) < 0.01 + 1 / len(steps)


def test_a_picture_has_at_least_four_hundred_steps_of_anything_longer_than_a_moment():
    for length in (6_400, 12_801, 25_601, 51_201, 1_000_003):
        assert 400 <= len(picture(np.ones(length, np.float32), 5_000)) <= MOST_STEPS


def test_every_step_is_the_highest_sample_of_its_stretch():
    random = np.random.default_rng(4)
    samples = (random.standard_normal(204_800) * np.linspace(0, 0.2, 204_800)).astype(np.float32)
    steps = np.frombuffer(picture(samples, 3_331), np.uint8)
    assert len(steps) == 800
    stretches = np.abs(samples).reshape(800, 256).max(axis=1)
    assert np.array_equal(steps, np.clip(np.rint(stretches * 255), 0, 255))


def test_silence_is_zero_full_scale_and_more_is_255_and_nothing_at_all_is_empty():
    assert set(picture(np.zeros(50_000, np.float32), 4_096)) == {0}
    assert set(picture(np.full(50_000, -1.0, np.float32), 4_096)) == {255}
    assert set(picture(np.full(50_000, 9.0, np.float32), 4_096)) == {255}
    assert Shape().finish() == b""


def test_three_hours_stay_eight_hundred_bytes_in_little_memory():
    block, shape = np.full(65_536, 0.25, np.float32), Shape()
    tracemalloc.start()
    for _ in range(3 * 3_600 * 48_000 // 65_536):
        shape.feed(block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(shape.finish()) == {64}
    assert len(shape.finish()) <= MOST_STEPS
    assert peak < 1_000_000
