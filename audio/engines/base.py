"""What a speech engine is. How to add one: docs/adding-a-speech-engine.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audio.deadline import Deadline


@dataclass(frozen=True)
class Voice:
    """One way an engine can speak. `id` is `engine:name`, as bulletins and `loa speak --voice` name it."""

    engine: str
    name: str
    language: str
    title: str = ""

    @property
    def id(self) -> str:
        return f"{self.engine}:{self.name}"


@dataclass(frozen=True)
class Spoken:
    """One array of mono float samples (−1 to 1) per phrase, in order, all at `rate`; `voice` is who spoke."""

    voice: Voice
    rate: int
    phrases: list[NDArray[np.float32]]


class SpeechEngine(Protocol):
    """Speaks phrases, each of at most `max_chars` characters."""

    name: str
    max_chars: int

    def voices(self, deadline: Deadline) -> list[Voice]:
        """All voices, in a stable order, without asking a distant server. Raises EngineFailed."""
        ...

    def speak(self, phrases: Sequence[str], voice: Voice, deadline: Deadline) -> Spoken:
        """Speak every phrase, or raise EngineFailed: half an answer is none.

        A phrase without anything to say (only signs) gives an empty array. Never waits past `deadline`,
        and not past the engine's own time limits.
        """
        ...

    def answers(self, deadline: Deadline) -> str:
        """Empty when the engine can speak now, with one voice at least; else why not, as a sentence."""
        ...

    def broken(self, deadline: Deadline) -> list[tuple[Voice, str]]:
        """Voices that are here but can't be used, while others of the engine can, each with why."""
        ...


def choose_voice(voices: Sequence[Voice], language: str, wanted: str = "") -> Voice | None:
    """The voice named `wanted` (a name, or a whole id), else the first of `language`, else of its main language."""
    main = language.lower().partition("-")[0]
    for voice in voices:
        if wanted in (voice.name, voice.id):
            return voice
    for tag in (language.lower(), main):
        for voice in voices:
            if voice.language.lower() == tag:
                return voice
    return next((voice for voice in voices if voice.language.lower().partition("-")[0] == main), None)
