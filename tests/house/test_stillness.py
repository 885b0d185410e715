"""A test that listens by the clock is measured again only when the machine stood still meanwhile."""

import signal
import time
from dataclasses import dataclass

import pytest
from stillness import MOST_TRIES, NAP_SECONDS, STILL_SECONDS, Witness, measured


@dataclass
class Told:
    failed: bool


class Seen:
    def __init__(self, *still):
        self.still = list(still)

    def stood_still(self, _since, _until):
        return self.still.pop(0)


def tried(outcomes, still):
    """How many tries there were, and whether the last failed."""
    left, anew = list(outcomes), []
    reports = measured(lambda: [Told(left.pop(0))], lambda: anew.append(1), Seen(*still), "a test")
    assert len(anew) == len(outcomes) - len(left) - 1
    return len(outcomes) - len(left), reports[0].failed


@pytest.mark.parametrize(
    ("failed", "still", "expected"),
    [
        ([False], [0.0], (1, False)),
        ([False], [2.0], (1, False)),
        ([True, False], [0.0], (1, True)),
        ([True, False], [0.4, 0.0], (2, False)),
        ([True, True, False], [0.4, 0.0], (2, True)),
        ([True] * 9, [0.4] * 9, (MOST_TRIES, True)),
    ],
)
def test_only_a_failure_on_a_machine_that_stood_still_is_measured_again(failed, still, expected):
    assert tried(failed, still) == expected


def test_the_witness_notes_when_nothing_ran(tmp_path):
    seen = Witness(tmp_path / "notes")
    try:
        began, deadline = time.monotonic(), time.monotonic() + 60
        while not seen.stood_still(began, time.monotonic()):
            assert time.monotonic() < deadline
            seen._process.send_signal(signal.SIGSTOP)
            time.sleep(2 * STILL_SECONDS)
            seen._process.send_signal(signal.SIGCONT)
            time.sleep(5 * NAP_SECONDS)
        assert seen.stood_still(began, time.monotonic()) > STILL_SECONDS
        assert seen.stood_still(began - 9, began - 8) == 0.0
    finally:
        seen.close()
