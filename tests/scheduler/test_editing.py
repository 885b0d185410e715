"""Changing the timetable: one occurrence, this and the following, all; nothing doubled, nothing frozen changed."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select
from village import NOW, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from scheduler import dayparts, editing, series, slots
from scheduler.editing import Change, Rules
from scheduler.models import Slot

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = NOW + HOUR
LOCAL = "2026-11-23T11:00"  # FIRST on the wall clock


def rules(village: Village, bypass: str = "") -> Rules:
    return Rules(village.settings.zone, timedelta(minutes=village.settings.freeze_minutes), bypass)


def change(village: Village, slot: str, at: datetime, bypass: str = "", who: str = "root", **what) -> None:
    with village.database.write() as session:
        editing.change_one(
            session, village.actor(who), slot, at, Change(**what), rules(village, bypass), village.clock()
        )


def edit(village: Village, slot: str, wish: slots.Wish, bypass: str = "", **scope) -> str:
    with village.database.write() as session:
        return editing.edit(
            session, village.actor("root"), slot, wish, rules(village, bypass), village.clock(), **scope
        ).id


@pytest.fixture
def daily(village: Village) -> str:
    """A slot at 11:00 every day, 20 s."""
    _, slot = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    return slot


def starts(village: Village) -> list[datetime]:
    village.roll()
    return [airing.starts_at for airing in village.airings()]


def test_one_occurrence_is_skipped_and_the_others_stay(village: Village, daily: str):
    change(village, daily, FIRST + DAY, skip=True)
    assert starts(village) == [FIRST, *(FIRST + n * DAY for n in range(2, 8))]


def test_one_occurrence_is_moved_and_known_by_where_it_came_from(village: Village, daily: str):
    change(village, daily, FIRST + DAY, starts="2026-11-24T15:30")
    assert FIRST + DAY not in starts(village)
    (moved,) = [airing for airing in village.airings() if airing.starts_at == NOW + DAY + timedelta(hours=5.5)]
    assert moved.occurrence_at == FIRST + DAY
    assert village.ticket(moved).occurrence.endswith("2026-11-24T04:00:00.000Z")
    assert village.roll() == 0


def test_an_occurrence_moved_into_the_horizon_from_beyond_sounds_there(village: Village, daily: str):
    change(village, daily, FIRST + 20 * DAY, starts="2026-11-25T15:00")
    assert NOW + 2 * DAY + timedelta(hours=5) in starts(village)


def test_one_occurrence_with_another_programme(village: Village, daily: str):
    other = village.programme(village.bulletin(text="Một bài khác.", seconds=33.0), title="Khác")
    change(village, daily, FIRST + DAY, programme=other)
    village.roll()
    assert [(a.title, a.items[0]["seconds"]) for a in village.airings()][:3] == [
        ("Bản tin", 20.0), ("Khác", 33.0), ("Bản tin", 20.0)
    ]  # fmt: skip
    # A change of that programme reaches the one occurrence.
    village.rewrite(village.airings()[1].items[0]["bulletin"], "Một bài khác nữa.", seconds=44.0)
    village.roll([daily])
    assert village.airings()[1].items[0]["seconds"] == 44.0


def test_what_was_changed_can_be_put_back(village: Village, daily: str):
    before = starts(village)
    change(village, daily, FIRST + DAY, skip=True)
    assert starts(village) != before
    with village.database.write() as session:
        editing.restore_one(session, village.actor("root"), daily, FIRST + DAY, rules(village), NOW)
    assert starts(village) == before
    with pytest.raises(NotFound), village.database.write() as session:
        editing.restore_one(session, village.actor("root"), daily, FIRST + DAY, rules(village), NOW)


def test_an_instant_that_is_no_occurrence_is_refused(village: Village, daily: str):
    with pytest.raises(NotFound, match="no occurrence"):
        change(village, daily, FIRST + timedelta(minutes=1), skip=True)


def test_a_moved_occurrence_is_held_against_everything_a_slot_is(village: Village, daily: str):
    with pytest.raises(InvalidInput) as quiet:
        change(village, daily, FIRST + DAY, starts="2026-11-24T23:00")
    assert quiet.value.code == "quiet_hours"
    village.slot(village.programme(village.bulletin()), NOW + DAY + timedelta(hours=4))
    with pytest.raises(Conflict, match="already play"):
        change(village, daily, FIRST + DAY, starts="2026-11-24T14:00:10")
    with pytest.raises(Conflict, match="same slot"):
        change(village, daily, FIRST + DAY, starts="2026-11-25T11:00:10")
    with pytest.raises(Conflict, match="begun"):
        change(village, daily, FIRST + DAY, starts="2026-11-22T11:00")


def test_a_small_move_does_not_clash_with_where_it_was(village: Village, daily: str):
    change(village, daily, FIRST + DAY, starts="2026-11-24T11:00:10")
    assert FIRST + DAY + timedelta(seconds=10) in starts(village)


def test_what_starts_within_minutes_is_frozen_unless_somebody_says_why(village: Village, daily: str):
    village.clock.at = FIRST - timedelta(minutes=9)
    with pytest.raises(Conflict, match="frozen"):
        change(village, daily, FIRST, skip=True)
    change(village, daily, FIRST, skip=True, bypass="Đám tang ngay cạnh loa")
    assert FIRST not in starts(village)
    assert "Đám tang" in str(last_entry(village).detail)


def last_entry(village: Village) -> AuditEntry:
    with village.database.read() as session:
        return session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(1)).one()


def test_a_new_text_leaves_a_frozen_airing_alone_and_a_withdrawn_one_does_not(village: Village):
    bulletin, slot = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    village.clock.at = FIRST - timedelta(minutes=9)
    village.rewrite(bulletin, "Nội dung mới hẳn.", seconds=77.0)
    village.roll()
    assert [airing.items[0]["seconds"] for airing in village.airings()][:2] == [20.0, 77.0]
    with village.database.write() as session:
        editing.hurry(session, village.actor("root"), slot, "Sai giờ họp", village.clock())
    village.roll()
    assert village.airings()[0].items[0]["seconds"] == 77.0
    village.withdraw_bulletin(bulletin)
    village.roll()
    assert FIRST not in [airing.starts_at for airing in village.airings() if airing.ticket]


def test_what_has_begun_can_not_be_changed(village: Village, daily: str):
    village.clock.at = FIRST + timedelta(seconds=5)
    with pytest.raises(Conflict, match="begun"):
        change(village, daily, FIRST, skip=True, bypass="trời mưa")


def test_a_slot_that_never_sounded_is_changed_in_place(village: Village, daily: str):
    wish = village.wish(village.slots()[0].programme_id, "2026-11-23T15:00", "FREQ=DAILY")
    assert edit(village, daily, wish) == daily
    assert starts(village)[:2] == [NOW + 5 * HOUR, NOW + 5 * HOUR + DAY]


def test_changing_all_after_it_sounded_goes_on_under_a_new_id_and_doubles_nothing(village: Village, daily: str):
    village.clock.at = FIRST + timedelta(minutes=5)
    village.roll()
    wish = village.wish(village.slots()[0].programme_id, "2026-11-23T15:00", "FREQ=DAILY")
    new = edit(village, daily, wish)
    assert new != daily
    after = starts(village)
    # Today it has sounded at 11:00 and does not again at 15:00.
    assert after[0] == FIRST
    assert after[1:3] == [NOW + DAY + 5 * HOUR, NOW + 2 * DAY + 5 * HOUR]
    assert {slot.id: slot.follows for slot in village.slots()} == {daily: None, new: daily}


def test_this_and_the_following(village: Village, daily: str):
    wish = village.wish(village.slots()[0].programme_id, LOCAL, "FREQ=DAILY", late="skip", max_minutes=5)
    new = edit(village, daily, wish, scope="following", start=FIRST + 3 * DAY)
    found = starts(village)
    assert found == [FIRST + n * DAY for n in range(8)]
    assert [airing.slot_id for airing in village.airings()] == [daily] * 3 + [new] * 5


def test_single_changes_that_the_new_rule_knows_too_are_carried_over(village: Village, daily: str):
    change(village, daily, FIRST + 4 * DAY, skip=True)
    village.clock.at = FIRST + timedelta(minutes=5)
    village.roll()
    wish = village.wish(village.slots()[0].programme_id, LOCAL, "FREQ=DAILY", volume=30)
    edit(village, daily, wish)
    assert starts(village) == [FIRST + n * DAY for n in (0, 1, 2, 3, 5, 6, 7, 8)]


def test_a_frozen_airing_keeps_its_hour_when_all_are_moved(village: Village, daily: str):
    village.clock.at = FIRST - timedelta(minutes=5)
    wish = village.wish(village.slots()[0].programme_id, "2026-11-23T12:00", "FREQ=DAILY")
    edit(village, daily, wish)
    assert starts(village)[:2] == [FIRST, NOW + DAY + 2 * HOUR]


def test_only_who_may_schedule_changes_anything(village: Village, daily: str):
    with pytest.raises(Forbidden):
        change(village, daily, FIRST + DAY, who="writer", skip=True)
    with pytest.raises(NotFound):
        change(village, daily, FIRST + DAY, who="stranger", skip=True)


def in_part(village: Village, code: str, windows: list[dict], unit: str = "commune_a", name: str = "Sáng") -> None:
    with village.database.write() as session:
        dayparts.put(session, village.actor("root"), village.unit(unit), code, name, windows, village.clock())


def without_part(village: Village, unit: str, code: str) -> None:
    with village.database.write() as session:
        dayparts.remove(session, village.actor("root"), village.unit(unit), code, village.clock())


def test_one_change_of_a_day_part_moves_every_slot_that_refers_to_it(village: Village):
    in_part(village, "chieu", [{"from": "17:00", "to": "17:30"}], unit="province")
    programme = village.programme(village.bulletin())
    slot = village.slot(programme, "2026-11-23T00:00", "FREQ=DAILY", daypart="chieu")
    village.slot(programme, "2026-11-23T00:00", "FREQ=DAILY", daypart="chieu", after_minutes=10)
    assert [at.hour + at.minute / 60 for at in starts(village)][:2] == [10.0, 10 + 1 / 6]
    in_part(village, "chieu", [{"from": "18:00", "to": "18:30"}])  # the commune has its own hour
    assert [at.hour for at in starts(village)][:2] == [11, 11]
    without_part(village, "province", "chieu")
    with pytest.raises(Conflict, match="refer to this day part"):
        without_part(village, "commune_a", "chieu")
    assert {each.daypart for each in village.slots()} == {"chieu"}
    assert slot in {each.id for each in village.slots()}


def test_seasons_and_holidays_have_hours_of_their_own(village: Village):
    in_part(
        village, "sang",
        [
            {"from": "07:00", "to": "07:30", "holidays": True},
            {"from": "05:30", "to": "06:00", "months": [11, 12, 1, 2]},
            {"from": "05:00", "to": "05:30"},
        ],
    )  # fmt: skip
    slot = village.slot(village.programme(village.bulletin()), "2026-11-23T00:00", "FREQ=DAILY", daypart="sang")
    with village.database.read() as session:
        held = series.one(session, session.get_one(Slot, slot))
    year = {
        each.at.astimezone(held.zone).date().isoformat(): each.starts_at.astimezone(held.zone).strftime("%H:%M")
        for each in series.occurring(held, NOW, NOW + 365 * DAY)
    }
    assert (year["2026-12-01"], year["2027-04-01"], year["2027-09-02"], year["2027-01-01"]) == (
        "05:30", "05:00", "07:00", "07:00"
    )  # fmt: skip


def test_a_day_part_that_moves_after_it_sounded_does_not_sound_again_that_day(village: Village):
    in_part(village, "trua", [{"from": "11:00", "to": "11:30"}])
    village.slot(village.programme(village.bulletin()), "2026-11-23T00:00", "FREQ=DAILY", daypart="trua")
    assert starts(village)[0] == FIRST
    village.clock.at = FIRST + timedelta(minutes=15)
    in_part(village, "trua", [{"from": "13:00", "to": "13:30"}])
    found = starts(village)
    assert found[0] == FIRST
    assert found[1] == NOW + DAY + 3 * HOUR


@pytest.mark.parametrize(
    "wrong",
    [
        [], [{"from": "06:00", "to": "05:00"}], [{"from": "6h", "to": "7h"}], [{"to": "05:00"}],
        [{"from": "05:00", "to": "06:00", "months": [13]}], [{"from": "05:00", "to": "06:00", "weekdays": ["XX"]}],
        [{"from": "05:00", "to": "06:00", "holidays": "yes"}], [{"from": "05:00", "to": "06:00"}] * 21,
    ],
)  # fmt: skip
def test_windows_that_make_no_sense_are_refused(village: Village, wrong):
    with pytest.raises(InvalidInput):
        in_part(village, "sang", wrong)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_is_changed_no_occurrence_is_live_twice_and_rolling_again_changes_nothing(
    village: Village, data: st.DataObject
):
    village.clock.at = NOW
    for old in village.slots():  # the same village for every example
        village.withdraw_slot(old.id)
    village.roll()
    _, slot = village.on_timetable(rrule="FREQ=DAILY")
    programme = village.slots()[0].programme_id
    for _ in range(data.draw(st.integers(1, 4))):
        village.clock.advance(minutes=data.draw(st.sampled_from([0, 3, 55, 61, 1_440, 2_000])))
        village.roll()
        at = FIRST + data.draw(st.integers(0, 6)) * DAY
        hour = data.draw(st.integers(6, 20))
        try:
            if data.draw(st.booleans()):
                change(village, slot, at, skip=data.draw(st.booleans()),
                       starts=f"{(at + DAY).date()}T{hour:02}:30", bypass="x")  # fmt: skip
            else:
                wish = village.wish(programme, f"2026-11-23T{hour:02}:00", "FREQ=DAILY")
                slot = edit(village, slot, wish, bypass="x")
        except (Conflict, NotFound, InvalidInput):
            continue
    village.roll()
    assert village.roll() == 0
    live = village.airings()
    assert len({(a.slot_id, a.occurrence_at) for a in live}) == len(live)
    spans = sorted((a.starts_at, a.ends_at) for a in live)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


def test_the_interface_changes_slots_and_occurrences(village: Village, callers, daily: str):
    approver = callers["approver"]
    done = approver.post(f"/slots/{daily}/occurrences", {"at": "2026-11-24T11:00", "skip": True, "reason": "lễ"})
    assert done.status_code == 200
    assert done.get_json()["at"] == "2026-11-24T04:00:00.000Z"
    assert [row["skip"] for row in approver.get(f"/slots/{daily}/occurrences").get_json()["items"]] == [True]
    assert approver.post(f"/slots/{daily}/occurrences/restore", {"at": "2026-11-24T11:00"}).status_code == 200
    body = {"programme": village.slots()[0].programme_id, "starts": LOCAL, "rrule": "FREQ=DAILY", "for": ["unit:79.1"]}
    moved = approver.put(f"/slots/{daily}", body | {"scope": "following", "from": "2026-11-26T11:00", "volume": 40})
    assert moved.status_code == 200, moved.text
    assert moved.get_json()["follows"] == daily
    assert approver.get(f"/slots/{daily}").get_json()["next"] == [
        f"2026-11-{day}T04:00:00.000Z" for day in (23, 24, 25)
    ]
    assert approver.put(f"/slots/{daily}", body | {"scope": "some"}).status_code == 422
    assert approver.post(f"/slots/{daily}/hurry", {"reason": ""}).status_code == 422
    assert callers["writer"].post(f"/slots/{daily}/hurry", {"reason": "x"}).status_code == 403


def test_the_interface_keeps_day_parts_limits_and_reserved_time(village: Village, callers):
    approver, admin = callers["approver"], callers["administrator"]
    windows = [{"from": "05:00", "to": "05:30"}]
    made = approver.put("/units/79.1/dayparts/sang", {"name": "Sáng", "windows": windows})
    assert made.get_json() == {"code": "sang", "unit": "79.1", "name": "Sáng", "windows": windows}
    assert [row["code"] for row in callers["viewer"].get("/units/79.1.1/dayparts").get_json()["items"]] == ["sang"]
    assert approver.post("/units/79.1/dayparts/sang/remove").status_code == 200
    limits = {"sessions_a_day": 2, "session_minutes": 15, "weekdays": ["MO", "TU", "WE", "TH", "FR"]}
    assert admin.put("/units/79.1/limits", {"limits": limits}).get_json()["limits"] == {
        **limits, "session_minutes": 15.0
    }  # fmt: skip
    assert approver.put("/units/79.1/limits", {"limits": None}).status_code == 403
    assert admin.put("/units/79.1/limits", {"limits": {"sessions": 2}}).status_code == 422
    body = {"name": "Tiếp sóng tỉnh", "starts": "2026-11-23T17:00", "minutes": 15, "rrule": "FREQ=DAILY"}
    kept = callers["root"].post("/units/79/reservations", body)
    assert kept.status_code == 201
    seen = approver.get("/units/79.1/reservations").get_json()["items"]
    assert [row["name"] for row in seen] == ["Tiếp sóng tỉnh"]
    assert approver.post(f"/reservations/{kept.get_json()['id']}/withdraw").status_code in {403, 404}
