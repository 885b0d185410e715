"""Offers through the script API: sent to all below, seen at each unit, taken, and what became of them."""

from datetime import timedelta

from village import Callers, Village

from playlists import approval_rules
from playlists.approval_rules import Rule
from registry import groups
from registry.rights import system_actor
from scheduler import bulletin_air
from scheduler.air_asking import Asked, When
from scheduler.editing import Rules


def test_a_script_sends_to_every_unit_below_and_reads_what_became_of_it(village: Village, callers: Callers):
    bulletin = village.bulletin(unit="province", title="Bão số 9")
    root, approver, stranger = callers["root"], callers["approver"], callers["stranger"]
    sent = root.post("/offers", {"bulletin": bulletin, "note": "Phát ngay"})
    assert sent.status_code == 201
    offer = sent.get_json()["id"]
    states = {each["unit"]: each["state"] for each in sent.get_json()["units"]}
    assert states["79.1"] == states["79.2"] == "waiting"
    arrived = approver.get("/offers?state=waiting").get_json()["items"]
    assert {each["unit"] for each in arrived} <= {"79.1", "79.1.1", "79.1.2"}
    assert next(each for each in arrived if each["unit"] == "79.1")["title"] == "Bão số 9"
    programme = village.programme(village.bulletin())
    taken = approver.post(f"/offers/{offer}/take", {"unit": "79.1", "programme": programme})
    assert taken.get_json()["state"] == "taken"
    assert [item["bulletin"] for item in approver.get(f"/programmes/{programme}").get_json()["items"]][-1] == bulletin
    assert approver.get(f"/offers/{offer}").status_code == 404  # what others made of it is for the sender
    declined = stranger.post(f"/offers/{offer}/decline", {"unit": "79.2", "reason": "Đã báo"})
    assert declined.get_json()["reason"] == "Đã báo"
    assert stranger.post(f"/offers/{offer}/take", {"unit": "79.1"}).status_code == 404
    lines = {each["unit"]: each for each in root.get(f"/offers/{offer}").get_json()["units"]}
    assert (lines["79.1"]["state"], lines["79.2"]["state"]) == ("taken", "declined")


def test_the_list_goes_on_by_its_cursor(village: Village, callers: Callers):
    for number in range(3):
        bulletin = village.bulletin(unit="province", title=f"Tin {number}")
        assert callers["root"].post("/offers", {"bulletin": bulletin, "for": ["unit:79.1"]}).status_code == 201
    first = callers["approver"].get("/offers?limit=2").get_json()
    rest = callers["approver"].get(f"/offers?limit=2&cursor={first['cursor']}").get_json()
    titles = [each["title"] for each in [*first["items"], *rest["items"]]]
    assert titles == ["Tin 2", "Tin 1", "Tin 0"]
    assert rest["cursor"] is None


def test_only_units_are_named(village: Village, callers: Callers):
    bulletin = village.bulletin(unit="province")
    answer = callers["root"].post("/offers", {"bulletin": bulletin, "for": [f"station:{village.cast.stations['a1']}"]})
    assert answer.status_code == 422


def test_a_group_stands_for_the_units_where_its_stations_are(village: Village, callers: Callers):
    bulletin, station = village.bulletin(unit="province"), village.cast.stations["a1"]
    with village.database.write() as session:
        root, home = system_actor(), village.unit("province")
        group = groups.create(session, root, name="Ven đê", unit=home, members=[station], now=village.clock()).id
    sent = callers["root"].post("/offers", {"bulletin": bulletin, "for": [f"group:{group}"]})
    assert sent.status_code == 201
    (unit,) = [each["unit"] for each in sent.get_json()["units"]]
    assert unit.startswith("79.1")


def test_what_a_writer_proposed_is_carried_out_when_a_script_takes_it(village: Village, callers: Callers):
    bulletin = village.bulletin(unit="province")
    offer = callers["root"].post("/offers", {"bulletin": bulletin, "for": ["unit:79.1"]}).get_json()["id"]
    asked = Asked(("unit:79.1",), (When("2026-11-24T17:00"),))
    with village.database.write() as session:
        rules = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=5))
        assert bulletin_air.send(session, village.actor("writer"), bulletin, asked, rules, village.clock()).waits
    assert callers["approver"].post(f"/offers/{offer}/take", {"unit": "79.1"}).get_json()["state"] == "taken"
    assert [slot.starts for slot in village.slots()] == ["2026-11-24T17:00"]


def test_two_people_are_asked_for_through_the_script_api_as_well(village: Village, callers: Callers):
    with village.database.write() as session:
        rule = Rule(frozenset({"priority"}))
        approval_rules.settle(session, system_actor(), village.unit("commune_a"), rule, village.clock())
    bulletin = village.bulletin(priority="priority", until_state="submitted")
    first = callers["approver"].post(f"/bulletins/{bulletin}/approve").get_json()
    assert (first["state"], first["approvals"], first["approvals_needed"]) == ("submitted", 1, 2)
    again = callers["approver"].post(f"/bulletins/{bulletin}/approve")
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "second_person")
    second = callers["administrator"].post(f"/bulletins/{bulletin}/approve").get_json()
    assert (second["state"], second["approvals"]) == ("approved", 2)
