"""Where two programmes with priority meet, the commune whose own one of them is decides which goes first."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.ordering import chosen, goes_before
from core.wire import StationSettings
from registry import stations
from scheduler import editing, explaining, ordering, week
from scheduler.models import SlotOrder
from scheduler.week import Look

START = "2026-11-24T17:00"  # local
AT = "2026-11-24T10:05:00.000Z"


@pytest.fixture
def met(village: Village) -> tuple[str, str]:
    """Slots of the province and of commune A, both with priority, that meet at commune A's stations every day."""
    made = []
    for unit, where, starts in (("province", "unit:79", START), ("commune_a", "unit:79.1", "2026-11-24T17:05")):
        bulletin = village.bulletin(
            unit, text=f"Tin của {unit}.", title=f"Tin {unit}", seconds=600, priority="priority"
        )
        programme = village.programme(bulletin, unit=unit, title=f"Chương trình {unit}")
        made.append(village.slot(programme, starts, "FREQ=DAILY", [where]))
    village.roll()
    return made[0], made[1]


def decide(village: Village, first: str, then: str, who: str = "approver", unit: str = "commune_a") -> SlotOrder:
    with village.database.write() as session:
        return ordering.decide(session, village.actor(who), village.unit(unit), first, then, village.clock())


def told(callers, station: str) -> list[list[str]]:
    return callers.station(station).get("/plan").get_json()["settings"]["order"]


def explained(village: Village, minutes: float):
    with village.database.read() as session:
        return explaining.explain(
            session, village.actor("root"), village.cast.stations["a1"], NOW.replace(day=24, hour=10) + timedelta(minutes=minutes),
            default_zone=village.settings.zone, now=village.clock(),
        )  # fmt: skip


def test_without_a_decision_what_begins_earlier_goes_first(village, met):
    found = explained(village, 7)
    assert (found.winner.slot, [each.code for each in found.winner.why][:1]) == (met[0], ["first"])


def test_what_the_commune_puts_first_plays_and_the_explanation_names_who_decided(village, met, callers):
    province, own = met
    decide(village, own, province)
    found = explained(village, 7)
    reason = found.winner.why[0]
    assert (found.winner.slot, reason.code) == (own, "put_first")
    assert reason.params["by"] == "Approver, commune_a"
    (loser,) = [each for each in found.lost if each.slot == province]
    assert [each.code for each in loser.why][:2] == ["preempted", "put_after"]
    assert told(callers, "a1") == [[own, province]]
    assert told(callers, "b1") == []
    with village.database.read() as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "slot.order")).all()
    assert (entry.actor, entry.detail) == ("approver", {"first": own, "then": province})


def test_a_decision_for_one_meeting_counts_over_the_rule_and_only_then(village, met, callers):
    province, own = met
    decide(village, own, province)
    once = f"{province}@2026-11-24T10:00:00.000Z", f"{own}@{AT}"
    decide(village, *once)
    assert explained(village, 7).winner.slot == province
    assert explained(village, 24 * 60 + 7).winner.slot == own
    assert told(callers, "a1") == sorted([[own, province], list(once)])


def test_stations_fetch_a_new_plan_when_the_order_changes_and_again_when_it_is_taken_back(village, met, callers):
    station = callers.station("a1")
    before = station.get("/now").get_json()["plan"]
    row = decide(village, met[1], met[0])
    after = station.get("/now").get_json()["plan"]
    assert after != before
    with village.database.write() as session:
        ordering.take_back(session, village.actor("approver"), row.id, village.clock())
    assert station.get("/now").get_json()["plan"] == before


def test_the_other_way_round_ends_the_former_decision(village, met, callers):
    decide(village, met[1], met[0])
    decide(village, met[0], met[1])
    assert told(callers, "a1") == [[met[0], met[1]]]


def test_only_who_plans_at_the_commune_decides_and_only_about_its_own(village, met):
    with pytest.raises(Forbidden):
        decide(village, met[1], met[0], who="writer")
    with pytest.raises(NotFound):
        decide(village, met[1], met[0], who="stranger")
    with pytest.raises(Conflict) as error:  # never the province, over its communes' heads
        decide(village, met[0], met[1], who="root", unit="province")
    assert error.value.code == "not_its_own"
    with pytest.raises(NotFound):  # nothing of commune A sounds at commune B
        decide(village, met[1], met[0], who="root", unit="commune_b")


def test_ordinary_programmes_and_a_programme_with_itself_are_not_put_in_order(village, met):
    plain = village.slot(village.programme(village.bulletin(seconds=60)), "2026-11-24T11:00")
    with pytest.raises(Conflict) as error:
        decide(village, plain, met[0])
    assert error.value.code == "not_priority"
    for pair in ((met[0], met[0]), (met[0], f"{met[1]}@{AT}")):
        with pytest.raises(InvalidInput):
            decide(village, *pair)
    with pytest.raises(NotFound):
        decide(village, f"{met[1]}@2026-11-24T11:11:00.000Z", f"{met[0]}@2026-11-24T10:00:00.000Z")


def test_a_slot_that_goes_on_under_another_id_keeps_its_place(village, met, callers):
    province, own = met
    decide(village, own, province)
    village.clock.advance(days=2)
    village.roll()
    with village.database.write() as session:
        rules = editing.Rules(village.settings.zone, timedelta(minutes=10))
        programme = village.slots()[1].programme_id
        wish = village.wish(programme, "2026-11-26T17:06", "FREQ=DAILY")
        later = editing.edit(session, village.actor("root"), own, wish, rules, village.clock()).id
    assert later != own
    assert [later, province] in told(callers, "a1")


def test_the_week_says_what_may_be_put_in_order_and_what_was(village, met):
    province, own = met
    decide(village, own, province)
    look = Look(village.settings.zone, 4_800, village.clock())
    with village.database.read() as session:
        root = village.actor("root")
        at_commune = week.of_unit(session, root, village.unit("commune_a"), None, look).clashes
        at_province = week.of_unit(session, root, village.unit("province"), None, look).clashes
    assert {(each["orderable"], each["first"]) for each in at_commune} == {(True, "Chương trình commune_a")}
    assert at_commune[0]["ordered"]["by"] == "Approver"
    assert at_commune[0]["occurrences"] == [f"{province}@2026-11-24T10:00:00.000Z", f"{own}@{AT}"]
    assert not any(each["orderable"] for each in at_province)


def test_the_nearest_unit_s_decision_counts_at_a_station(village, met):
    decide(village, met[1], met[0])
    with village.database.read() as session:
        place = stations.place(session, village.cast.stations["a1"])
        rows = ordering.held(session, [unit.id for unit in place.units])
        below = SlotOrder(
            id="or_x", unit_id=village.cast.units["hamlet_a1"], first_slot=met[0], then_slot=met[1],
            decided_by="x", decided_at=NOW,
        )  # fmt: skip
        order = ordering.at_place({**rows, below.unit_id: [below]}, [unit.id for unit in place.units])
    assert order.pairs == [(met[0], met[1])]


def test_an_order_that_goes_in_a_circle_still_lets_something_sound():
    ring = {("a", "b"), ("b", "c"), ("c", "a")}
    assert chosen(["b", "c", "a"], lambda each: f"{each}@1", ring) == "b"
    assert goes_before("a@1", "b@1", ring)
    assert not goes_before("a@1", "b@1", ring | {("b@1", "a@1")})
    assert not goes_before(None, "b@1", ring)


def test_a_script_decides_lists_and_takes_back(village, met, callers):
    script = callers["approver"]
    made = script.call("POST", "/units/79.1/orders", json={"first": met[1], "then": met[0]})
    assert made.status_code == 201
    body = made.get_json()
    assert (body["unit"], body["first"], body["then"], body["decided_by"]) == ("79.1", met[1], met[0], "Approver")
    assert script.call("GET", "/units/79.1/orders").get_json()["items"] == [body]
    assert callers["writer"].call("POST", f"/orders/{body['id']}/withdraw").status_code == 403
    assert callers["stranger"].call("POST", f"/orders/{body['id']}/withdraw").status_code == 404
    assert script.call("POST", f"/orders/{body['id']}/withdraw").status_code == 200
    assert script.call("GET", "/units/79.1/orders").get_json()["items"] == []


def test_the_plan_s_order_can_be_read_back_by_a_station(village, met, callers):
    decide(village, met[1], met[0])
    settings = StationSettings.model_validate(callers.station("a1").get("/plan").get_json()["settings"])
    assert settings.order == [(met[1], met[0])]
