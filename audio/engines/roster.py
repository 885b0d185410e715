"""Which engine speaks: the wanted one, then the others in their order, until one does."""

import functools
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audio.deadline import Deadline
from audio.engines.base import SpeechEngine, Spoken, Voice, choose_voice
from audio.engines.espeak import EspeakEngine
from audio.engines.gtts import GttsEngine
from audio.engines.piper import PiperEngine
from audio.engines.plausible import check_speech
from audio.reading import Sentence, sentences
from core.errors import N_, EngineFailed, InvalidInput, LoaError
from core.settings import Settings

_log = logging.getLogger(__name__)
_FIRST_SHARE = 0.6  # of the time that is left; the rest is for those who come after
_REMEMBERED_SECONDS = 60.0

Choice = tuple[SpeechEngine, Voice]


@dataclass(frozen=True)
class Speech:
    """What was spoken, phrase by phrase, and by whom; `degraded` when it was not the first choice."""

    spoken: Spoken
    phrases: list[Sentence]
    degraded: bool


@dataclass(frozen=True)
class Presence:
    """A voice of this installation, and why it can't speak now (empty when it can)."""

    voice: Voice
    why: str


@dataclass(frozen=True)
class _Ranking:
    """Who could speak, first choice first. `first_is_missing`: what was wished for most is not even here."""

    choices: list[Choice]
    first_is_missing: bool
    trouble: EngineFailed | None


class Roster:
    """The engines of an installation, best first. Safe to use from several threads."""

    def __init__(self, engines: Sequence[SpeechEngine], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.engines = list(engines)
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._seen: tuple[float, list[Presence]] | None = None

    def voices(self, deadline: Deadline) -> list[tuple[Voice, SpeechEngine]]:
        """Every voice that can be asked for, in the order of the engines, without those of an engine that fails."""
        return [(voice, engine) for engine in self.engines for voice in _listed(engine, deadline)[0]]

    def presence(self, deadline: Deadline) -> list[Presence]:
        """Every voice with whether it answers, also those that are here but broken. What was found holds for a minute.

        Asks the engines, one after the other: takes seconds when one of them hangs, at most about as long as
        `deadline`. Of several callers at the same moment one asks, the others wait for what it finds.
        """
        with self._asking:
            if self._seen and self._monotonic() - self._seen[0] < _REMEMBERED_SECONDS:
                return list(self._seen[1])
            found: list[Presence] = []
            for engine in self.engines:
                voices, _ = _listed(engine, deadline)
                why = engine.answers(Deadline(deadline.remaining() * _FIRST_SHARE))
                broken = dict(engine.broken(Deadline(deadline.remaining() * _FIRST_SHARE)))
                found += [Presence(voice, why or broken.get(voice, "")) for voice in voices]
                found += [Presence(voice, broken[voice]) for voice in broken if voice not in voices]
            self._seen = self._monotonic(), found
            return list(found)

    def candidates(self, language: str, wanted: str, deadline: Deadline, order: Sequence[str] = ()) -> list[Choice]:
        """Who could speak `language`, first choice first: `wanted`, then those of `order`, then the installation's.

        Each wish is a voice id, the name of an engine, or that of a voice.
        """
        return self._rank(language, wanted, order, deadline).choices

    def first_choice(self, language: str, wanted: str, deadline: Deadline, order: Sequence[str] = ()) -> Choice | None:
        """Who should speak, whether or not it can now; None when that is not in this installation."""
        ranking = self._rank(language, wanted, order, deadline)
        return None if ranking.first_is_missing or not ranking.choices else ranking.choices[0]

    def speak(
        self,
        text: str,
        language: str,
        wanted: str,
        deadline: Deadline,
        order: Sequence[str] = (),
        *,
        only_first: bool = False,
        patience_seconds: float = math.inf,
        at_once: bool = False,
    ) -> Speech:
        """Speak the whole of `text` with one engine; if it fails, the whole of it with the next (not if `only_first`).

        All but the last choice together may take `patience_seconds`, and each 60 % of the time that is left. With
        `at_once` the last engine, which is here and quick, goes before better ones that may hang.
        Raises InvalidInput when no engine has a voice for `language`, EngineFailed when all failed.
        """
        ranking = self._rank(language, wanted, order, deadline)
        choices, last = ranking.choices, ranking.trouble
        if only_first:
            choices = [] if ranking.first_is_missing else choices[:1]
        elif not choices and not last:
            raise InvalidInput(
                N_("There is no voice for the language “%(language)s”. Hand in a recording instead."),
                code="no_voice", language=language[:40],
            )  # fmt: skip
        best = choices[0] if choices else None
        if at_once:
            choices = sorted(choices, key=lambda choice: choice[0] is not self.engines[-1])
        patience = Deadline(min(patience_seconds, deadline.remaining()))
        for place, (engine, voice) in enumerate(choices):
            phrases = _phrases(text, language, engine.max_chars)
            limit = deadline.remaining()
            if place < len(choices) - 1:
                limit = min(limit * _FIRST_SHARE, patience.remaining())
                if limit <= 0:
                    continue
            try:
                spoken = _spoken(engine, voice, [phrase.text for phrase in phrases], limit)
            except EngineFailed as error:
                _log.warning("%s can't speak now: %s", engine.name, error)
                last = error
                deadline.check()
                continue
            return Speech(spoken, phrases, degraded=(engine, voice) != best or ranking.first_is_missing)
        raise EngineFailed(N_("No speech engine could speak the text: %(why)s"), why=str(last)) from last

    def _rank(self, language: str, wanted: str, order: Sequence[str], deadline: Deadline) -> _Ranking:
        listed = {engine.name: _listed(engine, deadline) for engine in self.engines}
        voices = {name: found for name, (found, _) in listed.items()}
        wishes = [wish for wish in (wanted, *order) if wish]
        choices: list[Choice] = []
        missing = False
        for place, wish in enumerate(wishes):
            choice, exact = self._choice(wish, language, voices)
            missing = missing or (place == 0 and not exact)
            choices += [choice] if choice else []
        for engine in self.engines:
            voice = choose_voice(voices[engine.name], language)
            choices += [(engine, voice)] if voice else []
        troubles = [(engine.name, listed[engine.name][1]) for engine in self.engines if listed[engine.name][1]]
        if not wishes and choices and troubles and troubles[0][0] == self.engines[0].name:
            missing = True  # the installation's best can't even say what voices it has
        return _Ranking(_without_repeats(choices), missing, troubles[0][1] if troubles else None)

    def _choice(self, wish: str, language: str, voices: dict[str, list[Voice]]) -> tuple[Choice | None, bool]:
        """The engine and voice that `wish` names, and whether it is just that or only as near as this engine comes."""
        name, _, voice_name = wish.partition(":")
        for engine in self.engines:
            if engine.name != name:
                continue
            named = next((voice for voice in voices[name] if voice.name == voice_name), None) if voice_name else None
            voice = named or choose_voice(voices[name], language)
            return ((engine, voice) if voice else None), bool(named or (voice and not voice_name))
        for engine in self.engines:
            for voice in voices[engine.name]:
                if voice.name == wish:
                    return (engine, voice), True
        return None, False


def _without_repeats(choices: Sequence[Choice]) -> list[Choice]:
    kept: list[Choice] = []
    for engine, voice in choices:
        if not any(other is engine and same == voice for other, same in kept):
            kept.append((engine, voice))
    return kept


def _listed(engine: SpeechEngine, deadline: Deadline) -> tuple[list[Voice], EngineFailed | None]:
    try:
        return engine.voices(deadline), None
    except EngineFailed as error:
        _log.warning("%s can't say what voices it has: %s", engine.name, error)
        return [], error


def _spoken(engine: SpeechEngine, voice: Voice, phrases: Sequence[str], seconds: float) -> Spoken:
    """What the engine answers, held against the text. Raises EngineFailed, whatever the engine raises."""
    try:
        spoken = engine.speak(phrases, voice, Deadline(seconds))
        check_speech(spoken, phrases, engine.name)
    except LoaError:
        raise
    except Exception as error:
        _log.exception("%s answered what nobody understands", engine.name)
        raise EngineFailed(N_("%(engine)s answered garbage."), engine=engine.name) from error
    return spoken


def answers_now(choice: Choice, deadline: Deadline) -> bool:
    """Ask an engine for one short word in this voice; False when it fails or answers no speech."""
    engine, voice = choice
    try:
        _spoken(engine, voice, ["a"], deadline.remaining())
    except EngineFailed:
        return False
    return True


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
