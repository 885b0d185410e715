"""Emergencies at a station: the graver one first, rounds, signals that lead in, short pauses. In virtual time."""

from datetime import UTC, datetime, timedelta

from station_lab import ticket

from core.standing import SILENT_PAUSE
from core.wire import AudioFile, ClipFiles, Item, StationSettings
from scheduler.claims import claim_of
from scheduler.precedence import course
from station.due import OnAir, Progress, Situation, due
from station.hours import allowed

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SIREN, LINE, VI, TAY = 1, 2, 3, 4


def clip(seed):
    return ClipFiles(mp3=AudioFile(sha256=f"{seed:064x}", bytes=9), opus=AudioFile(sha256=f"{seed + 99:064x}", bytes=9))


def item(at, seconds, seed, **more):
    return Item(at=at, seconds=seconds, clip=clip(seed), **more)


def after(seconds):
    return T0 + timedelta(seconds=seconds)


def alarm(name="air_e", *items, severity=None, issued=T0, **more):
    items = items or (item(0, 20, VI),)
    return ticket(
        name, items and more.pop("starts_at", T0), *items, kind="emergency", priority="emergency", late="play",
        severity=severity, issued_at=issued, **more,
    )  # fmt: skip


def programme(seconds=3_600):
    return ticket("air_p", T0, item(0, seconds, 50), late="join")


def situation(*tickets, **changes):
    values = {
        "tickets": tickets,
        "settings": StationSettings(),
        "names": frozenset({"unit:79.123"}),
        "obstacle_of": lambda _: None,
        "awake_since": T0 - timedelta(days=1),
    }
    return Situation(**{**values, **changes})


def rounds(every=300.0, times=3):
    """Siren, words about it from the second round on, Vietnamese, Tày."""
    found = []
    for number in range(times):
        at = number * every
        for seconds, seed, leads in ((5, SIREN, True), (6, LINE, True), (20, VI, False), (25, TAY, False)):
            if seed == LINE and not number:
                continue
            found.append(item(at, seconds, seed, round=number, leads=True if leads else None))
            at += seconds + 0.4
    return found


def test_a_graver_emergency_goes_over_one_that_was_issued_later():
    grave, later = alarm("air_a", severity="extreme"), alarm("air_b", severity="minor", issued=after(5))
    assert due(situation(grave, later), after(6)).sound.key == ("air_a", 0)
    assert due(situation(later, grave), after(6)).sound.key == ("air_a", 0)


def test_of_equally_grave_emergencies_the_later_one_sounds():
    first, second = alarm("air_a", severity="severe"), alarm("air_b", severity="severe", issued=after(5))
    playing = OnAir(("air_a", 0), after(20))
    assert due(situation(first, second, on_air=playing), after(6)).sound.key == ("air_b", 0)


def test_an_emergency_that_says_no_severity_is_as_grave_as_can_be():
    old, minor = alarm("air_a"), alarm("air_b", severity="severe", issued=after(5))
    assert due(situation(old, minor), after(6)).sound.key == ("air_a", 0)


def test_after_the_graver_one_what_still_holds_of_the_other_goes_on():
    grave, other = alarm("air_a", severity="extreme", issued=after(5)), alarm("air_b", severity="minor")
    cut = {("air_b", 0): Progress(started_at=T0, position=5.0, sounded=5.0)}
    decision = due(situation(grave, other, done={("air_a", 0)}, progress=cut), after(26))
    assert decision.sound.key == ("air_b", 0)
    assert decision.sound.offset == 5.0


def test_nothing_of_a_round_begins_once_the_next_round_has_begun():
    repeated = alarm("air_e", *rounds())
    decision = due(situation(repeated), after(301))
    assert decision.sound.key == ("air_e", 3)  # its siren, not the Tày of the first round
    assert {fate.key[1] for fate in decision.fates} == {0, 1, 2}


def test_a_round_that_is_under_way_is_played_to_the_end_of_its_item_and_then_the_next_begins():
    repeated = alarm("air_e", *rounds())
    late = situation(
        repeated, done={("air_e", 0)}, progress={("air_e", 1): Progress(started_at=after(290))},
        on_air=OnAir(("air_e", 1), after(310)),
    )  # fmt: skip
    assert due(late, after(301)).sound.key == ("air_e", 1)
    over = situation(repeated, done={("air_e", 0), ("air_e", 1)})
    assert due(over, after(310)).sound.key == ("air_e", 3)


def test_a_siren_that_comes_too_late_is_given_up_and_not_put_between_the_words():
    one = alarm("air_e", *rounds(times=1))
    said = {("air_e", 1): Progress(started_at=after(6), position=20.0, sounded=20.0)}
    decision = due(situation(one, done={("air_e", 1)}, progress=said), after(27))
    assert decision.sound.key == ("air_e", 2)
    assert [(fate.key, fate.outcome) for fate in decision.fates] == [(("air_e", 0), "missed")]


def test_without_the_audio_of_the_siren_the_message_does_not_wait():
    one = alarm("air_e", *rounds(times=1))
    lacking = situation(one, obstacle_of=lambda each: "no_audio" if each.clip == clip(SIREN) else None)
    assert due(lacking, after(5.5)).sound.key == ("air_e", 1)


def test_in_the_short_pauses_of_an_emergency_no_programme_begins():
    one = alarm("air_e", *rounds())
    between_siren_and_words = situation(programme(), one, done={("air_e", 0)})
    decision = due(between_siren_and_words, after(5.2))
    assert decision.sound is None
    assert decision.obstacles == {("air_p", 0): "preempted"}
    assert decision.next_start == after(5.4)


def test_in_its_long_pauses_the_programme_goes_on():
    one = alarm("air_e", *rounds())
    decision = due(situation(programme(), one, done={("air_e", 0), ("air_e", 1), ("air_e", 2)}), after(60))
    assert decision.sound.key == ("air_p", 0)
    short = alarm("air_e", item(0, 20, VI, round=0), item(20 + SILENT_PAUSE.total_seconds(), 20, VI, round=1))
    assert due(situation(programme(), short, done={("air_e", 0)}), after(40)).sound is None


def test_a_station_that_comes_back_later_plays_it_while_it_holds_and_not_after():
    one = alarm("air_e", *rounds(times=1), not_after=after(3_600))
    assert due(situation(one, awake_since=after(1_800)), after(1_800)).sound.key == ("air_e", 0)
    gone = due(situation(one, awake_since=after(3_601)), after(3_601))
    assert gone.sound is None
    assert {fate.outcome for fate in gone.fates} == {"missed"}


def test_the_server_works_out_the_same_as_the_station_plays():
    """What a page says of a pause, of rounds and of gravity is what a station does, second by second."""
    one = alarm("air_e", *rounds(every=90.0), severity="severe")
    graver = alarm("air_g", item(0, 30, 60), severity="extreme", starts_at=after(100), issued=after(100))
    tickets = (programme(), one, graver)
    done, progress, on_air, heard = set(), {}, None, []
    for tick in range(2_900):
        now = after(tick / 10)
        known = tuple(each for each in tickets if each.issued_at <= now)
        if on_air is not None and now >= on_air.until:
            done.add(on_air.key)
            on_air = None
        decision = due(situation(*known, done=done, progress=progress, on_air=on_air), now)
        for fate in decision.fates:
            done.add(fate.key)
        key = decision.sound.key if decision.sound else None
        if key != (on_air.key if on_air else None):
            if on_air is not None and on_air.key not in done:
                left = (on_air.until - now).total_seconds()
                whole = next(each for each in known if each.id == on_air.key[0]).items[on_air.key[1]].seconds
                progress[on_air.key] = Progress(started_at=T0, position=whole - left, sounded=1.0)
            if decision.sound is None:
                on_air = None
            else:
                offset = decision.sound.offset
                if decision.sound.catch_up:
                    offset = max(offset, (now - T0).total_seconds())
                progress.setdefault(key, Progress(started_at=now))
                on_air = OnAir(key, now + timedelta(seconds=decision.sound.item.seconds - offset))
        heard.append((tick / 10, key))
    worked_out = course([claim_of(each) for each in tickets], after(290), allowed(StationSettings())).stretches
    for seconds, key in heard[::7]:
        at = after(seconds)
        near_an_edge = any(abs((edge - at).total_seconds()) < 0.3 for s in worked_out for edge in (s.start, s.end))
        if not near_an_edge:
            there = next(((s.claim, s.index) for s in worked_out if s.start <= at < s.end), None)
            assert there == key, (seconds, there, key)
