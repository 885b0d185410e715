"""A clip on its whole way: asked for, claimed, spoken, mastered, stored; and every way to fail."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio import clips, ffmpeg, queue, rendering, voicing
from audio.assembly import assemble, trimmed
from audio.chime import SECONDS, chime
from audio.deadline import Deadline
from audio.engines.base import Spoken, Voice
from audio.engines.espeak import EspeakEngine
from audio.engines.gtts import GttsEngine
from audio.engines.roster import Roster
from audio.models import Clip, ClipShape
from audio.reading import Sentence
from audio.rendered import SpeechJob
from audio.store import MediaStore
from audio.uploads import receive
from core.clock import utc_now
from core.errors import EngineFailed, NoSpace

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TEXT = "Kính mời bà con ra nhà văn hóa họp thôn. Đề nghị đến đúng giờ!"


def ask(database, lease_seconds=60) -> Clip:
    with database.write() as session:
        clips.request_speech(
            session, unit_id="un_1", text=TEXT, language="vi", voice=None, created_by="pe_1", now=utc_now()
        )
    return claim(database, lease_seconds=lease_seconds)


def claim(database, holder="w", now=None, lease_seconds=60) -> Clip:
    with database.write() as session:
        clip = queue.claim_next(session, holder, now or utc_now(), lease_seconds=lease_seconds)
        session.flush()
        session.expunge_all()
        return clip


def state(database, clip_id: str) -> Clip:
    with database.read() as session:
        clip = session.get(Clip, clip_id)
        session.expunge_all()
        return clip


def upload(settings, path: Path) -> str:
    with path.open("rb") as stream:
        return receive(stream, settings.uploads, limit_bytes=1 << 30, filename=path.name).path


def record(database, name: str) -> Clip:
    with database.write() as session:
        clips.request_recording(session, unit_id="un_1", upload=name, title="t", created_by="pe_1", now=utc_now())
    return claim(database)


def nothing_is_left_in(store: MediaStore) -> bool:
    return list((store.root / ".work").iterdir()) == []


def test_a_text_becomes_a_ready_clip_with_both_files(database, settings):
    clip = ask(database)
    assert rendering.render_claimed(database, settings, clip.id, "w", utc_now)
    ready, store = state(database, clip.id), MediaStore(settings.media)
    assert (ready.state, ready.progress, ready.spoken_by, ready.degraded) == ("ready", 100, "espeak:vi", False)
    assert ready.lufs == pytest.approx(-16, abs=1)
    assert ready.true_peak_db <= -1.5
    files = clips.files(ready)
    for codec in ("mp3", "opus"):
        assert store.verify(files.in_codec(codec).sha256, codec)
        assert store.has(files.in_codec(codec), codec)
    assert nothing_is_left_in(store)


def test_the_same_text_gives_the_same_files_in_another_unit_too(database, settings):
    store, engines = MediaStore(settings.media), Roster([EspeakEngine()])
    first, second = (rendering.render(SpeechJob(TEXT), settings, store, engines) for _ in range(2))
    assert first == second


def test_the_fallback_is_visible_in_the_clip(database, settings, service):
    service.behave = "too_many"
    clip = ask(database)
    engines = Roster([GttsEngine(url=service.url), EspeakEngine()])
    assert rendering.render_claimed(database, settings, clip.id, "w", utc_now, engines=engines)
    assert (state(database, clip.id).spoken_by, state(database, clip.id).degraded) == ("espeak:vi", True)


def test_gtts_speaks_when_it_answers(database, settings, service):
    clip = ask(database)
    engines = Roster([GttsEngine(url=service.url), EspeakEngine()])
    assert rendering.render_claimed(database, settings, clip.id, "w", utc_now, engines=engines)
    assert (state(database, clip.id).spoken_by, state(database, clip.id).degraded) == ("gtts:vi", False)


def test_a_chime_comes_before_the_words_and_pauses_between_the_sentences(tmp_path, settings):
    engines, store = Roster([EspeakEngine()]), MediaStore(settings.media)
    files = rendering.render(SpeechJob("Một hai ba. Bốn năm sáu."), settings, store, engines).files
    wav = tmp_path / "heard.wav"
    ffmpeg.to_wave(store.path(files.mp3.sha256, "mp3"), wav, Deadline(20))
    heard, rate = soundfile.read(wav)
    # The chime, passed through the same phase rotation, is found where it belongs by its notes.
    for place, note in enumerate((783.99, 659.26, 523.25)):
        start = round((0.2 + 0.42 * place + 0.05) * rate)
        part = heard[start : start + round(0.3 * rate)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 16))
        around = np.fft.rfftfreq(1 << 16, 1 / rate)
        near = spectrum[(around > note - 8) & (around < note + 8)].max()
        assert near > 0.5 * spectrum.max(), note
    level = np.sqrt(np.convolve(heard**2, np.ones(rate // 50) / (rate // 50), "same"))
    quiet = level < level.max() * 0.01
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int))).reshape(-1, 2))[:, 0]
    pauses = [run / rate for run in runs if run / rate > 0.25]
    assert len(pauses) >= 2, "after the chime and between the sentences"
    assert any(0.4 <= pause <= 0.75 for pause in pauses)


def test_the_chime_is_pleasant_to_measure():
    for rate in (8_000, 22_050, 48_000):
        bells = chime(rate)
        assert len(bells) == pytest.approx(SECONDS * rate, abs=2)
        assert np.abs(bells).max() == pytest.approx(0.5, abs=0.001)
        assert abs(bells[0]) < 0.01
        assert abs(bells[-1]) < 0.01
        assert np.array_equal(bells, chime(rate))


def test_pauses_are_ours_whatever_silence_the_engine_adds():
    rate = 24_000
    word = np.concatenate([np.zeros(rate), np.sin(np.arange(rate) / 5) * 0.3, np.zeros(2 * rate)]).astype(np.float32)
    assert len(trimmed(word, rate)) == pytest.approx(1.06 * rate, abs=5)
    phrases = [Sentence("Một.", 500), Sentence("Hai.", 0)]
    spoken = Spoken(Voice("x", "x", "vi"), rate, [word, word])
    assert len(assemble(spoken, phrases, with_chime=False)) / rate == pytest.approx(
        0.2 + 2 * 1.06 + 0.5 + 0.3, abs=0.01
    )
    assert len(assemble(Spoken(Voice("x", "x", "vi"), rate, [word[:0]] * 2), phrases)) == 0


def test_a_recording_is_mastered_and_its_original_kept(database, settings, speech_wav):
    name = upload(settings, speech_wav)
    clip = record(database, name)
    assert rendering.render_claimed(database, settings, clip.id, "w", utc_now)
    ready = state(database, clip.id)
    assert (ready.state, ready.upload, ready.spoken_by) == ("ready", name, "")
    assert ready.seconds == pytest.approx(soundfile.info(speech_wav).duration, abs=0.35)
    assert [path.name for path in settings.uploads.iterdir()] == [name]


def test_a_bad_recording_fails_with_its_reason_and_never_again(database, settings, tmp_path):
    (tmp_path / "x.mp3").write_bytes(b"hello" * 100)
    clip = record(database, upload(settings, tmp_path / "x.mp3"))
    assert not rendering.render_claimed(database, settings, clip.id, "w", utc_now)
    failed = state(database, clip.id)
    assert failed.state == "failed"
    assert "not a sound file" in failed.error
    assert claim(database, now=utc_now() + timedelta(days=1)) is None
    assert nothing_is_left_in(MediaStore(settings.media))


def test_an_upload_that_is_gone_is_told(database, settings):
    clip = record(database, "up_" + "0" * 32)
    assert not rendering.render_claimed(database, settings, clip.id, "w", utc_now)
    assert "hand it in again" in state(database, clip.id).error


class Broken:
    """An engine that fails as it is told to."""

    name, max_chars = "broken", 100

    def __init__(self, error: Exception) -> None:
        self.error = error

    def voices(self, deadline):
        return [Voice(self.name, "vi", "vi")]

    def speak(self, phrases, voice, deadline):
        raise self.error

    def answers(self, deadline):
        return str(self.error)


@pytest.mark.parametrize("error", [EngineFailed("no %(why)s", why="luck"), NoSpace("full"), ZeroDivisionError("bug")])
def test_trouble_that_may_pass_is_tried_three_times_then_told(database, settings, error, speech_wav):
    clip, now = ask(database), utc_now()
    for attempt in range(3):
        assert not rendering.render_claimed(
            database, settings, clip.id, "w", lambda at=now: at, engines=Roster([Broken(error)])
        )
        after = state(database, clip.id)
        assert after.error
        assert after.state == ("queued" if attempt < 2 else "failed")
        now += timedelta(minutes=5)
        assert (claim(database, now=now) is None) == (attempt == 2)


def test_a_full_disk_keeps_the_upload_for_the_next_try(database, settings, speech_wav, monkeypatch):
    clip = record(database, upload(settings, speech_wav))

    def full(*_: object) -> None:
        raise NoSpace("full")

    monkeypatch.setattr(MediaStore, "put", full)
    assert not rendering.render_claimed(database, settings, clip.id, "w", utc_now)
    assert state(database, clip.id).state == "queued"
    assert len(list(settings.uploads.iterdir())) == 1
    assert nothing_is_left_in(MediaStore(settings.media))


def test_somebody_elses_clip_is_not_touched(database, settings):
    clip = ask(database)
    assert not rendering.render_claimed(database, settings, clip.id, "another", utc_now)
    assert state(database, clip.id).state == "rendering"


class Slow(EspeakEngine):
    """Speaks after a while: a long step without progress."""

    def __init__(self, until: threading.Event) -> None:
        super().__init__()
        self.until = until

    def speak(self, phrases, voice, deadline):
        assert self.until.wait(20)
        return super().speak(phrases, voice, deadline)


def test_a_long_step_keeps_its_claim_and_shows_progress(database, settings):
    until = threading.Event()
    clip = ask(database, lease_seconds=3)
    seen = []

    def watch() -> None:
        first = state(database, clip.id).claimed_until
        give_up = time.monotonic() + 15
        while state(database, clip.id).claimed_until <= first + timedelta(seconds=1) and time.monotonic() < give_up:
            time.sleep(0.05)
        seen.append(state(database, clip.id))
        until.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    engines = Roster([Slow(until)])
    assert rendering.render_claimed(database, settings, clip.id, "w", utc_now, engines=engines, lease_seconds=3)
    watcher.join()
    assert seen[0].state == "rendering"
    assert seen[0].progress == 1


def test_a_claim_that_was_lost_ends_the_work_and_leaves_the_other_workers_alone(database, settings):
    clip, until = ask(database), threading.Event()

    def take_over() -> None:
        with database.write() as session:
            assert queue.claim_next(session, "other", utc_now() + timedelta(hours=1)).id == clip.id
        time.sleep(1)  # the keeper writes four times a second and meets the new claim
        until.set()

    thread = threading.Thread(target=take_over)
    thread.start()
    engines = Roster([Slow(until)])
    assert not rendering.render_claimed(database, settings, clip.id, "w", utc_now, engines=engines, lease_seconds=2)
    thread.join()
    assert (state(database, clip.id).state, state(database, clip.id).claimed_by) == ("rendering", "other")


def test_progress_only_rises_and_ends_with_a_hundred(settings):
    seen: list[int] = []
    rendering.render(SpeechJob(TEXT), settings, MediaStore(settings.media), Roster([EspeakEngine()]), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert seen.count(100) == 1


def test_a_clip_is_made_in_the_manner_it_was_asked_for(database, settings):
    manner = voicing.Manner(("gone:vi", "espeak:vi-vn-x-south"), 1.5, 2, "music")
    with database.write() as session:
        clip_id = clips.request_speech(
            session, unit_id="un_1", text=TEXT, language="vi", voice=None, created_by="x", now=utc_now(), manner=manner
        ).id
    claim(database)
    assert rendering.render_claimed(database, settings, clip_id, "w", utc_now)
    ready = state(database, clip_id)
    assert (ready.spoken_by, ready.degraded) == ("espeak:vi-vn-x-south", True)
    usual = rendering.render(SpeechJob(TEXT), settings, MediaStore(settings.media), Roster([EspeakEngine()]))
    assert ready.seconds < usual.seconds - 0.7
    with database.read() as session:
        shape = session.get_one(ClipShape, clip_id)
    assert 0 < len(shape.as_heard) <= 800
    assert max(shape.as_heard) > 80
    assert shape.as_recorded == b""


def test_each_preset_sounds_different(settings):
    store, engines = MediaStore(settings.media), Roster([EspeakEngine()])
    made = {
        rendering.render(SpeechJob(TEXT, preset=preset), settings, store, engines).files.mp3.sha256
        for preset in (None, "speech-horn", "speech-indoor", "music")
    }
    assert len(made) == 3, "without a preset it is that of horns"


def test_a_recording_keeps_its_remarks_and_both_pictures(database, settings, tmp_path, speech):
    samples, rate = speech
    soundfile.write(tmp_path / "loud.wav", (samples[: 4 * rate] * 60).clip(-1, 1), rate)
    clip = record(database, upload(settings, tmp_path / "loud.wav"))
    assert rendering.render_claimed(database, settings, clip.id, "w", utc_now)
    assert [remark["code"] for remark in state(database, clip.id).warnings] == ["clipped"]
    with database.read() as session:
        shape = session.get_one(ClipShape, clip.id)
    assert max(shape.as_recorded) == 255
    assert 0 < max(shape.as_heard) < 255


def test_what_is_to_better_another_is_never_spoken_by_a_substitute(database, settings, service):
    service.behave = "error"
    engines = Roster([GttsEngine(url=service.url), EspeakEngine()])
    with database.write() as session:
        session.add(
            Clip(
                id="cl_next", unit_id="un_1", kind="speech", text=TEXT, content_key="x", created_by="x",
                created_at=utc_now(), replaces="cl_first",
            )
        )  # fmt: skip
    assert claim(database).id == "cl_next"
    assert not rendering.render_claimed(database, settings, "cl_next", "w", utc_now, engines=engines)
    with database.read() as session:
        assert session.get(Clip, "cl_next") is None
