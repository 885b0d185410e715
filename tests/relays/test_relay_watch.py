"""Silence and stalls in virtual time."""

import numpy as np
import pytest
from relay_lab import RATE, noise

from audio.relays.watch import Watch, level_db
from core.steadiness import SILENCE_SECONDS, STALL_SECONDS

SOUND = noise(0.1)
HISS = (SOUND * 0.01).astype(np.float32)


def fed(watch: Watch, block: "np.ndarray[tuple[int], np.dtype[np.float32]]", since: float, until: float) -> None:
    for step in range(round((until - since) * 10)):
        watch.heard(block, since + step / 10)


def test_it_sounds_after_two_seconds_of_sound() -> None:
    watch = Watch(0.0, rate=RATE)
    assert watch.state(1.0) == "waiting"
    fed(watch, SOUND, 1.0, 2.9)
    assert watch.state(2.9) == "waiting"
    fed(watch, SOUND, 2.9, 3.2)
    assert watch.state(3.2) == "sounding"


def test_silence_is_noticed_within_ten_seconds_and_its_end_after_two() -> None:
    watch = Watch(0.0, rate=RATE)
    fed(watch, SOUND, 0.0, 20.0)
    fed(watch, HISS, 20.0, 27.5)
    assert watch.state(27.5) == "sounding"
    fed(watch, HISS, 27.5, 28.5)
    assert watch.state(28.5) == "silent"
    fed(watch, SOUND, 30.0, 31.5)
    assert watch.state(31.5) != "sounding"
    fed(watch, SOUND, 31.5, 32.5)
    assert watch.state(32.5) == "sounding"
    assert SILENCE_SECONDS < 10


def test_a_stall_is_noticed_before_its_silence_would_be() -> None:
    watch = Watch(0.0, rate=RATE)
    fed(watch, SOUND, 0.0, 10.0)
    assert watch.state(10.0 + STALL_SECONDS - 0.2) == "sounding"
    assert watch.state(10.0 + STALL_SECONDS + 0.2) == "stalled"
    fed(watch, SOUND, 20.0, 21.0)
    assert watch.state(21.0) != "sounding"
    fed(watch, SOUND, 21.0, 22.5)
    assert watch.state(22.5) == "sounding"


def test_one_that_never_came_is_stalled() -> None:
    watch = Watch(0.0, rate=RATE)
    assert watch.state(STALL_SECONDS) == "waiting"
    assert watch.state(3 * STALL_SECONDS) == "stalled"


def test_clicks_now_and_then_are_no_programme() -> None:
    watch = Watch(0.0, rate=RATE)
    for second in range(0, 60, 3):
        fed(watch, HISS, second, second + 2.9)
        fed(watch, SOUND, second + 2.9, second + 3)
    assert watch.state(60.0) != "sounding"


@pytest.mark.parametrize(("factor", "db"), [(1.0, -20.0), (0.1, -40.0)])
def test_levels_are_those_of_the_rms(factor: float, db: float) -> None:
    assert level_db((noise(1.0) * factor).astype(np.float32)) == pytest.approx(db, abs=0.3)
    assert level_db(np.zeros(0, np.float32)) == pytest.approx(-120)
