"""espeak-ng from `espeakng-loader`: always there, without Internet or system package; about 700 times real time."""

import threading
from collections.abc import Sequence
from pathlib import Path

import espeakng_loader
import numpy as np

from audio.deadline import Deadline
from audio.engines.base import Spoken, Voice
from audio.engines.process import talk
from core.errors import N_, EngineFailed

_SCRIPT = Path(__file__).with_name("espeak_process.py")
_TITLE = "espeak-ng"
_SECONDS = 30.0  # for a phrase, which takes a tenth of a second even on a slow board
WORDS_A_MINUTE = 150  # a horn over a village street wants it slower than espeak-ng's own 175


def _voices(lines: Sequence[str]) -> list[Voice]:
    """By language. A voice is named by its language; where two have the same one, the second by its file."""
    rows = sorted(tuple(line.split("\t")) for line in lines)
    found: dict[str, Voice] = {}
    for language, title, file in rows:
        name = language if language not in found else file.rpartition("/")[2].lower()
        found[name] = Voice("espeak", name, language, title)
    return list(found.values())


class EspeakEngine:
    name = "espeak"
    max_chars = 1_000

    def __init__(self, words_a_minute: int = WORDS_A_MINUTE, script: Path = _SCRIPT) -> None:
        self._words_a_minute = words_a_minute
        self._script = script
        self._voices: list[Voice] = []
        self._lock = threading.Lock()

    def _talk(self, voice: str, requests: Sequence[bytes], deadline: Deadline) -> list[bytes]:
        try:
            library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        except (OSError, RuntimeError) as error:
            raise EngineFailed(N_("%(engine)s failed: %(why)s"), engine=_TITLE, why=str(error)[:200]) from error
        arguments = [library, data, voice, str(self._words_a_minute)]
        return talk(
            _TITLE, self._script, arguments, requests, deadline,
            bare=True, answers=len(requests) + 1, answer_seconds=_SECONDS,
        )  # fmt: skip

    def voices(self, deadline: Deadline) -> list[Voice]:
        with self._lock:
            if not self._voices:
                listed = self._talk("?", [], deadline)[0].decode("utf-8", "replace").splitlines()
                self._voices = _voices(listed)
            return list(self._voices)

    def speak(self, phrases: Sequence[str], voice: Voice, deadline: Deadline) -> Spoken:
        # "<" and "[[" in a text are markup or phonemes only with other flags than the process uses.
        answers = self._talk(voice.name, [phrase.encode("utf-8", "replace") for phrase in phrases], deadline)
        rate = int(answers[0]) if answers[0].isdigit() else 0
        if not rate or any(len(pcm) % 2 for pcm in answers[1:]):
            raise EngineFailed(N_("%(engine)s answered garbage."), engine=_TITLE)
        samples = [np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768) for pcm in answers[1:]]
        return Spoken(voice, rate, samples)

    def answers(self, deadline: Deadline) -> str:
        try:
            self.voices(deadline)
        except EngineFailed as error:
            return str(error)
        return ""

    def broken(self, deadline: Deadline) -> list[tuple[Voice, str]]:  # noqa: ARG002 - its voices stand or fall together
        return []
