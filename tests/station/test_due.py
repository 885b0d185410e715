"""The station's decision, alone: examples for each rule."""

from datetime import UTC, datetime, timedelta

import pytest
from station_lab import ticket

from core.wire import AudioFile, ClipFiles, Item, StationSettings
from station.due import OnAir, Progress, Situation, due, is_whole

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # 17:00 in Vietnam


def clip(seed=1):
    return ClipFiles(mp3=AudioFile(sha256=f"{seed:064x}", bytes=9), opus=AudioFile(sha256=f"{seed + 99:064x}", bytes=9))


def item(at=0.0, seconds=60.0, seed=1, **more):
    return Item(at=at, seconds=seconds, clip=clip(seed), **more)


def after(seconds):
    return T0 + timedelta(seconds=seconds)


def situation(*tickets, **changes):
    values = {
        "tickets": tickets,
        "settings": StationSettings(),
        "names": frozenset({"unit:79.123"}),
        "obstacle_of": lambda _: None,
        "awake_since": T0 - timedelta(days=1),
    }
    return Situation(**{**values, **changes})


def emergency(name="air_e", starts_at=T0, **changes):
    return ticket(
        name,
        starts_at,
        changes.pop("item", item(seconds=20, seed=7)),
        kind="emergency",
        priority="emergency",
        **changes,
    )


def test_nothing_sounds_before_its_instant():
    decision = due(situation(ticket("air_1", T0, item())), after(-0.001))
    assert (decision.sound, decision.fates, decision.next_start) == (None, (), T0)


def test_an_item_begins_at_its_instant():
    decision = due(situation(ticket("air_1", T0, item(at=5))), after(5))
    assert decision.sound.key == ("air_1", 0)
    assert decision.sound.begins_at == after(5)
    assert decision.sound.offset == 0


def test_join_enters_where_it_would_be():
    decision = due(situation(ticket("air_1", T0, item())), after(30))
    assert decision.sound.begins_at == T0
    assert decision.sound.catch_up


def test_join_is_over_when_its_time_is_over():
    (fate,) = due(situation(ticket("air_1", T0, item())), after(60)).fates
    assert (fate.outcome, fate.reason) == ("missed", "late")


def test_skip_does_not_begin_late():
    (fate,) = due(situation(ticket("air_1", T0, item(), late="skip")), after(3)).fates
    assert (fate.outcome, fate.reason) == ("missed", "late")


def test_play_begins_late_with_its_first_word():
    decision = due(situation(ticket("air_1", T0, item(), late="play")), after(600))
    assert not decision.sound.catch_up
    assert decision.sound.offset == 0


def test_play_resumes_where_it_was_cut():
    cut = Progress(T0, 12.5, 12.5, "preempted")
    decision = due(situation(ticket("air_1", T0, item(), late="play"), progress={("air_1", 0): cut}), after(600))
    assert decision.sound.offset == 12.5


def test_play_ends_with_not_after():
    cut = Progress(T0, 12.5, 12.5, "preempted")
    late = situation(ticket("air_1", T0, item(), late="play", not_after=after(90)), progress={("air_1", 0): cut})
    (fate,) = due(late, after(91)).fates
    assert (fate.outcome, fate.reason) == ("partial", "preempted")


@pytest.mark.parametrize("late", ["join", "play"])
def test_what_was_heard_to_its_end_is_played_although_the_process_was_killed_before_it_said_so(late):
    whole = Progress(T0, 60.0, 59.9)
    (fate,) = due(situation(ticket("air_1", T0, item(), late=late), progress={("air_1", 0): whole}), after(61)).fates
    assert (fate.outcome, fate.reason) == ("played", None)


@pytest.mark.parametrize(("sounded", "whole"), [(0.0, False), (0.1, False), (0.2, True), (0.4, True)])
def test_of_a_very_short_item_at_least_half_must_be_heard(sounded, whole):
    assert is_whole(sounded, 0.4) is whole
    assert is_whole(60.0 - 0.4 + sounded, 60.0)


def test_what_was_joined_late_and_then_ended_with_the_process_is_partial():
    half = Progress(T0, 60.0, 30.0)
    (fate,) = due(situation(ticket("air_1", T0, item()), progress={("air_1", 0): half}), after(61)).fates
    assert fate.outcome == "partial"


def test_what_plays_may_outlast_not_after():
    playing = OnAir(("air_1", 0), after(60))
    decision = due(situation(ticket("air_1", T0, item(), not_after=after(30)), on_air=playing), after(31))
    assert decision.sound.key == ("air_1", 0)


def test_skip_that_was_interrupted_is_dropped():
    cut = Progress(T0, 12.5, 12.5, "preempted")
    (fate,) = due(situation(ticket("air_1", T0, item(), late="skip"), progress={("air_1", 0): cut}), after(20)).fates
    assert (fate.outcome, fate.reason) == ("partial", "preempted")


def test_an_emergency_takes_over_and_the_other_is_preempted():
    playing = OnAir(("air_1", 0), after(60))
    decision = due(situation(ticket("air_1", T0, item()), emergency(starts_at=after(10)), on_air=playing), after(10))
    assert decision.sound.key == ("air_e", 0)
    assert decision.obstacles == {("air_1", 0): "preempted"}


def test_the_emergency_issued_later_takes_over():
    playing = OnAir(("air_e", 0), after(20))
    old, new = emergency(issued_at=T0), emergency("air_f", starts_at=after(5), issued_at=after(5))
    assert due(situation(old, new, on_air=playing), after(6)).sound.key == ("air_f", 0)


@pytest.mark.parametrize("late", ["join", "play", "skip"])
def test_an_emergency_begins_with_its_first_word_however_late(late):
    decision = due(situation(emergency(late=late)), after(9))
    assert decision.sound.offset == 0
    assert not decision.sound.catch_up


def test_of_missed_repeats_only_the_last_is_made_up_for():
    repeated = ticket(
        "air_e", T0, *(item(at=60.0 * n, seconds=20, seed=7) for n in range(3)), kind="emergency", priority="emergency",
        late="play",
    )  # fmt: skip
    decision = due(situation(repeated), after(125))
    assert decision.sound.key == ("air_e", 2)
    assert [fate.key[1] for fate in decision.fates] == [0, 1]


def test_between_repeats_of_an_emergency_the_programme_goes_on():
    repeated = ticket(
        "air_e",
        after(10),
        item(seconds=20, seed=7),
        item(at=60, seconds=20, seed=7),
        kind="emergency",
        priority="emergency",
    )
    now = after(40)
    decision = due(situation(ticket("air_1", T0, item(seconds=600)), repeated, done={("air_e", 0)}), now)
    assert decision.sound.key == ("air_1", 0)


def test_of_equals_the_one_that_plays_goes_on():
    playing = OnAir(("air_2", 0), after(90))
    both = situation(ticket("air_1", T0, item(), late="play"), ticket("air_2", after(5), item()), on_air=playing)
    decision = due(both, after(30))
    assert decision.sound.key == ("air_2", 0)
    assert decision.obstacles == {("air_1", 0): "preempted"}


def test_priority_goes_over_ordinary():
    playing = OnAir(("air_1", 0), after(60))
    both = situation(
        ticket("air_1", T0, item()), ticket("air_2", after(5), item(), priority="priority"), on_air=playing
    )
    assert due(both, after(6)).sound.key == ("air_2", 0)


def test_quiet_hours_hold_all_but_an_emergency():
    settings = StationSettings(quiet_hours=[("16:00", "18:00")])
    quiet = situation(ticket("air_1", T0, item(), priority="priority"), settings=settings)
    decision = due(quiet, after(1))
    assert decision.sound is None
    assert decision.obstacles == {("air_1", 0): "quiet_hours"}
    assert due(situation(emergency(), settings=settings), after(1)).sound.key == ("air_e", 0)


def test_quiet_hours_stop_what_plays():
    settings = StationSettings(quiet_hours=[("17:01", "05:00")])
    playing = OnAir(("air_1", 0), after(600))
    long = situation(ticket("air_1", T0, item(seconds=600)), settings=settings, on_air=playing)
    assert due(long, after(59)).sound.key == ("air_1", 0)
    assert due(long, after(60)).sound is None


def test_a_withdrawn_airing_is_silent_and_reported():
    decision = due(situation(ticket("air_1", T0, item(), item(at=60)), withdrawn={"air_1"}), after(1))
    assert decision.sound is None
    assert {(fate.outcome, fate.reason) for fate in decision.fates} == {("missed", "withdrawn")}
    assert len(decision.fates) == 2


def test_nothing_sounds_while_the_clock_is_earlier_than_the_plan():
    decision = due(situation(ticket("air_1", T0, item()), trusted_from=after(100)), after(1))
    assert decision.sound is None
    assert decision.obstacles == {("air_1", 0): "clock"}


def test_nothing_sounds_with_a_refused_token():
    playing = OnAir(("air_1", 0), after(60))
    assert (
        due(situation(ticket("air_1", T0, item()), emergency(), revoked=True, on_air=playing), after(1)).sound is None
    )


def test_what_is_for_others_does_not_sound():
    decision = due(situation(ticket("air_1", T0, item(), audience=["unit:80"])), after(1))
    assert (decision.sound, decision.fates) == (None, ())


def test_the_same_occurrence_is_not_played_again_under_another_name():
    changed = ticket("air_2", T0, item(), occurrence="slot_1@1", issued_at=after(1))
    begun = {("slot_1@1", 0): "air_1"}
    (fate,) = due(situation(changed, begun_by=begun, done={("air_1", 0)}), after(10)).fates
    assert fate.same_as == "air_1"


def test_the_airing_issued_anew_replaces_what_has_not_begun():
    old = ticket("air_1", T0, item(), item(at=60), occurrence="slot_1@1")
    new = ticket("air_2", T0, item(), item(at=60), occurrence="slot_1@1", issued_at=after(5))
    playing = OnAir(("air_1", 0), after(60))
    under_way = {("air_1", 0): Progress(T0, 0.0, 0.0)}
    decision = due(
        situation(old, new, on_air=playing, progress=under_way, begun_by={("slot_1@1", 0): "air_1"}), after(10)
    )
    assert decision.sound.key == ("air_1", 0)
    assert [(fate.key, fate.reason) for fate in decision.fates] == [(("air_1", 1), "withdrawn")]


def test_a_missing_file_is_the_reason_when_its_time_is_over():
    known = Progress(obstacle="no_audio")
    (fate,) = due(situation(ticket("air_1", T0, item()), progress={("air_1", 0): known}), after(61)).fates
    assert (fate.outcome, fate.reason) == ("missed", "no_audio")


def test_an_item_without_audio_does_not_hold_up_the_next():
    two = ticket("air_1", T0, item(seed=1), item(at=60, seed=2), late="play")
    decision = due(situation(two, obstacle_of=lambda it: "no_audio" if it.clip == clip(1) else None), after(61))
    assert decision.sound.key == ("air_1", 1)
    assert decision.obstacles == {("air_1", 0): "no_audio"}


def test_what_was_due_while_the_power_was_off_says_so():
    (fate,) = due(situation(ticket("air_1", T0, item()), awake_since=after(70)), after(71)).fates
    assert fate.reason == "power"


def test_what_came_too_late_over_the_network_says_so():
    (fate,) = due(situation(ticket("air_1", T0, item()), received={"air_1": after(70)}), after(71)).fates
    assert fate.reason == "offline"
