"""What nothing needs any more goes; what a plan, a bulletin or a person still needs stays, whatever happens."""

import os
from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, DyingDatabase, Interrupted, Village, files_below

from audio import clips
from audio.models import EXPIRED, Clip, ClipShape
from core.ids import new_id
from playlists.models import BulletinVersion, Rendition
from playlists.programmes import Entry
from scheduler import emergencies, housekeeping
from scheduler.housekeeping import Tidied
from scheduler.models import Airing
from scheduler.undo_models import TimetableStep
from scheduler.worker import Worker


def tidy(village: Village) -> Tidied:
    return housekeeping.tidy(village.database, village.settings, village.clock())


def later(village: Village, **by: float) -> None:
    """Time passes: all files were written before it did."""
    village.clock.advance(**by)
    for path in village.settings.home.rglob("*"):
        if path.is_file():
            old = (NOW - timedelta(days=1)).timestamp()
            os.utime(path, (old, old))


def loose_clip(village: Village, text: str = "Không ai dùng", **more: object) -> str:
    """A ready clip that nothing refers to."""
    with village.database.write() as session:
        clip = clips.request_speech(
            session, unit_id=village.cast.units["commune_a"], text=text, language="vi", voice=None, created_by="x",
            now=village.clock(),
        )  # fmt: skip
        session.add(ClipShape(clip_id=clip.id, as_heard=b"\1"))
    village.finish_clip(clip.id)
    change(village, clip.id, **more)
    return clip.id


def change(village: Village, clip_id: str, **values: object) -> None:
    with village.database.write() as session:
        clip = session.get_one(Clip, clip_id)
        for name, value in values.items():
            setattr(clip, name, value)
        session.add(clip)


def clip_of(village: Village, bulletin_id: str) -> str:
    with village.database.read() as session:
        query = select(BulletinVersion.clip_id).where(BulletinVersion.bulletin_id == bulletin_id)
        return session.exec(query.order_by(BulletinVersion.number)).all()[-1]


def clip(village: Village, clip_id: str) -> Clip | None:
    with village.database.read() as session:
        return session.get(Clip, clip_id)


def media(village: Village) -> int:
    return len(files_below(village.settings.media))


def test_a_clip_that_nothing_refers_to_goes_after_its_days_and_its_files_with_it(village: Village):
    clip_id = loose_clip(village)
    later(village, days=29)
    assert (tidy(village).deleted, media(village)) == (0, 2)
    later(village, days=2)
    done = tidy(village)
    assert (done.deleted, done.files, media(village)) == (1, 2, 0)
    assert clip(village, clip_id) is None
    with village.database.read() as session:
        assert session.get(ClipShape, clip_id) is None


def test_what_anything_refers_to_stays(village: Village):
    used = village.bulletin()
    alarm, item, other, better = (loose_clip(village, f"số {number}") for number in range(4))
    with village.database.write() as session:
        version = session.exec(select(BulletinVersion).where(BulletinVersion.bulletin_id == used)).one()
        session.add(Rendition(id=new_id("re"), version_id=version.id, position=0, language="tyz", clip_id=other))
        wanted = emergencies.Alarm(signal="none", audience=["unit:79.1"], clip=alarm)
        emergencies.raise_alarm(
            session, village.actor("root"), village.unit("commune_a"), wanted, signer=village.signer,
            default_zone=village.settings.zone, max_chars=1_000, now=village.clock(),
        )  # fmt: skip
    village.programme(entries=[Entry(clip=item)])
    change(village, better, replaces=clip_of(village, used))
    later(village, days=400)
    done = tidy(village)
    assert (done.deleted, done.expired, done.files, media(village)) == (0, 0, 0, 10)


def test_what_waits_or_is_being_made_stays_however_old(village: Village):
    for number, state in enumerate(("queued", "rendering")):
        loose_clip(village, f"tin {number}", state=state)
    later(village, days=400)
    assert tidy(village).deleted == 0


@pytest.mark.parametrize("over", ["withdrawn", "superseded", "rejected"])
def test_the_audio_of_a_bulletin_that_is_over_expires_and_can_be_made_again(village: Village, over: str):
    bulletin = village.bulletin(until_state="submitted" if over == "rejected" else "approved")
    old, kept = clip_of(village, bulletin), 0
    later(village, days=100)
    if over == "withdrawn":
        village.withdraw_bulletin(bulletin)
    elif over == "superseded":
        village.rewrite(bulletin, "Tin đã sửa lại.")
        kept = 2
    else:
        with village.database.write() as session:
            from playlists import bulletins

            bulletins.reject(session, village.actor("root"), bulletin, "sai giờ", village.clock())
    later(village, days=89)
    assert tidy(village).expired == 0, "somebody did something with it 89 days ago"
    later(village, days=2)
    done = tidy(village)
    assert (done.expired, done.files, media(village)) == (1, 2, kept)
    gone = clip(village, old)
    assert gone is not None
    assert (gone.state, gone.mp3_sha256, gone.opus_bytes, gone.upload) == (EXPIRED, None, None, None)
    with village.database.write() as session:
        again = clips.request_speech(
            session, unit_id=gone.unit_id, text=gone.text, language="vi", voice=None, created_by="x",
            now=village.clock(),
        )  # fmt: skip
        assert (again.id, again.state) == (old, "queued")


@pytest.mark.parametrize("state", ["draft", "submitted", "approved"])
def test_the_audio_of_a_bulletin_that_may_still_sound_never_expires(village: Village, state: str):
    village.bulletin(until_state=state)
    later(village, days=3_000)
    assert tidy(village) == Tidied()
    assert media(village) == 2


def test_a_clip_that_another_bulletin_still_uses_does_not_expire(village: Village):
    first = village.bulletin(text="Cùng một tin.")
    village.bulletin(text="Cùng một tin.", title="Nhắc lại")
    village.withdraw_bulletin(first)
    later(village, days=400)
    assert (tidy(village).expired, media(village)) == (0, 2)


def test_a_file_that_the_plan_names_stays_though_its_clip_is_gone(village: Village):
    bulletin, _ = village.on_timetable(minutes=60)
    village.roll()
    old = clip_of(village, bulletin)
    (airing,) = village.airings()
    with village.database.write() as session:  # what nobody should do by hand
        clip = session.get_one(Clip, old)
        clip.state, clip.mp3_sha256, clip.mp3_bytes, clip.opus_sha256, clip.opus_bytes = EXPIRED, None, None, None, None
        session.add(clip)
    later(village, hours=47)
    assert (tidy(village).files, media(village)) == (0, 2), "its airing ended less than two days ago"
    later(village, hours=4)
    assert airing.not_after < village.clock() - timedelta(days=2)
    assert (tidy(village).files, media(village)) == (2, 0)


def test_a_file_that_only_a_withdrawn_airing_names_goes(village: Village):
    bulletin, slot = village.on_timetable(minutes=60 * 24 * 6)
    village.roll()
    village.withdraw_slot(slot)
    village.roll()
    assert [each.state for each in village.airings(live=False)] == ["withdrawn"]
    change(village, clip_of(village, bulletin), state=EXPIRED, mp3_sha256=None, opus_sha256=None)
    later(village, days=2)
    assert tidy(village).files == 2


def test_a_fallback_in_a_plan_is_named_as_well(village: Village):
    loose = clip(village, loose_clip(village))
    fallback = {"at": 0, "seconds": 9, "relay": "https://x", "fallback": clips.files(loose).model_dump()}
    with village.database.write() as session:
        session.add(
            Airing(
                id="air_1", unit_id=loose.unit_id, kind="programme", priority="ordinary", title="x", state="issued",
                starts_at=NOW, ends_at=NOW + timedelta(days=40), not_after=NOW + timedelta(days=40), late="join",
                items=[fallback], created_at=NOW,
            )
        )  # fmt: skip
    later(village, days=35)
    done = tidy(village)
    assert (done.deleted, done.files, media(village)) == (1, 0, 2)


def originals(village: Village, **states: str) -> dict[str, str]:
    """Recordings with their uploads, and what was made of these for listening; names of uploads by title."""
    village.settings.uploads.mkdir(exist_ok=True)
    made = {}
    for number, (title, state) in enumerate(states.items()):
        made[title] = name = f"up_{number:032x}_1"
        (village.settings.uploads / name).write_bytes(b"x")
        (village.settings.uploads / f"{name}.preview.mp3").write_bytes(b"y")
        with village.database.write() as session:
            recording = clips.request_recording(
                session, unit_id=village.cast.units["commune_a"], upload=name, title=title, created_by="x", now=NOW
            )
            recording.state = state
            session.add(recording)
    return made


def test_originals_stay_for_their_days_and_go_with_what_was_made_of_them(village: Village):
    originals(village, done="ready", bad="failed", waits="queued")
    later(village, days=13)
    assert tidy(village).originals == 0
    assert len(files_below(village.settings.uploads)) == 6
    later(village, days=2)
    assert tidy(village).originals == 2
    assert files_below(village.settings.uploads) == {f"up_{2:032x}_1", f"up_{2:032x}_1.preview.mp3"}
    with village.database.read() as session:
        assert {each.title: bool(each.upload) for each in session.exec(select(Clip)).all()} == {
            "done": False, "bad": False, "waits": True,
        }  # fmt: skip


def test_it_runs_once_an_hour_and_in_one_worker_at_a_time(village: Village, worker: Worker):
    assert worker.prune(village.clock()) is True
    assert worker.prune(village.clock.advance(minutes=59)) is False
    assert worker.prune(village.clock.advance(minutes=2)) is True
    now = village.clock.advance(hours=2)
    with village.database.write() as session:
        from scheduler import jobs

        assert jobs.claim(session, "housekeeping", "another", now, timedelta(minutes=30))
    assert worker.prune(now) is False
    assert worker.prune(village.clock.advance(minutes=31)) is True, "the other never came back"


@pytest.mark.parametrize("dies_in", [1, 2, 3, 4])
def test_killed_in_any_of_its_steps_it_goes_on_next_time(village: Village, dies_in: int):
    loose_clip(village)
    originals(village, done="ready")
    village.withdraw_bulletin(village.bulletin())
    later(village, days=200)
    with pytest.raises(Interrupted):
        housekeeping.tidy(DyingDatabase(village.database, dies_in), village.settings, village.clock())
    tidy(village)
    assert tidy(village) == Tidied()
    assert files_below(village.settings.media) | files_below(village.settings.uploads) == set()
    with village.database.read() as session:
        assert [each.state for each in session.exec(select(Clip)).all()] == [EXPIRED]


def test_more_than_fits_into_one_transaction_goes_in_several(village: Village, monkeypatch):
    monkeypatch.setattr(housekeeping, "_BATCH", 3)
    for number in range(8):
        loose_clip(village, f"tin {number}")
    later(village, days=40)
    done = tidy(village)
    assert (done.deleted, media(village)) == (8, 0)


def test_steps_of_the_timetable_that_nobody_can_undo_any_more_are_dropped(village):
    with village.database.write() as session:
        for hours in (1, 23, 60):
            session.add(
                TimetableStep(
                    id=f"ts_{hours}",
                    unit_id=village.cast.units["commune_a"],
                    person_id="pe_x",
                    kind="move",
                    after="",
                    made_at=village.clock() - timedelta(hours=hours),
                )
            )
    tidy(village)
    with village.database.read() as session:
        assert sorted(session.exec(select(TimetableStep.id)).all()) == ["ts_1", "ts_23"]
