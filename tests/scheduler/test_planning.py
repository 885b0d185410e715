"""From slots to signed airings: rolled as often as you like, killed wherever you like, always the same timetable."""

import itertools
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select
from village import NOW, DyingDatabase, Interrupted, Village, all_at_once

from audio.models import Clip
from core.errors import Conflict, InvalidInput
from playlists import programmes
from playlists.programmes import Entry, Newest
from registry import stations
from registry.models import Unit
from scheduler import deciding, planning
from scheduler.models import Airing, Slot
from scheduler.worker import FULL_ROLL_EVERY, Worker


def picture(village: Village) -> list[tuple]:
    """The timetable without what is by chance (ids): what, when, for whom, in which state."""
    return sorted(
        (a.slot_id, a.starts_at, a.ends_at, a.state, a.reason, a.title, tuple(a.audience), str(a.items), bool(a.ticket))
        for a in village.airings()
    )  # fmt: skip


def test_a_daily_slot_becomes_signed_airings_for_the_days_ahead(village: Village):
    _, slot = village.on_timetable(rrule="FREQ=DAILY", seconds=20.5)
    assert village.roll() == 8
    airings = village.airings()
    assert [a.starts_at for a in airings] == [NOW + timedelta(hours=1, days=day) for day in range(8)]
    ticket = village.ticket(airings[0])
    assert ticket.id == airings[0].id
    assert ticket.starts_at == NOW + timedelta(hours=1)
    assert ticket.ends_at == ticket.starts_at + timedelta(seconds=20.5)
    assert ticket.audience == ["unit:79.1"]
    assert ticket.approved_by == "root"
    assert ticket.kind == "programme"
    assert (ticket.items[0].at, ticket.items[0].seconds, ticket.items[0].title) == (0, 20.5, "Mời họp")
    assert ticket.not_after >= ticket.ends_at
    assert ticket.occurrence is not None
    assert ticket.occurrence.startswith(slot)


def test_rolling_twice_changes_nothing(village: Village):
    village.on_timetable(rrule="FREQ=DAILY")
    village.on_timetable(minutes=120, rrule="FREQ=WEEKLY;BYDAY=MO,TH", unit="hamlet_a1", to=["unit:79.1.1"])
    village.roll()
    before = picture(village)
    ids = [a.id for a in village.airings(live=False)]
    assert village.roll() == 0
    assert picture(village) == before
    assert [a.id for a in village.airings(live=False)] == ids


def test_the_horizon_moves_with_the_clock_and_keeps_what_is_issued(village: Village):
    village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    first = {a.id for a in village.airings()}
    village.clock.advance(days=1)
    assert village.roll() == 1
    assert first < {a.id for a in village.airings()}


def test_a_clock_that_goes_back_takes_nothing_away(village: Village):
    village.on_timetable(rrule="FREQ=HOURLY;BYHOUR=8,9,11,12,13")
    village.clock.advance(hours=5)
    village.roll()
    before = picture(village)
    village.clock.advance(hours=-3)
    village.roll()
    assert set(before) <= set(picture(village))


def test_a_new_version_is_issued_anew_and_the_old_ticket_withdrawn(village: Village):
    bulletin, _ = village.on_timetable()
    village.roll()
    (old,) = village.airings()
    village.rewrite(bulletin, "Lịch họp đã đổi.", seconds=30)
    assert village.roll() == 1
    (new,) = village.airings()
    assert new.id != old.id
    assert village.ticket(new).occurrence == village.ticket(old).occurrence
    assert village.ticket(new).ends_at - village.ticket(new).starts_at == timedelta(seconds=30)
    withdrawn = next(a for a in village.airings(live=False) if a.id == old.id)
    assert (withdrawn.state, withdrawn.reason, withdrawn.ticket) == ("withdrawn", "replaced", old.ticket)


def test_a_draft_in_the_making_leaves_the_approved_version_on_air(village: Village):
    bulletin, _ = village.on_timetable()
    village.roll()
    for state in ("draft", "submitted"):
        if state == "draft":
            village.rewrite(bulletin, "Bản nháp mới.", until_state="draft")
        else:
            village._bring(bulletin, "submitted")
        assert village.roll() == 0


def test_a_withdrawn_bulletin_leaves_every_airing(village: Village):
    kept = village.bulletin(text="Tin thứ hai.")
    gone = village.bulletin()
    village.slot(village.programme(gone, kept), NOW + timedelta(hours=1), "FREQ=DAILY")
    village.roll()
    village.withdraw_bulletin(gone)
    assert village.roll() == 8
    assert all([item["bulletin"] for item in a.items] == [kept] for a in village.airings())


def test_with_nothing_left_to_say_an_airing_is_planned_but_not_signed(village: Village):
    bulletin, _ = village.on_timetable()
    village.roll()
    village.withdraw_bulletin(bulletin)
    village.roll()
    (airing,) = village.airings()
    assert (airing.state, airing.reason, airing.ticket, airing.items) == ("planned", "nothing_approved", "", [])
    assert village.roll() == 0


def test_a_withdrawn_slot_takes_all_its_airings_along(village: Village):
    _, slot = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    village.withdraw_slot(slot)
    assert village.roll() == 8
    assert village.airings() == []
    assert village.roll() == 0


def test_an_edited_programme_is_issued_anew(village: Village):
    first, second = village.bulletin(), village.bulletin(text="Tin thứ hai.")
    programme = village.programme(first)
    village.slot(programme, NOW + timedelta(hours=1))
    village.roll()
    with village.database.write() as session:
        programmes.edit(session, village.actor("root"), programme, "Mới", [Entry(bulletin=second)], NOW)
    assert village.roll() == 1
    assert [item["bulletin"] for item in village.airings()[0].items] == [second]
    assert village.airings()[0].title == "Mới"


@pytest.fixture
def sounding(village: Village) -> tuple[str, Airing]:
    """A programme of a minute that began ten seconds ago, and its bulletin."""
    bulletin, _ = village.on_timetable(seconds=60)
    village.roll()
    village.clock.at = NOW + timedelta(hours=1, seconds=10)
    return bulletin, village.airings()[0]


def test_what_sounds_already_goes_on_when_its_text_is_changed(village: Village, sounding):
    bulletin, airing = sounding
    village.rewrite(bulletin, "Bản mới.", seconds=30)
    assert village.roll() == 0
    assert [a.id for a in village.airings()] == [airing.id]


def test_what_sounds_already_goes_on_while_the_new_version_is_being_rendered(village: Village, sounding):
    bulletin, airing = sounding
    village.rewrite(bulletin, "Bản mới.", seconds=None)
    village.roll()
    assert [a.id for a in village.airings()] == [airing.id]


def test_what_sounds_already_goes_on_when_its_programme_is_changed(village: Village, sounding):
    _, airing = sounding
    other = village.bulletin(text="Tin khác.")
    with village.database.write() as session:
        slot = session.get_one(Slot, airing.slot_id)
        programmes.edit(
            session, village.actor("root"), slot.programme_id, "x", [Entry(bulletin=other)], village.clock()
        )
    assert village.roll() == 0
    assert [a.id for a in village.airings()] == [airing.id]


def test_what_sounds_already_goes_on_when_a_newer_bulletin_comes(village: Village):
    village.bulletin(seconds=60)
    village.slot(village.programme(entries=[Entry(newest=Newest(count=1))]), NOW + timedelta(hours=1))
    village.roll()
    (airing,) = village.airings()
    village.clock.at = NOW + timedelta(hours=1, seconds=10)
    village.bulletin(text="Tin mới nhất.", seconds=60)
    assert village.roll() == 0
    assert [a.id for a in village.airings()] == [airing.id]


def test_a_withdrawn_bulletin_falls_silent_in_the_middle(village: Village, sounding):
    bulletin, airing = sounding
    village.withdraw_bulletin(bulletin)
    assert village.roll() == 1
    gone = next(a for a in village.airings(live=False) if a.id == airing.id)
    assert (gone.state, gone.reason) == ("withdrawn", "bulletin_withdrawn")
    assert village.roll() in {0, 1}
    assert not any(a.ticket for a in village.airings())


def test_what_is_over_is_never_touched_again(village: Village, worker: Worker, sounding):
    bulletin, _ = sounding
    village.clock.advance(minutes=2)
    worker.dispatch(village.clock())
    before = picture(village)
    village.withdraw_bulletin(bulletin)
    assert village.roll() == 0
    assert picture(village) == before


def test_an_airing_waits_for_its_audio_and_is_signed_when_it_is_there(village: Village):
    village.on_timetable(seconds=None)
    village.roll()
    (airing,) = village.airings()
    assert (airing.state, airing.reason, airing.ticket) == ("planned", "rendering", "")
    with village.database.read() as session:
        clip = session.exec(select(Clip)).one()
    assert clip.due_at == airing.starts_at
    village.finish_clip(clip.id)
    village.roll()
    (airing,) = village.airings()
    assert airing.state == "issued"


def test_an_airing_whose_audio_is_not_whole_is_signed_in_time_with_what_there_is(village: Village, worker: Worker):
    """The worker looks at everything once a minute: wherever that falls, one look comes before the start."""
    ready, missing = village.bulletin(text="Tin có tiếng."), village.bulletin(seconds=None)
    village.slot(village.programme(ready, missing), NOW + timedelta(minutes=10))
    for second in range(0, 600, 5):
        worker.roll(NOW + timedelta(seconds=second))
    (airing,) = village.airings()
    assert [item["bulletin"] for item in airing.items] == [ready]
    assert village.ticket(airing).issued_at < airing.starts_at
    assert deciding.LAST_CALL > FULL_ROLL_EVERY


def test_an_expired_bulletin_is_left_out_of_later_airings(village: Village):
    bulletin = village.bulletin(valid_until=NOW + timedelta(days=3))
    village.slot(village.programme(bulletin), NOW + timedelta(hours=1), "FREQ=DAILY")
    village.roll()
    assert [a.state for a in village.airings()] == ["issued"] * 3 + ["planned"] * 5


def test_quiet_hours_set_later_silence_what_was_planned(village: Village):
    village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    with village.database.write() as session:
        unit = session.get_one(Unit, village.cast.units["commune_a"])
        unit.quiet_hours = [["10:30", "11:30"]]
        session.add(unit)
    village.roll()
    assert {(a.state, a.reason) for a in village.airings()} == {("planned", "quiet_hours")}


def test_a_slot_that_cannot_be_read_neither_stops_the_others_nor_loses_its_airings(village: Village):
    _, broken = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    with village.database.write() as session:
        slot = session.get_one(Slot, broken)
        slot.rrule = "FREQ=NEVER"
        session.add(slot)
    _, good = village.on_timetable(minutes=60, unit="commune_b", to=["unit:79.2"], text="Tin của xã B.")
    village.roll()
    assert Counter(a.slot_id for a in village.airings()) == {broken: 8, good: 1}


def test_a_programme_longer_than_a_ticket_can_hold_does_not_stop_the_timetable(village: Village):
    programme = village.programme(*(village.bulletin(text=f"Tin {n}", seconds=50_000) for n in range(5)))
    with village.database.write() as session:  # set up before its recordings grew
        session.add(
            Slot(
                id="sl_long", unit_id=village.cast.units["commune_a"], programme_id=programme, starts="2026-11-23T11:00:00",
                zone="Asia/Ho_Chi_Minh", audience=["unit:" + village.cast.units["commune_a"]], created_by="x", created_at=NOW,
            )
        )  # fmt: skip
    village.on_timetable(unit="commune_b", to=["unit:79.2"], text="Tin của xã B.")
    village.roll()
    assert Counter((a.state, a.reason) for a in village.airings()) == {("planned", "too_long"): 1, ("issued", ""): 1}
    assert village.roll() == 0


def _two_slots_and_changes(village: Village) -> None:
    """A timetable in which a roll has to add, replace and withdraw, in more than one transaction."""
    bulletin, _ = village.on_timetable(rrule="FREQ=DAILY")
    _, slot = village.on_timetable(minutes=90, rrule="FREQ=DAILY", text="Tin thứ hai.")
    village.roll()
    village.rewrite(bulletin, "Bản mới.", seconds=25)
    village.withdraw_slot(slot)
    village.on_timetable(minutes=150, rrule="FREQ=DAILY", text="Tin thứ ba.")
    village.on_timetable(minutes=180, text="Chưa có tiếng.", seconds=None)


def _told(village: Village) -> Counter:
    return Counter(
        (a.starts_at, a.state, a.reason, str([i["seconds"] for i in a.items])) for a in village.airings(live=False)
    )


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def test_killed_in_any_transaction_and_rolled_again_the_timetable_is_the_same(village: Village, monkeypatch):
    monkeypatch.setattr(planning, "_BATCH", 3)
    _two_slots_and_changes(village)
    home = village.settings.home
    _copy(home / "loa.db", home / "saved.db")
    whole = DyingDatabase(village.database, dies_in=-1)
    planning.roll(whole, village.settings, village.signer, NOW)
    wanted, transactions = _told(village), whole.writes
    assert transactions >= 6

    for n in range(1, transactions + 1):
        _copy(home / "saved.db", home / "loa.db")
        with pytest.raises(Interrupted):
            planning.roll(DyingDatabase(village.database, dies_in=n), village.settings, village.signer, NOW)
        village.roll()
        assert _told(village) == wanted, f"killed in transaction {n}"
        assert village.roll() == 0


def test_two_workers_rolling_at_once_make_one_live_airing_an_occurrence(village: Village):
    for number in range(4):
        village.on_timetable(minutes=60 + 10 * number, rrule="FREQ=DAILY", text=f"Tin số {number}.")
    all_at_once(*[village.roll] * 4)
    assert all(count == 1 for count in Counter((a.slot_id, a.occurrence_at) for a in village.airings()).values())
    assert len(village.airings()) == 32
    assert all(a.ticket for a in village.airings())
    village.clock.advance(seconds=1)
    assert village.roll() == 0


def test_the_worker_follows_only_what_changed_between_full_looks(village: Village, worker: Worker):
    village.on_timetable(rrule="FREQ=DAILY")
    assert worker.roll(NOW) == 8
    assert worker.roll(NOW + timedelta(seconds=1)) == 0
    village.on_timetable(minutes=90, text="Tin thứ hai.")
    assert worker.roll(NOW + timedelta(seconds=2)) == 1


def test_a_withdrawal_reaches_the_timetable_through_the_feed(village: Village, worker: Worker):
    bulletin, _ = village.on_timetable()
    worker.roll(NOW)
    village.withdraw_bulletin(bulletin)
    assert worker.roll(NOW + timedelta(seconds=1)) == 1
    assert not any(a.ticket for a in village.airings())


RULES = st.sampled_from(
    ["FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;BYDAY=SU", None, "FREQ=MONTHLY",
     "FREQ=DAILY;BYHOUR=6,11,17;BYMINUTE=0"]
)  # fmt: skip
TARGETS = st.sampled_from(
    [["unit:79"], ["unit:79.1"], ["unit:79.1.1"], ["unit:79.1.2"], ["unit:79.2"], "group", "station"]
)
WISHES = st.lists(
    st.tuples(st.integers(5, 20), st.integers(0, 59), st.integers(0, 6), RULES, TARGETS, st.sampled_from([20, 700, 4000])),
    min_size=2, max_size=6,
)  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(wishes=WISHES)
def test_airings_of_accepted_slots_never_meet_at_a_station(village: Village, wishes):
    with village.database.write() as session:  # the same village for every example
        for slot in session.exec(select(Slot).where(col(Slot.withdrawn_at).is_(None))).all():
            slot.withdrawn_at = NOW
            session.add(slot)
    group = village.group("province", "a1", "b1")
    for number, (hour, minute, day, rule, target, seconds) in enumerate(wishes):
        to = {"group": [f"group:{group}"], "station": [f"station:{village.cast.stations['a1']}"]}.get(
            str(target), target
        )
        start = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(days=day, hours=hour - 7, minutes=minute)
        bulletin = village.bulletin("province", text=f"Tin số {number}.", seconds=seconds)
        try:
            village.slot(village.programme(bulletin, unit="province"), start, rule, to)
        except (Conflict, InvalidInput):
            continue
    village.roll()
    with village.database.read() as session:
        places = stations.places(session)
    for place in places:
        own = [a for a in village.airings() if a.ticket and not set(place.names).isdisjoint(a.audience)]
        for before, after in itertools.pairwise(sorted(own, key=lambda a: a.starts_at)):
            assert before.ends_at <= after.starts_at
