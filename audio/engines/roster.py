"""Which engine speaks: the wanted one, then the others in their order, until one does."""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audio.deadline import Deadline
from audio.engines.base import SpeechEngine, Spoken, Voice, choose_voice
from audio.engines.espeak import EspeakEngine
from audio.engines.gtts import GttsEngine
from audio.engines.piper import PiperEngine
from audio.reading import Sentence, sentences
from core.errors import N_, EngineFailed, InvalidInput
from core.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Speech:
    """What was spoken, phrase by phrase, and by whom; `degraded` when it was not the first choice."""

    spoken: Spoken
    phrases: list[Sentence]
    degraded: bool


class Roster:
    """The engines of an installation, best first. Safe to use from several threads."""

    def __init__(self, engines: Sequence[SpeechEngine]) -> None:
        self.engines = list(engines)

    def voices(self, deadline: Deadline) -> list[tuple[Voice, SpeechEngine]]:
        return [(voice, engine) for engine in self.engines for voice in engine.voices(deadline)]

    def candidates(self, language: str, wanted: str, deadline: Deadline) -> list[tuple[SpeechEngine, Voice]]:
        """Who could speak `language`, first choice first. `wanted` is a voice id, an engine's name, or empty."""
        engine_name, _, voice_name = wanted.partition(":")
        named = {engine.name for engine in self.engines}
        if wanted and engine_name not in named:
            engine_name, voice_name = "", wanted
        order = sorted(self.engines, key=lambda engine: engine.name != engine_name) if engine_name else self.engines
        found = []
        for engine in order:
            mine = voice_name if engine_name in ("", engine.name) else ""
            voice = choose_voice(engine.voices(deadline), language, mine)
            if voice:
                found.append((engine, voice))
        return found

    def speak(self, text: str, language: str, wanted: str, deadline: Deadline) -> Speech:
        """Speak the whole of `text` with one engine; if it fails, the whole of it with the next.

        Raises InvalidInput when no engine has a voice for `language`, EngineFailed when all failed.
        """
        candidates = self.candidates(language, wanted, deadline)
        if not candidates:
            raise InvalidInput(
                N_("There is no voice for the language “%(language)s”. Hand in a recording instead."),
                code="no_voice", language=language[:40],
            )  # fmt: skip
        last: EngineFailed | None = None
        # A wanted engine that is not even here (switched off) also counts as replaced.
        missing = bool(wanted) and ":" in wanted and wanted.split(":", 1)[0] != candidates[0][0].name
        for place, (engine, voice) in enumerate(candidates):
            phrases = _phrases(text, language, engine.max_chars)
            try:
                spoken = engine.speak([phrase.text for phrase in phrases], voice, deadline)
            except EngineFailed as error:
                _log.warning("%s can't speak now: %s", engine.name, error)
                last = error
                deadline.check()
                continue
            return Speech(spoken, phrases, degraded=place > 0 or missing)
        raise EngineFailed(N_("No speech engine could speak the text: %(why)s"), why=str(last)) from last


def _phrases(text: str, language: str, limit: int) -> list[Sentence]:
    """What an engine is given piece by piece; pieces of signs alone have nothing to say."""
    pieces = sentences(text, limit=limit, language=language)
    return [piece for piece in pieces if any(sign.isalnum() for sign in piece.text)]


@functools.lru_cache(maxsize=8)
def _roster(*, piper: Path | None, gtts: bool, url: str, seconds: float) -> Roster:
    # Who puts a voice into Piper's folder wants to hear it, and it keeps the text in the house.
    engines: list[SpeechEngine] = [PiperEngine(piper)] if piper else []
    engines += [GttsEngine(url=url, seconds=seconds)] if gtts else []
    return Roster([*engines, EspeakEngine()])


def roster(settings: Settings) -> Roster:
    """The engines that `settings` ask for. The same one each time in a process: it remembers who failed lately."""
    return _roster(
        piper=settings.piper_voices,
        gtts=settings.gtts_enabled,
        url=settings.gtts_url,
        seconds=settings.gtts_timeout_seconds,
    )
