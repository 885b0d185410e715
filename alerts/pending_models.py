"""The table of emergencies that wait for another person."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from core.database import UtcDateTime


class PendingAlarm(SQLModel, table=True):
    """An emergency somebody asked for where a second person must confirm it.

    `state`: waiting → confirmed (as `emergency_id`) | declined | expired. `alarm` is what was asked for, as JSON
    (`alerts.pending`); its audio is made meanwhile.
    """

    __tablename__ = "pending_alarm"
    __table_args__ = (Index("pending_alarm_by_state", "state", "expires_at"),)

    id: str = Field(primary_key=True, max_length=40)
    unit_id: str = Field(foreign_key="unit.id", index=True, max_length=40)
    alarm: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    title: str = Field(default="", max_length=200)
    asked_by: str = Field(max_length=40)
    asked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expires_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    state: str = Field(default="waiting", max_length=10)
    decided_by: str | None = Field(default=None, max_length=40)
    decided_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    reason: str = Field(default="", max_length=300)
    emergency_id: str | None = Field(default=None, foreign_key="emergency.id", max_length=40)
