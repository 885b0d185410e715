"""Writing in the panel: nothing typed is lost, two people are told, Word files, templates, words corrected on the spot."""

import io
import re
import zipfile

import pytest

from playlists import bulletins
from web.panel import bulletin_forms

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BASE = re.compile(r'name="base" value="([^"]*)"')
TAB = re.compile(r'name="tab" value="([^"]*)"')


def word_file(*lines):
    box = io.BytesIO()
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines)
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>')
    box.seek(0)
    return box


def fields(home, **more):
    return {"unit": home.units["75.1"], "title": "Họp thôn", "text": "Mời bà con họp lúc 17h30.", "language": "vi",
            "field": "general", "priority": "ordinary", "twice": "1", **more}  # fmt: skip


def test_what_is_typed_comes_back_by_its_address_and_is_offered_to_its_writer_alone(as_, home, clock):
    owner = as_("owner")
    tab = TAB.search(owner.get("/bulletins/new").text)[1]
    answer = owner.post("/bulletins/new/typed", fields(home, tab=tab, title="Chưa xong", evil="x"))
    assert answer.json == {"saved": "12:00", "others": [], "changed": ""}
    clock.forward(minutes=3)
    offer = owner.get("/bulletins/new").text
    assert "12:00" in offer
    assert "Chưa xong" in offer
    back = owner.get(f"/bulletins/new?note={tab}").text
    assert 'value="Chưa xong"' in back
    assert "17h30" in back
    assert f'value="{tab}"' in back
    assert "Chưa xong" not in as_("approver").get(f"/bulletins/new?note={tab}").text


def test_saving_or_dropping_lets_go_of_what_was_kept(as_, home):
    owner = as_("owner")
    owner.post("/bulletins/new/typed", fields(home, tab="aaaaaaaa1", title="Không cần nữa"))
    owner.post("/bulletins/new/typed", fields(home, tab="bbbbbbbb2", title="Lưu lại"))
    owner.post("/bulletins/new/forget", {"tab": "aaaaaaaa1"})
    page = owner.get("/bulletins/new").text
    assert "Không cần nữa" not in page
    assert "Lưu lại" in page
    assert owner.post("/bulletins/new", fields(home, tab="bbbbbbbb2", title="Lưu lại")).status_code == 303
    assert "Lưu lại" not in owner.get("/bulletins/new").text


def test_going_back_to_a_saved_form_or_sending_it_twice_leads_to_the_same_bulletin(as_, home, database):
    owner = as_("owner")
    owner.post("/bulletins/new/typed", fields(home, tab="dddddddd4"))
    place = owner.post("/bulletins/new", fields(home, tab="dddddddd4")).headers["Location"]
    assert owner.get("/bulletins/new?note=dddddddd4").headers["Location"] == f"{place}/edit"
    assert (
        owner.post("/bulletins/new", fields(home, tab="dddddddd4", text="Thêm một câu.")).headers["Location"] == place
    )
    assert "Thêm một câu." in owner.get(f"{place}/edit").text
    owner.post("/bulletins/new/typed", fields(home, tab="dddddddd4", text="Thêm hai câu."))
    assert "Thêm hai câu." in owner.get(f"{place}/edit?note=1").text
    with database.read() as session:
        assert [each.number for each in bulletins.versions(session, place.rpartition("/")[2])] == [1]


def test_a_page_that_is_refused_shows_what_was_typed_and_keeps_its_tab(as_, home):
    page = as_("owner").post("/bulletins/new", fields(home, tab="cccccccc3", title=""))
    assert page.status_code == 422
    assert "17h30" in page.text
    assert 'value="cccccccc3"' in page.text


def test_two_people_at_one_bulletin_are_told_of_each_other(as_, home, draft, clock):
    owner, other = as_("owner"), as_("administrator")
    base = BASE.search(owner.get(f"/bulletins/{draft}/edit").text)[1]
    clock.forward(seconds=4)
    assert "Nguyễn Thị Viết đang sửa bản tin này từ 12:00" in other.get(f"/bulletins/{draft}/edit").text
    told = owner.post(f"/bulletins/{draft}/typed", {"beat": "1", "base": base}).json
    assert told["others"] == ["Phạm Thị Quản đang sửa bản tin này từ 12:00."]
    assert told["changed"] == ""
    assert "Viết đang sửa" not in owner.get(f"/bulletins/{draft}").text
    assert "Nguyễn Thị Viết đang sửa" in as_("approver").get(f"/bulletins/{draft}").text
    clock.forward(minutes=2)
    assert owner.post(f"/bulletins/{draft}/typed", {"beat": "1", "base": base}).json["others"] == []


def test_nothing_is_saved_over_a_text_that_was_not_seen_and_neither_text_is_lost(as_, home, draft, clock, database):
    owner, other = as_("owner"), as_("administrator")
    mine = BASE.search(owner.get(f"/bulletins/{draft}/edit").text)[1]
    theirs = BASE.search(other.get(f"/bulletins/{draft}/edit").text)[1]
    assert mine == theirs
    assert other.post(f"/bulletins/{draft}/edit", fields(home, text="Của người khác.", base=theirs)).status_code == 303
    assert "Phạm Thị Quản" in owner.post(f"/bulletins/{draft}/typed", fields(home, base=mine)).json["changed"]
    both = owner.post(f"/bulletins/{draft}/edit", fields(home, text="Của tôi.", base=mine))
    assert both.status_code == 409
    assert "Của người khác." in both.text
    assert "Của tôi." in both.text
    assert 'value="save-mine"' in both.text
    seen = BASE.search(both.text)[1]
    assert seen not in ("", mine)
    merged = fields(home, text="Của tôi và của người khác.", base=seen, step="save-mine")
    assert owner.post(f"/bulletins/{draft}/edit", merged).status_code == 303
    with database.read() as session:
        texts = [(each.number, each.state, each.text) for each in bulletins.versions(session, draft)]
    assert texts == [(2, "draft", "Của tôi và của người khác."), (1, "rejected", "Của người khác.")]


def test_a_text_kept_while_typing_still_knows_upon_what_it_was_typed(as_, home, draft):
    owner, other = as_("owner"), as_("administrator")
    mine = BASE.search(owner.get(f"/bulletins/{draft}/edit").text)[1]
    owner.post(f"/bulletins/{draft}/typed", fields(home, text="Gõ dở.", base=mine))
    other.post(f"/bulletins/{draft}/edit", fields(home, text="Đã lưu.", base=mine))
    page = owner.get(f"/bulletins/{draft}/edit").text
    assert "Đã lưu." in page
    assert "Dùng tiếp" in page
    again = owner.get(f"/bulletins/{draft}/edit?note=1").text
    assert "Gõ dở." in again
    assert BASE.search(again)[1] == mine
    assert owner.post(f"/bulletins/{draft}/edit", fields(home, text="Gõ dở.", base=mine)).status_code == 409
    owner.post(f"/bulletins/{draft}/forget")
    assert "Gõ dở." not in owner.get(f"/bulletins/{draft}/edit?note=1").text


def test_the_text_of_a_word_file_is_taken_below_what_was_typed(as_, home):
    owner = as_("owner")
    file = (word_file("THÔNG BÁO", "Về việc cắt điện", "Từ 8h."), "thong-bao.docx")
    page = owner.post("/bulletins/new", fields(home, title="", text="Kính thưa.", step="take-words", word=file))
    assert page.status_code == 200
    assert 'value="Thông báo về việc cắt điện"' in page.text
    assert "Kính thưa.\n\nTHÔNG BÁO\nVề việc cắt điện\nTừ 8h.</textarea>" in page.text


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ((io.BytesIO(b"\xd0\xcf\x11\xe0xx"), "cu.doc"), "tệp Word kiểu cũ"),
        ((io.BytesIO(b"%PDF-1.4"), "a.pdf"), "PDF"),
        (None, "chọn tệp Word"),
    ],
)
def test_a_file_that_can_not_be_taken_is_told_beside_its_field(as_, home, file, says):
    data = fields(home, step="take-words") | ({"word": file} if file else {})
    page = as_("owner").post("/bulletins/new", data)
    assert page.status_code == 422
    assert says in re.search(r'id="word-wrong">([^<]*)', page.text)[1]
    assert "17h30" in page.text


def test_a_template_fills_the_form_and_its_blanks_are_not_sent_by_oversight(as_, home, database):
    owner, approver = as_("owner"), as_("approver")
    page = owner.post("/bulletins/new", fields(home, title="", text="", step="use-template", template="starter-storm"))
    assert page.status_code == 200
    assert "[nơi sơ tán]" in page.text
    assert '<option value="disaster" selected' in page.text
    place = owner.post("/bulletins/new", fields(home, text="Họp lúc [giờ] tại đình.")).headers["Location"]
    assert 'class="blank">[giờ]' in owner.get(place).text
    owner.post(f"{place}/submit")
    with database.read() as session:
        assert bulletins.versions(session, place.rpartition("/")[2])[0].state == "draft"
    assert "[giờ]" in owner.get(place).text
    owner.post(f"{place}/submit", {"anyway": "1"})
    assert "Còn chỗ trống của mẫu chưa điền: [giờ]" in approver.get(place).text


def test_a_word_is_corrected_on_the_spot_and_the_draft_spoken_anew(as_, home, database):
    owner = as_("owner")
    place = owner.post("/bulletins/new", fields(home, text="Lúc 17h30, CLB XQZV họp.")).headers["Location"]
    page = owner.get(place).text
    assert 'data-spoken="mười bảy giờ ba mươi phút">17h30</a>' in page
    assert 'class="said unknown" href="?say=XQZV#say"' in page
    opened = owner.get(f"{place}?say=XQZV").text
    assert 'name="written" maxlength="60" required value="XQZV"' in opened
    identity = place.rpartition("/")[2]
    with database.read() as session:
        before = bulletins.versions(session, identity)[0].clip_id
    answer = owner.post(f"{place}/say", {"written": "XQZV", "spoken": "xóm quê"})
    assert answer.status_code == 303
    with database.read() as session:
        assert bulletins.versions(session, identity)[0].clip_id != before
    assert 'class="said own"' in owner.get(place).text
    assert owner.post(f"{place}/say", {"written": "", "spoken": "x"}).status_code == 303
    assert "alert-danger" in owner.get(place).text
    assert as_("viewer").post(f"{place}/say", {"written": "a", "spoken": "b"}).status_code == 403
    assert '<mark class="said own"' in as_("viewer").get(place).text


def test_a_long_text_comes_with_its_marks_a_moment_later(as_, home):
    owner = as_("owner")
    place = owner.post("/bulletins/new", fields(home, text="Họp lúc 17h30 nhé bà con. " * 400)).headers["Location"]
    page = owner.get(place).text
    assert "data-spoken" not in page
    assert f'data-marks="{place}/marks"' in page
    assert owner.get(f"{place}/marks").text.count("data-spoken") == 400


def test_templates_are_kept_changed_deleted_and_brought_back(as_, home, app):
    owner, unit = as_("owner"), home.units["75.1"]
    begun = owner.get(f"/templates/new?unit={unit}&from=starter-tax").text
    assert 'value="Nộp thuế"' in begun
    made = {"unit": unit, "name": "Thuế đất", "title": "Nộp thuế [năm]", "text": "Hạn [ngày].", "field": "economy"}
    assert owner.post("/templates/new", made).status_code == 303
    identity = re.search(r"/templates/(nt_\w+)\"", owner.get("/templates").text)[1]
    assert "Thuế đất" in owner.get("/bulletins/new").text
    wrong = owner.post(f"/templates/{identity}", made | {"text": " "})
    assert wrong.status_code == 422
    assert 'id="text-wrong"' in wrong.text
    assert owner.post(f"/templates/{identity}", made | {"name": "Thuế nhà"}).status_code == 303
    owner.post(f"/templates/{identity}/remove")
    gone = owner.get("/templates").text
    assert f"/templates/{identity}/restore" in gone
    assert "Thuế nhà" not in owner.get("/bulletins/new").text
    owner.post(f"/templates/{identity}/restore")
    assert "Thuế nhà" in owner.get("/bulletins/new").text
    assert as_("viewer").get("/templates").status_code == 403
    assert "Thuế nhà" not in as_("stranger").get(f"/templates?unit={unit}").text
    assert as_("stranger").get(f"/templates/new?unit={unit}&from={identity}").status_code == 404


def test_the_form_is_calm_until_something_is_set(as_, home):
    page = as_("owner").get("/bulletins/new").text
    assert re.search(r'<details class="card more" id="more">', page)
    wrong = as_("owner").post("/bulletins/new", fields(home, priority="huge"))
    assert re.search(r'<details class="card more" id="more" open>', wrong.text)
    assert set(bulletin_forms._MORE) >= {"language", "voice", "field", "priority", "valid_from", "valid_until"}


def test_the_steps_lead_on_and_never_where_somebody_may_not_go(as_, home, draft):
    writer, viewer = as_("owner").get(f"/bulletins/{draft}").text, as_("viewer").get(f"/bulletins/{draft}").text
    assert 'aria-current="step"' in writer
    assert f'/bulletins/{draft}/edit"' in writer
    assert f'/bulletins/{draft}/edit"' not in viewer
