"""What rendering takes and gives: plain values, no database."""

from dataclasses import dataclass, field
from typing import Protocol

from audio.remarks import Remark
from core.wire import ClipFiles


class Job(Protocol):
    """The part of a clip that rendering reads; `audio.models.Clip` fits."""

    kind: str
    text: str
    language: str
    voice: str | None
    upload: str | None
    dictionary: dict[str, str]
    voices: list[str]
    speed: float
    pitch: float
    preset: str | None
    replaces: str | None
    urgent: bool


@dataclass(frozen=True)
class SpeechJob:
    """A text to be spoken, apart from any table."""

    text: str
    language: str = "vi"
    voice: str | None = None
    kind: str = "speech"
    upload: str | None = None
    dictionary: dict[str, str] = field(default_factory=dict)
    voices: list[str] = field(default_factory=list)
    speed: float = 1.0
    pitch: float = 0.0
    preset: str | None = None
    replaces: str | None = None
    urgent: bool = False


@dataclass(frozen=True)
class Rendered:
    """A finished clip: files in the store, figures of the decoded files, who spoke, and what is to be said of it.

    `as_heard` and `as_recorded` are its pictures (see `audio.models.ClipShape`); the second is empty for speech.
    """

    files: ClipFiles
    seconds: float
    lufs: float
    true_peak_db: float
    spoken_by: str
    degraded: bool
    warnings: tuple[Remark, ...] = ()
    as_heard: bytes = b""
    as_recorded: bytes = b""
