"""The key is changed while stations run: ours, which a person confirmed, and another maker's; both play on."""

import json
from typing import Any

import pytest
from loopback import eventually
from test_example_client import Client
from test_first_way import bulletin, on_slot, ready, whole_second

pytestmark = pytest.mark.processes


@pytest.mark.timeout(1440)
def test_stations_learn_a_new_key_and_play_what_it_signs(network: Any, processes: Any, tmp_path: Any) -> None:
    api, home = network.api, tmp_path / "station"
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79"}, 201)
    ours = api.call("POST", "/stations", {"name": "Loa đình", "unit": "79", "confirm": True}, 201)
    theirs = api.call("POST", "/stations", {"name": "Loa chợ", "unit": "79"}, 201)
    client = Client(tmp_path / "other", network.address, seconds=3)
    try:
        client.start(theirs["enrolment_code"])
        told = processes.loa(
            "station", "enrol", "--server", network.address, "--code", ours["enrolment_code"], "--home", home
        )
        assert "a person must confirm" in told
        processes.start("station", "station", "run", "--home", home, "--output", "null")
        spoken = bulletin(api, "79", "Bản tin chiều", "Mời bà con đến nhà văn hóa họp thôn.")
        ready(api, spoken["clip"])
        pending = api.call("GET", f"/stations/{ours['id']}", status=200)["pending"]
        assert pending["serial"]
        api.call("POST", f"/stations/{ours['id']}/confirm", {}, 200)
        eventually(lambda: _ready(api) == 2, "both stations are there", 180)  # one that was refused asks rarely

        first = json.loads((home / "station.json").read_text())["server_keys"][0]["kid"]
        processes.loa("keys", "rotate", "--now", "--home", network.home)
        listed = processes.loa("keys", "list", "--home", network.home)
        assert [line.split()[1] for line in listed.splitlines()] == ["signing", "retiring"]
        new = listed.split()[0]
        kept = lambda: json.loads((home / "station.json").read_text())  # noqa: E731
        eventually(lambda: new in {key["kid"] for key in kept()["server_keys"]}, "our station knows the new key", 150)
        assert "is retired" in processes.loa("keys", "retire", "--now", "--home", network.home)
        eventually(
            lambda: {key["kid"] for key in kept()["server_keys"]} == {new}, "our station dropped the old key", 150
        )
        assert new != first

        before = kept()["token"]
        api.call("POST", f"/stations/{ours['id']}/renew-token", {}, 200)
        eventually(
            lambda: kept()["token"] != before and kept()["spare_token"] is None, "our station has a new token", 150
        )

        start = whole_second(20)
        on_slot(api, "79", spoken["id"], "Sau khi đổi khóa", start, late="play")
        eventually(client.played, "the other maker's station played", 150)
        rows = eventually(
            lambda: len(rows := api.call("GET", "/reports?unit=79", status=200)["items"]) >= 2 and rows, "two reports"
        )
        assert {row["station"] for row in rows} == {ours["id"], theirs["id"]}
        assert {row["outcome"] for row in rows} == {"played"}
        assert abs(client.played()[0]["at"] - start.timestamp()) < 30  # late rather than not at all
    finally:
        client.end()


def _ready(api: Any) -> int:
    return sum(1 for each in api.call("GET", "/stations", status=200)["items"] if each["heard_at"])
