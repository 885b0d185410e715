"""Clips over the script API: what is said of them, stopping one, and how much a unit may keep."""

import io

from sqlmodel import select
from village import Callers, Village
from werkzeug.datastructures import FileStorage

from audio.models import Clip
from core.files import MB


def hand_in(callers: Callers, who: str = "writer", size: int = 100, **fields: str):
    file = FileStorage(io.BytesIO(b"x" * size), "Họp thôn.mp3")
    return callers[who].call(
        "POST", "/clips", data={"file": file, **fields}, content_type="multipart/form-data",
        headers={"Accept-Language": "en"},
    )  # fmt: skip


def change(village: Village, clip_id: str, **values: object) -> None:
    with village.database.write() as session:
        clip = session.get_one(Clip, clip_id)
        for name, value in values.items():
            setattr(clip, name, value)
        session.add(clip)


def test_a_recording_comes_with_its_preset_and_what_is_to_be_said_of_it(callers: Callers, village: Village):
    made = hand_in(callers, preset="music").get_json()
    shown = callers["viewer"].get(f"/clips/{made['id']}").get_json()
    assert shown == {"id": made["id"], "state": "queued", "progress": 0, "preset": "music"}
    village.finish_clip(made["id"])
    message = "The file is damaged: %(read)d of its %(promised)d seconds could be saved."
    warning = {"code": "damaged", "message": message, "params": {"read": 7, "promised": 9}}
    change(village, made["id"], warnings=[warning])
    for tongue, words in (("en", "7 of its 9 seconds could be saved"), ("vi", "7")):
        shown = callers["viewer"].get(f"/clips/{made['id']}", headers={"Accept-Language": tongue}).get_json()
        (told,) = shown["warnings"]
        assert told["code"] == "damaged"
        assert words in told["message"]
        assert ("The file" in told["message"]) is (tongue == "en")
    assert (shown["state"], shown["progress"]) == ("ready", 100)


def test_a_preset_that_is_not_there_is_refused_and_nothing_is_kept(callers: Callers, village: Village):
    answer = hand_in(callers, preset="loud")
    assert answer.status_code == 422
    assert "speech-horn" in answer.get_json()["error"]["message"]
    assert list(village.settings.uploads.iterdir()) == []


def test_the_unit_may_stand_in_the_address_and_who_may_not_is_told_before_the_form_is_read(callers: Callers):
    for who, status in (("viewer", 403), ("stranger", 404)):
        answer = callers[who].call("POST", "/clips?unit=79.1", data=b"", content_type="multipart/form-data; boundary=x")
        assert answer.status_code == status
    file = FileStorage(io.BytesIO(b"x"), "a.mp3")
    answer = callers["root"].call("POST", "/clips?unit=79.1", data={"file": file}, content_type="multipart/form-data")
    assert answer.status_code == 202


def test_a_file_larger_than_allowed_is_refused_though_its_form_is_not(callers: Callers, village: Village, app):
    app.extensions["loa"].settings = village.settings.model_copy(update={"max_upload_bytes": 5_000})
    app.extensions["loa"].reception._settings = app.extensions["loa"].settings
    answer = hand_in(callers, size=5_001)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (413, "too_large")
    assert list(village.settings.uploads.iterdir()) == []
    assert hand_in(callers, size=5_000).status_code == 202


def test_a_clip_is_cancelled_once_by_those_who_write_there(callers: Callers, village: Village):
    made = hand_in(callers).get_json()["id"]
    assert callers["stranger"].call("DELETE", f"/clips/{made}").status_code == 404
    assert callers["viewer"].call("DELETE", f"/clips/{made}").status_code == 403
    for _ in range(2):
        answer = callers["writer"].call("DELETE", f"/clips/{made}")
        assert (answer.status_code, answer.get_json()) == (200, {"id": made, "state": "cancelled", "progress": 0})
    assert list(village.settings.uploads.iterdir()) == []
    ready = hand_in(callers).get_json()["id"]
    village.finish_clip(ready)
    assert callers["writer"].call("DELETE", f"/clips/{ready}").status_code == 409


def test_a_bulletin_whose_audio_was_cancelled_can_not_be_submitted(callers: Callers):
    draft = {"unit": "79.1", "title": "x", "text": "Mời họp thôn.", "field": "general"}
    made = callers["writer"].post("/bulletins", draft).get_json()
    assert callers["writer"].call("DELETE", f"/clips/{made['clip']}").status_code == 200
    assert callers["writer"].post(f"/bulletins/{made['id']}/submit").status_code == 409
    assert callers["writer"].put(f"/bulletins/{made['id']}", draft).get_json()["clip_state"] == "queued"
    assert callers["writer"].post(f"/bulletins/{made['id']}/submit").status_code == 200


def test_a_full_unit_is_told_and_the_level_above_makes_room(callers: Callers, village: Village):
    empty = callers["viewer"].get("/units/79.1/storage").get_json()
    assert empty == {"unit": "79.1", "used_bytes": 0, "quota_mb": None, "left_bytes": None}
    assert callers["administrator"].put("/units/79.1/quota", {"quota_mb": 5}).status_code == 403
    put = callers["root"].put("/units/79.1/quota", {"quota_mb": 1})
    assert (put.status_code, put.get_json()["left_bytes"]) == (200, MB)
    assert [hand_in(callers, size=400_000).status_code for _ in range(3)] == [202, 202, 507]
    answer = hand_in(callers, size=400_000)
    assert answer.get_json()["error"]["code"] == "quota_full"
    assert "“commune_a” is full: 1 of 1 MB" in answer.get_json()["error"]["message"]
    assert len(list(village.settings.uploads.iterdir())) == 2
    held = callers["viewer"].get("/units/79.1/storage").get_json()
    assert (held["used_bytes"], held["left_bytes"]) == (800_000, MB - 800_000)
    alarm = {"unit": "79.1", "text": "Lũ lên! " * 2_000, "for": ["unit:79.1"]}
    assert callers["approver"].post("/emergencies", alarm).status_code == 201
    callers["root"].put("/units/79.1/quota", {"quota_mb": None})
    assert hand_in(callers, size=400_000).status_code == 202


def test_a_quota_is_a_number_or_nothing(callers: Callers):
    for wrong in (-1, "x", 1.5, 10**12):
        assert callers["root"].put("/units/79.1/quota", {"quota_mb": wrong}).status_code == 422
    assert callers["root"].put("/units/79.1/quota", {}).status_code == 422


def test_a_disk_that_is_nearly_full_takes_no_new_texts_but_an_emergency(callers: Callers, village: Village, app):
    app.extensions["loa"].settings = village.settings.model_copy(update={"reserve_mb": 10**9})
    draft = {"unit": "79.1", "title": "x", "text": "Mời họp thôn.", "field": "general"}
    answer = callers["writer"].post("/bulletins", draft)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (507, "disk_nearly_full")
    alarm = {"unit": "79.1", "text": "Lũ lên!", "for": ["unit:79.1"]}
    assert callers["approver"].post("/emergencies", alarm).status_code == 201
    with village.database.read() as session:
        assert [clip.urgent for clip in session.exec(select(Clip)).all()] == [True]
