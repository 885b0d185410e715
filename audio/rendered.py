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


@dataclass(frozen=True)
class SpeechJob:
    text: str
    language: str = "vi"
    voice: str | None = None
    kind: str = "speech"
    upload: str | None = None
    dictionary: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rendered:
    """A finished clip: files in the store, figures of the decoded files, who spoke, and what is to be said of it."""

    files: ClipFiles
    seconds: float
    lufs: float
    true_peak_db: float
    spoken_by: str
    degraded: bool
    warnings: tuple[Remark, ...] = ()
