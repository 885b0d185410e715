"""Fixtures: the village at the hour it is, being served."""

from collections.abc import Iterator

import pytest
from fleet_lab import Web, serving
from village import FakeClock, Village

from core.clock import utc_now
from registry import units
from registry.models import Unit


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(utc_now())


@pytest.fixture
def awake(village: Village) -> Village:
    """No quiet hours: the tests run at any hour."""
    with village.database.write() as session:
        province = session.get_one(Unit, village.cast.units["province"])
        root = village.actor("root")
        units.settle(session, root, province, quiet_hours=None, max_volume=None, zone=None, codec=None, now=utc_now())
    return village


@pytest.fixture
def web(village: Village) -> Iterator[Web]:
    with serving(village.settings.home) as running:
        yield running
