"""Recordings off the beaten track: odd channels, odd containers, hostile headers, and files damaged at random."""

import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio import ffmpeg
from audio.deadline import Deadline
from audio.ingest import check_and_master, read
from audio.mixdown import Mixdown
from audio.presets import SPEECH_INDOOR
from core.errors import InvalidInput, LoaError

RATE = 22_050


@pytest.fixture(scope="module")
def said(speech) -> np.ndarray:
    return speech[0][: 4 * RATE] * np.float32(0.4)


@pytest.fixture(scope="module")
def said_wav(said, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("said") / "said.wav"
    soundfile.write(path, said, RATE)
    return path


def encoded(said_wav: Path, *options: str, before: tuple[str, ...] = ()) -> bytes:
    """What ffmpeg makes of it through a pipe, so without going back to complete any header."""
    arguments = [ffmpeg.executable(), "-v", "error", *before, "-i", said_wav, *options, "pipe:1"]
    return subprocess.run(arguments, capture_output=True, check=True, timeout=240).stdout


def in_file(said_wav: Path, path: Path, *options: str, before: tuple[str, ...] = ()) -> bytes:
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", "-y", *before, "-i", said_wav, *options, path], check=True, timeout=240
    )
    return path.read_bytes()


def ingest(content: bytes, folder: Path, **limits):
    path = folder / "upload"
    path.write_bytes(content)
    with path.open("rb") as file:
        return check_and_master(file, folder, Deadline(60), **{"most_seconds": 600, **limits})


def as_wav(samples: np.ndarray, folder: Path, subtype: str = "PCM_16") -> bytes:
    soundfile.write(folder / "made.wav", samples, RATE, subtype=subtype)
    return (folder / "made.wav").read_bytes()


def good_files(said_wav: Path, folder: Path) -> dict[str, bytes]:
    picture = ("-f", "lavfi", "-i", "testsrc=size=160x120:duration=4:rate=5")
    return {
        "RF64": in_file(said_wav, folder / "a.wav", "-rf64", "always"),
        "Wave64": in_file(said_wav, folder / "a.w64", "-f", "w64"),
        "Sun audio": in_file(said_wav, folder / "a.au", "-f", "au"),
        "WebM as a browser records it": encoded(said_wav, "-c:a", "libopus", "-f", "webm"),
        "MP4 as a browser records it": encoded(
            said_wav, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"
        ),
        "WAV through a pipe": encoded(said_wav, "-f", "wav"),
        "a video with its table at the end": in_file(
            said_wav, folder / "a.mp4", "-shortest", "-c:v", "mpeg4", "-c:a", "aac", before=picture
        ),
        "AMR in 3GP": in_file(
            said_wav, folder / "a.3gp", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-f", "3gp"
        ),
    }


def test_containers_that_only_some_programs_write_are_taken(said_wav, tmp_path):
    for name, content in good_files(said_wav, tmp_path).items():
        made = ingest(content, tmp_path)
        assert made.seconds == pytest.approx(4.3, abs=0.35), name
        assert made.lufs == pytest.approx(-16, abs=0.5), name
        assert made.warnings == (), name


def with_cover(mp3: bytes, size: int) -> bytes:
    """An ID3v2.3 tag with a front cover of `size` random bytes before the sound."""
    picture = b"\0image/jpeg\0\3\0" + np.random.default_rng(1).bytes(size)
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    length = len(frame)
    return b"ID3\x03\0\0" + bytes([length >> shift & 127 for shift in (21, 14, 7, 0)]) + frame + mp3


def test_a_broken_cover_of_twenty_megabytes_is_no_damage_to_the_sound(said_wav, tmp_path):
    mp3 = encoded(said_wav, "-c:a", "libmp3lame", "-q:a", "6", "-f", "mp3")
    made = ingest(with_cover(mp3, 20_000_000), tmp_path)
    assert made.warnings == ()
    assert made.seconds == pytest.approx(4.3, abs=0.3)


def channels(*each: np.ndarray) -> np.ndarray:
    return np.stack(each, axis=1)


@pytest.mark.parametrize(
    ("name", "weights", "warned"),
    [
        ("one channel turned over", (1, -1), ["one_channel"]),
        ("one channel turned over and weaker", (0.7, -1), ["one_channel"]),
        ("in the left only", (1, 0), []),
        ("in the right only", (0, 1), []),
        ("in the fourth of eight, which a cinema would give to its bass", (0, 0, 0, 1, 0, 0, 0, 0), []),
        ("in the last of eight", (0,) * 7 + (1,), []),
    ],
)
def test_speech_comes_out_loud_wherever_it_stands_among_the_channels(name, weights, warned, said, tmp_path):
    made = ingest(as_wav(channels(*(said * np.float32(weight) for weight in weights)), tmp_path), tmp_path)
    assert made.lufs == pytest.approx(-16, abs=0.5)
    assert made.seconds == pytest.approx(4.3, abs=0.3)
    assert [warning.code for warning in made.warnings] == warned, name


def test_a_channel_turned_over_gives_the_same_sound_from_its_first_moment(said):
    pairs = channels(said, -said)
    mixdown = Mixdown()
    mixed = np.concatenate([mixdown.feed(pairs[at : at + 30_000]) for at in range(0, len(pairs), 30_000)])
    assert mixdown.cancels
    assert np.array_equal(np.abs(mixed), np.abs(said))


def test_channels_that_turn_over_in_the_middle_change_without_a_click(said):
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(60_000) / RATE).astype(np.float32)
    turned = tone * np.interp(np.arange(60_000), [20_000, 40_000], [1, -1]).astype(np.float32)
    mixdown, pairs = Mixdown(), channels(tone, turned)
    mixed = np.concatenate([mixdown.feed(pairs[at : at + 5_000]) for at in range(0, 60_000, 5_000)])
    assert np.abs(np.diff(mixed)).max() < 1.2 * np.abs(np.diff(tone)).max()
    assert np.sqrt(np.square(mixed[:10_000]).mean()) == pytest.approx(0.212, abs=0.01)
    assert np.sqrt(np.square(mixed[55_000:]).mean()) == pytest.approx(0.212, abs=0.01)


def test_unlike_channels_are_mixed_evenly(said):
    other = np.roll(said, 9_000)
    mixdown = Mixdown()
    assert np.allclose(mixdown.feed(channels(said, other)), (said + other) / 2, atol=1e-6)
    assert not mixdown.cancels


def test_a_constant_under_the_sound_is_taken_away(said, tmp_path):
    for content in (as_wav(said * np.float32(0.5) + np.float32(0.5), tmp_path), as_wav(said + 20, tmp_path, "FLOAT")):
        assert ingest(content, tmp_path).lufs == pytest.approx(-16, abs=0.5)


def header(channels_: int, rate: int, promised: int, kind: int = 1) -> bytes:
    """A WAV header that says what it likes."""
    second = (rate * channels_ * 2) & 0xFFFFFFFF
    form = struct.pack("<IHHIIHH", 16, kind, channels_, rate, second, (channels_ * 2) & 0xFFFF, 16)
    return (
        b"RIFF"
        + struct.pack("<I", min(promised + 36, 0xFFFFFFFF))
        + b"WAVEfmt "
        + form
        + b"data"
        + struct.pack("<I", promised)
    )


def test_a_header_that_promises_gigabytes_costs_nothing(said, tmp_path):
    sound = (said * 32_000).astype("<i2").tobytes()
    for promised in (3 << 30, 0xFFFFFFFF - 100):
        made = ingest(header(1, RATE, promised) + sound, tmp_path)
        assert made.seconds == pytest.approx(4.3, abs=0.3)
        assert [warning.code for warning in made.warnings] == ["damaged"]


MOV_TABLES = {b"stsz": (">II", 0, 0xFFFFFFF0), b"stts": (">III", 1, 0x10000000, 1), b"stco": (">I", 0x3FFFFFFF)}


def hostile_files(said_wav: Path, said: np.ndarray, folder: Path) -> dict[str, tuple[bytes, str]]:
    sound = (said * 32_000).astype("<i2").tobytes()
    mp3 = encoded(said_wav, "-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3")
    silent = np.full(len(said), np.nan, np.float32)
    noise = np.random.default_rng(1).bytes(200_000)
    heads = {
        "Ogg": b"OggS", "WebM": b"\x1a\x45\xdf\xa3", "AIFF": b"FORM\0\0\1\0AIFF", "Sun audio": b".snd", "CAF": b"caff\0\1\0\0",
        "WMA": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "FLAC": b"fLaC", "MP4": b"\0\0\0\x18ftypM4A ",
        "Wave64": b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000"),
    }  # fmt: skip
    return {
        "ten thousand channels": (header(10_000, 8_000, len(sound)) + sound, "Too many channels"),
        "no channel": (header(0, 8_000, len(sound)) + sound, "damaged"),
        "no rate": (header(1, 0, len(sound)) + sound, "damaged"),
        "four billion samples a second": (header(1, 4_000_000_000, len(sound)) + sound, "damaged"),
        "one sample a second": (header(1, 1, len(sound)) + sound, "longer than the 10 minutes"),
        "MP3 announced, PCM inside": (header(1, RATE, len(sound), 0x55) + sound, "damaged"),
        "sound inside a page": (b"<!doctype html><p>nghe</p>" * 40 + mp3, "not a sound file"),
        "a program": (Path(sys.executable).read_bytes()[:400_000], "not a sound file"),
        "no numbers at all": (as_wav(silent, folder, "FLOAT"), "silent"),
        "numbers beyond all sound": (as_wav(said.astype("f8") * 1e30, folder, "DOUBLE"), "silent"),
        **{f"noise with the head of {name}": (head + noise, "damaged") for name, head in heads.items()},
    }  # fmt: skip


def test_what_lies_about_itself_is_refused_quickly_with_the_reason(said_wav, said, tmp_path):
    for name, (content, says) in hostile_files(said_wav, said, tmp_path).items():
        started = time.monotonic()
        with pytest.raises(InvalidInput) as caught:
            ingest(content, tmp_path)
        assert says in str(caught.value), (name, str(caught.value))
        assert "0x" not in str(caught.value), name
        assert time.monotonic() - started < 15, name


def test_a_chain_of_ogg_streams_is_one_recording(said_wav, tmp_path):
    for codec in ("libvorbis", "libopus"):
        one = encoded(said_wav, "-c:a", codec, "-f", "ogg")
        assert ingest(one + one, tmp_path).seconds == pytest.approx(8.3, abs=0.4)


PEAK_SCRIPT = """
import pathlib, resource, sys
from audio.deadline import Deadline
from audio.ingest import check_and_master
from core.errors import InvalidInput
try:
    with open(sys.argv[1], "rb") as file:
        check_and_master(file, pathlib.Path(sys.argv[2]), Deadline(60), most_seconds=600)
except InvalidInput as error:
    print("refused", end=" ")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, int(status["VmHWM"].split()[0]) / 1024)
"""


def test_tables_that_an_mp4_invents_take_no_memory(said_wav, tmp_path):
    whole = in_file(said_wav, tmp_path / "a.m4a", "-c:a", "aac")
    together = bytearray(whole)
    for name, (form, *values) in MOV_TABLES.items():
        table, at = bytearray(whole), whole.index(name) + 8
        for content in (table, together):
            content[at : at + struct.calcsize(form)] = struct.pack(form, *values)
        check_peak(bytes(table), tmp_path)
    check_peak(bytes(together), tmp_path)


def check_peak(content: bytes, folder: Path) -> None:
    path = folder / "upload"
    path.write_bytes(content)
    said = subprocess.run(
        [sys.executable, "-c", PEAK_SCRIPT, path, folder], capture_output=True, text=True, check=True, timeout=240
    ).stdout.split()
    assert float(said[-1]) < 150
    assert float(said[-2]) < 200


def test_the_picture_of_a_recording_shows_it_before_anything_was_done(tmp_path):
    samples = np.zeros(8 * RATE, np.float32)
    random = np.random.default_rng(3)
    samples[2 * RATE : 5 * RATE] = random.standard_normal(3 * RATE).astype(np.float32) * np.float32(0.02)
    samples[6 * RATE] = 0.9
    made = ingest(as_wav(samples, tmp_path), tmp_path)
    before = np.frombuffer(made.as_recorded, np.uint8)
    assert 400 <= len(before) <= 800
    assert before.argmax() / len(before) == pytest.approx(0.75, abs=0.005)
    assert before.max() == pytest.approx(0.9 * 255, abs=1)
    assert before[: len(before) // 5].max() == 0
    heard = np.frombuffer(made.as_heard, np.uint8)
    assert 400 <= len(heard) <= 800
    assert np.median(heard[len(heard) // 5 : len(heard) // 2]) > 3 * np.median(before[before > 0])  # made louder


CONTAINERS = {
    "mp3": ["-c:a", "libmp3lame", "-f", "mp3"], "m4a": ["-c:a", "aac", "-f", "ipod"], "aac": ["-c:a", "aac", "-f", "adts"],
    "wav": ["-f", "wav"], "w64": ["-f", "w64"], "vorbis": ["-c:a", "libvorbis", "-f", "ogg"],
    "opus": ["-c:a", "libopus", "-f", "ogg"], "flac": ["-f", "flac"], "aiff": ["-f", "aiff"],
    "amr": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-f", "amr"],
    "3gp": ["-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-f", "3gp"],
    "wma": ["-c:a", "wmav2", "-f", "asf"], "webm": ["-c:a", "libopus", "-f", "webm"], "caf": ["-f", "caf"], "au": ["-f", "au"],
}  # fmt: skip
TRIES = 5


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_file_damaged_at_random_is_taken_or_refused_but_nothing_else_happens(name, said_wav, tmp_path):
    whole = in_file(said_wav, tmp_path / "whole", "-t", "2", *CONTAINERS[name])
    random = np.random.default_rng(sum(name.encode()))
    outcomes = []
    for turn in range(TRIES):
        content = bytearray(whole[: int(random.integers(1, len(whole)))] if turn % 2 else whole)
        reach = min(len(content), 600) if turn % 3 == 0 else len(content)  # the headers more often than chance would
        for at in random.integers(0, reach, int(random.integers(1, 12))):
            content[at] = random.integers(0, 256)
        (tmp_path / "upload").write_bytes(content)
        started = time.monotonic()
        try:
            with (tmp_path / "upload").open("rb") as file:
                material = read(
                    file, tmp_path, Deadline(20), most_seconds=600, progress=lambda _p: None, preset=SPEECH_INDOOR
                )
            outcomes.append(sum(len(block) for block in material.blocks(65_536)) > 0)
        except LoaError as error:
            outcomes.append(bool(str(error)))
        assert time.monotonic() - started < 15
    assert outcomes == [True] * TRIES
