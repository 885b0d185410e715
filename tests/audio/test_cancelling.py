"""Cancelling what is being made: the work stops within moments and leaves nothing behind."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlmodel import select

from audio import cancelling, clips, queue, rendering
from audio.models import CANCELLED, QUEUED, READY, RENDERING, Clip
from audio.uploads import receive
from core.audit import AuditEntry
from core.clock import utc_now
from core.errors import Conflict, Forbidden, NotFound
from registry.rights import Actor, Role

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
WRITER = Actor("pe", "writer", "Writer", "vi", (("/un_1/", Role.WRITER),))
MINUTES = 20


def clip_of(database, clip_id: str) -> Clip:
    with database.read() as session:
        return clips.get(session, clip_id)


def ask(database, text: str = "Mời bà con họp thôn", *, urgent: bool = False) -> str:
    with database.write() as session:
        return clips.request_speech(
            session, unit_id="un_1", text=text, language="vi", voice=None, created_by="x", now=NOW, urgent=urgent
        ).id


def cancel(database, settings, clip_id: str, who: Actor = WRITER) -> None:
    cancelling.cancel_clip(database, settings.uploads, who, clip_id, NOW)


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory) -> Path:
    """Twenty minutes of something like speech: noise that comes and goes."""
    path, rate = tmp_path_factory.mktemp("long") / "long.wav", 8_000
    loud = np.abs(np.sin(np.arange(rate * 60) / rate * 3)) * np.random.default_rng(1).normal(0, 0.1, rate * 60)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(MINUTES):
            file.write(loud)
    return path


def ffmpegs() -> list[str]:
    """Processes started by this one that are ffmpeg."""
    children = [one for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()]
    names = [Path(f"/proc/{one}/comm") for one in children]
    return [name.read_text() for name in names if name.exists() and "ffmpeg" in name.read_text()]


def test_a_long_recording_that_is_being_made_is_let_go_within_two_seconds(database, settings, long_recording):
    with long_recording.open("rb") as stream:
        upload = receive(stream, settings.uploads, limit_bytes=1 << 30, filename="long.wav")
    with database.write() as session:
        clip_id = clips.request_recording(
            session, unit_id="un_1", upload=upload.path, title="x", created_by="x", now=utc_now()
        ).id
        assert queue.claim_next(session, "w", utc_now())
    done: list[bool] = []
    thread = threading.Thread(
        target=lambda: done.append(rendering.render_claimed(database, settings, clip_id, "w", utc_now))
    )
    thread.start()
    deadline = time.monotonic() + 60
    while not (ffmpegs() and clip_of(database, clip_id).progress):
        assert time.monotonic() < deadline
        assert thread.is_alive()
        time.sleep(0.05)
    begun = time.monotonic()
    cancel(database, settings, clip_id)
    thread.join(30)
    took = time.monotonic() - begun
    assert (done, ffmpegs()) == ([False], [])
    assert took < 2, f"{took:.1f} s"
    clip = clip_of(database, clip_id)
    assert (clip.state, clip.upload, clip.claimed_by, clip.progress) == (CANCELLED, None, None, 0)
    assert list(settings.uploads.iterdir()) == []
    assert [path for path in settings.media.rglob("*") if path.is_file()] == []


def test_what_waits_is_cancelled_and_nobody_takes_it_any_more(database, settings):
    clip_id = ask(database)
    cancel(database, settings, clip_id)
    cancel(database, settings, clip_id)  # again: nothing happens
    with database.write() as session:
        assert queue.claim_next(session, "w", NOW) is None
        acts = session.exec(select(AuditEntry.action).where(AuditEntry.subject == clip_id)).all()
    assert acts == ["clip.cancel"]


def test_asking_for_the_same_text_again_queues_it_again(database, settings):
    clip_id = ask(database)
    cancel(database, settings, clip_id)
    assert ask(database) == clip_id
    assert clip_of(database, clip_id).state == QUEUED


def test_what_is_ready_or_has_failed_can_not_be_cancelled(database, settings):
    for state in (READY, "failed", "expired"):
        clip_id = ask(database, f"tin {state}")
        with database.write() as session:
            clip = clips.get(session, clip_id)
            clip.state = state
            session.add(clip)
        with pytest.raises(Conflict, match="not being made"):
            cancel(database, settings, clip_id)
        assert clip_of(database, clip_id).state == state


def test_what_an_emergency_waits_for_is_stopped_as_an_emergency(database, settings):
    clip_id = ask(database, urgent=True)
    with database.write() as session:
        queue.claim_next(session, "w", NOW)
    with pytest.raises(Conflict, match="emergency"):
        cancel(database, settings, clip_id)
    assert clip_of(database, clip_id).state == RENDERING


def test_only_those_who_write_there_cancel_and_strangers_see_nothing(database, settings):
    clip_id = ask(database)
    viewer = Actor("pe", "v", "V", "vi", (("/un_1/", Role.VIEWER),))
    stranger = Actor("pe", "s", "S", "vi", (("/un_2/", Role.ADMINISTRATOR),))
    for who, error in ((viewer, Forbidden), (stranger, NotFound)):
        with pytest.raises(error):
            cancel(database, settings, clip_id, who)
    with pytest.raises(NotFound):
        cancel(database, settings, "cl_none")
    assert clip_of(database, clip_id).state == QUEUED
