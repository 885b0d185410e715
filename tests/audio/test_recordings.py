"""Recordings: what phones make is taken by its content, everything else is refused with the reason."""

import math
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio import ffmpeg
from audio.containers import recognise
from audio.deadline import Deadline
from audio.ingest import check_and_master
from core.errors import EngineFailed, InvalidInput

PICTURE = ("-f", "lavfi", "-i", "color=red:size=64x64:duration=30:rate=5")
FORMATS = {
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k", "-ac", "2", "-f", "mp3"],
    "mp3 variable rate": ["-c:a", "libmp3lame", "-q:a", "6", "-f", "mp3"],
    "m4a": ["-c:a", "aac", "-f", "ipod"],
    "raw aac": ["-c:a", "aac", "-f", "adts"],
    "wav": ["-f", "wav"],
    "wav 8 kHz": ["-ar", "8000", "-f", "wav"],
    "wav 24 bit": ["-c:a", "pcm_s24le", "-f", "wav"],
    "wav float 96 kHz": ["-c:a", "pcm_f32le", "-ar", "96000", "-f", "wav"],
    "wav 8 channels": ["-ac", "8", "-f", "wav"],
    "wav telephone": ["-c:a", "pcm_alaw", "-ar", "8000", "-f", "wav"],
    "ogg vorbis": ["-c:a", "libvorbis", "-f", "ogg"],
    "opus": ["-c:a", "libopus", "-f", "ogg"],
    "flac": ["-f", "flac"],
    "amr": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-f", "amr"],
    "3gp": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-f", "3gp"],
    "wma": ["-c:a", "wmav2", "-f", "asf"],
    "wma 1": ["-c:a", "wmav1", "-f", "asf"],
    "apple lossless": ["-c:a", "alac", "-f", "ipod"],
    "wav adpcm": ["-c:a", "adpcm_ima_wav", "-f", "wav"],
    "wav 32 bit 192 kHz": ["-c:a", "pcm_s32le", "-ar", "192000", "-f", "wav"],
    "mp2": ["-c:a", "mp2", "-f", "mp2"],
    "aiff": ["-f", "aiff"],
    "webm": ["-c:a", "libopus", "-f", "webm"],
    "caf": ["-f", "caf"],
}


def made(speech_wav: Path, target: Path, options: list[str], before: tuple[str, ...] = ()) -> Path:
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", "-y", *before, "-i", speech_wav, *options, target], check=True, timeout=240
    )
    return target


def ingest(path: Path, folder: Path, most_seconds: float = 3600, seconds: float = 60, progress=lambda _p: None):
    folder.mkdir(exist_ok=True)
    with path.open("rb") as file:
        return check_and_master(file, folder, Deadline(seconds), most_seconds=most_seconds, progress=progress)


@pytest.fixture(scope="module")
def short_wav(speech, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("short") / "short.wav"
    soundfile.write(path, speech[0][: 5 * speech[1]] * 0.5, speech[1])
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_what_phones_and_computers_record_is_mastered(name, short_wav, tmp_path):
    path = made(short_wav, tmp_path / "recording", FORMATS[name])
    mastered = ingest(path, tmp_path / "work")
    assert mastered.seconds == pytest.approx(5.2, abs=0.3)
    assert mastered.warnings == ()
    assert mastered.lufs == pytest.approx(-16, abs=0.5)
    assert mastered.true_peak_db <= -1.5


def test_the_sound_of_a_video_is_taken(speech_wav, tmp_path):
    path = made(speech_wav, tmp_path / "a.mp4", ["-shortest", "-c:v", "mpeg4", "-c:a", "aac"], PICTURE)
    assert ingest(path, tmp_path / "work").lufs == pytest.approx(-16, abs=1)


def test_a_large_cover_picture_and_tags_do_not_matter(short_wav, tmp_path):
    cover = ["-f", "lavfi", "-i", "testsrc=size=2000x2000:rate=1:duration=1"]
    options = ["-map", "1:a", "-map", "0:v", "-c:v", "png", "-frames:v", "1", "-metadata", "title=" + "Họp thôn " * 900]
    path = made(short_wav, tmp_path / "covered.mp3", [*options, "-c:a", "libmp3lame", "-f", "mp3"], tuple(cover))
    assert b"APIC" in path.read_bytes()[:40_000]
    assert ingest(path, tmp_path / "work").lufs == pytest.approx(-16, abs=0.5)


SALVAGED = ["mp3", "mp3 variable rate", "raw aac", "wav", "wav 24 bit", "ogg vorbis", "opus", "flac", "amr", "wma", "aiff", "webm"]  # fmt: skip


@pytest.mark.parametrize("name", SALVAGED)
def test_a_recording_cut_off_is_salvaged_with_a_warning(name, short_wav, tmp_path):
    path = made(short_wav, tmp_path / "recording", FORMATS[name])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 7 // 10])
    mastered = ingest(path, tmp_path / "work")
    assert 2 < mastered.seconds < 4.5
    assert [warning.code in ("damaged", "incomplete") for warning in mastered.warnings] == [True]


def test_floats_that_are_no_sound_are_silenced_and_told(short_wav, tmp_path):
    path = made(short_wav, tmp_path / "f.wav", ["-c:a", "pcm_f32le", "-f", "wav"])
    content = bytearray(path.read_bytes())
    content[80_044:84_044] = np.full(1000, 3e38, "<f4").tobytes()
    path.write_bytes(content)
    mastered = ingest(path, tmp_path / "work")
    assert mastered.lufs == pytest.approx(-16, abs=0.5)
    assert [warning.code for warning in mastered.warnings] == ["damaged"]


def as_wav(samples: np.ndarray, path: Path, rate: int = 22_050) -> Path:
    soundfile.write(path, samples, rate)
    return path


def test_what_sounds_wrong_is_said(speech, tmp_path):
    said, rate = speech[0][: 5 * speech[1]] * np.float32(0.5), speech[1]
    random = np.random.default_rng(2)
    hiss = random.standard_normal(len(said)).astype(np.float32)
    cases = {
        "clipped": np.clip(said * 30, -1, 1),
        "noise": hiss * np.float32(0.1),
        "quiet": said * np.float32(0.03),
        "mostly_silent": np.concatenate([said[: rate * 2], np.zeros(10 * rate, np.float32), said[: rate * 2]]),
        "": said,
    }
    for code, samples in cases.items():
        warnings = ingest(as_wav(samples, tmp_path / "w.wav"), tmp_path / "work").warnings
        assert [warning.code for warning in warnings] == ([code] if code else []), code
        assert all("%(" not in str(warning) for warning in warnings)


def test_silence_around_a_recording_is_cut_and_the_first_word_has_a_lead_in(speech, tmp_path):
    said, rate = speech[0][: 4 * speech[1]] * np.float32(0.5), speech[1]
    loud = np.flatnonzero(np.abs(said) > 0.01)
    said = said[loud[0] : loud[-1]]
    silence = np.zeros(3 * rate, np.float32)
    for number, samples in enumerate((said, np.concatenate([silence, said, silence]))):
        made_of = ingest(as_wav(samples, tmp_path / "a.wav"), tmp_path / f"work{number}")
        assert made_of.seconds == pytest.approx(len(said) / rate + 0.3 + (0.3 if number else 0), abs=0.15)
        wav = tmp_path / "heard.wav"
        ffmpeg.to_wave(made_of.files["mp3"], wav, Deadline(20))
        heard, heard_rate = soundfile.read(wav)
        begins = np.flatnonzero(np.abs(heard) > 0.05)[0] / heard_rate
        assert 0.25 < begins < 0.5
        assert np.abs(heard[: heard_rate // 5]).max() < 0.003


def test_sound_that_starts_and_stops_at_once_does_not_click(tmp_path):
    tone = 0.5 * np.cos(2 * np.pi * 440 * np.arange(5 * 22_050) / 22_050).astype(np.float32)
    mastered = ingest(as_wav(tone, tmp_path / "t.wav"), tmp_path / "work")
    wav = tmp_path / "heard.wav"
    ffmpeg.to_wave(mastered.files["mp3"], wav, Deadline(20))
    heard, rate = soundfile.read(wav)
    start = round(0.3 * rate)
    edge = heard[start - rate // 50 : start + rate // 200]
    assert np.abs(edge).max() < 0.6 * np.abs(heard).max()
    assert np.abs(heard[-20:]).max() < 0.05


def test_a_large_tag_and_a_name_that_lies_do_not_matter(speech_wav, tmp_path):
    plain = made(speech_wav, tmp_path / "plain.mp3", FORMATS["mp3"]).read_bytes()
    size = 3_000_000
    tag = (
        b"ID3\x04\x00\x00"
        + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
        + b"\xff\xfb" * (size // 2)
    )
    tagged = tmp_path / "tagged.flac"
    tagged.write_bytes(tag + plain)
    assert ingest(tagged, tmp_path / "work").seconds == pytest.approx(soundfile.info(speech_wav).duration, abs=0.4)


def test_a_recording_gets_no_chime_and_the_same_one_gives_the_same_bytes(speech_wav, tmp_path):
    one, two = (ingest(speech_wav, tmp_path / name) for name in ("a", "b"))
    assert one.seconds == pytest.approx(soundfile.info(speech_wav).duration, abs=0.35)
    for codec in ("mp3", "opus"):
        assert one.files[codec].read_bytes() == two.files[codec].read_bytes()


def refused(path: Path, tmp_path: Path, says: str, **limits) -> None:
    with pytest.raises(InvalidInput, match=says):
        ingest(path, tmp_path / "work", **limits)


def bad_files(tmp_path: Path, speech_wav: Path) -> dict[str, tuple[bytes, str]]:
    flac = made(speech_wav, tmp_path / "whole.flac", ["-f", "flac"]).read_bytes()
    m4a = made(speech_wav, tmp_path / "whole.m4a", ["-c:a", "aac"]).read_bytes()
    mp3 = made(speech_wav, tmp_path / "whole.mp3", FORMATS["mp3"]).read_bytes()
    silence = ["-af", "volume=0", "-c:a", "libmp3lame"]
    picture = made(speech_wav, tmp_path / "p.png", ["-map", "0:v", "-frames:v", "1"], PICTURE).read_bytes()
    video = made(speech_wav, tmp_path / "v.mp4", ["-map", "0:v", "-c:v", "mpeg4", "-t", "2"], PICTURE).read_bytes()
    return {
        "nothing": (b"", "0 bytes"),
        "a program": (Path(sys.executable).read_bytes()[:300_000], "not a sound file"),
        "ffmpeg itself": (Path(ffmpeg.executable()).read_bytes()[:2_000_000], "not a sound file"),
        "text": ("Kính mời bà con\n".encode() * 1000, "not a sound file"),
        "html": (b"<!doctype html><title>404</title>" * 100, "not a sound file"),
        "a playlist": (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:1/a.mp3\n", "not a sound file"),
        "a concat script": (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "not a sound file"),
        "subtitles": (b"1\n00:00:01,000 --> 00:00:02,000\nxin chao\n", "not a sound file"),
        "a zip": (b"PK\x03\x04" + bytes(2000), "not a sound file"),
        "a picture": (picture, "not a sound file"),
        "noise": (np.random.default_rng(3).bytes(500_000), "not a sound file"),
        "zeros": (bytes(100_000), "not a sound file"),
        "a video without sound": (video, "holds none"),
        "the first bytes of a FLAC": (flac[:60], "damaged"),
        "a tenth of a FLAC": (flac[: len(flac) // 10], "damaged"),
        "an M4A cut in half": (m4a[: len(m4a) // 2], "damaged"),
        "a WAV header alone": (speech_wav.read_bytes()[:44], "damaged"),
        "a tag alone": (b"ID3\x04\x00\x00\x00\x00\x07\x68" + bytes(1000), "not a sound file"),
        "an MP3 turned to noise": (mp3[:9000] + np.random.default_rng(4).bytes(200_000), "damaged"),
        "silence": (made(speech_wav, tmp_path / "s.mp3", silence).read_bytes(), "silent"),
    }


def test_what_is_no_recording_is_refused_with_the_reason(tmp_path, speech_wav):
    for name, (content, says) in bad_files(tmp_path, speech_wav).items():
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(content)
        try:
            refused(path, tmp_path, says)
        except (AssertionError, pytest.fail.Exception) as error:
            raise AssertionError(f"{name}: {error}") from error


def test_a_playlist_with_an_address_in_it_fetches_nothing(tmp_path, speech_wav):
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/a.mp3"
    (tmp_path / "real.mp3").write_bytes(made(speech_wav, tmp_path / "x.mp3", FORMATS["mp3"]).read_bytes())
    baits = {
        "a.mp3": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
        "b.mp3": f"ffconcat version 1.0\nfile '{url}'\n",
        "c.mp3": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
        "d.mp3": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio {server.server_address[1]} RTP/AVP 0\n",
    }
    try:
        for name, bait in baits.items():
            (tmp_path / name).write_text(bait)
            refused(tmp_path / name, tmp_path, "not a sound file")
            # And even when told that it is a playlist, ffmpeg may not reach out of files and pipes.
            with (
                (tmp_path / name).open("rb") as file,
                ffmpeg.decode(
                    file, {"a": "hls", "b": "concat", "c": "dash", "d": "sdp"}[name[0]], Deadline(20), at_most_seconds=5
                ) as decoding,
            ):
                assert list(decoding.blocks()) == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == []


def test_hours_of_silence_in_a_small_file_are_refused_before_they_take_space(tmp_path):
    bomb = tmp_path / "bomb.flac"
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "7200", bomb],
        check=True, timeout=360,
    )  # fmt: skip
    assert bomb.stat().st_size < 2_000_000
    refused(bomb, tmp_path, "longer than the 5 minutes", most_seconds=300)
    assert sum(item.stat().st_size for item in (tmp_path / "work").iterdir()) < 301 * 8000 * 4 + 70_000 * 4


def test_a_recording_of_the_allowed_length_is_taken_and_a_second_more_is_not(tmp_path, speech_wav):
    length = soundfile.info(speech_wav).duration
    assert ingest(speech_wav, tmp_path / "a", most_seconds=length).seconds == pytest.approx(length, abs=0.35)
    refused(speech_wav, tmp_path, "longer than", most_seconds=length - 1)


def test_a_wav_cut_short_by_a_fifth_is_salvaged(tmp_path, speech_wav):
    content = speech_wav.read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(content[: len(content) * 4 // 5])
    assert ingest(cut, tmp_path / "work").seconds == pytest.approx(soundfile.info(speech_wav).duration * 0.8, abs=0.4)


def test_samples_that_are_no_numbers_do_no_harm(tmp_path):
    time_ = np.arange(96_000) / 48_000
    tone = (0.2 * np.sin(2 * np.pi * 440 * time_)).astype(np.float32)
    tone[::1000] = np.nan
    tone[500::1000] = np.inf
    soundfile.write(tmp_path / "nan.wav", tone, 48_000, subtype="FLOAT")
    assert math.isfinite(ingest(tmp_path / "nan.wav", tmp_path / "work").lufs)


def test_a_slow_ffmpeg_is_stopped_at_the_deadline(tmp_path, speech_wav, monkeypatch):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "executable", lambda: str(slow))
    started = time.monotonic()
    with pytest.raises(EngineFailed) as caught:
        ingest(speech_wav, tmp_path / "work", seconds=0.5)
    assert caught.value.code == "too_slow"
    assert time.monotonic() - started < 3


def test_progress_of_a_recording_rises_to_a_hundred(tmp_path, speech_wav):
    seen: list[int] = []
    ingest(speech_wav, tmp_path / "work", progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0] >= 0, seen[-1]) == (True, 100)


def test_a_long_recording_is_streamed_in_little_memory(tmp_path, speech_wav):
    """Five minutes, which would take 58 MB as samples; the process that masters them stays under 110 MB."""
    long = tmp_path / "long.mp3"
    made(speech_wav, long, ["-t", "300", "-ar", "48000", "-c:a", "libmp3lame", "-b:a", "64k"], ("-stream_loop", "-1"))
    script = (
        "import sys, pathlib\n"
        "from audio.ingest import check_and_master\n"
        "from audio.deadline import Deadline\n"
        "with open(sys.argv[1], 'rb') as file:\n"
        "    made = check_and_master(file, pathlib.Path(sys.argv[2]), Deadline(170), most_seconds=10800)\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(made.seconds, int(status['VmHWM'].split()[0]) / 1024)\n"
    )
    (tmp_path / "work").mkdir()
    said = subprocess.run(
        [sys.executable, "-c", script, long, tmp_path / "work"], capture_output=True, text=True, check=True, timeout=525
    ).stdout.split()
    assert float(said[0]) == pytest.approx(300, abs=1)
    assert float(said[1]) < 110


def test_recognising_reads_content_only_and_rewinds(tmp_path, speech_wav):
    shutil.copy(speech_wav, tmp_path / "lies.mp3")
    with (tmp_path / "lies.mp3").open("rb") as file:
        assert recognise(file) == "wav"
        assert file.tell() == 0
