"""Fixtures: a real broker, and the publisher of the village beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mosquitto_server import Mosquitto, broker, eventually
from village import Village

from core.settings import Settings
from scheduler.broker import Broker
from scheduler.publishing import Publisher


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with broker(folder) as running:
        yield running


@pytest.fixture
def door(mosquitto: Mosquitto, settings: Settings) -> Iterator[Broker]:
    made = Broker(settings.model_copy(update={"mqtt_url": mosquitto.url}))
    made.open()
    eventually(lambda: made.sessions, "the server is connected")
    yield made
    made.close()


@pytest.fixture
def publisher(door: Broker, village: Village) -> Iterator[Publisher]:
    """One whose steps the test makes."""
    made = Publisher(village.database, village.settings.zone, door, village.clock)
    yield made
    made.close()
