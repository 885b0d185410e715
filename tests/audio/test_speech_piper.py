"""Piper's folder of voices: dropped in while running, damaged, hanging; and engines' processes that don't end."""

import json
import shutil
import time

import pytest

from audio.deadline import Deadline
from audio.engines import process
from audio.engines.base import Voice
from audio.engines.espeak import EspeakEngine
from audio.engines.piper import PiperEngine
from audio.engines.roster import Roster
from core.errors import EngineFailed

THU = Voice("piper", "vi_VN-thu-medium", "vi", "vi_VN-thu-medium (Vietnam)")


def drop_in(folder, name, content=b"well"):
    """A voice as the administrator copies it: first the description, then the model."""
    shutil.copy(folder / "vi_VN-thu-medium.onnx.json", folder / f"{name}.onnx.json")
    (folder / f"{name}.onnx").write_bytes(content)


def ids(engine):
    return [voice.id for voice in engine.voices(Deadline(5))]


def test_a_voice_dropped_in_while_running_is_there_at_once_and_gone_when_taken_out(piper_voices):
    roster = Roster([PiperEngine(piper_voices), EspeakEngine()])
    assert roster.speak("xin chào", "vi", "piper:vi_VN-an-low", Deadline(20)).degraded
    drop_in(piper_voices, "vi_VN-an-low")
    speech = roster.speak("xin chào", "vi", "piper:vi_VN-an-low", Deadline(20))
    assert (speech.spoken.voice.id, speech.degraded) == ("piper:vi_VN-an-low", False)
    (piper_voices / "vi_VN-an-low.onnx").unlink()
    speech = roster.speak("xin chào", "vi", "piper:vi_VN-an-low", Deadline(20))
    assert (speech.spoken.voice.id, speech.degraded) == ("piper:vi_VN-thu-medium", True)


def test_broken_voices_say_so_and_the_others_go_on_speaking(piper_voices):
    drop_in(piper_voices, "aa-damaged", b"damaged")
    drop_in(piper_voices, "ab-crashes", b"crashes")
    (piper_voices / "ac-alone.onnx").write_bytes(b"well")
    drop_in(piper_voices, "ad-config")
    (piper_voices / "ad-config.onnx.json").write_text("[" * 100_000)
    engine = PiperEngine(piper_voices)
    assert ids(engine) == ["piper:aa-damaged", "piper:ab-crashes", "piper:vi_VN-thu-medium"]
    assert engine.answers(Deadline(30)) == ""
    why = {voice.name: why for voice, why in engine.broken(Deadline(30))}
    assert set(why) == {"aa-damaged", "ab-crashes", "ac-alone", "ad-config"}
    assert "INVALID_PROTOBUF" in why["aa-damaged"]
    assert "ac-alone.onnx.json is missing" in why["ac-alone"]
    found = {each.voice.id: bool(each.why) for each in Roster([engine, EspeakEngine()]).presence(Deadline(30))}
    assert found["piper:vi_VN-thu-medium"] is found["espeak:vi"] is False
    assert found["piper:aa-damaged"] is found["piper:ac-alone"] is True
    speech = Roster([engine, EspeakEngine()]).speak("xin chào", "vi", "piper:vi_VN-thu-medium", Deadline(20))
    assert (speech.spoken.voice.id, speech.degraded) == ("piper:vi_VN-thu-medium", False)


def test_a_mended_voice_speaks_without_a_restart(piper_voices):
    model = piper_voices / "vi_VN-thu-medium.onnx"
    model.write_bytes(b"damaged")
    engine = PiperEngine(piper_voices)
    assert "INVALID_PROTOBUF" in engine.answers(Deadline(20))
    assert [voice for voice, _ in engine.broken(Deadline(20))] == [THU]
    model.write_bytes(b"well")
    assert engine.answers(Deadline(20)) == ""
    assert engine.broken(Deadline(20)) == []


def test_a_voice_that_hangs_rests_for_a_minute_and_costs_the_others_nothing(piper_voices):
    clock = [100.0]
    drop_in(piper_voices, "aa-hangs", b"hangs")
    engine = PiperEngine(piper_voices, seconds=1, monotonic=lambda: clock[0])
    hanging = engine.voices(Deadline(5))[0]
    with pytest.raises(EngineFailed, match="in time"):
        engine.speak(["xin chào"], hanging, Deadline(20))
    started = time.monotonic()
    with pytest.raises(EngineFailed, match="asked again later"):
        engine.speak(["xin chào"], hanging, Deadline(20))
    assert time.monotonic() - started < 0.5
    assert engine.speak(["xin chào"], THU, Deadline(20)).phrases
    clock[0] += 61
    with pytest.raises(EngineFailed, match="did not answer in time"):
        engine.speak(["xin chào"], hanging, Deadline(20))


@pytest.mark.parametrize("folder", ["none", "file"])
def test_a_folder_that_is_not_there_has_no_voices(tmp_path, folder):
    (tmp_path / "file").write_text("")
    engine = PiperEngine(tmp_path / folder)
    assert (engine.voices(Deadline(5)), engine.broken(Deadline(5))) == ([], [])
    assert "there is no voice" in engine.answers(Deadline(5))


def test_a_language_may_be_told_in_either_of_pipers_ways(piper_voices):
    drop_in(piper_voices, "old")
    (piper_voices / "old.onnx.json").write_text(json.dumps({"espeak": {"voice": "EN-us"}}))
    assert [voice.language for voice in PiperEngine(piper_voices).voices(Deadline(5))] == ["en-us", "vi"]


ANSWERS = "import struct, sys\nwrite = sys.stdout.buffer.write\ndef frame(b): write(struct.pack('>I', len(b)) + b)\n"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("while True: frame(bytes(100_000))", "did not stop"),
        ("while True: frame(b'')", "did not stop"),
        ("frame(b'1'); frame(b'ab'); sys.stdout.flush(); import time; time.sleep(60)", "in time"),
        ("write(b'\\xff' * 100)", "garbage"),
        ("frame(b'twenty'); frame(bytes(4))", "garbage"),
        ("frame(b'22050'); frame(bytes(3))", "garbage"),
        ("frame(b'22050')", "failed"),
        ("frame(b'22050'); write(struct.pack('>I', 1000) + b'half')", "failed"),
    ],
)  # fmt: skip
def test_a_process_that_answers_without_end_or_never_ends_is_stopped(tmp_path, monkeypatch, what, says):
    monkeypatch.setattr(process, "_END_SECONDS", 0.5)
    monkeypatch.setattr(process, "_MOST_BYTES", 3_000_000)
    script = tmp_path / "engine.py"
    script.write_text(f"{ANSWERS}{what}\n")
    started = time.monotonic()
    with pytest.raises(EngineFailed, match=says):
        EspeakEngine(script=script).speak(["a"], Voice("espeak", "vi", "vi"), Deadline(20))
    assert time.monotonic() - started < 5
