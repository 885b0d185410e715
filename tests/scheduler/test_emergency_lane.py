"""The lane of emergencies: left by others for a moment, taken over from the dead at once, held up by nothing stored."""

import socket
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlmodel import select
from village import NOW, Village

from audio import clips, queue, rendering, speaking
from audio.models import QUEUED, RENDERING, Clip
from core.errors import NoSpace
from scheduler import emergencies, urgency
from scheduler.models import Airing
from scheduler.worker import Worker


def raised(village: Village, now=NOW, **what) -> tuple[str, str]:
    """An emergency of the commune that says one sentence; its clip and its airing."""
    alarm = emergencies.Alarm(audience=("unit:79.1",), **({"text": "Nước lũ đang lên.", "signal": "none"} | what))
    with village.database.write(urgent=True) as session:
        emergency, airing = emergencies.raise_alarm(
            session, village.actor("approver"), village.unit("commune_a"), alarm, signer=village.signer,
            default_zone="Asia/Ho_Chi_Minh", max_chars=1_000, now=now,
        )  # fmt: skip
        return str(emergency.clip_id), airing.id


def clip(village: Village, identity: str) -> Clip:
    with village.database.read() as session:
        return session.get_one(Clip, identity)


def state(village: Village, airing: str) -> str:
    with village.database.read() as session:
        return session.exec(select(Airing.state).where(Airing.id == airing)).one()


@pytest.fixture
def second(village: Village, settings) -> Worker:
    """A worker beside the one that has emergencies to itself."""
    return Worker(village.database, settings, village.signer, village.clock, stand_back=urgency.STANDS_BACK)


@pytest.fixture
def first(village: Village, settings) -> Worker:
    return Worker(village.database, settings, village.signer, village.clock, only_urgent=True)


def test_one_worker_has_nothing_but_emergencies_and_the_other_all_the_rest(first: Worker, second: Worker):
    alone = {beat.name for beat in first.beats(object)}
    assert alone == {"alarms", "rescue", "render-urgent", "render-urgent-1"}
    assert alone < {beat.name for beat in second.beats(object)}


def test_a_worker_that_stands_back_takes_what_nobody_took_for_a_moment(village: Village, second: Worker):
    wanted, airing = raised(village)
    assert (second.render_urgent(NOW), second.render(NOW)) == (0, 0)
    assert not second._must_render_urgent(NOW + timedelta(seconds=1))
    later = village.clock.advance(seconds=1.5)
    assert second._must_render_urgent(later)
    assert second.render_urgent(later) == 1
    assert clip(village, wanted).state == "ready"
    assert state(village, airing) == "issued"


def test_what_the_clock_says_to_be_of_the_future_is_left_to_nobody(village: Village, second: Worker):
    _, airing = raised(village, NOW + timedelta(hours=1))
    assert second.render_urgent(NOW) == 1
    assert second.issue_alarms(NOW) == 0 or state(village, airing) == "issued"


def test_ordinary_clips_are_nobodys_in_particular(village: Village, second: Worker):
    village.bulletin(text="Tin thường.", seconds=None)
    assert second.render(NOW) == 1


def gone() -> str:
    """The name of a worker of this machine that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return f"{socket.gethostname()[:60]}/{process.pid}/dead"


def test_a_clip_that_a_killed_worker_was_making_is_made_by_the_next_at_once(village: Village, first: Worker):
    wanted, airing = raised(village)
    with village.database.write() as session:
        taken = queue.claim_next(session, gone(), NOW, urgent_only=True)
        assert taken is not None
        assert taken.id == wanted
    assert first.render_urgent(NOW) == 0
    assert first._urgency.rescue(NOW) == 1
    assert first.render_urgent(NOW) == 1
    assert state(village, airing) == "issued"
    assert first._urgency.rescue(NOW) == 0
    assert not first._urgency.others_render


def test_a_clip_that_a_living_worker_makes_is_left_to_it(village: Village, first: Worker):
    raised(village)
    with village.database.write() as session:
        queue.claim_next(session, f"{socket.gethostname()[:60]}/1/alive", NOW, urgent_only=True)
    assert first._urgency.rescue(NOW) == 0
    assert first._urgency.others_render


def test_an_alarm_whose_worker_was_killed_between_its_audio_and_its_signature_is_signed_by_the_next(
    village: Village, settings, first: Worker, second: Worker
):
    _, airing = raised(village)
    with village.database.write() as session:
        taken = queue.claim_next(session, "killed/1/x", NOW, urgent_only=True)
    assert taken is not None
    assert rendering.render_claimed(village.database, settings, taken.id, "killed/1/x", village.clock)
    assert state(village, airing) == "planned"
    assert second.issue_alarms(NOW) == 0  # it is left to the other for a moment
    assert first.issue_alarms(NOW) == 1
    assert state(village, airing) == "issued"


def test_a_recording_among_ordinary_work_changes_to_the_free_lane_when_an_emergency_wants_it(
    village: Village, first: Worker
):
    with village.database.write() as session:
        made = speaking.request(
            session, village.unit("commune_a"), "Nước lũ đang lên.", language="vi", voice=None, created_by="x", now=NOW
        )
        queue.claim_next(session, "ordinary/1/x", NOW)
        assert made.state == RENDERING
        clips.hasten(session, made.id, NOW, urgent=True)
        assert (made.state, made.claimed_by) == (QUEUED, None)
        assert not queue.is_held(session, made.id, "ordinary/1/x")
        clips.hasten(session, made.id, NOW, urgent=True)
        assert queue.claim_next(session, "free/1/x", NOW, urgent_only=True) is not None
        clips.hasten(session, made.id, NOW, urgent=True)  # once it is in the free lane it stays there
        assert made.claimed_by == "free/1/x"


def test_an_emergency_is_made_though_the_disk_has_nothing_left_for_ordinary_work(village: Village, settings):
    village.bulletin(text="Tin thường.", seconds=None)
    _, airing = raised(village)
    full = settings.model_copy(update={"reserve_mb": 1_000_000})
    worker = Worker(village.database, full, village.signer, village.clock)
    assert worker.render_urgent(NOW) == 1
    assert state(village, airing) == "issued"
    with pytest.raises(NoSpace):
        worker.render(NOW)
