"""Drills by script: put on a schedule, held, and read."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from village import Callers, Village

sys.path.insert(0, str(Path(__file__).parents[1] / "alerts"))
from drill_lab import Ground

PLAN = {
    "unit": "79.1",
    "kind": "spoken",
    "for": ["unit:79.1"],
    "starts": "2026-11-28T09:00",
    "rrule": "FREQ=MONTHLY;BYDAY=1SA",
}


@pytest.fixture
def ground(village: Village) -> Ground:
    return Ground(village)


def test_a_drill_is_put_on_a_schedule_renewed_and_ended(callers: Callers):
    made = callers["approver"].post("/drills", PLAN)
    assert made.status_code == 201
    assert (made.json["next_at"], made.json["answered_by"]) == ("2026-12-05T02:00:00Z", "Approver")
    assert [each["id"] for each in callers["viewer"].get("/drills").json["items"]] == [made.json["id"]]
    renewed = callers["administrator"].post(f"/drills/{made.json['id']}/renew")
    assert (renewed.status_code, renewed.json["answered_by"]) == (200, "Administrator")
    assert callers["approver"].post(f"/drills/{made.json['id']}/end").json["ended_at"]
    assert callers["viewer"].get("/drills").json["items"] == []
    assert callers["approver"].post(f"/drills/{made.json['id']}/renew").status_code == 409


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "loud"}, "kind"),
        ({"rrule": "FREQ=DAILY"}, "rrule"),
        ({"starts": "2026-11-28T23:30"}, "starts"),
        ({"for": []}, "for"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(callers: Callers, wrong: dict, field: str):
    answer = callers["approver"].post("/drills", PLAN | wrong)
    assert answer.status_code in {400, 422}
    assert field in answer.json["error"]["fields"]


def test_a_silent_drill_is_held_and_read_with_the_one_before(callers: Callers, ground: Ground, village: Village):
    held = []
    for answering in (("a1", "a2"), ("a1", "a1_dyke")):
        made = callers["operator"].post("/drill-runs", {"unit": "79.1", "kind": "silent", "for": ["unit:79.1"]})
        assert (made.status_code, made.json["state"]) == (201, "preparing")
        assert (
            callers["operator"]
            .post("/drill-runs", {"unit": "79.1", "kind": "silent", "for": ["unit:79.1"]})
            .status_code
            == 409
        )
        ground.tend()
        run = ground.runs()[-1]
        for short in answering:
            ground.answers(short, ground.airings(run)[0], peak_db=-90.0)
        village.clock.at = run.closes_at + timedelta(seconds=1)
        ground.tend()
        held.append(made.json["id"])
        village.clock.advance(days=1)
    shown = callers["viewer"].get(f"/drill-runs/{held[1]}").json
    assert (shown["state"], shown["figures"]["whole"], shown["figures"]["repair"]) == ("reported", 2, 2)
    assert shown["before"]["id"] == held[0]
    assert (shown["before"]["worse"], shown["before"]["mended"]) == (["a2"], ["a1_dyke"])
    first = callers["viewer"].get("/drill-runs?limit=1").json
    assert [each["id"] for each in first["items"]] == [held[1]]
    assert [each["id"] for each in callers["viewer"].get(f"/drill-runs?cursor={first['cursor']}").json["items"]] == [
        held[0]
    ]
    found, cursor = [], ""
    while cursor is not None:
        page = callers["viewer"].get(f"/drill-runs/{held[1]}/stations?limit=3&cursor={cursor}").json
        found, cursor = found + page["items"], page["cursor"]
    assert {each["name"]: each["verdict"] for each in found} == {
        "a1": "ok", "a1_dyke": "ok", "a2": "repair", "a_hall": "repair",
    }  # fmt: skip
    bad = callers["viewer"].get(f"/drill-runs/{held[1]}/stations?verdict=repair").json["items"]
    assert [each["findings"] for each in bad] == [["no_answer"]] * 2
    assert callers["viewer"].get(f"/drill-runs/{held[1]}/stations?verdict=x").status_code in {400, 422}
