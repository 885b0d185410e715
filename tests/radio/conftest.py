"""Fixtures: the village at the hour it is, with no quiet hours, and its server."""

from collections.abc import Iterator

import pytest
from radio_lab import Lab, Server, served
from village import FakeClock, Village

from core.clock import utc_now
from registry import units
from registry.models import Unit


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(utc_now())


@pytest.fixture
def lab(village: Village) -> Lab:
    with village.database.write() as session:
        province = session.get_one(Unit, village.cast.units["province"])
        units.settle(
            session, village.actor("root"), province, quiet_hours=None, max_volume=None, zone=None, codec=None,
            now=utc_now(),
        )  # fmt: skip
    return Lab(village)


@pytest.fixture
def server(lab: Lab) -> Iterator[Server]:
    """Being served."""
    with served(lab.village.settings.home) as running:
        yield running
