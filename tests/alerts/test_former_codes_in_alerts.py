"""Alerts of other systems go on naming a commune by the code it had: they reach it, re-coded or merged."""

import pytest
from cap_builder import area, pair
from cap_lab import Lab

from alerts import relocating
from registry import moving
from registry.models import Unit

OF_A = {"a1", "a1_dyke", "a2", "a_hall"}


@pytest.fixture
def lab(village):
    return Lab(village)


def named(lab: Lab, code: str):
    """What became of an alert for the commune with this code, and where it sounds."""
    row = lab.send(
        lab.source("province", by="root"), f"VN-{code}", block={"area": area(polygon=None, geocode=pair("unit", code))}
    )
    return row.state, {name for each in lab.emergencies() for name in lab.heard_by(each)}


def test_an_alert_for_the_former_code_of_a_commune_sounds_there(lab, village):
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        moving.recode_unit(session, village.actor("root"), unit, "79.9", village.clock())
    assert named(lab, "79.1") == ("on_air", OF_A)


def test_an_alert_for_a_merged_commune_sounds_in_the_whole_of_the_one_it_is_now(lab, village):
    with village.database.write() as session:
        relocating.merge(session, village.actor("root"), "79.1", "79.2", village.clock())
    assert named(lab, "79.1") == ("on_air", set(village.cast.stations))
