"""Figures of the decoded files, by instruments that are not ours: ffmpeg's ebur128 and pyloudnorm."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from scipy.signal import butter, lfilter, resample_poly, sosfilt

from audio import ffmpeg
from audio.deadline import Deadline
from audio.hearing import Listener, encode_opus
from audio.loudness import Analyser, measure
from audio.mastering import InMemory, master
from audio.opus_level import change_level
from audio.presets import MUSIC, PRESETS, SPEECH_HORN, SPEECH_INDOOR, preset_named
from audio.truepeak import TruePeak
from core.errors import InvalidInput

RATE = 48_000


def decoded(path: Path) -> tuple[np.ndarray, int]:
    wav = path.with_suffix(path.suffix + ".wav")
    subprocess.run(
        [ffmpeg.executable(), "-v", "error", "-y", "-i", path, "-c:a", "pcm_f32le", wav], check=True, timeout=240
    )
    return soundfile.read(wav, dtype="float64")


def ebur128(path: Path) -> tuple[float, float]:
    """Integrated loudness and true peak as ffmpeg's own meter reads them."""
    said = subprocess.run(
        [ffmpeg.executable(), "-hide_banner", "-nostats", "-i", path, "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True, text=True, timeout=240, check=True,
    ).stderr  # fmt: skip
    summary = said[said.rindex("Summary") :]
    loudness, peak = re.search(r"I:\s+(-?[\d.]+) LUFS", summary), re.search(r"Peak:\s+(-?[\d.]+) dBFS", summary)
    return float(loudness[1]), float(peak[1])


def syllables(seconds: float, rate: int, seed: int = 1) -> np.ndarray:
    """Bursts of noise and tone, four a second."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) + 0.3 * random.standard_normal(len(time))
    return (voice * np.clip(np.sin(2 * np.pi * 4 * time), 0, 1) ** 2).astype(np.float32)


def disturbed(said: np.ndarray, rate: int, random: np.random.Generator, *, drums: bool) -> np.ndarray:
    noise = random.standard_normal(len(said))
    if drums:
        beats = np.exp(-(np.arange(len(said)) % (rate // 2)) / 400) * noise
        return (said + beats * np.abs(said).max()).astype(np.float32)
    wind = lfilter([1], [1, -0.99], noise)
    return (said + 0.8 * said.std() * wind / wind.std()).astype(np.float32)


def material(name: str, speech: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
    said, rate = speech
    random = np.random.default_rng(7)
    if name in ("speech", "quiet speech"):
        return said * np.float32(0.003 if name == "quiet speech" else 1), rate
    if name == "clipped speech":
        return np.clip(said * 12, -1, 1).astype(np.float32), rate
    if name == "five seconds":
        return said[: 5 * rate], rate
    if name == "speech at 8 kHz":
        return resample_poly(said, 160, 441).astype(np.float32), 8_000
    if name == "speech with claps":
        peaky = said * np.float32(0.05)
        for at in random.integers(0, len(said) - 100, 40):
            peaky[at : at + 60] += np.float32(0.9) * random.choice([-1, 1]) * np.hanning(60).astype(np.float32)
        return peaky, rate
    if name in ("speech in wind", "speech over drums"):
        return disturbed(said, rate, random, drums="drums" in name), rate
    if name == "bursts":
        return syllables(8, 44_100) * np.float32(0.1), 44_100
    if name == "noise":
        return random.standard_normal(6 * RATE).astype(np.float32) * np.float32(0.1), RATE
    assert name == "square wave"
    time = np.arange(6 * 44_100) / 44_100
    return np.sign(np.sin(2 * np.pi * 997 * time)).astype(np.float32), 44_100


NAMES = [
    "speech", "quiet speech", "clipped speech", "five seconds", "speech at 8 kHz", "speech with claps", "bursts",
    "noise", "square wave", "speech in wind", "speech over drums",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_a_station_decodes_has_the_right_loudness_and_peak_in_both_codecs(name, speech, tmp_path):
    samples, rate = material(name, speech)
    made = master(InMemory(samples, rate), tmp_path, Deadline(100))
    for codec, path in made.files.items():
        heard, heard_rate = decoded(path)
        assert heard_rate == {"mp3": 44_100, "opus": 48_000}[codec]
        assert heard.ndim == 1
        assert abs(len(heard) / heard_rate - len(samples) / rate) < 0.06
        loudness, peak = ebur128(path)
        assert -16.5 <= loudness <= -15.5, (codec, loudness)
        assert peak <= -1.5, (codec, peak)
        assert abs(pyloudnorm.Meter(heard_rate).integrated_loudness(heard) + 16) <= 0.6  # it reads 0.1 lower
        assert 20 * np.log10(np.abs(resample_poly(heard, 4, 1)).max()) <= -1.5
        assert abs(made.measured[codec].lufs - loudness) < 0.15
        assert abs(made.measured[codec].true_peak_db - peak) < 0.3
    assert abs(made.lufs + 16) <= 0.5
    assert made.true_peak_db <= -1.5


def heard_in(preset, speech, folder) -> tuple[np.ndarray, int]:
    folder.mkdir()
    return decoded(master(InMemory(*speech, preset), folder, Deadline(60)).files["mp3"])


def share_db(heard: np.ndarray, rate: int, low: float, high: float) -> float:
    """Energy between two frequencies against that of 300 to 3,400 Hz."""
    power = np.abs(np.fft.rfft(heard)) ** 2
    at = np.fft.rfftfreq(len(heard), 1 / rate)
    voice = power[(at > 300) & (at < 3_400)].sum()
    return 10 * np.log10(power[(at > low) & (at < high)].sum() / voice)


def test_each_preset_shapes_the_tone_for_its_place_at_the_same_loudness(speech, tmp_path):
    random = np.random.default_rng(5)
    rate = 44_100
    said = resample_poly(speech[0], 2, 1).astype(np.float32)
    hiss = random.standard_normal(len(said)).astype(np.float32) * np.float32(0.01)
    boom = np.sin(2 * np.pi * 110 * np.arange(len(said)) / rate).astype(np.float32) * np.float32(0.1)
    heard = {p.name: heard_in(p, (said + hiss + boom, rate), tmp_path / p.name)[0] for p in PRESETS.values()}
    low = {name: share_db(sound, rate, 50, 200) for name, sound in heard.items()}
    high = {name: share_db(sound, rate, 8_500, 12_000) for name, sound in heard.items()}
    assert low["speech-horn"] < low["speech-indoor"] - 15
    assert low["music"] > low["speech-indoor"]
    assert high["speech-horn"] < high["music"] - 6
    assert set(heard) == {"speech-horn", "speech-indoor", "music"}


def test_a_sound_of_which_opus_loses_much_is_put_right_by_the_level_in_its_header(tmp_path):
    made = master(InMemory(*material("noise", (np.zeros(0, np.float32), RATE))), tmp_path, Deadline(60))
    path = made.files["opus"]
    level_db = int.from_bytes(path.read_bytes()[44:46], "little", signed=True) / 256
    assert level_db > 1
    assert abs(ebur128(path)[0] + 16) <= 0.5
    change_level(path, -level_db)
    assert ebur128(path)[0] == pytest.approx(made.measured["opus"].lufs - level_db, abs=0.15)


def test_opus_spends_nothing_on_bands_that_are_said_to_be_empty(speech, tmp_path):
    said = resample_poly(speech[0], 2, 1).astype(np.float32)
    hissing = said + np.random.default_rng(5).standard_normal(len(said)).astype(np.float32) * np.float32(0.01)
    shares = {}
    for highest_hz in (7_000, 13_000):
        path = tmp_path / f"{highest_hz}.opus"
        ffmpeg.encode([hissing], 44_100, {"opus": path}, Deadline(30), highest_hz)
        shares[highest_hz] = share_db(*decoded(path), 9_000, 12_000)
    assert shares[7_000] < shares[13_000] - 15


def test_speech_for_horns_brings_quiet_words_nearer_to_loud_ones(speech, tmp_path):
    said, rate = speech
    second = np.arange(len(said)) // rate
    uneven = said * np.where(second % 2, np.float32(10 ** (-10 / 20)), np.float32(1))
    differences = {}
    for preset in (SPEECH_HORN, SPEECH_INDOOR):
        heard, heard_rate = heard_in(preset, (uneven, rate), tmp_path / preset.name)
        odd = (np.arange(len(heard)) // heard_rate) % 2 == 1
        differences[preset.name] = 10 * np.log10(np.square(heard[~odd]).mean() / np.square(heard[odd]).mean())
    assert differences["speech-horn"] < 0.6 * differences["speech-indoor"]


def test_a_preset_that_does_not_exist_is_refused_by_naming_those_there_are():
    with pytest.raises(InvalidInput, match="speech-horn, speech-indoor, music"):
        preset_named("loud")
    assert preset_named("music") is MUSIC


def test_opus_that_is_heard_while_it_is_written_is_the_same_file(speech, tmp_path):
    blocks = [speech[0][: 4 * speech[1]]]
    ffmpeg.encode(blocks, speech[1], {"opus": tmp_path / "plain.opus"}, Deadline(30))
    found = encode_opus(blocks, speech[1], tmp_path / "heard.opus", Deadline(30))
    assert (tmp_path / "plain.opus").read_bytes() == (tmp_path / "heard.opus").read_bytes()
    assert found.seconds == pytest.approx(4, abs=0.01)


class Trouble(Exception): ...


def test_trouble_while_encoding_ends_both_processes_at_once(speech, tmp_path):
    def blocks():
        yield speech[0][: speech[1]]
        raise Trouble

    started = time.monotonic()
    with pytest.raises(Trouble):
        encode_opus(blocks(), speech[1], tmp_path / "a.opus", Deadline(30))

    def stop_listening() -> None:
        with ffmpeg.encode_and_hear([speech[0]] * 50, speech[1], tmp_path / "b.opus", Deadline(30)) as hearing:
            next(hearing.blocks())
            raise Trouble

    with pytest.raises(Trouble):
        stop_listening()
    with pytest.raises(IsADirectoryError):
        encode_opus([speech[0]], speech[1], tmp_path, Deadline(30))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_the_proofs_meter_agrees_with_the_exact_one(rate):
    # Neither codec leaves anything above 15 kHz at its bit rate.
    low_pass = butter(8, 15_000, fs=rate, output="sos")
    samples = sosfilt(low_pass, syllables(6.05, rate, seed=rate) * np.float32(0.2)).astype(np.float32)
    listener = Listener(rate)
    for at in range(0, len(samples), 7_777):
        listener.feed(samples[at : at + 7_777])
    found = listener.finish()
    assert found.lufs == pytest.approx(measure(samples, rate).loudness(), abs=0.06)
    assert found.seconds == pytest.approx(6.05)


def test_files_are_in_the_formats_that_stations_expect(speech, tmp_path):
    made = master(InMemory(*speech), tmp_path, Deadline(100))
    seconds = len(speech[0]) / speech[1]
    assert made.files["mp3"].stat().st_size * 8 / seconds == pytest.approx(64_000, rel=0.02)
    assert made.files["opus"].stat().st_size * 8 / seconds == pytest.approx(24_000, rel=0.25)
    said = subprocess.run(
        [ffmpeg.executable(), "-i", made.files["mp3"]], capture_output=True, text=True, check=False
    ).stderr
    assert "44100 Hz, mono" in said
    assert "64 kb/s" in said


def test_the_same_sound_gives_the_same_bytes(speech, tmp_path):
    both = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made = master(InMemory(speech[0][: 6 * speech[1]], speech[1]), tmp_path / name, Deadline(100))
        both.append({codec: path.read_bytes() for codec, path in made.files.items()})
    assert both[0] == both[1]
    assert b"Lavf6" not in both[0]["mp3"] + both[0]["opus"]


@pytest.mark.parametrize("seconds", [0.002, 0.03, 0.1, 0.39, 0.41])
def test_a_very_short_sound_is_mastered_without_stumbling(seconds, tmp_path):
    time = np.arange(round(seconds * RATE)) / RATE
    made = master(InMemory((0.1 * np.sin(2 * np.pi * 500 * time)).astype("f4"), RATE), tmp_path, Deadline(30))
    assert made.true_peak_db <= -1.5
    assert made.seconds == pytest.approx(seconds, abs=0.001)


def test_single_clicks_in_silence_never_exceed_the_peak(tmp_path):
    clicks = np.zeros(5 * RATE, np.float32)
    clicks[RATE::RATE] = 0.5
    assert master(InMemory(clicks, RATE), tmp_path, Deadline(30)).true_peak_db <= -1.5


def test_the_picture_shows_what_is_heard(speech, tmp_path):
    said = speech[0][: 5 * speech[1]] * np.where(np.arange(5 * speech[1]) < 3 * speech[1], 1, 0).astype(np.float32)
    made = master(InMemory(said, speech[1]), tmp_path, Deadline(60))
    heard, _ = decoded(made.files["mp3"])
    steps = np.frombuffer(made.as_heard, np.uint8) / 255
    assert 400 <= len(steps) <= 800
    assert steps[: len(steps) * 6 // 10].max() == pytest.approx(np.abs(heard).max(), abs=0.2)
    assert steps[len(steps) * 61 // 100 :].max() < 0.02
    assert made.as_recorded == b""


def test_progress_rises_to_a_hundred_and_can_cancel(speech, tmp_path):
    seen: list[int] = []
    master(InMemory(*speech), tmp_path, Deadline(60), seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert len(set(seen)) > 10

    class Stop(Exception): ...

    def stop(percent: int) -> None:
        if percent > 20:
            raise Stop

    with pytest.raises(Stop):
        master(InMemory(*speech), tmp_path, Deadline(60), stop)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("block", [100, 30_011])
def test_the_meter_agrees_with_another_whatever_the_blocks(rate, block):
    samples = syllables(7, rate, seed=rate) * np.float32(0.2)
    analyser = Analyser(rate, preset=None)
    back = [analyser.feed(samples[at : at + block]) for at in range(0, len(samples), block)]
    rest, profile = analyser.finish()
    assert np.array_equal(np.concatenate([*back, rest]), samples)
    assert profile.loudness() == pytest.approx(measure(samples, rate).loudness(), abs=0.01)
    assert profile.loudness() == pytest.approx(
        pyloudnorm.Meter(rate).integrated_loudness(samples.astype("f8")), abs=0.3
    )


def test_the_meter_reads_the_standards_reference_tone():
    # BS.1770-4, Annex 1: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LKFS.
    tone = np.sin(2 * np.pi * 997 * np.arange(10 * RATE) / RATE).astype(np.float32)
    assert measure(tone, RATE).loudness() == pytest.approx(-3.01, abs=0.02)
    # The same at -23 dBFS with silence around it: 97 windows are full, six are partly filled and pass the gates.
    padded = np.concatenate(
        [np.zeros(20 * RATE, np.float32), tone * np.float32(10 ** (-23 / 20)), np.zeros(20 * RATE, np.float32)]
    )
    assert measure(padded, RATE).loudness() == pytest.approx(-26.01 + 10 * np.log10(100 / 103), abs=0.02)


@pytest.mark.parametrize("block", [100, 30_011, 400_000])
def test_polished_sound_and_its_profile_are_the_same_whatever_the_blocks(block):
    samples = syllables(7, 44_100) * np.float32(0.2)
    found = []
    for size in (block, len(samples)):
        analyser = Analyser(44_100, preset=SPEECH_HORN)
        back = [analyser.feed(samples[at : at + size]) for at in range(0, len(samples), size)]
        rest, profile = analyser.finish()
        found.append((np.concatenate([*back, rest]), profile))
    (sound, profile), (whole, of_whole) = found
    assert len(sound) == len(samples)
    assert np.allclose(sound, whole, atol=1e-5)
    assert np.allclose(profile.energy, of_whole.energy, atol=1e-4)
    assert np.allclose(profile.peak, of_whole.peak, atol=1e-5)


def test_the_profile_shows_peaks_midway_between_samples():
    tone = np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4).astype(np.float32)
    analyser = Analyser(RATE, preset=None)
    analyser.feed(tone)
    _, profile = analyser.finish()
    assert np.abs(tone).max() < 0.72
    assert profile.peak[5:-5] == pytest.approx(1, abs=0.02)


def test_the_true_peak_between_samples_is_found():
    # A quarter-rate sine sampled at 45 degrees: every sample is 3 dB below the true peak.
    tone = np.sin(np.pi / 2 * np.arange(4_800) + np.pi / 4).astype(np.float32)
    peak = TruePeak()
    for at in range(0, len(tone), 333):
        peak.feed(tone[at : at + 333])
    assert np.abs(tone).max() < 0.72
    assert peak.finish() == pytest.approx(0.0, abs=0.3)
