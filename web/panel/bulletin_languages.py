"""The further languages on the form of a bulletin: a row each, with a text or a recording."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session
from werkzeug.datastructures import MultiDict

from audio.engines.base import Voice
from audio.models import RECORDING
from core.errors import N_, InvalidInput
from playlists import renditions, sources
from playlists.models import BulletinVersion
from playlists.renditions import Other
from web.panel import forms, tongues

MOST = renditions.MAX_LANGUAGES - 1
_FULL = N_("A bulletin has at most %(limit)s languages.")


@dataclass(frozen=True)
class Row:
    """One further language as it stands in the form: `prefix` begins the names of its fields."""

    prefix: str
    language: str
    voices: tuple[Voice, ...]


def prefixes(typed: MultiDict[str, str]) -> list[str]:
    """What the fields of each row begin with, in order."""
    return [f"other-{number}-" for number in range(MOST) if typed.get(f"other-{number}-language")]


def rows(typed: MultiDict[str, str], voices: Sequence[Voice]) -> list[Row]:
    """The rows of the form with the voices that speak each language."""
    return [
        Row(prefix, typed[f"{prefix}language"], tuple(tongues.voices_of(typed[f"{prefix}language"], list(voices))))
        for prefix in prefixes(typed)
    ]


def add(typed: MultiDict[str, str], language: str) -> None:
    """One more row. Raises InvalidInput for a language that is there already, or too many."""
    sources.known_language(language)
    taken = prefixes(typed)
    if len(taken) >= MOST:
        raise InvalidInput(_FULL, fields={"versions": "count"}, limit=renditions.MAX_LANGUAGES)
    if language in {typed.get("language"), *(typed[f"{prefix}language"] for prefix in taken)}:
        raise InvalidInput(
            N_("The language “%(language)s” is there twice."), fields={"versions": "twice"}, language=language
        )
    free = next(number for number in range(MOST) if f"other-{number}-" not in taken)
    typed[f"other-{free}-language"] = language


def remove(typed: MultiDict[str, str], prefix: str) -> None:
    """Take a row out again."""
    if prefix in prefixes(typed):
        for name in ("language", "text", "clip", "voice"):
            typed.pop(prefix + name, None)


def written(typed: MultiDict[str, str], most_chars: int) -> tuple[Other, ...]:
    """What is to be stored. Raises InvalidInput, naming the field of the row that is wrong."""
    found = []
    for prefix in prefixes(typed):
        text, clip = typed.get(f"{prefix}text", ""), forms.text(f"{prefix}clip", typed) or None
        try:
            sources.text_or_clip(text, clip, most_chars)
        except InvalidInput as error:
            error.fields = {prefix + name: what for name, what in error.fields.items()}
            raise
        voice = forms.text(f"{prefix}voice", typed) or None
        found.append(Other(language=typed[f"{prefix}language"], text=text, clip=clip, voice=voice))
    return tuple(found)


def present(reading: Session, version: BulletinVersion) -> dict[str, str]:
    """The fields of what is stored."""
    fields: dict[str, str] = {}
    for number, (row, clip) in enumerate(renditions.with_clips(reading, version)):
        prefix = f"other-{number}-"
        fields[f"{prefix}language"], fields[f"{prefix}text"] = row.language, row.text
        fields[f"{prefix}voice"], fields[f"{prefix}clip"] = row.voice or "", clip.id if clip.kind == RECORDING else ""
    return fields
