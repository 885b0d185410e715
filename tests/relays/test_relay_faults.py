"""Real broadcasters that fail, through a real server to the station's own streams: a short form of the benchmark."""

from typing import Any

import pytest

from benchmarks import relays

pytestmark = pytest.mark.realtime
PACE = relays.Pace(fault_seconds=15.0, well_seconds=24.0, kinds=("silence", "discontinuity"))
SECONDS = 110.0


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return relays.trial(SECONDS, PACE)


@pytest.mark.timeout(400)
def test_silence_is_noticed_within_ten_seconds_everywhere_and_the_broadcast_comes_back(figures: dict[str, Any]) -> None:
    heard = {name: told["silence"] for name, told in figures.items() if isinstance(told, dict) and "silence" in told}
    assert {"http by the server", "http by the station", "hls by the server"} <= heard.keys()
    for name, told in heard.items():
        assert (told["not noticed"], told["not back"]) == (0, 0), (name, told)
        assert told["of these silent s"]["most"] <= 10.0, (name, told)


@pytest.mark.timeout(400)
def test_a_folder_that_changes_its_form_midway_goes_on(figures: dict[str, Any]) -> None:
    told = figures["hls by the server"]["discontinuity"]
    assert told["times"] >= 1
    assert told["seconds lost"]["most"] < PACE.fault_seconds
