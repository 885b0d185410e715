"""Addresses of a commune's page with a code it had before, or that of a commune merged into it: they lead on for good."""

import pytest

from alerts import relocating
from registry import moving
from registry.models import Unit

PATHS = ("", "/feed.xml", "/art.png", "/timetable.ics", "/feedback", "/ticket")
MOVED, MISSING, TAKEN = 301, 404, 200


@pytest.fixture
def recoded(village):
    village.open()
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        moving.recode_unit(session, village.actor("root"), unit, "79.9", village.clock())
    return village


@pytest.mark.parametrize("path", PATHS)
def test_every_address_with_a_former_code_leads_to_that_of_today(recoded, visitor, path):
    answer = visitor.get(f"/x/79.1{path}?page=2")
    assert (answer.status_code, answer.location) == (MOVED, f"/x/79.9{path}?page=2")
    assert visitor.get(f"/x/79.9{path}").status_code == TAKEN


def test_a_chain_of_codes_and_mergers_is_one_step(recoded, visitor):
    village = recoded
    village.open("commune_b")
    with village.database.write() as session:
        root = village.actor("root")
        moving.recode_unit(
            session, root, session.get_one(Unit, village.cast.units["commune_a"]), "79.10", village.clock()
        )
        relocating.merge(session, root, "79.10", "79.2", village.clock(), code="79.20")
    for former in ("79.1", "79.9", "79.10", "79.2"):
        answer = visitor.get(f"/x/{former}")
        assert (answer.status_code, answer.location) == (MOVED, "/x/79.20"), former


def test_a_former_code_of_a_unit_without_a_page_tells_nothing(recoded, visitor):
    recoded.open(public=False)
    assert visitor.get("/x/79.1").status_code == visitor.get("/x/nowhere").status_code == MISSING


def test_what_people_write_by_a_former_address_arrives(recoded, visitor):
    sent = visitor.post("/x/79.1/feedback", data={"kind": "noise", "text": "Loa kêu to lúc 4 giờ sáng."})
    moved = visitor.get(sent.location)
    assert (moved.status_code, moved.location.split("?")[0]) == (MOVED, "/x/79.9/ticket")
    assert "Loa kêu to lúc 4 giờ sáng." in visitor.get(moved.location).text
