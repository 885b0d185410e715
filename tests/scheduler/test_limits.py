"""Limits of places: tightened down the tree, checked on save and when planning, broken only by name and with a reason."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from village import NOW, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput
from registry import limits, units
from registry.limits import Limits
from registry.models import Unit
from scheduler import reservations, slots
from scheduler.models import Slot

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def limit(village: Village, unit: str, **wanted) -> None:
    with village.database.write() as session:
        units.limit(session, village.actor("root"), session.get_one(Unit, village.cast.units[unit]), wanted, NOW)


def held(village: Village, unit: str) -> units.Inherited:
    with village.database.read() as session:
        return units.inherited(units.ancestors(session, village.unit(unit)), village.settings.zone)


def put(
    village: Village, starts: str, rrule: str | None = None, who: str = "root", seconds: float = 20.0, **more
) -> str:
    programme = village.programme(village.bulletin(text=f"Tin dài {seconds} giây.", seconds=seconds))
    wish = village.wish(programme, starts, rrule, **more)
    with village.database.write() as session:
        made, _ = slots.create(session, village.actor(who), wish, default_zone=village.settings.zone, now=NOW)
        return made.id


def refused(village: Village, *given, **more) -> str:
    with pytest.raises(InvalidInput) as error:
        put(village, *given, **more)
    with village.database.read() as session:
        assert session.exec(select(Slot).where(Slot.programme_id == "")).all() == []
    return error.value.code


def test_a_commune_may_allow_less_than_its_province_and_never_more(village: Village):
    limit(village, "province", sessions_a_day=3, session_minutes=45, earliest="05:00", weekdays=["MO", "TU", "SA"])
    limit(
        village,
        "commune_a",
        sessions_a_day=5,
        session_minutes=15,
        earliest="04:00",
        latest="20:00",
        weekdays=["MO", "SU"],
    )
    assert held(village, "hamlet_a1").limits == Limits(3, 15.0, frozenset({0}), "05:00", "20:00")
    assert held(village, "commune_b").limits == Limits(3, 45.0, frozenset({0, 1, 5}), "05:00", None)


def test_quiet_hours_add_up_down_the_tree(village: Village):
    with village.database.write() as session:
        units.settle(
            session, village.actor("root"), session.get_one(Unit, village.cast.units["commune_a"]),
            quiet_hours=[["12:00", "13:30"]], max_volume=None, zone=None, codec=None, now=NOW,
        )  # fmt: skip
    assert held(village, "hamlet_a1").quiet_hours == [("22:00", "05:00"), ("12:00", "13:30")]
    assert refused(village, "2026-11-24T12:30") == "quiet_hours"


@pytest.mark.parametrize(
    ("rule", "starts", "rrule", "code"),
    [
        ({"weekdays": ["MO", "TU", "WE", "TH", "FR"]}, "2026-11-24T17:00", "FREQ=DAILY", "weekdays"),
        ({"earliest": "06:00"}, "2026-11-24T05:30", None, "hours"),
        ({"latest": "17:00"}, "2026-11-24T16:59:50", None, "hours"),
        ({"session_minutes": 0.25}, "2026-11-24T17:00", None, "session_minutes"),
    ],
)
def test_a_slot_that_breaks_a_limit_is_refused_by_its_name(village: Village, rule, starts, rrule, code):
    limit(village, "commune_a", **rule)
    assert refused(village, starts, rrule) == code


def test_sessions_of_a_day_are_counted_with_what_is_there_already(village: Village):
    limit(village, "commune_a", sessions_a_day=2)
    put(village, "2026-11-24T06:00", "FREQ=DAILY")
    put(village, "2026-11-24T17:00", "FREQ=DAILY")
    assert refused(village, "2026-11-24T11:00") == "sessions_a_day"
    put(village, "2026-11-24T17:00:30", "FREQ=DAILY")  # no break to speak of: the same session


def test_programmes_without_a_break_make_one_session_whose_minutes_count(village: Village):
    limit(village, "commune_a", session_minutes=15)
    put(village, "2026-11-24T17:00", seconds=500.0)
    assert refused(village, "2026-11-24T17:09", seconds=500.0) == "session_minutes"
    put(village, "2026-11-24T17:20", seconds=500.0)


def test_a_slot_that_would_be_too_long_may_be_bounded(village: Village):
    limit(village, "commune_a", session_minutes=5)
    assert refused(village, "2026-11-24T17:00", seconds=400.0) == "session_minutes"
    put(village, "2026-11-24T17:00", seconds=400.0, max_minutes=5)


def test_only_who_administers_a_place_breaks_its_limits_and_says_why(village: Village):
    limit(village, "commune_a", latest="17:00")
    with pytest.raises(Forbidden, match="may break its limits"):
        put(village, "2026-11-24T19:00", who="approver", lift="Mít tinh")
    slot = put(village, "2026-11-24T19:00", who="administrator", lift="Mít tinh 50 năm")
    with village.database.read() as session:
        kept = session.get_one(Slot, slot)
        entry = session.exec(select(AuditEntry).where(AuditEntry.subject == slot)).one()
    assert (kept.lifted, kept.lifted_reason) == (["hours"], "Mít tinh 50 năm")
    assert (entry.detail["lifted"], entry.detail["reason"]) == (["hours"], "Mít tinh 50 năm")
    village.roll()
    (airing,) = village.airings()
    assert airing.ticket
    assert airing.lifted == ["hours"]


def test_a_limit_that_is_tightened_later_takes_airings_off_and_says_so(village: Village):
    _, slot = village.on_timetable(rrule="FREQ=DAILY")
    village.roll()
    limit(village, "province", weekdays=["MO", "TU", "WE", "TH", "FR"])
    village.roll()
    found = {airing.starts_at.weekday(): (bool(airing.ticket), airing.reason) for airing in village.airings()}
    assert found[5] == (False, "weekdays")
    assert found[0] == (True, "")
    assert slot


def test_stations_are_told_the_hours(village: Village, callers):
    limit(village, "commune_a", earliest="05:30", latest="21:00")
    told = callers.station("a1").get("/plan").get_json()["settings"]
    assert told["quiet_hours"] == [["22:00", "05:00"], ["00:00", "05:30"], ["21:00", "24:00"]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sessions_a_day": 0}, {"sessions_a_day": True}, {"session_minutes": -1}, {"session_minutes": float("nan")},
        {"weekdays": "MO"}, {"weekdays": ["XX"]}, {"earliest": "5:00"}, {"earliest": "20:00", "latest": "08:00"},
        {"unknown": 1},
    ],
)  # fmt: skip
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InvalidInput):
        limits.read(wanted=wrong)


ROWS = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "sessions_a_day": st.integers(1, 9), "session_minutes": st.integers(1, 90),
            "weekdays": st.lists(st.sampled_from(limits.WEEKDAYS), unique=True),
            "earliest": st.sampled_from(["04:00", "05:30"]), "latest": st.sampled_from(["17:00", "21:30", "24:00"]),
        },
    ),
    max_size=5,
)  # fmt: skip


@given(ROWS, ROWS)
def test_another_unit_below_never_loosens_anything(above, below):
    before, after = limits.tightened(above), limits.tightened([*above, *below])
    assert after.weekdays <= before.weekdays
    for name, stricter in (("sessions_a_day", min), ("session_minutes", min), ("earliest", max), ("latest", min)):
        one, two = getattr(before, name), getattr(after, name)
        assert one is None or stricter(one, two) == two
    assert limits.tightened([after.written()]) == after


def test_time_reserved_above_is_seen_below_and_kept_free(village: Village):
    with village.database.write() as session:
        reservations.create(
            session, village.actor("root"), village.unit("province"), name="Tiếp sóng tỉnh", starts="2026-11-24T17:00",
            minutes=15, rrule="FREQ=DAILY", default_zone=village.settings.zone, now=NOW,
        )  # fmt: skip
    with village.database.read() as session:
        assert [row.name for row in reservations.over(session, village.unit("hamlet_a1"))] == ["Tiếp sóng tỉnh"]
    with pytest.raises(Conflict) as error:
        put(village, "2026-11-25T17:14:50")
    assert error.value.clashes[0]["title"] == "Tiếp sóng tỉnh"
    put(village, "2026-11-25T17:15")
    programme = village.programme(village.bulletin("province"), unit="province")
    wish = village.wish(programme, "2026-11-25T17:00", to=["unit:79"])
    with village.database.write() as session:  # the province itself may use it
        slots.create(session, village.actor("root"), wish, default_zone=village.settings.zone, now=NOW)


def test_a_priority_programme_goes_before_an_ordinary_one_and_the_preview_says_so(village: Village):
    put(village, "2026-11-24T17:00", seconds=600.0)
    programme = village.programme(village.bulletin("province", text="Khẩn.", priority="priority"), unit="province")
    wish = village.wish(programme, "2026-11-24T17:05", to=["unit:79"])
    with village.database.write() as session:
        seen = slots.preview(session, village.actor("root"), wish, default_zone=village.settings.zone, now=NOW)
        slots.create(session, village.actor("root"), wish, default_zone=village.settings.zone, now=NOW)
    assert [clash["resolution"] for clash in seen.clashes] == ["pre_empts"]
    village.roll()
    assert sorted(airing.priority for airing in village.airings()) == ["ordinary", "priority"]
    # Two ordinary ones still can't be resolved.
    with pytest.raises(Conflict):
        put(village, "2026-11-24T17:06")


def test_sessions_that_a_later_limit_leaves_no_room_for_are_not_signed_and_say_so(village: Village):
    for hour in (11, 15, 18):
        village.clock.advance(seconds=1)
        put(village, f"2026-11-24T{hour}:00", "FREQ=DAILY")
    village.roll()
    assert all(airing.ticket for airing in village.airings())
    limit(village, "province", sessions_a_day=2)
    village.roll()
    found = {(a.starts_at.hour + 7, bool(a.ticket), a.reason) for a in village.airings()}
    assert found == {(11, True, ""), (15, True, ""), (18, False, "sessions_a_day")}
    assert village.roll() == 0
