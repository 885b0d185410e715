"""A bulletin in several languages: rows of the form, with and without a voice, and how each is shown and heard."""

import io
import re

import pytest
import recorded
from sqlmodel import col, select

from audio.models import Clip
from playlists.models import BulletinVersion, Rendition

PATH = "/bulletins/new"


def written(home, **changes):
    return {
        "title": "Tiêm chủng", "text": "Sáng thứ bảy tiêm chủng.", "unit": home.units["75.1"], "language": "vi",
        "field": "general", "priority": "ordinary", "step": "save", **changes,
    }  # fmt: skip


def renditions(database):
    with database.read() as session:
        return session.exec(select(Rendition).order_by(col(Rendition.position))).all()


def rows_in(page):
    return re.findall(r'name="(other-\d-)language" value="(\w+)"', page)


def test_a_language_is_added_and_taken_out_and_nothing_typed_is_lost(as_, home, database):
    owner = as_("owner")
    page = owner.post(PATH, written(home, step="add-language", **{"new-language": "tyz"})).text
    assert rows_in(page) == [("other-0-", "tyz")]
    assert "Tiếng Tày" in page
    form = written(home, **{"other-0-language": "tyz", "other-1-language": "en", "other-1-text": "Vaccination."})
    page = owner.post(PATH, {**form, "step": "add-language", "new-language": "hmn"}).text
    assert rows_in(page) == [("other-0-", "tyz"), ("other-1-", "en"), ("other-2-", "hmn")]
    assert "Vaccination." in page
    page = owner.post(PATH, {**form, "step": "remove-other-0-"}).text
    assert rows_in(page) == [("other-1-", "en")]
    assert "Sáng thứ bảy tiêm chủng." in page
    with database.read() as session:
        assert session.exec(select(BulletinVersion)).all() == [], "nothing is saved by adding a row"


@pytest.mark.parametrize("language", ["vi", "tyz"])
def test_a_language_stands_there_once(as_, home, language):
    form = written(home, step="add-language", **{"new-language": language, "other-0-language": "tyz"})
    answer = as_("owner").post(PATH, form)
    assert answer.status_code == 422
    assert "hai lần" in answer.text
    assert rows_in(answer.text) == [("other-0-", "tyz")]


def test_a_language_without_a_voice_offers_only_the_recording(as_, home):
    page = as_("owner").post(PATH, written(home, step="add-language", **{"new-language": "tyz"})).text
    assert 'name="other-0-text"' not in page
    assert 'name="other-0-file"' in page
    page = as_("owner").post(PATH, written(home, step="add-language", **{"new-language": "en"})).text
    assert 'name="other-0-text"' in page
    assert 'value="espeak:en-us"' in page
    assert 'value="espeak:vi-vn-x-south"' not in page.split('id="other-0-row"')[1].split("</fieldset>")[0]


def test_text_and_recording_are_saved_shown_and_heard_each_by_itself(as_, home, database, worker, clock):
    owner = as_("owner")
    form = {
        **written(home), "other-0-language": "en", "other-0-text": "Vaccination on Saturday.", "other-0-voice": "espeak:en-us",
        "other-1-language": "tyz", "other-1-file": (io.BytesIO(recorded.wav()), "tày.wav"), "twice": "2",
    }  # fmt: skip
    answer = owner.post(PATH, form, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    english, tay = renditions(database)
    assert (english.language, english.text, english.voice) == ("en", "Vaccination on Saturday.", "espeak:en-us")
    assert (tay.language, tay.text) == ("tyz", "")
    while worker.render(clock()):
        pass
    page = owner.get(answer.headers["Location"]).text
    for sounding in (
        "Tiếng Anh",
        "Tiếng Tày",
        f"/clips/{english.clip_id}/sound.mp3",
        f"/clips/{tay.clip_id}/sound.mp3",
    ):
        assert sounding in page
    assert "đọc hai lần" in page
    edited = owner.get(f"{answer.headers['Location']}/edit").text
    assert rows_in(edited) == [("other-0-", "en"), ("other-1-", "tyz")]
    assert f'name="other-1-clip" value="{tay.clip_id}"' in edited
    assert '<option value="2" selected>' in edited


def test_a_row_with_nothing_in_it_is_told_beside_it_and_its_recording_is_kept(as_, home, database):
    owner = as_("owner")
    form = {
        **written(home), "other-0-language": "en", "other-0-text": " ",
        "other-1-language": "tyz", "other-1-file": (io.BytesIO(recorded.wav(0.5)), "tày.wav"),
    }  # fmt: skip
    answer = owner.post(PATH, form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert 'id="other-0-text-wrong"' in answer.text
    assert 'id="text-wrong"' not in answer.text
    kept = re.search(r'name="other-1-clip" value="(cl_\w+)"', answer.text)
    assert kept
    with database.read() as session:
        assert session.get(Clip, kept[1]).language == "tyz"


def test_taking_a_language_out_and_saving_takes_it_off_the_bulletin(as_, home, database):
    owner = as_("owner")
    place = owner.post(PATH, written(home, **{"other-0-language": "en", "other-0-text": "Vaccination."})).headers[
        "Location"
    ]
    assert len(renditions(database)) == 1
    assert owner.post(f"{place}/edit", written(home)).status_code == 303
    assert renditions(database) == []


def test_no_more_than_ten_languages(as_, home):
    codes = ["tyz", "nut", "blt", "ium", "mtq", "rad", "jra", "bdq", "sed"]
    rows = {f"other-{number}-language": code for number, code in enumerate(codes)}
    answer = as_("owner").post(PATH, written(home, step="add-language", **{**rows, "new-language": "cjm"}))
    assert answer.status_code == 422
    assert len(rows_in(answer.text)) == 9


def test_languages_are_named_in_the_language_of_the_page(as_, home):
    owner = as_("owner")
    page = owner.get(PATH).text
    for name in ("Tiếng Tày (", "Tiếng H’Mông (", "Tiếng Khmer (", "Tiếng Anh<", "Tiếng Xơ Đăng (", "Tiếng Hoa<"):
        assert name in page, name
    owner.get("/language/en")
    page = owner.get(PATH).text
    for name in ("Vietnamese<", "Hmong (", "English<", "Khmer ("):
        assert name in page, name


def test_a_rendition_that_can_not_be_made_is_told_before_anybody_submits(as_, home, database, worker, clock):
    owner = as_("owner")
    form = {
        **written(home), "other-0-language": "tyz", "other-0-file": (io.BytesIO(b"\x7fELF" + bytes(4_000)), "tày.mp3"),
    }  # fmt: skip
    place = owner.post(PATH, form, content_type="multipart/form-data").headers["Location"]
    while worker.render(clock()):
        pass
    assert "Đây không phải tệp âm thanh" in owner.get(place).text
    owner.post(f"{place}/submit")
    assert "Không tạo được âm thanh" in owner.get(place).text
