"""Whole rehearsals: what must hold whatever happens, and that the witness sees it when it does not."""

import logging
from datetime import timedelta

import pytest

from core.errors import InvalidInput
from loa.__main__ import main
from loa.rehearsal.memory import Memory
from loa.rehearsal.run import Result, rehearse
from loa.rehearsal.wishes import USUAL, Wishes, checked, parse_faults
from station import due
from station.book import Book
from station.clock import StationClock


@pytest.fixture(autouse=True)
def quiet_log():
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def told(result: Result) -> str:
    return "\n".join(str(each) for each in result.violations[:10])


@pytest.mark.parametrize("seed", range(1, 6))
def test_with_every_fault_at_once_nothing_happens_that_never_may(seed: int):
    result = rehearse(Wishes(stations=60, days=3, seed=seed))
    assert result.violation_count == 0, told(result)
    tally = result.tally
    ends = (tally.partial.total(), tally.missed.total(), tally.refused.total(), tally.withdrawn)
    assert tally.planned == tally.played + sum(ends)
    assert tally.played > tally.planned / 2


def test_many_changes_alarms_and_cuts_at_once_break_nothing():
    faults = parse_faults("edits=25,alarms=8,power=6,network=4,links=0.5,files=0.2,server=10,clock=1")
    result = rehearse(Wishes(stations=34, days=3, seed=7, faults=faults))
    assert result.violation_count == 0, told(result)
    assert len(result.edits) >= 5


def test_without_faults_everything_planned_is_played():
    result = rehearse(Wishes(stations=34, days=2, faults={}))
    assert result.violation_count == 0, told(result)
    assert result.tally.planned == result.tally.played == 34 * 2 * 2 * 2


def test_a_relay_is_counted_as_heard_only_where_the_broadcaster_was():
    always = rehearse(Wishes(stations=34, days=2, faults={"relays": 1e-9}))
    assert (always.violation_count, always.tally.played) == (0, always.tally.planned), told(always)
    assert always.tally.planned == 34 * 2 * 2 * 2 + 17 * 2  # one commune of the two relays, once a day
    away = rehearse(Wishes(stations=102, days=2, seed=3, faults={"relays": 300, "network": 3}))
    assert away.violation_count == 0, told(away)
    assert away.tally.partial["relay_down"] > 0  # a recording played in its stead
    assert away.tally.missed["relay_down"] > 0  # nothing did
    assert away.faults["times the broadcaster was away"] > 10


def test_the_same_seed_gives_the_same_result_and_another_one_another():
    one, same, other = (rehearse(Wishes(stations=20, days=2, seed=seed)) for seed in (3, 3, 4))
    assert (one.tally, one.traffic, one.events, one.edits) == (same.tally, same.traffic, same.events, same.edits)
    assert (one.traffic, one.events) != (other.traffic, other.events)


def sabotaged(faults: str, seed: int = 1, stations: int = 40) -> str:
    result = rehearse(Wishes(stations=stations, days=3, seed=seed, faults=parse_faults(faults)))
    assert result.violation_count > 0
    return "\n".join(each.what for each in result.violations)


def test_the_witness_sees_a_station_that_trusts_every_clock(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(StationClock, "is_trusted", property(lambda self: True))
    assert "wrong hour" in sabotaged("clock=1,power=5,network=4")


def test_the_witness_sees_an_emergency_that_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(due._RANKS, "ordinary", -1)
    assert "an emergency could sound" in sabotaged("alarms=150", stations=17)


def test_the_witness_sees_what_should_have_been_skipped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(due, "SKIP_TOLERANCE", timedelta(hours=1))
    assert "skipped if late" in sabotaged("power=40", stations=85)


def test_the_witness_sees_a_station_that_forgets_what_it_played(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Memory, "done", lambda self: set())
    monkeypatch.setattr(Memory, "progress", lambda self: {})
    assert "an item sounds that was reported already" in sabotaged("power=40")


def test_the_witness_sees_a_station_that_does_not_hear_withdrawals(monkeypatch: pytest.MonkeyPatch):
    take_now, take_plan = Book.take_now, Book.take_plan

    def deaf(self: Book, document, now):
        return take_now(self, document.model_copy(update={"withdrawn": []}), now)

    def once(self: Book, plan, etag, now):
        if self.plan_etag is None:
            take_plan(self, plan, etag, now)

    monkeypatch.setattr(Book, "take_now", deaf)
    monkeypatch.setattr(Book, "take_plan", once)
    assert "though it was withdrawn" in sabotaged("edits=40")


def test_the_witness_sees_reports_that_get_lost(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Memory, "waiting", lambda self, limit: [])
    assert "reports were never taken" in sabotaged("none", stations=5)


def test_the_command_prints_what_became_of_everything(capsys: pytest.CaptureFixture[str]):
    assert main(["rehearse", "--stations", "9", "--days", "1", "--seed", "5", "--faults", "power=2,links"]) == 0
    text = capsys.readouterr().out
    assert "seed 5" in text
    assert "violations         0" in text
    assert {"planned", "played", "partial", "missed", "refused", "withdrawn"} <= {
        line.split()[0] for line in text.splitlines()
    }


def test_a_violation_makes_the_command_fail(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Memory, "waiting", lambda self, limit: [])
    assert main(["rehearse", "--stations", "3", "--days", "1", "--faults", "none"]) == 1
    assert "seed 1, 2026-11-2" in capsys.readouterr().out


def test_a_fault_that_does_not_exist_is_explained(capsys: pytest.CaptureFixture[str]):
    assert main(["rehearse", "--faults", "earthquake"]) == 1
    assert "network" in capsys.readouterr().err


def test_faults_are_read_with_how_often():
    assert parse_faults("all") == USUAL
    assert parse_faults("none") == {}
    assert parse_faults("network=2, power") == {"network": 2.0, "power": USUAL["power"]}
    for wrong in ("network=often", "network=-1", "", "power,,links"):
        with pytest.raises(InvalidInput):
            parse_faults(wrong)


@pytest.mark.parametrize(("stations", "days"), [(0, 1), (1, 0), (1, 14), (300_001, 1)])
def test_a_rehearsal_has_bounds(stations: int, days: int):
    with pytest.raises(InvalidInput):
        checked(stations, days, 1, "all")
