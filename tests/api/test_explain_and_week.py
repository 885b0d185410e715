"""Explaining, weeks and calendars through the interface and the command line."""

import json

import pytest
from village import NOW, Callers, Village

from loa.__main__ import main
from registry.models import Person

AT = "2026-11-24T04:00:05.000Z"  # 11:00:05 on the clock there
STATION_NAME = "a1_dyke"


@pytest.fixture
def slot(village: Village) -> str:
    _, made = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    return made


def test_an_instant_is_explained_in_the_caller_s_language(callers: Callers, village: Village, slot: str):
    path = f"/stations/{village.cast.stations['a1']}/explain"
    for at in (AT, "2026-11-24T11:00:05", "2026-11-24T11:00:05+07:00"):
        told = callers["viewer"].get(path, query_string={"at": at}, headers={"Accept-Language": "en"}).get_json()
        assert told["at"] == AT
        assert (told["winner"]["slot"], told["winner"]["title"], told["lost"]) == (slot, "Bản tin", [])
    assert told["winner"]["because"] == [
        {"code": "alone", "message": "Nothing else is to sound there at that instant."}
    ]
    assert (told["since"], told["until"]) == ("2026-11-24T04:00:00.000Z", "2026-11-24T04:00:20.000Z")
    told = callers["viewer"].get(path).get_json()
    assert told["winner"] is None
    assert told["because"][0]["message"] == "Lịch phát của cụm loa này không có gì vào thời điểm đó."
    assert told["next"]["starts_at"] == "2026-11-23T04:00:00.000Z"


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "2026-11-24T25:00", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_instant_is_refused(callers: Callers, village: Village, at: str):
    answer = callers["viewer"].get(f"/stations/{village.cast.stations['a1']}/explain", query_string={"at": at})
    assert answer.status_code == 422


def test_a_week_of_a_unit_and_of_a_station(callers: Callers, village: Village, slot: str):
    found = callers["viewer"].get("/units/79.1/week?from=2026-11-23").get_json()
    assert [day["date"] for day in found["days"]] == [f"2026-11-{day}" for day in range(23, 30)]
    assert {block["slot"] for block in found["blocks"]} == {slot}
    assert len(found["blocks"]) == 7
    assert found["sim"]["budget_mb"] == 4_800
    assert {each["station"] for each in found["sim"]["stations"]} == {
        village.cast.stations[name] for name in ("a1", "a1_dyke", "a2", "a_hall")
    }
    station = village.cast.stations["a1"]
    assert len(callers["viewer"].get(f"/stations/{station}/week?from=2026-11-23").get_json()["blocks"]) == 7
    for bad in ("23/11/2026", "2026-02-30", "9999-12-31"):
        assert callers["viewer"].get(f"/units/79.1/week?from={bad}").status_code == 422


def test_the_calendar_has_an_entity_tag(callers: Callers, slot: str):
    first = callers["viewer"].get("/units/79.1/calendar.ics")
    assert (first.status_code, first.mimetype) == (200, "text/calendar")
    assert first.data.count(b"BEGIN:VEVENT\r\n") == 8
    again = callers["viewer"].get("/units/79.1/calendar.ics", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_secret_address_needs_no_sign_in_and_ends_when_it_is_revoked(app, callers: Callers, slot: str):
    address = callers["viewer"].post("/units/79.1/calendar").get_json()["address"]
    anyone = app.test_client()
    answer = anyone.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert anyone.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert callers["viewer"].post("/units/79.1/calendar/revoke").get_json() == {"ended": 1}
    assert anyone.get(address).status_code == 404
    assert anyone.get("/calendar/cal_wrong.ics").status_code == 404


def test_the_secret_of_a_calendar_opens_nothing_else(callers: Callers, slot: str):
    secret = (
        callers["administrator"].post("/units/79.1/calendar").get_json()["address"][len("/calendar/") : -len(".ics")]
    )
    assert callers.with_token(secret).get("/units").status_code == 401


def test_a_token_of_a_script_is_no_address_of_a_calendar(app, village: Village, slot: str):
    assert app.test_client().get(f"/calendar/{village.cast.tokens['viewer']}.ics").status_code == 404


def test_a_new_address_ends_the_person_s_old_one_and_nobody_else_s(app, callers: Callers, slot: str):
    mine, other = (callers[who].post("/units/79.1/calendar").get_json()["address"] for who in ("viewer", "writer"))
    newer = callers["viewer"].post("/units/79.1/calendar").get_json()["address"]
    anyone = app.test_client()
    assert [anyone.get(each).status_code for each in (mine, newer, other)] == [404, 200, 200]
    # A viewer ends their own; who administers the unit ends all.
    assert callers["viewer"].post("/units/79.1/calendar/revoke").get_json() == {"ended": 1}
    assert callers["administrator"].post("/units/79.1/calendar/revoke").get_json() == {"ended": 1}
    assert anyone.get(other).status_code == 404


def test_an_address_ends_with_its_person(app, callers: Callers, village: Village, slot: str):
    address = callers["viewer"].post("/units/79.1/calendar").get_json()["address"]
    with village.database.write() as session:
        session.get_one(Person, village.cast.people["viewer"]).active = False
    assert app.test_client().get(address).status_code == 404


def explained(village: Village, capsys, *arguments: str) -> tuple[int, str, str]:
    status = main(["explain", *arguments, "--home", str(village.settings.home)])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_the_command_says_it_in_lines(village: Village, slot: str, capsys):
    status, out, _ = explained(village, capsys, STATION_NAME, "2026-11-24T11:00:05")
    lines = out.splitlines()
    assert (status, lines[0]) == (0, "a1_dyke (hamlet_a1), 24/11/2026 11:00:05 Asia/Ho_Chi_Minh")
    assert lines[1].startswith("Plays: “Bản tin” of commune_a, ordinary, 24/11/2026 11:00:00 to 24/11/2026 11:00:20")
    assert any(slot in line and "approved by root" in line for line in lines)
    assert any(line.startswith("  because: Nothing else") for line in lines)


def test_the_command_says_it_in_json_for_an_id(village: Village, slot: str, capsys):
    status, out, _ = explained(village, capsys, village.cast.stations["a1"], AT, "--json")
    assert (status, json.loads(out)["winner"]["slot"]) == (0, slot)


def test_the_command_says_what_it_does_not_know(village: Village, capsys):
    for station, instant, sentence in (
        ("nowhere", AT, "There is no station “nowhere”."), (STATION_NAME, "soon", "soon"),
    ):  # fmt: skip
        status, out, err = explained(village, capsys, station, instant)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert sentence in err


def test_two_stations_of_one_name_have_to_be_told_apart(village: Village, capsys):
    from registry import stations

    with village.database.write() as session:
        stations.create(
            session, village.actor("root"), name=STATION_NAME, unit=village.unit("hamlet_b1"), hours=24, now=NOW
        )
    status, _, err = explained(village, capsys, STATION_NAME, AT)
    assert (status, village.cast.stations[STATION_NAME] in err) == (1, True)
