"""Somebody at the loudspeaker starts a prepared message, with the server dead; the server hears of it when it is back."""

import subprocess
import sys
import time
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from loopback import eventually
from test_first_way import bulletin, ready

from core.clock import parse_instant

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(720)]


def alarm(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "loa", "station", "alarm", *words, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_a_prepared_message_sounds_at_the_station_without_a_server_and_is_told_of_later(
    network: Any, tmp_path: Path
) -> None:
    api, processes = network.api, network.processes
    api.call("POST", "/units", {"name": "Xã Trà Giang", "code": "51"}, 201)
    made = api.call("POST", "/stations", {"name": "Loa bến đò", "unit": "51"}, 201)
    station, device, wav = made["id"], tmp_path / "device", tmp_path / "wav"
    said = bulletin(api, "51", "Lũ về", "Nước đang lên nhanh. Bà con khẩn trương lên chỗ cao.")
    clip = ready(api, said["clip"])
    kept = api.call(
        "POST", "/prepared", {"unit": "51", "kind": "flood", "title": "Lũ về gấp", "bulletin": said["id"]}, 201
    )
    assert kept["state"] == "ready"
    processes.loa("station", "enrol", "--server", network.address, "--code", made["enrolment_code"], "--home", device)
    processes.start("station", "station", "run", "--home", device, "--output", f"wav:{wav}")
    eventually(
        lambda: api.call("GET", f"/stations/{station}", status=200)["standing"] == [kept["id"]],
        "its audio lies at the station, and the server knows it",
    )
    network.kill_server()

    unknown = alarm(device, "tsunami")
    assert unknown.returncode == 1
    assert "tsunami" in unknown.stderr
    assert "flood “Lũ về gấp”" in unknown.stderr
    listed = alarm(device, "--list")
    assert listed.stdout.split("\t")[0::2] == ["flood", "ready"]

    asked = datetime.now(UTC)
    started = alarm(device, "flood", "--times", "2", "--volume", "80")
    told = datetime.now(UTC)
    assert started.returncode == 0, started.stderr
    airing = started.stdout.split()[0]
    first = eventually(lambda: next(wav.glob(f"{airing}-0-*.wav"), None), "it has sounded once")
    with wave.open(str(first)) as heard:
        assert heard.getnframes() / heard.getframerate() == pytest.approx(clip["seconds"], abs=0.1)
    sounded = parse_instant(first.stem.removeprefix(f"{airing}-0-"))
    assert asked < sounded
    assert (sounded - told).total_seconds() < 2.0
    time.sleep(max(0.0, (sounded - datetime.now(UTC)).total_seconds() + clip["seconds"] + 1.8))
    assert alarm(device, "--stop").stdout.strip() == "1"

    network.serve()
    reports = eventually(
        lambda: (found := [
            one for one in api.call("GET", "/reports", status=200)["items"] if one["airing"] == airing
        ]) and len(found) == 2 and found,
        "both items are reported",
    )  # fmt: skip
    by_item = {one["item"]: one for one in reports}
    assert (by_item[0]["outcome"], by_item[0]["volume"]) == ("played", 80)
    assert (by_item[1]["outcome"], by_item[1]["reason"]) == ("partial", "withdrawn")
    shown = next(one for one in api.call("GET", "/airings", status=200)["items"] if one["id"] == airing)
    assert (shown["kind"], shown["title"], shown["for"]) == ("emergency", "Lũ về gấp", [f"station:{station}"])
    acts = [one for one in api.call("GET", "/audit", status=200)["items"] if one["action"] == "emergency.started_here"]
    assert [one["actor"] for one in acts] == [station]
