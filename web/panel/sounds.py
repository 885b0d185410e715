"""What a page shows of one clip: its players and pictures, how far it is, and what is to be said of it."""

from dataclasses import dataclass

from sqlmodel import Session

from audio import originals
from audio.models import QUEUED, READY, RECORDING, RENDERING, Clip, ClipShape
from core.errors import LoaError, NotFound
from registry.models import Unit
from registry.rights import Permission
from web.access import actor
from web.app import house
from web.messages import said


@dataclass(frozen=True)
class Sound:
    """One clip for the template `panel/_sound.html`.

    `original` is the media type of the original where browsers may play it as it is, empty where only the small MP3
    of it can be played, None where the original is gone or there never was one. `pictured` says whether there is a
    waveform of what will sound, `pictured_original` of what was recorded; `may_cancel` whether the viewer may stop its
    making.
    """

    clip: Clip
    error: str
    warnings: tuple[str, ...]
    original: str | None
    pictured: bool
    pictured_original: bool
    may_cancel: bool

    @property
    def making(self) -> bool:
        return self.clip.state in (QUEUED, RENDERING)

    @property
    def compared(self) -> bool:
        """Whether there is something "as recorded" to show beside what will sound."""
        return self.clip.kind == RECORDING and self.clip.state == READY and (
            self.original is not None or self.pictured_original
        )  # fmt: skip


def sound(reading: Session, clip: Clip) -> Sound:
    """What there is to show and to say of `clip`, in the language of this request."""
    shape, unit = reading.get(ClipShape, clip.id), reading.get(Unit, clip.unit_id)
    try:
        original: str | None = originals.find(house().settings.uploads, clip).mimetype or ""
    except NotFound:
        original = None
    return Sound(
        clip=clip,
        error=said(LoaError(clip.error_message, **clip.error_params)) if clip.error_message else clip.error,
        warnings=tuple(
            said(LoaError(str(each.get("message", "")), **(each.get("params") or {}))) for each in clip.warnings
        ),
        original=original,
        pictured=bool(shape and shape.as_heard),
        pictured_original=bool(shape and shape.as_recorded),
        may_cancel=unit is not None and not clip.urgent and actor().may(Permission.WRITE, unit),
    )
