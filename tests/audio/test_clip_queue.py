"""The queue of clips: asked for once, claimed once, never lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from audio import clips, queue
from audio.models import CANCELLED, EXPIRED, FAILED, QUEUED, READY, RENDERING, Clip, ClipShape
from audio.remarks import Remark
from audio.rendered import Rendered
from core.errors import Conflict, EngineFailed, InvalidInput
from core.wire import AudioFile, ClipFiles

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DONE = Rendered(
    ClipFiles(mp3=AudioFile(sha256="a" * 64, bytes=10), opus=AudioFile(sha256="b" * 64, bytes=5)),
    12.5, -16.1, -2.0, "espeak:vi", True,
)  # fmt: skip


def ask(session, text="Xin chào bà con.", unit="un_1", **more):
    given = {"language": "vi", "voice": None, "created_by": "pe_1", "now": NOW, **more}
    return clips.request_speech(session, unit_id=unit, text=text, **given)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def test_the_same_bulletin_is_asked_for_once_in_a_unit(database):
    with database.write() as session:
        first = ask(session)
        assert first.id.startswith("cl_")
        assert ask(session, "  Xin chào bà con. \n").id == first.id
        assert ask(session, unit="un_2").id != first.id
        assert ask(session, voice="espeak:vi").id != first.id
        assert ask(session, language="en").id != first.id


def test_asking_again_hastens_what_waits_but_never_delays_it(database):
    with database.write() as session:
        clip = ask(session, due_at=after(600))
        assert ask(session, due_at=after(300)).due_at == after(300)
        assert ask(session, due_at=after(900)).due_at == after(300)
        assert ask(session, urgent=True).urgent
        clips.hasten(session, clip.id, after(100))
        assert (clip.due_at, clip.urgent) == (after(100), True)


@pytest.mark.parametrize("text", ["", "   \n\t ", "...!?", "\u200b\u200b"])
def test_a_text_without_a_word_is_refused(database, text):
    with database.write() as session, pytest.raises(InvalidInput, match="no text to speak"):
        ask(session, text)


def test_a_text_of_50_000_characters_is_refused_with_both_figures(database, settings):
    with database.write() as session, pytest.raises(InvalidInput, match=r"50000 characters; at most 20000"):
        ask(session, "a" * 50_000, settings=settings)


def test_urgent_comes_first_then_what_is_due_then_what_is_oldest(database):
    with database.write() as session:
        old = ask(session, "old")
        late = ask(session, "late", due_at=after(900), now=after(1))
        soon = ask(session, "soon", due_at=after(60), now=after(2))
        urgent = ask(session, "urgent", urgent=True, now=after(3))
    order = []
    for _ in range(5):
        with database.write() as session:
            clip = queue.claim_next(session, "w", after(10))
            order.append(clip and clip.id)
    assert order == [urgent.id, soon.id, late.id, old.id, None]


def test_an_urgent_lane_takes_nothing_else(database):
    with database.write() as session:
        ask(session, "ordinary")
        assert queue.claim_next(session, "w", NOW, urgent_only=True) is None
        urgent = ask(session, "urgent", urgent=True)
        assert queue.claim_next(session, "w", NOW, urgent_only=True).id == urgent.id


def test_two_workers_never_get_the_same_clip(database):
    with database.write() as session:
        for number in range(20):
            ask(session, f"bản tin {number}")
    got: dict[str, list[str]] = {"a": [], "b": []}
    start = Barrier(2)

    def work(holder: str) -> None:
        start.wait(5)
        while True:
            with database.write() as session:
                clip = queue.claim_next(session, holder, NOW)
            if clip is None:
                return
            got[holder].append(clip.id)

    threads = [Thread(target=work, args=(holder,)) for holder in got]
    [thread.start() for thread in threads]
    [thread.join(30) for thread in threads]
    assert len(got["a"] + got["b"]) == len(set(got["a"] + got["b"])) == 20


def test_a_claim_on_stale_knowledge_changes_nothing(database):
    with database.write() as session:
        clip = ask(session)
    with database.read() as session:
        stale = session.get(Clip, clip.id)
        session.expunge(stale)
    with database.write() as session:
        assert queue.claim_next(session, "quick", NOW).id == clip.id
    with database.write() as session:
        assert not queue._changed(session, queue._unchanged(stale).values(state=RENDERING, claimed_by="slow"))
        assert clips.get(session, clip.id).claimed_by == "quick"


def test_a_lease_that_ran_out_is_claimed_again_and_the_first_holder_can_do_nothing_more(database):
    with database.write() as session:
        clip_id = ask(session).id
        queue.claim_next(session, "first", NOW, lease_seconds=60)
    with database.write() as session:
        assert queue.claim_next(session, "second", after(59)) is None
        assert queue.claim_next(session, "second", after(60)).id == clip_id
    with database.write() as session:
        assert not queue.report_progress(session, clip_id, "first", 50, after(61))
        assert not queue.finish(session, clip_id, "first", DONE, after(61))
        assert not queue.fail(session, clip_id, "first", EngineFailed("no"), after(61))
        assert clips.get(session, clip_id).state == RENDERING
        assert queue.finish(session, clip_id, "second", DONE, after(62))


def test_progress_extends_the_lease(database):
    with database.write() as session:
        clip_id = ask(session).id
        queue.claim_next(session, "w", NOW)
        assert queue.report_progress(session, clip_id, "w", 40, after(50))
        assert queue.claim_next(session, "other", after(100)) is None
        session.expire_all()
        assert clips.get(session, clip_id).progress == 40


def test_after_six_workers_died_on_it_a_clip_has_failed_with_a_reason(database):
    with database.write() as session:
        clip_id = ask(session).id
    for attempt in range(6):
        with database.write() as session:
            assert queue.claim_next(session, f"w{attempt}", after(attempt * 100)).attempts == attempt + 1
    with database.write() as session:
        assert queue.claim_next(session, "w7", after(700)) is None
    with database.write() as session:
        clip = clips.get(session, clip_id)
        assert (clip.state, clip.claimed_by) == (FAILED, None)
        assert "6 times" in clip.error
        assert ask(session).id == clip_id
        assert (clip.state, clip.attempts, clip.error) == (QUEUED, 0, "")


def test_what_may_go_better_is_tried_again_later_and_what_may_not_has_failed(database):
    trouble = EngineFailed("ffmpeg says %(why)s", why="no")
    with database.write() as session:
        clip_id = ask(session).id
        queue.claim_next(session, "w", NOW)
        assert queue.fail(session, clip_id, "w", trouble, NOW, retry=True)
        assert queue.claim_next(session, "w", after(1)) is None
    with database.write() as session:
        clip = queue.claim_next(session, "w", after(30))
        assert (clip.id, clip.attempts) == (clip_id, 2)
        assert queue.fail(session, clip_id, "w", trouble, after(31))
    with database.read() as session:
        clip = clips.get(session, clip_id)
        assert (clip.state, clip.error) == (FAILED, "ffmpeg says no")
        assert (clip.error_message, clip.error_params) == ("ffmpeg says %(why)s", {"why": "no"})


def test_a_worker_that_stops_in_order_gives_its_clips_back(database):
    with database.write() as session:
        ask(session, "một"), ask(session, "hai")
        queue.claim_next(session, "w", NOW), queue.claim_next(session, "other", NOW)
        assert queue.release(session, "w") == 1
    with database.write() as session:
        assert queue.claim_next(session, "w", after(1)).attempts == 1


def test_a_ready_clip_names_its_files_and_another_does_not(database):
    with database.write() as session:
        clip_id = ask(session).id
        with pytest.raises(Conflict, match="not ready"):
            clips.files(clips.get(session, clip_id))
        queue.claim_next(session, "w", NOW)
        assert queue.finish(session, clip_id, "w", DONE, after(5))
    with database.write() as session:
        clip = clips.get(session, clip_id)
        assert clips.files(clip) == DONE.files
        assert (clip.state, clip.progress, clip.spoken_by, clip.degraded) == (READY, 100, "espeak:vi", True)
        assert (clip.seconds, clip.ready_at) == (12.5, after(5))
        assert ask(session).id == clip_id, "what is ready is not spoken again"
        assert queue.claim_next(session, "w", after(9999)) is None


def test_a_recording_is_queued_under_its_upload(database):
    with database.write() as session:
        given = {"unit_id": "un_1", "upload": "up_1", "title": "Họp thôn", "created_by": "pe_1", "now": NOW}
        clip = clips.request_recording(session, **given)
        assert clips.request_recording(session, **given).id == clip.id
        assert (clip.kind, clip.state, clip.title) == ("recording", QUEUED, "Họp thôn")


def finished(database, clip_id, rendered):
    with database.write() as session:
        claimed = queue.claim_next(session, "w", NOW)
        assert claimed.id == clip_id
        assert queue.finish(session, clip_id, "w", rendered, NOW)


def test_pictures_and_remarks_are_kept_with_the_clip_and_replaced_when_it_is_made_again(database):
    with database.write() as session:
        clip_id = ask(session).id
    remark = Remark("quiet", "The recording is %(how)s quiet.", {"how": "very"})
    finished(database, clip_id, replace(DONE, warnings=(remark,), as_heard=b"\1\2", as_recorded=b"\3"))
    with database.read() as session:
        clip, shape = session.get_one(Clip, clip_id), session.get_one(ClipShape, clip_id)
    assert clip.warnings == [{"code": "quiet", "message": "The recording is %(how)s quiet.", "params": {"how": "very"}}]
    assert (shape.as_heard, shape.as_recorded) == (b"\1\2", b"\3")
    with database.write() as session:
        clip = session.get_one(Clip, clip_id)
        clip.state = QUEUED
        session.add(clip)
    finished(database, clip_id, replace(DONE, as_heard=b"\4"))
    with database.read() as session:
        clip, shape = session.get_one(Clip, clip_id), session.get_one(ClipShape, clip_id)
    assert (clip.warnings, shape.as_heard, shape.as_recorded) == ([], b"\4", b"")


@pytest.mark.parametrize("state", [FAILED, CANCELLED, EXPIRED])
def test_what_came_to_nothing_is_queued_again_when_it_is_asked_for_again(database, state):
    with database.write() as session:
        clip = ask(session)
        clip.state, clip.attempts, clip.error = state, 3, "x"
        session.add(clip)
    with database.write() as session:
        again = ask(session)
        assert (again.id, again.state, again.attempts, again.error) == (clip.id, QUEUED, 0, "")


def successor(session, clip_id):
    made = Clip(
        id="cl_next", unit_id="un_1", kind="speech", text="x", content_key="y", created_by="x",
        created_at=NOW - timedelta(days=1), replaces=clip_id,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made.id


def test_what_is_to_better_another_comes_last_and_is_deleted_when_it_fails(database):
    with database.write() as session:
        first = ask(session).id
        second = successor(session, first)
        third = ask(session, "Tin chưa có giờ.").id
    with database.write() as session:
        order = [queue.claim_next(session, "w", NOW).id for _ in range(3)]
        assert order == [first, third, second]
        assert not queue.is_held(session, second, "other")
        assert not queue.fail(session, second, "other", EngineFailed("no"), NOW, retry=True)
        assert queue.is_held(session, second, "w")
        assert queue.fail(session, second, "w", EngineFailed("no"), NOW, retry=True)
    with database.read() as session:
        assert session.get(Clip, second) is None
        assert not queue.is_held(session, second, "w")
