"""The one-file station of docs/examples, run by a plain Python against the real server."""

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loopback import eventually
from test_first_way import bulletin, on_slot, ready, whole_second

from core.clock import parse_instant
from core.signing import Signer, new_signing_key
from core.wire import Item, Ticket

pytestmark = pytest.mark.realtime

CLIENT = Path(__file__).parents[2] / "docs" / "examples" / "station.py"
# What stands for a player: it notes when it was asked to play what, stays as long as it is told, and says when it was ended.
PLAYER = """
import json, sys, time
log, seconds, volume, into, file = sys.argv[1:]
with open(log, "a") as note:
    note.write(json.dumps({"at": time.time(), "volume": int(volume), "into": float(into), "file": file}) + "\\n")
time.sleep(float(seconds))
"""
OURS = ("core", "registry", "audio", "playlists", "scheduler", "alerts", "web", "station", "loa")


class Client:
    """The example as a process, with what it asked its player to do."""

    def __init__(self, folder: Path, address: str, seconds: float) -> None:
        self.folder, self.address, self.log = folder, address, folder / "played.jsonl"
        self.home = folder / "device"
        folder.mkdir()
        script = folder / "player.py"
        script.write_text(PLAYER)
        self.player = f"{sys.executable} {script} {self.log} {seconds} {{volume}} {{into}} {{file}}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *code: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(CLIENT), self.address, str(self.home), *code],
            env={**os.environ, "PLAYER": self.player},
            cwd=self.folder,
        )

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def played(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


def test_it_uses_nothing_of_ours_and_is_short() -> None:
    lines = CLIENT.read_text("utf-8").splitlines()
    imported = [line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))]
    assert not set(imported) & set(OURS)
    assert sum(bool(line.strip()) for line in lines) <= 160


@pytest.mark.timeout(720)
def test_another_maker_s_station_plays_on_time_obeys_and_reports(network: Any, tmp_path: Path) -> None:
    api = network.api
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79"}, 201)
    made = api.call("POST", "/stations", {"name": "Loa chợ", "unit": "79"}, 201)
    client = Client(tmp_path / "other", network.address, seconds=6)
    try:
        client.start(made["enrolment_code"])
        spoken = bulletin(api, "79", "Bản tin chiều", "Mời bà con đến nhà văn hóa họp thôn.")
        clip = ready(api, spoken["clip"])["clip"]["mp3"]
        start = whole_second(12)
        on_slot(api, "79", spoken["id"], "Chương trình chiều", start, volume=40, late="play")
        first = eventually(client.played, "something was played")[0]
        assert abs(first["at"] - start.timestamp()) < 1
        assert (first["volume"], first["into"]) == (40, 0)
        assert hashlib.sha256(Path(first["file"]).read_bytes()).hexdigest() == clip["sha256"]

        alarm = api.call(
            "POST",
            "/emergencies",
            {"unit": "79", "text": "Nước lũ lên nhanh, lên chỗ cao ngay.", "for": ["unit:79"]},
            201,
        )
        eventually(lambda: len(client.played()) >= 2, "the emergency was played")
        reports = eventually(
            lambda: len(rows := api.call("GET", "/reports?unit=79", status=200)["items"]) >= 2 and rows, "two reports"
        )
        told = {row["airing"]: (row["outcome"], row["reason"]) for row in reports}
        assert told.pop(alarm["airing"]) == ("played", None)
        (ordinary,) = told.values()
        assert ordinary in {("partial", "preempted"), ("played", None)}

        client.end()  # as a power cut does; what was played is not played again
        client.start()
        later = whole_second(12)
        on_slot(api, "79", spoken["id"], "Chương trình sau", later, late="play")
        again = eventually(lambda: client.played()[2:], "the next programme was played")
        assert abs(again[0]["at"] - later.timestamp()) < 1
        state = api.call("GET", "/stations", status=200)["items"][0]
        assert datetime.now(UTC) - parse_instant(state["heard_at"]) < timedelta(seconds=90)
    finally:
        client.end()


def example() -> Any:
    specification = importlib.util.spec_from_file_location("example_station", CLIENT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def signed(signer: Signer, name: str, audience: str) -> str:
    start = datetime(2026, 11, 23, 10, tzinfo=UTC)
    item = Item(at=0, seconds=5, relay="https://radio.example/")
    return signer.sign(
        Ticket(
            id=name, kind="programme", priority="ordinary", starts_at=start, ends_at=start, late="join", audience=[audience],
            items=[item], approved_by="Trần Thị Bình", issued_at=start, not_after=start,
        )
    )  # fmt: skip


def test_it_leaves_alone_what_the_server_did_not_sign_for_it() -> None:
    ours, theirs = Signer(new_signing_key()), Signer(new_signing_key())
    client = object.__new__(example().Station)
    client.kept = {"me": {"server_keys": [ours.public_jwk]}, "plan": {"settings": {"audience": ["unit:79"]}}}
    good, changed = signed(ours, "air_1", "unit:79"), signed(ours, "air_2", "unit:79").split(".")[1]
    head, _, signature = good.split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": ours.public_jwk["kid"]}).encode()).decode()
    forged = [
        signed(theirs, "air_3", "unit:79"), signed(ours, "air_4", "unit:80"), f"{head}.{changed}.{signature}",
        f"{head}.{changed}.", f"{unsigned.rstrip('=')}.{changed}.", "", "a.b.c", head, "đ.đ.đ",
    ]  # fmt: skip
    assert list(client.read(forged)) == []
    assert [airing["id"] for airing in client.read([*forged, good])] == ["air_1"]
