"""Two communes become one: everything living goes over, everything past is found, nothing sounds otherwise."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from village import NOW, Village

from alerts import relocating
from audio import lexicon
from audio.models import Pronunciation
from core import audit
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.wire import Report
from loa.tables import metadata
from playlists.models import Bulletin, BulletinVersion
from registry import people, public_pages, stations, trail_search, units
from registry.models import Grant, Group, Person, Station, Unit
from registry.rights import Permission, Role, system_actor
from scheduler import audience, dayparts, emergencies, reports
from scheduler.models import Airing, AiringOutcome, PlayReport, Slot
from scheduler.plans import PlanBook

ZONE = "Asia/Ho_Chi_Minh"


def merge(village: Village, source: str = "79.1", target: str = "79.2", who: str = "root", **more: str):
    with village.database.write() as session:
        return relocating.merge(session, village.actor(who), source, target, village.clock(), **more)


def plan(village: Village, short: str) -> tuple[list[str], list[str]]:
    """The ids of the airings in a station's plan that are signed for it, and the names it answers to."""
    with village.database.read() as session:
        book = PlanBook()
        book.load(session, village.clock())
        place = stations.place(session, village.cast.stations[short])
        document = book.document(place, ZONE, village.clock())
    mine = set(document.settings.audience)
    tickets = [village.verifier.verify(each) for each in document.airings]
    assert all(mine.intersection(each.audience) for each in tickets), "a ticket in the plan that the station refuses"
    return [each.id for each in tickets], sorted(mine)


def report(village: Village, short: str, airing: Airing, number: int = 1) -> Report:
    return Report(
        id=f"00000000-0000-4000-8000-{number:012d}", airing=airing.id, item=0, outcome="played",
        started_at=airing.starts_at, ended_at=airing.ends_at, seconds=20.0, volume=60,
    )  # fmt: skip


def test_no_living_row_names_the_former_unit_after_the_merger(either: Village):
    village = either
    village.on_timetable(to=["unit:79.1"])
    former = village.cast.units["commune_a"]
    merge(village)
    with village.database.read() as session:
        for rule, what in relocating.RULES.items():
            if what not in {"moves", "rewritten"}:
                continue
            table, _, column = rule.partition(".")
            values = session.execute(select(metadata.tables[table].c[column])).scalars().all()
            if rule == "unit.parent_id":
                continue
            assert not any(former in str(value) for value in values), rule


def test_what_was_on_the_timetable_sounds_at_the_same_stations_and_nowhere_else(either: Village):
    village = either
    _, slot = village.on_timetable(minutes=120, to=["unit:79.1"], rrule="FREQ=DAILY;COUNT=3")
    village.on_timetable(minutes=180, unit="commune_b", to=["unit:79.2"])
    village.roll()
    shorts = ("a1", "a_hall", "a2", "b1", "b_hall")
    before = {short: len(plan(village, short)[0]) for short in shorts}
    assert before == {"a1": 3, "a_hall": 3, "a2": 3, "b1": 1, "b_hall": 1}
    # The tickets that are out already are still in the plans and still taken, before anything is planned anew.
    village.clock.advance(seconds=1)
    merge(village)
    assert {short: len(plan(village, short)[0]) for short in shorts} == before
    village.clock.advance(seconds=1)
    village.roll()
    assert {short: len(plan(village, short)[0]) for short in shorts} == before
    starts = [(each.slot_id, each.occurrence_at) for each in village.airings()]
    assert len(starts) == len(set(starts)), "an occurrence that sounds twice"
    with village.database.read() as session:
        moved = session.get_one(Slot, slot)
        assert moved.unit_id == village.cast.units["commune_b"]
        assert audience.station_ids(session, moved.audience) == {
            village.cast.stations[each] for each in ("a1", "a1_dyke", "a2", "a_hall")
        }
    village.clock.advance(minutes=1)
    village.roll()
    assert {short: len(plan(village, short)[0]) for short in shorts} == before


def test_an_airing_that_begins_in_a_moment_sounds_all_the_same(village: Village):
    village.on_timetable(minutes=30, to=["unit:79.1"])
    village.roll()
    (airing,) = village.airings()
    village.clock.at = airing.starts_at - timedelta(seconds=20)
    merge(village)
    village.clock.advance(seconds=1)
    village.roll()
    assert plan(village, "a1")[0] == [airing.id]
    with village.database.read() as session:
        assert audience.stations_behind(session, airing.audience)[airing.audience[0]] == {
            village.cast.stations[each] for each in ("a1", "a1_dyke", "a2", "a_hall")
        }


def test_a_running_emergency_goes_on_and_a_new_one_reaches_stations_that_know_nothing_yet(village: Village):
    running = village.alarm("79.1")
    before = plan(village, "a1")[1]
    bulletin = village.bulletin("commune_b")
    merge(village)
    with village.database.read() as session:
        place = stations.place(session, village.cast.stations["a1"])
        assert not set(place.names).isdisjoint(session.get_one(Airing, running).audience)
    with village.database.write() as session:
        root = village.actor("root")
        clip = session.exec(select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == bulletin)).one()
        wanted = emergencies.Alarm(signal="none", audience=["unit:79.1"], clip=clip)
        _, fresh = emergencies.raise_alarm(
            session, root, units.find(session, root, "79.1"), wanted, signer=village.signer, default_zone=ZONE,
            max_chars=20_000, now=village.clock(),
        )  # fmt: skip
        assert fresh.audience == [f"unit:{village.cast.units['commune_b']}"]
        ticket = village.ticket(fresh)
    assert set(before).intersection(ticket.audience), "its plan is from before: it would refuse"


def test_people_words_and_groups_go_over_and_the_other_units_words_win(village: Village):
    root, system = village.actor("root"), system_actor()
    with village.database.write() as session:
        a, b = (units.find(session, root, code) for code in ("79.1", "79.2"))
        for unit, spoken in ((a, "ủy ban A"), (b, "ủy ban B")):
            lexicon.put(session, root, unit, "UBND", spoken, village.clock())
        lexicon.put(session, root, a, "HTX", "hợp tác xã", village.clock())
        stranger = session.get_one(Person, village.cast.people["stranger"])
        people.grant(session, system, stranger, a, Role.VIEWER, village.clock())
    village.bulletin()
    merger = merge(village)
    assert [(each.what, each.kept, each.left) for each in merger.clashes if each.kind == "words"] == [
        ("UBND", "ủy ban B", "ủy ban A")
    ]
    with village.database.read() as session:
        words = dict(session.exec(select(Pronunciation.written, Pronunciation.spoken)).all())
        assert words == {"UBND": "ủy ban B", "HTX": "hợp tác xã"}
        homes = set(session.exec(select(Grant.unit_id).where(col(Grant.unit_id).is_not(None))).all())
        assert homes == {village.cast.units["commune_b"]}
        assert set(session.exec(select(Bulletin.unit_id)).all()) == {village.cast.units["commune_b"]}
    assert village.actor("administrator").may(Permission.ADMINISTER, village.unit("hamlet_b1"))


def test_parts_of_the_day_keep_their_times_under_another_code(village: Village):
    root = village.actor("root")
    with village.database.write() as session:
        a, b, top = (units.find(session, root, code) for code in ("79.1", "79.2", "79"))
        for unit, begins in ((a, "05:00"), (b, "06:00"), (top, "05:30")):
            windows = [{"from": begins, "to": "07:00"}]
            dayparts.put(session, root, unit, "sang", "Sáng", windows, village.clock())
        dayparts.put(session, root, top, "toi", "Tối", [{"from": "18:00", "to": "19:00"}], village.clock())
        dayparts.put(session, root, b, "toi", "Tối", [{"from": "17:00", "to": "18:00"}], village.clock())
    made = village.bulletin()
    for part in ("sang", "toi"):
        village.slot(village.programme(made), "2026-11-24", "FREQ=DAILY;COUNT=2", daypart=part)
    village.roll()
    before = [(each.slot_id, each.starts_at) for each in village.airings()]
    assert len(before) == 4
    merger = merge(village)
    assert {each.left for each in merger.clashes if each.kind == "day_part"} == {"sang-2", "toi-2"}
    village.clock.advance(seconds=1)
    village.roll()
    assert [(each.slot_id, each.starts_at) for each in village.airings()] == before


def test_a_former_code_leads_to_the_unit_and_is_given_to_nobody_else(village: Village):
    merge(village)
    root = village.actor("root")
    with village.database.read() as session:
        assert units.find(session, root, "79.1").id == village.cast.units["commune_b"]
        assert units.find(session, root, village.cast.units["commune_a"]).merged_into == village.cast.units["commune_b"]
        assert "commune_a" not in {unit.name for unit in units.visible(session, root)}
    with pytest.raises(Conflict, match="It still leads there"), village.database.write() as session:
        units.create(session, root, name="Xã mới", code="79.1", parent="79", zone=None, now=NOW)
    with pytest.raises(Conflict, match="Choose that one"):
        root.require(Permission.WRITE, village.unit("commune_a"))


def test_two_become_a_third_by_a_new_name_and_code(village: Village):
    merge(village, name="Xã Hợp Nhất", code="79.9")
    root = village.actor("root")
    with village.database.write() as session:
        both = {units.find(session, root, code).id for code in ("79.1", "79.2", "79.9")}
        assert both == {village.cast.units["commune_b"]}
        public_pages.open_page(session, root, units.find(session, root, "79.9"), True, NOW)
        assert public_pages.at(session, "79.1", ZONE).unit.name == "Xã Hợp Nhất"
        assert session.get_one(Unit, village.cast.units["hamlet_a1"]).path == (
            f"/{village.cast.units['province']}/{village.cast.units['commune_b']}/{village.cast.units['hamlet_a1']}/"
        )


def test_the_log_of_before_is_never_rewritten_and_found_under_the_one_that_goes_on(village: Village):
    village.bulletin()
    root = village.actor("root")
    with village.database.read() as session:
        wanted = trail_search.Wanted(unit=units.find(session, root, "79.1"))
        before = {each.number for each in trail_search.search(session, root, wanted, limit=500)}
    merge(village)
    with village.database.read() as session:
        wanted = trail_search.Wanted(unit=units.find(session, root, "79.2"))
        after = {each.number for each in trail_search.search(session, root, wanted, limit=500)}
        assert before <= after
        assert audit.verify(session) is None
        told = session.exec(select(AuditEntry).where(AuditEntry.action == "unit.merge")).all()
        assert {each.unit_id for each in told} == {village.cast.units[each] for each in ("commune_a", "commune_b")}


def test_airings_of_before_are_accounted_for_by_who_was_there_then(either: Village):
    village = either
    village.on_timetable(minutes=30, to=["unit:79.1"])
    village.on_timetable(minutes=30, unit="commune_b", to=["unit:79.2"])
    village.roll()
    former = f"unit:{village.cast.units['commune_a']}"
    of_a = next(each for each in village.airings() if each.audience == [former])
    village.clock.at = of_a.ends_at + timedelta(seconds=5)
    with village.database.write() as session:
        session.execute(Airing.__table__.update().values(state="over"))  # as the worker's dispatch does
    merge(village)
    village.clock.advance(hours=1)
    with village.database.write() as session:
        assert reports.reconcile(session, village.clock(), timedelta(minutes=5)) == 2
        place = stations.place(session, village.cast.stations["a1"])
        verdict = reports.accept(session, place, [report(village, "a1", of_a)], village.clock())
        assert verdict.refused == []
    with village.database.read() as session:
        rows = session.exec(select(AiringOutcome.station_id, AiringOutcome.outcome)).all()
        assert len(rows) == 6, "each station owes what was for it, once"
        assert dict(rows)[village.cast.stations["a1"]] == "played"
        assert len(session.exec(select(PlayReport)).all()) == 1


def test_a_rehearsal_tells_all_and_changes_nothing(village: Village):
    village.on_timetable(to=["unit:79.1"])
    with village.database.read() as session:
        entries = len(session.exec(select(AuditEntry)).all())
    root = village.actor("root")
    merger = relocating.rehearse(
        village.database, lambda session: relocating.merge(session, root, "79.1", "79.2", village.clock())
    )
    assert {"stations": 4, "units": 2, "slots": 1, "slots_aimed": 1, "bulletins": 1}.items() <= merger.counts.items()
    with village.database.read() as session:
        assert len(session.exec(select(AuditEntry)).all()) == entries
        assert session.exec(select(Group)).all() == []
        assert units.find(session, root, "79.1").id == village.cast.units["commune_a"]
        assert session.get_one(Station, village.cast.stations["a_hall"]).unit_id == village.cast.units["commune_a"]


def test_only_who_administers_what_is_above_merges(village: Village):
    with pytest.raises(NotFound):
        merge(village, who="administrator")
    with pytest.raises(Forbidden):
        merge(village, "79.1.1", "79.1.2", who="writer")
    merge(village, "79.1.1", "79.1.2", who="administrator")
    with pytest.raises(Conflict):
        merge(village, "79", "79.1")
    with pytest.raises(InvalidInput):
        relocating.named(village.unit("commune_a"), "something else")
    relocating.named(village.unit("commune_a"), " Commune_A ")
