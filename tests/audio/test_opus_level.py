"""The level in the header of an Opus file: every decoder plays it, nothing else changes."""

import subprocess

import numpy as np
import pytest
import soundfile

from audio import ffmpeg
from audio.deadline import Deadline
from audio.opus_level import change_level, rounded_down
from core.errors import EngineFailed

RATE = 22_050


@pytest.fixture
def opus(tmp_path):
    time = np.arange(2 * RATE) / RATE
    path = tmp_path / "tone.opus"
    ffmpeg.encode([(0.2 * np.sin(2 * np.pi * 700 * time)).astype("f4")], RATE, {"opus": path}, Deadline(30))
    return path


def heard_by_ffmpeg(path) -> tuple[np.ndarray, str]:
    done = subprocess.run(
        [ffmpeg.executable(), "-v", "warning", "-i", path, "-f", "f32le", "-"],
        capture_output=True, check=True, timeout=360,
    )  # fmt: skip
    return np.frombuffer(done.stdout, "<f4"), done.stderr.decode()


def heard_by_stations(path) -> tuple[np.ndarray, str]:
    return soundfile.read(path, dtype="float32")[0], ""


@pytest.mark.parametrize("listen", [heard_by_ffmpeg, heard_by_stations])
@pytest.mark.parametrize("changes", [(-1.25,), (0.375,), (-2.0, 0.5), (0.5, -0.5)])
def test_a_changed_level_is_what_every_decoder_plays(opus, listen, changes):
    before, _ = listen(opus)
    for db in changes:
        change_level(opus, db)
    after, complaints = listen(opus)
    assert complaints == ""
    assert len(after) == len(before)
    assert np.allclose(after, before * 10 ** (sum(changes) / 20), atol=1e-4)


def test_a_level_that_is_changed_back_leaves_the_same_bytes(opus):
    before = opus.read_bytes()
    change_level(opus, rounded_down(-0.7))
    changed = opus.read_bytes()
    change_level(opus, -rounded_down(-0.7))
    assert changed != before
    assert len(changed) == len(before)
    assert opus.read_bytes() == before


def test_a_level_is_rounded_so_that_nothing_gets_louder_than_asked():
    assert rounded_down(-0.3) <= -0.3
    assert rounded_down(0.3) <= 0.3
    assert rounded_down(0.5) == 0.5


@pytest.mark.parametrize("content", [b"", b"OggS", b"RIFF" + bytes(60), b"OggS" + bytes(22) + b"\xff" + bytes(300)])
def test_what_is_no_opus_file_is_refused_and_left_alone(content, tmp_path):
    path = tmp_path / "other.opus"
    path.write_bytes(content)
    with pytest.raises(EngineFailed):
        change_level(path, 1.0)
    assert path.read_bytes() == content
