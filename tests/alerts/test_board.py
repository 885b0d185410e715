"""Who heard it: what the server may truthfully say of each station, and the figures that follow from it."""

from datetime import timedelta

import pytest
from board_lab import Alarm
from village import Village

from core.errors import NotFound

ALL = ("a1", "a1_dyke", "a2", "a_hall")


@pytest.fixture
def alarm(village: Village) -> Alarm:
    """For commune A: four stations, on line since a minute before."""
    made = Alarm(village)
    made.beats(*ALL, seconds=-60)
    made.at(0)
    return made


def has_it(alarm: Alarm) -> None:
    alarm.has_it("a1")


def sounds(alarm: Alarm) -> None:
    has_it(alarm)
    alarm.begins("a1", seconds=2)


def played(alarm: Alarm) -> None:
    sounds(alarm)
    alarm.reports("a1")


def cut(alarm: Alarm) -> None:
    sounds(alarm)
    alarm.reports("a1", "partial", played=7.0, reason="power")


def refused(alarm: Alarm) -> None:
    alarm.reports("a1", "refused", seconds=3, reason="bad_signature")


def no_audio(alarm: Alarm) -> None:
    has_it(alarm)
    alarm.reports("a1", "missed", reason="no_audio")


def stopped_before(alarm: Alarm) -> None:
    has_it(alarm)
    alarm.stop(seconds=2)
    alarm.reports("a1", "missed", seconds=3, reason="withdrawn")


def stopped_while(alarm: Alarm) -> None:
    sounds(alarm)
    alarm.stop(seconds=8)
    alarm.reports("a1", "partial", seconds=9, played=6.0, reason="withdrawn")


def stopped_while_away(alarm: Alarm) -> None:
    alarm.stop(seconds=30)
    alarm.beats("a1", seconds=600, acknowledged=[alarm.airing.id], withdrawn=[alarm.airing.id])


def reads_without_taking(alarm: Alarm) -> None:
    alarm.beats("a1", seconds=5, seq=10_000)


def nothing(alarm: Alarm) -> None:
    pass


STATES = [
    # what happened, seconds after the press, state and reason
    (nothing, 1, "waiting", None),
    (nothing, 200, "silent", None),
    (nothing, 3_600, "silent", None),
    (reads_without_taking, 6, "told", None),
    (has_it, 2, "acknowledged", None),
    (has_it, 3_600, "failed", "offline"),
    (sounds, 3, "sounding", None),
    (sounds, 400, "partial", "offline"),
    (played, 31, "played", None),
    (played, 3_600, "played", None),
    (cut, 31, "partial", "power"),
    (refused, 5, "failed", "bad_signature"),
    (no_audio, 40, "failed", "no_audio"),
    (stopped_before, 4, "stopped", "withdrawn"),
    (stopped_while, 10, "partial", "withdrawn"),
    (stopped_while_away, 601, "silent", None),
]


@pytest.mark.parametrize(
    ("what", "seconds", "state", "reason"), STATES, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_station_shows_what_is_known_of_it(alarm: Alarm, what, seconds: float, state: str, reason: str | None):
    what(alarm)
    alarm.dispatch(seconds)
    line = alarm.line("a1", seconds)
    assert (line.state, line.reason) == (state, reason)


def test_a_station_between_two_rounds_has_sounded_and_is_not_done(village: Village):
    alarm = Alarm(village, rounds=3)
    alarm.has_it("a1")
    alarm.begins("a1", seconds=2)
    assert alarm.line("a1", 3).state == "sounding"
    alarm.reports("a1", seconds=22.5)
    assert alarm.line("a1", 23).state == "sounded"
    alarm.begins("a1", seconds=60, item=1)
    line = alarm.line("a1", 61)
    assert (line.state, line.after_s) == ("sounding", 2.0)
    alarm.reports("a1", seconds=81, began=60, item=1)
    alarm.reports("a1", seconds=141, began=120, item=2)
    assert alarm.line("a1", 142).state == "played"


def test_the_figures_count_from_the_press(alarm: Alarm):
    alarm.has_it(*ALL)
    alarm.begins("a1", seconds=1.8)
    found = alarm.board(2).figures
    assert (found.stations, found.acknowledged, found.sounded, found.first_s, found.most_s) == (4, 4, 1, 1.8, None)
    for number, who in enumerate(ALL[1:]):
        alarm.begins(who, seconds=2.1 + number / 2)
    found = alarm.board(5).figures
    assert (found.sounded, found.first_s, found.most_s) == (4, 1.8, 3.1)
    assert found.counts == {"sounding": 4}


def test_the_instant_that_a_report_tells_counts_over_that_of_the_heartbeat(alarm: Alarm):
    alarm.begins("a1", seconds=2.0)
    alarm.reports("a1", began=1.75)
    assert alarm.line("a1").after_s == 1.75


@pytest.mark.parametrize("began", [-86_400.0, 900_000.0])
def test_a_clock_that_is_wrong_tells_no_instant(alarm: Alarm, began: float):
    alarm.reports("a1", seconds=25, began=began)
    assert alarm.line("a1").after_s == 25.0
    alarm.beats("a2", seconds=26, playing=alarm.airing.id, item=0, playing_since=alarm.pressed_at + timedelta(days=400))
    assert alarm.line("a2").after_s == 26.0


def test_a_device_that_does_not_say_since_when_it_plays_sounded_by_the_time_it_says_that_it_does(alarm: Alarm):
    alarm.beats("a1", seconds=40, playing=alarm.airing.id, item=0)
    line = alarm.line("a1", 41)
    assert (line.state, line.after_s) == ("sounding", 40.0)


def test_a_station_that_comes_back_later_and_plays_it_is_shown_with_its_own_instant(alarm: Alarm):
    alarm.dispatch(2_000)
    assert alarm.line("a2").state == "silent"
    alarm.has_it("a2", seconds=2_400)
    alarm.reports("a2", seconds=2_430, began=2_402)
    line = alarm.line("a2")
    assert (line.state, line.after_s) == ("played", 2_402.0)


def test_the_worst_stand_first_and_a_filter_shows_one_state(alarm: Alarm):
    alarm.has_it("a2")
    alarm.reports("a1")
    alarm.reports("a1_dyke", "missed", reason="no_audio")
    page = alarm.board(31)
    assert [line.state for line in page.lines] == ["failed", "waiting", "acknowledged", "played"]
    only = alarm.board(31, shown="played")
    assert [line.name for line in only.lines] == ["a1"]
    assert only.figures.many("played") == 1
    second = alarm.board(31, page=2, limit=3)
    assert [line.state for line in second.lines] == ["played"]


def test_hamlets_where_nothing_sounded_come_before_those_where_something_did(alarm: Alarm):
    alarm.reports("a1")
    found = alarm.board(31)
    assert [(each.name, each.sounded, each.stations) for each in found.hamlets] == [
        ("commune_a", 0, 1), ("hamlet_a2", 0, 1), ("hamlet_a1", 1, 2),
    ]  # fmt: skip
    assert (found.figures.units, found.figures.unreached, found.figures.partly) == (3, 2, 1)
    assert [each.above for each in found.hamlets] == ["province", "commune_a", "commune_a"]


def test_who_looks_after_one_commune_sees_the_part_of_a_province_that_is_theirs(village: Village):
    alarm = Alarm(village, "79")
    alarm.begins("a1", seconds=2)
    alarm.begins("b1", seconds=1)
    assert alarm.board(3).figures.stations == 6
    ours = alarm.board(3, by="operator")
    assert (ours.figures.stations, ours.figures.sounded, ours.figures.first_s) == (4, 1, 2.0)
    assert {line.name for line in ours.lines} == set(ALL)


def test_a_stranger_finds_nothing(alarm: Alarm):
    with pytest.raises(NotFound):
        alarm.board(3, by="stranger")


def test_a_station_that_was_taken_out_of_service_owes_nothing_unless_it_had_it(alarm: Alarm, village: Village):
    from registry import stations

    alarm.has_it("a1")
    with village.database.write() as session:
        for who in ("a1", "a2"):
            stations.revoke(session, village.actor("root"), village.cast.stations[who], village.clock())
    assert {line.name for line in alarm.board(3).lines} == {"a1", "a1_dyke", "a_hall"}
