"""One order for many stations: who gets it, who is left out and why, and how far each has come with it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select
from village import NOW, Village

from core import audit
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.wire import Heartbeat
from registry import stations, units
from registry.models import Station
from registry.rights import system_actor
from scheduler import batches, commands
from scheduler.models import StationCommand
from scheduler.now import NowBoard

ZONE = "Asia/Ho_Chi_Minh"
NIGHT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)  # 23:30 in Vietnam


def proposed(village: Village, session, do="test_tone", value=None, *, who="operator", now=NOW, reason="", only=None):
    ids = only if only is not None else list(village.cast.stations.values())
    return batches.propose(session, village.actor(who), ids, do, value, default_zone=ZONE, now=now, reason=reason)


def given(village: Village, do="test_tone", value=None, *, who="operator", now=NOW, batch="sb_1", **more):
    with village.database.write() as session:
        plan = proposed(village, session, do, value, who=who, now=now, reason=more.get("reason", ""))
        return batches.give(session, village.actor(who), plan, batch_id=batch, now=now, **more)


def commune_a(village: Village) -> set[str]:
    return {village.cast.stations[name] for name in ("a1", "a1_dyke", "a2", "a_hall")}


def test_an_order_for_many_is_one_order_a_station_and_reaches_the_documents_they_wait_on(either: Village):
    batch = given(either)
    with either.database.read() as session:
        rows = session.exec(select(StationCommand).where(StationCommand.batch_id == batch.id)).all()
        assert {row.station_id for row in rows} == commune_a(either)
        assert {row.expires_at for row in rows} == {NOW + timedelta(minutes=5)}
        board = NowBoard(ZONE)
        board.catch_up(session, NOW)
        _, body = board.document(either.cast.stations["a1"])
        assert b'"test_tone"' in body


def test_stations_that_are_not_ones_own_are_left_out_or_not_there_at_all(either: Village):
    with either.database.read() as session:
        plan = proposed(either, session)
        assert {identity for identity, _ in plan.targets} == commune_a(either)
        assert plan.left_out == ()  # the neighbour's are as if they had not been named
        watched = proposed(either, session, who="viewer")
        assert watched.targets == ()
        assert watched.left_out_for("role") == 4
    with pytest.raises(Forbidden):
        given(either, who="viewer")


def test_the_volume_goes_no_higher_than_each_unit_allows_and_is_kept(either: Village):
    with either.database.write() as session:
        units.settle(
            session, system_actor(), units.find(session, system_actor(), "79.1.2"), quiet_hours=None, max_volume=40,
            zone=None, codec=None, now=NOW,
        )  # fmt: skip
    with either.database.read() as session:
        assert proposed(either, session, "volume", 80).capped == 1
    batch = given(either, "volume", 80)
    with either.database.read() as session:
        held = {name: session.get_one(Station, identity).volume for name, identity in either.cast.stations.items()}
        values = dict(session.exec(select(StationCommand.station_id, StationCommand.value)).all())
    assert held == {"a1": 80, "a1_dyke": 80, "a2": 40, "a_hall": 80, "b1": 70, "b_hall": 70}
    assert values[either.cast.stations["a2"]] == 40
    assert batch.expires_at == NOW + commands.KEPT


@pytest.mark.parametrize("value", [None, -1, 101])
def test_a_volume_out_of_range_is_refused(village: Village, value):
    with pytest.raises(InvalidInput), village.database.read() as session:
        proposed(village, session, "volume", value)


def test_a_test_tone_at_night_needs_a_reason_that_is_kept(village: Village):
    with village.database.read() as session:
        assert proposed(village, session, now=NIGHT).left_out_for("quiet") == 4
        assert proposed(village, session, "restart", now=NIGHT).left_out == ()
    with pytest.raises(Conflict):
        given(village, now=NIGHT)
    batch = given(village, now=NIGHT, reason="Bão sắp vào, thử loa theo lệnh của xã")
    assert batch.stations == 4
    with village.database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "station.batch")).one()
    assert entry.detail["reason"] == "Bão sắp vào, thử loa theo lệnh của xã"


def test_the_same_form_sent_twice_orders_once(either: Village):
    first = given(either)
    again = given(either)
    assert first.id == again.id
    with either.database.read() as session:
        assert len(session.exec(select(StationCommand)).all()) == 4
    with pytest.raises(NotFound):  # nobody takes over the act of another person
        given(either, who="administrator")


def test_many_restarts_want_their_number_typed(village: Village, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "MANY_RESTARTS", 3)
    for typed in (None, 3, 40):
        with pytest.raises(InvalidInput):
            given(village, "restart", confirmed=typed)
    assert given(village, "restart", confirmed=4).stations == 4


def test_a_station_out_of_service_gets_no_order(village: Village):
    with village.database.write() as session:
        stations.revoke(session, system_actor(), village.cast.stations["a1"], NOW)
        plan = proposed(village, session)
    assert plan.left_out == ((village.cast.stations["a1"], "service"),)
    assert len(plan.targets) == 3


@pytest.mark.parametrize("do", ["stop", "explode", ""])
def test_what_is_no_order_for_many_is_refused(village: Village, do: str):
    with pytest.raises(InvalidInput), village.database.read() as session:
        proposed(village, session, do)


def test_it_is_seen_how_far_each_station_has_come(either: Village):
    batch = given(either)
    at = either.cast.stations

    def counted(now):
        with either.database.read() as session:
            return batches.progress(session, either.actor("viewer"), batch, now)

    assert counted(NOW) == {"ordered": 4, "told": 0, "acknowledged": 0, "expired": 0}
    with either.database.write() as session:
        stations.heard(session, at["a1"], Heartbeat(seq=batch.seq), NOW + timedelta(seconds=1))
        stations.heard(session, at["a1_dyke"], Heartbeat(seq=batch.seq - 1), NOW + timedelta(seconds=1))
        mine = session.exec(select(StationCommand).where(StationCommand.station_id == at["a2"])).one()
        commands.acknowledge(session, at["a2"], [mine.id], NOW + timedelta(seconds=2))
    assert counted(NOW + timedelta(seconds=3)) == {"ordered": 2, "told": 1, "acknowledged": 1, "expired": 0}
    late = NOW + timedelta(minutes=6)
    assert counted(late) == {"ordered": 0, "told": 0, "acknowledged": 1, "expired": 3}
    with either.database.read() as session:
        lines = batches.lines(session, either.actor("viewer"), batch, late)
    assert [(line.name, line.step) for line in lines][-1] == ("a2", "acknowledged")
    assert lines[-1].acknowledged_at == NOW + timedelta(seconds=2)


def test_a_stranger_finds_no_act_and_no_line_of_it(either: Village):
    batch = given(either)
    with either.database.read() as session:
        with pytest.raises(NotFound):
            batches.find(session, either.actor("stranger"), batch.id)
        with pytest.raises(NotFound):
            batches.find(session, either.actor("viewer"), "sb_none")
        assert batches.lines(session, either.actor("stranger"), batch, NOW) == []
        assert sum(batches.progress(session, either.actor("stranger"), batch, NOW).values()) == 0
        assert batches.find(session, either.actor("viewer"), batch.id).id == batch.id


def test_one_entry_tells_of_the_act_and_one_of_each_station_and_the_chain_stays_whole(either: Village):
    batch = given(either, "volume", 55)
    with either.database.read() as session:
        whole = session.exec(select(AuditEntry).where(AuditEntry.subject == batch.id)).one()
        each = session.exec(select(AuditEntry).where(AuditEntry.action == "station.volume")).all()
        walk = audit.go_on(session, 10_000)
    assert (whole.detail["stations"], whole.unit_id) == (4, either.cast.units["commune_a"])
    assert {entry.subject for entry in each} == commune_a(either)
    assert all(entry.detail == {"value": 55, "batch": batch.id} for entry in each)
    assert walk.broken is None
    assert not walk.more


def test_the_number_of_statements_does_not_grow_with_the_stations(village: Village):
    with village.database.write() as session:
        unit = village.cast.units["hamlet_a1"]
        session.execute(
            Station.__table__.insert(),
            [
                {
                    "id": f"st_{n:04}",
                    "unit_id": unit,
                    "name": f"Loa {n}",
                    "token_hash": f"{n}",
                    "languages": ["vi"],
                    "created_at": NOW,
                }
                for n in range(390)
            ],
        )
    counted = []

    def count(ids: list[str], batch: str) -> int:
        with village.database.write() as session:
            ran: list[str] = []
            event.listen(village.database.engine, "before_cursor_execute", lambda *given: ran.append(given[2]))
            plan = proposed(village, session, only=ids)
            batches.give(session, village.actor("operator"), plan, batch_id=batch, now=NOW)
            return len(ran)

    counted.append(count(["st_0000", "st_0001"], "sb_few"))
    counted.append(count([f"st_{n:04}" for n in range(390)], "sb_many"))
    assert counted[0] == counted[1]
