"""`loa speak`, `loa voices` and `loa ingest` as a person starts them."""

import json
import subprocess
import sys

import pytest
import soundfile

from core.files import write_atomically


@pytest.fixture
def loa(tmp_path):
    def run(*arguments, stdin="", **environment):
        return subprocess.run(
            [sys.executable, "-m", "loa", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=240,
            check=False,
            env={"PATH": "", "LOA_GTTS_ENABLED": "false", "PYTHONUTF8": "1", **environment}, cwd=tmp_path,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(("name", "kind"), [("a.mp3", "MP3"), ("a.opus", "OGG"), ("a.ogg", "OGG"), ("a.wav", "WAV")])
def test_a_text_is_spoken_into_a_file(loa, tmp_path, name, kind):
    done = loa("speak", "Xin chào bà con.", "-o", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert "spoken by espeak:vi" in done.stdout
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.channels) == (kind, 1)
    assert 2.5 < info.duration < 7


@pytest.mark.parametrize(
    ("text", "file", "says"),
    [("", "a.mp3", "no text to speak"), ("chào", "a.xyz", "must end in"), ("chào", "none/a.mp3x", "must end in")],
)
def test_what_cannot_be_spoken_is_one_line_and_status_1(loa, tmp_path, text, file, says):
    done = loa("speak", text, "-o", tmp_path / file)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / file).exists()


def test_voices_tells_each_voice_its_engine_and_whether_it_answers(loa, service):
    done = loa("voices", "--language", "vi", LOA_GTTS_ENABLED="true", LOA_GTTS_URL=service.url)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines][:2] == ["gtts:vi", "espeak:vi"]
    assert {line[3] for line in lines} == {"gtts answers", "espeak answers"}
    service.behave = "error"
    done = loa("voices", LOA_GTTS_ENABLED="true", LOA_GTTS_URL=service.url)
    assert "gtts does not answer: gTTS failed: the service answered with status 503" in done.stdout


def test_voices_shows_those_of_piper_first(loa, piper_voices, tmp_path):
    done = loa("voices", "--language", "vi", LOA_PIPER_VOICES=str(piper_voices), PYTHONPATH=str(tmp_path / "packages"))
    assert done.stdout.splitlines()[0].split("\t") == [
        "piper:vi_VN-thu-medium", "vi", "vi_VN-thu-medium (Vietnam)", "piper answers",
    ]  # fmt: skip


def test_voices_shows_a_broken_voice_of_piper_as_not_answering_and_the_others_as_they_are(loa, piper_voices, tmp_path):
    (piper_voices / "torn.onnx").write_bytes(b"well")
    (piper_voices / "torn.onnx.json").write_text("{")
    environment = {"LOA_PIPER_VOICES": str(piper_voices), "PYTHONPATH": str(tmp_path / "packages")}
    lines = [line.split("\t") for line in loa("voices", "--language", "vi", **environment).stdout.splitlines()]
    assert [line[:2] for line in lines[:3]] == [
        ["piper:vi_VN-thu-medium", "vi"],
        ["piper:torn", "?"],
        ["espeak:vi", "vi"],
    ]
    assert lines[0][3] == "piper answers"
    assert lines[1][3] == "piper does not answer: torn.onnx.json is missing or can't be read"
    assert lines[2][3] == "espeak answers"


def test_speed_pitch_and_preset_are_heard(loa, tmp_path):
    text, seconds = "Kính mời bà con ra nhà văn hóa họp thôn tối nay.", {}
    for name, more in (("usual", ()), ("slow", ("--speed", "0.5")), ("high", ("--pitch=-4", "--preset", "music"))):
        done = loa("speak", text, "-o", tmp_path / f"{name}.wav", *more)
        assert done.returncode == 0, done.stderr
        seconds[name] = soundfile.info(tmp_path / f"{name}.wav").duration
    words = seconds["slow"] - seconds["usual"]  # at half the speed they take as long again
    assert 2 < words < seconds["usual"] - 2
    assert seconds["high"] == pytest.approx(seconds["usual"], abs=0.03 * words)
    wrong = loa("speak", text, "-o", tmp_path / "x.mp3", "--speed", "9")
    assert (wrong.returncode, wrong.stderr.count("\n"), "between 0.5 and 2" in wrong.stderr) == (1, 1, True)
    assert loa("speak", text, "-o", tmp_path / "x.mp3", "--pitch", "nan").returncode == 1


def test_ingest_prints_one_json_line_for_each_file(loa, tmp_path, speech_wav):
    (tmp_path / "program.mp3").write_bytes(b"\x7fELF" + bytes(5000))
    done = loa("ingest", speech_wav, tmp_path / "program.mp3", tmp_path / "gone.mp3", tmp_path)
    assert done.returncode == 0, done.stderr
    good, program, gone, folder = (json.loads(line) for line in done.stdout.splitlines())
    assert list(good) == ["file", "ok", "seconds", "lufs", "true_peak_db", "clips", "warnings"]
    assert (good["file"], good["ok"]) == (str(speech_wav), True)
    assert good["lufs"] == pytest.approx(-16, abs=1)
    assert good["true_peak_db"] <= -1.5
    assert {codec: set(clip) for codec, clip in good["clips"].items()} == {
        c: {"sha256", "bytes"} for c in ("mp3", "opus")
    }
    for bad in (program, gone, folder):
        assert list(bad) == ["file", "ok", "error"]
        assert bad["ok"] is False
    assert not (tmp_path / "var").exists()


def test_ingest_keeps_the_order_of_the_files_and_says_what_is_wrong_with_them(loa, tmp_path, speech_wav):
    sound, rate = soundfile.read(speech_wav)
    soundfile.write(tmp_path / "loud.wav", (sound[: 4 * rate] * 60).clip(-1, 1), rate)
    soundfile.write(tmp_path / "short.wav", sound[: 3 * rate], rate)
    done = loa("ingest", "--preset", "music", tmp_path / "loud.wav", tmp_path / "none.wav", tmp_path / "short.wav")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["file"].rsplit("/", 1)[1] for line in lines] == ["loud.wav", "none.wav", "short.wav"]
    assert "too loud" in lines[0]["warnings"][0]
    assert lines[2]["warnings"] == []
    wrong = loa("ingest", "--preset", "loud", tmp_path / "short.wav")
    assert (wrong.returncode, "speech-horn, speech-indoor, music" in wrong.stderr) == (1, True)


def test_ingest_into_an_installation_keeps_the_clips(loa, tmp_path, speech_wav):
    write_atomically(tmp_path / "other" / "settings.toml", b"")
    done = loa("ingest", speech_wav, "--home", tmp_path / "other")
    clip = json.loads(done.stdout)["clips"]["opus"]
    path = tmp_path / "other" / "media" / clip["sha256"][:2] / f"{clip['sha256']}.opus"
    assert path.stat().st_size == clip["bytes"]


def test_spoken_answers_line_by_line_while_the_input_is_still_open(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "loa", "spoken"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
        cwd=tmp_path, env={"PYTHONUTF8": "1"},
    )  # fmt: skip
    with process:
        for line, said in (("Họp lúc 7h30", "bảy giờ ba mươi"), ("", ""), ("giá 70.000đ", "bảy mươi nghìn đồng")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert said in process.stdout.readline()
        process.stdin.close()
        assert process.stdout.read() == ""
    assert process.returncode == 0
