"""The page of who speaks live, and what its script sends."""

import pytest
from sqlmodel import select

from scheduler.live_models import LiveTalk

JSON = {"Accept": "application/json"}


@pytest.fixture
def wish(home):
    return {"unit": home.units["75.1"], "for": f"unit:{home.units['75.1']}", "title": "Họp dân", "minutes": "5"}


def begun(browser, wish):
    return browser.post("/live/talks", wish, headers=JSON)


def sent(browser, talk, at, pcm):
    headers = {**JSON, "X-CSRFToken": browser.token, "Content-Type": "application/octet-stream"}
    return browser.client.post(f"/live/talks/{talk}/sound?at={at}", data=pcm, headers=headers)


def test_who_may_speak_sees_the_page_and_who_may_not_is_told_so(as_, home):
    page = as_("approver").get("/live").text
    assert "Phước An" in page
    assert 'name="emergency"' in page
    assert "/live" in as_("approver").get("/").text
    assert as_("viewer").get("/live").status_code == 403
    assert 'href="/live"' not in as_("viewer").get("/").text


def test_a_talk_is_begun_sent_shown_to_others_and_ended(as_, wish, database):
    speaker = as_("approver")
    answer = begun(speaker, wish)
    assert answer.status_code == 201, answer.text
    talk = answer.get_json()
    assert (talk["state"], talk["limit_s"], talk["title"]) == ("on_air", 300, "Họp dân")
    sound = sent(speaker, talk["id"], 0, b"\0\1" * 2_400)
    assert (sound.status_code, sound.get_json()["next"]) == (200, 2_400)
    again = sent(speaker, talk["id"], 1200, b"\0\1" * 2_400)
    assert again.get_json()["next"] == 3_600, "what has come is passed over"
    assert "Họp dân" in as_("administrator").get("/live/fragment").text
    assert "Họp dân" in speaker.get("/on-air").text
    refused = begun(as_("administrator"), wish)
    assert refused.status_code == 409
    assert "Trần Văn Duyệt" in refused.get_json()["error"]["message"]
    over = speaker.post(f"/live/talks/{talk['id']}/end", headers=JSON).get_json()
    assert (over["state"], over["reason"], over["seconds"]) == ("over", "stopped", 0.15)
    late = sent(speaker, talk["id"], 3600, b"\0\1" * 2_400)
    assert (late.get_json()["state"], late.get_json()["reason"]) == ("over", "stopped")
    with database.read() as session:
        assert session.exec(select(LiveTalk)).one().seconds == 0.15


def test_only_the_speaker_sends_sound_but_others_may_stop_it(as_, wish):
    talk = begun(as_("approver"), wish).get_json()["id"]
    other = as_("administrator")
    assert sent(other, talk, 0, b"\0\1" * 2_400).status_code == 404
    assert as_("viewer").post(f"/live/talks/{talk}/end", headers=JSON).status_code == 403
    assert other.post(f"/live/talks/{talk}/stop").status_code == 303
    assert other.get(f"/live/talks/{talk}", headers=JSON).get_json()["reason"] == "stopped"
    assert "Đã kết thúc" in other.get("/live").text


def test_an_emergency_takes_a_tick_that_it_is_meant(as_, wish):
    speaker = as_("approver")
    refused = begun(speaker, {**wish, "emergency": "1"})
    assert refused.status_code == 422
    assert begun(speaker, {**wish, "emergency": "1", "sure": "1"}).get_json()["emergency"] is True


@pytest.mark.parametrize("at", ["-1", "x", "1.5", "٣", "9" * 30])
def test_a_place_that_is_no_number_is_refused(as_, wish, at):
    speaker = as_("approver")
    talk = begun(speaker, wish).get_json()["id"]
    answer = sent(speaker, talk, at, b"\0\1")
    assert answer.status_code == 422


def test_more_than_a_few_seconds_at_once_are_refused(as_, wish):
    speaker = as_("approver")
    talk = begun(speaker, wish).get_json()["id"]
    answer = sent(speaker, talk, 0, bytes(600_000))
    assert answer.status_code == 413
