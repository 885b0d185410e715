"""Units and stations move and get other codes: what reaches them, what holds there, and what is still found."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import Village

from alerts import relocating
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from registry import groups, moving, stations, units
from registry.former_models import FormerCode
from registry.models import Station, Unit
from scheduler.plans import PlanBook

ZONE = "Asia/Ho_Chi_Minh"


def move(village: Village, unit: str, parent: str | None, who: str = "root") -> relocating.Shift:
    with village.database.write() as session:
        actor = village.actor(who)
        above = units.find(session, actor, parent) if parent else None
        here = units.find(session, actor, unit)
        return relocating.move_unit(session, actor, here, above, ZONE, village.clock())


def move_station(village: Village, short: str, unit: str, who: str = "root") -> relocating.Shift:
    with village.database.write() as session:
        actor = village.actor(who)
        there = units.find(session, actor, unit)
        return relocating.move_station(session, actor, village.cast.stations[short], there, ZONE, village.clock())


def planned(village: Village, short: str) -> set[str]:
    """The slots whose airings are in a station's plan, each with a ticket that it takes."""
    with village.database.read() as session:
        book = PlanBook()
        book.load(session, village.clock())
        document = book.document(stations.place(session, village.cast.stations[short]), ZONE, village.clock())
    mine = set(document.settings.audience)
    tickets = [village.verifier.verify(each) for each in document.airings]
    assert all(mine.intersection(each.audience) for each in tickets), "a ticket in the plan that the station refuses"
    ids = {each.id for each in tickets}
    return {each.slot_id or "" for each in village.airings() if each.id in ids}


def again(village: Village) -> None:
    village.clock.advance(seconds=1)
    village.roll()


def test_a_hamlet_that_moves_hears_its_new_commune_and_the_old_one_no_more(either: Village):
    village = either
    _, old = village.on_timetable(minutes=60, to=["unit:79.1"])
    _, new = village.on_timetable(minutes=90, unit="commune_b", to=["unit:79.2"])
    _, by_name = village.on_timetable(minutes=120, to=["unit:79.1.1"])
    village.roll()
    assert planned(village, "a1") == {old, by_name}
    village.clock.advance(seconds=1)
    shift = move(village, "79.1.1", "79.2")
    assert [[slot.id for slot in rows] for rows in (shift.losing, shift.gaining, shift.naming)] == [
        [old], [new], [by_name],
    ]  # fmt: skip
    assert len(shift.moved.places) == 2
    again(village)
    assert planned(village, "a1") == {new, by_name}
    assert planned(village, "a2") == {old}
    with village.database.read() as session:
        hamlet = session.get_one(Unit, village.cast.units["hamlet_a1"])
        assert hamlet.path == f"{session.get_one(Unit, village.cast.units['commune_b']).path}{hamlet.id}/"
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "unit.move")).one()
        assert entry.detail["after"] == [village.cast.units[each] for each in ("province", "commune_b")]


def test_what_holds_otherwise_after_a_move_is_told_and_nothing_else(village: Village):
    with village.database.write() as session:
        here = session.get_one(Unit, village.cast.units["commune_b"])
        here.max_volume, here.quiet_hours = 40, [["20:00", "06:00"]]
        session.add(here)
    shift = move(village, "79.1.1", "79.2")
    told = {name: after for name, _, after in shift.settings}
    assert told.keys() == {"max_volume", "quiet_hours"}
    assert told["max_volume"] == "40"
    assert "20:00–06:00" in told["quiet_hours"]
    assert move(village, "79.1.1", "79.1").settings == [(name, after, before) for name, before, after in shift.settings]


def test_a_station_that_left_its_unit_leaves_the_groups_of_it_and_keeps_running_emergencies(village: Village):
    group = village.group("commune_a", "a1", "a2")
    village.alarm("79.1")
    before = planned(village, "a1")
    shift = move_station(village, "a1", "79.2")
    assert shift.emergencies == 1
    assert shift.moved.group_names == ("Nhóm",)
    with village.database.read() as session:
        members = groups.members(session, village.actor("root"), group)
        assert village.cast.stations["a1"] not in {each.id for each in members}
        place = stations.place(session, village.cast.stations["a1"])
        assert f"unit:{village.cast.units['commune_b']}" in place.names
    assert planned(village, "a1") == before


def test_moves_that_make_no_sense_are_refused_beside_the_field(village: Village):
    for unit, parent in (("79.1", "79.1.1"), ("79.1", "79.1"), ("79.1.1", "79.1")):
        with pytest.raises(Conflict) as refused:
            move(village, unit, parent)
        assert set(refused.value.fields) == {"parent"}
    with pytest.raises(Conflict) as refused:
        move_station(village, "a_hall", "79.1")
    assert set(refused.value.fields) == {"unit"}


def test_only_who_is_in_charge_of_both_places_moves(village: Village):
    with pytest.raises((Forbidden, NotFound)):
        move(village, "79.1.1", "79.2", who="administrator")
    with pytest.raises(Forbidden):
        move(village, "79.1", None, who="administrator")
    with pytest.raises(NotFound):
        move_station(village, "a1", "79.2", who="operator")
    with pytest.raises(Forbidden):
        move_station(village, "a1", "79.1.2", who="writer")
    move_station(village, "a1", "79.1.2", who="operator")


def test_a_unit_comes_to_the_top_and_back_with_all_below_it(village: Village):
    move(village, "79.1", None)
    with village.database.read() as session:
        assert session.get_one(Unit, village.cast.units["hamlet_a2"]).path.count("/") == 3
    move(village, "79.1", "79")
    with village.database.read() as session:
        assert session.get_one(Unit, village.cast.units["hamlet_a2"]).path.count("/") == 4


def recode_station(village: Village, short: str, code: str, **more: str) -> Station:
    with village.database.write() as session:
        station = village.cast.stations[short]
        return moving.recode_station(session, village.actor("root"), station, code, village.clock(), **more)


def test_a_station_is_found_by_each_code_it_ever_had_and_nobody_else_gets_them(village: Village):
    for code in ("L-01", "L-02", "L-03"):
        recode_station(village, "a1", code)
        village.clock.advance(days=1)
    with village.database.read() as session:
        for code in ("L-01", "L-02", "L-03", village.cast.stations["a1"]):
            assert stations.find(session, village.actor("root"), code)[0].id == village.cast.stations["a1"]
        kept = session.exec(select(FormerCode).where(FormerCode.kind == "station")).all()
        assert [(each.code, each.until - each.since) for each in kept][1:] == [("L-02", timedelta(days=1))]
    for code in ("L-01", "L-03"):
        with pytest.raises(Conflict) as refused:
            recode_station(village, "a2", code)
        assert set(refused.value.fields) == {"code"}
    recode_station(village, "a2", "L-01", reason="Biển đã in cho cụm loa này.")
    with village.database.read() as session:
        assert stations.find(session, village.actor("root"), "L-01")[0].id == village.cast.stations["a2"]
    recode_station(village, "a1", "L-02")  # one's own former code may be taken back
    with pytest.raises(Conflict):
        recode_station(village, "a1", "L-02")
    with pytest.raises(InvalidInput):
        recode_station(village, "a1", "bad code!")


def test_a_former_code_is_free_after_five_years(village: Village):
    recode_station(village, "a1", "L-01")
    recode_station(village, "a1", "L-02")
    village.clock.advance(days=5 * 365 + 2)
    assert recode_station(village, "a2", "L-01").id == village.cast.stations["a2"]
