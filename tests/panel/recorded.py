"""Sound files for the tests: as a phone, a browser or an old recorder writes them."""

import io
import subprocess
import tempfile
import wave
from pathlib import Path

import imageio_ffmpeg
import numpy as np

RATE = 16_000


def wav(seconds: float = 3.0) -> bytes:
    """Something like speech: a buzz in syllables, with its first half quieter than the second."""
    at = np.arange(int(seconds * RATE)) / RATE
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * at) * 2, 0, 1)
    sound = syllables * (np.sin(2 * np.pi * 190 * at) + 0.4 * np.sin(2 * np.pi * 1_350 * at))
    sound *= np.where(at < seconds / 2, 0.1, 0.5)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((sound * 20_000).astype("<i2").tobytes())
    return file.getvalue()


def converted(source: bytes, *arguments: str) -> bytes:
    """`source` in the format that these arguments of ffmpeg ask for."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made"
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "pipe:0", *arguments, f"file:{made}"],
            input=source, capture_output=True, timeout=240, check=True,
        )  # fmt: skip
        return made.read_bytes()


def webm(seconds: float = 3.0) -> bytes:
    """As a browser's recorder makes it: streamed, so without a length in its head."""
    return converted(wav(seconds), "-c:a", "libopus", "-b:a", "64k", "-live", "1", "-f", "webm")


def aiff(seconds: float = 3.0) -> bytes:
    """What browsers don't play."""
    return converted(wav(seconds), "-f", "aiff")
