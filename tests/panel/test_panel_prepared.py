"""Prepared messages in the panel; and what a station's page says of faults and mobile data."""

import re

from core.wire import Heartbeat
from registry import stations
from scheduler import prepared


def form(home, **more):
    return {
        "unit": home.units["75.1"], "kind": "dam_release", "title": "Xả lũ hồ Trị An", "bulletin": home.bulletin,
        "sure": "1", **more,
    }  # fmt: skip


def test_a_message_is_prepared_listed_and_retired(as_, home, played, database, actor_of):
    approver = as_("approver")
    assert "Chưa có thông báo nào" in approver.get("/emergencies/prepared").text
    assert "/emergencies/prepared" in approver.get("/emergencies").text
    assert approver.post("/emergencies/prepared", form(home)).status_code == 303
    page = approver.get("/emergencies/prepared").text
    assert "Xả lũ hồ Trị An" in page
    assert "Xả lũ hồ chứa" in page
    assert "Trần Văn Duyệt duyệt ngày 23/11/2026" in page
    retire = re.search(r"/emergencies/prepared/pm_\w+/retire", page)[0]
    assert approver.post(retire).status_code == 303
    assert "Xả lũ hồ Trị An" not in approver.get("/emergencies/prepared").text
    with database.read() as session:
        assert prepared.visible(session, actor_of("approver")) == []


def test_what_is_wrong_with_the_form_stands_beside_its_field_and_what_was_typed_stays(as_, home, played):
    approver = as_("approver")
    for wrong, field in (({"sure": ""}, "sure"), ({"bulletin": ""}, "bulletin"), ({"kind": "?"}, "kind")):
        answer = approver.post("/emergencies/prepared", form(home, **wrong))
        assert answer.status_code == 422
        assert f'class="wrong" id="{field}-wrong"' in answer.text
        assert 'value="Xả lũ hồ Trị An"' in answer.text


def test_only_who_may_raise_an_alarm_sees_the_page(as_, home):
    for who in ("viewer", "owner", "operator"):
        assert as_(who).get("/emergencies/prepared").status_code == 403
        assert as_(who).post("/emergencies/prepared", form(home)).status_code == 403


def test_the_page_of_a_station_says_in_plain_words_what_is_wrong_and_what_its_data_comes_to(
    as_, home, played, database, clock, alarm
):
    with database.write() as session:
        beat = Heartbeat(
            faults=["no_sound_card", "disk_read_only", "something_newer"], standing=[home.prepared], month="2026-11",
            received_bytes=81_234_567, sent_bytes=2_345_678,
        )  # fmt: skip
        stations.heard(session, home.station, beat, clock())
    page = as_("operator").get(f"/stations/{home.station}").text
    assert "Không tìm thấy cạc âm thanh" in page
    assert "Cần thay thẻ" in page
    assert "something_newer" in page
    assert "Dữ liệu di động tháng 11/2026" in page
    assert "nhận 81.2 MB, gửi 2.3 MB" in page
    assert "1 trên 1 thông báo có thể phát ngay tại cụm loa" in page
