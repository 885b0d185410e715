"""MP3 frame by frame, on what the house's own encoder makes."""

import subprocess
from contextlib import closing
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from radio_lab import RATE, chirp, decoded, place_of

from audio import ffmpeg as encoder
from audio.deadline import Deadline
from core.errors import EngineFailed
from web.radio import frames
from web.radio.frames import Track

SECONDS = 6.0


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Noise that comes in bursts: between them the encoder saves bits for the next."""
    burst = np.random.default_rng(5).normal(0, 0.2, int(SECONDS * RATE)) * (
        np.arange(int(SECONDS * RATE)) % 22_050 < 6_000
    )
    return (chirp(SECONDS) + burst).astype(np.float32)


@pytest.fixture(scope="module")
def file(sound: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    encoder.encode([sound], RATE, {"mp3": folder / "a.mp3", "opus": folder / "a.opus"}, Deadline(30))
    return folder / "a.mp3"


def frames_of(path: Path, first: int = 0, count: int = 10_000) -> list[bytes]:
    with closing(Track(path)) as track:
        return track.frames(first, count)


def count_of(path: Path) -> int:
    with closing(Track(path)) as track:
        return track.count


def ffmpeg_complains(data: bytes) -> str:
    """What ffmpeg says against these bytes."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "warning", "-f", "mp3", "-i", "pipe:0", "-f", "null", "-"],
        input=data, capture_output=True, check=True, timeout=360,
    )  # fmt: skip
    lines = done.stderr.decode().splitlines()
    return "\n".join(line for line in lines if "Estimating duration" not in line)


def test_silence_is_silent_and_keeps_the_constant_rate():
    made = frames.silence(0, 3_000)
    assert abs(sum(map(len, made)) - 3_000 * frames.SECONDS * 8_000) < 2
    assert b"".join(made) == b"".join(frames.silence(0, 1_234) + frames.silence(1_234, 1_766))
    heard = decoded(b"".join(made))
    assert len(heard) == 3_000 * frames.SAMPLES
    assert not heard.any()
    assert ffmpeg_complains(b"".join(made)) == ""


def test_a_file_is_cut_into_its_frames_without_the_encoders_facts(file: Path, sound: np.ndarray):
    found, count = frames_of(file), count_of(file)
    data = file.read_bytes()
    assert data.endswith(b"".join(found))
    assert len(data) - len(b"".join(found)) in {208, 209}  # the frame of facts
    assert len(found) == count
    at, likeness = place_of(sound[: 2 * RATE], decoded(b"".join(found)))
    assert likeness > 0.9
    assert at == pytest.approx(frames.DELAY_SECONDS, abs=0.002)


def test_any_frame_is_found_at_once(file: Path):
    whole = frames_of(file)
    for first in (1, 2, 7, 100, len(whole) - 3):
        assert frames_of(file, first, 5) == whole[first : first + 5], first
    track = Track(file)
    assert [track.frames(first, 3) for first in (40, 43, 10, 13, 46)] == [
        whole[n : n + 3] for n in (40, 43, 10, 13, 46)
    ]
    assert track.frames(len(whole), 5) == []
    assert track.frames(len(whole) + 1_000, 5) == []
    track.close()


def test_the_encoder_does_use_the_reservoir_or_the_next_test_proves_nothing(file: Path):
    reaching = [frames.reaches_back(frame) for frame in frames_of(file)]
    assert sum(reach > 187 for reach in reaching) > 10  # further than one frame


def test_sound_that_is_cut_in_anywhere_is_clean_after_a_few_frames(file: Path, sound: np.ndarray):
    whole = frames_of(file)
    right = decoded(b"".join(whole))
    for first in range(20, 100, 7):
        entered = frames.entered(whole[first : first + 60])
        assert [len(frame) for frame in entered] == [len(frame) for frame in whole[first : first + 60]]
        stream = b"".join([*frames.silence(0, 20), *entered])
        assert ffmpeg_complains(stream) == "", first
        heard = decoded(stream)
        begin = 24 * frames.SAMPLES  # twenty of silence, at most three muted, and one that overlaps with those
        of_file = right[(first + 4) * frames.SAMPLES :][: len(heard) - begin]
        assert np.abs(heard[begin:][: len(of_file)] - of_file).max() < 1e-4, first


def test_two_sounds_and_silence_one_after_another_are_one_faultless_stream(file: Path):
    whole = frames_of(file)
    splice, stream = frames.Splice(), []
    for part in (whole[:50], whole[120:180], frames.silence(0, 9), whole[33:90], whole[:40]):
        splice.cut()
        stream += [splice.joined(frame) for frame in part]
    assert ffmpeg_complains(b"".join(stream)) == ""
    assert len(decoded(b"".join(stream))) == len(stream) * frames.SAMPLES


@pytest.mark.parametrize(
    "options", [("-ac", "2"), ("-ar", "48000"), ("-b:a", "96k"), ("-q:a", "4")], ids=["stereo", "48 kHz", "96k", "VBR"]
)
def test_mp3_of_another_kind_is_refused(file: Path, tmp_path: Path, options: tuple[str, ...]):
    other = tmp_path / "b.mp3"
    kept = ("-ac", "1", "-ar", "44100", *(() if "-q:a" in options else ("-b:a", "64k")))
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", file, "-c:a", "libmp3lame", *kept, *options, other],
        check=True, timeout=360,
    )  # fmt: skip
    with pytest.raises(EngineFailed):
        Track(other)


@pytest.mark.parametrize("content", [b"", b"\xff\xfb", b"ID3", b"mp3 clip 1", b"\xff\xfb\x50\xc0" + bytes(300)])
def test_what_is_no_mp3_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "x.mp3").write_bytes(content)
    with pytest.raises(EngineFailed):
        Track(tmp_path / "x.mp3")
    with pytest.raises(EngineFailed):
        Track(tmp_path / "nothing.mp3")


def test_an_id3_tag_is_passed_over(file: Path, tmp_path: Path):
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(b"ID3\x04\x00\x00" + bytes((0, 0, 2, 5)) + bytes(2 * 128 + 5) + file.read_bytes())
    assert frames_of(tagged) == frames_of(file)
