"""What rendering takes and gives: plain values, no database."""

from dataclasses import dataclass
from typing import Protocol

from core.wire import ClipFiles


class Job(Protocol):
    """The part of a clip that rendering reads; `audio.models.Clip` fits."""

    kind: str
    text: str
    language: str
    voice: str | None
    upload: str | None


@dataclass(frozen=True)
class SpeechJob:
    text: str
    language: str = "vi"
    voice: str | None = None
    kind: str = "speech"
    upload: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A finished clip: files in the store, seconds, loudness and true peak of the decoded files, and who spoke."""

    files: ClipFiles
    seconds: float
    lufs: float
    true_peak_db: float
    spoken_by: str
    degraded: bool
