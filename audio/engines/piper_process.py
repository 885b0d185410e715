"""Piper in a process of its own: phrases as frames on standard input, sound as frames on standard output.

`piper_process.py MODEL`: the first answer frame is the rate in Hz, then one frame of 16-bit samples for each phrase.
"""

import sys
from pathlib import Path
from typing import Any


def _load(model: str) -> Any:
    """The voice. Raises ImportError without the extra, and whatever a damaged model makes the runtime raise."""
    from piper import PiperVoice

    return PiperVoice.load(model)


def main(model: str) -> int:
    from audio.engines.frames import read_frame, write_frame

    try:
        voice = _load(model)
    except ImportError as error:
        sys.stderr.write(f"the package piper-tts is not installed here ({error})\n")
        return 1
    except Exception as error:  # noqa: BLE001 - whatever the runtime says of a damaged model is the answer
        sys.stderr.write(f"the voice can't be loaded: {type(error).__name__}: {error}\n".replace("\n", " "))
        return 1
    write_frame(sys.stdout.buffer, str(voice.config.sample_rate).encode())
    while (phrase := read_frame(sys.stdin.buffer)) is not None:
        text, sound = phrase.decode("utf-8", "replace"), b""
        if any(sign.isalnum() for sign in text):
            # Doubled brackets would be read as phonemes.
            plain = text.replace("[[", "[ [").replace("]]", "] ]").replace("\0", " ")
            sound = b"".join(chunk.audio_int16_bytes for chunk in voice.synthesize(plain))
        write_frame(sys.stdout.buffer, sound)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    sys.exit(main(*sys.argv[1:]))
