"""Hearing and seeing clips: who may, the pictures, the original beside what will sound, remarks before approval."""

import io

import pytest
import recorded
from sqlmodel import select

from audio.models import Clip, ClipShape
from playlists import bulletins
from playlists.models import BulletinVersion, Rendition
from registry import units
from registry.models import Unit


def hand_in(browser, home, content, name="họp thôn.wav", preset=""):
    """Send a recording as the page's script does; its answer."""
    form = {"unit": home.units["75.1"], "language": "vi", "preset": preset, "file": (io.BytesIO(content), name)}
    return browser.post("/clips", form, content_type="multipart/form-data", headers={"Accept": "application/json"})


@pytest.fixture
def recording(as_, home, worker, clock):
    """A recording of the owner's, mastered; its id."""
    clip = hand_in(as_("owner"), home, recorded.wav()).json["clip"]
    worker.render(clock())
    return clip


def changed(database, clip_id, **columns):
    with database.write() as session:
        clip = session.get(Clip, clip_id)
        for name, value in columns.items():
            setattr(clip, name, value)
        session.add(clip)


def test_a_clip_is_heard_in_ranges_by_who_sees_its_unit_and_by_nobody_else(as_, home, recording):
    whole = as_("viewer").get(f"/clips/{recording}/sound.mp3")
    part = as_("viewer").get(f"/clips/{recording}/sound.mp3", headers={"Range": "bytes=10-19"})
    assert (whole.status_code, whole.content_type) == (200, "audio/mpeg")
    assert (part.status_code, part.data) == (206, whole.data[10:20])
    assert as_("stranger").get(f"/clips/{recording}/sound.mp3").status_code == 404
    whole.close()
    part.close()


def test_a_recording_of_the_unit_above_is_heard_where_it_sounds(as_, home, recording, database, actor_of):
    with database.write() as session:
        clip = session.get(Clip, recording)
        clip.unit_id = home.units["75"]
        session.add(clip)
    viewer, path = as_("viewer"), f"/clips/{recording}/sound.mp3"
    assert viewer.get(path).status_code == 404
    with database.write() as session:
        owner = actor_of("owner")
        version = bulletins.create(
            session, owner, units.find(session, owner, "75.1"), bulletins.Draft(title="Họp", text="Họp thôn."),
            max_chars=20_000, now=clip.created_at,
        )  # fmt: skip
        session.add(Rendition(id="rn_1", version_id=version.id, position=0, language="tyz", text="", clip_id=recording))
    answer = viewer.get(path)
    assert answer.status_code == 200
    answer.close()
    assert as_("stranger").get(path).status_code == 404


def test_the_picture_is_louder_where_the_recording_is(as_, recording, database):
    with database.write() as session:
        session.merge(ClipShape(clip_id=recording, as_heard=bytes([10, 200]), as_recorded=bytes([5, 100])))
    told = as_("viewer").get(f"/clips/{recording}/shape").json
    assert (told["as_heard"], told["as_recorded"]) == ([10, 200], [5, 100])
    assert 2.5 < told["seconds"] < 4.5
    assert as_("stranger").get(f"/clips/{recording}/shape").status_code == 404


def test_a_clip_made_before_there_were_pictures_is_played_without_one(as_, approved, home, database):
    with database.write() as session:
        for row in session.exec(select(ClipShape)).all():
            session.delete(row)
    assert as_("viewer").get(f"/clips/{home.clip}/shape").json["as_heard"] == []
    page = as_("viewer").get(f"/bulletins/{approved}").text
    assert "data-player" in page
    assert "data-shape" not in page


@pytest.mark.parametrize(
    ("make", "name", "mimetype"),
    [(recorded.wav, "thôn.wav", "audio/wav"), (recorded.webm, "thôn.mp3", "audio/webm")],
)
def test_the_original_is_handed_out_as_it_is_by_what_it_is_and_not_by_its_name(
    as_, home, worker, clock, make, name, mimetype
):
    content, owner = make(), as_("owner")
    clip = hand_in(owner, home, content, name).json["clip"]
    worker.render(clock())
    answer = owner.get(f"/clips/{clip}/original")
    assert (answer.status_code, answer.mimetype) == (200, mimetype)
    assert answer.data == content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    part = owner.get(f"/clips/{clip}/original", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, content[:4])
    answer.close()
    part.close()


def test_what_browsers_do_not_play_is_made_into_a_small_mp3_once(as_, home, worker, clock, settings):
    owner = as_("owner")
    clip = hand_in(owner, home, recorded.aiff(), "cũ.aif").json["clip"]
    worker.render(clock())
    first = owner.get(f"/clips/{clip}/original")
    assert (first.status_code, first.mimetype) == (200, "audio/mpeg")
    [made] = settings.uploads.glob("*.preview.mp3")
    stamp = made.stat().st_mtime_ns
    second = owner.get(f"/clips/{clip}/original.mp3")
    assert second.data == first.data == made.read_bytes()
    assert made.stat().st_mtime_ns == stamp
    assert 10_000 < len(first.data) < 30_000, "three seconds at 48 kbit/s"
    decoded = recorded.converted(first.data, "-f", "wav")
    assert len(decoded) > recorded.RATE * 2 * 2.5
    assert list(settings.uploads.glob(".*")) == []
    first.close()
    second.close()


def test_the_page_says_when_the_original_is_gone(as_, home, recording, database, settings):
    owner = as_("owner")
    place = written_with(owner, home, recording)
    page = owner.get(place).text
    assert "Như đã ghi" in page
    assert f"/clips/{recording}/original" in page
    with database.read() as session:
        (settings.uploads / session.get(Clip, recording).upload).unlink()
    with database.write() as session:
        session.merge(ClipShape(clip_id=recording, as_heard=bytes(5), as_recorded=bytes(5)))
    page = owner.get(place).text
    assert "Bản ghi gốc không còn được lưu" in page
    assert f"/clips/{recording}/original" not in page
    assert owner.get(f"/clips/{recording}/original").status_code == 404
    assert owner.get(f"/clips/{recording}/original.mp3").status_code == 404


def written_with(owner, home, clip, **changes):
    form = {
        "title": "Họp thôn", "text": "", "clip": clip, "unit": home.units["75.1"], "language": "vi",
        "field": "general", "priority": "ordinary", **changes,
    }  # fmt: skip
    answer = owner.post("/bulletins/new", form)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_speech_has_no_original(as_, approved, home):
    assert as_("owner").get(f"/clips/{home.clip}/original").status_code == 404
    assert "Như đã ghi" not in as_("owner").get(f"/bulletins/{approved}").text


def test_remarks_on_a_recording_stand_before_the_button_that_approves(as_, home, recording, database):
    owner, approver = as_("owner"), as_("approver")
    place = written_with(owner, home, recording)
    changed(
        database, recording,
        warnings=[{"code": "mostly_silent", "message": "%(percent)d %% of the recording are silent.", "params": {"percent": 73}}],
    )  # fmt: skip
    owner.post(f"{place}/submit")
    page = approver.get(place).text
    remark = "73 % bản ghi âm"
    assert remark in page.replace("73% ", "73 % ")
    assert page.index("73") < page.index(f"{place}/approve")
    assert "Trước khi duyệt, xin lưu ý" in page
    assert "Cần nghe kỹ" in approver.get("/").text
    assert "Cần nghe kỹ" in approver.get("/bulletins").text


def test_a_substitute_voice_is_marked_in_lists_too(as_, approved, home, database):
    assert "Giọng thay thế" not in as_("viewer").get("/bulletins").text
    changed(database, home.clip, degraded=True)
    assert "Giọng thay thế" in as_("viewer").get("/bulletins").text


def test_a_programme_is_heard_item_by_item(as_, played, home):
    page = as_("viewer").get(f"/programmes/{home.programme}").text
    assert f"/clips/{home.clip}/sound.mp3" in page


def test_the_card_comes_again_by_itself_when_the_audio_is_done(as_, draft, home, worker, clock):
    owner = as_("owner")
    before = owner.get(f"/clips/{home.clip}/card").text
    assert "data-events" in before
    assert "/cancel" in before
    assert "<html" not in before
    worker.render(clock())
    after = owner.get(f"/clips/{home.clip}/card").text
    assert "<audio" in after
    assert "data-events" not in after


def test_making_audio_can_be_cancelled_by_who_may_write(as_, draft, home, database, worker, clock):
    path, back = f"/clips/{home.clip}/cancel", f"/bulletins/{draft}"
    assert as_("viewer").post(path, {"next": back}).status_code == 403
    answer = as_("owner").post(path, {"next": back})
    assert (answer.status_code, answer.headers["Location"]) == (303, back)
    page = as_("owner").get(back).text
    assert "Đã hủy tạo âm thanh" in page
    worker.render(clock())
    with database.read() as session:
        assert session.get(Clip, home.clip).state == "cancelled"
    as_("owner").post(f"{back}/submit")
    with database.read() as session:
        assert session.exec(select(BulletinVersion)).one().state == "draft"


def test_what_is_ready_can_not_be_cancelled_any_more(as_, approved, home):
    owner = as_("owner")
    answer = owner.post(f"/clips/{home.clip}/cancel", {"next": "//elsewhere.example/"})
    assert answer.headers["Location"] == "/"
    assert "alert-danger" in owner.get("/").text


def test_a_recording_sent_ahead_of_its_form_moves_to_the_unit_that_the_form_names(as_, home, recording, database):
    place = written_with(as_("owner"), home, recording, unit=home.units["75.1.1"])
    with database.read() as session:
        assert session.get(Clip, recording).unit_id == home.units["75.1.1"]
        assert session.get(Unit, home.units["75.1.1"]).name == "Thôn Đông"
    assert as_("owner").get(place).status_code == 200


def test_a_recording_that_a_bulletin_uses_stays_where_it_is(as_, home, recording, database):
    written_with(as_("owner"), home, recording)
    written_with(as_("owner"), home, recording, unit=home.units["75.1.1"])
    with database.read() as session:
        assert session.get(Clip, recording).unit_id == home.units["75.1"]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [(b"", 422, "Tệp rỗng (0 byte)."), (b"x" * 210_000, 413, "Tệp lớn hơn")],
)
def test_a_recording_that_can_not_be_taken_is_told_as_json_and_leaves_nothing(
    as_, home, settings, content, status, words
):
    answer = hand_in(as_("owner"), home, content)
    assert answer.status_code == status
    assert words in answer.json["error"]["message"]
    assert list(settings.uploads.glob("*")) == []


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("operator", 403), ("stranger", 404)])
def test_who_may_not_write_hands_in_nothing(as_, home, settings, who, status):
    assert hand_in(as_(who), home, recorded.wav(0.2)).status_code == status
    assert list(settings.uploads.glob("*")) == []


def test_a_call_without_a_recording_or_with_an_old_page_is_told_as_json(as_, home):
    owner = as_("owner")
    accept = {"Accept": "application/json"}
    answer = owner.post("/clips", {"unit": home.units["75.1"]}, headers=accept)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "invalid_input")
    owner.token = "of another day"
    answer = owner.post("/clips", {"unit": home.units["75.1"]}, headers=accept)
    assert answer.json["error"]["code"] == "stale_form"


def test_music_is_mastered_as_music(as_, home, database, settings):
    clip = hand_in(as_("owner"), home, recorded.wav(0.5), preset="music").json["clip"]
    with database.read() as session:
        assert session.get(Clip, clip).preset == "music"
    assert hand_in(as_("owner"), home, recorded.wav(0.6), preset="loud").status_code == 422
    assert len(list(settings.uploads.glob("*"))) == 1
