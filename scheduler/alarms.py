"""What an emergency is asked to be: what it says, where, how often and how gravely; and what of that makes sense."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.errors import N_, InvalidInput
from core.standing import KINDS, SEVERITIES, SIGNALS
from playlists import sources
from registry.units import clean_name

MAX_TIMES = 100
MAX_REPEATING_S = 86_400.0
MAX_LANGUAGES = 10
MAX_REPLACED = 20
_LOUDEST = 100


@dataclass(frozen=True)
class Said:
    """What is said in one language: a text, or a clip that exists."""

    language: str = "vi"
    text: str = ""
    clip: str | None = None


@dataclass(frozen=True)
class Alarm:
    """What somebody wants said at once: a text, or a clip that exists; or in `said` one of them for each language.

    Each station hears those of its own languages, each once, in its order; the first where none fits. With the source
    `prepared:ID` and nothing else to say, it is that message. `signal` sounds before each round; all clear has no
    siren. `severity` says who interrupts whom. Nothing of it starts at or after `until`. The emergencies `replaces` and
    `also_replaces` end when it is on air. A `drill` is a test that says so, within the quiet hours and the volume of
    the place, and below every emergency.
    """

    audience: Sequence[str]
    text: str = ""
    clip: str | None = None
    every_s: float = 0.0
    times: int = 1
    volume: int | None = None
    said: Sequence[Said] = ()
    title: str = ""
    about: str = "other"
    signal: str = "siren"
    severity: str = "extreme"
    until: datetime | None = None
    replaces: str | None = None
    source: str = "person"
    drill: bool = False
    also_replaces: Sequence[str] = ()

    @property
    def replaced(self) -> tuple[str, ...]:
        """The emergencies that it ends, each once."""
        named = (*((self.replaces,) if self.replaces else ()), *self.also_replaces)
        return tuple(dict.fromkeys(named))

    @property
    def in_one_piece(self) -> bool:
        """Whether what is said about the message (when it was issued) is spoken together with a text, as one clip."""
        return self.signal == "none"


def checked(alarm: Alarm, max_chars: int, now: datetime) -> Alarm:
    """The alarm as it will be raised, its texts in `said`. Raises InvalidInput for one that makes no sense."""
    if alarm.said and (alarm.text or alarm.clip):
        raise InvalidInput(N_("Say it either once or for each language."), fields={"said": "twice"})
    said = alarm.said or (Said(text=alarm.text, clip=alarm.clip),)
    if len(said) > MAX_LANGUAGES:
        raise InvalidInput(
            N_("A message has between one and %(limit)s languages."), fields={"said": "count"}, limit=MAX_LANGUAGES
        )
    said = tuple(
        Said(sources.known_language(each.language), sources.text_or_clip(each.text, each.clip, max_chars), each.clip)
        for each in said
    )
    if len({each.language for each in said}) < len(said):
        raise InvalidInput(N_("A language is there twice."), fields={"said": "twice"})
    _check_how(alarm, now)
    gentle = alarm.signal == "siren" and (alarm.about == "all_clear" or alarm.drill)
    return replace(
        alarm, said=said, text="", clip=None, title=clean_name(alarm.title, "title") if alarm.title.strip() else "",
        signal="chime" if gentle else alarm.signal,
    )  # fmt: skip


def _check_how(alarm: Alarm, now: datetime) -> None:
    if not (1 <= alarm.times <= MAX_TIMES and 0 <= alarm.every_s * max(alarm.times - 1, 1) <= MAX_REPEATING_S):
        raise InvalidInput(
            N_("An emergency is said at most %(times)s times, within a day."),
            fields={"repeat": "range"},
            times=MAX_TIMES,
        )
    if alarm.volume is not None and not 0 <= alarm.volume <= _LOUDEST:
        raise InvalidInput(N_("A volume lies between 0 and 100."), fields={"volume": "range"})
    if alarm.about not in KINDS:
        raise InvalidInput(N_("Choose what the message is about."), fields={"about": "unknown"})
    if alarm.signal not in SIGNALS:
        raise InvalidInput(N_("The signal is siren, chime or none."), fields={"signal": "unknown"})
    if alarm.severity not in SEVERITIES:
        raise InvalidInput(
            N_("The severity is extreme, severe, moderate, minor or unknown."), fields={"severity": "unknown"}
        )
    if alarm.until is not None and alarm.until <= now:
        raise InvalidInput(N_("It must be valid for some time yet."), fields={"until": "past"})
    if len(alarm.replaced) > MAX_REPLACED:
        raise InvalidInput(
            N_("At most %(limit)s emergencies are replaced at once."), fields={"replaces": "count"}, limit=MAX_REPLACED
        )
