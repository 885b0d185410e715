"""Piper: neural voices without Internet, from `.onnx` files that an administrator puts into a folder.

The package `piper-tts` is an extra; without it, or without voices, this engine only says so.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audio.deadline import Deadline
from audio.engines.base import Spoken, Voice
from audio.engines.process import talk
from core.errors import N_, EngineFailed

_SCRIPT = Path(__file__).with_name("piper_process.py")
_TITLE = "Piper"
_MOST_VOICES = 500
_MOST_CONFIG_BYTES = 4 * 1024 * 1024
_SECONDS = 30.0  # to load the model, or for one phrase, on a slow board
_RATES = range(8_000, 48_001)


class PiperEngine:
    """Each call loads one model (a second or two) in a process of its own, cut off after `seconds` without a phrase.

    Piper draws its intonation at random: the same text does not give the same bytes twice.
    """

    name = "piper"
    max_chars = 400

    def __init__(self, folder: Path, *, seconds: float = _SECONDS) -> None:
        self._folder = folder
        self._seconds = seconds

    def voices(self, deadline: Deadline) -> list[Voice]:  # noqa: ARG002 - reads some small files
        """Every `NAME.onnx` with a readable `NAME.onnx.json` beside it; the folder is read anew each time."""
        models = sorted(self._folder.glob("*.onnx"))[:_MOST_VOICES] if self._folder.is_dir() else []
        return [voice for voice in map(self._voice, models) if voice]

    def _voice(self, model: Path) -> Voice | None:
        config = model.with_name(model.name + ".json")
        try:
            if config.stat().st_size > _MOST_CONFIG_BYTES:
                return None
            facts = json.loads(config.read_text("utf-8"))
            language = facts.get("language", {})
            tag = language.get("family") or facts["espeak"]["voice"]
            region = language.get("country_english") or language.get("code") or tag
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return Voice(self.name, model.stem, str(tag).lower(), f"{model.stem} ({region})"[:100])

    def speak(self, phrases: Sequence[str], voice: Voice, deadline: Deadline) -> Spoken:
        if voice not in self.voices(deadline):
            raise EngineFailed(N_("%(engine)s has no voice “%(voice)s”."), engine=_TITLE, voice=voice.name[:80])
        model = self._folder / f"{voice.name}.onnx"
        requests = [phrase.encode("utf-8", "replace") for phrase in phrases]
        answers = talk(
            _TITLE, _SCRIPT, [str(model.absolute())], requests, deadline,
            bare=False, answers=len(requests) + 1, answer_seconds=self._seconds,
        )  # fmt: skip
        rate = int(answers[0]) if answers[0].isdigit() else 0
        if rate not in _RATES or any(len(pcm) % 2 for pcm in answers[1:]):
            raise EngineFailed(N_("%(engine)s answered garbage."), engine=_TITLE)
        samples = [np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768) for pcm in answers[1:]]
        return Spoken(voice, rate, samples)

    def answers(self, deadline: Deadline) -> str:
        """Speaks one word with the first voice."""
        voices = self.voices(deadline)
        if not voices:
            return f"there is no voice (.onnx with .onnx.json) in {self._folder}"
        try:
            self.speak(["a"], voices[0], deadline)
        except EngineFailed as error:
            return str(error)
        return ""
