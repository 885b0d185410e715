"""A station in an environment of its own: nothing of the server's packages, and it plays."""

import os
import signal
import subprocess
import venv
from datetime import timedelta
from pathlib import Path

import pytest
from station_lab import CODE, eventually, ticket

from core.clock import utc_now
from core.wire import Item

pytestmark = pytest.mark.processes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def alone(tmp_path):
    """The Python of a fresh environment with `loalang[station]`, and nothing else."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment.pop("PYTHONPATH", None)
    made = subprocess.run(
        [str(python), "-m", "pip", "install", "-q", f"loalang[station] @ {ROOT.as_uri()}"],
        capture_output=True, text=True, timeout=510, check=False, env=environment, cwd=tmp_path,
    )  # fmt: skip
    if made.returncode:
        unreachable = "No matching distribution" in made.stderr or "Connection" in made.stderr
        if unreachable and os.environ.get("CI") != "true":
            pytest.skip("no package index can be reached")
        pytest.fail(made.stderr[-2000:])
    return python


def test_a_station_enrols_and_plays_without_the_servers_packages(alone, server, clips, tmp_path):
    for package in ("flask", "sqlalchemy", "sqlmodel", "apscheduler", "gevent", "alembic"):
        absent = subprocess.run([str(alone), "-c", f"import {package}"], capture_output=True, check=False, cwd=tmp_path)
        assert absent.returncode == 1, package
    loa = str(alone.parent / "loa")
    served = subprocess.run(
        [loa, "serve", "--home", str(tmp_path / "server")], capture_output=True, text=True, timeout=240, check=False
    )
    assert served.returncode == 1
    assert "loalang[server]" in served.stderr
    assert "Traceback" not in served.stderr
    home = str(tmp_path / "home")
    enrolled = [loa, "station", "enrol", "--server", server.url, "--code", CODE, "--home", home]
    subprocess.run(enrolled, check=True, timeout=360, cwd=tmp_path)
    clip, start = clips.make(server, 1.0), utc_now() + timedelta(seconds=3)
    server.plan(ticket("air_1", start, Item(at=0, seconds=1.0, clip=clip), late="play"))
    process = subprocess.Popen([loa, "station", "run", "--home", home, "--output", "null"], cwd=tmp_path)
    try:
        assert server.report("air_1")["outcome"] == "played"
        eventually(lambda: server.heartbeats)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
