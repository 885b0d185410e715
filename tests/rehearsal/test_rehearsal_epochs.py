"""A rehearsal in epochs: stations that jump through time do what ticking ones do, in however many processes."""

import logging
from collections.abc import Collection

import pytest
from sqlmodel import Session

from core.errors import EngineFailed, InvalidInput
from core.signing import new_signing_key, public_part
from core.wire import Report
from loa.__main__ import main
from loa.rehearsal.crew import Processes
from loa.rehearsal.player import VirtualPlayer
from loa.rehearsal.post import BEHIND, EPOCH, Letter
from loa.rehearsal.receiver import Receiver
from loa.rehearsal.run import Result, rehearse
from loa.rehearsal.shard import part
from loa.rehearsal.wishes import START, Wishes, checked, parse_faults
from loa.rehearsal.witness import Witness
from scheduler.plans import PlanBook
from station.clock import seconds_of


@pytest.fixture(autouse=True)
def quiet_log():
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def what_came(result: Result) -> tuple[object, ...]:
    violations = [str(each) for each in result.violations]
    return result.tally, result.traffic, result.events, result.edits, result.refused_edits, result.faults, violations


def test_the_number_of_processes_changes_nothing():
    wishes = Wishes(stations=40, days=2, seed=5, faults=parse_faults("all"))
    assert what_came(rehearse(wishes)) == what_came(rehearse(wishes, processes=2))


def test_stations_that_jump_through_time_do_what_ticking_ones_do(monkeypatch: pytest.MonkeyPatch):
    """Every station looks every eleven seconds besides; clocks don't drift, for looks are when drift is measured."""
    wishes = Wishes(
        stations=10, days=1, seed=2, faults=parse_faults("network=10,power=10,links=0.5,files=0.1,alarms=30,edits=30")
    )
    told: list[tuple[object, ...]] = []
    reported, look = Witness.reported, VirtualPlayer.look

    def remembered(self: Witness, receiver: Receiver, report: Report) -> None:
        told.append((receiver.id, report.model_dump(exclude={"id"})))
        reported(self, receiver, report)

    monkeypatch.setattr(Witness, "reported", remembered)
    jumping = rehearse(wishes)
    by_jumping, told = told, []
    looks = 0

    def ticking(self: VirtualPlayer) -> float:
        nonlocal looks
        looks += 1
        return min(look(self), self._clock.monotonic() + 11.0)

    monkeypatch.setattr(VirtualPlayer, "look", ticking)
    ticked = rehearse(wishes)
    assert looks > 10 * 24 * 3_600 / 11 / 2
    assert told == by_jumping
    assert (ticked.tally, ticked.traffic) == (jumping.tally, jumping.traffic)
    assert ticked.violation_count == jumping.violation_count == 0
    assert ticked.tally.played > 0


def test_a_book_of_plans_that_reads_what_changed_holds_what_one_read_anew_holds(monkeypatch: pytest.MonkeyPatch):
    compared = 0
    read_some = PlanBook._load_of

    def checked_against_all(self: PlanBook, session: Session, names: Collection[str]) -> None:
        nonlocal compared
        read_some(self, session, names)
        whole = PlanBook()
        whole.load(session, self.day)
        assert (self.tickets, self.order, self.by_name) == (whole.tickets, whole.order, whole.by_name)
        compared += 1

    monkeypatch.setattr(PlanBook, "_load_of", checked_against_all)
    result = rehearse(Wishes(stations=34, days=1, seed=3, faults=parse_faults("edits=150,server=10,alarms=5")))
    assert compared > 10
    assert result.violation_count == 0


def test_every_station_is_in_one_part_with_its_whole_commune():
    wishes = Wishes(stations=200)
    parts = [part(wishes, number, 3) for number in range(3)]
    assert sorted(each for numbers in parts for each in numbers) == list(range(200))
    communes = [{each % wishes.communes for each in numbers} for numbers in parts]
    assert sum(map(len, communes)) == wishes.communes


def test_a_process_that_dies_is_told_and_not_waited_for():
    several = Processes(Wishes(stations=40, days=1), [public_part(new_signing_key())], 2)
    try:
        several._processes[1].kill()
        several._processes[1].join(30)
        with pytest.raises(EngineFailed):  # noqa: PT012 - which of them notices first is open
            for number in range(1 + BEHIND):
                several.send(Letter(seconds_of(START) + (number + 1) * EPOCH, (), ()))
                several.calls()
    finally:
        several.end()
    assert not any(process.is_alive() for process in several._processes)


def test_what_goes_wrong_in_a_process_is_told_where_it_is_waited_for():
    several = Processes(Wishes(stations=40, days=1), [public_part(new_signing_key())], 2)
    try:
        several._tell("no letter")  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="Traceback"):
            several.calls()
    finally:
        several.end()


@pytest.mark.parametrize("number", ["0", "65"])
def test_processes_have_bounds(number: str, capsys: pytest.CaptureFixture[str]):
    assert main(["rehearse", "--stations", "3", "--days", "1", "--processes", number]) == 1
    assert "processes" in capsys.readouterr().err
    with pytest.raises(InvalidInput):
        checked(0, 1, 1, "all")
