"""The table of clips: everything that sounds from a file, on its way from request to mastered audio."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime

SPEECH, RECORDING = "speech", "recording"
QUEUED, RENDERING, READY, FAILED = "queued", "rendering", "ready", "failed"


class Clip(SQLModel, table=True):
    """One spoken text or one recording. States: queued → rendering → ready | failed; failed → queued when asked again.

    `content_key` is what makes two requests within a unit the same clip. `dictionary` holds the words of
    the unit that stand in the text, `voice` is the wanted one, `spoken_by` who
    spoke (`engine:voice`), `degraded` whether that was not the first choice. While rendering, `claimed_by` holds it
    up to `claimed_until`; while queued, `claimed_until` is the earliest instant of the next try. `error` is a whole
    English sentence; `error_message` and `error_params` are the same one as catalogue key and parameters.
    """

    __tablename__ = "clip"
    __table_args__ = (Index("ix_clip_queue", "state", "urgent", "due_at", "created_at"),)

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
    spoken_by: str = Field(default="", max_length=120)
    degraded: bool = False
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
