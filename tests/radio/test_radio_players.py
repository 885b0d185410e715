"""Real players: ffmpeg, mpv, and Icecast that hands the stream on."""

import shutil
import subprocess
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from radio_lab import Lab, Samples, Server, chirp, listen, needed, place_of, without_titles

from benchmarks import _icecast
from core.clock import utc_now

pytestmark = pytest.mark.processes
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@contextmanager
def player(*command: str | Path) -> "Iterator[subprocess.Popen[bytes]]":
    running = subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.kill()
        running.communicate(timeout=10)


def ended(running: "subprocess.Popen[bytes]", seconds: float) -> str:
    said, _ = running.communicate(timeout=seconds)
    assert running.returncode == 0, said.decode()
    return said.decode()


def samples(file: Path) -> Samples:
    with wave.open(str(file)) as sound:
        assert sound.getframerate() == 44_100
        assert sound.getnchannels() == 1
        return np.frombuffer(sound.readframes(sound.getnframes()), np.int16).astype(np.float32) / 32_768


def to_wave(url: str, file: Path, seconds: float, *options: str) -> list[str | Path]:
    return [FFMPEG, "-nostdin", "-y", "-v", "info", *options, "-i", url, "-t", str(seconds), file]


def test_ffmpeg_plays_it_and_reads_its_name(lab: Lab, server: Server, tmp_path: Path):
    lab.let_everybody_listen()
    sound = chirp(6.0)
    starts = lab.on_air(1, ("Lịch tiêm chủng", sound))
    time.sleep(max(0.0, (starts - utc_now()).total_seconds()) + 1)
    with player(*to_wave(server.url("79.1"), tmp_path / "heard.wav", 6)) as running:
        said = ended(running, 60)
    assert place_of(sound[: 3 * 44_100], samples(tmp_path / "heard.wav"))[1] > 0.95
    assert "icy-name        : commune_a" in said
    assert "rror" not in said
    assert "64 kb/s" in said


@pytest.fixture
def mpv() -> str:
    return needed(shutil.which("mpv"), "mpv")


@pytest.fixture
def icecast_program() -> str:
    return needed(_icecast.program(), "icecast2")


def test_mpv_plays_it_and_shows_the_title(mpv: str, lab: Lab, server: Server, tmp_path: Path):
    lab.let_everybody_listen()
    sound = chirp(6.0)
    starts = lab.on_air(1, ("Lịch tiêm chủng", sound))
    time.sleep(max(0.0, (starts - utc_now()).total_seconds()) + 1)
    with player(
        mpv, "--no-config", "--no-video", "--ao=pcm", f"--ao-pcm-file={tmp_path / 'heard.pcm'}", "--audio-format=s16",
        "--ao-pcm-waveheader=no", "--audio-channels=mono", "--audio-samplerate=44100", "--length=6", "--msg-level=all=info", server.url("79.1"),
    ) as running:  # fmt: skip
        said = ended(running, 60)
    heard = np.frombuffer((tmp_path / "heard.pcm").read_bytes(), np.int16).astype(np.float32)
    assert place_of(sound[: 3 * 44_100], heard)[1] > 0.95
    assert "icy-title: Lịch tiêm chủng" in said


@pytest.mark.usefixtures("icecast_program")
def test_icecast_relays_a_closed_place_by_token_and_players_hear_it_there(lab: Lab, server: Server, tmp_path: Path):
    sound = chirp(9.0)
    starts = lab.on_air(1, ("Lịch tiêm chủng", sound))
    token = lab.village.cast.tokens["viewer"]
    time.sleep(max(0.0, (starts - utc_now()).total_seconds()))
    with (
        _icecast.relaying(server.url("79.1"), clients=10, password=token) as icecast,
        player(*to_wave(icecast.url, tmp_path / "heard.wav", 5)) as running,
    ):
        with_titles = listen(icecast.port, "xa", 4, "Icy-MetaData: 1")
        ended(running, 60)
    assert place_of(sound[44_100 : 3 * 44_100], samples(tmp_path / "heard.wav"))[1] > 0.95
    assert with_titles.head["icy-name"] == "commune_a"
    _, titles = without_titles(with_titles.data, int(with_titles.head["icy-metaint"]))
    assert "StreamTitle='Lịch tiêm chủng'".encode() in titles[0][1]


def test_a_player_comes_back_when_the_web_process_was_started_anew_and_is_in_the_middle(
    lab: Lab, server: Server, tmp_path: Path
):
    lab.let_everybody_listen()
    sound = chirp(90.0)
    again = (
        "-reconnect",
        "1",
        "-reconnect_streamed",
        "1",
        "-reconnect_at_eof",
        "1",
        "-reconnect_on_network_error",
        "1",
    )
    with player(*to_wave(server.url("79.1"), tmp_path / "heard.wav", 9, *again)) as running:
        time.sleep(1)
        server.stop()
        lab.on_air(1, ("Mời họp", sound))
        server.start()
        ended(running, 90)  # ffmpeg waits 0, 1, 3, 7, 15 … seconds before its next try
    assert place_of(samples(tmp_path / "heard.wav")[-2 * 44_100 : -4_410], sound)[1] > 0.95
