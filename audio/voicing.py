"""How a unit wants each language spoken: which voices in which order, how fast, how high, for which loudspeakers.

Inherited down the tree: the nearest unit that says something about a language decides all of it.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from audio.models import VoiceChoice
from audio.presets import preset_named
from core import audit
from core.errors import N_, Conflict, InvalidInput, NotFound
from core.ids import new_id
from registry.models import Unit
from registry.rights import Actor, Permission

MOST_VOICES = 8
MAX_VOICE = 80
MAX_LANGUAGE = 12
MAX_LANGUAGES = 100
SPEEDS = 0.5, 2.0  # a factor
PITCHES = -6.0, 6.0  # semitones
_VOICE = re.compile(r"[a-z][a-z0-9-]{0,19}(:[^\s:][^\s]*)?")


@dataclass(frozen=True)
class Manner:
    """How a language is spoken. `voices` are voice ids or names of engines, the first choice first.

    `speed` is a factor (2 is twice as fast), `pitch` in semitones, `preset` the name of a way of mastering (None:
    that of the kind of clip). `twice` says whether a bulletin is read twice unless its writer says otherwise.
    """

    voices: tuple[str, ...] = ()
    speed: float = 1.0
    pitch: float = 0.0
    preset: str | None = None
    twice: bool = False


def checked(manner: Manner) -> Manner:
    """The manner with its figures rounded to hundredths and no voice named twice. Raises InvalidInput."""
    voices = tuple(dict.fromkeys(voice.strip() for voice in manner.voices))
    if len(voices) > MOST_VOICES:
        raise InvalidInput(
            N_("At most %(limit)s voices can be put in order."), fields={"voices": "many"}, limit=MOST_VOICES
        )
    wrong = next((voice for voice in voices if len(voice) > MAX_VOICE or not _VOICE.fullmatch(voice)), None)
    if wrong is not None:
        raise InvalidInput(
            N_("“%(voice)s” is not a voice. Write an engine, such as gtts, or a voice of it, such as gtts:vi."),
            fields={"voices": "form"}, voice=wrong[:MAX_VOICE],
        )  # fmt: skip
    if not (math.isfinite(manner.speed) and SPEEDS[0] <= manner.speed <= SPEEDS[1]):
        raise InvalidInput(N_("The speed lies between 0.5 and 2."), fields={"speed": "range"})
    if not (math.isfinite(manner.pitch) and PITCHES[0] <= manner.pitch <= PITCHES[1]):
        raise InvalidInput(N_("The pitch lies between −6 and 6 semitones."), fields={"pitch": "range"})
    preset = preset_named(manner.preset).name if manner.preset else None
    return Manner(voices, round(float(manner.speed), 2), round(float(manner.pitch), 2), preset, manner.twice)


def tag(language: str) -> str:
    """The language as it is kept here: a short code in lower case, such as `vi` or `en-gb`. Raises InvalidInput."""
    lower = language.strip().lower()
    if not 0 < len(lower) <= MAX_LANGUAGE or not lower.replace("-", "").isalnum() or not lower.isascii():
        raise InvalidInput(N_("Give the language by its short code, such as vi."), fields={"language": "form"})
    return lower


def held(session: Session, unit: Unit, language: str) -> Manner:
    """How `language` is spoken at the unit: as the nearest unit up the tree says.

    Where none says anything of it, as they say of its main language ("en" for "en-GB"); else as the installation does.
    """
    chain = unit.path.strip("/").split("/")
    exact = language.strip().lower()
    tags = [exact, exact.partition("-")[0]]
    rows = session.exec(
        select(VoiceChoice).where(col(VoiceChoice.unit_id).in_(chain), col(VoiceChoice.language).in_(tags))
    ).all()
    nearest = min(rows, key=lambda row: (tags.index(row.language), -chain.index(row.unit_id)), default=None)
    return as_manner(nearest) if nearest else Manner()


def as_manner(row: VoiceChoice) -> Manner:
    return Manner(tuple(row.voices), row.speed, row.pitch, row.preset, row.twice)


def entries(session: Session, unit: Unit) -> Sequence[VoiceChoice]:
    """The unit's own choices, by language. The caller has made sure that the unit may be seen."""
    query = select(VoiceChoice).where(VoiceChoice.unit_id == unit.id)
    return session.exec(query.order_by(col(VoiceChoice.language))).all()


def put(session: Session, actor: Actor, unit: Unit, language: str, manner: Manner, now: datetime) -> VoiceChoice:
    """Say how `language` is spoken in this unit and below; saying it again replaces it.

    Audio that was made before stays as it was heard and approved. Raises InvalidInput, Conflict, NotFound, Forbidden.
    """
    actor.require(Permission.ADMINISTER, unit)
    language, manner = tag(language), checked(manner)
    own = entries(session, unit)
    row = next((each for each in own if each.language == language), None)
    if row is None:
        if len(own) >= MAX_LANGUAGES:
            raise Conflict(N_("A unit chooses voices for at most %(limit)s languages."), limit=MAX_LANGUAGES)
        row = VoiceChoice(id=new_id("vc"), unit_id=unit.id, language=language, changed_at=now)
    row.voices, row.speed, row.pitch = list(manner.voices), manner.speed, manner.pitch
    row.preset, row.twice, row.changed_by, row.changed_at = manner.preset, manner.twice, actor.id, now
    session.add(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="voice.put", subject=row.id, unit_id=unit.id, now=now, language=language,
        voices=row.voices, speed=row.speed, pitch=row.pitch, preset=row.preset, twice=row.twice,
    )  # fmt: skip
    return row


def remove(session: Session, actor: Actor, unit: Unit, language: str, now: datetime) -> None:
    """Take back what the unit says of `language`: from then on the units above decide. Raises NotFound, Forbidden."""
    actor.require(Permission.ADMINISTER, unit)
    wanted = language.strip().lower()
    row = next((each for each in entries(session, unit) if each.language == wanted), None)
    if row is None:
        raise NotFound
    session.delete(row)
    session.flush()
    audit.record(
        session, actor=actor.username, action="voice.remove", subject=row.id, unit_id=unit.id, now=now, language=wanted
    )
