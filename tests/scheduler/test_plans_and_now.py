"""What stations are given: the plan of the days ahead and the small document of what must happen now."""

import json
import random
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select
from village import NOW, FakeClock, Village

from core import changes
from core.errors import NotSignedIn
from core.wire import Heartbeat
from registry import stations
from registry.models import GroupMember, Station, Unit
from scheduler import commands, emergencies
from scheduler.models import Airing
from scheduler.now import MAX_HELD, NowBoard
from scheduler.plans import PlanBook
from web.waiting import WaitingRoom

ZONE = "Asia/Ho_Chi_Minh"


def raise_alarm(village: Village, *to: str, seconds: float | None = 10, text: str = "Nước lũ đang lên.", **more) -> str:
    """An alarm raised by the root; its audio is ready unless `seconds` is None. Returns the id of the emergency."""
    alarm = emergencies.Alarm(signal="none", audience=to or ("unit:79.1",), text=text, **more)
    with village.database.write() as session:
        made, _ = emergencies.raise_alarm(
            session, village.actor("root"), village.unit("province"), alarm, signer=village.signer, default_zone=ZONE,
            max_chars=1_000, now=village.clock(),
        )  # fmt: skip
    if seconds is not None:
        village.finish_clip(made.clip_id, seconds)
        with village.database.write() as session:
            emergencies.issue_ready(session, village.signer, village.clock())
    return made.id


def caught_up(board: NowBoard, village: Village) -> set[str] | None:
    with village.database.read() as session:
        return board.catch_up(session, village.clock())


def document(board: NowBoard, village: Village, short: str) -> dict:
    return json.loads(board.document(village.cast.stations[short])[1])


@pytest.fixture
def board(village: Village) -> NowBoard:
    made = NowBoard(ZONE)
    caught_up(made, village)
    return made


def book_of(village: Village) -> PlanBook:
    book = PlanBook()
    with village.database.read() as session:
        book.load(session, village.clock())
    return book


def place(village: Village, short: str) -> stations.Place:
    with village.database.read() as session:
        return stations.place(session, village.cast.stations[short])


# The plan


def test_a_plan_covers_at_least_seven_days_at_any_time_of_day(village: Village):
    village.on_timetable(rrule="FREQ=HOURLY;BYHOUR=6,8,11,13,15,17,19")
    for hour in (0, 7, 16, 20):
        village.clock.at = NOW.replace(hour=hour, minute=59, second=59)
        village.roll()
        made = book_of(village).document(place(village, "a1"), ZONE, village.clock())
        assert made.until >= village.clock() + timedelta(days=7)
        starts = [village.verifier.verify(ticket).starts_at for ticket in made.airings]
        assert starts == sorted(starts)
        assert max(starts) > village.clock() + timedelta(days=7)


def test_a_plan_holds_what_any_of_the_station_s_names_is_in_for_and_nothing_else(village: Village):
    group = village.group("commune_a", "a1_dyke")
    wanted = {
        "unit:79": {"a1", "a1_dyke", "a2", "a_hall", "b1", "b_hall"}, "unit:79.1": {"a1", "a1_dyke", "a2", "a_hall"},
        "unit:79.1.1": {"a1", "a1_dyke"}, f"group:{group}": {"a1_dyke"}, f"station:{village.cast.stations['b1']}": {"b1"},
    }  # fmt: skip
    for number, name in enumerate(wanted):
        bulletin = village.bulletin("province", text=f"Tin {number}.")
        village.slot(
            village.programme(bulletin, unit="province", title=name), NOW + timedelta(hours=number + 1), None, [name]
        )
    village.roll()
    titles = {a.id: a.title for a in village.airings()}
    book = book_of(village)
    for short in village.cast.stations:
        held = {titles[each] for each in book.airings(place(village, short).names)}
        assert held == {name for name, who in wanted.items() if short in who}


def test_the_plan_s_tag_stays_the_same_all_day_and_while_airings_run(village: Village, worker):
    village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    tags = set()
    for minutes in (0, 1, 59, 60, 61, 300, 1_000):
        village.clock.at = NOW + timedelta(minutes=minutes)
        worker.dispatch(village.clock())
        tags.add(book_of(village).etag(place(village, "a1"), ZONE))
    assert len(tags) == 1


def test_the_plan_s_tag_changes_with_its_content_and_with_its_settings(village: Village):
    bulletin, _ = village.on_timetable()
    village.roll()
    tags = [book_of(village).etag(place(village, "a1"), ZONE)]
    village.rewrite(bulletin, "Bản mới.")
    village.roll()
    tags.append(book_of(village).etag(place(village, "a1"), ZONE))
    with village.database.write() as session:
        session.get_one(Unit, village.cast.units["province"]).max_volume = 50
    tags.append(book_of(village).etag(place(village, "a1"), ZONE))
    village.withdraw_bulletin(bulletin)
    village.roll()
    tags.append(book_of(village).etag(place(village, "a1"), ZONE))
    assert len(set(tags)) == 4


def test_an_emergency_is_no_part_of_the_plan(village: Village):
    raise_alarm(village)
    assert book_of(village).airings(place(village, "a1").names) == []


def _change_something(village: Village, choice: int, chance: random.Random) -> None:
    slots = [slot for slot in village.slots() if slot.withdrawn_at is None]
    if choice == 0 or not slots:
        _slot_of_province(village, chance)
    elif choice == 1:
        village.withdraw_slot(chance.choice(slots).id)
    elif choice == 2:
        village.clock.advance(minutes=chance.choice([1, 45, 60 * 20]))
    elif choice == 3:
        with village.database.write() as session:
            commands.give(
                session,
                village.actor("root"),
                village.cast.stations["a1"],
                "volume",
                chance.randint(0, 100),
                village.clock(),
            )
    elif choice == 4:
        raise_alarm(village, chance.choice(["unit:79", "unit:79.1.1", "unit:79.2"]), text=f"Lũ {chance.random()}.")
    elif choice == 5:
        with village.database.write() as session:
            stations.revoke(session, village.actor("root"), village.cast.stations["b1"], village.clock())
    else:
        village.group("province", "a2", "b_hall")
    village.roll()


def _slot_of_province(village: Village, chance: random.Random) -> None:
    number = len(village.slots())
    bulletin = village.bulletin("province", text=f"Tin {number}.")
    start = village.clock().replace(hour=1, minute=0) + timedelta(days=1, minutes=3 * number)
    village.slot(
        village.programme(bulletin, unit="province"), start, chance.choice([None, "FREQ=DAILY"]),
        [chance.choice(["unit:79.1", "unit:79.1.1", "unit:79.2", f"station:{village.cast.stations['a2']}"])],
    )  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(choices=st.lists(st.integers(0, 6), min_size=3, max_size=8), seed=st.integers(0, 10_000))
def test_a_board_that_follows_the_feed_says_what_a_fresh_one_says(village: Village, choices, seed):
    chance, followed = random.Random(seed), NowBoard(ZONE)  # noqa: S311
    for choice in choices:
        _change_something(village, choice, chance)
        caught_up(followed, village)
        fresh = NowBoard(ZONE)
        caught_up(fresh, village)
        caught_up(followed, village)
        assert followed.names == fresh.names
        assert followed.plans == fresh.plans
        assert followed.book.order == fresh.book.order
        assert followed.book.by_name == fresh.book.by_name
        assert followed.book.tickets == fresh.book.tickets
        for station in fresh.names:
            mine, theirs = (json.loads(each.document(station)[1]) for each in (followed, fresh))
            assert mine == theirs


# What must happen now


def test_an_emergency_shows_only_to_stations_it_is_for(board: NowBoard, village: Village):
    raise_alarm(village, "unit:79.1.1")
    touched = caught_up(board, village)
    assert touched == {village.cast.stations[each] for each in ("a1", "a1_dyke")}
    for short in village.cast.stations:
        shown = document(board, village, short)["interrupts"]
        assert len(shown) == (1 if short in {"a1", "a1_dyke"} else 0)
    ticket = village.verifier.verify(document(board, village, "a1")["interrupts"][0])
    assert (ticket.kind, ticket.priority, ticket.audience) == ("emergency", "emergency", ["unit:79.1.1"])


def test_an_emergency_whose_audio_is_not_ready_is_not_shown_yet(board: NowBoard, village: Village):
    raise_alarm(village, seconds=None)
    caught_up(board, village)
    assert document(board, village, "a1")["interrupts"] == []


def test_a_stopped_emergency_moves_from_interrupts_to_withdrawn(board: NowBoard, village: Village):
    identity = raise_alarm(village)
    caught_up(board, village)
    airing = village.verifier.verify(document(board, village, "a1")["interrupts"][0]).id
    with village.database.write() as session:
        emergencies.stop(session, village.actor("root"), identity, village.clock())
    caught_up(board, village)
    shown = document(board, village, "a1")
    assert (shown["interrupts"], shown["withdrawn"]) == ([], [airing])
    assert document(board, village, "b1")["withdrawn"] == []


def test_an_emergency_leaves_the_document_when_it_holds_no_longer(board: NowBoard, village: Village):
    raise_alarm(village)
    caught_up(board, village)
    village.clock.advance(hours=1, seconds=9)
    caught_up(board, village)
    assert len(document(board, village, "a1")["interrupts"]) == 1
    village.clock.advance(seconds=40)
    caught_up(board, village)
    assert document(board, village, "a1")["interrupts"] == []


def test_a_withdrawn_airing_is_listed_for_its_stations(board: NowBoard, village: Village):
    _, slot = village.on_timetable()
    village.roll()
    (airing,) = village.airings()
    village.withdraw_slot(slot)
    village.roll()
    caught_up(board, village)
    assert document(board, village, "a2")["withdrawn"] == [airing.id]
    assert document(board, village, "b1")["withdrawn"] == []


def test_a_mass_withdrawal_elsewhere_crowds_nothing_out(board: NowBoard, village: Village):
    """The bound is each station's own: what another commune withdraws takes no place here."""

    def airing(identity: str, unit: str, minutes: int) -> Airing:
        return Airing(
            id=identity, unit_id=village.cast.units[unit], kind="programme", priority="ordinary", title="x", state="withdrawn",
            starts_at=NOW, ends_at=NOW, not_after=NOW + timedelta(days=1), late="join", ticket="x", created_at=NOW,
            audience=[f"unit:{village.cast.units[unit]}"], withdrawn_at=NOW + timedelta(seconds=minutes),
        )  # fmt: skip

    with village.database.write() as session:
        session.add(airing("air_here", "commune_a", 0))
        session.add_all(airing(f"air_{n:04}", "commune_b", 1 + n) for n in range(MAX_HELD + 50))
        changes.announce(session, "now", [], NOW)
    caught_up(board, village)
    assert document(board, village, "a1")["withdrawn"] == ["air_here"]
    there = document(board, village, "b1")["withdrawn"]
    assert there == [f"air_{n:04}" for n in range(50, MAX_HELD + 50)]


def test_a_command_is_held_out_until_it_is_acknowledged(board: NowBoard, village: Village):
    a1 = village.cast.stations["a1"]
    with village.database.write() as session:
        given_ = commands.give(session, village.actor("operator"), a1, "volume", 55, village.clock())
    caught_up(board, village)
    assert document(board, village, "a1")["commands"] == [{"id": given_.id, "do": "volume", "value": 55}]
    assert document(board, village, "a2")["commands"] == []
    with village.database.write() as session:  # another station's word does not count
        commands.acknowledge(session, village.cast.stations["a2"], [given_.id], village.clock())
    caught_up(board, village)
    assert len(document(board, village, "a1")["commands"]) == 1
    for _ in range(2):
        with village.database.write() as session:
            commands.acknowledge(session, a1, [given_.id], village.clock())
    caught_up(board, village)
    assert document(board, village, "a1")["commands"] == []
    with village.database.read() as session:
        assert commands.acknowledged_by(session, given_.id) == {a1, village.cast.stations["a2"]}
        assert session.get_one(Station, a1).volume == 55


def test_yesterday_s_test_tone_is_not_played_today(board: NowBoard, village: Village):
    with village.database.write() as session:
        commands.give(
            session, village.actor("operator"), village.cast.stations["a1"], "test_tone", None, village.clock()
        )
    village.clock.advance(minutes=6)
    caught_up(board, village)
    assert document(board, village, "a1")["commands"] == []


def test_a_change_elsewhere_leaves_a_document_and_its_tag_alone(board: NowBoard, village: Village):
    before = board.document(village.cast.stations["b1"])[0]
    raise_alarm(village, "unit:79.1")
    caught_up(board, village)
    assert board.document(village.cast.stations["b1"])[0] == before


def test_the_plan_s_tag_in_the_document_is_that_of_the_plan(board: NowBoard, village: Village):
    village.on_timetable()
    village.roll()
    caught_up(board, village)
    assert document(board, village, "a1")["plan"] == book_of(village).etag(place(village, "a1"), ZONE)


def test_a_station_taken_into_a_group_is_told_of_its_new_plan(board: NowBoard, village: Village):
    before = document(board, village, "a1")["plan"]
    group = village.group("commune_a", "a1")
    caught_up(board, village)
    assert document(board, village, "a1")["plan"] != before
    with village.database.read() as session:
        assert session.exec(select(GroupMember.group_id)).one() == group


def test_more_changes_than_one_page_of_the_feed_are_all_followed(board: NowBoard, village: Village):
    with village.database.write() as session:
        for _ in range(1_100):
            changes.announce(session, "timetable", ["slot:x"], NOW)
    raise_alarm(village)
    for _ in range(2):
        caught_up(board, village)
    assert len(document(board, village, "a1")["interrupts"]) == 1


# Waiting


@pytest.fixture
def room(village: Village, clock: FakeClock):
    made = WaitingRoom(village.database, ZONE, clock)
    made.open()
    yield made
    made.close()


class Waiting:
    """A station that waits in a thread of its own."""

    def __init__(self, room: WaitingRoom, station: str, seconds: float = 20) -> None:
        tag, _ = room.wait(station, None, 0)
        self.answer, self.after = None, None
        self._thread = threading.Thread(target=self._wait, args=(room, station, tag, seconds))
        self._thread.start()

    def _wait(self, room: WaitingRoom, station: str, tag: str, seconds: float) -> None:
        begun = time.monotonic()
        try:
            self.answer = room.wait(station, tag, seconds)
        except NotSignedIn as error:
            self.answer = error
        self.after = time.monotonic() - begun

    def join(self) -> None:
        self._thread.join(25)
        assert not self._thread.is_alive()


def test_a_waiting_station_has_the_emergency_at_once(room: WaitingRoom, village: Village):
    waiting = [Waiting(room, village.cast.stations[short]) for short in ("a1", "a2", "a_hall")]
    elsewhere = Waiting(room, village.cast.stations["b1"], seconds=3)
    raised = time.monotonic()
    raise_alarm(village)
    for each in waiting:
        each.join()
    assert time.monotonic() - raised < 10  # and not after the 20 s that they would wait
    assert all(len(json.loads(each.answer[1])["interrupts"]) == 1 for each in waiting)
    elsewhere.join()
    assert elsewhere.answer is None
    assert elsewhere.after >= 2.9


def test_a_wait_without_news_ends_with_nothing(room: WaitingRoom, village: Village):
    waiting = Waiting(room, village.cast.stations["a1"], seconds=0.3)
    waiting.join()
    assert waiting.answer is None


def test_a_waiting_station_is_told_at_once_that_its_token_was_revoked(room: WaitingRoom, village: Village):
    waiting = Waiting(room, village.cast.stations["a1"])
    with village.database.write() as session:
        stations.revoke(session, village.actor("operator"), village.cast.stations["a1"], village.clock())
    waiting.join()
    assert isinstance(waiting.answer, NotSignedIn)
    assert waiting.after < 10


def test_closing_the_room_lets_everybody_go(room: WaitingRoom, village: Village):
    waiting = Waiting(room, village.cast.stations["a1"])
    room.close()
    waiting.join()
    assert waiting.after < 10


def test_following_goes_on_after_the_database_failed_for_a_while(
    room: WaitingRoom, village: Village, monkeypatch, caplog
):
    waiting = Waiting(room, village.cast.stations["a1"])
    real, failed = room.board.catch_up, threading.Event()

    def fails_twice(*arguments):
        if not failed.is_set():
            failed.set()
            raise RuntimeError("the disk is gone")
        return real(*arguments)

    monkeypatch.setattr(room.board, "catch_up", fails_twice)
    assert failed.wait(5)
    raise_alarm(village)
    waiting.join()
    assert len(json.loads(waiting.answer[1])["interrupts"]) == 1
    assert "the disk is gone" in caplog.text


def test_many_threads_reading_while_the_board_is_read_anew_never_fail(village: Village, clock: FakeClock):
    """At midnight the whole board is read anew: whoever asks meanwhile gets the old document or the new one."""
    room = WaitingRoom(village.database, ZONE, clock)
    room.catch_up()
    station, stop, troubles = village.cast.stations["a1"], threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                room.board.document(station)
            except Exception as error:  # noqa: BLE001 - told below
                troubles.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        clock.advance(days=1)
        room.catch_up()
    stop.set()
    for thread in threads:
        thread.join(10)
    assert troubles == []


def test_a_heartbeat_keeps_what_the_station_said_of_itself(village: Village):
    with village.database.write() as session:
        beat = Heartbeat(playing="air_x", volume=40, free_bytes=10**12, ready_until=NOW + timedelta(days=7))
        assert stations.heard(session, village.cast.stations["a1"], beat, NOW) is False
    with village.database.read() as session:
        rows = {station.id: state for station, _, state in stations.visible(session, village.actor("viewer"))}
    state = rows[village.cast.stations["a1"]]
    assert (state.playing, state.volume, state.free_bytes, state.ready_until) == (
        "air_x",
        40,
        1e12,
        NOW + timedelta(days=7),
    )
