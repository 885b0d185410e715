"""Writing, hearing, submitting, approving: as each of the cast sees and does it."""

import io

import pytest

from audio.models import Clip
from playlists.models import BulletinVersion


def written(home, **changes):
    return {
        "title": "Lịch cấp nước", "text": "Sáng mai cấp nước.", "unit": home.units["75.1"], "language": "vi",
        "field": "general", "priority": "ordinary", **changes,
    }  # fmt: skip


def buttons(page):
    return {name for name in ("submit", "approve", "reject", "withdraw", "edit") if f'/{name}"' in page}


def test_a_bulletin_goes_from_the_writer_to_the_approver(as_, home, worker, clock):
    owner, approver = as_("owner"), as_("approver")
    place = owner.post("/bulletins/new", written(home)).headers["Location"]
    assert "Bản nháp" in owner.get(place).text
    worker.render(clock())
    assert "<audio" in owner.get(place).text
    assert owner.post(f"{place}/submit").status_code == 303
    assert "Lịch cấp nước" in approver.get("/").text
    approver.post(f"{place}/approve")
    page = owner.get(place).text
    assert "Đã duyệt" in page
    assert "Trần Văn Duyệt" in page


def test_each_role_sees_the_buttons_it_may_use(as_, draft, home):
    path = f"/bulletins/{draft}"
    seen = {who: buttons(as_(who).get(path).text) for who in ("owner", "approver", "operator", "viewer")}
    assert seen == {
        "owner": {"submit", "edit", "withdraw"}, "approver": {"submit", "edit", "withdraw"}, "operator": set(),
        "viewer": set(),
    }  # fmt: skip
    as_("owner").post(f"{path}/submit")
    seen = {who: buttons(as_(who).get(path).text) for who in ("owner", "approver", "administrator", "viewer")}
    assert seen == {
        "owner": {"withdraw"}, "approver": {"approve", "reject", "withdraw"},
        "administrator": {"approve", "reject", "withdraw"}, "viewer": set(),
    }  # fmt: skip


@pytest.mark.parametrize("who", ["viewer", "operator"])
def test_who_may_not_write_is_refused_and_nothing_changes(as_, draft, home, database, who):
    browser = as_(who)
    assert browser.post(f"/bulletins/{draft}/submit").status_code == 403
    assert browser.post(f"/bulletins/{draft}/edit", written(home)).status_code == 403
    assert browser.post("/bulletins/new", written(home)).status_code == 403
    assert browser.get(f"/bulletins/{draft}").status_code == 200
    assert "Lịch tiêm chủng" in browser.get("/bulletins?state=draft").text


def test_nobody_approves_what_they_wrote(as_, home):
    approver = as_("approver")
    place = approver.post("/bulletins/new", written(home)).headers["Location"]
    approver.post(f"{place}/submit")
    assert "Nội dung bạn viết phải do người khác duyệt." in approver.get(place).text
    assert approver.post(f"{place}/approve").status_code == 403


def test_a_rejection_comes_back_with_its_reason(as_, draft):
    as_("owner").post(f"/bulletins/{draft}/submit")
    approver = as_("approver")
    approver.post(f"/bulletins/{draft}/reject", {"reason": ""})
    assert "Hãy nêu lý do" in approver.get(f"/bulletins/{draft}").text
    approver.post(f"/bulletins/{draft}/reject", {"reason": "Thiếu giờ"})
    assert "Thiếu giờ" in as_("owner").get("/").text


def test_editing_what_is_approved_makes_a_new_version(as_, approved, home):
    owner, path = as_("owner"), f"/bulletins/{approved}"
    assert owner.get(f"{path}/edit").status_code == 200
    assert owner.post(f"{path}/edit", written(home, title="Lịch mới")).status_code == 303
    page = owner.get(path).text
    assert "Lịch mới" in page
    assert "Phiên bản 1 được phép phát" in page


def test_a_button_pressed_too_late_is_explained_on_the_page(as_, approved):
    approver = as_("approver")
    assert approver.post(f"/bulletins/{approved}/approve").status_code == 303
    assert "Bản tin này đã được duyệt" in approver.get(f"/bulletins/{approved}").text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": ""}, "Cần có tên."),
        ({"field": "nonsense"}, "Không có lĩnh vực"),
        ({"priority": "nonsense"}, "Không có mức ưu tiên"),
        ({"valid_until": "2020-01-01T00:00"}, "hết hiệu lực trước khi bắt đầu"),
        ({"valid_until": "tomorrow"}, "không phải là giờ địa phương"),
        ({"unit": "un_unknown"}, "Không có gì mang tên này"),
        ({"language": "x" * 40}, "Hãy ghi ngôn ngữ bằng mã ngắn"),
    ],
)
def test_what_was_typed_survives_every_error(as_, home, change, sentence):
    owner = as_("owner")
    answer = owner.post("/bulletins/new", written(home, text="Dòng chữ quý giá.", **change))
    assert answer.status_code in {404, 422}
    assert sentence in answer.text
    assert "Dòng chữ quý giá." in answer.text
    assert "Chưa có bản tin nào" in owner.get("/bulletins").text


def test_an_error_stands_beside_its_field(as_, home):
    page = as_("owner").post("/bulletins/new", written(home, valid_until="2020-01-01T00:00")).text
    assert 'id="valid_until-wrong"' in page
    assert 'id="title-wrong"' not in page


def test_fifty_thousand_characters_get_a_clear_sentence(as_, home):
    long = "Bà con chú ý. " * 3_600
    answer = as_("owner").post("/bulletins/new", written(home, text=long))
    assert answer.status_code == 422
    assert "chỉ đọc được tối đa 20000" in answer.text
    assert long in answer.text


def test_an_empty_text_gets_a_clear_sentence(as_, home):
    answer = as_("owner").post("/bulletins/new", written(home, text="  \n "))
    assert answer.status_code == 422
    assert "đúng một thứ" in answer.text


def upload(browser, home, content, **changes):
    form = {**written(home, text=""), "file": (io.BytesIO(content), "../../ghi_âm.mp3"), **changes}
    return browser.post("/bulletins/new", form, content_type="multipart/form-data")


def test_a_recording_of_no_bytes_gets_a_clear_sentence(as_, home, settings):
    answer = upload(as_("owner"), home, b"")
    assert answer.status_code == 422
    assert "Tệp rỗng (0 byte)." in answer.text
    assert 'id="file-wrong"' in answer.text
    assert list(settings.uploads.glob("*")) == []


def test_a_recording_that_is_too_large_gets_a_clear_sentence_and_leaves_nothing(as_, home, settings):
    answer = upload(as_("owner"), home, b"x" * 250_000)
    assert answer.status_code == 413
    assert "Tệp lớn hơn" in answer.text
    assert "Lịch cấp nước" in answer.text
    assert list(settings.uploads.glob("*")) == []


def test_a_recording_that_is_no_sound_is_explained_on_the_page(as_, home, worker, clock):
    owner = as_("owner")
    place = upload(owner, home, b"\x7fELF" + bytes(5_000)).headers["Location"]
    worker.render(clock())
    assert "Đây không phải tệp âm thanh" in owner.get(place).text
    owner.post(f"{place}/submit")
    assert "Không tạo được âm thanh" in owner.get(place).text


def test_a_recording_is_kept_when_another_field_is_wrong(as_, home, settings):
    owner = as_("owner")
    answer = upload(owner, home, b"sound", title="")
    assert answer.status_code == 422
    assert "Giữ bản ghi âm" in answer.text
    clip = answer.text.split('name="clip" value="')[1].split('"')[0]
    assert owner.post("/bulletins/new", written(home, text="", clip=clip)).status_code == 303


def test_markup_in_a_title_is_only_text(as_, home):
    owner = as_("owner")
    place = owner.post("/bulletins/new", written(home, title="<script>alert(1)</script>")).headers["Location"]
    for path in (place, "/bulletins", "/", f"{place}/edit"):
        page = owner.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_sound_is_given_in_ranges_to_those_who_may_see_it(as_, approved, home):
    path = f"/bulletins/{approved}/1.mp3"
    viewer = as_("viewer")
    whole = viewer.get(path)
    part = viewer.get(path, headers={"Range": "bytes=100-199"})
    assert whole.status_code == 200
    assert whole.content_type == "audio/mpeg"
    assert part.status_code == 206
    assert part.data == whole.data[100:200]
    assert viewer.get(f"/bulletins/{approved}/2.mp3").status_code == 404
    assert as_("stranger").get(path).status_code == 404
    whole.close()
    part.close()


def test_there_is_nothing_to_hear_before_the_audio_is_made(as_, draft):
    assert as_("owner").get(f"/bulletins/{draft}/1.mp3").status_code == 409


def test_an_older_version_can_still_be_heard_beside_the_new_one(as_, approved, home):
    owner, path = as_("owner"), f"/bulletins/{approved}"
    owner.post(f"{path}/edit", written(home, title="Lịch mới"))
    assert f'src="{path}/1.mp3"' in owner.get(path).text
    answer = owner.get(f"{path}/1.mp3")
    assert answer.status_code == 200
    answer.close()


def test_a_substitute_voice_is_marked(as_, approved, database):
    assert "Giọng thay thế" not in as_("owner").get(f"/bulletins/{approved}").text
    with database.write() as session:
        version = session.exec(BulletinVersion.__table__.select()).first()
        session.get(Clip, version.clip_id).degraded = True
    assert "Giọng thay thế" in as_("owner").get(f"/bulletins/{approved}").text


def test_local_times_of_a_form_are_those_of_the_unit(as_, home, database):
    owner = as_("owner")
    place = owner.post("/bulletins/new", written(home, valid_until="2026-12-01T08:30")).headers["Location"]
    with database.read() as session:
        version = session.exec(BulletinVersion.__table__.select()).first()
    assert version.valid_until.isoformat() == "2026-12-01T01:30:00+00:00"
    assert "01/12/2026 08:30" in owner.get(place).text
    assert 'value="2026-12-01T08:30"' in owner.get(f"{place}/edit").text


def test_lists_are_paged(as_, home):
    owner = as_("owner")
    for number in range(27):
        owner.post("/bulletins/new", written(home, title=f"Số {number:02d}."))
    first = owner.get("/bulletins").text
    assert "Số 26." in first
    assert "Số 01." not in first
    following = first.split('href="/bulletins?before=')[1].split('"')[0]
    second = owner.get(f"/bulletins?before={following}").text
    assert "Số 01." in second
    assert "Số 02." not in second


def test_a_body_beyond_every_limit_is_refused_in_words_and_leaves_nothing(as_, home, settings):
    owner = as_("owner")
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
    body = head + bytes(2_000_000) + b"\r\n--edge--\r\n"
    answer = owner.client.post("/bulletins/new", data=body, content_type="multipart/form-data; boundary=edge")
    assert answer.status_code == 413
    assert "lớn hơn mức cho phép" in answer.text
    assert list(settings.uploads.glob("*")) == []


def test_a_word_of_the_units_dictionary_is_read_as_it_says(as_, home, database):
    owner = as_("owner")
    unit = home.units["75.1"]
    kept = owner.post(f"/words/{unit}", {"written": "NVH", "spoken": "nhà văn hóa"})
    assert kept.status_code == 303
    assert "nhà văn hóa thôn" in owner.get(f"/words/{unit}?tried=NVH+thôn").text
    form = {"title": "Họp", "text": "Họp tại NVH lúc 19h.", "unit": unit, "field": "general", "priority": "ordinary"}
    made = owner.post("/bulletins/new", {**form, "language": "vi"})
    page = owner.get(made.headers["Location"]).text
    assert "Họp tại nhà văn hóa lúc mười chín giờ." in page
    assert as_("viewer").get(f"/words/{unit}").status_code == 403
    assert as_("stranger").get(f"/words/{unit}").status_code == 404
