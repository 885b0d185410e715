"""A week once more in another: what can be copied, what is left out and why, all of it in one step."""

from datetime import date, timedelta

import pytest
from sqlmodel import col, select
from village import NOW, ZONE, Village

from core.errors import Forbidden, InvalidInput, LoaError
from registry.models import Unit
from scheduler import undoing, week_copy
from scheduler.editing import Rules
from scheduler.models import Slot
from scheduler.week_copy import Weeks

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=10))
WEEKS = Weeks(date(2026, 11, 23), date(2026, 11, 30))


def unit(session, village: Village) -> Unit:
    return session.get_one(Unit, village.cast.units["commune_a"])


def seen(village: Village, weeks: Weeks = WEEKS) -> list[tuple[str, str, str]]:
    with village.database.write() as session:
        found = week_copy.preview(
            session, village.actor("operator"), unit(session, village), weeks, RULES.default_zone, NOW
        )
    return [(line.title, line.becomes.astimezone(ZONE).strftime("%d/%m %H:%M"), line.state) for line in found.lines]


def copied(village: Village, keys, weeks: Weeks = WEEKS, who: str = "operator"):
    with village.database.write() as session:
        return week_copy.copy(session, village.actor(who), unit(session, village), weeks, keys, RULES.default_zone, NOW)


def keys(village: Village) -> list[str]:
    with village.database.write() as session:
        found = week_copy.preview(
            session, village.actor("operator"), unit(session, village), WEEKS, RULES.default_zone, NOW
        )
    return [line.key for line in found.lines]


@pytest.fixture
def busy(village: Village) -> None:
    """A daily programme, two that sound once, and one next week where one of them would be copied to."""
    village.on_timetable(rrule="FREQ=DAILY")
    once = village.programme(village.bulletin(text="Tiêm chủng."), title="Tiêm chủng")
    village.slot(once, "2026-11-24T15:00")
    village.slot(village.programme(village.bulletin(text="Họp."), title="Họp dân"), "2026-11-25T15:00", volume=40)
    village.slot(village.programme(village.bulletin(text="Khác."), title="Khác"), "2026-12-01T15:00")


def test_what_repeats_anyway_is_left_out_and_what_would_clash_is_told(village: Village, busy: None):
    found = seen(village)
    assert ("Họp dân", "02/12 15:00", "new") in found
    assert ("Tiêm chủng", "01/12 15:00", "refused") in found
    assert {state for title, _, state in found if title == "Bản tin"} == {"there"}


def test_a_look_leaves_nothing_behind(village: Village, busy: None):
    with village.database.read() as session:
        before = session.exec(select(Slot.id)).all()
    seen(village)
    with village.database.read() as session:
        assert session.exec(select(Slot.id)).all() == before


def test_copies_are_single_airings_like_what_they_copy_and_are_undone_together(village: Village, busy: None):
    found = copied(village, keys(village))
    assert [line.title for line in found.made] == ["Họp dân"]
    with village.database.read() as session:
        slot = session.get_one(Slot, found.made[0].made)
        assert (slot.rrule, slot.starts, slot.volume) == (None, "2026-12-02T15:00:00", 40)
        assert slot.audience == [f"unit:{village.cast.units['commune_a']}"]
    assert ("Họp dân", "02/12 15:00", "there") in seen(village)
    with village.database.write() as session:
        undoing.undo(session, village.actor("operator"), found.step.id, RULES, NOW)
    assert ("Họp dân", "02/12 15:00", "new") in seen(village)
    with village.database.read() as session:
        assert session.get_one(Slot, found.made[0].made).withdrawn_at == NOW


def test_only_what_is_chosen_is_copied_and_nothing_at_all_is_told(village: Village, busy: None):
    village.slot(village.programme(village.bulletin(text="Điện."), title="Cắt điện"), "2026-11-26T15:00")
    wanted = [each for each in keys(village) if each.split("@")[1].startswith("2026-11-26T08")]
    assert [line.title for line in copied(village, wanted).made] == ["Cắt điện"]
    with pytest.raises(InvalidInput):
        copied(village, wanted)
    with pytest.raises(InvalidInput):
        copied(village, [], Weeks(WEEKS.source, WEEKS.source))


def test_weeks_gone_by_can_be_copied_but_not_copied_to(village: Village):
    village.clock.at = NOW
    slot = village.slot(village.programme(village.bulletin()), NOW + HOUR)
    with village.database.write() as session:
        row = session.get_one(Slot, slot)
        row.created_at, row.starts = NOW - 20 * DAY, "2026-11-10T11:00:00"
        session.add(row)
    back = Weeks(date(2026, 11, 9), date(2026, 11, 16))
    assert [state for _, _, state in seen(village, back)] == ["past"]
    assert [state for _, _, state in seen(village, Weeks(back.source, date(2026, 11, 30)))] == ["new"]


def test_two_that_meet_only_as_copies_are_told_from_each_other(village: Village):
    """The second copy is held against the first, as it would be when they are saved."""
    for title, to in (("Thôn một", "unit:79.1.1"), ("Cả xã", "unit:79.1")):
        made = village.programme(village.bulletin(text=title), title=title)
        minute = 0 if title == "Thôn một" else 30
        village.slot(made, f"2026-11-24T15:{minute:02d}", to=[to])
    with village.database.write() as session:
        for row in session.exec(select(Slot).where(col(Slot.starts).startswith("2026-11-24T15"))).all():
            row.starts = "2026-11-24T15:00:00"
            session.add(row)
    assert sorted(state for _, _, state in seen(village)) == ["new", "refused"]


def test_who_may_not_plan_copies_nothing(village: Village, busy: None):
    with pytest.raises(Forbidden):
        copied(village, keys(village), who="viewer")
    with pytest.raises(LoaError):
        copied(village, keys(village), who="stranger")
