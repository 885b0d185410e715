"""Fixtures: a broadcaster, and the door that lets us reach it."""

from collections.abc import Iterator

import pytest
from relay_lab import Broadcaster

from core.outside import Outside


@pytest.fixture
def broadcaster() -> Iterator[Broadcaster]:
    server = Broadcaster()
    yield server
    server.close()


@pytest.fixture
def outside() -> Outside:
    return Outside(["127.0.0.1"])
