"""One occurrence alone breaks a limit: by somebody who administers the place, with a reason, and seen everywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select
from test_limits import limit
from village import NOW, Village

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, InvalidInput
from core.wire import Report
from registry import stations
from scheduler import editing, explaining, reports, reservations, slots
from scheduler.editing import Change, Rules
from scheduler.models import PlayReport, SlotException
from web.messages import catalogue

RULES = Rules("Asia/Ho_Chi_Minh", timedelta(minutes=10))
TUESDAY = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)  # 11:00 on the wall clock


@pytest.fixture
def daily(village: Village) -> str:
    limit(village, "commune_a", latest="17:00", weekdays=["MO", "TU", "WE", "TH", "FR"])
    return village.slot(village.programme(village.bulletin()), "2026-11-24T11:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")


def move(village: Village, slot: str, to: str, who: str = "administrator", lift: str = "") -> SlotException:
    with village.database.write() as session:
        change = Change(starts=to, reason="Mít tinh", lift=lift)
        return editing.change_one(session, village.actor(who), slot, TUESDAY, change, RULES, village.clock())


def test_one_occurrence_may_be_let_break_a_limit_and_only_that_one_does(village: Village, daily: str):
    with pytest.raises(InvalidInput) as refused:
        move(village, daily, "2026-11-24T19:00")
    assert refused.value.code == "hours"
    row = move(village, daily, "2026-11-24T19:00", lift="Mít tinh 50 năm")
    assert (row.lifted, row.lifted_reason) == (["hours"], "Mít tinh 50 năm")
    village.roll()
    found = {each.starts_at.hour: (each.lifted, bool(each.ticket)) for each in village.airings()}
    assert found == {12: (["hours"], True), 4: ([], True)}
    (signed,) = [village.ticket(each) for each in village.airings() if each.lifted]
    assert signed.lifted == ["hours"]
    with village.database.read() as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.action == "slot.occurrence")).all()
    assert (entry.detail["lifted"], entry.detail["lifted_reason"]) == (["hours"], "Mít tinh 50 năm")


def test_every_limit_that_it_breaks_is_lifted_by_name(village: Village, daily: str):
    row = move(village, daily, "2026-11-28T18:00", lift="Ngày hội")  # a Saturday, and late
    assert row.lifted == ["hours", "weekdays"]
    village.roll()
    assert [each.lifted for each in village.airings() if each.starts_at.day == 28] == [["hours", "weekdays"]]


def test_only_who_administers_the_place_lifts_it(village: Village, daily: str):
    with pytest.raises(Forbidden):
        move(village, daily, "2026-11-24T19:00", who="approver", lift="Tôi muốn")


def test_what_no_longer_breaks_anything_is_no_longer_lifted(village: Village, daily: str):
    move(village, daily, "2026-11-24T19:00", lift="Mít tinh")
    row = move(village, daily, "2026-11-24T16:00", lift="Mít tinh")
    assert (row.lifted, row.lifted_by, row.lifted_reason) == ([], None, "")


def test_the_explanation_says_which_limits_and_why(village: Village, daily: str):
    move(village, daily, "2026-11-24T19:00", lift="Mít tinh 50 năm")
    village.roll()
    with village.database.read() as session:
        told = explaining.explain(
            session, village.actor("root"), village.cast.stations["a1"], datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC),
            default_zone=village.settings.zone, now=village.clock(),
        )  # fmt: skip
    lifted = [each.params for each in told.winner.why if each.code == "lifted"]
    assert lifted == [{"limits": ("the hours allowed for programmes",), "reason": "Mít tinh 50 năm"}]


def test_a_script_lifts_a_limit_of_one_occurrence(village: Village, daily: str, callers):
    wanted = {"at": "2026-11-24T11:00", "starts": "2026-11-24T19:00"}
    script = callers["administrator"]
    assert script.post(f"/slots/{daily}/occurrences", wanted).status_code == 422
    made = script.post(f"/slots/{daily}/occurrences", {**wanted, "lift": "Mít tinh"}).get_json()
    assert (made["lifted"], made["lifted_reason"]) == (["hours"], "Mít tinh")


def test_the_days_that_are_allowed_are_named_in_words(village: Village, daily: str, callers):
    wanted = {"at": "2026-11-24T11:00", "starts": "2026-11-28T11:00"}
    said = (
        callers["administrator"]
        .post(f"/slots/{daily}/occurrences", wanted, headers={"Accept-Language": "vi"})
        .get_json()
    )
    assert "chỉ Thứ Hai, Thứ Ba, Thứ Tư, Thứ Năm, Thứ Sáu" in said["error"]["message"]
    with pytest.raises(InvalidInput, match=r"only Monday, Tuesday, Wednesday, Thursday, Friday"):
        move(village, daily, "2026-11-28T11:00")
    assert catalogue("vi").gettext("Monday") == "Thứ Hai"


def test_a_refusal_for_reserved_time_names_who_reserved_it_what_for_and_until_when(village: Village):
    with village.database.write() as session:
        reservations.create(
            session, village.actor("root"), village.unit("province"), name="Tiếp sóng tỉnh", starts="2026-11-24T17:00",
            minutes=15, rrule="FREQ=DAILY", default_zone=village.settings.zone, now=NOW,
        )  # fmt: skip
    programme = village.programme(village.bulletin())
    wish = village.wish(programme, "2026-11-24T17:10")
    with village.database.read() as session, pytest.raises(Conflict) as error:
        slots.create(session, village.actor("root"), wish, default_zone=village.settings.zone, now=NOW)
    assert error.value.code == "reserved"
    said = str(error.value)
    assert (
        "From 24/11/2026 17:00 until 24/11/2026 17:15 the time is reserved by “province” for “Tiếp sóng tỉnh”" in said
    )


def test_what_a_station_says_of_a_limit_is_kept_as_precisely_as_it_said_it(village: Village, daily: str):
    village.roll()
    airing = village.airings()[0]
    told = {"airing": airing.id, "item": 0, "outcome": "refused", "reason": "quiet_hours", "seconds": 0,
            "started_at": airing.starts_at, "ended_at": airing.starts_at}  # fmt: skip
    with village.database.write() as session:
        place = stations.place(session, village.cast.stations["a1"])
        both = [
            Report(id="0" * 32, limit="sessions_a_day", **told), Report(id="1" * 32, limit="of_a_newer_kind", **told),
        ]  # fmt: skip
        assert reports.accept(session, place, both, village.clock()).refused == []
        kept = {row.id[0]: row.reason for row in session.exec(select(PlayReport)).all()}
    assert kept == {"0": "sessions_a_day", "1": "quiet_hours"}
