"""An emergency goes on whatever is killed meanwhile: its worker, the web process, a station that sounds."""

from pathlib import Path
from typing import Any

import pytest
from emergency_lab import SIXTY_WORDS, commune, kill, part, seconds_of
from loopback import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

_LONG = " ".join([SIXTY_WORDS] * 12)  # takes seconds to make


def test_it_sounds_though_the_worker_that_makes_it_is_killed(network: Any, tmp_path: Path) -> None:
    here = commune(network, tmp_path, 2)
    worker = part(network, "worker", "--emergencies")
    emergency, airing = here.raise_alarm(text=_LONG, signal="none")
    clip = here.clip_of(emergency)
    eventually(lambda: here.table("SELECT 1 FROM clip WHERE id = ? AND state = 'rendering'", clip), "it is being made")
    kill(worker)
    assert here.table("SELECT state FROM clip WHERE id = ?", clip) != [("ready",)], "it was made before the kill"
    here.sounds_everywhere(airing)
    assert here.table("SELECT state, attempts FROM clip WHERE id = ?", clip) == [("ready", 2)]
    assert part(network, "worker", "--emergencies") != worker
    here.stop(emergency)
    for device in here.devices:
        eventually(lambda one=device: one.outcomes(airing), "it says what became of it")
        assert len(device.files(airing)) == 1


def test_stations_that_wait_come_back_to_a_web_process_that_was_killed_and_get_it(network: Any, tmp_path: Path) -> None:
    here = commune(network, tmp_path, 2)
    kill(part(network, "web"))
    eventually(lambda: not network.api.is_up(), "it is gone")
    eventually(network.api.is_up, "it is back")
    emergency, airing = here.raise_alarm(text="Nước lũ đang về. Bà con lên chỗ cao ngay.")
    here.sounds_everywhere(airing)
    here.stop(emergency)


def test_it_stops_although_the_web_process_was_killed_after_it_was_raised(network: Any, tmp_path: Path) -> None:
    here = commune(network, tmp_path, 1)
    emergency, airing = here.raise_alarm(text=_LONG, signal="none")
    kill(part(network, "web"))
    here.sounds_everywhere(airing)
    eventually(network.api.is_up, "it is back")
    here.stop(emergency)
    (report,) = eventually(lambda: here.devices[0].outcomes(airing), "it is silent")
    assert (report["outcome"], report["reason"]) == ("partial", "withdrawn")


def test_a_station_killed_while_it_sounds_goes_on_where_it_was_and_never_says_it_twice(
    network: Any, tmp_path: Path
) -> None:
    here = commune(network, tmp_path, 1)
    (device,) = here.devices
    _, airing = here.raise_alarm(text=SIXTY_WORDS, signal="none")
    reached = eventually(lambda: (at := device.position(airing)) > 3 and at, "some of it was heard")
    here.kill(device)
    here.start(device)
    (report,) = eventually(lambda: device.outcomes(airing), "it came to its end")
    whole = report["seconds"]
    (rest,) = device.files(airing)
    assert seconds_of(rest) < whole - reached + 1.5
    reports = eventually(
        lambda: [one for one in network.api.call("GET", "/reports")["items"] if one["airing"] == airing], "reported"
    )
    assert len(reports) == 1
