"""Piper: neural voices on this machine, from a folder of `.onnx` files that the administrator drops in.

An extra (`pip install loalang[piper]`): its runtime is large, its voices come under licences of their own, and each of
them needs a second or two to load. It runs in a process of its own, so without the package nothing else is missing.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
_REST_SECONDS = 60.0
_RATES = range(8_000, 48_001)

_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Verdict:
    """What became of a voice's last try; it holds for these very files only, and a bad one for a minute."""

    stamp: _Stamp
    why: str
    slow: bool
    until: float


class PiperEngine:
    """Each call loads one model (a second or two) in a process of its own, cut off after `seconds` without a phrase.

    A voice that hung rests for a minute. Piper draws its intonation at random: the same text does not give the same
    bytes twice.
    """

    name = "piper"
    max_chars = 400

    def __init__(
        self, folder: Path, *, seconds: float = _SECONDS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._verdicts: dict[str, _Verdict] = {}

    def voices(self, deadline: Deadline) -> list[Voice]:  # noqa: ARG002 - reads some small files
        """Every `NAME.onnx` with a readable `NAME.onnx.json` beside it; the folder is read anew each time."""
        return [voice for voice in map(self._voice, self._models()) if voice]

    def _models(self) -> list[Path]:
        try:
            return sorted(self._folder.glob("*.onnx"))[:_MOST_VOICES]
        except OSError:
            return []

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
        stamp, verdict = self._stamp(voice.name), self._verdict(voice.name)
        if verdict and verdict.slow:
            raise EngineFailed(
                N_("%(engine)s failed a moment ago and is asked again later: %(why)s"),
                code="resting", engine=_TITLE, why=verdict.why,
            )  # fmt: skip
        try:
            spoken = self._speak(phrases, voice, deadline)
        except EngineFailed as error:
            slow = error.code == "too_slow" and deadline.remaining() > 0
            self._judge(voice.name, _Verdict(stamp, str(error), slow, self._monotonic() + _REST_SECONDS))
            raise
        self._judge(voice.name, _Verdict(stamp, "", slow=False, until=math.inf))
        return spoken

    def _speak(self, phrases: Sequence[str], voice: Voice, deadline: Deadline) -> Spoken:
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

    def _stamp(self, name: str) -> _Stamp:
        """Changes when one of the voice's files is put in anew."""
        facts: list[int] = []
        for file in (f"{name}.onnx", f"{name}.onnx.json"):
            try:
                found = (self._folder / file).stat()
                facts += [found.st_size, found.st_mtime_ns]
            except OSError:
                facts += [0, 0]
        return facts[0], facts[1], facts[2], facts[3]

    def _verdict(self, name: str) -> _Verdict | None:
        stamp = self._stamp(name)
        with self._lock:
            verdict = self._verdicts.get(name)
            return verdict if verdict and verdict.stamp == stamp and self._monotonic() < verdict.until else None

    def _judge(self, name: str, verdict: _Verdict) -> None:
        with self._lock:
            self._verdicts[name] = verdict
            while len(self._verdicts) > _MOST_VOICES:
                del self._verdicts[next(iter(self._verdicts))]

    def _why_not(self, voice: Voice, deadline: Deadline) -> str:
        """Empty when the voice speaks. Asks for one word, unless that was found out before with the same files."""
        verdict = self._verdict(voice.name)
        if verdict:
            return verdict.why
        try:
            self.speak(["a"], voice, deadline)
        except EngineFailed as error:
            return str(error)
        return ""

    def answers(self, deadline: Deadline) -> str:
        """Empty as soon as one voice speaks a word."""
        voices, why = self.voices(deadline), ""
        for voice in voices:
            why = self._why_not(voice, deadline)
            if not why or deadline.remaining() <= 0:
                return why
        return why or f"there is no voice (.onnx with .onnx.json) in {self._folder}"

    def broken(self, deadline: Deadline) -> list[tuple[Voice, str]]:
        """Voices that don't speak, and models whose description can't be read.

        Each voice is asked for a word, in order; those that the deadline doesn't leave time for count as good.
        """
        found: list[tuple[Voice, str]] = []
        for model in self._models():
            voice = self._voice(model)
            if voice is None:
                lost = Voice(self.name, model.stem, "", model.stem[:100])
                found.append((lost, f"{model.name}.json is missing or can't be read"))
            elif deadline.remaining() > 0 and (why := self._why_not(voice, deadline)):
                found.append((voice, why))
        return found
