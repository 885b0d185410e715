"""Reports and acknowledgements of many stations at once, and reports about what was withdrawn before it began."""

import uuid
from datetime import timedelta

from sqlmodel import select
from village import NOW, Village

from core.wire import Report
from registry import stations
from scheduler import commands, reports
from scheduler.models import Acknowledgement, Airing, AiringOutcome, PlayReport, StationCommand
from scheduler.worker import Worker


def report(airing: Airing, outcome: str = "played", seconds: float = 20.0, reason: str | None = None) -> Report:
    return Report(
        id=str(uuid.uuid4()), airing=airing.id, item=0, outcome=outcome, reason=reason, started_at=airing.starts_at,
        ended_at=airing.ends_at, seconds=seconds,
    )  # fmt: skip


def say(village: Village, **said: list[Report]) -> list[reports.Verdict]:
    with village.database.write() as session:
        calls = [(stations.place(session, village.cast.stations[short]), said[short]) for short in said]
        return reports.accept_all(session, calls, village.clock())


def outcomes(village: Village, airing: Airing) -> dict[str, tuple[str, str | None]]:
    with village.database.read() as session:
        rows = session.exec(select(AiringOutcome).where(AiringOutcome.airing_id == airing.id)).all()
        return {row.station_id: (row.outcome, row.reason) for row in rows}


def one_airing(village: Village, worker: Worker) -> tuple[Airing, str]:
    bulletin, _ = village.on_timetable()
    village.roll()
    return village.airings()[0], bulletin


def test_each_station_gets_its_own_verdict_and_its_own_outcome(village: Village, worker: Worker):
    airing, _ = one_airing(village, worker)
    village.clock.advance(hours=2)
    mine, theirs = report(airing), report(airing, "missed", 0.0, "power")
    other = report(airing)
    verdicts = say(village, a1=[mine, mine], a2=[theirs, mine], b1=[other])
    assert verdicts[0].accepted == [mine.id, mine.id]
    assert (verdicts[1].accepted, verdicts[1].refused) == ([theirs.id], [(mine.id, "id_taken")])
    assert verdicts[2].refused == [(other.id, "unknown_airing")]
    worker.dispatch(village.clock())
    worker.reconcile(village.clock())
    found = outcomes(village, airing)
    assert found[village.cast.stations["a1"]] == ("played", None)
    assert found[village.cast.stations["a2"]] == ("missed", "power")


def test_a_late_report_corrects_the_outcome_it_is_about(village: Village, worker: Worker):
    airing, _ = one_airing(village, worker)
    village.clock.advance(hours=2)
    worker.dispatch(village.clock())
    worker.reconcile(village.clock())
    a1, a2 = village.cast.stations["a1"], village.cast.stations["a2"]
    assert outcomes(village, airing)[a1] == ("missed", "offline")
    village.clock.advance(days=6)
    say(village, a1=[report(airing)], a2=[report(airing, "partial", 9.0, "power")])
    assert (outcomes(village, airing)[a1], outcomes(village, airing)[a2]) == (("played", None), ("partial", "power"))


def test_what_was_withdrawn_before_it_began_has_an_outcome_only_where_it_was_heard(village: Village, worker: Worker):
    """Whether the report comes before the accounting or long after it."""
    airing, bulletin = one_airing(village, worker)
    village.clock.advance(minutes=5)
    village.withdraw_bulletin(bulletin)
    village.roll()
    village.clock.advance(hours=2)
    a1, a2 = village.cast.stations["a1"], village.cast.stations["a2"]
    say(village, a1=[report(airing, "missed", 0.0, "withdrawn")])
    worker.dispatch(village.clock())
    worker.reconcile(village.clock())
    assert outcomes(village, airing) == {}
    say(village, a1=[report(airing, "missed", 0.0, "withdrawn")])
    assert outcomes(village, airing) == {}
    say(village, a2=[report(airing)])  # it had no network, and did not know
    assert outcomes(village, airing) == {a2: ("played", None)}
    with village.database.read() as session:
        assert len(session.exec(select(PlayReport)).all()) == 3
    assert a1 != a2


def test_acknowledgements_of_many_stations_are_kept_once_each(village: Village):
    a1, a2 = village.cast.stations["a1"], village.cast.stations["a2"]
    with village.database.write() as session:
        command = commands.give(session, village.actor("operator"), a1, "volume", 10, NOW).id
    for _ in range(2):
        with village.database.write() as session:
            commands.acknowledge_all(session, [(a1, ["air_1", "air_1"]), (a2, ["air_1", command]), (a2, [])], NOW)
    with village.database.read() as session:
        kept = {(row.subject, row.station_id) for row in session.exec(select(Acknowledgement)).all()}
        assert kept == {("air_1", a1), ("air_1", a2), (command, a2)}
        # Another station's word does not count as the one's that was ordered.
        assert session.get_one(StationCommand, command).acknowledged_at is None
    with village.database.write() as session:
        commands.acknowledge_all(session, [(a1, [command])], NOW + timedelta(seconds=1))
    with village.database.read() as session:
        assert session.get_one(StationCommand, command).acknowledged_at == NOW + timedelta(seconds=1)
