"""The worker: its jobs one by one, how it bears failures, and killed in the middle of its work."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from village import LONG_AGO, NOW, Village, files_below

from audio import clips, queue
from audio.models import SIGNAL, Clip
from core import audit, changes
from core.database import Database, connect
from core.settings import load
from core.wire import Heartbeat
from loa.installation import prepare
from playlists.models import Bulletin
from registry import stations, throttle
from registry.models import Attempt, StationState
from scheduler import backup, jobs
from scheduler.beats import SteadyZone
from scheduler.models import Airing, JobState
from scheduler.worker import Worker


def job(village: Village, name: str) -> JobState:
    with village.database.read() as session:
        return session.get_one(JobState, name)


def state_of(village: Village, clip_id: str) -> str:
    with village.database.read() as session:
        return session.get_one(Clip, clip_id).state


def clip_of(village: Village, text: str) -> str:
    """A queued clip of this text."""
    with village.database.write() as session:
        return clips.request_speech(
            session,
            unit_id=village.cast.units["commune_a"],
            text=text,
            language="vi",
            voice=None,
            created_by="x",
            now=NOW,
        ).id


def test_a_step_that_raises_is_noted_rests_and_runs_again(village: Village, worker: Worker, caplog):
    calls = []

    def step(now) -> None:
        calls.append(now)
        if len(calls) <= 2:
            raise RuntimeError("the roof is on fire")

    assert worker.run("roll", step) is False
    noted = job(village, "roll")
    assert (noted.failed_at, noted.error) == (NOW, "RuntimeError: the roof is on fire")
    assert "the roof is on fire" in caplog.text
    assert worker.run("roll", step) is False  # it rests
    assert len(calls) == 1
    village.clock.advance(seconds=1.1)
    assert worker.run("roll", step) is False
    village.clock.advance(seconds=1.1)
    assert worker.run("roll", step) is False  # and longer the second time
    assert len(calls) == 2
    village.clock.advance(seconds=1)
    assert worker.run("roll", step) is True
    noted = job(village, "roll")
    assert (noted.error, noted.succeeded_at) == ("", village.clock())
    assert worker.run("roll", step) is True


def test_a_job_that_keeps_failing_is_still_tried_every_half_minute(village: Village, worker: Worker):
    def step(_now) -> None:
        raise RuntimeError

    tried = 0
    for _ in range(600):
        village.clock.advance(seconds=1)
        failures = worker._rests.failures.get("x", 0)
        worker.run("x", step)
        tried += worker._rests.failures.get("x", 0) > failures
    assert tried >= 20


def test_a_failure_that_cannot_be_noted_does_not_end_the_loop(village: Village, worker: Worker):
    village.database.lock_timeout_seconds = 0.05
    with closing(sqlite3.connect(village.settings.home / "loa.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert worker.run("x", worker.prune) is False
        other.execute("ROLLBACK")
    village.clock.advance(seconds=2)
    assert worker.run("x", worker.prune) is True


def test_each_job_keeps_to_its_beat_on_the_steady_clock(village: Village, settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Worker, "run", lambda *_: True)
    worker = Worker(village.database, settings, village.signer, village.clock)
    worker.start()
    try:
        assert worker._scheduler is not None
        triggers = {job.id: job.trigger for job in worker._scheduler.get_jobs()}
        now = datetime.now(SteadyZone())
        found = {name: (each.get_next_fire_time(now, now) - now).total_seconds() for name, each in triggers.items()}
        first = {name: (each.get_next_fire_time(None, now) - now).total_seconds() for name, each in triggers.items()}
        late = triggers["reconcile"].get_next_fire_time(now - timedelta(hours=1), now) - now
    finally:
        worker.stop()
    beats = {
        "alarms": 0.5, "roll": 0.25, "dispatch": 1, "reconcile": 5, "silence": 15, "backup": 60, "prune": 300,
        "improve": 60, "render-urgent": 0.1,
    }  # fmt: skip
    assert {name: found[name] for name in beats} == beats
    assert first == found
    assert late == timedelta(seconds=5)  # what was slept through is made up for once


def test_a_started_worker_does_its_jobs_and_stops(village: Village, settings):
    village.on_timetable(seconds=None)
    worker = Worker(village.database, settings, village.signer, village.clock)
    worker.start()
    try:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and not any(a.ticket for a in village.airings()):
            time.sleep(0.05)
            village.clock.advance(seconds=0.05)  # a job that met a busy database rests by this clock
        assert [a.state for a in village.airings()] == ["issued"]
    finally:
        worker.stop()
    assert {"roll", "render-0", "alarms"} <= {each.name for each in _jobs(village)}


def _jobs(village: Village) -> list[JobState]:
    with village.database.read() as session:
        return jobs.every(session)


def test_a_clip_goes_from_text_to_files_of_the_right_name(village: Village, worker: Worker):
    clip_id = clip_of(village, "Xin chào bà con.")
    assert worker.render(NOW) == 1
    with village.database.read() as session:
        clip = session.get_one(Clip, clip_id)
    assert (clip.state, clip.progress) == ("ready", 100)
    assert clip.spoken_by.startswith("espeak")
    assert -17 <= clip.lufs <= -15
    assert clip.true_peak_db <= -1.5
    files = clips.files(clip)
    for codec in ("mp3", "opus"):
        assert village.store.verify(files.in_codec(codec).sha256, codec)
    assert worker.render(NOW) == 0


def test_the_urgent_lane_takes_alarms_and_nothing_else(village: Village, worker: Worker):
    ordinary = clip_of(village, "Tin thường.")
    with village.database.write() as session:
        urgent = clips.request_speech(
            session,
            unit_id=village.cast.units["commune_a"],
            text="Lũ!",
            language="vi",
            voice=None,
            created_by="x",
            now=NOW,
            urgent=True,
        ).id
    assert worker.render_urgent(NOW) == 1
    assert (state_of(village, urgent), state_of(village, ordinary)) == ("ready", "queued")


def test_what_a_dead_process_of_this_machine_held_is_given_back(village: Village, worker: Worker):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = worker.holder.split("/")[0]
    holders = {"dead": f"{host}/{dead.pid}/x", "alive": f"{host}/{os.getppid()}/x", "elsewhere": f"other/{dead.pid}/x"}
    held = {}
    for name, holder in holders.items():
        identity = clip_of(village, f"Tin {name}.")
        with village.database.write() as session:
            claimed = queue.claim_next(session, holder, NOW)
            assert claimed is not None
            assert claimed.id == identity
        held[name] = identity
    worker.release_the_dead()
    assert {name: state_of(village, each) for name, each in held.items()} == {
        "dead": "queued", "alive": "rendering", "elsewhere": "rendering",
    }  # fmt: skip
    assert [worker._anything_waiting(NOW + timedelta(minutes=2), urgent_only=False)] == [True]


def test_airings_go_on_air_and_are_over_when_their_time_comes(village: Village, worker: Worker):
    village.on_timetable(seconds=60)
    village.on_timetable(minutes=90, seconds=None, text="Không bao giờ có tiếng.")
    worker.roll(NOW)
    states = []
    for minutes in (0, 59.9, 60, 60.5, 61, 89, 120):
        worker.dispatch(NOW + timedelta(minutes=minutes))
        states.append([(a.state, a.reason) for a in village.airings()])
    issued, waiting = ("issued", ""), ("planned", "rendering")
    assert states == [
        [issued, waiting], [issued, waiting], [("on_air", ""), waiting], [("on_air", ""), waiting], [("over", ""), waiting],
        [("over", ""), waiting], [("over", ""), ("failed", "not_ready")],
    ]  # fmt: skip


def test_dispatching_late_or_twice_comes_to_the_same(village: Village, worker: Worker):
    village.on_timetable(seconds=60)
    worker.roll(NOW)
    assert worker.dispatch(NOW + timedelta(hours=5)) >= 1
    assert worker.dispatch(NOW + timedelta(hours=5)) == 0
    assert village.airings()[0].state == "over"


def test_a_silent_station_is_noticed_once_and_heard_again(village: Village, worker: Worker):
    a1 = village.cast.stations["a1"]

    def beat(now) -> bool:
        with village.database.write() as session:
            return stations.heard(session, a1, Heartbeat(), now)

    def silent_since():
        with village.database.read() as session:
            return session.get_one(StationState, a1).silent_since

    beat(NOW)
    assert worker.notice_silence(NOW + timedelta(seconds=180)) == 0
    assert worker.notice_silence(NOW + timedelta(seconds=181)) == 1
    assert worker.notice_silence(NOW + timedelta(seconds=200)) == 0
    assert silent_since() == NOW
    assert beat(NOW + timedelta(seconds=300)) is True
    assert silent_since() is None
    assert beat(NOW + timedelta(seconds=360)) is False


# Backups


def test_a_backup_is_made_when_due_and_is_a_whole_installation(village: Village, worker: Worker, tmp_path):
    bulletin = village.bulletin()
    assert worker.back_up(NOW) is True
    assert worker.back_up(NOW + timedelta(hours=23)) is False
    assert worker.back_up(NOW + timedelta(hours=24)) is True
    (_, first) = backup.existing(village.settings)
    assert backup.made_at(first) == NOW
    home = tmp_path / "restored"
    home.mkdir()
    (home / "loa.db").write_bytes(first.read_bytes())
    restored = prepare(load(home))
    with restored.read() as session:
        assert audit.verify(session) is None
        assert session.get(Bulletin, bulletin) is not None
    with restored.write() as session:
        audit.record(session, actor="x", action="x", subject="x", now=NOW)
    restored.dispose()


def test_a_backup_is_whole_while_others_write_all_the_time(village: Village, worker: Worker, settings):
    """A copy made in steps begins again with every write of others: this one must end."""
    with village.database.write() as session:
        for number in range(400):
            audit.record(session, actor="x", action="x", subject="x", now=NOW, padding="x" * 30_000, number=number)
    script = (
        "import sqlite3,sys,time\nc=sqlite3.connect(sys.argv[1],isolation_level=None,timeout=5)\nend=time.time()+20\n"
        "print('go',flush=True)\n"
        "while time.time()<end: c.execute(\"UPDATE station SET name = name || 'x'\"); time.sleep(0.002)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, settings.home / "loa.db"], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        begun = time.monotonic()
        assert worker.back_up(NOW) is True
        assert time.monotonic() - begun < 10
    finally:
        other.kill()
        other.communicate()
    assert len(backup.existing(settings)) == 1


def test_old_backups_go_and_strange_files_stay(village: Village, worker: Worker, settings):
    settings.backups.mkdir()
    (settings.backups / "loa-mine.db").write_text("kept by hand")
    (settings.backups / ".part-killed").write_text("left by a killed process")
    for day in range(10):
        assert worker.back_up(NOW + timedelta(days=day)) is True
    assert len(backup.existing(settings)) == settings.backups_kept == 7
    assert backup.made_at(backup.existing(settings)[-1]) == NOW + timedelta(days=3)
    assert len(files_below(settings.backups)) == 8


def test_two_workers_make_one_backup(village: Village, worker: Worker, settings, monkeypatch):
    other = Worker(village.database, settings, village.signer, village.clock)
    monkeypatch.setattr(backup, "back_up", lambda _settings, _now: settings.home)
    assert [worker.back_up(NOW), other.back_up(NOW)] == [True, False]


def test_pruning_keeps_what_is_needed(village: Village, worker: Worker):
    with village.database.write() as session:
        throttle.failed(session, "in::1", LONG_AGO)
        throttle.failed(session, "in::1", NOW)
        changes.announce(session, "now", [], NOW)
    worker.prune(NOW)
    with village.database.read() as session:
        assert len(session.exec(select(Attempt)).all()) == 1
        assert len(changes.since(session, 0)) == 1


# Killed


@pytest.fixture
def real_worker(village: Village):
    """Starts `loa worker` as a process; all are gone afterwards."""
    running: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "loa", "worker", "--home", village.settings.home], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "LOA_GTTS_ENABLED": "false"}, start_new_session=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def wait_until(database: Database, condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with database.read() as session:
            if condition(session):
                return
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def test_a_worker_killed_while_rendering_loses_no_clip_and_makes_none_twice(village: Village, real_worker):
    wanted = [
        clip_of(village, f"Thông báo số {n}. " + "Kính mời bà con đến họp tại nhà văn hóa thôn. " * 12)
        for n in range(4)
    ]
    watching = connect(village.settings)
    for kill in (0, 1):
        process = real_worker()
        wait_until(
            watching,
            lambda s, kill=kill: (
                s.exec(select(Clip).where(Clip.state == "rendering", Clip.progress > kill)).first() is not None
            ),
        )
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    process = real_worker()
    wait_until(
        watching,
        lambda s: len(s.exec(select(Clip.id).where(Clip.state == "ready", Clip.kind != SIGNAL)).all()) == len(wanted),
    )
    process.terminate()
    assert process.wait(15) == 0
    with watching.read() as session:
        made = session.exec(select(Clip)).all()
    watching.dispose()
    assert {clip.id for clip in made if clip.kind != SIGNAL} == set(wanted)  # signals a worker makes by itself
    made = [clip for clip in made if clip.kind != SIGNAL or clip.state == "ready"]  # also after these, if it lives on
    for clip in made:
        files = clips.files(clip)
        assert village.store.verify(files.mp3.sha256, "mp3")
        assert village.store.verify(files.opus.sha256, "opus")
    kept = {name.split("/")[-1] for name in files_below(village.store.root) if not name.startswith(".work")}
    assert kept == {f"{clips.files(clip).in_codec(codec).sha256}.{codec}" for clip in made for codec in ("mp3", "opus")}


def test_two_real_workers_share_the_work_and_make_one_timetable(village: Village, real_worker):
    with village.database.write() as session:
        for number in range(4):
            clips.request_speech(
                session,
                unit_id=village.cast.units["commune_a"],
                text=f"Tin số {number}.",
                language="vi",
                voice=None,
                created_by="x",
                now=NOW,
            )
    real_worker()
    real_worker()
    watching = connect(village.settings)
    spoken = select(Clip).where(Clip.kind != SIGNAL)  # signals a worker makes by itself
    wait_until(watching, lambda s: [clip.state for clip in s.exec(spoken)] == ["ready"] * 4)
    with watching.read() as session:
        assert [clip.attempts for clip in session.exec(spoken)] == [1] * 4
        assert session.exec(select(Airing)).all() == []
    watching.dispose()
