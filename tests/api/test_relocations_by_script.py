"""Moving, merging and re-coding by script: what is answered, what a rehearsal leaves alone, what former codes lead to."""

import pytest
from sqlmodel import select
from village import Callers, Village

from core.audit import AuditEntry

OK, CONFLICT, INVALID, MISSING = 200, 409, 422, 404


def test_a_move_is_rehearsed_and_then_done(callers: Callers, village: Village):
    _, slot = village.on_timetable(to=["unit:79.1"])
    root, hamlet = callers["root"], village.cast.units["hamlet_a1"]
    rehearsed = root.post("/units/79.1.1/move", {"parent": "79.2", "dry_run": True}).get_json()
    assert root.get("/units/79.1.1").get_json()["parent"] == village.cast.units["commune_a"]
    done = root.post("/units/79.1.1/move", {"parent": "79.2"}).get_json()
    assert (rehearsed.pop("done"), done.pop("done")) == (False, True)
    assert rehearsed == done
    assert (done["stations"], done["slots_lost"], done["slots_gained"]) == (2, [slot], [])
    assert root.get(f"/units/{hamlet}").get_json()["parent"] == village.cast.units["commune_b"]


def test_a_station_moves_and_is_found_by_a_code_of_its_own(callers: Callers, village: Village):
    root, station = callers["root"], village.cast.stations["a1"]
    for code in ("L-1", "L-2"):
        assert root.post(f"/stations/{station}/recode", {"code": code}).get_json() == {"id": station, "code": code}
    rehearsed = root.post("/stations/L-1/move", {"unit": "79.2", "dry_run": True}).get_json()
    assert (rehearsed["done"], rehearsed["stations"]) == (False, 1)
    assert root.post("/stations/L-1/move", {"unit": "79.2"}).status_code == OK
    again = root.post("/stations/L-2/move", {"unit": "79.2"})
    assert (again.status_code, list(again.get_json()["error"]["fields"])) == (CONFLICT, ["unit"])


def test_a_merger_wants_the_name_and_tells_what_went_over(callers: Callers, village: Village):
    village.on_timetable(to=["unit:79.1"])
    root = callers["root"]
    rehearsed = root.post("/units/79.1/merge", {"into": "79.2", "dry_run": True}).get_json()
    assert (rehearsed["done"], rehearsed["backup"], rehearsed["counts"]["stations"]) == (False, None, 4)
    unsure = root.post("/units/79.1/merge", {"into": "79.2", "confirm": "commune_b"})
    assert (unsure.status_code, list(unsure.get_json()["error"]["fields"])) == (INVALID, ["typed"])
    done = root.post("/units/79.1/merge", {"into": "79.2", "confirm": "commune_a", "name": "Xã Mới"}).get_json()
    assert (done["done"], done["counts"], done["into"]) == (True, rehearsed["counts"], village.cast.units["commune_b"])
    assert done["backup"]
    with village.database.read() as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "unit.merge")).all()) == 2
    detail = root.get("/units/79.1").get_json()
    assert (detail["name"], detail["code"], [each["code"] for each in detail["former"]]) == ("Xã Mới", "79.2", ["79.1"])
    merged = root.get(f"/units/{village.cast.units['commune_a']}").get_json()
    assert merged["merged_into"] == village.cast.units["commune_b"]
    gone = root.post("/bulletins", {"unit": merged["id"], "title": "x", "text": "y", "field": "general"})
    assert gone.status_code == CONFLICT


def test_scripts_go_on_with_a_former_code_without_noticing(callers: Callers, village: Village):
    root = callers["root"]
    assert root.post("/units/79.1/code", {"code": "79.9", "name": "Xã Mới"}).get_json()["code"] == "79.9"
    for name in ("79.1", "79.9", village.cast.units["commune_a"]):
        assert root.get(f"/units/{name}").get_json()["id"] == village.cast.units["commune_a"]
    made = root.post("/bulletins", {"unit": "79.1", "title": "Họp", "text": "Mời họp.", "field": "general"})
    programme = root.post(
        "/programmes", {"unit": "79.1", "title": "Tin", "items": [{"bulletin": made.get_json()["id"]}]}
    )
    slot = root.post(
        "/slots", {"programme": programme.get_json()["id"], "starts": "2026-11-24T17:00", "for": ["unit:79.1"]}
    )
    assert [each.status_code for each in (made, programme, slot)] == [201, 201, 201]
    assert root.get("/airings?unit=79.1").status_code == OK
    assert callers["stranger"].get("/units/79.1").status_code == MISSING, "a former code tells who it was"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/units/79.1/move", {"parent": "79.1.1"}, "parent"),
        ("/units/79.1/merge", {"into": "79.1", "confirm": "commune_a"}, "into"),
        ("/units/79/merge", {"into": "79.1", "confirm": "province"}, "into"),
        ("/units/79.1/code", {"code": "79.2"}, "code"),
        ("/units/79.1/code", {"code": "79.1"}, "code"),
    ],
)
def test_what_can_not_be_says_which_field_is_wrong(callers: Callers, path: str, body: dict[str, str], field: str):
    refused = callers["root"].post(path, body)
    assert (refused.status_code, list(refused.get_json()["error"]["fields"])) == (CONFLICT, [field])
