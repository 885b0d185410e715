"""A full disk refuses new work in clear words, and everything that is planned goes on."""

import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from loopback import Api, Network, Processes, eventually, free_port

from core.clock import format_instant, zone

pytestmark = pytest.mark.processes

DISK_MB, RESERVE_MB = 96, 24
MB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 96 MB. Needs root; skipped by name for others."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", place], capture_output=True, check=False
    )
    if done.returncode:
        message = f"a small disk can't be mounted here: {done.stderr.decode()[:200]}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True, timeout=360)


@pytest.fixture
def network(small_disk: Path, processes: Processes) -> Iterator[Network]:
    """An installation on the small disk, being served."""
    home, port = small_disk / "home", free_port()
    home.mkdir()
    (home / "settings.toml").write_text(f"reserve_mb = {RESERVE_MB}\n")
    printed = processes.loa("init", "--home", home, "--admin", "admin")
    password = re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", printed)
    assert password is not None
    api = Api(f"http://127.0.0.1:{port}", processes.loa("token", "admin", "--home", home).strip())
    made = Network(processes, home, port, api, password.group(0))
    made.serve()
    yield made
    api.close()
    processes.end_all()  # before the disk goes


class Station:
    """Calls as a device does."""

    def __init__(self, api: Api) -> None:
        made = api.call("POST", "/stations", {"name": "Loa chợ", "unit": "79"}, 201)
        taken = api.call("POST", "/enrol", {"code": made["enrolment_code"], "device": {"serial": "1"}}, 201)
        self._base, self._pool = api.base, urllib3.PoolManager(timeout=360, retries=False)
        self._headers = {"Authorization": f"Bearer {taken['token']}"}

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        answer = self._pool.request(method, f"{self._base}/api/v1{path}", json=body, headers=self._headers)
        return answer.status, bytes(answer.data)

    def report(self, airing: str) -> tuple[int, bytes]:
        now = format_instant(datetime.now(UTC))
        report = {
            "id": str(uuid.uuid4()), "airing": airing, "item": 0, "outcome": "played", "started_at": now,
            "ended_at": now, "seconds": 1.0, "volume": 70,
        }  # fmt: skip
        return self.call("POST", "/reports", {"reports": [report]})

    def close(self) -> None:
        self._pool.clear()


def upload(network: Network, content: bytes) -> tuple[int, dict[str, Any]]:
    with urllib3.PoolManager(timeout=360, retries=False) as pool:
        answer = pool.request(
            "POST", f"{network.address}/api/v1/clips", fields={"file": ("tin.wav", content)},
            headers={**network.api._headers, "Accept-Language": "en"},
        )  # fmt: skip
        return answer.status, answer.json()


def spoken(api: Api, text: str) -> tuple[str, dict[str, Any]]:
    """A bulletin of this text, brought on air; its id and its ready clip."""
    made = api.call("POST", "/bulletins", {"unit": "79", "title": "Tin", "text": text, "field": "general"}, 201)
    clip = eventually(
        lambda: (found := api.call("GET", f"/clips/{made['clip']}"))["state"] in {"ready", "failed"} and found, "ready"
    )
    assert clip["state"] == "ready", clip
    for step in ("submit", "approve"):
        api.call("POST", f"/bulletins/{made['id']}/{step}", {}, 200)
    return made["id"], clip


def fill(place: Path, leave_bytes: int) -> Path:
    """A file that takes everything but `leave_bytes`."""
    ballast = place / "ballast"
    with ballast.open("ab") as file:
        while (free := os.statvfs(place).f_bavail * os.statvfs(place).f_frsize) > leave_bytes:
            try:
                file.write(b"\0" * min(MB, max(4096, free - leave_bytes)))
                file.flush()
            except OSError:
                break
    return ballast


@pytest.mark.timeout(720)
def test_a_full_disk_refuses_new_work_and_keeps_playing(network: Network, small_disk: Path) -> None:
    api = network.api
    api.call("POST", "/units", {"name": "Xã Tân Hòa", "code": "79"}, 201)
    station = Station(api)
    bulletin, clip = spoken(api, "Mời bà con họp thôn tối nay.")
    items = {"unit": "79", "title": "Sáng", "items": [{"bulletin": bulletin}]}
    programme = api.call("POST", "/programmes", items, 201)["id"]
    starts = (datetime.now(UTC) + timedelta(hours=2)).astimezone(zone("Asia/Ho_Chi_Minh")).strftime("%Y-%m-%dT%H:%M")
    api.call("POST", "/slots", {"programme": programme, "starts": starts, "for": ["unit:79"]}, 201)
    airing = eventually(lambda: api.call("GET", "/airings", status=200)["items"], "an airing")[0]["id"]
    sound = f"/media/{clip['clip']['mp3']['sha256']}.mp3"

    ballast = fill(small_disk, (RESERVE_MB - 2) * MB)  # nearly full: what is left is kept for what is planned
    status, refused = upload(network, b"x" * MB)
    assert (status, refused["error"]["code"]) == (507, "disk_nearly_full")
    assert f"{RESERVE_MB} MB are kept for the timetable and its reports" in refused["error"]["message"]
    text = {"unit": "79", "title": "Mới", "text": "Tin mới.", "field": "general"}
    assert api.call("POST", "/bulletins", text, 507)["error"]["code"] == "disk_nearly_full"
    assert station.call("GET", sound) == (200, api.media(clip["clip"]["mp3"]["sha256"], "mp3"))
    assert station.call("GET", "/plan")[0] == 200
    assert station.call("GET", "/now")[0] == 200
    assert station.report(airing)[0] == 200
    assert station.call("POST", "/heartbeat", {"playing": None, "clock_offset_ms": 0})[0] == 204
    alarm = api.call("POST", "/emergencies", {"unit": "79", "text": "Lũ lên nhanh!", "for": ["unit:79"]}, 201)
    eventually(lambda: api.call("GET", f"/emergencies/{alarm['id']}")["state"] in {"on_air", "over"}, "an alarm")

    fill(small_disk, 0)  # quite full: somebody else has taken the rest
    assert upload(network, b"x" * MB)[0] == 507
    for path in (sound, "/plan", "/now"):
        assert station.call("GET", path)[0] == 200, path
    statuses = {station.report(airing)[0] for _ in range(400)}
    # A station keeps its reports after either refusal; 503 is the database that somebody else is just failing to write.
    assert statuses <= {200, 503, 507}, statuses
    assert 507 in statuses
    time.sleep(2)  # some beats of all the worker's jobs
    assert network.server is not None
    assert network.server.poll() is None

    ballast.unlink()
    assert station.report(airing)[0] == 200
    assert upload(network, b"x" * MB)[0] == 202
    _, again = spoken(api, "Đĩa đã có chỗ trở lại, mời bà con nghe tin.")
    assert station.call("GET", f"/media/{again['clip']['opus']['sha256']}.opus")[0] == 200
    assert not [path.name for path in (network.home / "uploads").iterdir() if path.name.startswith(".")]
    station.close()
