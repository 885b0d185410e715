"""Drills in the panel: put on a schedule by name, held with one press, the report in words."""

from datetime import timedelta

from sqlmodel import select

from alerts import drills_running
from alerts.drills_models import DrillPlan, DrillRun


def filled(home, **changes):
    unit = home.units["75.1"]
    return {
        "unit": unit, "kind": "spoken", "nth": "1", "day": "SA", "time": "09:00", "for": f"unit:{unit}", "note": "Mời bà con nghe thử",
        "signal": "chime", "name": "Thử loa hằng tháng", "sure": "1",
    } | changes  # fmt: skip


def test_a_monthly_drill_is_set_up_in_words_and_answered_for(as_, home, database):
    approver = as_("approver")
    refused = approver.post("/drills", filled(home, sure=""))
    assert refused.status_code == 422
    assert "Mời bà con nghe thử" in refused.text  # nothing typed is lost
    refused = approver.post("/drills", filled(home, time="23:30"))
    assert "phải im" in refused.text
    assert approver.post("/drills", filled(home)).status_code == 303
    page = approver.get("/drills").text
    assert "Thử loa hằng tháng" in page
    assert "05/12/2026 09:00" in page
    with database.read() as session:
        plan = session.exec(select(DrillPlan)).one()
    assert (plan.rrule, plan.note) == ("FREQ=MONTHLY;BYDAY=1SA", "Mời bà con nghe thử")
    assert approver.post(f"/drills/{plan.id}/renew").status_code == 303
    assert approver.post(f"/drills/{plan.id}/end").status_code == 303
    assert "Thử loa hằng tháng" not in approver.get("/drills").text


def test_a_silent_drill_is_one_press_and_its_report_says_what_to_mend(as_, home, settings, database, clock, worker):
    operator = as_("operator")
    assert "Có lời, phát ra loa" not in operator.get("/drills").text  # that takes the right to raise alarms
    assert operator.post("/drills/now", {"at": home.units["75.1"]}).status_code == 303
    drills_running.tend(database, settings, worker.signer, "host/1/a", clock())
    with database.read() as session:
        run = session.exec(select(DrillRun)).one()
    page = operator.get(f"/drills/held/{run.id}").text
    assert "Đang diễn ra" in page
    clock.forward(
        seconds=(drills_running.OPEN["silent"] + drills_running.SETTLING + timedelta(seconds=1)).total_seconds()
    )
    drills_running.tend(database, settings, worker.signer, "host/1/a", clock())
    page = operator.get(f"/drills/held/{run.id}").text
    assert "Có trả lời nhưng không báo đã phát hay chưa." in page
    table = operator.get(f"/drills/held/{run.id}.csv")
    assert table.mimetype == "text/csv"
    assert table.text.splitlines()[0].removeprefix("\ufeff").startswith("Cụm loa,Đơn vị,Trạng thái")
    assert "Loa đầu đình" in table.text


def test_a_viewer_is_told_whose_page_it_is(as_):
    assert as_("viewer").get("/drills").status_code == 403
