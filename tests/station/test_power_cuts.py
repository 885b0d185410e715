"""The power is cut at random instants: nothing is torn, heard twice or lost. The 300 are `benchmarks/power_cuts.py`."""

import random

import pytest
from power_lab import power_cuts

pytestmark = pytest.mark.processes

CUTS = 8


def test_a_station_whose_power_is_cut_again_and_again_tears_nothing_says_nothing_twice_and_loses_no_report(tmp_path):
    seed = random.randrange(10**6)  # noqa: S311 - a test's dice
    found = power_cuts(tmp_path, CUTS, seed)
    assert found.wrong == [], f"seed {seed}"
    assert found.cuts == CUTS
    assert found.reports == found.items > 0, f"seed {seed}"
    assert found.pieces > 0
