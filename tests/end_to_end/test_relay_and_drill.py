"""A real station and a real server: a broadcast fetched by the server for it, and a silent drill that nobody hears."""

import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback import Api, Network, Processes, eventually, free_port
from relay_lab import FORMS, Broadcaster, encoded, live, noise

from core.clock import zone

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(600)]
SECONDS = 15
AHEAD = 60.0


@pytest.fixture
def broadcaster() -> Iterator[Broadcaster]:
    running = Broadcaster()
    running.pages["/vov1"] = live(encoded(noise(600.0, 3), *FORMS["aac"]))  # which stations can't play by themselves
    yield running
    running.close()


@pytest.fixture
def village(processes: Processes, tmp_path: Path) -> Iterator[Network]:
    """An installation that knows its own address and may fetch from loopback, with a station that runs."""
    home, port = tmp_path / "home", free_port()
    processes.loa("init", "--home", home, "--admin", "admin")
    (home / "settings.toml").write_text(
        f'public_url = "http://127.0.0.1:{port}"\noutside_hosts = ["127.0.0.1"]\n', "utf-8"
    )
    api = Api(f"http://127.0.0.1:{port}", processes.loa("token", "admin", "--home", home).strip())
    made = Network(processes, home, port, api, "")
    made.serve()
    api.call("POST", "/units", {"name": "Tân Hòa", "code": "79"}, 201)
    station = api.call("POST", "/stations", {"name": "Loa đình", "unit": "79"}, 201)
    processes.loa(
        "station", "enrol", "--server", made.address, "--code", station["enrolment_code"], "--home", tmp_path / "st"
    )
    processes.start("station", "station", "run", "--home", tmp_path / "st", "--output", f"wav:{tmp_path / 'wav'}")
    eventually(lambda: api.call("GET", "/stations", status=200)["items"][0].get("heard_at"), "the station is there")
    yield made
    api.close()


def reports(api: Api, airing: str | None) -> list[dict[str, Any]]:
    rows = api.call("GET", "/reports", status=200)["items"]
    return [row for row in rows if airing in {None, row["airing"]}]


def sound_of(folder: Path, airing: str) -> "np.ndarray[Any, np.dtype[np.int16]]":
    pieces = []
    for path in sorted(folder.glob(f"{airing}-*.wav")):
        with wave.open(str(path)) as file:
            pieces.append(np.frombuffer(file.readframes(file.getnframes()), np.int16))
    return np.concatenate(pieces)


def test_a_station_plays_what_the_server_relays_and_a_drill_that_nobody_hears(
    village: Network, broadcaster: Broadcaster, tmp_path: Path
) -> None:
    api = village.api
    item = {"relay": broadcaster.url("/vov1"), "seconds": SECONDS, "via": "server", "title": "VOV1"}
    programme = api.call("POST", "/programmes", {"unit": "79", "title": "Tiếp sóng", "items": [item]}, 201)
    starts = (datetime.now(UTC) + timedelta(seconds=AHEAD)).astimezone(zone("Asia/Ho_Chi_Minh"))
    body = {"programme": programme["id"], "starts": starts.strftime("%Y-%m-%dT%H:%M:%S"), "for": ["unit:79"]}
    api.call("POST", "/slots", body, 201)
    (told,) = eventually(lambda: reports(api, None), "the relay was played", 400)
    assert told["seconds"] == pytest.approx(SECONDS, abs=1.0)
    assert told["outcome"] in {"played", "partial"}  # a slow machine may begin a moment late
    heard = sound_of(tmp_path / "wav", told["airing"]) / 32_768.0
    loud = np.sqrt(np.mean(np.square(heard[: len(heard) // 4_800 * 4_800].reshape(-1, 4_800)), axis=1))
    assert np.mean(loud > 0.03) > 0.5  # the broadcaster's noise, by the server's encoder
    assert len([path for path in broadcaster.asked if path == "/vov1"]) <= 4  # tried, listened to, pulled
    run = api.call("POST", "/drill-runs", {"unit": "79", "kind": "silent", "for": ["unit:79"]}, 201)
    (drilled,) = eventually(
        lambda: [row for row in reports(api, None) if row["airing"] != told["airing"]], "the drill was reported", 200
    )
    assert (drilled["outcome"], drilled["volume"]) == ("played", 0)
    assert not np.any(sound_of(tmp_path / "wav", drilled["airing"]))
    assert api.call("GET", f"/drill-runs/{run['id']}", status=200)["state"] == "running"
    assert run["id"] in village.processes.loa("drill", "--home", village.home, "list")
