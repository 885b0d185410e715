"""The table of clips: everything that sounds from a file, on its way from request to mastered audio."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime

SPEECH, RECORDING = "speech", "recording"
# Speech without the chime before it, and a sound made by `audio.chime` (the clip's text names it).
WORDS, SIGNAL = "words", "signal"
QUEUED, RENDERING, READY, FAILED = "queued", "rendering", "ready", "failed"
CANCELLED, EXPIRED = "cancelled", "expired"


class Clip(SQLModel, table=True):
    """One spoken text, recording or signal. States: queued → rendering → ready | failed; failed → queued again.

    A person may cancel what is not ready (cancelled); what nothing has used for long loses its audio (expired).
    `content_key` is what makes two requests within a unit the same clip. `dictionary` holds the words of
    the unit that stand in the text, `voice` is the wanted one, `spoken_by` who
    spoke (`engine:voice`), `degraded` whether that was not the first choice. While rendering, `claimed_by` holds it
    up to `claimed_until`; while queued, `claimed_until` is the earliest instant of the next try, and of a ready one
    with a substitute voice that of the next try to better it. `error` is a whole English sentence; `error_message`
    and `error_params` are the same one as catalogue key and parameters.

    How speech is made: `voices` are the voices or engines to try after `voice`, in order (those of the installation
    come last); `speed` is a factor, `pitch` in semitones. `preset` names the mastering. `warnings` are what is to be
    said of a ready clip before it is approved, each `{"code", "message", "params"}`. `upload` stays after rendering
    for as long as the original is kept. `replaces` is the ready clip that this one will better, when it can.
    """

    __tablename__ = "clip"
    __table_args__ = (
        Index("ix_clip_queue", "state", "urgent", "due_at", "created_at"),
        # What a unit keeps is added up whenever it asks for more: from these alone, without the texts.
        Index("ix_clip_kept", "unit_id", "mp3_bytes", "opus_bytes"),
        Index(
            "ix_clip_upload",
            "unit_id",
            "upload",
            sqlite_where=text("upload IS NOT NULL"),
            postgresql_where=text("upload IS NOT NULL"),
        ),
        # Recordings to choose from are few among a hundred thousand spoken texts.
        Index("ix_clip_recordings", "kind", "created_at"),
    )

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, nullable=False, max_length=40)
    kind: str = Field(max_length=12)
    state: str = Field(default=QUEUED, max_length=12)
    text: str = ""
    language: str = Field(default="vi", max_length=40)
    voice: str | None = Field(default=None, max_length=120)
    dictionary: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )
    voices: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    speed: float = Field(default=1.0, sa_column_kwargs={"server_default": "1"})
    pitch: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    preset: str | None = Field(default=None, max_length=20)
    spoken_by: str = Field(default="", max_length=120)
    degraded: bool = False
    replaces: str | None = Field(default=None, index=True, max_length=40)
    warnings: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )
    title: str = Field(default="", max_length=200)
    upload: str | None = Field(default=None, max_length=80)
    content_key: str = Field(index=True, max_length=64)
    due_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    urgent: bool = False
    progress: int = 0
    claimed_by: str | None = Field(default=None, max_length=80)
    claimed_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))
    attempts: int = 0
    error: str = ""
    error_message: str = ""
    error_params: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    seconds: float | None = None
    lufs: float | None = None
    true_peak_db: float | None = None
    mp3_sha256: str | None = Field(default=None, index=True, max_length=64)
    mp3_bytes: int | None = None
    opus_sha256: str | None = Field(default=None, index=True, max_length=64)
    opus_bytes: int | None = None
    created_by: str = Field(max_length=80)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    ready_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, nullable=True))


class Pronunciation(SQLModel, table=True):
    """How one word is to be said in a unit and below."""

    __tablename__ = "pronunciation"
    __table_args__ = (UniqueConstraint("unit_id", "written"),)

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", max_length=40)
    written: str = Field(max_length=60)
    spoken: str = Field(max_length=200)
    changed_by: str = Field(default="", max_length=40)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ClipShape(SQLModel, table=True):
    """The pictures of a clip: one byte a step, the highest sample of that stretch, 255 for full scale.

    `as_recorded` is empty for speech.
    """

    __tablename__ = "clip_shape"

    clip_id: str = Field(primary_key=True, foreign_key="clip.id", max_length=40)
    as_recorded: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))
    as_heard: bytes = Field(default=b"", sa_column=Column(LargeBinary, nullable=False))


class VoiceChoice(SQLModel, table=True):
    """How one language is spoken in a unit and below, unless a unit further down says otherwise.

    `voices` are voice ids or names of engines, the first choice first. `speed` is a factor, `pitch` in semitones.
    """

    __tablename__ = "voice_choice"
    __table_args__ = (UniqueConstraint("unit_id", "language"),)

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", max_length=40)
    language: str = Field(max_length=12)
    voices: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    speed: float = 1.0
    pitch: float = 0.0
    preset: str | None = Field(default=None, max_length=20)
    twice: bool = False
    changed_by: str = Field(default="", max_length=40)
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
