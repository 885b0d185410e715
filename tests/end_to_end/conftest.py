"""Fixtures: an installation being served, and processes that end with the test."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Api, Network, Processes, free_port


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    made.end_all()


@pytest.fixture
def network(processes: Processes, tmp_path: Path) -> Iterator[Network]:
    """An installation with one administrator, being served."""
    home, port = tmp_path / "home", free_port()
    printed = processes.loa("init", "--home", home, "--admin", "admin")
    password = re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", printed)
    assert password is not None
    token = processes.loa("token", "admin", "--home", home).strip()
    api = Api(f"http://127.0.0.1:{port}", token)
    made = Network(processes, home, port, api, password.group(0))
    made.serve()
    yield made
    api.close()
