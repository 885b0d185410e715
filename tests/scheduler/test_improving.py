"""A bulletin that a substitute voice had to speak is spoken better when the first choice returns, before it airs."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from village import DyingDatabase, Interrupted, Village, all_at_once

from audio import clips, queue, rendering, voicing
from audio.engines.espeak import EspeakEngine
from audio.engines.gtts import GttsEngine
from audio.engines.roster import Roster
from audio.models import Clip, ClipShape
from core.audit import AuditEntry
from playlists import bulletins
from playlists.models import Bulletin, BulletinVersion
from playlists.renditions import Other
from scheduler import improving
from scheduler.improving import Round
from scheduler.models import Airing
from scheduler.worker import Worker

TEXT = "Mời bà con ra họp thôn."


class Engines(Roster):
    """gTTS on loopback, then espeak-ng, with the village's clock for how long gTTS rests."""

    def __init__(self, village: Village, service) -> None:
        self.service = service

        def seconds() -> float:
            return village.clock().timestamp()

        super().__init__([GttsEngine(url=service.url, seconds=5, monotonic=seconds), EspeakEngine()])


@pytest.fixture
def engines(village: Village, service) -> Engines:
    service.behave = "error"
    return Engines(village, service)


def render_all(village: Village, engines: Roster) -> int:
    done = 0
    while True:
        with village.database.write() as session:
            clip = queue.claim_next(session, "w", village.clock())
        if clip is None:
            return done
        rendering.render_claimed(village.database, village.settings, clip.id, "w", village.clock, engines=engines)
        done += 1


def improve(village: Village, engines: Roster, database=None) -> Round:
    return improving.improve(database or village.database, village.settings, village.clock(), engines)


def back(village: Village, engines: Engines) -> None:
    """The service answers again, and its rest is over."""
    engines.service.behave = "well"
    village.clock.advance(minutes=2)


def clip_of(village: Village, bulletin_id: str) -> Clip:
    with village.database.read() as session:
        version = session.exec(select(BulletinVersion).where(BulletinVersion.bulletin_id == bulletin_id)).one()
        return session.get_one(Clip, version.clip_id)


def successors(village: Village) -> list[Clip]:
    with village.database.read() as session:
        return list(session.exec(select(Clip).where(col(Clip.replaces).is_not(None))).all())


def degraded(village: Village, state: str = "approved", text: str = TEXT, **draft) -> str:
    """A bulletin that espeak-ng had to speak because gTTS was down."""
    made = village.bulletin(text=text, until_state=state, **draft)
    with village.database.write() as session:
        clip = session.get_one(Clip, clip_of(village, made).id)
        clip.spoken_by, clip.degraded, clip.attempts = "espeak:vi", True, 1
        session.add(clip)
    return made


@pytest.mark.parametrize("state", ["draft", "submitted", "approved"])
def test_a_bulletin_is_spoken_by_the_first_choice_once_it_answers_again(village: Village, engines, state):
    made = village.bulletin(text=TEXT, seconds=None, until_state="draft")
    assert render_all(village, engines) == 1
    village._bring(made, state)
    before = clip_of(village, made)
    assert (before.spoken_by, before.degraded) == ("espeak:vi", True)
    assert improve(village, engines) == Round()  # it is still down
    back(village, engines)
    assert improve(village, engines) == Round(begun=1)
    assert clip_of(village, made).mp3_sha256 == before.mp3_sha256
    assert render_all(village, engines) == 1
    assert improve(village, engines) == Round(adopted=1)
    after = clip_of(village, made)
    assert (after.id, after.state, after.spoken_by, after.degraded) == (before.id, "ready", "gtts:vi", False)
    assert after.mp3_sha256 != before.mp3_sha256
    for codec in ("mp3", "opus"):
        assert village.store.verify(clips.files(after).in_codec(codec).sha256, codec)
    assert successors(village) == []
    assert improve(village, engines) == Round()
    with village.database.read() as session:
        noted = session.exec(select(AuditEntry).where(AuditEntry.action == "clip.improved")).one()
        version = session.exec(select(BulletinVersion).where(BulletinVersion.bulletin_id == made)).one()
        assert session.exec(select(ClipShape.clip_id)).all() == [before.id]
    assert noted.subject == before.id
    assert noted.detail == {"before": "espeak:vi", "spoken_by": "gtts:vi"}
    assert version.state == state


def test_the_airing_is_signed_anew_with_the_better_voice(village: Village, engines, worker: Worker):
    made = degraded(village)
    village.slot(village.programme(made), village.clock() + timedelta(hours=2))
    worker.roll(village.clock())
    (first,) = village.airings()
    back(village, engines)
    improve(village, engines)
    render_all(village, engines)
    assert improve(village, engines).adopted == 1
    worker.roll(village.clock())
    (second,) = village.airings()
    assert second.state == "issued"
    assert second.id != first.id
    assert village.ticket(second).items[0].clip.mp3.sha256 == clip_of(village, made).mp3_sha256
    assert village.ticket(first).items[0].clip.mp3.sha256 != clip_of(village, made).mp3_sha256


def test_a_version_in_another_language_is_bettered_too(village: Village, engines):
    made = village.bulletin(
        text=TEXT, seconds=None, until_state="draft", others=(Other("en", text="Please come to the meeting."),)
    )
    assert render_all(village, engines) == 2
    back(village, engines)
    assert improve(village, engines).begun == 2
    assert render_all(village, engines) == 2
    assert improve(village, engines).adopted == 2
    with village.database.read() as session:
        spoken = session.exec(select(Clip.spoken_by).order_by(Clip.spoken_by)).all()
    assert spoken == ["gtts:en", "gtts:vi"]
    assert clip_of(village, made).degraded is False


@pytest.mark.parametrize("minutes", [-1, 0, 9])
def test_what_has_aired_or_airs_in_a_moment_is_left_alone(village: Village, engines, worker: Worker, minutes):
    made = degraded(village)
    village.slot(village.programme(made), village.clock() + timedelta(minutes=30), "FREQ=DAILY")
    worker.roll(village.clock())
    back(village, engines)
    village.clock.advance(minutes=28 - minutes)
    worker.dispatch(village.clock())
    before = clip_of(village, made)
    assert improve(village, engines) == Round()
    village.clock.advance(hours=5)
    worker.dispatch(village.clock())
    assert improve(village, engines) == Round()
    assert successors(village) == []
    assert clip_of(village, made).mp3_sha256 == before.mp3_sha256


def test_what_airs_while_its_successor_is_made_keeps_its_voice(village: Village, engines, worker: Worker):
    made = degraded(village)
    village.slot(village.programme(made), village.clock() + timedelta(minutes=30))
    worker.roll(village.clock())
    before = clip_of(village, made)
    back(village, engines)
    assert improve(village, engines).begun == 1
    assert render_all(village, engines) == 1
    village.clock.advance(minutes=29)
    worker.dispatch(village.clock())
    assert improve(village, engines) == Round(dropped=1)
    assert successors(village) == []
    assert clip_of(village, made).mp3_sha256 == before.mp3_sha256


def test_an_airing_withdrawn_in_the_middle_has_been_heard_one_withdrawn_before_has_not(
    village: Village, engines, worker: Worker
):
    made = degraded(village)
    slot = village.slot(village.programme(made), village.clock() + timedelta(minutes=30))
    worker.roll(village.clock())
    village.withdraw_slot(slot)
    worker.roll(village.clock())
    back(village, engines)
    village.clock.advance(minutes=60)
    with village.database.read() as session:
        assert not improving.has_aired(session, clip_of(village, made), village.clock())
    with village.database.write() as session:
        airing = session.exec(select(Airing)).one()
        airing.withdrawn_at = airing.starts_at + timedelta(seconds=5)
        session.add(airing)
    with village.database.read() as session:
        assert improving.has_aired(session, clip_of(village, made), village.clock())


@pytest.mark.parametrize("state", ["rejected", "withdrawn", "run out"])
def test_what_nobody_will_hear_is_not_spoken_again(village: Village, engines, state):
    if state == "run out":
        degraded(village, valid_until=village.clock() + timedelta(minutes=1))
    else:
        made = degraded(village, "submitted" if state == "rejected" else "approved")
        if state == "withdrawn":
            village.withdraw_bulletin(made)
        else:
            with village.database.write() as session:
                bulletins.reject(session, village.actor("root"), made, "không", village.clock())
    back(village, engines)
    asked = len(engines.service.asked)
    assert improve(village, engines) == Round()
    assert len(engines.service.asked) == asked


def test_a_successor_accepts_no_substitute_and_is_tried_again_later_each_time(village: Village, engines):
    made = degraded(village)
    before = clip_of(village, made)
    waits = []
    for _ in range(4):
        since = village.clock()
        while not improve(village, engines).begun:
            back(village, engines)
        waits.append((village.clock() - since).total_seconds() / 60)
        engines.service.behave = "error"
        assert render_all(village, engines) == 1
        assert successors(village) == []
    assert waits == sorted(waits)
    assert waits[0] <= 4 < waits[-1] <= 16
    after = clip_of(village, made)
    assert (after.state, after.degraded, after.mp3_sha256) == ("ready", True, before.mp3_sha256)


def test_all_other_work_comes_before(village: Village, engines):
    degraded(village)
    back(village, engines)
    assert improve(village, engines).begun == 1
    village.clock.advance(seconds=1)
    later = village.bulletin(text="Tin mới vừa viết.", seconds=None, until_state="draft")
    with village.database.write() as session:
        assert queue.claim_next(session, "w", village.clock()).id == clip_of(village, later).id


def test_asking_for_the_same_text_meanwhile_gives_the_clip_and_not_its_successor(village: Village, engines):
    made = degraded(village)
    back(village, engines)
    improve(village, engines)
    render_all(village, engines)
    again = village.bulletin(text=TEXT, seconds=None, until_state="draft")
    assert clip_of(village, again).id == clip_of(village, made).id


def test_two_workers_at_once_make_one_successor_and_adopt_it_once(either: Village, service):
    service.behave = "error"
    engines = Engines(either, service)
    made = degraded(either)
    back(either, engines)
    rounds = all_at_once(*[lambda: improve(either, engines)] * 3)
    assert sum(each.begun for each in rounds) == 1
    assert len(successors(either)) == 1
    assert render_all(either, engines) == 1
    rounds = all_at_once(*[lambda: improve(either, engines)] * 3)
    assert sum(each.adopted for each in rounds) == 1
    assert (clip_of(either, made).spoken_by, successors(either)) == ("gtts:vi", [])
    with either.database.read() as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "clip.improved")).all()) == 1


@pytest.mark.parametrize("dies_in", [1, 2])
def test_a_round_that_is_killed_is_finished_by_the_next(village: Village, engines, dies_in):
    made = degraded(village)
    other = degraded(village, text="Tin thứ hai của thôn.")
    back(village, engines)
    with pytest.raises(Interrupted):
        improve(village, engines, DyingDatabase(village.database, dies_in))
    assert len(successors(village)) == dies_in - 1
    assert improve(village, engines).begun == 3 - dies_in
    assert render_all(village, engines) == 2
    with pytest.raises(Interrupted):
        improve(village, engines, DyingDatabase(village.database, dies_in))
    assert improve(village, engines).adopted == 3 - dies_in
    for each in (made, other):
        assert (clip_of(village, each).spoken_by, clip_of(village, each).degraded) == ("gtts:vi", False)
    assert successors(village) == []


def test_a_successor_whose_renderer_keeps_dying_is_dropped(village: Village, engines):
    made = degraded(village)
    back(village, engines)
    improve(village, engines)
    for _ in range(queue.MOST_DEATHS + 1):
        with village.database.write() as session:
            queue.claim_next(session, "w", village.clock())
        village.clock.advance(minutes=2)
    assert [each.state for each in successors(village)] == ["failed"]
    assert improve(village, engines).dropped == 1
    assert clip_of(village, made).state == "ready"


def test_the_first_choice_is_that_of_the_unit(village: Village, engines):
    with village.database.write() as session:
        unit = village.unit("commune_a")
        manner = voicing.Manner(("espeak:vi-vn-x-south", "gtts"), speed=1.2)
        voicing.put(session, village.actor("root"), unit, "vi", manner, village.clock())
    made = village.bulletin(text=TEXT, seconds=None)
    render_all(village, engines)
    clip = clip_of(village, made)
    assert (clip.spoken_by, clip.degraded) == ("espeak:vi-vn-x-south", False)
    back(village, engines)
    assert improve(village, engines) == Round()


def test_the_worker_does_a_round_and_asks_nobody_when_there_is_nothing_to_better(village: Village, worker: Worker):
    village.bulletin()
    assert worker.improve(village.clock()) == 0
    with village.database.read() as session:
        assert session.exec(select(Bulletin.id)).all()
