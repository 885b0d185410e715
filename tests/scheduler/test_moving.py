"""Moving airings to another day or hour, looking first what that would meet, and undoing it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select
from village import NOW, ZONE, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from scheduler import editing, moving, series, slots, undoing
from scheduler.editing import Change, Rules
from scheduler.models import Slot, SlotException
from scheduler.moving import Target
from scheduler.series import occurring

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = NOW + HOUR  # 11:00 in Vietnam
RULES = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=10))


def moved(
    village: Village, slot: str, at: datetime, target: Target, scope: str, who: str = "operator", rules=RULES
) -> str:
    with village.database.write() as session:
        return moving.move(session, village.actor(who), slot, at, target, scope, rules, village.clock()).id


def looked(village: Village, slot: str, at: datetime, target: Target) -> dict[str, str]:
    with village.database.write() as session:
        found = moving.looked_at(session, village.actor("operator"), slot, at, target, RULES, village.clock())
    return {scope: error.code if error else "" for scope, error in found.items()}


def undone(village: Village, step: str, who: str = "operator") -> None:
    with village.database.write() as session:
        undoing.undo(session, village.actor(who), step, RULES, village.clock())


def starts(village: Village, days: int = 14) -> list[str]:
    """Everything that is to sound, in local time."""
    with village.database.read() as session:
        rows = session.exec(select(Slot).where(Slot.withdrawn_at == None)).all()  # noqa: E711 – SQL
        now = village.clock()
        found = [each.starts_at for row in rows for each in occurring(series.one(session, row), now, now + days * DAY)]
    return [each.astimezone(ZONE).strftime("%a %d %H:%M") for each in sorted(found)]


def whole(village: Village) -> dict:
    """All slots and single occurrences, but for slots that are off the timetable."""
    with village.database.read() as session:
        ids = session.exec(select(Slot.id).where(Slot.withdrawn_at == None)).all()  # noqa: E711 – SQL
        return undoing.standing(session, ids)


@pytest.fixture
def daily(village: Village) -> str:
    return village.on_timetable(rrule="FREQ=DAILY")[1]


@pytest.fixture
def weekly(village: Village) -> str:
    return village.on_timetable(rrule="FREQ=WEEKLY;BYDAY=MO,TH")[1]


def test_only_this_one_is_moved_and_undone_to_the_letter(village: Village, daily: str):
    before, was = whole(village), starts(village)
    step = moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 30), "one")
    assert [each for each in starts(village) if each not in was] == ["Tue 24 15:30"]
    assert "Tue 24 11:00" not in starts(village)
    undone(village, step)
    assert whole(village) == before


def test_what_was_said_of_it_before_stays_when_it_is_moved(village: Village, daily: str):
    with village.database.write() as session:
        editing.change_one(session, village.actor("operator"), daily, FIRST + DAY,
                           Change(max_minutes=0.2, reason="Họp"), RULES, NOW)  # fmt: skip
    moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 30), "one")
    with village.database.read() as session:
        (row,) = session.exec(select(SlotException)).all()
    assert (row.max_seconds, row.reason) == (12, "Họp")
    moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 11, 0), "one")
    with village.database.read() as session:
        (row,) = session.exec(select(SlotException)).all()
    assert (row.max_seconds, row.starts_at) == (12, None)


def test_moving_back_by_hand_leaves_no_trace_of_an_exception(village: Village, daily: str):
    before = whole(village)
    moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 30), "one")
    moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 11, 0), "one")
    assert whole(village) == before


def test_this_and_the_following_move_and_what_came_before_stays(village: Village, daily: str):
    before = whole(village)
    step = moved(village, daily, FIRST + 2 * DAY, Target(date(2026, 11, 25), 16, 5), "following")
    assert starts(village)[:4] == ["Mon 23 11:00", "Tue 24 11:00", "Wed 25 16:05", "Thu 26 16:05"]
    undone(village, step)
    assert whole(village) == before
    assert starts(village)[:4] == ["Mon 23 11:00", "Tue 24 11:00", "Wed 25 11:00", "Thu 26 11:00"]


def test_all_of_a_weekly_slot_move_to_another_weekday(village: Village, weekly: str):
    before = whole(village)
    step = moved(village, weekly, FIRST + 3 * DAY, Target(date(2026, 11, 27), 10, 30), "all")
    assert starts(village, 8) == ["Mon 23 10:30", "Fri 27 10:30", "Mon 30 10:30"]
    undone(village, step)
    assert whole(village) == before


def test_single_occurrences_that_differ_go_along(village: Village, daily: str):
    rules = RULES
    with village.database.write() as session:
        editing.change_one(session, village.actor("operator"), daily, FIRST + 3 * DAY, Change(skip=True), rules, NOW)
    before = whole(village)
    step = moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 11, 5), "following")
    assert "Thu 26 11:05" not in starts(village)
    assert {"Wed 25 11:05", "Fri 27 11:05"} <= set(starts(village))
    undone(village, step)
    assert whole(village) == before
    assert "Thu 26 11:00" not in starts(village)


def test_dates_taken_out_and_put_in_by_hour_go_along(village: Village):
    made = village.programme(village.bulletin())
    slot = village.slot(made, FIRST, "FREQ=DAILY", exdates=["2026-11-25T11:00"], rdates=["2026-11-26T18:00"])
    moved(village, slot, FIRST, Target(date(2026, 11, 23), 12, 0), "all")
    there = starts(village, 4)
    assert "Wed 25 12:00" not in there
    assert "Thu 26 18:00" in there
    assert not any(each.endswith("11:00") for each in there)


def test_the_last_day_still_sounds_when_all_are_moved_later(village: Village):
    slot = village.slot(village.programme(village.bulletin()), FIRST, "FREQ=DAILY", until="2026-11-25T11:00")
    moved(village, slot, FIRST, Target(date(2026, 11, 23), 16, 0), "all")
    assert starts(village) == ["Mon 23 16:00", "Tue 24 16:00", "Wed 25 16:00"]


def test_a_look_tells_what_each_way_would_meet_and_changes_nothing(village: Village, daily: str):
    other = village.programme(village.bulletin(text="Khác."), title="Khác")
    village.slot(other, "2026-11-24T15:00")
    before = whole(village)
    assert looked(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 0)) == {
        "one": "conflict", "following": "conflict", "all": "conflict",
    }  # fmt: skip
    assert looked(village, daily, FIRST + 2 * DAY, Target(date(2026, 11, 25), 15, 0)) == {
        "one": "", "following": "", "all": "conflict",
    }  # fmt: skip
    assert looked(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 23, 0))["one"] == "quiet_hours"
    assert looked(village, daily, FIRST + DAY, Target(date(2026, 11, 25), 9, 0)) == {
        "one": "", "following": "days", "all": "days",
    }  # fmt: skip
    assert whole(village) == before


def test_rules_that_count_or_name_their_hours_are_changed_in_their_form(village: Village):
    slot = village.slot(village.programme(village.bulletin()), FIRST, "FREQ=DAILY;COUNT=5")
    assert looked(village, slot, FIRST, Target(date(2026, 11, 23), 15, 0)) == {
        "one": "",
        "following": "rule",
        "all": "rule",
    }


def test_what_sounds_once_has_one_way_to_be_moved(village: Village):
    slot = village.on_timetable()[1]
    assert looked(village, slot, FIRST, Target(date(2026, 11, 25), 9, 0)) == {"one": ""}
    with pytest.raises(InvalidInput):
        moved(village, slot, FIRST, Target(date(2026, 11, 25), 9, 0), "all")


def test_what_is_frozen_is_moved_only_with_a_reason(village: Village, daily: str):
    village.clock.at = FIRST - timedelta(minutes=5)
    goal = Target(date(2026, 11, 23), 15, 0)
    for scope in moving.SCOPES:
        with pytest.raises(Conflict) as told:
            moved(village, daily, FIRST, goal, scope)
        assert told.value.code == "frozen"
    moved(village, daily, FIRST, goal, "one", rules=Rules(RULES.default_zone, RULES.freeze, "Mất điện"))
    assert "Mon 23 15:00" in starts(village)


def test_undoing_is_for_who_did_it_once_and_while_nothing_else_changed(village: Village, daily: str):
    step = moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 30), "one")
    for other in ("approver", "stranger"):
        with pytest.raises(NotFound):
            undone(village, step, other)
    with village.database.write() as session:
        editing.change_one(session, village.actor("approver"), daily, FIRST + 2 * DAY, Change(skip=True), RULES, NOW)
    with pytest.raises(Conflict) as told:
        undone(village, step)
    assert told.value.code == "changed"
    again = moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 16, 30), "one")
    undone(village, again)
    with pytest.raises(Conflict):
        undone(village, again)
    with village.database.read() as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "slot.undo")).all()) == 1


def test_what_has_begun_since_or_is_about_to_is_not_undone(village: Village, daily: str):
    step = moved(village, daily, FIRST, Target(date(2026, 11, 23), 15, 0), "one")
    village.clock.at = datetime(2026, 11, 23, 7, 55, tzinfo=UTC)  # five minutes before
    with pytest.raises(Conflict) as told:
        undone(village, step)
    assert told.value.code == "begun"  # its former hour has gone by: it would never sound
    later = moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 0), "one")
    village.clock.at = FIRST + DAY - timedelta(minutes=5)
    with pytest.raises(Conflict) as told:
        undone(village, later)
    assert told.value.code == "frozen"


def test_what_was_put_in_its_old_place_meanwhile_keeps_it(village: Village, daily: str):
    step = moved(village, daily, FIRST, Target(date(2026, 11, 23), 15, 0), "all")
    village.slot(village.programme(village.bulletin(text="Khác."), title="Khác"), "2026-11-25T11:00")
    before = whole(village)
    with pytest.raises(Conflict):
        undone(village, step)
    assert whole(village) == before


def test_who_may_not_plan_moves_nothing(village: Village, daily: str):
    with pytest.raises(Forbidden):
        moved(village, daily, FIRST, Target(date(2026, 11, 23), 15, 0), "one", "viewer")
    with pytest.raises(NotFound):
        moved(village, daily, FIRST, Target(date(2026, 11, 23), 15, 0), "one", "stranger")


def test_airings_follow_a_move_and_its_undoing(village: Village, daily: str):
    village.roll()
    step = moved(village, daily, FIRST + DAY, Target(date(2026, 11, 24), 15, 30), "following")
    village.roll()
    local = [each.starts_at.astimezone(ZONE).strftime("%d %H:%M") for each in village.airings()][:3]
    assert local == ["23 11:00", "24 15:30", "25 15:30"]
    undone(village, step)
    village.roll()
    local = [each.starts_at.astimezone(ZONE).strftime("%d %H:%M") for each in village.airings()][:3]
    assert local == ["23 11:00", "24 11:00", "25 11:00"]
    with village.database.read() as session:
        assert slots.next_instants(session, session.get_one(Slot, daily), village.clock(), 1) == [FIRST]
