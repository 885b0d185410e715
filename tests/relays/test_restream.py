"""What is sent of a broadcast, by the clock: from the broadcaster while enough of it is there, else silence."""

import numpy as np
import pytest

from audio.relays.pull import RATE, Pull
from audio.relays.restream import BURST_SECONDS, CUSHION_SECONDS, Restream
from core.outside import Outside


class Tap(Pull):
    """A pull that gets what the test pours into it, at the test's own time."""

    def __init__(self, clock) -> None:
        super().__init__(Outside(), "http://vov.example/", clock=clock)

    def pour(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self._keep(np.full(RATE // 10, 0.1, np.float32))


class Hand:
    """Moves the clock, and says how much of what was due is sound."""

    def __init__(self) -> None:
        self.at = 100.0
        self.tap = Tap(lambda: self.at)
        self.restream = Restream(self.tap, clock=lambda: self.at)

    def begin(self, held: float) -> None:
        """As the stream begins once so much has come."""
        self.tap.pour(held)
        self.at += 10  # patience is over, whatever has come
        self.restream._begun = self.at - min(BURST_SECONDS, max(0.0, held - CUSHION_SECONDS))

    def after(self, seconds: float, pour: float = 0.0) -> tuple[float, float]:
        """Seconds that were sent, and seconds of sound among them."""
        self.tap.pour(pour)
        self.at += seconds
        block = self.restream._due()
        return len(block) / RATE, float(np.count_nonzero(block)) / RATE


def test_a_burst_and_then_the_pace_of_the_clock() -> None:
    hand = Hand()
    hand.begin(8)
    assert hand.after(0) == (4, 4)
    sent = [hand.after(0.1, pour=0.1) for _ in range(50)]
    assert [each for pair in sent for each in pair] == pytest.approx([0.1] * 100, abs=1e-4)
    assert hand.tap.held_seconds() == pytest.approx(4)
    assert hand.restream.silent_seconds == 0


def test_silence_until_enough_is_there_again() -> None:
    hand = Hand()
    hand.begin(CUSHION_SECONDS)
    assert hand.after(0) == (0, 0)
    assert hand.after(1.5) == pytest.approx((1.5, 1.5))
    assert hand.after(1) == pytest.approx((1, 0.5))  # the rest of it, and then nothing comes
    assert not hand.restream.is_live
    assert hand.after(1) == (1, 0)
    assert hand.after(1, pour=CUSHION_SECONDS - 0.2) == (1, 0)  # not yet: it would only break off again
    assert hand.after(1, pour=0.4) == (1, 1)
    assert hand.restream.is_live
    assert hand.restream.silent_seconds == pytest.approx(2.5)


def test_what_a_stopped_process_missed_is_left_out() -> None:
    hand = Hand()
    hand.begin(3)
    hand.after(0)
    assert hand.after(30, pour=10) == (0, 0)
    assert hand.after(0.5) == pytest.approx((0.5, 0.5))
