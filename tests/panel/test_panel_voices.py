"""How a unit has its languages read: the order of voices, the figures, the sample, and what comes from above."""

import re

import pytest
from sqlmodel import select

from audio.models import Clip, VoiceChoice

SOUTH, NORTH = "espeak:vi-vn-x-south", "espeak:vi"


def voices_in(page):
    return [part.split('"')[0] for part in page.split('name="voices" value="')[1:]]


@pytest.fixture
def unit(home):
    return home.units["75.1"]


def put(browser, unit, language="vi", **form):
    return browser.post(f"/voices/{unit}/{language}", {"step": "save", "speed": "1", "pitch": "0", **form})


def test_an_administrator_chooses_and_what_is_below_takes_it_over(as_, home, unit, database):
    administrator = as_("administrator")
    answer = put(
        administrator, unit, voices=[SOUTH, NORTH], speed="0,9", pitch="-1.5", preset="speech-indoor", twice="1"
    )
    assert answer.status_code == 303
    with database.read() as session:
        row = session.exec(select(VoiceChoice)).one()
    assert (row.unit_id, row.language, row.voices) == (unit, "vi", [SOUTH, NORTH])
    assert (row.speed, row.pitch, row.preset, row.twice) == (0.9, -1.5, "speech-indoor", True)
    page = administrator.get(f"/voices/{home.units['75.1.1']}").text
    assert "theo Xã Phước An" in page
    assert "eSpeak NG, giọng miền Nam → eSpeak NG, giọng miền Bắc" in page
    assert "tốc độ × 0,9" in page
    assert "độ cao -1,5" in page
    assert "chọn riêng" in administrator.get(f"/voices/{unit}").text


def test_voices_move_up_and_down_and_out_without_being_saved(as_, unit, database):
    administrator = as_("administrator")
    form = {"voices": ["gtts:vi", NORTH, SOUTH], "speed": "1.1", "pitch": "0"}
    path = f"/voices/{unit}/vi"
    for step, expected in (
        ("up:2", ["gtts:vi", SOUTH, NORTH]), ("down:0", [NORTH, "gtts:vi", SOUTH]), ("drop:1", ["gtts:vi", SOUTH]),
        ("up:0", ["gtts:vi", NORTH, SOUTH]), ("down:99", ["gtts:vi", NORTH, SOUTH]), ("up:x", ["gtts:vi", NORTH, SOUTH]),
    ):  # fmt: skip
        page = administrator.post(path, {**form, "step": step}).text
        assert voices_in(page) == expected, step
        assert 'value="1.1"' in page
    page = administrator.post(path, {**form, "step": "add", "new-voice": "espeak:vi-vn-x-central"}).text
    assert voices_in(page) == ["gtts:vi", NORTH, SOUTH, "espeak:vi-vn-x-central"]
    with database.read() as session:
        assert session.exec(select(VoiceChoice)).all() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"speed": "3"}, "Tốc độ đọc từ 0,5 đến 2"),
        ({"speed": "nhanh"}, "không phải"),
        ({"pitch": "-7"}, "Độ cao giọng từ"),
        ({"preset": "loud"}, "loud"),
        ({"voices": ["; rm"]}, "không phải là giọng đọc"),
    ],
)
def test_what_nobody_can_speak_like_is_refused_beside_its_field(as_, unit, database, change, words):
    answer = put(as_("administrator"), unit, **change)
    assert answer.status_code == 422
    assert words in answer.text
    with database.read() as session:
        assert session.exec(select(VoiceChoice)).all() == []


def test_a_sample_is_made_in_just_this_manner_and_heard_on_the_page(as_, unit, database, worker, clock):
    administrator = as_("administrator")
    form = {"voices": [SOUTH], "speed": "0.8", "pitch": "0", "step": "sample", "sample-text": "Xin chào bà con."}
    page = administrator.post(f"/voices/{unit}/vi", form).text
    clip_id = page.split('name="sample" value="')[1].split('"')[0]
    assert f"/clips/{clip_id}/events" in page
    with database.read() as session:
        clip = session.get(Clip, clip_id)
    assert (clip.text, clip.voices, clip.speed) == ("Xin chào bà con.", [SOUTH], 0.8)
    worker.render(clock())
    assert "eSpeak NG, giọng miền Nam" in administrator.get(f"/clips/{clip_id}/card").text
    with database.read() as session:
        assert session.exec(select(VoiceChoice)).all() == [], "hearing is not choosing"


def test_a_sample_needs_something_to_say(as_, unit):
    answer = as_("administrator").post(f"/voices/{unit}/fr", {"step": "sample", "speed": "1", "pitch": "0"})
    assert answer.status_code == 422
    assert "Hãy viết một câu bằng ngôn ngữ này" in answer.text


def test_a_choice_is_taken_back(as_, unit, database):
    administrator = as_("administrator")
    put(administrator, unit, voices=[SOUTH])
    assert administrator.post(f"/voices/{unit}/vi/remove").status_code == 303
    with database.read() as session:
        assert session.exec(select(VoiceChoice)).all() == []
    assert administrator.post(f"/voices/{unit}/vi/remove").status_code == 404


def test_a_writer_sees_the_choice_but_does_not_change_it(as_, unit, database):
    put(as_("administrator"), unit, voices=[SOUTH])
    owner = as_("owner")
    assert "giọng miền Nam" in owner.get("/voices").text
    assert "<fieldset disabled>" in owner.get(f"/voices/{unit}/vi").text
    assert put(owner, unit, voices=[NORTH]).status_code == 403
    assert owner.post(f"/voices/{unit}/vi", {"step": "sample", "sample-text": "Xin chào."}).status_code == 403
    assert owner.post(f"/voices/{unit}/vi/remove").status_code == 403
    with database.read() as session:
        assert session.exec(select(VoiceChoice)).one().voices == [SOUTH]
        assert session.exec(select(Clip)).all() == []


def test_a_language_without_a_voice_says_so(as_, unit):
    assert "không có giọng đọc cho ngôn ngữ này" in as_("administrator").get(f"/voices/{unit}/tyz").text


def test_a_new_bulletin_is_read_as_its_unit_chose(as_, unit, database):
    put(as_("administrator"), unit, voices=[SOUTH], speed="0.9")
    form = {
        "title": "Họp",
        "text": "Họp thôn.",
        "unit": unit,
        "language": "vi",
        "field": "general",
        "priority": "ordinary",
    }
    assert as_("owner").post("/bulletins/new", form).status_code == 303
    with database.read() as session:
        clip = session.exec(select(Clip)).one()
    assert (clip.voices, clip.speed) == ([SOUTH], 0.9)


def test_how_much_a_unit_stores_is_shown_and_bounded_by_the_level_above(as_, home, unit, approved, app, database):
    administrator = as_("administrator")
    page = administrator.get(f"/units/{unit}").text
    assert "chưa đặt hạn mức" in page
    assert f"/units/{unit}/quota" not in page, "nobody raises their own"
    assert administrator.post(f"/units/{unit}/quota", {"quota_mb": "5"}).status_code == 403
    hamlet = home.units["75.1.1"]
    assert administrator.post(f"/units/{hamlet}/quota", {"quota_mb": "5"}).status_code == 303
    page = administrator.get(f"/units/{hamlet}").text
    assert re.search(r"Đã dùng [\d,]+ trên 5 MB", page)
    assert 'value="5"' in page
    administrator.post(f"/units/{hamlet}/quota", {"quota_mb": ""})
    assert "chưa đặt hạn mức" in administrator.get(f"/units/{hamlet}").text
