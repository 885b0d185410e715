"""The parts of a rehearsal that stand for real ones keep the promises of the real ones."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import drawn_from, new_id
from core.wire import AudioFile, ClipFiles, Item, StationSettings, Ticket
from loa.rehearsal.agenda import Agenda
from loa.rehearsal.memory import Cupboard, Disk, Memory
from loa.rehearsal.misfortune import DAY, draw, merged
from loa.rehearsal.player import next_change
from loa.rehearsal.wishes import START, Wishes
from station.accounting import new_report
from station.due import NEVER, Progress, Situation, due
from station.store import Store

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FILE = AudioFile(sha256="a" * 64, bytes=10)
CLIP = ClipFiles(mp3=AudioFile(sha256="b" * 64, bytes=20), opus=FILE)


@pytest.fixture(params=["the real store", "the rehearsal's"])
def store(request, tmp_path):
    made = Store(tmp_path / "station.db") if request.param == "the real store" else Memory()
    with closing(made) as opened:
        yield opened


def report(airing: str, item: int = 0):
    return new_report((airing, item), "played", None, NOW, NOW + timedelta(seconds=5), seconds=5)


def test_a_ticket_keeps_when_it_first_came_and_once_planned_stays_planned(store):
    store.keep_ticket("air_1", "one", NOW, in_plan=True)
    store.keep_ticket("air_1", "anew", NOW + timedelta(hours=1), in_plan=False)
    store.keep_ticket("air_2", "two", NOW, in_plan=False)
    assert sorted(store.tickets()) == [("anew", NOW), ("two", NOW)]
    assert store.planned() == {"air_1"}
    store.keep_progress(("air_1", 0), Progress(NOW, 1.5))
    store.drop_tickets(["air_1"])
    assert store.tickets() == [("two", NOW)]
    assert store.progress() == {}


def test_an_item_is_done_once_and_its_first_report_counts(store):
    first = report("air_1")
    store.keep_progress(("air_1", 0), Progress(NOW, 1.5, 1.0, "preempted", -3.0))
    assert store.progress() == {("air_1", 0): Progress(NOW, 1.5, 1.0, "preempted", -3.0)}
    store.finish(first, NOW)
    store.finish(report("air_1"), NOW)
    assert store.progress() == {}
    assert store.done() == {("air_1", 0)}
    assert store.report_of(("air_1", 0)) == first
    assert store.report_of(("air_2", 0)) is None
    assert store.outbox(10) == [first.model_dump_json()]


def test_reports_leave_in_order_and_what_is_postponed_comes_last(store):
    made = [report(f"air_{number}") for number in range(4)]
    for each in made:
        store.finish(each, NOW)
    store.postpone([made[0].id])
    store.accepted([made[1].id, "unknown"])
    assert store.outbox(10) == [each.model_dump_json() for each in (made[2], made[3], made[0])]
    assert len(store.outbox(2)) == 2
    assert store.outbox_size() == 3


def test_the_first_airing_of_an_occurrence_holds_it(store):
    store.keep_begun("slot@1", 0, "air_1", NOW)
    store.keep_begun("slot@1", 0, "air_2", NOW)
    assert store.begun() == {("slot@1", 0): "air_1"}
    store.drop_begun("slot@1", 0)
    assert store.begun() == {}


def test_commands_refusals_withdrawals_and_acknowledgements_are_kept_once(store):
    assert (store.obey_once("co_1", NOW), store.obey_once("co_1", NOW)) == (True, False)
    assert (store.refuse("hash", report("air_1"), NOW), store.refuse("hash", None, NOW)) == (True, False)
    assert store.outbox_size() == 1
    store.keep_withdrawn("air_1", NOW)
    assert store.withdrawn() == {"air_1"}
    store.acknowledge(["b", "a", "b"])
    assert store.acknowledgements(10) == ["b", "a"]
    store.acknowledged(["b"])
    assert store.acknowledgements(10) == ["a"]


def test_what_is_old_is_forgotten_but_no_report_that_waits(store):
    store.keep_withdrawn("air_1", NOW)
    store.keep_begun("slot@1", 0, "air_1", NOW)
    store.finish(report("air_1"), NOW)
    store.obey_once("co_1", NOW)
    store.prune(NOW + timedelta(seconds=1))
    assert (store.withdrawn(), store.begun(), store.done()) == (set(), {}, set())
    assert store.outbox_size() == 1
    assert store.obey_once("co_1", NOW)


def test_facts_and_settings_are_kept(store):
    assert (store.fact("x"), store.instant("x"), store.settings()) == (None, None, StationSettings())
    store.keep_fact("x", "2026-11-23T10:00:00.000Z")
    store.keep_fact("settings", StationSettings(volume=9).model_dump_json())
    assert (store.instant("x"), store.settings().volume) == (NOW, 9)


def test_a_rotten_file_is_found_after_a_restart_and_thrown_away():
    disk = Disk()
    item = Item(at=0, seconds=1, clip=CLIP)
    shelf = Cupboard(disk)
    assert shelf.obstacle_of(item) == "no_audio"
    assert not shelf.arrived(FILE, "opus", whole=False)
    assert shelf.obstacle_of(item) == "bad_audio"
    assert shelf.arrived(FILE, "opus", whole=True)
    assert shelf.obstacle_of(item) is None
    disk.rotten.add(f"{FILE.sha256}.opus")
    shelf.verify_once(FILE, "opus")
    assert shelf.find(item) is not None  # it was checked when it came
    again = Cupboard(disk)
    again.verify_once(FILE, "opus")
    assert again.find(item) is None
    assert disk.files == set()


def test_events_happen_in_order_and_at_one_instant_as_they_were_entered():
    agenda, happened = Agenda(START), []
    begin = agenda.seconds
    agenda.after(5, happened.append, "c")
    agenda.after(1, happened.append, "a")
    agenda.at(begin + 5, happened.append, "d")
    agenda.after(2, lambda: agenda.at(0, happened.append, "b"))
    agenda.run(begin + 10)
    assert happened == ["a", "b", "c", "d"]
    assert agenda.seconds == begin + 10


def test_names_drawn_from_a_source_repeat_themselves():
    def names():
        numbers = iter(range(10))
        with drawn_from(lambda: (1_000, next(numbers))):
            return [new_id("x") for _ in range(3)]

    assert names() == names()
    assert new_id("x") != new_id("x")


def test_the_lot_of_a_station_depends_on_its_seed_and_number_alone():
    wishes = Wishes(days=7, seed=9, faults={"network": 20.0, "power": 20.0, "clock": 0.5, "links": 0.5})
    lots = [draw(wishes, number) for number in range(50)]
    assert lots == [draw(wishes, number) for number in range(50)]
    assert len(set(lots)) == 50
    for lot in lots:
        for spans in (lot.offline, lot.dark):
            assert spans == merged(list(spans))
            assert all(0 <= begin < end <= 7 * DAY for begin, end in spans)
    assert {lot.battery for lot in lots} == {"good", "none", "saved", "dead"}


@st.composite
def situations(draw):
    tickets, progress = [], {}
    for number in range(draw(st.integers(1, 3))):
        start = NOW + timedelta(seconds=draw(st.integers(-60, 60)))
        urgent = draw(st.booleans())
        lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=3))
        items = [Item(at=sum(lengths[:index]), seconds=each, clip=CLIP) for index, each in enumerate(lengths)]
        tickets.append(
            Ticket(
                id=f"air_{number}",
                kind="emergency" if urgent else "programme",
                starts_at=start,
                priority="emergency" if urgent else draw(st.sampled_from(["ordinary", "priority"])),
                ends_at=start + timedelta(seconds=sum(lengths)),
                late=draw(st.sampled_from(["join", "play", "skip"])),
                audience=["unit:1"],
                items=items,
                approved_by="x",
                issued_at=NOW - timedelta(hours=1),
                not_after=start + timedelta(seconds=sum(lengths) + draw(st.integers(0, 60))),
            )
        )
        if draw(st.booleans()):
            progress[f"air_{number}", 0] = Progress(start, float(draw(st.integers(0, lengths[0]))), 1.0)
    return Situation(
        tickets=tuple(tickets), progress=progress, names=frozenset({"unit:1"}), awake_since=NOW,
        settings=StationSettings(quiet_hours=draw(st.sampled_from([[], [("17:01", "17:02")], [("16:00", "17:00:30")]]))),
        obstacle_of=draw(st.sampled_from([lambda _: None, lambda _: "no_audio"])),
        trusted_from=draw(st.sampled_from([None, NOW + timedelta(seconds=45)])),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(situations(), st.integers(-70, 150))
def test_until_the_next_change_the_decision_stays_the_same(situation, second):
    """The jump through time misses nothing that looking every second would have seen."""
    now = NOW + timedelta(seconds=second + 0.5)
    until = min(next_change(situation, now, None) or NEVER, now + timedelta(minutes=4))

    def decided(at):
        decision = due(situation, at)
        return decision.sound and decision.sound.key, decision.fates, decision.obstacles

    first, at = decided(now), now
    while (at := at + timedelta(seconds=1)) < until:
        assert decided(at) == first
