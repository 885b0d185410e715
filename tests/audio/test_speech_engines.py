"""One suite for every engine, then what is particular to each."""

import importlib.util
import time

import numpy as np
import pytest

from audio.deadline import Deadline
from audio.engines.base import SpeechEngine, Voice, choose_voice
from audio.engines.espeak import EspeakEngine
from audio.engines.gtts import GttsEngine
from audio.engines.piper import PiperEngine
from audio.engines.roster import Roster
from core.errors import EngineFailed, InvalidInput


@pytest.fixture(params=["espeak", "gtts", "piper"])
def engine(request, service, piper_voices) -> SpeechEngine:
    if request.param == "piper":
        return PiperEngine(piper_voices)
    return EspeakEngine() if request.param == "espeak" else GttsEngine(url=service.url, seconds=10)


def vietnamese(engine: SpeechEngine) -> Voice:
    voice = choose_voice(engine.voices(Deadline(20)), "vi")
    assert voice
    return voice


def test_every_engine_has_a_vietnamese_voice_that_names_it(engine):
    voice = vietnamese(engine)
    assert (voice.engine, voice.language) == (engine.name, "vi")
    assert voice.id.startswith(f"{engine.name}:")
    assert engine.voices(Deadline(20)) == engine.voices(Deadline(20))


def test_every_engine_says_that_it_answers(engine):
    assert engine.answers(Deadline(20)) == ""


def test_every_engine_speaks_each_phrase_for_itself(engine):
    spoken = engine.speak(["Xin chào bà con.", "Mời bà con nghe đài."], vietnamese(engine), Deadline(20))
    assert len(spoken.phrases) == 2
    assert spoken.rate in (16_000, 22_050, 24_000, 44_100, 48_000)
    for samples in spoken.phrases:
        assert samples.dtype == np.float32
        assert 0.4 < len(samples) / spoken.rate < 10
        assert 0.01 < np.abs(samples).max() <= 1.0


def test_every_engine_takes_a_phrase_as_long_as_it_promises_and_signs_it_cannot_speak(engine):
    longest = ("bà con " * 200)[: engine.max_chars].strip()
    odd = "\u200b<speak>[[a]] & \x07 💣 ]]> ﷽ họp"
    for samples in engine.speak([longest, odd, "…!"], vietnamese(engine), Deadline(30)).phrases[:2]:
        assert len(samples)


def test_every_engine_stops_at_the_deadline(engine):
    started = time.monotonic()
    with pytest.raises(EngineFailed):
        engine.speak(["bà con " * (engine.max_chars // 8)] * 3000, vietnamese(engine), Deadline(0.3))
    assert time.monotonic() - started < 3


def test_espeak_speaks_the_same_twice_and_differently_for_the_south():
    engine = EspeakEngine()
    voices = engine.voices(Deadline(20))
    north, south = (choose_voice(voices, tag) for tag in ("vi", "vi-vn-x-south"))
    assert len(voices) > 100
    first, again, other = (engine.speak(["xin chào bà con"], v, Deadline(20)).phrases[0] for v in (north, north, south))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_voice_of_every_engine_has_a_name_of_its_own(engine):
    names = [voice.id for voice in engine.voices(Deadline(20))]
    assert len(names) == len(set(names))


def test_espeak_speaks_both_voices_of_a_language_that_has_two():
    engine = EspeakEngine()
    both = [voice for voice in engine.voices(Deadline(20)) if voice.language == "yue"]
    assert [voice.name for voice in both] == ["yue", "yue-latn-jyutping"]
    first, second = (engine.speak(["nei5 hou2"], voice, Deadline(20)).phrases[0] for voice in both)
    assert not np.array_equal(first, second)


def test_gtts_lists_a_voice_for_each_language_of_its_library_under_a_name_that_stays(service):
    from gtts.lang import tts_langs

    voices = GttsEngine(url=service.url).voices(Deadline(5))
    assert [voice.id for voice in voices] == [f"gtts:{code}" for code in sorted(tts_langs())]
    assert {"gtts:vi", "gtts:en", "gtts:km", "gtts:zh-TW"} <= {voice.id for voice in voices}
    assert [choose_voice(voices, tag).id for tag in ("he", "jv", "fil", "en-GB", "zh-tw", "pt-pt")] == [
        "gtts:iw", "gtts:jw", "gtts:tl", "gtts:en", "gtts:zh-TW", "gtts:pt-PT",
    ]  # fmt: skip
    assert service.asked == []


def test_espeak_that_dies_or_hangs_costs_one_clip_and_not_the_worker(tmp_path):
    script = tmp_path / "dies.py"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    with pytest.raises(EngineFailed, match="espeak-ng failed"):
        EspeakEngine(script=script).speak(["a"], Voice("espeak", "vi", "vi"), Deadline(5))
    script.write_text("import time\ntime.sleep(60)\n")
    started = time.monotonic()
    with pytest.raises(EngineFailed, match="in time"):
        EspeakEngine(script=script).speak(["a"], Voice("espeak", "vi", "vi"), Deadline(0.5))
    assert time.monotonic() - started < 3
    assert EspeakEngine(script=script).answers(Deadline(0.3))


def test_gtts_asks_as_the_real_service_is_asked(service):
    GttsEngine(url=service.url).speak(["Xin chào."], Voice("gtts", "vi", "vi"), Deadline(20))
    path, text, language, speed, last = service.asked[0]
    assert path == "/_/TranslateWebserverUi/data/batchexecute"
    assert (text, language, speed, last) == ("Xin chào.", "vi", None, "null")


@pytest.mark.parametrize(
    "behaviour",
    ["hang", "drip", "drip_headers", "too_many", "error", "html", "half", "cut_short", "no_sound", "noise", "redirect"],
)
def test_gtts_is_cut_off_within_its_time_whatever_the_server_does(service, behaviour):
    service.behave = behaviour
    engine = GttsEngine(url=service.url, seconds=1.5)
    started = time.monotonic()
    with pytest.raises(EngineFailed):
        engine.speak(["Xin chào bà con."], Voice("gtts", "vi", "vi"), Deadline(20))
    assert time.monotonic() - started < 3
    assert all(path == "/_/TranslateWebserverUi/data/batchexecute" for path, *_ in service.asked)


def test_gtts_rests_for_a_minute_after_a_failure_and_is_asked_again_then(service):
    clock = [1000.0]
    engine = GttsEngine(url=service.url, monotonic=lambda: clock[0])
    voice = Voice("gtts", "vi", "vi")
    service.behave = "too_many"
    for _ in range(5):
        with pytest.raises(EngineFailed):
            engine.speak(["chào"], voice, Deadline(20))
    assert len(service.asked) == 1
    service.behave = "well"
    clock[0] += 61
    assert engine.speak(["chào"], voice, Deadline(20)).phrases
    assert engine.answers(Deadline(20)) == ""


@pytest.mark.parametrize(
    ("behave", "says"), [(b"damaged", "INVALID_PROTOBUF"), (b"hangs", "in time"), (b"crashes", "failed")]
)
def test_a_piper_voice_that_is_broken_costs_one_try(piper_voices, behave, says):
    (piper_voices / "vi_VN-thu-medium.onnx").write_bytes(behave)
    engine = PiperEngine(piper_voices, seconds=1.5)
    started = time.monotonic()
    with pytest.raises(EngineFailed, match=says):
        engine.speak(["xin chào"], vietnamese(engine), Deadline(20))
    assert time.monotonic() - started < 4
    spoken = Roster([engine, EspeakEngine()]).speak("xin chào", "vi", "", Deadline(10))
    assert (spoken.spoken.voice.id, spoken.degraded) == ("espeak:vi", True)


def test_piper_lists_only_voices_it_can_read_and_says_what_is_missing(piper_voices, tmp_path, monkeypatch):
    (piper_voices / "lonely.onnx").write_bytes(b"")
    (piper_voices / "odd.onnx").write_bytes(b"")
    (piper_voices / "odd.onnx.json").write_text("[1]")
    engine = PiperEngine(piper_voices)
    assert [(voice.id, voice.language) for voice in engine.voices(Deadline(5))] == [("piper:vi_VN-thu-medium", "vi")]
    with pytest.raises(EngineFailed, match="no voice"):
        engine.speak(["a"], Voice("piper", "../../etc/passwd", "vi"), Deadline(5))
    monkeypatch.delenv("PYTHONPATH")
    if importlib.util.find_spec("piper") is None:
        assert "piper-tts is not installed" in engine.answers(Deadline(10))
    assert "there is no voice" in PiperEngine(tmp_path / "none").answers(Deadline(5))


def test_the_whole_text_is_spoken_by_the_fallback_when_the_first_engine_stops_in_the_middle(service):
    service.behave = "second_fails"
    both = Roster([GttsEngine(url=service.url, seconds=5), EspeakEngine()])
    speech = both.speak("Xin chào bà con. Mời bà con nghe đài.", "vi", "", Deadline(30))
    assert speech.degraded
    assert speech.spoken.voice.id == "espeak:vi"
    assert len(speech.spoken.phrases) == len(speech.phrases) == 2


def test_the_first_choice_is_not_called_degraded(service):
    both = Roster([GttsEngine(url=service.url), EspeakEngine()])
    first = both.speak("Xin chào.", "vi", "", Deadline(30))
    assert (first.spoken.voice.id, first.degraded) == ("gtts:vi", False)
    wanted = both.speak("Xin chào.", "vi", "espeak:vi-vn-x-south", Deadline(30))
    assert (wanted.spoken.voice.id, wanted.degraded) == ("espeak:vi-vn-x-south", False)
    alone = Roster([EspeakEngine()])
    assert not alone.speak("Xin chào.", "vi", "", Deadline(30)).degraded
    assert alone.speak("Xin chào.", "vi", "gtts:vi", Deadline(30)).degraded


def test_a_language_nobody_speaks_is_refused_with_advice():
    with pytest.raises(InvalidInput, match="Hand in a recording"):
        Roster([EspeakEngine()]).speak("nyob zoo", "hmn", "", Deadline(20))
