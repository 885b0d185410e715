"""A radio address with a former code: it leads to that of today; that of a merged commune goes on sounding as its own."""

from collections.abc import Iterator

import pytest
from flask import Flask
from test_radio_access import ask, let
from village import FakeClock, Village

from alerts import relocating
from registry import moving
from registry.models import Unit

GOOD, MOVED, MISSING = 200, 301, 404


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def closed(app: Flask) -> Iterator[None]:
    yield
    app.extensions["loa"].radio.close()


@pytest.fixture
def recoded(village: Village) -> Village:
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        moving.recode_unit(session, village.actor("root"), unit, "79.9", village.clock())
        station = village.cast.stations["a1"]
        for code in ("L-1", "L-2"):
            moving.recode_station(session, village.actor("root"), station, code, village.clock())
    return village


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(("former", "today"), [("79.1", "79.9"), ("L-1", "L-2")])
def test_a_former_address_leads_to_that_of_today(
    app: Flask, recoded: Village, former: str, today: str, method: str
):  # fmt: skip
    let(recoded, "commune_a", public=True)
    answer = ask(app, former, method)
    assert (answer.status_code, answer.headers["Location"]) == (MOVED, f"/radio/{today}.mp3")
    assert answer.headers["Cache-Control"] == "no-store"
    assert ask(app, today).status_code == GOOD


def test_a_former_code_of_a_place_that_is_not_public_tells_nothing(app: Flask, recoded: Village):
    nothing, former = ask(app, "79.77", "GET"), ask(app, "79.1", "GET")
    assert (former.status_code, "Location" in former.headers) == (nothing.status_code, False) == (MISSING, False)


def test_the_address_of_a_merged_commune_goes_on_as_its_own(app: Flask, village: Village):
    let(village, "commune_b", public=True)
    with village.database.write() as session:
        relocating.merge(session, village.actor("root"), "79.1", "79.2", village.clock())
    assert ask(app, "79.1").status_code == GOOD
