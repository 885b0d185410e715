"""The list of stations: states, filters, search without accents, and pages that begin where the last one ended."""

from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from core.wire import Heartbeat, Report
from registry import groups, health, station_list, stations, units
from registry.models import Station, StationState
from registry.rights import Permission, system_actor
from registry.station_list import Frame, Wanted
from scheduler import reports
from scheduler.last_sounds import last_sound
from scheduler.models import Airing

FRAME = Frame(NOW, 180, "2026-11", "loalang 2.0")


ANY = Wanted()


def beat(**more) -> Heartbeat:
    return Heartbeat(**{"clock_offset_ms": 0.0, "software": "loalang 2.0", "temperature_c": 40.0, **more})


@pytest.fixture
def network(either: Village) -> Village:
    """One station on line, one silent, one too hot with a full card, one never heard, one out of service."""
    with either.database.write() as session:
        at = either.cast.stations
        stations.heard(session, at["a1"], beat(month="2026-11", received_bytes=5_000_000, sent_bytes=1), NOW)
        stations.heard(session, at["a1_dyke"], beat(), NOW - timedelta(hours=2))
        hot = beat(temperature_c=81.5, faults=["disk_full"], clock_offset_ms=3e6, software="loalang 1.9")
        stations.heard(session, at["a2"], hot, NOW)
        stations.revoke(session, system_actor(), at["a_hall"], NOW)
    return either


def shown(village: Village, wanted: Wanted = ANY, who: str = "root", **how) -> list[str]:
    with village.database.read() as session:
        rows = station_list.page(session, village.actor(who), wanted, FRAME, sounded=last_sound(), **how)
    return [row.station.name for row in rows]


def test_each_state_finds_its_stations_and_the_counts_agree(network: Village):
    with network.database.read() as session:
        counts = station_list.counts(session, network.actor("root"), Wanted(), FRAME)
    found = {state: shown(network, Wanted(state=state)) for state in station_list.STATES}
    assert {state: len(names) for state, names in found.items()} | {"all": 6} == counts
    assert found["online"] == ["a1", "a2"]
    assert found["silent"] == ["a1_dyke"]
    assert set(found["never"]) == {"b1", "b_hall"}
    assert found["revoked"] == ["a_hall"]
    assert found["storage"] == found["hot"] == found["clock"] == found["behind"] == ["a2"]
    assert found["sound"] == found["waiting"] == []


def test_the_database_calls_a_station_what_the_pure_rule_calls_it(network: Village):
    with network.database.read() as session:
        rows = station_list.page(session, network.actor("root"), Wanted(), FRAME, sounded=last_sound())
        for row in rows:
            named = [each for each in station_list.PRIMARY if row.station.name in shown(network, Wanted(state=each))]
            state = session.get(StationState, row.station.id)
            assert [health.of(row.station, state, NOW, 180).state] == named == [row.health.state]


@pytest.mark.parametrize("sort", station_list.SORTS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_two_show_every_station_once_in_the_order_of_one_page(network: Village, sort: str, descending: bool):
    whole = shown(network, sort=sort, descending=descending)
    walked, after = [], None
    for _ in range(4):
        with network.database.read() as session:
            rows = station_list.page(
                session, network.actor("root"), Wanted(), FRAME, sounded=last_sound(), sort=sort,
                descending=descending, after=after, limit=2,
            )  # fmt: skip
        walked += [row.station.name for row in rows]
        if rows:
            after = station_list.read(station_list.written((rows[-1].key, rows[-1].station.id)), sort)
            assert after == (rows[-1].key, rows[-1].station.id)
    assert walked == whole
    assert len(whole) == 6


def test_sorting_by_what_hurts_brings_it_to_the_top(network: Village):
    assert shown(network, sort="state")[0] == "a1_dyke"
    assert shown(network, sort="temperature", descending=True)[0] == "a2"
    assert shown(network, sort="used", descending=True)[0] == "a1"


@pytest.mark.parametrize("text", ["", "x", "!!!", "bnVsbA", "WzEsMl0", "W10", "eyJhIjoxfQ", "a" * 5_000])
def test_a_cursor_that_is_none_begins_anew(text: str):
    for sort in station_list.SORTS:
        assert station_list.read(text, sort) is None


def test_a_name_is_found_without_its_accents_and_by_place_code_and_serial(village: Village):
    with village.database.write() as session:
        system = system_actor()
        place = units.create(
            session, system, name="Thôn Đống Đa", code="79.1.9", parent="79.1", zone=None, now=NOW
        )  # fmt: skip
        made, _ = stations.create(
            session, system, name="Cụm loa ĐÌNH làng", unit=place, hours=1, serial="SN-77", now=NOW
        )
        session.flush()
        assert made.plain == "cum loa dinh lang"
    for text in ("dinh", "Đình", "lang DINH", "dong da", "đống dinh", "79.1.9", "sn-77", made.id):
        assert shown(village, Wanted(text=text)) == ["Cụm loa ĐÌNH làng"], text
    for text in ("dinh bac", "%", "79.1.99"):
        assert shown(village, Wanted(text=text)) == [], text
    with village.database.write() as session:
        stations.edit(
            session, system_actor(), made.id, name="Chợ Mới", latitude=None, longitude=None, languages=["km"], now=NOW
        )  # fmt: skip
    assert shown(village, Wanted(text="cho moi")) == ["Chợ Mới"]
    assert shown(village, Wanted(language="km")) == ["Chợ Mới"]
    assert shown(village, Wanted(text="dinh")) == []


def test_rows_inserted_in_bulk_are_found_by_name_too(village: Village):
    with village.database.write() as session:
        session.execute(
            Station.__table__.insert(),
            [
                {
                    "id": "st_x",
                    "unit_id": village.cast.units["hamlet_a1"],
                    "name": "Bến Đò",
                    "languages": ["vi"],
                    "created_at": NOW,
                }
            ],
        )
    assert shown(village, Wanted(text="ben do")) == ["Bến Đò"]


def test_who_sees_one_commune_finds_none_of_the_next(network: Village):
    assert set(shown(network, who="stranger")) == {"b1", "b_hall"}
    assert shown(network, Wanted(text=network.cast.stations["a1"]), who="stranger") == []
    with network.database.read() as session:
        neighbour = network.actor("stranger")
        assert station_list.counts(session, neighbour, Wanted(), FRAME)["all"] == 2
        assert station_list.points(session, neighbour, Wanted(), FRAME) == []
        assert network.cast.stations["a1"] not in station_list.ids(session, neighbour, Wanted(), FRAME, Permission.SEE)
        assert {each.name for each in station_list.units_around(session, neighbour, None)} == {"commune_b", "hamlet_b1"}


def test_a_unit_and_a_group_narrow_the_list(network: Village):
    assert shown(network, Wanted(unit=network.unit("hamlet_a1"))) == ["a1", "a1_dyke"]
    with network.database.write() as session:
        made = groups.create(
            session, system_actor(), name="Ven đê", unit=network.unit("commune_a"),
            members=[network.cast.stations["a2"]], now=NOW,
        )  # fmt: skip
    assert shown(network, Wanted(group=made.id)) == ["a2"]
    assert shown(network, Wanted(group="gr_none")) == []
    with network.database.read() as session:
        assert groups.members(session, network.actor("root"), [made.id]) == {made.id: (1, ["a2"])}
        assert groups.members(session, network.actor("stranger"), [made.id]) == {}


def test_this_months_bytes_are_those_going_on_and_those_put_away(network: Village):
    at = network.cast.stations["a1"]
    with network.database.write() as session:  # a new memory card: the count begins anew
        stations.heard(session, at, beat(month="2026-11", received_bytes=100, sent_bytes=0), NOW)
    with network.database.read() as session:
        rows = station_list.page(session, network.actor("root"), Wanted(text=at), FRAME, sounded=last_sound())
        assert rows[0].used == 5_000_101
        december = Frame(NOW, 180, "2026-12", "")
        rows = station_list.page(session, network.actor("root"), Wanted(text=at), december, sounded=last_sound())
        assert rows[0].used == 0


def test_the_last_sound_is_what_was_reported_as_played(network: Village):
    at = network.cast.stations["a1"]
    with network.database.write() as session:
        airing = Airing(
            id="air_x", unit_id=network.cast.units["commune_a"], kind="programme", priority="ordinary", title="x",
            starts_at=NOW, ends_at=NOW, not_after=NOW, late="skip", created_at=NOW, audience=[f"station:{at}"],
            items=[{"seconds": 1}] * 3,
        )  # fmt: skip
        session.add(airing)
        session.flush()
        told = [("played", 60), ("partial", 30), ("missed", 5)]
        reports.accept(
            session, stations.place(session, at),
            [
                Report(
                    id=f"{number:08d}-0000-4000-8000-000000000000", airing="air_x", item=number, outcome=outcome,
                    started_at=NOW - timedelta(minutes=ago), ended_at=NOW - timedelta(minutes=ago), seconds=1,
                )
                for number, (outcome, ago) in enumerate(told)
            ],
            NOW,
        )  # fmt: skip
    with network.database.read() as session:
        rows = station_list.page(
            session, network.actor("root"), Wanted(), FRAME, sounded=last_sound(), sort="sounded", descending=True
        )  # fmt: skip
    assert rows[0].station.name == "a1"
    assert rows[0].sounded == NOW - timedelta(minutes=30)
    assert {row.sounded for row in rows[1:]} == {None}


def test_languages_are_listed_once(village: Village):
    with village.database.write() as session:
        station = session.exec(select(Station).where(Station.name == "a1")).one()
        station.languages = ["vi", "km"]
        session.add(station)
    with village.database.read() as session:
        assert station_list.languages(session, village.actor("root")) == ["km", "vi"]
        assert station_list.languages(session, village.actor("stranger")) == ["vi"]
