"""Table of live talks: who speaks, until when, and what became of it."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class LiveTalk(SQLModel, table=True):
    """Somebody speaking live. What stations were told of it is its airing.

    `rate` is that of the samples that come; `limit_s` bounds how long it may last from the first of them.
    `heard_at` is when something of it came last, `seconds` how much. Once it has ended (`ended_at`, `reason`; see
    `scheduler.live.REASONS`), the worker takes it off the air (`closed_at`) and files the recording (`clip_id`).
    """

    __tablename__ = "live_talk"
    __table_args__ = (Index("live_talk_open", "closed_at", "ended_at"),)

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    airing_id: str = Field(foreign_key="airing.id", unique=True, max_length=40)
    person_id: str = Field(max_length=40)
    title: str = Field(max_length=200)
    emergency: bool = False
    chime: bool = True
    rate: int
    limit_s: int
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    heard_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    seconds: float = 0.0
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    ended_by: str | None = Field(default=None, max_length=40)
    reason: str = Field(default="", max_length=16)
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    clip_id: str | None = Field(default=None, foreign_key="clip.id", max_length=40)
    filed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
