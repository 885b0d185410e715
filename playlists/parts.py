"""What a programme comes to at one instant."""

from dataclasses import dataclass
from datetime import datetime

from core.wire import AudioFile, ClipFiles

# Stands where no audio is known yet; nothing that names it is ever signed.
_NONE = AudioFile.model_construct(sha256="", bytes=0)
NO_FILES = ClipFiles.model_construct(mp3=_NONE, opus=_NONE)


@dataclass(frozen=True)
class Part:
    """Something that may sound: approved, valid, rendered. `seconds` is the length of its audio.

    `language` is empty where a bulletin sounds in the language it was written in. `role` is that of its item: a
    `signature` is never left out. It may not sound at or after `not_after` (None: no such instant).

    With a `relay` it is the broadcast at that address, of the kind and fetched as `relay_kind` and `via` say; `files`
    are those of what plays in its stead, if `clip_id` is not empty.
    """

    title: str
    seconds: float
    files: ClipFiles
    approved_by: str
    bulletin_id: str | None
    clip_id: str
    language: str = ""
    priority: str = "ordinary"
    role: str = ""
    not_after: datetime | None = None
    relay: str = ""
    relay_kind: str = ""
    via: str = ""

    @property
    def name(self) -> str:
        """What it is known by where it is left out: the id of its bulletin or clip; a relay's title."""
        return self.title if self.relay else self.bulletin_id or self.clip_id


@dataclass(frozen=True, eq=False)
class Resolved:
    """A programme at one instant. `waiting` are clips still being made; `left_out` says why of the rest.

    `fills` sound only where a slot wants its time filled.

    One library gives the same object for every instant at which the programme is the same.
    """

    parts: tuple[Part, ...] = ()
    waiting: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    priority: str = "ordinary"
    fills: tuple[Part, ...] = ()

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)
