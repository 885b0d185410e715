"""Why this sounds at this station at this second, and nothing else."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from core.errors import NotFound
from core.wire import Report
from playlists.models import BulletinVersion
from registry import stations, units
from scheduler import dayparts, editing, emergencies, explaining, reports
from scheduler.editing import Change, Rules
from scheduler.explanation import Explanation
from scheduler.models import Airing
from scheduler.reasons import SENTENCES, said
from scheduler.worker import Worker

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = NOW + HOUR  # 11:00 on the wall clock
INSIDE = FIRST + timedelta(seconds=5)


def at(village: Village, instant: datetime, station: str = "a1", who: str = "root") -> Explanation:
    with village.database.read() as session:
        return explaining.explain(
            session, village.actor(who), village.cast.stations[station], instant,
            default_zone=village.settings.zone, now=village.clock(),
        )  # fmt: skip


def codes(found) -> list[str]:
    return [each.code for each in found.why]


def lost(told: Explanation) -> dict[str, list[str]]:
    return {each.title: codes(each) for each in told.lost}


def change(village: Village, slot: str, when: datetime, **what) -> None:
    rules = Rules(village.settings.zone, timedelta(minutes=10))
    with village.database.write() as session:
        editing.change_one(session, village.actor("root"), slot, when, Change(**what), rules, village.clock())


@pytest.fixture
def daily(village: Village) -> str:
    """20 s at 11:00 every day in commune A."""
    _, slot = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    return slot


def test_what_is_signed_and_alone_is_the_answer_with_who_answers_for_it(village: Village, daily: str):
    told = at(village, INSIDE)
    assert told.winner is not None
    assert (told.winner.slot, told.winner.state, codes(told.winner)) == (daily, "issued", ["alone"])
    assert (told.since, told.until, told.winner.approved_by) == (FIRST, FIRST + timedelta(seconds=20), "root")
    assert told.item is not None
    assert told.item.title == "Mời họp"
    assert told.lost == []
    assert told.following is not None
    assert told.following.starts_at == FIRST + DAY


def test_silence_is_explained_with_what_comes_next(village: Village, daily: str):
    told = at(village, FIRST + timedelta(minutes=1))
    assert (told.winner, codes(told), told.lost) == (None, ["nothing"], [])
    assert told.following is not None
    assert told.following.starts_at == FIRST + DAY


def test_a_priority_programme_wins_and_the_ordinary_one_joins_later(village: Village, daily: str):
    urgent = village.bulletin(text="Phòng cháy.", priority="priority", seconds=10.0)
    village.slot(village.programme(urgent, title="Ưu tiên"), FIRST)
    village.roll()
    told = at(village, INSIDE)
    assert told.winner is not None
    assert (told.winner.title, codes(told.winner)) == ("Ưu tiên", ["priority"])
    assert lost(told) == {"Bản tin": ["preempted", "joins"]}
    after = at(village, FIRST + timedelta(seconds=15))
    assert after.winner is not None
    assert (after.winner.title, lost(after)) == ("Bản tin", {"Ưu tiên": ["sounded"]} if lost(after) else {})


def test_an_emergency_goes_over_everything_and_is_said_to(village: Village, daily: str):
    village.clock.at = FIRST + timedelta(seconds=2)
    made = village.bulletin(text="Lũ lên!", seconds=8.0)
    with village.database.write() as session:
        clip = session.exec(select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == made)).one()
        alarm = emergencies.Alarm(signal="none", audience=["unit:79.1"], clip=clip)
        emergencies.raise_alarm(
            session, village.actor("root"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone=village.settings.zone, max_chars=1000, now=village.clock(),
        )  # fmt: skip
    told = at(village, INSIDE)
    assert told.winner is not None
    assert (told.winner.kind, codes(told.winner)) == ("emergency", ["emergency"])
    assert lost(told) == {"Bản tin": ["preempted", "joins"]}


def test_a_skipped_and_a_moved_occurrence_say_who_did_it(village: Village, daily: str):
    change(village, daily, FIRST + DAY, skip=True, reason="Có tang.")
    change(village, daily, FIRST + 2 * DAY, starts="2026-11-25T15:30")
    village.roll()
    skipped, moved = at(village, INSIDE + DAY), at(village, INSIDE + 2 * DAY)
    assert (skipped.winner, codes(skipped)) == (None, ["all_lost"])
    (candidate,) = skipped.lost
    assert candidate.why[0].code == "skipped"
    assert dict(candidate.why[0].params) == {"by": "root", "when": NOW, "reason": "Có tang."}
    (candidate,) = moved.lost
    assert (candidate.why[0].code, candidate.why[0].params["to"]) == (
        "moved",
        datetime.fromisoformat("2026-11-25T08:30Z"),
    )
    there = at(village, datetime.fromisoformat("2026-11-25T08:30:05Z"))
    assert there.winner is not None
    assert codes(there.winner) == ["alone", "exception"]


def test_a_slot_taken_off_the_timetable_says_when_and_by_whom(village: Village, daily: str):
    village.clock.advance(minutes=5)
    village.withdraw_slot(daily)
    village.roll()
    told = at(village, INSIDE)
    assert told.winner is None
    (candidate,) = told.lost
    assert (candidate.why[0].code, candidate.why[0].params["by"]) == ("withdrawn", "root")
    # Beyond what was planned there was no airing to withdraw: the slot itself says it.
    (candidate,) = at(village, INSIDE + 20 * DAY).lost
    assert (candidate.why[0].code, candidate.why[0].params["by"]) == ("slot_withdrawn", "root")


def test_nothing_approved_and_audio_not_ready_are_told_apart(village: Village):
    draft = village.bulletin(until_state="submitted")
    village.slot(village.programme(draft, title="Chờ duyệt"), FIRST)
    waiting = village.bulletin(seconds=None, text="Một bài khác.")
    village.slot(village.programme(waiting, title="Chờ đọc"), FIRST + HOUR)
    village.roll()
    first = at(village, FIRST + timedelta(seconds=1))
    assert lost(first) == {"Chờ duyệt": ["unsigned_nothing_approved", "left_out_not_approved"]}
    assert lost(at(village, FIRST + HOUR + timedelta(seconds=1))) == {"Chờ đọc": ["unsigned_rendering"]}


def test_a_bulletin_whose_validity_has_run_out_is_named(village: Village):
    old = village.bulletin(title="Tiêm chủng", valid_until=FIRST - timedelta(minutes=1))
    village.slot(village.programme(old, village.bulletin(text="Bài khác.")), FIRST)
    village.roll()
    told = at(village, INSIDE)
    assert told.winner is not None
    assert codes(told.winner) == ["alone", "left_out_run_out"]
    assert told.winner.why[1].params["title"] == "Tiêm chủng"


def test_limits_of_the_place_are_named(village: Village, daily: str):
    with village.database.write() as session:
        root = village.actor("root")
        units.limit(session, root, units.find(session, root, "79.1"), {"weekdays": ["TU"]}, village.clock())
    village.roll()
    assert lost(at(village, INSIDE)) == {"Bản tin": ["unsigned_weekdays"]}
    assert at(village, INSIDE + DAY).winner is not None


def test_holidays_lunar_days_and_days_taken_out_are_named(village: Village):
    made = village.programme(village.bulletin(), title="Thường")
    for hour, days in ((9, {"holidays": "skip"}), (10, {"lunar": ["15"]}), (11, None)):
        exdates = [] if days else ["2027-01-01"]
        village.slot(made, f"2026-11-24T{hour:02d}:00", "FREQ=DAILY", days=days, exdates=exdates)
    new_year = datetime.fromisoformat("2027-01-01T02:00:05Z")  # 9:00 on a public holiday; lunar 24/11
    (holiday,) = at(village, new_year).lost
    assert (holiday.why[0].code, bool(holiday.why[0].params["holiday"])) == ("holiday", True)
    (lunar,) = at(village, new_year + HOUR).lost
    assert (lunar.why[0].code, lunar.why[0].params["lunar"]) == ("lunar", "24")
    assert lost(at(village, new_year + 2 * HOUR)) == {"Thường": ["excluded"]}


def test_a_day_part_without_a_window_on_that_day_is_named(village: Village):
    with village.database.write() as session:
        root = village.actor("root")
        dayparts.put(
            session, root, units.find(session, root, "79.1"), "sang", "Sáng",
            [{"from": "05:30", "to": "06:00", "weekdays": ["MO", "TU", "WE", "TH", "FR", "SA"]}], NOW,
        )  # fmt: skip
    village.slot(village.programme(village.bulletin()), "2026-11-24T00:00", "FREQ=DAILY", daypart="sang")
    village.roll()
    sunday = datetime.fromisoformat("2026-11-28T22:30:05Z")
    assert lost(at(village, sunday)) == {"Bản tin": ["no_window"]}
    assert at(village, sunday - DAY).winner is not None


def test_beyond_the_horizon_it_is_worked_out_from_the_slot(village: Village, daily: str):
    told = at(village, INSIDE + 30 * DAY)
    assert told.winner is not None
    assert (told.winner.airing, told.winner.slot, codes(told.winner)) == (None, daily, ["alone", "computed"])
    assert (told.since, told.winner.approved_by) == (FIRST + 30 * DAY, "root")


def test_a_station_that_is_not_among_those_it_is_for_is_told_so(village: Village):
    village.on_timetable(to=["unit:79.1.2"])
    village.roll()
    told = at(village, INSIDE, "a_hall")
    assert (told.winner, codes(told), lost(told)) == (None, ["nothing"], {"Bản tin": ["not_for_it"]})


def test_what_it_reported_stands_beside_what_was_planned(village: Village, daily: str, worker: Worker):
    (first, *_) = village.airings()
    village.clock.at = first.ends_at + timedelta(seconds=1)
    worker.dispatch(village.clock())
    with village.database.write() as session:
        reports.accept(
            session, stations.place(session, village.cast.stations["a1"]),
            [Report(id="0f8fad5b-d9cb-469f-a165-70867728950e", airing=first.id, item=0, outcome="partial", reason="power",
                    started_at=first.starts_at, ended_at=first.starts_at + timedelta(seconds=9), seconds=9)],
            village.clock(),
        )  # fmt: skip
    assert codes(at(village, INSIDE).winner) == ["alone", "not_reported"]
    village.clock.advance(minutes=10)
    worker.reconcile(village.clock())
    told = at(village, INSIDE)
    assert codes(told.winner) == ["alone", "reported_why"]
    assert [(each.outcome, each.reason) for each in told.reported] == [("partial", "power")]
    assert codes(at(village, INSIDE, "a2").winner) == ["alone", "reported_why"]  # it said nothing: offline


def test_a_station_that_is_not_in_service_plays_nothing(village: Village, daily: str):
    with village.database.write() as session:
        stations.revoke(session, village.actor("root"), village.cast.stations["a1"], village.clock())
    assert codes(at(village, INSIDE)) == ["not_in_service"]
    assert codes(at(village, NOW - 60 * DAY)) == ["not_in_service_then"]


def test_a_stranger_learns_nothing(village: Village, daily: str):
    with pytest.raises(NotFound):
        at(village, INSIDE, who="stranger")


def test_a_newer_text_is_said_to_have_taken_the_place_of_the_old_one(village: Village):
    bulletin, _ = village.on_timetable()
    village.roll()
    village.rewrite(bulletin, "Lời mới.")
    village.roll()
    told = at(village, INSIDE)
    assert told.winner is not None
    with village.database.read() as session:
        living = session.exec(select(Airing.id).where(Airing.state == "issued")).one()
    assert told.winner.airing == living
    assert [(each.state, codes(each)) for each in told.lost] == [("withdrawn", ["replaced"])]


def test_every_reason_can_be_said_in_one_sentence():
    class Anything(dict):
        def __missing__(self, name):
            return f"<{name}>"

    for code, sentence in SENTENCES.items():
        assert (sentence % Anything()).endswith((".", ">")), code


def test_the_sentence_names_instants_on_the_wall_clock(village: Village, daily: str):
    village.clock.advance(minutes=5)
    village.withdraw_slot(daily)
    village.roll()
    (candidate,) = at(village, INSIDE).lost
    told = said(candidate.why[0], str, lambda instant: instant.strftime("%H:%M"))
    assert told == "It was withdrawn on 03:05 by root: its slot was taken off the timetable."
