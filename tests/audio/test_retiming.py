"""Speed and pitch, measured: as long as asked, as high as asked, the words alone, the same for every engine."""

import numpy as np
import pytest
import soundfile

from audio import ffmpeg, rendering
from audio.assembly import assemble, trimmed
from audio.deadline import Deadline
from audio.engines.base import Spoken, Voice
from audio.engines.espeak import EspeakEngine
from audio.engines.roster import Roster
from audio.reading import Sentence
from audio.rendered import SpeechJob
from audio.retiming import chain, retimed
from audio.store import MediaStore
from core.errors import EngineFailed

VOICE = Voice("x", "x", "vi")
PHRASES = [
    "Kính mời bà con ra nhà văn hóa họp thôn.", "", "Nội dung bàn về đường nước và việc tiêm phòng.",
    "Đề nghị bà con đến đông đủ, đúng giờ.",
]  # fmt: skip
EVERY_WAY = [
    (0.5, 0), (0.8, 0), (1.25, 0), (2, 0), (1, -6), (1, -2.5), (1, 4), (1, 6), (0.5, 6), (0.5, -6), (2, 6), (2, -6),
]  # fmt: skip


@pytest.fixture(scope="module")
def spoken() -> Spoken:
    engine = EspeakEngine()
    voice = next(voice for voice in engine.voices(Deadline(20)) if voice.language == "vi")
    return engine.speak(PHRASES, voice, Deadline(20))


def word_seconds(samples: np.ndarray, rate: int) -> float:
    return len(trimmed(samples, rate, 0)) / rate


def fundamental(samples: np.ndarray, rate: int, low: float, high: float) -> float:
    """In Hz: the first peak of the autocorrelation among the lags of `low` to `high`, refined by a parabola."""
    whole = np.fft.irfft(np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2)
    lags = np.arange(int(rate / high), int(rate / low) + 1)
    best = lags[np.argmax(whole[lags])]
    before, here, after = whole[best - 1 : best + 2]
    return rate / (best + (before - after) / (2 * (before - 2 * here + after)))


def voiced(hz: float, rate: int, seconds: float = 2.0) -> np.ndarray:
    """Like a vowel: harmonics that fall by 6 dB an octave."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.2 * sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 13))).astype(np.float32)


@pytest.mark.parametrize(("speed", "pitch"), EVERY_WAY)
def test_speech_becomes_as_long_as_asked_whatever_the_pitch(spoken, speed, pitch):
    changed = retimed(spoken, speed, pitch, Deadline(30))
    assert changed.rate == spoken.rate
    for before, after in zip(spoken.phrases, changed.phrases, strict=True):
        wanted = word_seconds(before, spoken.rate) / speed
        assert word_seconds(after, spoken.rate) == pytest.approx(wanted, rel=0.03, abs=0.02)


@pytest.mark.parametrize(("speed", "pitch"), EVERY_WAY)
@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
def test_a_voice_moves_by_the_semitones_and_speed_alone_moves_nothing(speed, pitch, rate):
    changed = retimed(Spoken(VOICE, rate, [voiced(140, rate)]), speed, pitch, Deadline(30)).phrases[0]
    middle = changed[len(changed) // 4 : len(changed) * 3 // 4]
    found = fundamental(middle, rate, 80, 230)
    assert 12 * np.log2(found / 140) == pytest.approx(pitch, abs=0.1)


def test_a_hundred_phrases_each_keep_their_place():
    rate = 22_050
    notes = [100 + 2 * number for number in range(100)]
    lengths = [0.3 + 0.02 * (number % 40) for number in range(100)]
    phrases = [voiced(note, rate, seconds) for note, seconds in zip(notes, lengths, strict=True)]
    changed = retimed(Spoken(VOICE, rate, phrases), 1.6, 0, Deadline(30)).phrases
    for note, seconds, samples in zip(notes, lengths, changed, strict=True):
        assert fundamental(samples, rate, note * 0.8, note * 1.25) == pytest.approx(note, rel=0.02)
        assert len(samples) / rate == pytest.approx(seconds / 1.6, abs=0.08)


def test_pauses_and_chime_stay_as_long_as_they_are(spoken):
    sentences = [Sentence(text, pause) for text, pause in zip(PHRASES, (700, 0, 400, 0), strict=True)]
    rate = spoken.rate
    usual = len(assemble(spoken, sentences)) / rate
    words = sum(word_seconds(samples, rate) for samples in spoken.phrases)
    for speed in (0.5, 2):
        made = len(assemble(retimed(spoken, speed, 0, Deadline(30)), sentences)) / rate
        assert made - usual == pytest.approx(words / speed - words, abs=0.03 * words / speed)


def test_as_usual_nothing_is_touched_and_the_same_is_made_twice(spoken):
    assert retimed(spoken, 1, 0, Deadline(5)) is spoken
    silent = Spoken(VOICE, 16_000, [np.zeros(0, np.float32)] * 2)
    assert retimed(silent, 2, 3, Deadline(5)) is silent
    first, second = (retimed(spoken, 1.3, 2, Deadline(30)).phrases for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_no_step_of_the_chain_is_beyond_what_blends_well():
    for rate in (16_000, 22_050, 48_000):
        for speed in (0.5, 1, 2):
            for pitch in (-6, 0, 6):
                steps = [each.split("=") for each in chain(rate, speed, pitch).split(",") if each]
                tempos = [float(value) for name, value in steps if name == "atempo"]
                played = next((int(value) for name, value in steps if name == "asetrate"), rate)
                assert all(0.5 <= tempo <= 2 for tempo in tempos)
                assert np.prod(tempos) * played / rate == pytest.approx(speed, rel=1e-6)


def test_it_stops_at_the_deadline(spoken):
    many = Spoken(spoken.voice, spoken.rate, spoken.phrases * 400)
    with pytest.raises(EngineFailed, match="took"):
        retimed(many, 0.5, 1, Deadline(0.3))


def test_a_clip_is_heard_at_its_speed_and_pitch(tmp_path, settings):
    store, engines, text = (
        MediaStore(settings.media),
        Roster([EspeakEngine()]),
        "Kính mời bà con ra nhà văn hóa họp thôn.",
    )
    seconds = {}
    for speed in (1.0, 0.6):
        job = SpeechJob(text, speed=speed)
        rendered = rendering.render(job, settings, store, engines)
        wav = ffmpeg.to_wave(store.path(rendered.files.mp3.sha256, "mp3"), tmp_path / f"{speed}.wav", Deadline(20))
        heard, rate = soundfile.read(wav, dtype="float32")
        seconds[speed] = word_seconds(heard[round(2.6 * rate) :], rate)  # what comes after the chime
        assert rendered.lufs == pytest.approx(-16, abs=0.5)
    assert seconds[0.6] == pytest.approx(seconds[1.0] / 0.6, rel=0.04)
